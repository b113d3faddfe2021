"""Newton's method for a convex function that is smoothed less and less (a path of minima)."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import scipy.linalg
from jaxtyping import Float

Vector = Float[np.ndarray, " k"]
Matrix = Float[np.ndarray, "k k"]
_MAX_STEPS = 30  # at each heat; six are usual
_SHORTENING, _MAX_SHORTENINGS = 0.4, 20  # of a step that is too long
_TOLERANCE = 0.03  # of the heat: the search ends where a step would gain less
_DIAGONAL_RAISE = 1e-12  # share added to the diagonal where rounding makes the matrix indefinite


class Derivatives(NamedTuple):
    """A function at a point: its value, gradient and second derivatives."""

    value: float
    slope: Vector
    bend: Matrix


class Smoothable(Protocol):
    """A convex function that is smoothed from above by a heat."""

    def value(self, x: Vector, heat: float) -> float:
        """The smoothed value; infinite outside of the domain."""
        ...

    def local(self, x: Vector, heat: float) -> Derivatives:
        """The same, with its derivatives, at a point of the domain."""
        ...


def minimized(function: Smoothable, start: Vector, heats: Sequence[float], unit: float) -> Vector:
    """The point near the minimum of a smoothed convex function, along a path of falling heats.

    Parameters
    ----------
    function : Smoothable
        What is minimized.
    start : (k,) array
        A point of the domain.
    heats : sequence of float
        How much the function is smoothed, falling.
    unit : float
        What a heat of 1 is, in units of the function.

    Returns
    -------
    (k,) array
        A point of the domain, with a value at the last heat that is close to the least.
    """
    x = start
    for heat in heats:
        for _ in range(_MAX_STEPS):
            here = function.local(x, heat)
            step, gain = _step(here)
            if not gain > _TOLERANCE * heat * unit:
                break
            shares = _SHORTENING ** np.arange(_MAX_SHORTENINGS)
            share = next((s for s in shares if _falls(function, x, heat, here, s, step)), None)
            if share is None:
                break
            x = x + share * step
    return x


def _falls(function: Smoothable, x: Vector, heat: float, here: Derivatives, share, step) -> bool:
    """Whether the value falls by a tenth of what the gradient promises (Armijo)."""
    promised = share * float(step @ here.slope)
    return function.value(x + share * step, heat) <= here.value + 0.1 * promised


def _step(here: Derivatives) -> tuple[Vector, float]:
    """Newton's step, and twice the fall of its quadratic model."""
    # A diagonal of ones: the variables have very different scales.
    scale = 1 / np.sqrt(np.maximum(here.bend.diagonal(), 1e-300))
    matrix, right = here.bend * scale * scale[:, None], scale * here.slope
    for raised in _DIAGONAL_RAISE * 100.0 ** np.arange(6):
        matrix[np.diag_indices(len(right))] = 1 + raised
        try:
            root = scipy.linalg.cho_factor(matrix, lower=True, check_finite=False)
            step = scipy.linalg.cho_solve(root, right, check_finite=False)
        except np.linalg.LinAlgError:
            continue
        return -scale * step, float(right @ step)
    return np.zeros(len(right)), 0.0
