"""Sums over sets of rows, bounded row by row: no set of k rows sums up to more than these.

A sum over the pairs of `k` rows is a sum over the rows of what each has with the others. For each
row no `k - 1` others give more than the best for it, and no `k` rows more than the `k` best.
"""

import numpy as np
from jaxtyping import Float

Vector = Float[np.ndarray, " n"]
Matrix = Float[np.ndarray, "n k"]
_ROWS_AT_ONCE = 512  # rows whose pairs with all others are computed together


def blocks(n: int) -> list[np.ndarray]:
    """The numbers of the rows, a block at a time."""
    return [np.arange(first, min(first + _ROWS_AT_ONCE, n)) for first in range(0, n, _ROWS_AT_ONCE)]


def best_others(matrix: Matrix, own: tuple, most: int) -> Matrix:
    """For each row and k = 1 … `most`, the largest sum of k - 1 entries besides its own."""
    matrix[own] = -np.inf
    many = min(most - 1, matrix.shape[1] - 1)
    if many <= 0:
        return np.zeros((len(matrix), most))
    best = np.partition(matrix, matrix.shape[1] - many, axis=1)[:, -many:]
    sums = np.cumsum(np.sort(best, axis=1)[:, ::-1], axis=1)
    return np.insert(sums, 0, 0.0, axis=1)


def over_sets(sums: Matrix) -> Vector:
    """For each k, the k largest of the rows' sums over k rows: a bound on a sum over pairs."""
    return np.array([top(sums[:, k], k + 1)[k] for k in range(sums.shape[1])])


def top(values: Vector, most: int) -> Vector:
    """The largest sum of k of the values, for each k from 1 to `most`."""
    if most < len(values):
        values = np.partition(values, len(values) - most)[-most:]
    return np.cumsum(np.sort(values)[::-1])
