"""Weighted first and second moments of a table: all that a linear method needs to know of it."""

from typing import Any, NamedTuple

from jaxtyping import Float

Array = Any  # NumPy or JAX; this module imports neither


class Moments(NamedTuple):
    """Total weight, mean and centered scatter of rows `z = (x, y)`.

    `weight = Σw`, `mean = Σw z / Σw`, `scatter = Σw (z - mean)(z - mean)ᵀ`; the last entry of `z`
    is the target. Moments form a commutative monoid under `merge`, so a table may be cut anywhere.

    Shapes: `weight` scalar, `mean` (d + 1,), `scatter` (d + 1, d + 1), in the units of the data.

    >>> import numpy as np
    >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 3.0, 5.0])
    >>> coef, intercept = Moments.of(X, y, np.ones(3)).ridge(l2=0.0)
    >>> coef.round(6), intercept.round(6)
    (array([2.]), np.float64(1.0))

    Merging follows Chan, Golub and LeVeque, "Algorithms for computing the sample variance" (1983).
    """

    weight: Float[Array, ""]
    mean: Float[Array, " k"]
    scatter: Float[Array, "k k"]

    @classmethod
    def of(cls, X: Float[Array, "n d"], y: Float[Array, " n"], w: Float[Array, " n"]) -> "Moments":
        """Moments of `n` rows with weights `w`; rows of weight 0 are absent but must be finite."""
        xp = X.__array_namespace__()
        z = xp.concat([X, y[:, None]], axis=1)
        weight = xp.sum(w)
        # Where nothing is present any finite mean will do: it is merged with weight 0.
        mean = (w @ z) / xp.where(weight > 0, weight, 1.0)
        centered = z - mean[None, :]
        return cls(weight, mean, centered.T @ (centered * w[:, None]))

    def merge(self, other: "Moments") -> "Moments":
        """Moments of the two tables put together; no large sums are ever subtracted."""
        xp = self.mean.__array_namespace__()
        weight = self.weight + other.weight
        share = other.weight / xp.where(weight > 0, weight, 1.0)
        delta = other.mean - self.mean
        cross = delta[:, None] * delta[None, :] * (self.weight * share)
        return Moments(weight, self.mean + delta * share, self.scatter + other.scatter + cross)

    def ridge(self, l2: Any) -> tuple[Float[Array, " d"], Float[Array, ""]]:
        """Coefficients and free intercept minimizing `(1/Σw) Σ w (y - xb - c)² + l2 ‖b‖²`."""
        xp = self.mean.__array_namespace__()
        gram, cross = self.scatter[:-1, :-1], self.scatter[:-1, -1]
        coef = xp.linalg.solve(gram + l2 * self.weight * xp.eye(gram.shape[0]), cross)
        return coef, self.mean[-1] - self.mean[:-1] @ coef

    def mse(self, coef: Float[Array, " d"], intercept: Any) -> Float[Array, ""]:
        """Weighted mean squared error of `x @ coef + intercept` on these rows."""
        xp = self.mean.__array_namespace__()
        v = xp.concat([coef, -xp.ones_like(coef[:1])])
        bias = self.mean @ v + intercept
        return (v @ self.scatter @ v) / self.weight + bias**2
