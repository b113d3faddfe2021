import abc
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree, Scalar

from ..sample import Sample


class AbstractVictim(eqx.Module):
    """A learner that is differentiable in its training rows.

    `digest` is called once for rows that stay as they are; `fit` many times, for rows that move.
    A subclass that can train from less than the rows themselves (ridge: from their moments)
    digests them into that. One that fits as a defense does names it in `surrogate_of`, by its
    lower-case name: an attack through it is made for that defense.
    """

    label: ClassVar[str | None] = None
    """What reports call the model; None: the name by which a spec asks for it."""

    surrogate_of: ClassVar[str | None] = None

    def digest(self, sample: Sample) -> Any:
        """What `fit` and `loss` need to know of rows that stay; the rows themselves by default."""
        return sample

    def digest_poisoned(self, clean: Sample, poison: Sample) -> Any:
        """What `fit` needs to know of clean rows and of poison that stays."""
        return self.digest(clean + poison)

    @abc.abstractmethod
    def fit(self, fixed: Any, moving: Sample, key: PRNGKeyArray) -> PyTree[Array]:
        """Parameters after training on the digested `fixed` rows and the `moving` ones.

        Differentiable in `moving`; `fixed` is a constant.
        """

    @abc.abstractmethod
    def predict(self, params: PyTree[Array], X: Float[Array, "n d"]) -> Float[Array, " n"]:
        """Predictions, in the units of the target."""

    def loss(self, params: PyTree[Array], fixed: Any) -> Scalar:
        """Weighted mean squared error on digested rows."""
        error = fixed.w * (self.predict(params, fixed.X) - fixed.y) ** 2
        return jnp.sum(error) / jnp.sum(fixed.w)
