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

    ascent_suffices: ClassVar[bool] = True
    """Whether an ascent does about the most; else an audit tries other attacks beside it."""

    def digest(self, sample: Sample) -> Any:
        """Keep of rows that stay what `fit` and `loss` need: the rows themselves by default.

        Parameters
        ----------
        sample : Sample
            The rows.

        Returns
        -------
        object
            The digest.
        """
        return sample

    def digest_poisoned(self, clean: Sample, poison: Sample) -> Any:
        """Keep what `fit` needs of clean rows and of poison that stays.

        Parameters
        ----------
        clean, poison : Sample
            The rows.

        Returns
        -------
        object
            The digest.
        """
        return self.digest(clean + poison)

    @abc.abstractmethod
    def fit(self, fixed: Any, moving: Sample, key: PRNGKeyArray) -> PyTree[Array]:
        """Train on the digested `fixed` rows, a constant, and on the `moving` ones.

        Parameters
        ----------
        fixed : object
            Rows that stay, as `digest` gives them.
        moving : Sample
            Rows in which the result can be differentiated.
        key : PRNG key
            Where chance comes from.

        Returns
        -------
        pytree of array
            The parameters of the model.
        """

    @abc.abstractmethod
    def predict(self, params: PyTree[Array], X: Float[Array, "n d"]) -> Float[Array, " n"]:
        """Predict targets, in their units.

        Parameters
        ----------
        params : pytree of array
            What `fit` gave.
        X : array, shape (n, d)
            Features.

        Returns
        -------
        array, shape (n,)
            The predictions.
        """

    def loss(self, params: PyTree[Array], fixed: Any) -> Scalar:
        """Compute the weighted mean squared error.

        Parameters
        ----------
        params : pytree of array
            What `fit` gave.
        fixed : object
            Rows, as `digest` gives them.

        Returns
        -------
        scalar array
            The error, in squared units of the target.
        """
        error = fixed.w * (self.predict(params, fixed.X) - fixed.y) ** 2
        return jnp.sum(error) / jnp.sum(fixed.w)
