"""Weighted first and second moments of a table: all that a linear method needs to know of it."""

from typing import Any, NamedTuple

from jaxtyping import Float

Array = Any  # NumPy or JAX; this module imports neither


class Moments(NamedTuple):
    """Weighted first and second moments of rows `z = (x, y)`, the target last.

    `weight = Σw`, `mean = Σw z / Σw` and `scatter = Σw (z - mean)(z - mean)ᵀ`. Moments form a
    commutative monoid under `merge`, so a table may be cut anywhere. Arrays may be those of NumPy
    or of JAX.

    Parameters
    ----------
    weight : float or scalar array
        Total weight of the rows.
    mean : array, shape (d + 1,)
        Weighted mean, in the units of the columns.
    scatter : array, shape (d + 1, d + 1)
        Weighted sum of the products of centered columns, in products of their units.

    References
    ----------
    Chan, Golub and LeVeque, "Algorithms for computing the sample variance" (1983), for `merge`.

    Examples
    --------
    >>> import numpy as np
    >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 3.0, 5.0])
    >>> coef, intercept = Moments.of(X, y, np.ones(3)).ridge(l2=0.0)
    >>> coef.round(6), intercept.round(6)
    (array([2.]), np.float64(1.0))
    """

    weight: Float[Array, ""]
    mean: Float[Array, " k"]
    scatter: Float[Array, "k k"]

    @classmethod
    def of(cls, X: Float[Array, "n d"], y: Float[Array, " n"], w: Float[Array, " n"]) -> "Moments":
        """Compute the moments of rows.

        Parameters
        ----------
        X : array, shape (n, d)
            Features.
        y : array, shape (n,)
            Targets.
        w : array, shape (n,)
            How many times each row counts. A row of weight 0 is absent, but its values must be
            finite.

        Returns
        -------
        Moments
            Those of the rows; with a total weight of 0, the mean has no meaning.
        """
        xp = X.__array_namespace__()
        z = xp.concat([X, y[:, None]], axis=1)
        weight = xp.sum(w)
        # Where nothing is present any finite mean will do: it is merged with weight 0.
        mean = (w @ z) / xp.where(weight > 0, weight, 1.0)
        centered = z - mean[None, :]
        return cls(weight, mean, centered.T @ (centered * w[:, None]))

    def merge(self, other: "Moments") -> "Moments":
        """Compute the moments of two tables put together; no large sums are ever subtracted.

        Parameters
        ----------
        other : Moments
            Those of the other table.

        Returns
        -------
        Moments
            Those of all rows of both.
        """
        xp = self.mean.__array_namespace__()
        weight = self.weight + other.weight
        share = other.weight / xp.where(weight > 0, weight, 1.0)
        delta = other.mean - self.mean
        cross = delta[:, None] * delta[None, :] * (self.weight * share)
        return Moments(weight, self.mean + delta * share, self.scatter + other.scatter + cross)

    def ridge(self, l2: Any) -> tuple[Float[Array, " d"], Float[Array, ""]]:
        """Solve ridge regression of the target on the features, with a free intercept.

        Minimizes `(1/Σw) Σ w (y - xb - c)² + l2 ‖b‖²`.

        Parameters
        ----------
        l2 : float
            The penalty on the mean loss, in units of x².

        Returns
        -------
        coef : array, shape (d,)
            The coefficients b, in units of y/x.
        intercept : scalar array
            The intercept c, in units of y.
        """
        xp = self.mean.__array_namespace__()
        gram, cross = self.scatter[:-1, :-1], self.scatter[:-1, -1]
        coef = xp.linalg.solve(gram + l2 * self.weight * xp.eye(gram.shape[0]), cross)
        return coef, self.mean[-1] - self.mean[:-1] @ coef

    def mse(self, coef: Float[Array, " d"], intercept: Any) -> Float[Array, ""]:
        """Compute the weighted mean squared error of a linear model on these rows.

        Parameters
        ----------
        coef : array, shape (d,)
            Coefficients of the model.
        intercept : float or scalar array
            Its intercept.

        Returns
        -------
        scalar array
            The mean of `(y - x @ coef - intercept)²`, in units of y².
        """
        xp = self.mean.__array_namespace__()
        v = xp.concat([coef, -xp.ones_like(coef[:1])])
        bias = self.mean @ v + intercept
        return (v @ self.scatter @ v) / self.weight + bias**2
