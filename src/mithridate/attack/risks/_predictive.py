from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, Scalar

from ...moments import Moments
from ..evidence import Spectrum
from ..sample import Sample
from ..victims import AbstractVictim
from .base import AbstractRisk, over


class Predictive(AbstractRisk):
    """Mean squared z-score under the clean Bayesian predictive, over that of the clean rows.

    `R = (1/Σw) Σ w z(x, y)² / mean z_clean²`, `z = (y - μ(x)) / s(x)`, with μ and s² the mean and
    variance that a Bayesian linear regression on the clean rows predicts; its precisions maximize
    the evidence. A row far from the others in x may deviate more before it is seen. An attacker
    who keeps this low knows that rows will be judged by such a regression.

    References
    ----------
    MacKay, "Bayesian interpolation" (1992); Bishop, "Pattern Recognition and Machine Learning"
    (2006), section 3.5.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from mithridate.attack.victims import Ridge
    >>> x = jnp.linspace(0.0, 1.0, 20)
    >>> clean = Sample(x[:, None], x + 0.1 * jnp.cos(9 * x), jnp.ones(20))
    >>> risk = Predictive()
    >>> print(risk(risk.digest(clean, Ridge(), jax.random.key(0)), clean).round(4))
    1.0
    """

    def digest(self, clean: Sample, victim: AbstractVictim, key: PRNGKeyArray):
        del victim, key
        belief = Belief.of(Moments.of(clean.X, clean.y, clean.w))
        return belief, jnp.sum(clean.w * belief.squares(clean)) / jnp.sum(clean.w)

    def __call__(self, facts, poison: Sample) -> Scalar:
        belief, own = facts
        return over(poison.mean(belief.squares(poison)), own)


class Belief(NamedTuple):
    """What Bayesian linear regression believes: `y | x ~ N(x coef + intercept, s²(x))`.

    `s²(x) = noise (1 + 1/Σw) + Σ_j spread_j ((x - center) · basis_j)²`.

    Shapes: `coef`, `center`, `spread` (the posterior variances of the coefficients along `basis`)
    (d,), `basis` (d, d); `noise` is 1/β in units of y², `prior` is λ in units of x²/y².
    """

    coef: Float[Array, " d"]
    intercept: Scalar
    noise: Scalar
    prior: Scalar
    weight: Scalar
    center: Float[Array, " d"]
    basis: Float[Array, "d d"]
    spread: Float[Array, " d"]

    @classmethod
    def of(cls, moments: Moments) -> "Belief":
        """The regression whose precisions maximize the evidence of these rows."""
        mean, spectrum = jnp.asarray(moments.mean), Spectrum.of(moments)
        ratio, weight = spectrum.ratio(), spectrum.weight
        total = jnp.asarray(moments.scatter)[-1, -1]
        eps, tiny = jnp.finfo(total.dtype).eps, jnp.finfo(total.dtype).tiny
        # Below these lie the rounding of the moments, of the mean of y, and of zero itself.
        floor = 8 * eps * total / weight + (1024 * eps * mean[-1]) ** 2
        noise = jnp.maximum(spectrum.noise(ratio), floor + tiny)
        spread = 1 / (spectrum.s + ratio)
        coef = spectrum.basis @ (spectrum.cross * spread)
        return cls(
            coef=coef,
            intercept=mean[-1] - mean[:-1] @ coef,
            noise=noise,
            prior=ratio / noise,
            weight=weight,
            center=mean[:-1],
            basis=spectrum.basis,
            spread=noise * spread,
        )

    def squares(self, sample: Sample) -> Float[Array, " n"]:
        """Squared z-score of each row."""
        doubt = ((sample.X - self.center[None, :]) @ self.basis) ** 2 @ self.spread
        error = sample.y - sample.X @ self.coef - self.intercept
        return error**2 / (self.noise * (1 + 1 / self.weight) + doubt)
