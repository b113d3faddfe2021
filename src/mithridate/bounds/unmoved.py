"""So many rows of a least-squares fit cannot move a number of it, whichever they are: a proof.

With `G` the matrix of `x_iᵀx_j`, leaving the rows `R` out lowers `aᵀθ` by `α_Rᵀ (I - G_R)⁻¹ r_R`.
Scaled by the roots of `1 - G_ii`, this is `ãᵀ (I - O)⁻¹ r̃` with `O` off the diagonal alone, and

    ãᵀ (I - O)⁻¹ r̃ <= ãᵀr̃ + ãᵀ O r̃ + ‖O p‖² / 4 (1 - λ),    p = √s ã + r̃ / √s,

for every `s > 0` and `λ < 1` no less than the largest eigenvalue of `O`: by `ãᵀMr̃ =
¼ (pᵀMp - mᵀMm)` for the rest `M = O (I - O)⁻¹ O`, which is not negative. Each term is a sum over
the rows of `R` of something that no other `k - 1` rows can make larger than the `k - 1` best for
that row, so the `k` largest of the rows' sums bound it.
"""

from typing import Any

import numpy as np
from jaxtyping import Float

from .effect import Effect
from .grouped import grouped_fall
from .pairs import best_others, blocks, over_sets, top

Vector = Float[np.ndarray, " n"]
Matrix = Float[np.ndarray, "n k"]
_MARGIN = 1e-8  # of the fall: far above the rounding of an orthogonal factorization
MOST_PAIRS = 6000  # rows beyond which pairs of rows are not compared
_FIRST_ROWS = 32  # rows for which a proof is tried first; then twice as many, and so on
_SCALES = (0.6, 1.0, 1.6)  # of s, times ‖r̃‖ / ‖ã‖
_TINY = 1e-12


def certified_rows(Z: Any, y: Any, column: int, *, groups: Any = None) -> int:
    """A number of rows of which no set, removed, turns the sign of a coefficient.

    Parameters
    ----------
    Z : (n, k) array
        The design, with its intercept as a column unless there are groups; of full rank.
    y : (n,) array
        The target.
    column : int
        The column of the coefficient.
    groups : (n,) array of int, optional
        The group of each row, from 0 on, for fixed effects that are not columns of the design.

    Returns
    -------
    int
        Proved for this number and every smaller one; more rows may be harmless, too. Pairs of
        rows are compared up to 6,000 rows; beyond that the proof is by leverages alone and weaker.

    Raises
    ------
    InputError
        Where the design is not of full rank.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.linspace(0, 1, 50)
    >>> certified_rows(np.column_stack([x, np.ones(50)]), x + 0.01 * np.cos(40 * x), 0) >= 5
    True
    """
    effect = Effect.of(Z, y, np.eye(np.shape(Z)[1])[column], groups)
    return unmoved(effect, effect.value)


def unmoved(effect: Effect, fall: float) -> int:
    """A number of rows whose removal, whichever they are, does not lower `aᵀθ` by `fall`.

    Parameters
    ----------
    effect : Effect
        The number `aᵀθ`.
    fall : float
        By how much it would have to fall, or to rise where this is negative.

    Returns
    -------
    int
        Proved for this number and every smaller one.
    """
    return len(falls_at_most(effect, fall))


def falls_at_most(effect: Effect, fall: float) -> Vector:
    """How far `aᵀθ` can fall, or rise, for each number of rows that is proved to be too small.

    Parameters
    ----------
    effect : Effect
        The number `aᵀθ`.
    fall : float
        By how much it would have to fall, or to rise where this is negative.

    Returns
    -------
    (k,) array
        For 1 to k rows, each below the absolute value of `fall`.
    """
    limit = abs(fall) * (1 - _MARGIN)
    effect = effect._replace(alpha=np.sign(fall) * effect.alpha)
    n = len(effect.y)
    if n > MOST_PAIRS:
        return _below(_by_leverage(effect, n - 1, limit), limit)
    most = min(_FIRST_ROWS, n - 1)
    while True:
        proved = _below(_by_pairs(effect, most), limit)
        if effect.groups is not None:
            other = _below(grouped_fall(effect, effect.groups, most), limit)
            proved = max(proved, other, key=len)
        if len(proved) < most or most == n - 1:
            return proved
        most = min(2 * most, n - 1)


