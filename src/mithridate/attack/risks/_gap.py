import jax.numpy as jnp
from jaxtyping import PRNGKeyArray, Scalar

from ..sample import Sample
from ..victims import AbstractVictim
from .base import AbstractRisk, over


class Gap(AbstractRisk):
    """Squared distance of the poison rows' loss from the mean clean loss, over the clean rows' own.

    `R = (1/Σw) Σ w (l_p - l̄)² / mean over the clean rows of (l - l̄)²`, with `l` the squared
    residual of a row under the clean model and `l̄` its mean over the clean rows. The distance
    relative to `l̄`, `((l_p - l̄)/l̄)²`, gives the same: its unit cancels. An attacker who keeps it
    low gives every poison row the loss of an average clean row, so that neither rows that fit too
    badly nor rows that fit too well stand out.

    References
    ----------
    A reading of the risk of Carnerero-Cano et al., "Stealthy poisoning attacks bypass defenses in
    regression settings" (2026).

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from mithridate.attack.victims import Ridge
    >>> x = jnp.linspace(0.0, 1.0, 20)
    >>> clean = Sample(x[:, None], x + 0.1 * jnp.cos(9 * x), jnp.ones(20))
    >>> risk = Gap()
    >>> print(risk(risk.digest(clean, Ridge(), jax.random.key(0)), clean).round(4))
    1.0
    """

    def digest(self, clean: Sample, victim: AbstractVictim, key: PRNGKeyArray):
        params = victim.fit(victim.digest(clean), clean.absent(), key)
        losses = (clean.y - victim.predict(params, clean.X)) ** 2
        total = jnp.sum(clean.w)
        mean = clean.w @ losses / total
        return victim, params, mean, clean.w @ (losses - mean) ** 2 / total

    def __call__(self, facts, poison: Sample) -> Scalar:
        victim, params, mean, own = facts
        losses = (poison.y - victim.predict(params, poison.X)) ** 2
        return over(poison.mean((losses - mean) ** 2), own)
