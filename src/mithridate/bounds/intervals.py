"""How far a prediction or a coefficient can be pushed by poison rows, whatever they say.

For every `q` the fit `θ` with `k` poison rows obeys `‖θ - (θ₀ + q)/2‖²_A <= ¼ (k D(q)² +
‖θ₀ - q‖²_A)`, so that for every row `a`

    aᵀθ <= aᵀ(θ₀ + q)/2 + ½ ‖a‖_{A⁻¹} √(k D(q)² + ‖θ₀ - q‖²_A).

Any `q` gives a valid bound; `highest` searches a good one and proves its value with its rounding.
"""

from typing import NamedTuple

import numpy as np
import scipy.linalg
from jaxtyping import Float

from .certificate import UNIT, definite, farthest_surely, gamma
from .distance import LargestResidual
from .newton import Derivatives, minimized
from .setting import Setting
from .writable import Writable

Vector = Float[np.ndarray, " k"]
Matrix = Float[np.ndarray, "k k"]
HEATS = (1e-2, 1e-3, 1e-4, 1e-5)  # of the smoothed residual, in target ranges
_QUICK_HEATS = (1e-3,)  # from the plane of another direction; wider by up to .6 % of the interval
_STARTS = 5


class Ball(NamedTuple):
    """The clean fit of a number of poison rows, and what is known of its rounding.

    Parameters
    ----------
    setting : Setting
        Training and judged rows.
    poison : float
        Number of the poison rows.
    theta : (d + 1,) array
        The fit in floating point.
    A, root, back : (d + 1, d + 1) array
        The normal equations, their Cholesky factor, and the inverse of its transpose.
    least : float
        The least eigenvalue of `A` from below.
    astray : float
        The distance of `theta` from the exact fit, in the norm of `A`, from above.
    """

    setting: Setting
    poison: float
    theta: Vector
    A: Matrix
    root: Matrix
    back: Matrix
    least: float
    astray: float

    @classmethod
    def of(cls, setting: Setting, poison: float) -> "Ball | None":
        """Fit the clean rows, and bound what rounding does to that.

        Parameters
        ----------
        setting : Setting
            Training and judged rows.
        poison : float
            Number of the poison rows.

        Returns
        -------
        Ball or None
            None where `A` is too badly conditioned for a proof in floating point.
        """
        fit, terms = setting.fit(poison), len(setting.v) + setting.Z.shape[1]
        least = definite(fit.A, terms * np.trace(fit.A))
        if least is None:
            return None
        Z, v, w, theta = setting.Z, setting.v, setting.w, fit.theta
        P = setting.penalty(poison)
        error = Z.T @ (w * (Z @ theta - v)) + P * theta
        size = np.abs(Z).T @ (w * (np.abs(Z) @ np.abs(theta) + np.abs(v))) + P * np.abs(theta)
        wrong = np.linalg.norm(np.abs(error) + gamma(4 * terms + 20) * size)
        root = scipy.linalg.cholesky(fit.A, lower=True)
        back = scipy.linalg.solve_triangular(root.T, np.eye(len(root)), lower=False)
        astray = float(wrong / np.sqrt(least))
        return cls(setting, poison, theta, fit.A, root, back, least, astray)

    def length(self, a: Vector) -> float:
        """Bound the length `‖a‖_{A⁻¹}` from above.

        Parameters
        ----------
        a : (d + 1,) array
            A direction.

        Returns
        -------
        float
            Its length, or a little more.
        """
        c = scipy.linalg.cho_solve((self.root, True), a)
        square, size = self._square(c)
        rest = a - self.A @ c
        # A itself is a rounded sum: its error is in proportion to the sizes below.
        fuzz = gamma(4 * len(self.setting.v) + 8 * len(a) + 40)
        trace = np.trace(self.A) * np.linalg.norm(c)
        rest = np.linalg.norm(rest) + fuzz * (np.linalg.norm(a) + trace)
        total = 2 * (a @ c) - square + fuzz * (2 * np.abs(a) @ np.abs(c) + size)
        return float(np.sqrt(max(total, 0.0) + rest**2 / self.least) * (1 + 8 * UNIT))

    def away(self, q: Vector) -> float:
        """Bound the distance `‖θ₀ - q‖_A` from above.

        Parameters
        ----------
        q : (d + 1,) array
            A plane.

        Returns
        -------
        float
            Its distance from the clean fit, or a little more.
        """
        square, size = self._square(self.theta - q)
        fuzz = gamma(4 * len(self.setting.v) + 8 * len(q) + 40)
        return float(np.sqrt(square + fuzz * size) * (1 + 8 * UNIT) + self.astray)

    def _square(self, x: Vector) -> tuple[float, float]:
        """`xᵀAx`, summed over the rows, and the same of the absolute values."""
        Z, w, P = self.setting.Z, self.setting.w, self.setting.penalty(self.poison)
        size = np.abs(Z) @ np.abs(x)
        return float(w @ (Z @ x) ** 2 + P @ x**2), float(w @ size**2 + P @ x**2)


