"""The results of an audit in cells: attack, alpha, ratio and defense, over all seeds."""

import dataclasses
import math
import statistics
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ... import schema
from ..frame import Frame
from ..labels import Labels
from ..series import NONE, ORACLE, Series, in_order

TRUE_RATIO = "the true ratio"  # what a contamination of `oracle` tells
HARM = -0.005  # a gain below this is still negative when rounded to two digits
ENOUGH = 3  # seeds from which on chance can be estimated; with fewer the mean stands alone
_BOUNDS = ("nmse_bound", "nmse_bound_validation")
_POISON = ("nmse_clean", "nmse_poisoned", "risk", "error_clean", "error_poison", "at_border")
_POISON += _BOUNDS
_UNIT = ("dataset", "victim", "risk_name", "normalizer", "seed")


@dataclasses.dataclass(frozen=True)
class ResultCell:
    """One attack at one alpha and ratio, under one defense: a row for each seed that worked."""

    series: Series
    ratio: float
    defense: str
    rows: list[dict[str, Any]]

    def values(self, name: str) -> list[float]:
        """The finite figures of this name, one a seed."""
        cells = (row.get(name) for row in self.rows)
        return [float(v) for v in cells if v is not None and math.isfinite(v)]

    def mean(self, name: str) -> float | None:
        """Mean over the seeds; None where nothing was measured."""
        known = self.values(name)
        return sum(known) / len(known) if known else None

    @property
    def growth(self) -> float | None:
        """Mean NMSE with poison over mean NMSE without, undefended."""
        clean, poisoned = self.mean("nmse_clean"), self.mean("nmse_poisoned")
        return poisoned / clean if clean and poisoned is not None else None

    @property
    def gain(self) -> float | None:
        return self.mean("gain")

    @property
    def recovered(self) -> float | None:
        """Mean gain over the oracle's; None where there is next to nothing to recover."""
        gain, oracle = self.gain, self.mean("gain_oracle")
        return gain / oracle if gain is not None and oracle is not None and oracle >= 0.01 else None

    @property
    def harmful(self) -> bool:
        """Whether the defense makes things worse, beyond chance where the seeds can tell."""
        return self._negative and not self._by_chance

    @property
    def doubtful(self) -> bool:
        """Whether the mean gain is negative, but within two standard errors of nothing."""
        return self._negative and self._by_chance

    @property
    def _negative(self) -> bool:
        """The oracle is what defenses are measured against, so it is never blamed."""
        return self.defense != ORACLE and self.gain is not None and self.gain < HARM

    @property
    def _by_chance(self) -> bool:
        gains = self.values("gain")
        if len(gains) < ENOUGH:
            return False
        return abs(sum(gains) / len(gains)) < 2 * statistics.stdev(gains) / math.sqrt(len(gains))


