"""Whether the targets of a source as a whole are off, though none of its rows need be."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.stats import norm

from .._text import listing, quote
from .findings import figure
from .groups import CHANCE, Groups

Values = Float[np.ndarray, " n"]

_MAX_SCALES = 3.0  # scales of noise: a larger deviation of a row counts as this much
_MIN_ROWS = 5  # of a source whose shift is estimated
_INTERVAL_SCALES = 2.57  # scales of noise from what is expected to the ends of its interval


class Shift(NamedTuple):
    """By how much the targets of a source lie above what other rows say, in units of the target.

    The shift is shrunk towards 0; the interval is not, and holds for all sources together (99 %).
    """

    name: str
    shift: float
    low: float
    high: float

    @property
    def off(self) -> bool:
        """Whether chance does not explain it."""
        return self.low > 0 or self.high < 0

    @property
    def side(self) -> str:
        """How far above or below it lies, in words."""
        ends = sorted(map(abs, (self.low, self.high)))
        where = "above" if self.shift > 0 else "below"
        return f"{figure(abs(self.shift), 3)} {where} ({' to '.join(figure(e, 3) for e in ends)})"

    @property
    def between(self) -> str:
        """The shift and its interval as people write them."""
        return f"{figure(self.shift, 3)} ({figure(self.low, 3)} to {figure(self.high, 3)})"


def shifts_of(guard: Any, y: Values, unit: float, groups: Groups) -> dict[str, Shift]:
    """The shift of each source with five rows or more, by predictions that did not see the row.

    `y` are the targets that the defense saw, in `unit`s of the table's. None where the defense does
    not say what it expects.
    """
    if not hasattr(guard, "expected_low_"):
        return {}
    expected, low, high = (
        getattr(guard, f"expected_{end}") for end in ("", "low_", "high_")
    )  # of rows that pulled together too
    noise = (high - low) / (2.0 * _INTERVAL_SCALES)
    known = np.isfinite(expected) & np.isfinite(noise) & (noise > 0)
    if not known.any():
        return {}
    off, scale = (y - expected)[known], noise[known]
    codes = groups.codes[known]
    capped = np.clip(off, -_MAX_SCALES * scale, _MAX_SCALES * scale)
    means = shrunk(codes, capped, len(groups.names))
    return {
        groups.names[g]: Shift(groups.names[g], *(float(v) * unit for v in values))
        for g, values in means.items()
    }


def shrunk(
    codes: np.ndarray, off: Float[np.ndarray, " n"], g: int
) -> dict[int, tuple[float, float, float]]:
    """Mean of each group of values against the middle group, shrunk; ends of its interval.

    The variance between groups, to which the mean is shrunk, is DerSimonian and Laird's; the level
    of the interval is divided by the groups (Bonferroni).
    """
    counts = np.bincount(codes, minlength=g)
    large = np.flatnonzero(counts >= _MIN_ROWS)
    if len(large) < 2:
        return {}
    n = counts[large].astype(float)
    mean = np.array([off[codes == k].mean() for k in large])
    squares = (((off[codes == k] - m) ** 2).sum() for k, m in zip(large, mean, strict=True))
    within = sum(map(float, squares))
    variance = within / max(n.sum() - len(large), 1.0) / n
    if not variance.any():
        return {}
    weight, center = 1.0 / variance, _middle(mean, n)
    average = float(weight @ mean / weight.sum())
    excess = float(weight @ (mean - average) ** 2) - (len(large) - 1)
    between = max(excess / (weight.sum() - (weight**2).sum() / weight.sum()), 0.0)
    # The middle is an estimate too: a median, of pi / 2 times the variance of a mean.
    variance = variance + 0.5 * np.pi / weight.sum()
    best = between / (between + variance) * (mean - center)
    reach = float(norm.isf(CHANCE / (2 * len(large)))) * np.sqrt(variance)
    ends = zip(
        large.tolist(), best.tolist(), mean - center - reach, mean - center + reach, strict=True
    )
    return {k: (b, float(low), float(high)) for k, b, low, high in ends}


def _middle(values: np.ndarray, weight: np.ndarray) -> float:
    """The weighted median: what most rows have in common, whatever one group does."""
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(total, 0.5 * total[-1])])


def shift_sentence(shifts: Mapping[str, Shift], by: str, target: str) -> str:
    """The sources that are off, in one sentence, the farthest first; "" if none is.

    `by` names what the sources are values of.
    """
    off = sorted((s for s in shifts.values() if s.off), key=lambda s: -abs(s.shift))
    if not off:
        return ""
    shown = listing([f"{quote(s.name)} {s.side}" for s in off])
    return (
        f"Off as a whole: by {by}, against what the other columns say of "
        f"{quote(target)}: {shown}; at 99% for all {len(shifts):,} together."
    )
