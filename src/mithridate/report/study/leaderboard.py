"""Defenses ranked by what is left under the attack that is worst for each."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from .. import text
from ..frame import ENTRY, MODEL, SETTING, Cube, Frame, knowledge, models
from ..growth import log
from ..intervals import Estimate, Values, over
from ..labels import Labels
from ..series import NONE, ORACLE

FIGURES = ("nmse_defended", "nmse_clean", "gain", "gain_oracle", "fit_seconds")
ENOUGH_CELLS = 0.5  # of the common cells of the defense with most: what ranks a defense
WORSE = 0.005  # a gain elsewhere must be lower by this to be mentioned

Entry = tuple[str, str, str | None, int | None]


class BoardLine(NamedTuple):
    """One defense on the board.

    `left` is the log of the error left over the clean one, under the worst attack; `worst` the
    least gain, at `worst_at`; `plain` and `adaptive` gains over the oracle's; `rejected` the share
    of clean rows rejected where there is no poison, None where it is told that; `seconds` the log
    of the time of a fit.
    """

    name: str
    knowledge: str
    adapted: bool
    left: Estimate
    worst: Estimate
    worst_at: str
    plain: Estimate | None
    adaptive: Estimate | None
    rejected: Estimate | None
    informed: bool
    seconds: Estimate | None
    failed: int
    rows: int
    elsewhere: str


class Board(NamedTuple):
    """The defenses of one model: those an attack was made for, in order, then the others."""

    model: str
    tables: list[str]
    ratios: list[float]
    attacks: int
    cells: int
    seeds: list[int]
    ranked: list[BoardLine]
    unranked: list[BoardLine]
    reference: list[BoardLine]
    partly: list[str]


def boards(results: Frame) -> list[Board]:
    """A board for each model that any defense was judged with."""
    made = []
    for one, name in models(results).items():
        board = _board(name, results.where(**dict(zip(MODEL, one, strict=True))))
        if board is not None:
            made.append(board)
    return sorted(made, key=lambda board: -board.cells)


def _board(name: str, rows: Frame) -> Board | None:
    """The cells that all ranked defenses share, and each defense's line on them."""
    marked, series = _marked(rows.poisoned)
    cells = _cells(marked)
    main, partly = _ranked(cells)
    shared = set.intersection(*(cells[who] for who in main)) if main else set()
    if not shared:
        return None
    drawn = {who: _line(who, rows, marked, series, shared) for who in cells if who not in partly}
    lines = {who: line for who, line in drawn.items() if line is not None}
    order = sorted(main & lines.keys(), key=lambda who: (float(lines[who].left.point), repr(who)))
    if not order:
        return None
    places = marked.where(cell=sorted(shared))
    return Board(
        model=name,
        tables=places.distinct("dataset"),
        ratios=places.distinct("ratio"),
        attacks=len(places.distinct("series")),
        cells=len(shared),
        seeds=places.cube(("nmse_clean",), "ratio").seeds,
        ranked=[lines[who] for who in order if lines[who].adapted],
        unranked=[lines[who] for who in order if not lines[who].adapted],
        reference=[line for who, line in lines.items() if who not in main],
        partly=[f"{rows.labels.entry(who[0], who[1])} ({len(cells[who])})" for who in partly],
    )


def _ranked(cells: dict[Entry, set[int]]) -> tuple[set[Entry], list[Entry]]:
    """The defenses with enough of the cells that most were judged on, and those with too few."""
    judged = {who: ranks for who, ranks in cells.items() if who[0] not in (NONE, ORACLE)}
    often = Counter(cell for ranks in judged.values() for cell in ranks)
    common = {cell for cell, times in often.items() if 2 * times >= len(judged)}
    counts = {who: len(ranks & common) for who, ranks in judged.items()}
    enough = max(ENOUGH_CELLS * max(counts.values(), default=0), 1)
    main = {who for who, count in counts.items() if count >= enough}
    return main, [who for who in judged if who not in main]


def _marked(rows: Frame) -> tuple[Frame, list[dict[str, Any]]]:
    """Rows with the number of their series (attack, setting and alpha) and of their cell."""
    names = (*SETTING, "alpha")
    numbers: dict[tuple, int] = {}
    places: dict[tuple, int] = {}
    columns = [rows.table[n].to_pylist() for n in (*names, "dataset", "ratio")]
    series, cells = [], []
    for *key, dataset, ratio in zip(*columns, strict=True):
        series.append(numbers.setdefault(tuple(key), len(numbers)))
        cells.append(places.setdefault((dataset, series[-1], ratio), len(places)))
    marked = rows.with_column("series", series, pa.int64()).with_column("cell", cells, pa.int64())
    settings: list[dict[str, Any]] = [dict(zip(names, key, strict=True)) for key in numbers]
    return marked, [{**keys, "words": attack(keys, rows.labels)} for keys in settings]


def _cells(marked: Frame) -> dict[Entry, set[int]]:
    seeds: dict[Entry, set[int]] = {}
    for *key, cell in marked.distinct(*ENTRY, "cell"):
        defense, options, contamination, trusted = key
        seeds.setdefault((defense, options, contamination, trusted), set()).add(cell)
    return seeds


