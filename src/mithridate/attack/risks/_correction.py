import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree, Scalar

from ...moments import Moments
from ..sample import Sample
from ..victims import AbstractVictim
from .base import AbstractRisk, over

_JITTER = 1e-3  # of the variance of a column: a penalty, for columns that repeat others


class Correction(AbstractRisk):
    """Mean squared correction that clean rows ask of the poison targets, over that of clean ones.

    `R = (1/Σw) Σ w (y - f(x) - g(x))² / MSE_clean`, with f the model trained on clean and poison
    rows, and g the linear regression of what f misses at the clean rows, made with the covariance
    of all rows: one step of Newton's method from f towards them. An attacker who keeps it low fears
    Duti, which first corrects the targets that pull f away from its trusted rows, and stands the
    clean rows in for these.

    References
    ----------
    The gradient of Zhang, Zhu and Wright, "Training set debugging using trusted items" (2018), at
    no correction.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from mithridate.attack.victims import Ridge
    >>> x = jnp.linspace(0.0, 1.0, 20)
    >>> clean = Sample(x[:, None], x + 0.1 * jnp.cos(9 * x), jnp.ones(20))
    >>> risk = Correction()
    >>> print(risk(risk.digest(clean, Ridge(), jax.random.key(0)), clean).round(2))
    1.0
    """

    def digest(self, clean: Sample, victim: AbstractVictim, key: PRNGKeyArray):
        fixed = victim.digest(clean)
        params = victim.fit(fixed, clean.absent(), key)
        return victim, fixed, key, clean, victim.loss(params, fixed)

    def __call__(self, facts, poison: Sample) -> Scalar:
        victim, fixed, key, _, _ = facts
        return self.after_training(facts, poison, victim.fit(fixed, poison, key))

    def after_training(self, facts, poison: Sample, params: PyTree[Array]) -> Scalar:
        victim, _, _, clean, own = facts
        correction = poison.y - victim.predict(params, poison.X)
        correction = correction - _missed(victim, params, clean, poison)
        return over(poison.mean(correction**2), own)


def _missed(
    victim: AbstractVictim, params: PyTree[Array], clean: Sample, poison: Sample
) -> Float[Array, " n"]:
    """What a linear step towards the clean rows would add to the predictions for poison rows."""
    error = clean.y - victim.predict(params, clean.X)
    all_rows = Moments.of(*(jnp.concatenate(both) for both in _parts(clean, poison)))
    center, scatter = all_rows.mean[:-1], jnp.asarray(all_rows.scatter)[:-1, :-1]
    share = clean.w / jnp.sum(clean.w)
    variance = jnp.diag(scatter) / all_rows.weight
    jitter = jnp.where(variance > 0, _JITTER * variance, 1.0)
    pull = (clean.X - center[None, :]).T @ (share * error)
    slope = jnp.linalg.solve(scatter / all_rows.weight + jnp.diag(jitter), pull)
    return share @ error + (poison.X - center[None, :]) @ slope


def _parts(clean: Sample, poison: Sample) -> list[tuple[Array, Array]]:
    return [(clean.X, poison.X), (clean.y, poison.y), (clean.w, poison.w)]
