"""The page `comparison.md`: cell by cell, how often each defense finds the poison, or harms."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import text
from ..frame import MODEL, Frame, knowledge, models
from ..intervals import ENOUGH, draws, ends
from ..markdown import escaped, footer, paragraph, table
from ..series import NONE, ORACLE

RECOVERED = 0.9  # share of the oracle's gain from which on the poison counts as found
LEAST_GAIN = 0.1  # gain of the oracle from which on there is something to be found
MOST, TRUSTED_MOST = 0.3, 0.6  # ratio up to which it is asked for; where all have trusted rows
HARM = -0.05  # gain below which a defense harms
HEADS = (
    "defense", "told", "found", "harmed", "mean gain", "least gain", "there", "best there",
    "clean: most rejected", "clean: least gain",
)  # fmt: skip
MEANING = (
    f"A cell is one poisoned training set. *Found*: at least {text.percent(RECOVERED)} of the gain "
    "of the oracle, which trains on exactly the clean rows, counted over the cells with a ratio of "
    f"at most {MOST:g} ({TRUSTED_MOST:g} where all were given trusted rows) where the oracle gains "
    f"at least {LEAST_GAIN:g}; in brackets 95 % intervals by bootstrap over splits of a table, "
    f"whose cells hang together. *Harmed*: a test defense gain below {HARM:g}, of all poisoned "
    "cells; *least gain*: the worst of them, *there*, and which defense gained most there. "
    "*Clean*: unpoisoned training sets, over the seeds. *Told*: `ratio` is the true one, which "
    "nobody knows in practice. Experiments named `group:part` are told of together."
)

Row = dict[str, Any]
_COLUMNS = [
    "experiment", *MODEL, "dataset", "seed", "attack", "against", "alpha", "ratio", "defense",
    "defense_options", "contamination", "trusted", "gain", "gain_oracle", "kept",
]  # fmt: skip


class DefenseCells(NamedTuple):
    """A defense over the cells of an experiment; `cells` are the poisoned ones."""

    name: str
    knowledge: str
    cells: list[Row]
    clean: list[Row]
    most: float = MOST

    @property
    def sought(self) -> list[Row]:
        """Cells where there is something to be found."""
        return [row for row in self.cells if _sought(row, self.most)]

    @property
    def share(self) -> float:
        return float(np.mean([_recovered(row) for row in self.sought])) if self.sought else np.nan

    @property
    def harmed(self) -> int:
        return sum(row["gain"] < HARM for row in self.cells)


class Compared(NamedTuple):
    """A group of experiments on one model: its defenses, those that find most first."""

    title: str
    lines: list[DefenseCells]


def compared(results: Frame) -> list[Compared]:
    """Each experiment and model in which defenses were judged on poison."""
    known = models(results)
    groups: dict[tuple, dict[tuple, list[Row]]] = {}
    if not len(results):
        return []
    for row in results.worked.table.select(_COLUMNS).to_pylist():
        if row["defense"] in (NONE, ORACLE) or row["gain"] is None:
            continue
        where = (row["experiment"].partition(":")[0], *(row[key] for key in MODEL))
        who = (
            results.labels.entry(row["defense"], row["defense_options"]),
            knowledge(row["contamination"], row["trusted"]),
        )
        groups.setdefault(where, {}).setdefault(who, []).append(row)
    parts = []
    for (experiment, *model), by in groups.items():
        trusted = all(row["trusted"] for rows in by.values() for row in rows)
        lines = [
            DefenseCells(
                name,
                known_to_it,
                [row for row in rows if row["ratio"] > 0],
                [row for row in rows if not row["ratio"] > 0],
                TRUSTED_MOST if trusted else MOST,
            )
            for (name, known_to_it), rows in by.items()
        ]
        lines = [line for line in lines if line.cells]
        lines.sort(key=lambda line: (-np.nan_to_num(line.share, nan=-1.0), line.harmed))
        named = [experiment] if experiment else []
        title = ", ".join([*named, *([known[tuple(model)]] if len(known) > 1 else [])])
        parts += [Compared(title or "Defenses", lines)] if lines else []
    return parts


def comparison_md(blocks: Sequence[Compared], results: Frame) -> str:
    """The page `comparison.md`."""
    parts = ["# Found or harmed", paragraph(MEANING)]
    for one in blocks:
        parts += [f"## {escaped(one.title)}", paragraph(escaped(_scope(one)))]
        parts += [table(HEADS, [_cells(line, one) for line in one.lines])]
        for title, key in _KEYS.items():
            parts += _split(one, title, key)
    return "\n\n".join([*parts, footer(results)]) + "\n"


def _sought(row: Row, most: float) -> bool:
    worth = row["gain_oracle"] is not None and row["gain_oracle"] >= LEAST_GAIN
    return worth and row["ratio"] <= most + 1e-9


def _recovered(row: Row) -> bool:
    return bool(row["gain"] >= RECOVERED * row["gain_oracle"])


def _scope(one: Compared) -> str:
    rows = [row for line in one.lines for row in line.cells]
    seeds = sorted({row["seed"] for row in rows})
    tables = text.listing(sorted({row["dataset"] for row in rows}))
    ratios = text.listing([text.ratio(r) for r in sorted({row["ratio"] for row in rows})])
    return (
        f"Tables: {tables}. Seeds {seeds[0]} to {seeds[-1]}, ratios {ratios}; attacks: "
        f"{text.listing(list(dict.fromkeys(_attack(row) for row in rows)))}."
    )


def _cells(line: DefenseCells, one: Compared) -> list[str]:
    worst = min(line.cells, key=lambda row: row["gain"])
    rejected = [1 - row["kept"] for row in line.clean if row["kept"] is not None]
    clean = [row["gain"] for row in line.clean]
    return [
        escaped(line.name),
        line.knowledge,
        _count(line),
        f"{line.harmed:,}/{len(line.cells):,}",
        text.signed(float(np.mean([row["gain"] for row in line.cells]))),
        text.signed(worst["gain"]),
        escaped(_where(worst)),
        escaped(_best(worst, one)),
        "told" if "ratio" in line.knowledge else text.percent(max(rejected)) if rejected else "–",
        text.signed(min(clean)) if clean else "–",
    ]


def _count(line: DefenseCells) -> str:
    """How often a defense found the poison, with the interval of the share.

    Splits are resampled; with fewer than three seeds of a table there is no interval.
    """
    rows = line.sought
    if not rows:
        return "–"
    shown = f"{sum(map(_recovered, rows)):,}/{len(rows):,} = {text.percent(line.share)}"
    splits: dict[Any, list[bool]] = {}
    for row in rows:
        splits.setdefault((row["dataset"], row["seed"]), []).append(_recovered(row))
    seeds = [sum(table == of for of, _ in splits) for table, _ in splits]
    if min(seeds) < ENOUGH:
        return shown
    counts = np.array([[sum(each), len(each)] for each in splits.values()])
    sums = draws(len(counts)) @ counts
    low, high = ends(sums[:, 0] / sums[:, 1])
    return f"{shown} [{text.percent(float(low))} to {text.percent(float(high))}]"


def _best(worst: Row, one: Compared) -> str:
    """The defense that gained most in the cell of another's worst, if any gained there."""
    same = _cell(worst)
    there = [
        (row["gain"], line.name) for line in one.lines for row in line.cells if _cell(row) == same
    ]
    gain, name = max(there)
    return f"{name} {text.signed(gain)}" if len(there) > 1 else "–"


