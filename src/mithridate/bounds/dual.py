"""The dual of the worst poison of a ridge regression: one convex problem for each number of rows.

For any `q` and any `μ` with `μA - S ≻ 0`, no poison of `k` added rows pushes the error above

    B(q, μ) = f(θ₀) + ¼ Σ (ĝ + p)² / (μ - λ) + μ k D(q)² / 4,     p = μ Tᵀ A (q - θ₀),

where `TᵀAT = I`, `TᵀST = diag λ`, `ĝ = Tᵀ∇f(θ₀)` and `D(q)` is the largest residual `|y - zᵀq|` of
a row that may be written. `B` is jointly convex in `(p, μ)`; the search below minimizes it with `D`
smoothed. What it finds is only a candidate: `certificate.certified` proves the value.
"""

from typing import NamedTuple

import numpy as np
import scipy.linalg
import scipy.optimize
from jaxtyping import Float

from .setting import Fit, Setting
from .writable import Writable, farthest, reach

Vector = Float[np.ndarray, " k"]
Matrix = Float[np.ndarray, "k k"]
HEATS = (3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5)  # of the residual, in target ranges
WARM = HEATS[-3:]  # from a start that is good already
STEPS = 300  # of L-BFGS at each heat
FEW_STEPS = 40  # where a budget makes each step long
STARTS = 11  # points between the clean fit and the middle of the target
NEAREST = -18.0  # log(μ / λmax - 1) never falls below
FARTHEST = 12.0


class Witness(NamedTuple):
    """A pair `(q, μ)` that proves a bound: anyone can recheck it with `certificate.certified`."""

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


def search(setting: Setting, rows: Writable, fit: Fit, start: Witness | None = None) -> Witness:
    """The best `(q, μ)` found for a number of poison rows.

    Parameters
    ----------
    setting : Setting
        Training and judged rows.
    rows : Writable
        What the attacker may write.
    fit : Fit
        The clean fit with the penalty of that number of rows, as `setting.fit` gives it.
    start : Witness, optional
        That of a smaller number of rows, which saves most of the steps.

    Returns
    -------
    Witness
        A candidate; `certificate.certified` turns it into a number that holds.
    """
    white = Whitened.of(setting, fit)
    best = _first(white, rows) if start is None else start
    best = best._replace(mu=_multiplier(white, best.q, farthest(rows, best.q)))
    least = _value(white, rows, best)
    state, steps = _packed(white, best, rows.unit), STEPS if np.isinf(rows.budget) else FEW_STEPS
    for heat in HEATS if start is None else WARM:
        found = scipy.optimize.minimize(
            lambda x, heat=heat: _smooth(white, rows, x, heat),
            state,
            jac=True,
            method="L-BFGS-B",
            bounds=[(None, None)] * (len(state) - 1) + [(NEAREST, FARTHEST)],
            options={"maxiter": steps, "maxcor": 20, "ftol": 1e-13, "gtol": 1e-12},
        )
        state = found.x
        here = _unpacked(white, state, rows.unit)
        here = here._replace(mu=_multiplier(white, here.q, farthest(rows, here.q)))
        now = _value(white, rows, here)
        if now < least:
            best, least = here, now
    return best


def _value(white: Whitened, rows: Writable, at: Witness) -> float:
    away = white.T.T @ (white.fit.A @ (at.q - white.fit.theta))
    return white.value(at.mu * away, at.mu, farthest(rows, at.q))


def _first(white: Whitened, rows: Writable) -> Witness:
    """The best of points from the clean fit to a plane at the middle of the target."""
    theta = white.fit.theta
    flat = np.append(np.zeros(len(theta) - 1), (rows.lower[-1] + rows.upper[-1]) / 2)
    tried = []
    for share in np.linspace(0, 1, STARTS):
        q = theta + share * (flat - theta)
        one = Witness(q, _multiplier(white, q, farthest(rows, q)))
        tried.append((_value(white, rows, one), one))
    return min(tried, key=lambda pair: pair[0])[1]


def _multiplier(white: Whitened, q: Vector, far: float) -> float:
    """The best `μ` for a `q`, by bisection on the slope of the convex bound."""
    top = white.curves.max()
    away = white.T.T @ (white.fit.A @ (q - white.fit.theta))
    push = white.fit.poison * far**2 / 4

    def slope(mu):
        moved, room = white.pull + mu * away, mu - white.curves
        return (moved * away / (2 * room) - moved**2 / (4 * room**2)).sum() + push

    low, high = NEAREST, FARTHEST
    for _ in range(60):
        middle = (low + high) / 2
        steep = slope(top * (1 + np.exp(middle))) > 0
        low, high = (low, middle) if steep else (middle, high)
    return float(top * (1 + np.exp(high)))


def _packed(white: Whitened, at: Witness, unit: float) -> Vector:
    top = white.curves.max()
    away = white.T.T @ (white.fit.A @ (at.q - white.fit.theta))
    scale = np.sqrt(top) * unit
    excess = np.clip(np.log(max(at.mu / top - 1, np.exp(NEAREST))), NEAREST, FARTHEST)
    return np.append(at.mu * away / scale, excess)


def _unpacked(white: Whitened, x: Vector, unit: float) -> Witness:
    top = white.curves.max()
    mu = top * (1 + np.exp(x[-1]))
    return Witness(white.fit.theta + white.T @ (np.sqrt(top) * unit * x[:-1]) / mu, float(mu))


def _smooth(white: Whitened, rows: Writable, x: Vector, heat: float) -> tuple[float, Vector]:
    """The bound with a smoothed residual, and its gradient, at a packed `(p, μ)`."""
    top, k = white.curves.max(), white.fit.poison
    scale = np.sqrt(top) * rows.unit
    grown = np.exp(x[-1])
    mu, p = top * (1 + grown), scale * x[:-1]
    far, slope = reach(rows, white.fit.theta + white.T @ p / mu, heat * rows.unit)
    room, moved = mu - white.curves, white.pull + p
    by_q = white.T.T @ slope  # the residual's slope along p, times μ
    value = white.fit.error + (moved**2 / room).sum() / 4 + mu * k * far**2 / 4
    by_p = moved / (2 * room) + k * far * by_q / 2
    by_mu = -(moved**2 / room**2).sum() / 4 + k * far**2 / 4 - k * far * (by_q @ p) / (2 * mu)
    unit = max(white.fit.error, 1e-300)
    return value / unit, np.append(by_p * scale, by_mu * top * grown) / unit
