"""Targets at the ends of their range, where models predict too little, told from errors."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import bdtrc

Column = Float[np.ndarray, " m"]
Mask = Bool[np.ndarray, " m"]

_END_SHARE = 0.95  # of the rows: a prediction more extreme than theirs is at an end
_MAX_CHANCE = 0.05  # probability of so many flagged rows at an end, if they were errors
_MIN_AT_END = 5  # rows with the most extreme target; with fewer it is not cut off there
_MAX_LEAP = 2.0  # times the distance of the next target from the middle: beyond, a target is alone


class End(NamedTuple):
    """An end of the range that is genuine: predictions from `least` on, targets up to `reach`.

    `sign` is -1 for the lower end, whose targets and predictions are counted downwards.
    """

    sign: float
    least: float
    reach: float

    def __call__(self, y: Column, predicted: Column, r: Column) -> Mask:
        """Which rows lie there, if they are far off what is predicted."""
        beyond = (self.sign * r > 0) & (self.sign * predicted >= self.least)
        return beyond & (self.sign * y <= self.reach)


def ends(y: Column, predicted: Column, r: Column, flagged: Mask, w: Column) -> tuple[End, ...]:
    """The ends of the range whose flagged rows are genuine, rather than errors.

    Models that have not seen the ends of a range predict too little there, where errors strike rows
    whatever is predicted for them. So where more of the flagged rows than chance brings lie beyond
    predictions that are themselves the most extreme, no error moved them to where they are. Each
    must continue the range, no farther from the middle than twice the next one.

    Parameters
    ----------
    y, predicted, r : ndarray of shape (m,)
        Targets less their median; what the others predict, on any scale that grows with y; and the
        residuals on that scale.
    flagged : ndarray of bool, shape (m,)
        Rows far off what is predicted for them.
    w : ndarray of shape (m,)
        What each row counts.

    Returns
    -------
    tuple of End
        Each says of flagged rows, these or others, whether they lie there.
    """
    genuine = []
    for sign in (-1.0, 1.0):
        outward, beyond = sign * y, flagged & (sign * r > 0)
        extreme = _rank(sign * predicted, w) > _END_SHARE
        candidates = np.flatnonzero(beyond & extreme)
        if not len(candidates):
            continue
        candidates = candidates[np.argsort(outward[candidates], kind="stable")]
        before = np.append(outward[~flagged].max(initial=0.0), outward[candidates])
        leaps = outward[candidates] > _MAX_LEAP * np.maximum.accumulate(before[:-1])
        count = int(leaps.argmax()) if leaps.any() else len(candidates)
        # At least so many of all that are off on this side, by chance.
        if bdtrc(count - 1, int(beyond.sum()), 1.0 - _END_SHARE) <= _MAX_CHANCE + 1e-9:
            least = float((sign * predicted)[extreme].min())
            genuine.append(End(sign, least, _MAX_LEAP * float(before[: count + 1].max())))
    return tuple(genuine)


def cut_off(y: Column) -> tuple[tuple[float, float], ...]:
    """The ends of a target that is cut off there: -1 or 1, and the target times it.

    >>> cut_off(np.array([0.0, 0.0, 0.0, 0.0, 0.0, 3.0, 8.0]))
    ((-1.0, -0.0),)
    """
    reached = ((sign, float((sign * y).max())) for sign in (-1.0, 1.0))
    return tuple((sign, end) for sign, end in reached if (sign * y == end).sum() >= _MIN_AT_END)


def _rank(p: Column, w: Column) -> Column:
    """The share of rows below each, and half of those as high."""
    order = np.argsort(p, kind="stable")
    below = np.append(0.0, np.cumsum(w[order]))
    first, last = (np.searchsorted(p[order], p, side=side) for side in ("left", "right"))
    return (below[first] + below[last]) / (2.0 * below[-1])
