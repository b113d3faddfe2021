"""How far the poison rows lie from the clean ones, as distributions."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.spatial.distance import cdist

from ..datasets import Part

MOST_PAIRED = 2000  # rows of each kind; the pairs of more would fill the memory


class Distance(NamedTuple):
    """`energy` in [0, 1] and `largest_ks` in [0, 1]; both 0 for equal distributions."""

    energy: float
    largest_ks: float


def distance(clean: Part, poison: Part) -> Distance:
    """Energy distance and largest Kolmogorov-Smirnov statistic of `poison` against `clean`.

    With `a`, `a'` clean rows and `b`, `b'` poison rows (features and target, each column in clean
    standard deviations, constant ones left out),
    `energy = (2E‖a - b‖ - E‖a - a'‖ - E‖b - b'‖) / 2E‖a - b‖`; `largest_ks` is the maximum over
    columns.

    >>> rng = np.random.default_rng(0)
    >>> part = Part(rng.normal(size=(200, 2)), rng.normal(size=200))
    >>> tuple(distance(part, part))
    (0.0, 0.0)
    >>> distance(part, Part(part.X, part.y + 100)).largest_ks
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
    a, b = a[:MOST_PAIRED], b[:MOST_PAIRED]
    across = float(cdist(a, b).mean())
    within = float(cdist(a, a).mean() + cdist(b, b).mean())
    return Distance((2 * across - within) / (2 * across) if across > 0 else 0.0, largest)


def _rows(part: Part) -> Float[np.ndarray, "n k"]:
    return np.column_stack([part.X, part.y])


def _ks(x: Float[np.ndarray, " n"], z: Float[np.ndarray, " m"]) -> float:
    """The statistic alone: SciPy's test takes ten times as long over its p-value."""
    both = np.concatenate([x, z])
    below = [np.searchsorted(np.sort(one), both, side="right") / len(one) for one in (x, z)]
    return float(np.abs(below[0] - below[1]).max())
