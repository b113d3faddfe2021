"""Bootstrap intervals: the seeds of each table are resampled, all else is fixed."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .text import signed

RESAMPLES = 2000
LEVEL = 0.95
ENOUGH = 3  # seeds from which on an interval is given
_AT_ONCE = 4_000_000  # numbers held at a time

Values = dict[str, np.ndarray]


class Estimate(NamedTuple):
    """Figures with the ends of their intervals.

    Parameters
    ----------
    point : array
        The figures.
    low : array, optional
        The lower ends; None with few seeds.
    high : array, optional
        The upper ends.
    """

    point: np.ndarray
    low: np.ndarray | None
    high: np.ndarray | None

    def one(self, *index: int) -> "Estimate":
        """Take the figure at an index.

        Parameters
        ----------
        *index : int
            The index.

        Returns
        -------
        Estimate
            The figure.
        """
        low, high = (end if end is None else end[index] for end in (self.low, self.high))
        return Estimate(self.point[index], low, high)


@functools.cache
def draws(seeds: int, resamples: int = RESAMPLES, start: int = 0) -> np.ndarray:
    """How often each of `seeds` is drawn: counts (resamples, seeds), each row sums to `seeds`.

    >>> draws(4, 3).sum(axis=1)
    array([4, 4, 4])
    """
    rng = np.random.default_rng([20260122, start])
    return rng.multinomial(seeds, np.full(seeds, 1 / max(seeds, 1)), resamples)


def means(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Means over the last axis under each row of counts; NaN is a seed that is not there.

    `values` (..., seeds), `counts` (resamples, seeds); gives (resamples, ...).

    >>> means(np.array([1.0, np.nan, 4.0]), np.array([[1, 1, 1], [3, 0, 0], [0, 3, 0]]))
    array([2.5, 1. , nan])
    """
    there = np.isfinite(values)
    counts = counts.astype(float)  # products of integers would bypass the fast ones
    flat = np.where(there, values, 0.0).reshape(-1, values.shape[-1])
    drawn = counts @ there.reshape(flat.shape).T.astype(float)
    with np.errstate(invalid="ignore"):
        sums = (counts @ flat.T) / np.where(drawn > 0, drawn, np.nan)
    return sums.reshape(len(counts), *values.shape[:-1])


def estimate(
    values: Values,
    seeds: list[int],
    figure: Callable[[Values], np.ndarray],
    resamples: int = RESAMPLES,
) -> Estimate:
    """A figure of the means over seeds, with its percentile interval.

    `values` are arrays (tables, ..., seeds) by name, NaN where there is nothing; `seeds` says how
    many seeds each table has, which come first on the last axis. `figure` takes the means (draws,
    tables, ...) and gives (draws, ...). The same draws serve all names of a table, so that what is
    compared is compared on the same seeds; tables are drawn apart. Infinite figures are ranked as
    such. With fewer than three seeds in some table there is no interval.
    """
    most = max((array.shape[-1] for array in values.values()), default=0)
    counts = [
        np.pad(draws(own, resamples, t), ((0, 0), (0, most - own))) for t, own in enumerate(seeds)
    ]
    point = figure(at_once(values))[0]
    if not seeds or min(seeds) < ENOUGH:
        return Estimate(point, None, None)
    size = sum(array[..., 0].size for array in values.values())
    step = max(1, _AT_ONCE // max(size, 1))
    figures = [
        figure(_under(values, [c[i : i + step] for c in counts])) for i in range(0, resamples, step)
    ]
    return Estimate(point, *ends(np.concatenate(figures)))


def at_once(values: Values) -> Values:
    """Means over all seeds, as one draw."""
    return {name: means(v, np.ones((1, v.shape[-1]))) for name, v in values.items()}


def _under(values: Values, counts: list[np.ndarray]) -> Values:
    return {
        name: np.stack([means(array[t], c) for t, c in enumerate(counts)], axis=1)
        for name, array in values.items()
    }


def ends(figures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both ends of the interval along the first axis; NaN draws are left out.

    They are draws, not values between draws, because infinite figures cannot be interpolated.

    >>> [float(end) for end in ends(np.arange(1000.0))]
    [25.0, 974.0]
    """
    ordered = np.sort(figures, axis=0)  # NaN comes last
    known = np.sum(~np.isnan(ordered), axis=0)
    tail = (1 - LEVEL) / 2
    low = np.clip(np.floor(tail * known).astype(int), 0, None)
    high = np.clip(np.ceil((1 - tail) * known).astype(int) - 1, 0, None)
    first, last = (np.take_along_axis(ordered, i[None], axis=0)[0] for i in (low, high))
    return first, last


def over(values: np.ndarray, *axes: int) -> np.ndarray:
    """Take the mean over axes, what is not known left out.

    Parameters
    ----------
    values : array
        The values.
    *axes : int
        The axes.

    Returns
    -------
    array
        The means; NaN where nothing is known.
    """
    with np.errstate(invalid="ignore"):
        there = np.isfinite(values)
        total = np.where(there, values, 0.0).sum(axis=axes)
        amount = there.sum(axis=axes)
        return total / np.where(amount > 0, amount, np.nan)


def interval(estimate: Estimate, show: Callable[[float], str] = signed) -> str:
    """Write the ends of an interval.

    Parameters
    ----------
    estimate : Estimate
        A single figure.
    show : callable, optional
        Writes a number.

    Returns
    -------
    str
        The ends; a dash where there is none.

    Examples
    --------
    >>> interval(Estimate(np.array(0.2), np.array(0.1), np.array(0.35)))
    '+0.10 to +0.35'
    """
    if estimate.low is None or estimate.high is None or np.isnan(estimate.low):
        return "–"
    ends = [show(float(estimate.low)), show(float(estimate.high))]
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def with_interval(estimate: Estimate, show: Callable[[float], str] = signed) -> str:
    """Write a figure with its interval in brackets.

    Parameters
    ----------
    estimate : Estimate
        A single figure.
    show : callable, optional
        Writes a number.

    Returns
    -------
    str
        The figure.

    Examples
    --------
    >>> with_interval(Estimate(np.array(0.2), np.array(0.1), np.array(0.35)))
    '+0.20 [+0.10 to +0.35]'
    """
    shown, ends = show(float(estimate.point)), interval(estimate, show)
    return shown if ends == "–" else f"{shown} [{ends}]"
