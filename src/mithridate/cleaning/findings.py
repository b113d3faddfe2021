"""The rejected rows in names and units of the table, and why each was rejected."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Int

from .._text import quote
from ..defenses import GROUP
from ..tables.encoded import Columns
from ..tables.reading import Aside

FAR_SIGMAS = 3.0  # σ from which on a column is said to stand out
NUMBERS = ("score", "residual", "leverage", "predictive_sd")
TEXTS = ("column_1", "column_2", "reason")
ADDED = pa.schema(
    [
        ("mithridate_row", pa.int64()),
        *((f"mithridate_{name}", pa.float64()) for name in NUMBERS),
        *((f"mithridate_{name}", pa.string()) for name in TEXTS),
    ]
)
EXPECTED = ("expected", "expected_low", "expected_high")
JUDGED = pa.schema(
    [
        *list(ADDED)[:-1],
        ("mithridate_finding", pa.string()),
        *((f"mithridate_{name}", pa.float64()) for name in EXPECTED),
        ADDED.field(len(ADDED) - 1),
    ]
)
_USUAL_SIGMAS = 2.0  # σ; a smaller residual does not explain why a row was rejected


class Judged(NamedTuple):
    """What the other rows say of rejected rows (r,), in the table's units.

    Honest targets lie between `low` and `high`, 95 % of them; `group` says whether a row went
    because it pulled the model together with others.
    """

    expected: Float[np.ndarray, " r"]
    low: Float[np.ndarray, " r"]
    high: Float[np.ndarray, " r"]
    group: Bool[np.ndarray, " r"]

    @classmethod
    def of(cls, guard: Any, rows: np.ndarray, zero: float, unit: float) -> "Judged | None":
        """What a defense expects of these rows; None if it does not say."""
        if not hasattr(guard, "expected_low_"):
            return None
        names = ("expected_", "expected_low_", "expected_high_")
        mean, low, high = in_units([getattr(guard, name)[rows] for name in names], zero, unit)
        findings = getattr(guard, "findings_", np.zeros(len(guard.scores_)))[rows]
        return cls(mean, low, high, findings == GROUP)

    def sentence(self, i: int, target: str, value: float) -> str:
        """How the target of a row differs from what is expected."""
        low, high = self.low[i], self.high[i]
        start = (
            f"The target {quote(target)} is {figure(value)}, and the other rows predict "
            f"{between(self.expected[i], low, high)}"
        )
        if self.group[i]:
            return f"{start}; it is one of {self.group.sum():,} rows that pull the model together"
        return f"{start}{_slip(value, low, high)}"

    def added(self) -> dict[str, pa.Array]:
        """The columns that are put beside the rejected rows."""
        return {
            "finding": pa.array(["group" if g else "target" for g in self.group], pa.string()),
            "expected": pa.array(self.expected),
            "expected_low": pa.array(self.low),
            "expected_high": pa.array(self.high),
        }


def in_units(values: Any, zero: float, unit: float) -> list[Any]:
    """Targets that a defense saw by their range, as the table has them.

    Where no target of the table is negative (or none positive), neither is what is expected.
    """
    least, most = min(zero, zero + unit), max(zero, zero + unit)
    ends = (0.0 if least >= 0 else -np.inf), (0.0 if most <= 0 else np.inf)
    return [np.clip(np.asarray(value) * unit + zero, *ends) for value in values]


def between(expected: Any, low: Any, high: Any) -> str:
    """What is expected, and between which ends, unless they are one number.

    >>> between(3.0, 2.0, 4.5), between(0.0, 0.0, 0.0), between(2e-7, -1.5, 1.5)
    ('3 (2 to 4.5)', '0', '0 (-1.5 to 1.5)')
    """
    least = 1e-4 * abs(high - low)  # less than this is nothing beside what is not known
    mean, *ends = (figure(0.0 if abs(v) < least else v) for v in (expected, low, high))
    return f"{mean} ({ends[0]} to {ends[1]})" if ends[0] != ends[1] else mean


def _slip(value: float, low: float, high: float) -> str:
    """The typing error that explains a value, where only one is possible."""
    slips = {f"÷{10**k:,}": value / 10**k for k in (1, 2, 3)}
    slips |= {f"×{10**k:,}": value * 10**k for k in (1, 2, 3)}
    slips |= {"the other sign": -value}
    fits = [name for name, meant in slips.items() if low <= meant <= high]
    return f"; {fits[0]} fits" if len(fits) == 1 else ""


class Rejected(NamedTuple):
    """Rejected rows, r of them, and why: what is the same for tables in memory and in passes.

    `values` (r, d) and `goal` (r,) are features and target in the table's units, `unit` is the
    range of the target over the whole table, by which the defense saw it; `records` have a row's
    number, score and deviations, its columns by number; `expected` (r,) is the target by the model
    of the kept rows. `numbers` (n,) are those of all judged rows in the table as it came, from 1,
    where rows were set aside; or `shown` (r,) those of the rejected rows alone. `judged` is what
    the defense itself expects of the rows.
    """

    columns: Columns
    target: str
    unit: float
    values: Float[np.ndarray, "r d"]
    goal: Float[np.ndarray, " r"]
    records: np.ndarray
    expected: Float[np.ndarray, " r"]
    defense: str
    threshold: float
    numbers: Int[np.ndarray, " n"] | None = None
    shown: Int[np.ndarray, " r"] | None = None
    judged: Judged | None = None

    @property
    def rows(self) -> Int[np.ndarray, " r"]:
        """The numbers of the rows in the table as it came, from 1."""
        row = self.records["row"]
        if self.shown is not None:
            return self.shown
        return row + 1 if self.numbers is None else self.numbers[row]

    @property
    def places(self) -> Int[np.ndarray, "2 r"]:
        """The features that stand out most in each row; d is the target."""
        return np.array([self.records[f"{which}_column"] for which in ("first", "second")])

    @property
    def sigmas(self) -> Float[np.ndarray, "2 r"]:
        """By how many standard deviations they do."""
        return np.array([self.records[f"{which}_sigma"] for which in ("first", "second")])

    @property
    def _names(self) -> np.ndarray:
        """Columns of the table (2, r) that stand out most; the second is "" if it is the first."""
        names = np.array([*self.columns.column, self.target], dtype=object)[self.places]
        names[1][names[1] == names[0]] = ""
        return names

    def added(self) -> dict[str, pa.Array]:
        """The columns that are put beside the rejected rows."""
        r, (first, second) = self.records, self._names
        made = {
            "row": pa.array(self.rows),
            "score": pa.array(r["score"]),
            "residual": pa.array(r["residual"]),
            "leverage": pa.array(r["leverage"], from_pandas=True),
            "predictive_sd": pa.array(r["predictive_sigma"] * self.unit, from_pandas=True),
            "column_1": pa.array(first.tolist(), pa.string()),
            "column_2": pa.array([name or None for name in second.tolist()], pa.string()),
            **({} if self.judged is None else self.judged.added()),
            "reason": pa.array([self.reason(i) for i in range(len(r))], pa.string()),
        }
        return {f"mithridate_{name}": values for name, values in made.items()}

    def reason(self, i: int) -> str:
        """One sentence on a rejected row: the target first, since that is what poison aims at."""
        off = self.records["residual"][i]
        side = "above" if off > 0 else "below"
        parts = [
            f"The target {quote(self.target)} is {figure(self.goal[i])}, {abs(off):.2g} σ "
            f"{side} the {figure(self.expected[i])} that a model of the kept rows predicts"
        ]
        if self.judged is not None:
            parts = [self.judged.sentence(i, self.target, float(self.goal[i]))]
        row = self.records[
            i
        ]  # of one row alone: arrays of all would take the square of their number
        for which in ("first", "second"):
            j, sigma = int(row[f"{which}_column"]), float(row[f"{which}_sigma"])
            if j < len(self.columns.names) and abs(sigma) > FAR_SIGMAS:
                parts.append(self._odd(j, i, sigma))
        if self.judged is None and len(parts) == 1 and abs(off) < _USUAL_SIGMAS:
            parts.append(f"this is not unusual, {self._scored(self.records['score'][i])}")
        return "; ".join(parts) + "."

    def _scored(self, score: float) -> str:
        """The explanation of a row by its score, where nothing else explains it."""
        cut = self.threshold
        beyond = "" if np.isnan(cut) else f", beyond {figure(cut, 3)}"
        return f"but the score that {self.defense} gave it is {figure(score, 3)}{beyond}"

    def _odd(self, j: int, i: int, sigma: float) -> str:
        shown, value = quote(self.columns.names[j]), self.values[i, j]
        if self.columns.group[j] >= 0:
            return f"{shown} is rare" if sigma > 0 else f"nearly all others have {shown}"
        if np.isinf(sigma):
            return f"{shown} is {figure(value)}, and the same other value in all kept rows"
        side = "above" if sigma > 0 else "below"
        return f"{shown} is {figure(value)}, {abs(sigma):.2g} σ {side} the mean of the kept rows"


def beside(aside: Sequence[Aside], kinds: pa.Schema = ADDED) -> pa.Table:
    """The columns beside rows that were set aside."""
    reasons = [f"Set aside: {one.explanation}." for one in aside]
    known = {"mithridate_row": [one.row for one in aside], "mithridate_reason": reasons}
    nothing = [None] * len(aside)
    return pa.table({name: known.get(name, nothing) for name in kinds.names}, schema=kinds)


def with_aside(added: Mapping[str, pa.Array], aside: Sequence[Aside]) -> dict[str, pa.Array]:
    """The columns beside rejected rows and those set aside, by the numbers of the rows."""
    if not aside:
        return dict(added)
    both = pa.concat_tables([pa.table(dict(added)), beside(aside)], promote_options="default")
    both = both.sort_by("mithridate_row").combine_chunks()
    return {name: both[name].chunk(0) for name in added}


def figure(value: Any, digits: int = 4) -> str:
    """A number as people write it; one of four digits has no comma, since it may be a year.

    >>> figure(1224000), figure(13121.4), figure(2011), figure(0.03124)
    ('1,224,000', '13,121', '2011', '0.03124')
    """
    if abs(value) < 1e-4 or abs(value) >= 1e12:
        return f"{value:.{digits}g}"
    if abs(value) < 1e3:
        return np.format_float_positional(value, digits, fractional=False, trim="-")
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.0f}"
