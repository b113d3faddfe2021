"""A ridge regression, the rows that train it, and the rows on which it is judged."""

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg
from jaxtyping import Float

from ..errors import InputError

Vector = Float[np.ndarray, " k"]
Matrix = Float[np.ndarray, "n k"]


class Setting:
    """Clean training rows and judged rows of a ridge regression.

    The model minimizes `(1/N) (Σ w (y - zᵀθ)² + poison) + l2 ‖slopes‖²`, where `N` is the total
    weight with the poison, `z = (x, 1)` and `θ` holds the slopes and, last, the free intercept.
    The error is the mean squared error on the judged rows.

    Parameters
    ----------
    X, y : (n, d) and (n,) array
        Clean training rows, scaled.
    judged_X, judged_y : (m, d) and (m,) array
        Rows on which the error is measured.
    l2 : float
        Penalty on the mean loss; must be positive.
    weight : (n,) array, optional
        How often each clean row counts; 1 by default.

    Raises
    ------
    InputError
        Where a number is not finite or the penalty is not positive: the theorems need both.

    Examples
    --------
    >>> import numpy as np
    >>> X, y = np.array([[0.0], [0.5], [1.0]]), np.array([0.0, 0.4, 1.0])
    >>> Setting(X, y, X, y, l2=1e-3).fit(0).error < 0.01
    True
    """

    def __init__(self, X: Any, y: Any, judged_X: Any, judged_y: Any, *, l2: float, weight=None):
        self.Z, self.v = _design(X), np.asarray(y, float)
        self.M, self.u = _design(judged_X), np.asarray(judged_y, float)
        self.w = np.ones(len(self.v)) if weight is None else np.asarray(weight, float)
        self.l2 = float(l2)
        if not 0 < self.l2 < np.inf:
            raise InputError(
                f"A bound needs a penalty, and l2 is {self.l2:g}: without one a single row can "
                "move the model without limit; give l2 > 0."
            )
        if not all(np.isfinite(a).all() for a in (self.Z, self.v, self.M, self.u, self.w)):
            raise InputError("The rows hold numbers that are not finite; leave those rows out.")
        if (self.w < 0).any() or self.w.sum() <= 0 or not len(self.u):
            raise InputError("A bound needs clean rows and judged rows of positive weight.")

    @cached_property
    def moments(self) -> tuple[Matrix, Vector]:
        """`ZᵀWZ` and `ZᵀWv` of the clean rows."""
        return self.Z.T @ (self.w[:, None] * self.Z), self.Z.T @ (self.w * self.v)

    @property
    def curve(self) -> Matrix:
        """`S = MᵀM / m`: half the second derivative of the error."""
        return self._curve

    @cached_property
    def _curve(self) -> Matrix:
        return self.M.T @ self.M / len(self.u)

    def penalty(self, poison: float) -> Vector:
        """Give the penalty on each parameter where poison rows are added.

        Parameters
        ----------
        poison : float
            Their number, or total weight.

        Returns
        -------
        (d + 1,) array
            The penalties; that of the intercept is 0.
        """
        return np.append(np.full(self.Z.shape[1] - 1, (self.w.sum() + poison) * self.l2), 0.0)

    def error(self, theta: Vector) -> float:
        """Mean squared error on the judged rows.

        Parameters
        ----------
        theta : (d + 1,) array
            Slopes and, last, the intercept.

        Returns
        -------
        float
            In squared units of the target.
        """
        return float(np.mean((self.u - self.M @ theta) ** 2))

    def slope(self, theta: Vector) -> Vector:
        """Gradient of the error.

        Parameters
        ----------
        theta : (d + 1,) array
            Slopes and, last, the intercept.

        Returns
        -------
        (d + 1,) array
            The derivative by each of them.
        """
        return 2 * (self.M.T @ (self.M @ theta - self.u)) / len(self.u)

    def fit(self, poison: float) -> "Fit":
        """Fit the clean rows with the penalty that poison rows bring.

        Parameters
        ----------
        poison : float
            Number, or total weight, of the poison rows.

        Returns
        -------
        Fit
            The normal equations, their solution and its error.
        """
        gram, cross = self.moments
        A = gram + np.diag(self.penalty(poison))
        theta = scipy.linalg.solve(A, cross, assume_a="pos")
        return Fit(poison, A, cross, theta, self.error(theta))


class Fit(NamedTuple):
    """The normal equations `A θ = b` of the clean rows with the penalty of `N = n + poison`."""

    poison: float
    A: Matrix
    b: Vector
    theta: Vector
    error: float


def _design(X: Any) -> Matrix:
    X = np.asarray(X, float)
    return np.column_stack([X, np.ones(len(X))])