def _cell(row: Row) -> tuple:
    return tuple(row[key] for key in ("dataset", "seed", "attack", "against", "alpha", "ratio"))


def _attack(row: Row) -> str:
    alpha = "" if row["alpha"] is None else f" alpha {row['alpha']:g}"
    return f"{row['attack']}{alpha}" + (" against it" if row["against"] else "")


def _where(row: Row) -> str:
    return f"{row['dataset']}, {_attack(row)}, {text.ratio(row['ratio'])}, seed {row['seed']}"


_KEYS: dict[str, Callable[[Row], Any]] = {
    "table": lambda row: row["dataset"],
    "ratio": lambda row: row["ratio"],
    "attack": _attack,
}


def _split(one: Compared, title: str, key: Callable[[Row], Any]) -> list[str]:
    """Found, by what the cells differ in; nothing where they do not."""
    values = list(dict.fromkeys(key(row) for line in one.lines for row in line.sought))
    if len(values) < 2:
        return []
    values = sorted(values) if title == "ratio" else values

    def line(rows: Iterable[Row]) -> str:
        rows = list(rows)
        return f"{sum(map(_recovered, rows))}/{len(rows)}" if rows else "–"

    lines = [
        [escaped(one.name), *(line(r for r in one.sought if key(r) == value) for value in values)]
        for one in one.lines
    ]
    shown = [text.ratio(v) if title == "ratio" else escaped(v) for v in values]
    return [f"Found, by {title}:", table(["defense", *shown], lines)]
