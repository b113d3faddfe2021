from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, Scalar

from ..sample import Sample
from ..victims import AbstractVictim
from .base import AbstractRisk, over


class Spectral(AbstractRisk):
    """Largest eigenvalue of the poison rows' gradient covariance, over that of the clean rows.

    `R = λ((1/Σw) Σ w (g - ḡ)(g - ḡ)ᵀ) / the same of the clean rows`, with λ the largest eigenvalue,
    `g = (y - f_clean(x)) (1, x - x̄)` the gradient of a row's loss under the clean model, and ḡ and
    x̄ the means of the clean rows. An attacker who keeps it low fears Sever, which rejects the rows
    that pull a model farthest in the direction in which all pull most.

    References
    ----------
    The score of Diakonikolas et al., "Sever: a robust meta-algorithm for stochastic optimization"
    (2019), of the group in place of the row.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from mithridate.attack.victims import Ridge
    >>> x = jnp.linspace(0.0, 1.0, 20)
    >>> clean = Sample(x[:, None], x + 0.1 * jnp.cos(9 * x), jnp.ones(20))
    >>> risk = Spectral()
    >>> print(risk(risk.digest(clean, Ridge(), jax.random.key(0)), clean).round(4))
    1.0
    """

    def digest(self, clean: Sample, victim: AbstractVictim, key: PRNGKeyArray):
        params = victim.fit(victim.digest(clean), clean.absent(), key)
        center = clean.w @ clean.X / jnp.sum(clean.w)
        usual = jnp.zeros(clean.X.shape[1] + 1, clean.X.dtype)
        pulls = _pulls(victim, params, center, usual, clean)
        usual = clean.w @ pulls / jnp.sum(clean.w)
        return victim, params, center, usual, _largest(pulls - usual[None, :], clean.w)

    def __call__(self, facts: Any, poison: Sample) -> Scalar:
        victim, params, center, usual, own = facts
        pulls = _pulls(victim, params, center, usual, poison)
        return over(_largest(pulls, poison.w), own)


def _pulls(victim, params, center, usual, sample: Sample) -> Float[Array, "n k"]:
    """Gradient of each row's loss, less the usual one."""
    residual = sample.y - victim.predict(params, sample.X)
    row = jnp.concatenate([jnp.ones_like(sample.y)[:, None], sample.X - center[None, :]], axis=1)
    return residual[:, None] * row - usual[None, :]


def _largest(pulls: Float[Array, "n k"], w: Float[Array, " n"]) -> Scalar:
    """Largest eigenvalue of the second moments; its gradient needs the eigenvector alone."""
    total = jnp.sum(w)
    second = pulls.T @ (w[:, None] * pulls) / jnp.where(total > 0, total, 1.0)
    top = jax.lax.stop_gradient(jnp.linalg.eigh(jax.lax.stop_gradient(second))[1][:, -1])
    return top @ second @ top
