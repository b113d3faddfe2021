"""The same proof where each group of rows has an intercept of its own (fixed effects).

Leaving `m` of the `n_g` rows of a group out also moves the mean of those that stay. In rows `d_i`
told from their group's mean, a sum `Σ d_i s_i` over the rows left out becomes `Σ d_i s_i +
(Σ d_i)(Σ s_i) / (n_g - m)`. The second part is bounded group by group for each `m`, by the smaller
of what `m` rows and what the `n_g - m` others can sum up to, since together they sum to zero; a
knapsack over the groups gives the most for `k` rows in all. So a small group costs no more than the
whole of it is worth, where a column for each group would leave nothing to prove from its size on.

With `β = Σ d α`, `w = Σ d r` and `X = Σ d dᵀ`, each with its second part, the fall is
`Σ α r + βᵀ (I - X)⁻¹ w <= Σ α r + βᵀw + ‖X^½ β‖ ‖X^½ w‖ / (1 - κ)`, for `κ` no less than the
largest eigenvalue of `X`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from .effect import Effect
from .pairs import best_others, blocks, over_sets, top

Vector = Float[np.ndarray, " n"]
Matrix = Float[np.ndarray, "n k"]


class _Parts(NamedTuple):
    """For 1, 2, … rows left out: the fall to first order, and the second parts of `β`, `w`, `X`."""

    direct: Vector
    of_alpha: Vector
    of_residual: Vector
    of_rows: Vector


def grouped_fall(effect: Effect, groups: Int[np.ndarray, " n"], most: int) -> Vector:
    """For 1 to `most` rows, a bound on the fall of the number that their removal brings."""
    order = np.argsort(groups, kind="stable")
    tables = [
        _parts(effect.x[rows], effect.alpha[rows], effect.residual[rows], most)
        for rows in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    ]
    direct, b1, w1, x1 = (_knapsack(part, most) for part in zip(*tables, strict=True))
    pairs, b0, w0, reach_b, reach_w, kappa = _between(effect, most)
    beta, w, wide = b0 + b1, w0 + w1, kappa + x1
    by_b = np.sqrt((reach_b + np.sqrt(kappa) * b1) ** 2 + x1 * beta**2)
    by_w = np.sqrt((reach_w + np.sqrt(kappa) * w1) ** 2 + x1 * w**2)
    rest = np.minimum(wide * beta * w, by_b * by_w)
    total = direct + pairs + b0 * w1 + b1 * w
    return np.where(wide < 1, total + rest / np.where(wide < 1, 1 - wide, 1.0), np.inf)


def _between(effect: Effect, most: int) -> tuple[Vector, ...]:
    """What the first parts of `β` and `w` can be: `βᵀw`, `‖β‖`, `‖w‖`, `‖Dβ‖`, `‖Dw‖`, and `κ`."""
    x, a, r = effect.x, effect.alpha, effect.residual
    pairs, of_a, of_r, sizes, squares, reach_a, reach_r = (
        np.empty((len(r), most)) for _ in range(7)
    )
    for at in blocks(len(r)):
        gram = x[at] @ x.T
        own = np.arange(len(at)), at

        def sums(matrix, own=own):
            diagonal = matrix[own]
            return diagonal[:, None] + best_others(matrix, own, most)

        pairs[at] = sums(gram * (np.outer(a[at], r) + np.outer(r[at], a)) / 2)
        of_a[at], of_r[at] = sums(gram * np.outer(a[at], a)), sums(gram * np.outer(r[at], r))
        sizes[at], squares[at] = sums(np.abs(gram)), sums(gram**2)
        reach_a[at] = np.maximum(sums(gram * a), sums(-gram * a)) ** 2
        reach_r[at] = np.maximum(sums(gram * r), sums(-gram * r)) ** 2
    kappa = np.minimum(sizes.max(axis=0), np.sqrt(over_sets(squares)))
    kappa = np.minimum(kappa, top((x**2).sum(axis=1), most))
    roots = [np.sqrt(np.maximum(over_sets(s), 0.0)) for s in (of_a, of_r, reach_a, reach_r)]
    return over_sets(pairs), *roots, kappa


def _parts(d: Matrix, alpha: Vector, residual: Vector, most: int) -> _Parts:
    """The parts of one group, for each number of its rows that is left out."""
    n = len(alpha)
    removed = np.arange(1, min(n, most) + 1)
    left = np.maximum(n - removed, 1)
    own = np.arange(n), np.arange(n)
    length = np.sqrt(np.maximum(over_sets(_with_own(d @ d.T, own)), 0.0))
    s, a, r = (_either(one, removed) for one in (length, _largest(alpha), _largest(residual)))
    product = np.outer(alpha, residual)
    mixed = over_sets(_with_own((product + product.T) / 2, own))
    first = top(alpha * residual, n)[removed - 1] + mixed[removed - 1] / left
    apart = (alpha[:, None] - alpha) * (residual[:, None] - residual)
    kept = np.append(over_sets(_with_own(-apart, own)), 0.0)[n - removed - 1]
    # The least contribution of the rows that stay; 0 where the whole group is removed.
    second = alpha @ residual + np.where(removed < n, kept / (2 * left), 0.0)
    return _Parts(np.minimum(first, second), s * a / left, s * r / left, s * s / left)


def _either(most: Vector, removed: Int[np.ndarray, " k"]) -> Vector:
    """The smaller of what the rows left out and the others can sum up to; 0 where none is left."""
    n = len(most)
    return np.minimum(most[removed - 1], np.append(most[:-1], 0.0)[n - removed - 1])


def _largest(values: Vector) -> Vector:
    """The largest absolute sum of k values, for each k."""
    return np.maximum(np.abs(top(values, len(values))), np.abs(top(-values, len(values))))


def _with_own(matrix: Matrix, own: tuple) -> Matrix:
    diagonal = matrix[own]
    return diagonal[:, None] + best_others(matrix, own, len(matrix))


def _knapsack(tables: Sequence[Vector], most: int) -> Vector:
    """The largest sum over the groups for 1 to `most` rows in all, where a group may have none."""
    best = np.zeros(most + 1)
    for values in tables:
        before = best.copy()
        for m, value in enumerate(values, start=1):
            if value > 0:
                np.maximum(best[m:], before[: most + 1 - m] + value, out=best[m:])
    return best[1:]
