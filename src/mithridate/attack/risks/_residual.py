from jaxtyping import PRNGKeyArray, Scalar

from ..sample import Sample
from ..victims import AbstractVictim
from .base import AbstractRisk, over


class Residual(AbstractRisk):
    """Mean squared residual of the poison rows under the clean model, over that of the clean rows.

    `R = (1/Σw) Σ w (y_p - f_clean(x_p))² / MSE_clean`. An attacker who keeps it low fears
    defenses that look at residuals.

    References
    ----------
    Carnerero-Cano et al., "Stealthy poisoning attacks bypass defenses in regression settings"
    (2026).

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from mithridate.attack.victims import Ridge
    >>> X = jnp.array([[0.0], [1.0], [2.0], [3.0]])
    >>> clean = Sample(X, jnp.array([1.0, 0.0, 0.0, 1.0]), jnp.ones(4))
    >>> risk, victim = Residual(), Ridge(l2=0.0)
    >>> print(risk(risk.digest(clean, victim, jax.random.key(0)), clean).round(4))
    1.0
    """

    def digest(self, clean: Sample, victim: AbstractVictim, key: PRNGKeyArray):
        fixed = victim.digest(clean)
        params = victim.fit(fixed, clean.absent(), key)
        return victim, params, victim.loss(params, fixed)

    def __call__(self, facts, poison: Sample) -> Scalar:
        victim, params, own = facts
        squares = (poison.y - victim.predict(params, poison.X)) ** 2
        return over(poison.mean(squares), own)