def _below(falls: Vector, limit: float) -> Vector:
    """The bounds for 1, 2, … rows, as long as they are below the limit."""
    broken = np.flatnonzero(~(falls < limit))
    return falls[: broken[0]] if broken.size else falls


def _by_pairs(effect: Effect, most: int) -> Vector:
    """For 1 to `most` rows, a bound on the fall that their removal brings."""
    n, groups = len(effect.y), effect.groups
    room = np.sqrt(np.maximum(1 - leverages(effect), 0.0))
    # A row of leverage 1 has a parameter of its own and moves no other.
    room[room**2 <= _MARGIN] = np.inf
    a, r = effect.alpha / room, effect.residual / room
    unit = np.sqrt(max(np.linalg.norm(r), _TINY) / max(np.linalg.norm(a), _TINY))
    ps = [np.sqrt(s) * unit * a + r / (np.sqrt(s) * unit) for s in _SCALES]
    pairs, sizes, squares = (np.empty((n, most)) for _ in range(3))
    reach = [np.empty((n, most)) for _ in _SCALES]
    for at in blocks(n):
        cross = effect.x[at] @ effect.x.T
        if groups is not None:
            cross += (groups[at, None] == groups) / np.bincount(groups)[groups]
        cross /= np.outer(room[at], room)
        own = np.arange(len(at)), at
        cross[own] = 0.0
        pairs[at] = best_others(cross * (np.outer(a[at], r) + np.outer(r[at], a)) / 2, own, most)
        sizes[at] = best_others(np.abs(cross), own, most)
        squares[at] = best_others(cross**2, own, most)
        for of_p, p in zip(reach, ps, strict=True):
            ends = best_others(cross * p, own, most), best_others(-cross * p, own, most)
            of_p[at] = np.maximum(*ends) ** 2
    lam = np.minimum(sizes.max(axis=0), np.sqrt(over_sets(squares)))
    straight, scale = (a * r)[:, None] + pairs, 4 * np.where(lam < 1, 1 - lam, 1.0)
    falls = np.min([over_sets(straight + of_p / scale) for of_p in reach], axis=0)
    return np.where(lam < 1, falls, np.inf)


def _by_leverage(effect: Effect, most: int, limit: float) -> Vector:
    """The same by leverages alone: `top-k Σ αr + σ_α σ_r / (1 - κ)`, and a form row by row."""
    leverage = leverages(effect)
    widest = np.minimum(top(leverage, most), 1.0)
    gain, size = effect.alpha * effect.residual, np.abs(effect.alpha)
    root = np.sqrt(leverage)
    forces = [
        np.minimum(top(np.abs(s) * root, most), np.sqrt(widest * top(s**2, most)))
        for s in (effect.residual, effect.alpha)
    ]
    falls = np.full(most, np.inf)
    for k in range(1, most + 1):
        if widest[k - 1] >= 1 - _MARGIN:
            break
        t = forces[0][k - 1] / (1 - widest[k - 1])
        each = top(gain + size * root * t, k)[k - 1]
        falls[k - 1] = min(top(gain, k)[k - 1] + forces[1][k - 1] * t, each)
        if falls[k - 1] >= limit:
            break
    return falls


def leverages(effect: Effect) -> Vector:
    """The leverage of each row, with that of its group's own intercept."""
    leverage = (effect.x**2).sum(axis=1)
    if effect.groups is None:
        return leverage
    return leverage + 1 / np.bincount(effect.groups)[effect.groups]
