"""Rows outside the goal of an attack, whose predictions are to stay as they are."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray, PyTree, Scalar

from .sample import Sample
from .victims import AbstractVictim


class Held(eqx.Module):
    """Rows whose predictions are to stay. Build it with `of`.

    The mean square that predictions are moved is what poison adds to their error if the clean
    model is right about them. Their true targets would let an attack count on the noise in them.

    Parameters
    ----------
    rows : Sample
        The rows, each with the prediction of the clean model as its target.
    judged : object
        The same, digested by the victim.
    error : scalar array
        Mean squared error of the clean model on their true targets, above 0.
    """

    rows: Sample
    judged: Any
    error: Scalar

    @classmethod
    def of(cls, others: Sample, clean: Sample, victim: AbstractVictim, key: PRNGKeyArray) -> "Held":
        """Ask the clean model what it predicts of the rows.

        Parameters
        ----------
        others : Sample
            The rows with their true targets.
        clean : Sample
            The rows that the clean model is trained on.
        victim : AbstractVictim
            The model.
        key : PRNG key
            The chance by which it is trained.

        Returns
        -------
        Held
            The rows, and what they are held to.
        """
        params = victim.fit(victim.digest(clean), clean.absent(), key)
        rows = Sample(others.X, victim.predict(params, others.X), others.w)
        error, least = victim.loss(params, victim.digest(others)), jnp.finfo(others.y.dtype).eps
        return cls(rows, victim.digest(rows), jnp.maximum(error, least))

    def through(self, victim: AbstractVictim) -> "Held":
        """Hold another model to the same predictions.

        Parameters
        ----------
        victim : AbstractVictim
            The model.

        Returns
        -------
        Held
            The same rows.
        """
        return Held(self.rows, victim.digest(self.rows), self.error)

    def growth(self, victim: AbstractVictim, params: PyTree[Array]) -> Scalar:
        """Compute how much a trained model adds to the error of these rows.

        Parameters
        ----------
        victim : AbstractVictim
            The model.
        params : pytree of array
            Its parameters.

        Returns
        -------
        scalar array
            The mean squared change of its predictions over the error without poison.
        """
        return victim.loss(params, self.judged) / self.error
