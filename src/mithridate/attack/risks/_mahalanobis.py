import jax.numpy as jnp
from jax.scipy.linalg import cho_factor, cho_solve
from jaxtyping import Array, Float, PRNGKeyArray, Scalar, ScalarLike

from ...moments import Moments
from ..sample import Sample
from ..victims import AbstractVictim
from .base import AbstractRisk, over


class Mahalanobis(AbstractRisk):
    """Mean squared Mahalanobis distance from the clean rows, over the clean rows' own.

    `R = (1/Σw) Σ w (z - z̄)ᵀ C⁻¹ (z - z̄) / mean of the same over the clean rows`, `z = (x, y)`,
    `C = D (ρ + ridge I) D` with ρ the correlations of the clean rows and D their standard
    deviations, so that no unit matters. One-hot columns add up to 1, so ρ is singular and `ridge`
    (at least about 1e-6) is needed: it sets how visible a direction is that clean rows never take.
    An attacker who keeps this low fears detectors of outliers in the joint distribution.

    Parameters
    ----------
    ridge : float
        What is added to the correlations, above 0.

    References
    ----------
    Mahalanobis, "On the generalised distance in statistics" (1936).

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from mithridate.attack.victims import Ridge
    >>> x = jnp.linspace(0.0, 1.0, 20)
    >>> clean = Sample(x[:, None], x + 0.1 * jnp.cos(9 * x), jnp.ones(20))
    >>> risk = Mahalanobis()
    >>> print(risk(risk.digest(clean, Ridge(), jax.random.key(0)), clean).round(4))
    1.0
    """

    ridge: ScalarLike = 1e-3

    def digest(self, clean: Sample, victim: AbstractVictim, key: PRNGKeyArray):
        del victim, key
        moments = Moments.of(clean.X, clean.y, clean.w)
        mean, covariance = jnp.asarray(moments.mean), moments.scatter / moments.weight
        variance = jnp.diag(covariance)
        # A constant column has no spread to measure by; it keeps its own unit.
        scale = jnp.sqrt(jnp.where(variance > 0, variance, 1.0))
        rho = covariance / scale[:, None] / scale[None, :]
        rho = rho + jnp.asarray(self.ridge, rho.dtype) * jnp.eye(rho.shape[0], dtype=rho.dtype)
        factor = cho_factor(rho, lower=True)[0]
        squares = _squares(mean, scale, factor, clean)
        return mean, scale, factor, jnp.sum(clean.w * squares) / moments.weight

    def __call__(self, facts, poison: Sample) -> Scalar:
        mean, scale, factor, own = facts
        return over(poison.mean(_squares(mean, scale, factor, poison)), own)


def _squares(
    mean: Float[Array, " k"], scale: Float[Array, " k"], factor: Float[Array, "k k"], sample: Sample
) -> Float[Array, " n"]:
    """Squared distance of each row, from the Cholesky factor of the scaled covariance."""
    z = jnp.concatenate([sample.X, sample.y[:, None]], axis=1)
    z = (z - mean[None, :]) / scale[None, :]
    return jnp.sum(z * cho_solve((factor, True), z.T).T, axis=1)
