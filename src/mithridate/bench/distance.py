"""How far the poison rows lie from the clean ones, as distributions."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.spatial.distance import cdist

from ..tables.encoded import Part

_MAX_PAIRED_ROWS = 2000  # rows of each kind; the pairs of more would fill the memory


class Distance(NamedTuple):
    """`energy` at most 1, 0 on average for equal distributions; `largest_ks` in [0, 1]."""

    energy: float
    largest_ks: float


def distance(clean: Part, poison: Part) -> Distance:
    """Energy distance and largest Kolmogorov-Smirnov statistic of `poison` against `clean`.

    With `a`, `a'` clean rows and `b`, `b'` poison rows (features and target, each column in clean
    standard deviations, constant ones left out), a and a' different rows, as are b and b',
    `energy = (2E‖a - b‖ - E‖a - a'‖ - E‖b - b'‖) / 2E‖a - b‖`; `largest_ks` is the maximum over
    columns.

    >>> rng = np.random.default_rng(0)
    >>> def drawn(far):
    ...     return Part(rng.normal(size=(200, 2)), rng.normal(size=200) + far)
    >>> print(*(distance(drawn(0), drawn(far)).energy.__round__(1) for far in (1, 100)))
    0.1 1.0
    >>> distance(drawn(0), drawn(100)).largest_ks
    1.0

    Székely and Rizzo, "Energy statistics: a class of statistics based on distances" (2013).
    """
    a, b = _rows(clean), _rows(poison)
    spread = a.std(axis=0)
    varies = spread > 0
    a, b = a[:, varies] / spread[varies], b[:, varies] / spread[varies]
    if not varies.any():
        return Distance(0.0, 0.0)
    largest = max(_ks(x, z) for x, z in zip(a.T, b.T, strict=True))
    a, b = a[:_MAX_PAIRED_ROWS], b[:_MAX_PAIRED_ROWS]
    across = float(cdist(a, b).mean())
    within = _within(a) + _within(b)
    return Distance((2 * across - within) / (2 * across) if across > 0 else 0.0, largest)


def _rows(part: Part) -> Float[np.ndarray, "n k"]:
    return np.column_stack([part.X, part.y])


def _within(a: Float[np.ndarray, "n k"]) -> float:
    """Mean distance of two different rows; distances of rows to themselves do not count."""
    n = len(a)
    return float(cdist(a, a).sum()) / (n * (n - 1)) if n > 1 else 0.0


def _ks(x: Float[np.ndarray, " n"], z: Float[np.ndarray, " m"]) -> float:
    """The statistic without its p-value, for which SciPy's test takes ten times as long."""
    both = np.concatenate([x, z])
    below = [np.searchsorted(np.sort(one), both, side="right") / len(one) for one in (x, z)]
    return float(np.abs(below[0] - below[1]).max())
