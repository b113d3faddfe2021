"""The fewest rows whose removal turns the sign of a coefficient of least squares.

`greedy_flip` removes rows one by one and refits exactly: so many rows suffice. `certified_rows`
proves that no set of so many rows does. With whitened rows `x_j = A^{-1/2} z_j`, residuals `r_j`,
`α_j` the weight of row `j` in the coefficient and `G` the matrix of the `x_iᵀx_j`, the fit without
rows `R` obeys `v = -Σ_R x_j r_j + Σ_R x_j x_jᵀ v` for `v = A^{1/2}(θ_R - θ₀)`. So `‖v‖ <= t =
σ/(1 - κ)`, with `σ` a bound on `‖Σ_R x_j r_j‖` and `κ < 1` one on the largest eigenvalue of the
rows' part of `G`, and the coefficient falls by no more than

    top-k Σ (α r)₊ + σ_α t    and    top-k Σ ((α r)₊ + |α| √h t),

where `σ_α` bounds `‖Σ_R α_j x_j‖` and `h_j = G_jj`.
"""

from typing import Any, NamedTuple

import numpy as np
import scipy.linalg
from jaxtyping import Float, Int

from ..errors import InputError

Vector = Float[np.ndarray, " n"]
Matrix = Float[np.ndarray, "n k"]
MARGIN = 1e-8  # of the coefficient: far above the rounding of an orthogonal factorization
FULL = 1e-10  # share of the largest singular value below which a design has no full rank
MOST_PAIRS = 2500  # rows beyond which pairs of rows are not compared


class _Whitened(NamedTuple):
    x: Matrix
    residual: Vector
    alpha: Vector
    coefficient: float


def greedy_flip(Z: Any, y: Any, column: int, *, most: int | None = None) -> Int[np.ndarray, " k"]:
    """Rows whose removal turns the sign of a coefficient, found one after another.

    Each step removes the row that moves the coefficient farthest, refitted exactly.

    Parameters
    ----------
    Z : (n, k) array
        The design, with its intercept and fixed effects as columns; of full rank.
    y : (n,) array
        The target.
    column : int
        The column of the coefficient.
    most : int, optional
        Rows to remove at most; by default a half of them.

    Returns
    -------
    (r,) array of int
        The rows in the order of their removal; empty where `most` rows do not suffice.

    Raises
    ------
    InputError
        Where the design is not of full rank.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([0.0, 1.0, 2.0, 3.0, 10.0])
    >>> y = np.array([0.3, 0.2, 0.1, 0.0, 5.0])
    >>> greedy_flip(np.column_stack([x, np.ones(5)]), y, 0)
    array([4])
    """
    Z, y = np.asarray(Z, float), np.asarray(y, float)
    sign = np.sign(_whitened(Z, y, column).coefficient)
    kept, gone = np.arange(len(y)), []
    for _ in range(len(y) // 2 if most is None else most):
        now = _whitened(Z[kept], y[kept], column)
        room = 1 - (now.x**2).sum(axis=1)
        # A row of leverage 1 decides a parameter alone and cannot be left out.
        with np.errstate(divide="ignore", invalid="ignore"):
            fall = np.where(room > FULL, sign * now.alpha * now.residual / room, -np.inf)
        at = int(np.argmax(fall))
        gone.append(int(kept[at]))
        kept = np.delete(kept, at)
        if sign * (now.coefficient - sign * fall[at]) < 0:
            return np.array(gone)
    return np.array([], int)


def certified_rows(Z: Any, y: Any, column: int) -> int:
    """A number of rows of which no set, removed, turns the sign of a coefficient.

    Parameters
    ----------
    Z : (n, k) array
        The design, with its intercept and fixed effects as columns; of full rank.
    y : (n,) array
        The target.
    column : int
        The column of the coefficient.

    Returns
    -------
    int
        Proved for this number and every smaller one; more rows may be harmless, too. Pairs of
        rows are compared up to 2,500 rows; beyond that the proof is by leverages alone and weaker.

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
    white = _whitened(np.asarray(Z, float), np.asarray(y, float), column)
    leverage, sign = (white.x**2).sum(axis=1), np.sign(white.coefficient)
    pull, size = np.maximum(sign * white.alpha * white.residual, 0.0), np.abs(white.alpha)
    pairs = white.x @ white.x.T if len(leverage) <= MOST_PAIRS else None
    widest = _widest(pairs, leverage)
    forces = [_lengths(pairs, leverage, some, widest) for some in (white.residual, white.alpha)]
    for k in range(1, len(leverage)):
        if widest[k - 1] >= 1 - MARGIN:
            return k - 1
        t = forces[0][k - 1] / (1 - widest[k - 1])
        falls = _top(pull)[k - 1] + forces[1][k - 1] * t, _top(pull + size * np.sqrt(leverage) * t)
        if min(falls[0], falls[1][k - 1]) >= abs(white.coefficient) * (1 - MARGIN):
            return k - 1
    return len(leverage) - 1


def _whitened(Z: Matrix, y: Vector, column: int) -> _Whitened:
    q, r = np.linalg.qr(Z)
    diagonal = np.abs(np.diag(r))
    if len(Z) <= Z.shape[1] or diagonal.min() <= FULL * diagonal.max():
        raise InputError(
            "The design has columns that depend on one another, so that its coefficients mean "
            "nothing; leave one of them out."
        )
    theta = scipy.linalg.solve_triangular(r, q.T @ y)
    unit = np.zeros(len(r))
    unit[column] = 1.0
    a = scipy.linalg.solve_triangular(r.T, unit, lower=True)
    return _Whitened(q, y - Z @ theta, q @ a, float(theta[column]))


def _top(values: Vector) -> Vector:
    """The largest sum of k of the values, for each k from 1 on."""
    return np.cumsum(np.sort(values)[::-1])


def _widest(pairs: Matrix | None, leverage: Vector) -> Vector:
    """For each k, a bound on the largest eigenvalue that k rows have in the Gram matrix."""
    least = _top(leverage)
    if pairs is None:
        return least
    # Gershgorin's circles, and the Frobenius norm.
    circles, squares = _row_sums(np.abs(pairs)).max(axis=0), _over_sets(_row_sums(pairs**2))
    return np.minimum(least, np.minimum(circles, np.sqrt(squares)))


def _lengths(pairs: Matrix | None, leverage: Vector, scale: Vector, widest: Vector) -> Vector:
    """For each k, a bound on `‖Σ_R s_j x_j‖` over sets of k rows."""
    least = np.minimum(_top(np.abs(scale) * np.sqrt(leverage)), np.sqrt(widest * _top(scale**2)))
    if pairs is None:
        return least
    sums = _row_sums(np.maximum(pairs * scale[:, None] * scale[None, :], 0.0))
    return np.minimum(least, np.sqrt(_over_sets(sums)))


def _over_sets(sums: Matrix) -> Vector:
    """For each k, the k largest of the rows' sums over k rows: a bound on a sum over pairs."""
    return np.array([np.sort(sums[:, k])[::-1][: k + 1].sum() for k in range(len(sums))])


def _row_sums(matrix: Matrix) -> Matrix:
    """The largest sum of the diagonal and k - 1 others, for each row and each k."""
    rest = matrix - np.diag(np.diag(matrix))
    np.fill_diagonal(rest, -np.inf)
    sums = np.cumsum(np.sort(rest, axis=1)[:, :0:-1], axis=1)
    return np.diag(matrix)[:, None] + np.insert(sums, 0, 0.0, axis=1)
