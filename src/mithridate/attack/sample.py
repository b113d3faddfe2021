"""Rows with weights: the one shape in which data cross the JAX half."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Scalar


class Sample(eqx.Module):
    """Rows with targets and weights; a row of weight 0 is absent.

    Absent rows change nothing, but must hold finite values. Adding two samples puts their rows
    one after the other.

    Parameters
    ----------
    X : array, shape (n, d)
        Features.
    y : array, shape (n,)
        Targets.
    w : array, shape (n,)
        Weights.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> one = Sample(jnp.zeros((3, 2)), jnp.ones(3), jnp.ones(3))
    >>> (one + one).X.shape
    (6, 2)
    """

    X: Float[Array, "n d"]
    y: Float[Array, " n"]
    w: Float[Array, " n"]

    def __add__(self, other: "Sample") -> "Sample":
        return Sample(
            jnp.concatenate([self.X, other.X]),
            jnp.concatenate([self.y, other.y]),
            jnp.concatenate([self.w, other.w]),
        )

    def weighing(self, w: Float[Array, " n"]) -> "Sample":
        """Give the same rows other weights.

        Parameters
        ----------
        w : array, shape (n,)
            The weights.

        Returns
        -------
        Sample
            The rows.
        """
        return Sample(self.X, self.y, w)

    def absent(self) -> "Sample":
        """Give the same rows, none of them present.

        Returns
        -------
        Sample
            The rows.
        """
        return self.weighing(jnp.zeros_like(self.w))

    def mean(self, values: Float[Array, " n"]) -> Scalar:
        """Average one value a row over the rows that are present.

        Parameters
        ----------
        values : array, shape (n,)
            The values.

        Returns
        -------
        scalar array
            Their mean by the weights; 0 where no row is present.
        """
        count = jnp.sum(self.w)
        return jnp.sum(self.w * values) / jnp.where(count > 0, count, 1.0)
