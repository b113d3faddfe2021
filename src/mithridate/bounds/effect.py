"""A number of a least-squares fit, and the fit on the rows that are left.

The number is `aᵀθ`: a coefficient, or a prediction. Fixed effects are absorbed: rows and target
are taken less the mean of their group, which gives the same slopes as a column for each group.
"""

from typing import Any, NamedTuple

import numpy as np
import scipy.linalg
from jaxtyping import Float, Int

from ..errors import InputError

Vector = Float[np.ndarray, " n"]
Matrix = Float[np.ndarray, "n k"]
Labels = Int[np.ndarray, " n"]
_FULL_RANK = 1e-10  # share of the largest singular value below which a design has no full rank


class Effect(NamedTuple):
    """A number `aᵀθ` of a least-squares fit, in coordinates where `ZᵀZ` is the identity.

    Parameters
    ----------
    x : (n, k) array
        The rows, less the mean of their group if there are groups.
    y : (n,) array
        The targets, less the mean of their group.
    weight : (k,) array
        The direction `a`.
    groups : (n,) array of int, optional
        The group of each row, or None.
    value : float
        The number `aᵀθ`.
    residual : (n,) array
        What the fit leaves of each target.
    alpha : (n,) array
        The weight of each target in the number.
    """

    x: Matrix
    y: Vector
    weight: Vector
    groups: Labels | None
    value: float
    residual: Vector
    alpha: Vector

    @classmethod
    def of(cls, Z: Any, y: Any, a: Any, groups: Any = None) -> "Effect":
        """The number `aᵀθ` of the fit of `y` (n,) on the columns of `Z` (n, k).

        Parameters
        ----------
        Z : (n, k) array
            The design, with its intercept as a column unless there are groups; of full rank.
        y : (n,) array
            The target.
        a : (k,) array
            A unit vector for a coefficient, a row for its prediction.
        groups : (n,) array of int, optional
            The group of each row, from 0 on: each has an intercept of its own.

        Returns
        -------
        Effect
            The number, with what its changes depend on.

        Raises
        ------
        InputError
            Where the design is not of full rank.
        """
        Z, y = np.asarray(Z, float), np.asarray(y, float)
        groups = None if groups is None else np.asarray(groups, int)
        x, y = within(Z, groups), within(y[:, None], groups)[:, 0]
        size = np.linalg.norm(Z, axis=0)
        # A column that is the same in each group is left with rounding alone.
        if len(x) <= x.shape[1] or (np.linalg.norm(x, axis=0) <= _FULL_RANK * size).any():
            raise dependent()
        q, r = np.linalg.qr(x)
        diagonal = np.abs(np.diag(r))
        if diagonal.min() <= _FULL_RANK * diagonal.max():
            raise dependent()
        theta = scipy.linalg.solve_triangular(r, q.T @ y)
        weight = scipy.linalg.solve_triangular(r.T, np.asarray(a, float), lower=True)
        value = float(weight @ (q.T @ y))
        return cls(q, y, weight, groups, value, y - x @ theta, q @ weight)


class State(NamedTuple):
    """The fit on the rows that are left, and what leaving one more out would do to it.

    Parameters
    ----------
    rows : (m,) array of int
        Their numbers.
    value : float
        The number `aᵀθ` of the fit on them.
    residual, alpha : (m,) array
        The residuals, and the weight of each target in the number.
    room : (m,) array
        For each row `1 - h`, its leverage `h`; 0 for a row that cannot be left out.
    spread : float
        The factor `aᵀA⁻¹a` of the number's variance.
    freedom : int
        Degrees of freedom that are left.
    """

    rows: Labels
    value: float
    residual: Vector
    alpha: Vector
    room: Vector
    spread: float
    freedom: int

    @classmethod
    def of(cls, effect: Effect, rows: Labels) -> "State":
        """Fit the number on some of the rows.

        Parameters
        ----------
        effect : Effect
            The number.
        rows : (m,) array of int
            The rows that are left.

        Returns
        -------
        State
            The fit on them.
        """
        groups = None if effect.groups is None else effect.groups[rows]
        x = within(effect.x[rows], groups)
        y = within(effect.y[rows, None], groups)[:, 0]
        inverse = np.linalg.inv(x.T @ x)
        theta, pull = inverse @ (x.T @ y), inverse @ effect.weight
        leverage, absorbed = np.einsum("ij,jk,ik->i", x, inverse, x, optimize=True), 0
        if groups is not None:
            count = np.bincount(groups)
            leverage, absorbed = leverage + 1 / count[groups], int((count > 0).sum())
        room = np.where(1 - leverage > _FULL_RANK, 1 - leverage, 0.0)
        freedom = len(rows) - x.shape[1] - absorbed
        value, spread = float(effect.weight @ theta), float(effect.weight @ pull)
        return cls(rows, value, y - x @ theta, x @ pull, room, spread, freedom)

    def without(self) -> Vector:
        """Give the value after each row is left out alone.

        Returns
        -------
        (m,) array
            The values; NaN where a row cannot be left out.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(
                self.room > 0, self.value - self.alpha * self.residual / self.room, np.nan
            )


def within(rows: Matrix, groups: Labels | None) -> Matrix:
    """Take the mean of its group from each row.

    Parameters
    ----------
    rows : (n, k) array
        The rows.
    groups : (n,) array of int, optional
        The group of each row, from 0 on; without groups the rows stay as they are.

    Returns
    -------
    (n, k) array
        The rows less their means.
    """
    if groups is None:
        return rows
    count = np.maximum(np.bincount(groups), 1)
    means = np.column_stack([np.bincount(groups, column) for column in rows.T]) / count[:, None]
    return rows - means[groups]


def dependent() -> InputError:
    """The error for a design whose coefficients mean nothing."""
    return InputError(
        "The design has columns that depend on one another, so that its coefficients mean "
        "nothing; leave one of them out."
    )
