"""The dual of the worst poison of a ridge regression: one convex problem for each number of rows.

For any `q` and any `μ` with `μA - S ≻ 0`, no poison of `k` added rows pushes the error above

    B(q, μ) = f(θ₀) + ¼ Σ (ĝ + p)² / (μ - λ) + μ k D(q)² / 4,     p = μ Tᵀ A (q - θ₀),

where `TᵀAT = I`, `TᵀST = diag λ`, `ĝ = Tᵀ∇f(θ₀)` and `D(q)` is the largest residual `|y - zᵀq|` of
a row that may be written. `B` is jointly convex in `(p, μ)`; the search below minimizes it by
Newton's method, with `D` smoothed less and less. What it finds is only a candidate:
`certificate.certified` proves the value.

Where `x_j`, the whitened coordinate `j` of the fit from the clean one, is known to lie in `[α, β]`,
the term `γ (x_j - α)(β - x_j) >= 0`, `γ >= 0`, may be added: `λ_j` becomes `λ_j - γ`, `ĝ_j` becomes
`ĝ_j + γ (α + β)`, and `-γαβ` is added. `B` is convex in `(p, μ, γ)` as well.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.linalg
from jaxtyping import Float

from .distance import LargestResidual, farthest
from .newton import Derivatives, minimized
from .setting import Fit, Setting
from .writable import Writable

Vector = Float[np.ndarray, " k"]
Matrix = Float[np.ndarray, "k k"]
HEATS = (3e-2, 3e-3, 3e-4, 3e-5, 3e-6)  # of the residual, in target ranges
WARM = HEATS[1:]  # from a start that is good already
_BARRIER = 0.1  # of the heat, in units of the bound: keeps μ - λ and γ positive
_START_MARGIN = 1e-2  # of the largest curvature: a search begins with μ this much above it
_MIN_ADVANTAGE = 1e-4  # of the bound, by which the start of a search must be better than its end
_STARTS = 11  # points between the clean fit and the middle of the target
_MIN_LOG_MULTIPLIER, _MAX_LOG_MULTIPLIER = -18.0, 12.0  # range of log(μ / λmax - 1)


class Witness(NamedTuple):
    """A pair `(q, μ)` that proves a bound: anyone can recheck it with `certificate.certified`.

    Parameters
    ----------
    q : (d + 1,) array
        Slopes and, last, the intercept of a plane.
    mu : float
        The multiplier, positive.
    """

    q: Vector
    mu: float


class Whitened(NamedTuple):
    """Coordinates in which the normal equations and the error are both diagonal."""

    fit: Fit
    T: Matrix
    curves: Vector
    pull: Vector

    @classmethod
    def of(cls, setting: Setting, fit: Fit) -> "Whitened":
        root = scipy.linalg.cholesky(fit.A, lower=True)
        half = scipy.linalg.solve_triangular(root, setting.curve, lower=True)
        inner = scipy.linalg.solve_triangular(root, half.T, lower=True)
        curves, turn = scipy.linalg.eigh((inner + inner.T) / 2)
        T = scipy.linalg.solve_triangular(root.T, turn, lower=False)
        return cls(fit, T, np.maximum(curves, 0.0), T.T @ setting.slope(fit.theta))

    def value(self, p: Vector, mu: float, far: float) -> float:
        """The bound for a largest residual `far`, in plain floating point."""
        rise = ((self.pull + p) ** 2 / (mu - self.curves)).sum() / 4
        return float(self.fit.error + rise + mu * self.fit.poison * far**2 / 4)


class Smoothed:
    """The dual of one piece with its residual smoothed, and a barrier at the ends of `μ` and `γ`.

    Parameters
    ----------
    white : Whitened
        The whitened coordinates.
    rows : Writable
        What the attacker may write.
    places : sequence of int
        Coordinates that are known to lie in an interval; none by default.
    ends : sequence of (float, float)
        Their intervals.
    """

    def __init__(
        self,
        white: Whitened,
        rows: Writable,
        places: Sequence[int] = (),
        ends: Sequence[tuple[float, float]] = (),
    ):
        self.white, self.distance, self.heat_unit = white, LargestResidual(rows), rows.unit
        self.at = np.array(places, int)
        low, high = np.array(ends, float).reshape(-1, 2).T
        self.sum, self.product, self.unit = low + high, low * high, 1.0
        rest = np.delete(white.curves, self.at)
        self.top = float(rest.max()) if rest.size else 0.0

    def minimum(
        self, start: Witness, gammas: Sequence[float] = (), heats: Sequence[float] = HEATS
    ) -> tuple[Witness, Vector]:
        """A pair `(q, μ)` and the `γ` near the minimum, from others."""
        white, size = self.white, len(self.white.pull)
        mu = max(start.mu, self.top * (1 + _START_MARGIN))
        lacking = np.maximum(white.curves[self.at] - mu, 0.0)
        gamma = np.maximum(np.array(gammas, float), lacking + _START_MARGIN * white.curves.max())
        away = white.T.T @ (white.fit.A @ (start.q - white.fit.theta))
        x = np.concatenate([mu * away, [mu], gamma])
        self.unit = 1.0
        self.unit = max(self.value(x, heats[0]), 1e-300)
        x = minimized(self, x, heats, self.unit)
        q = white.fit.theta + white.T @ x[:size] / x[size]
        return Witness(q, float(x[size])), x[size + 1 :]

    def value(self, x: Vector, heat: float) -> float:
        """The smoothed bound at `(p, μ, γ)`, in one vector; infinite outside of its domain."""
        p, mu, gamma, room, moved = self._parts(x)
        if min(mu, room.min(), gamma.min(initial=np.inf)) <= 0:
            return np.inf
        q = self.white.fit.theta + self.white.T @ (p / mu)
        far = self.distance.largest(q, heat * self.heat_unit)
        return self._sum(mu, gamma, room, moved, far, heat)

    def _parts(self, x: Vector) -> tuple[Vector, float, Vector, Vector, Vector]:
        size = len(self.white.pull)
        p, mu, gamma = x[:size], float(x[size]), x[size + 1 :]
        room, moved = mu - self.white.curves, self.white.pull + p
        room[self.at] += gamma
        moved[self.at] += gamma * self.sum
        return p, mu, gamma, room, moved

    def _sum(self, mu: float, gamma, room, moved, far: float, heat: float) -> float:
        with np.errstate(over="ignore"):  # a step that overflows counts as infinitely bad
            value = self.white.fit.error + (moved**2 / room).sum() / 4 - gamma @ self.product
        value += mu * self.white.fit.poison * far**2 / 4
        barrier = _BARRIER * heat * self.unit
        return float(value - barrier * (np.log(room).sum() + np.log(gamma).sum()))

    def local(self, x: Vector, heat: float) -> Derivatives:
        """The same, with its derivatives."""
        white, at, size = self.white, self.at, len(self.white.pull)
        (p, mu, gamma, room, moved), k = self._parts(x), white.fit.poison
        e, barrier = p / mu, _BARRIER * heat * self.unit
        far, by_q, bent = self.distance.smooth(white.fit.theta + white.T @ e, heat * self.heat_unit)
        by_e, ratio = white.T.T @ by_q, moved / room
        by_room = -(ratio**2) / 4 - barrier / room
        by_gamma = by_room[at] + ratio[at] / 2 * self.sum - self.product - barrier / gamma
        by_mu = by_room.sum() + k * far**2 / 4 - k / 2 * far * (by_e @ e)
        slope = np.concatenate([ratio / 2 + k / 2 * far * by_e, [by_mu], by_gamma])
        # μ h(p / μ) bends as h does along p, and along μ by what convexity of both asks for.
        bend = np.empty((len(x), len(x)))
        inner = white.T.T @ (k / (2 * mu) * far * bent @ white.T)
        inner += np.outer(by_e, k / (2 * mu) * by_e)
        along = inner @ e
        inner[np.diag_indices(size)] += 1 / (2 * room)
        grown = np.zeros((size, len(x) - size))
        numerator, pieces = grown.copy(), 1 + np.arange(len(at))
        grown[:, 0], grown[at, pieces], numerator[at, pieces] = 1.0, 1.0, self.sum
        numerator -= ratio[:, None] * grown
        weighed = numerator / (2 * room)[:, None]
        bend[:size, :size], bend[:size, size:] = inner, weighed
        bend[:size, size] -= along
        rest = numerator.T @ weighed + barrier * grown.T @ (grown / room[:, None] ** 2)
        rest[0, 0] += along @ e
        rest[pieces, pieces] += barrier / gamma**2
        bend[size:, size:], bend[size:, :size] = rest, bend[:size, size:].T
        return Derivatives(self._sum(mu, gamma, room, moved, far, heat), slope, bend)


def search(setting: Setting, rows: Writable, fit: Fit, start: Witness | None = None) -> Witness:
    """Search the best `(q, μ)` for a number of poison rows.

    Parameters
    ----------
    setting : Setting
        Training and judged rows.
    rows : Writable
        What the attacker may write.
    fit : Fit
        The clean fit with the penalty of that number of rows, as `setting.fit` gives it.
    start : Witness, optional
        That of another number of rows, which saves some of the steps.

    Returns
    -------
    Witness
        A candidate; `certificate.certified` turns it into a number that holds.
    """
    white = Whitened.of(setting, fit)
    if fit.poison <= 0:  # every μ gives the error itself
        mu = 2 * float(white.curves.max())
        return Witness(fit.theta - white.T @ white.pull / mu, mu)
    first = _first(white, rows) if start is None else start
    first = first._replace(mu=multiplier(white, first.q, farthest(rows, first.q)))
    lowest, _ = Smoothed(white, rows).minimum(first, heats=HEATS if start is None else WARM)
    better = lowest._replace(mu=multiplier(white, lowest.q, farthest(rows, lowest.q)))
    best = min(lowest, better, key=lambda one: _value(white, rows, one))
    # Where both are as good, the end of the search is the better start for `planted`.
    lower = _value(white, rows, first) < _value(white, rows, best) * (1 - _MIN_ADVANTAGE)
    return first if lower else best


def _value(white: Whitened, rows: Writable, at: Witness) -> float:
    away = white.T.T @ (white.fit.A @ (at.q - white.fit.theta))
    return white.value(at.mu * away, at.mu, farthest(rows, at.q))


def _first(white: Whitened, rows: Writable) -> Witness:
    """The best of points from the clean fit to a plane at the middle of the target."""
    theta = white.fit.theta
    flat = np.append(np.zeros(len(theta) - 1), (rows.lower[-1] + rows.upper[-1]) / 2)
    tried = []
    for share in np.linspace(0, 1, _STARTS):
        q = theta + share * (flat - theta)
        one = Witness(q, multiplier(white, q, farthest(rows, q)))
        tried.append((_value(white, rows, one), one))
    return min(tried, key=lambda pair: pair[0])[1]


def multiplier(white: Whitened, q: Vector, far: float) -> float:
    """The best `μ` for a `q`, by bisection on the slope of the convex bound.

    Parameters
    ----------
    white : Whitened
        The whitened coordinates.
    q : (d + 1,) array
        A plane.
    far : float
        The largest residual from it.

    Returns
    -------
    float
        Above the largest curvature.
    """
    top = white.curves.max()
    away = white.T.T @ (white.fit.A @ (q - white.fit.theta))
    push = white.fit.poison * far**2 / 4

    def slope(mu):
        moved, room = white.pull + mu * away, mu - white.curves
        return (moved * away / (2 * room) - moved**2 / (4 * room**2)).sum() + push

    low, high = _MIN_LOG_MULTIPLIER, _MAX_LOG_MULTIPLIER
    for _ in range(60):
        middle = (low + high) / 2
        steep = slope(top * (1 + np.exp(middle))) > 0
        low, high = (low, middle) if steep else (middle, high)
    return float(top * (1 + np.exp(high)))