def _line(
    who: Entry, rows: Frame, marked: Frame, series: list[dict[str, Any]], shared: set[int]
) -> BoardLine | None:
    """The figures of one defense on the shared cells, and on those of attacks made for it."""
    selected = dict(zip(ENTRY, who, strict=True))
    own = marked.where(**selected)
    made = set(own.where(adaptive=True).distinct("series"))
    counted = own.where(cell=sorted(shared | _beside(own, made, shared)))
    cube = counted.cube(FIGURES, "series", "ratio")
    if cube.empty or not np.isfinite(cube.values["gain"]).any():
        return None
    at = cube.along["series"]
    plain = np.array([series[i]["against"] is None for i in at])
    adaptive = np.array([i in made for i in at])
    worst, where = _worst(cube, series)
    clean = rows.where(ratio=0.0, **selected).cube(("fpr",), "ratio")
    informed = who[2] == ORACLE and who[0] != ORACLE
    return BoardLine(
        name=rows.labels.entry(who[0], who[1]),
        knowledge=knowledge(who[2], who[3]) if who[0] not in (NONE, ORACLE) else "",
        adapted=bool(adaptive.any()),
        left=_left(cube),
        worst=worst,
        worst_at=where,
        plain=_recovered(cube, plain),
        adaptive=_recovered(cube, adaptive),
        rejected=None if clean.empty or informed else _mean(clean, "fpr"),
        informed=informed,
        seconds=_seconds(cube),
        failed=own.failed,
        rows=len(own),
        elsewhere=_elsewhere(own, counted, float(worst.point), series),
    )


def _beside(own: Frame, made: set[int], shared: set[int]) -> set[int]:
    """Cells of the attacks made for a defense, at the tables and ratios of the shared cells."""
    rows = own.distinct("dataset", "series", "ratio", "cell")
    places = {(dataset, ratio) for dataset, _, ratio, cell in rows if cell in shared}
    return {cell for dataset, s, ratio, cell in rows if s in made and (dataset, ratio) in places}


def _left(cube: Cube) -> Estimate:
    """Mean over tables and ratios of the log error left under the worst series there.

    Which series is worst is decided on all seeds: a maximum taken anew in each draw would lie too
    high.
    """
    now = cube.point(_factor)
    chosen = np.where(np.isnan(now), -np.inf, now).argmax(axis=1)

    def left(x: Values) -> np.ndarray:
        factor = _factor(x)
        picked = np.take_along_axis(
            factor, np.broadcast_to(chosen, (len(factor), *chosen.shape))[:, :, None], 2
        )
        return over(picked[:, :, 0], 1, 2)

    return cube.estimate(left)


def _factor(x: Values) -> np.ndarray:
    return log(x["nmse_defended"]) - log(x["nmse_clean"])


def _worst(cube: Cube, series: list[dict[str, Any]]) -> tuple[Estimate, str]:
    """The cell with the least gain, decided on all seeds, with the interval of that cell."""
    gain = cube.point(lambda x: x["gain"])
    t, s, r = np.unravel_index(np.nanargmin(gain), gain.shape)
    estimate = cube.estimate(lambda x: x["gain"][:, t, s, r])
    along = cube.along
    where = f"{text.cut(along['dataset'][t])}, {series[along['series'][s]]['words']}"
    return estimate, f"{where}, {text.ratio(along['ratio'][r])}"


def attack(keys: Mapping[str, Any], labels: Labels) -> str:
    """An attack in words: its name, alpha, and for whom it was made."""
    parts = [labels.attack(keys["attack"])]
    if keys["alpha"] is not None:
        parts.append(f"alpha {keys['alpha']:.3g}")
    if keys["risk_name"] not in (None, "residual"):
        parts.append(f"risk {labels.risk(keys['risk_name'])}")
    if keys["against"] is not None:
        parts.append(f"made for {labels.defense(keys['against'])}")
    return " ".join(filter(None, parts)) or text.cut(keys["attack"])


def _recovered(cube: Cube, chosen: np.ndarray) -> Estimate | None:
    """Mean gain over the oracle's mean gain, over the chosen series."""

    def share(x: Values) -> np.ndarray:
        gain, oracle = x["gain"][:, :, chosen], x["gain_oracle"][:, :, chosen]
        there = np.isfinite(gain) & np.isfinite(oracle)
        most = over(np.where(there, oracle, np.nan), 1, 2, 3)
        mine = over(np.where(there, gain, np.nan), 1, 2, 3)
        return mine / np.where(most > 0.01, most, np.nan)

    return cube.estimate(share) if chosen.any() else None


def _mean(cube: Cube, name: str) -> Estimate:
    return cube.estimate(lambda x: over(x[name], 1, 2))


def _seconds(cube: Cube) -> Estimate | None:
    if not np.isfinite(cube.values["fit_seconds"]).any():
        return None
    return cube.estimate(lambda x: over(log(x["fit_seconds"]), 1, 2, 3))


def _elsewhere(own: Frame, counted: Frame, worst: float, series: list[dict[str, Any]]) -> str:
    """The worst cell that the others were not judged on, if it is worse."""
    rest = sorted(set(own.distinct("cell")) - set(counted.distinct("cell")))
    cube = own.where(cell=rest).cube(("gain",), "series", "ratio") if rest else None
    if cube is None or not len(cube.tables) or cube.empty:
        return ""
    estimate, where = _worst(cube, series)
    lower = float(estimate.point) < worst - WORSE
    return f"{text.signed(float(estimate.point))} ({where})" if lower else ""
