import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree, Scalar

from ..sample import Sample
from ..victims import AbstractVictim
from .base import AbstractRisk


class Difference(AbstractRisk):
    """Loss of the poison rows under the clean model less that under the poisoned one.

    `R = 1 + (1/Σw) Σ w ((y_p - f_clean(x_p))² - (y_p - f_poisoned(x_p))²) / MSE_clean`, over all
    poison rows so far, with `f_poisoned` trained on the clean rows and on them. Rows that teach the
    model nothing leave the difference at 0 and look like average clean rows: `R = 1`. For least
    squares it cannot be negative, because the poisoned model is the one that fits all rows best. A
    penalty, or training that stops early, can push `R` below 1: the poisoned model then misses the
    poison by more than the clean one does, and a comparison of the two models sees less of it than
    of rows without any effect.

    References
    ----------
    A reading of the risk of Carnerero-Cano et al., "Stealthy poisoning attacks bypass defenses in
    regression settings" (2026), which is based on losses under the poisoned and the clean model.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from mithridate.attack.victims import Ridge
    >>> X = jnp.array([[0.0], [1.0], [2.0], [3.0]])
    >>> clean = Sample(X, jnp.array([1.0, 0.0, 0.0, 1.0]), jnp.ones(4))
    >>> risk = Difference()
    >>> facts = risk.digest(clean, Ridge(l2=0.0), jax.random.key(0))
    >>> far = Sample(X, clean.y + 1, clean.w)
    >>> print(risk(facts, clean).round(4), risk(facts, far).round(4))
    1.0 4.0
    """

    def digest(self, clean: Sample, victim: AbstractVictim, key: PRNGKeyArray):
        fixed = victim.digest(clean)
        params = victim.fit(fixed, clean.absent(), key)
        return victim, fixed, key, params, victim.loss(params, fixed)

    def __call__(self, facts, poison: Sample) -> Scalar:
        victim, fixed, key, _, _ = facts
        return self.after_training(facts, poison, victim.fit(fixed, poison, key))

    def after_training(self, facts, poison: Sample, params: PyTree[Array]) -> Scalar:
        victim, _, _, before, own = facts
        difference = _losses(victim, before, poison) - _losses(victim, params, poison)
        count = jnp.sum(poison.w)
        mean = poison.w @ difference / jnp.where(count > 0, count, 1.0)
        # A clean model without error makes every deviation infinitely visible; keep it finite.
        return jnp.where(count > 0, 1 + mean / jnp.where(own > 0, own, 1.0), 0.0)


def _losses(victim: AbstractVictim, params: PyTree[Array], rows: Sample) -> Float[Array, " n"]:
    return (rows.y - victim.predict(params, rows.X)) ** 2
