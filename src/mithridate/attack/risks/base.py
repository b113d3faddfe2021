import abc
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray, PyTree, Scalar

from ..sample import Sample
from ..victims import AbstractVictim


class AbstractRisk(eqx.Module):
    """How visible poison is beside the clean rows; 1 looks like an average clean row.

    `digest` is called once on the clean rows, the risk itself many times on poison.
    """

    label: ClassVar[str | None] = None
    """What reports call the risk; None: the name by which a spec asks for it."""

    @abc.abstractmethod
    def digest(self, clean: Sample, victim: AbstractVictim, key: PRNGKeyArray) -> Any:
        """Keep what the risk needs of the clean rows and of the model trained on them.

        Parameters
        ----------
        clean : Sample
            The clean rows.
        victim : AbstractVictim
            The model.
        key : PRNG key
            Where chance comes from.

        Returns
        -------
        object
            The facts.
        """

    @abc.abstractmethod
    def __call__(self, facts: Any, poison: Sample) -> Scalar:
        """Visibility of all present poison rows together, unit-free; 0 where there are none."""

    def after_training(self, facts: Any, poison: Sample, params: PyTree[Array]) -> Scalar:
        """Compute the risk where the model that is trained on clean and poison rows is known.

        A risk that compares models overrides this, so that an attack need not train twice.

        Parameters
        ----------
        facts : object
            What `digest` gave.
        poison : Sample
            The poison rows, absent ones with weight 0.
        params : pytree of array
            Parameters of the victim after training.

        Returns
        -------
        scalar array
            The visibility, without unit.
        """
        del params
        return self(facts, poison)


def over(seen: Array, own: Scalar) -> Array:
    """Divide what is seen of poison by what is seen of the clean rows.

    Clean rows without a deviation make every other infinitely visible; it is kept finite.

    Parameters
    ----------
    seen : array
        Of the poison.
    own : scalar array
        The mean of the clean rows.

    Returns
    -------
    array
        How many times as much; as it is, where `own` is 0.
    """
    return seen / jnp.where(own > 0, own, 1.0)
