"""Turns a candidate `(q, μ)` into a number that holds, rounding included.

For any float `θ̂` and any `ℓ` with `μA - S - ℓI ⪰ 0`, the largest value of

    φ(θ) = f(θ) - μ (θ - q)ᵀ(Aθ - b) + μ k D(q)² / 4

is at most `φ(θ̂) + ‖∇φ(θ̂)‖² / 4ℓ`; neither the clean fit nor an eigenvector has to be exact. The
matrix is positive definite where the Cholesky factorization of it, less a slack for all rounding,
goes through (Rump, "Verification of positive definiteness", BIT 2006). Every sum carries the bound
`γ_n` on its rounding error (Higham, "Accuracy and Stability of Numerical Algorithms", 2002, ch. 3).
The table's numbers count as exact; how the attacked model itself is rounded is not covered.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import scipy.linalg
from jaxtyping import Float

from .distance import farthest
from .dual import Witness
from .setting import Setting
from .writable import Writable

Vector = Float[np.ndarray, " k"]
UNIT = float(np.finfo(float).eps) / 2
MULTIPLIER_RAISES = (0.0, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)  # of μ until it is definite


class Term(NamedTuple):
    """`γ (x - α)(β - x)` with `x = sᵀθ - o`, which is not negative where `x` is in `[α, β]`."""

    s: Vector
    o: float
    low: float
    high: float
    gamma: float


def certified(
    setting: Setting,
    rows: Writable,
    poison: float,
    witness: Witness,
    terms: Sequence[Term] = (),
    raises: Sequence[float] = MULTIPLIER_RAISES,
) -> float:
    """An upper bound on the error of the fit with any `poison` added rows that may be written.

    Parameters
    ----------
    setting : Setting
        Training and judged rows.
    rows : Writable
        What the attacker may write.
    poison : float
        Number (or total weight) of the poison rows, 0 or more.
    witness : Witness
        Any `q` and `μ`; the better they are, the lower the bound.
    terms : sequence of Term
        Intervals in which the fit is known to lie, each times a `γ`, 0 or more; the bound then
        holds for fits in all of them.
    raises : sequence of float
        Shares by which `μ` is raised, one after another, until the matrix is definite.

    Returns
    -------
    float
        Mean squared error on the judged rows, in squared units of the target; infinite where the
        matrix is too badly conditioned for a proof in floating point.
    """
    if not (np.isfinite(witness.q).all() and 0 < witness.mu < np.inf):
        return np.inf
    if any(not 0 <= term.gamma < np.inf for term in terms):
        return np.inf
    reach = poison * farthest_surely(rows, witness.q) ** 2 / 4
    tries = (witness._replace(mu=witness.mu * (1 + share)) for share in raises)
    return _first(_at(setting, poison, one, reach, terms) for one in tries)


def certified_within(setting: Setting, witness: Witness, reach: float) -> float:
    """An upper bound on the error of every fit `θ` with `(θ - q)ᵀ A (θ - θ₀)` up to `reach`.

    Parameters
    ----------
    setting : Setting
        Training and judged rows.
    witness : Witness
        Any `q`, for which the `reach` is known, and any `μ`.
    reach : float
        In squared units of the target, with its rounding.

    Returns
    -------
    float
        Mean squared error on the judged rows, as in `certified`.
    """
    tries = (witness._replace(mu=witness.mu * (1 + share)) for share in MULTIPLIER_RAISES)
    return _first(_at(setting, 0, one, reach, ()) for one in tries)


def _first(bounds: Iterable[float]) -> float:
    """The first bound that is finite; infinity where none is."""
    return next((bound for bound in bounds if np.isfinite(bound)), np.inf)


def farthest_surely(rows: Writable, q: Vector) -> float:
    """The largest residual of a row that may be written, with its rounding."""
    size = np.maximum(np.abs(rows.lower), np.abs(rows.upper))
    size = np.maximum(size, np.abs(rows.origins).max(axis=0))
    total = np.abs(q[:-1]) @ size[:-1] + abs(q[-1]) + size[-1]
    return float(farthest(rows, q) + gamma(20 + 4 * len(q)) * total)


def gamma(n: float) -> float:
    """The relative error of a sum of `n` rounded products, doubled for safety."""
    return 2 * n * UNIT / (1 - n * UNIT)


def _at(
    setting: Setting, poison: float, witness: Witness, reach: float, terms: Sequence[Term]
) -> float:
    n, m, d, (q, mu) = len(setting.v), len(setting.u), len(witness.q), witness
    gram, cross = setting.moments
    A = gram + np.diag(setting.penalty(poison))
    H, scale = mu * A - setting.curve, mu * np.trace(A) + np.trace(setting.curve)
    right = mu * (A @ q + cross) - 2 * setting.M.T @ setting.u / m
    for term in terms:
        H = H + term.gamma * np.outer(term.s, term.s)
        scale += term.gamma * (term.s @ term.s)
        right = right + term.gamma * (term.low + term.high + 2 * term.o) * term.s
    room = definite(H, (n + m + d) * scale)
    if room is None:
        return np.inf
    # The maximum of φ, as well as floating point finds it; the bound holds at any point.
    theta = scipy.linalg.solve(2 * H, right, assume_a="pos")
    value, size = _height(setting, poison, witness, theta)
    steep, size_steep = _steepness(setting, poison, witness, theta)
    value, size = value + mu * reach, size + mu * abs(reach)
    for s, o, low, high, g in terms:
        x, size_x = s @ theta - o, np.abs(s) @ np.abs(theta) + abs(o)
        value += g * (x - low) * (high - x)
        size += g * (size_x + abs(low)) * (size_x + abs(high))
        steep = steep + g * (low + high - 2 * x) * s
        size_steep = size_steep + g * (abs(low) + abs(high) + 2 * size_x) * np.abs(s)
    error = gamma(4 * (n + m + d) + 40 + 20 * len(terms))
    slack = np.linalg.norm(np.abs(steep) + error * size_steep) ** 2 / (4 * room)
    return float((value + error * size + slack) * (1 + 8 * UNIT))


def _height(
    setting: Setting, poison: float, witness: Witness, theta: Vector
) -> tuple[float, float]:
    """`f(θ) - μ (θ - q)ᵀ(Aθ - b)`, and the sum of the sizes of all that is added up in it."""
    (q, mu), P, w = witness, setting.penalty(poison), setting.w
    missed, behind = setting.M @ theta - setting.u, setting.Z @ (theta - q)
    wrong = setting.Z @ theta - setting.v
    value = np.mean(missed**2) - mu * ((w * behind) @ wrong + ((theta - q) * P) @ theta)
    big, bigger = np.abs(theta), np.abs(theta) + np.abs(q)
    size_missed = np.abs(setting.M) @ big + np.abs(setting.u)
    size_wrong = np.abs(setting.Z) @ big + np.abs(setting.v)
    size = np.mean(size_missed**2)
    size += mu * ((w * (np.abs(setting.Z) @ bigger)) @ size_wrong + (bigger * P) @ big)
    return float(value), float(size)


def _steepness(
    setting: Setting, poison: float, witness: Witness, theta: Vector
) -> tuple[Vector, Vector]:
    """The gradient of `_height` at `θ`, and the sums of the sizes of its terms."""
    (q, mu), P, w, m = witness, setting.penalty(poison), setting.w, len(setting.u)
    steep = 2 * setting.M.T @ (setting.M @ theta - setting.u) / m
    along = setting.Z @ theta - setting.v + setting.Z @ (theta - q)
    steep -= mu * (setting.Z.T @ (w * along) + P * (2 * theta - q))
    big, bigger = np.abs(theta), 2 * np.abs(theta) + np.abs(q)
    size = 2 * np.abs(setting.M).T @ (np.abs(setting.M) @ big + np.abs(setting.u)) / m
    along = np.abs(setting.Z) @ bigger + np.abs(setting.v)
    size += mu * (np.abs(setting.Z).T @ (w * along) + P * bigger)
    return steep, size


def definite(matrix: np.ndarray, scale: float) -> float | None:
    """A proven lower bound on the least eigenvalue of a matrix, or None.

    `scale` is the number of rounded terms times the trace of what the matrix was summed from.
    """
    slack = 8 * UNIT * (scale + 20 * np.trace(np.abs(matrix)))
    least = float(np.linalg.eigvalsh(matrix)[0]) / 2
    if not least > slack:
        return None
    try:
        np.linalg.cholesky(matrix - (least + slack) * np.eye(len(matrix)))
    except np.linalg.LinAlgError:
        return None
    return least