def highest(ball: Ball, rows: Writable, a: Vector) -> float:
    """The most that `aᵀθ` can be with the poison of a ball: a proven upper bound.

    Parameters
    ----------
    ball : Ball
        The clean fit, for a number of poison rows.
    rows : Writable
        What the attacker may write.
    a : (d + 1,) array
        A row `(x, 1)` for its prediction, a unit vector for a coefficient. The least that `aᵀθ` can
        be is `-highest(ball, rows, -a)`.

    Returns
    -------
    float
        In units of the prediction or the coefficient.
    """
    if not np.any(a):
        return 0.0
    return proven(ball, rows, a, searched(ball, rows, a))


def proven(ball: Ball, rows: Writable, a: Vector, q: Vector) -> float:
    """The bound on `aᵀθ` that a given `q` proves, with its rounding."""
    radius = np.sqrt(ball.poison * farthest_surely(rows, q) ** 2 + ball.away(q) ** 2)
    middle = a @ (ball.theta + q) / 2
    fuzz = gamma(4 * len(a) + 20) * (np.abs(a) @ (np.abs(ball.theta) + np.abs(q)))
    return float(middle + fuzz + ball.length(a) * (radius + ball.astray) / 2 * (1 + 16 * UNIT))


def searched(ball: Ball, rows: Writable, a: Vector, start: Vector | None = None) -> Vector:
    """A good `q` for `proven`: the bound is convex in it, and is minimized with `D` smoothed.

    From a `start`, a plane that is good for another direction, it is sought less exactly.
    """
    if ball.poison <= 0:
        return ball.theta
    end = _SmoothedEnd(ball, rows, a)
    if start is not None:
        first = ball.root.T @ (start - ball.theta)
        return ball.theta + end.back @ minimized(end, first, _QUICK_HEATS, end.size * rows.unit)
    flat = np.append(np.zeros(len(a) - 1), (rows.lower[-1] + rows.upper[-1]) / 2)
    toward = ball.root.T @ (flat - ball.theta)
    starts = [share * toward for share in np.linspace(0, 1, _STARTS)]
    first = min(starts, key=lambda e: end.value(e, 0.0))
    lowest = minimized(end, first, HEATS, end.size * rows.unit)
    return ball.theta + end.back @ min((first, lowest), key=lambda e: end.value(e, 0.0))


class _SmoothedEnd:
    """The bound on `aᵀθ` as a function of `Lᵀ(q - θ₀)`, where `A = LLᵀ`, smoothed."""

    def __init__(self, ball: Ball, rows: Writable, a: Vector):
        self.back, self.ball, self.unit = ball.back, ball, rows.unit
        self.pull = self.back.T @ a
        self.size, self.distance = float(np.linalg.norm(self.pull)), LargestResidual(rows)

    def value(self, x: Vector, heat: float) -> float:
        far = self.distance.largest(self.ball.theta + self.back @ x, heat * self.unit)
        return float(self.pull @ x + self.size * np.sqrt(self.ball.poison * far**2 + x @ x)) / 2

    def local(self, x: Vector, heat: float) -> Derivatives:
        k, back = self.ball.poison, self.back
        far, by_q, bent = self.distance.smooth(self.ball.theta + back @ x, heat * self.unit)
        by_e, radius = back.T @ by_q, np.sqrt(k * far**2 + x @ x) + 1e-300
        slope = (k * far * by_e + x) / radius
        inner = k * (np.outer(by_e, by_e) + far * (back.T @ bent @ back)) + np.eye(len(x))
        bend = self.size / (2 * radius) * (inner - np.outer(slope, slope))
        value = float(self.pull @ x + self.size * radius) / 2
        return Derivatives(value, self.pull / 2 + self.size / 2 * slope, bend)


def moved(
    ball: Ball, rows: Writable, directions: Float[np.ndarray, "m k"], *, quick: bool = False
) -> np.ndarray:
    """Bound each of several `aᵀθ` from below and from above, as `highest` does.

    Parameters
    ----------
    ball : Ball
        The clean fit, for a number of poison rows.
    rows : Writable
        What the attacker may write.
    directions : (m, d + 1) array
        A direction `a` in each row.
    quick : bool, default False
        Whether each search begins where the last ended, which makes intervals up to .6 % longer in
        less than half of the time.

    Returns
    -------
    (m, 2) array
        The least and the most that each can be.
    """
    ends = np.zeros((len(directions), 2))
    for column, sign in ((0, -1.0), (1, 1.0)):
        q = None
        for i in np.flatnonzero(np.any(directions, axis=1)):
            a = sign * directions[i]
            q = searched(ball, rows, a, q if quick else None)
            ends[i, column] = sign * proven(ball, rows, a, q)
    return ends