class AuditResults(Frame):
    """The results of an audit (columns as in `schema.Row`), cell by cell.

    `defended` has the cells by series, ratio and defense, `poison` those of the undefended model by
    series and ratio, `clean` those without poison by defense. A defense that was told several
    contaminations counts as so many defenses.
    """

    def __init__(self, results: pa.Table):
        labels = Labels.of(results)
        super().__init__(_by_contamination(_named(results), labels), labels)
        self.defended: dict[tuple[Series, float, str], ResultCell] = {}
        self.clean: dict[str, ResultCell] = {}
        units: dict[tuple[Series, float], dict[tuple, dict[str, Any]]] = {}
        for row in self.rows:
            series = labels.series(row["attack"], row["alpha"])
            ratio, defense = float(row["ratio"]), row["defense"]
            fine = [row] if row["status"] != "failed" else []
            if ratio == 0:
                cell = self.clean.setdefault(defense, ResultCell(series, ratio, defense, []))
                cell.rows.extend(fine)
                continue
            key = (series, ratio, defense)
            self.defended.setdefault(key, ResultCell(*key, [])).rows.extend(fine)
            # Any defense's row tells what the poison did; a failed one may leave gaps.
            unit = units.setdefault(key[:2], {}).setdefault(tuple(row[n] for n in _UNIT), {})
            for figure in _POISON:
                if unit.get(figure) is None:
                    unit[figure] = row[figure]
        self.poison = {k: ResultCell(*k, NONE, list(rows.values())) for k, rows in units.items()}

    @property
    def certified(self) -> list[dict[str, float]]:
        """The promises among the facts on the run, if they can be read."""
        facts = schema.about(self.table).get("certified")
        wanted = ("share", "within", "rows", "certified", "nmse")
        return [
            promise
            for promise in (facts if isinstance(facts, list) else [])
            if isinstance(promise, dict)
            and all(isinstance(promise.get(key), int | float) for key in wanted)
        ]

    @property
    def bound(self) -> dict[str, Any]:
        """What the facts on the run say of bounds, if it can be read."""
        facts = schema.about(self.table).get("bound")
        return facts if isinstance(facts, dict) else {}

    @property
    def untried(self) -> str | None:
        """The rule of `clean`, where the run did not try it."""
        facts = schema.about(self.table).get("untried")
        return facts if isinstance(facts, str) else None

    @cached_property
    def series(self) -> list[Series]:
        """What was tried: by falling alpha, the controls last."""
        distinct = dict.fromkeys(series for series, _ in self.poison)
        return in_order(distinct)

    @property
    def main(self) -> list[Series]:
        """The attacks that are judged; the controls only where there is nothing else."""
        return [s for s in self.series if not s.control] or self.series

    @property
    def controls(self) -> list[Series]:
        return [s for s in self.series if s.control]

    @cached_property
    def ratios(self) -> list[float]:
        return sorted({ratio for _, ratio in self.poison})

    @cached_property
    def defenses(self) -> list[str]:
        """The defenses by falling mean gain, without `none` and the oracle."""
        names = dict.fromkeys(self.table["defense"].to_pylist())

        def rank(defense: str) -> float:
            gains = [c.gain for c in self.judged(defense) if c.gain is not None]
            return sum(gains) / len(gains) if gains else -math.inf

        return sorted((d for d in names if d not in (NONE, ORACLE)), key=rank, reverse=True)

    @property
    def has_oracle(self) -> bool:
        return ORACLE in self.distinct("defense")

    @property
    def seeds(self) -> int:
        return len(self.distinct("seed"))

    def judged(self, defense: str, series: Iterable[Series] | None = None) -> list[ResultCell]:
        """Cells of a defense against poison for which a gain is known, in reading order."""
        wanted = self.main if series is None else list(series)
        cells = (self.defended.get((s, r, defense)) for s in wanted for r in self.ratios)
        return [cell for cell in cells if cell is not None and cell.gain is not None]

    def at(self, ratio: float, series: Iterable[Series] | None = None) -> list[ResultCell]:
        """Undefended cells at one ratio for which the growth of the error is known."""
        cells = (self.poison.get((s, ratio)) for s in (self.main if series is None else series))
        return [cell for cell in cells if cell is not None and cell.growth is not None]

    def at_most(self, ratio: float) -> float | None:
        """Mean NMSE that no poison of this ratio exceeds; None where some seed has no proof."""
        cells = [cell for series in self.series if (cell := self.poison.get((series, ratio)))]
        proved = (c for c in cells if len(c.values("nmse_bound")) == len(c.rows))
        return next((cell.mean("nmse_bound") for cell in proved), None)

    def near(self, ratio: float) -> float | None:
        """The ratio nearest to `ratio` at which any damage is known."""
        known = [r for r in self.ratios if self.at(r)]
        return min(known, key=lambda r: (abs(r - ratio), r), default=None)


def _named(results: pa.Table) -> pa.Table:
    """Null keys become words, so that a damaged table still has a report."""
    for name in ("attack", "defense"):
        column = pc.fill_null(results[name], NONE)
        results = results.set_column(results.schema.get_field_index(name), name, column)
    return results


def _by_contamination(results: pa.Table, labels: Labels) -> pa.Table:
    """A defense that was told different contaminations counts as so many defenses."""
    values: dict[str, set[str | None]] = {}
    keys = [results[name].to_pylist() for name in ("defense", "contamination", "ratio")]
    for defense, contamination, ratio in zip(*keys, strict=True):
        if ratio:
            values.setdefault(defense, set()).add(contamination)
    several = {defense for defense, given in values.items() if len(given) > 1} - {NONE, ORACLE}
    names = [
        f"{labels.defense(defense)} (told {_contamination(contamination)})"
        if defense in several
        else defense
        for defense, contamination, _ in zip(*keys, strict=True)
    ]
    column = pa.array(names, results["defense"].type)
    return results.set_column(results.schema.get_field_index("defense"), "defense", column)


def _contamination(known: str | None) -> str:
    return TRUE_RATIO if known == ORACLE else known or "nothing"
