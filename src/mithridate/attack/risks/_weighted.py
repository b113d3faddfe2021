import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray, PyTree, Scalar, ScalarLike

from ...errors import InputError
from ..sample import Sample
from ..victims import AbstractVictim
from ._neighbor import Neighbor
from ._residual import Residual
from .base import AbstractRisk


class Weighted(AbstractRisk):
    """Several risks at once: their weighted mean.

    `R = Σ v_j R_j / Σ v_j`; without `weights` all count the same. For an attacker who does not
    know which detector waits, or fears several.

    Parameters
    ----------
    risks : tuple of AbstractRisk
        The risks.
    weights : tuple of float, optional
        The weight of each (default: all alike).

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from mithridate.attack.victims import Ridge
    >>> x = jnp.linspace(0.0, 1.0, 20)
    >>> clean = Sample(x[:, None], x + 0.1 * jnp.cos(9 * x), jnp.ones(20))
    >>> risk = Weighted(weights=(3.0, 1.0))
    >>> print(risk(risk.digest(clean, Ridge(l2=0.0), jax.random.key(0)), clean).round(4))
    1.0
    """

    risks: tuple[AbstractRisk, ...] = (Residual(), Neighbor())
    weights: tuple[ScalarLike, ...] | None = None

    def __check_init__(self):
        given = len(self.risks if self.weights is None else self.weights)
        if not self.risks or given != len(self.risks):
            raise InputError(
                f"{len(self.risks)} risks and {given} weights were given; "
                "give at least one risk, and a weight for each or none at all."
            )

    def digest(self, clean: Sample, victim: AbstractVictim, key: PRNGKeyArray):
        keys = jax.random.split(key, len(self.risks))
        return tuple(
            risk.digest(clean, victim, key) for risk, key in zip(self.risks, keys, strict=True)
        )

    def __call__(self, facts, poison: Sample) -> Scalar:
        return self._mean([r(fact, poison) for r, fact in zip(self.risks, facts, strict=True)])

    def after_training(self, facts, poison: Sample, params: PyTree[Array]) -> Scalar:
        parts = zip(self.risks, facts, strict=True)
        return self._mean([risk.after_training(fact, poison, params) for risk, fact in parts])

    def _mean(self, each: list[Scalar]) -> Scalar:
        weights = (1.0,) * len(each) if self.weights is None else self.weights
        v = jnp.asarray(weights, each[0].dtype)
        return jnp.stack(each) @ v / jnp.sum(v)
