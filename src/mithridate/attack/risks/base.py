import abc
from typing import Any, ClassVar

import equinox as eqx
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
        """What the risk needs to know of the clean rows and of the model trained on them."""

    @abc.abstractmethod
    def __call__(self, facts: Any, poison: Sample) -> Scalar:
        """Visibility of all present poison rows together, unit-free; 0 where there are none."""

    def after_training(self, facts: Any, poison: Sample, params: PyTree[Array]) -> Scalar:
        """The same, where the victim's `params` after training on clean and poison rows are known.

        A risk that compares models overrides this, so that an attack need not train twice.
        """
        del params
        return self(facts, poison)
