from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, Scalar

from ...moments import Moments
from ..sample import Sample
from ..victims import AbstractVictim
from .base import AbstractRisk

UPDATES = 1000  # each costs O(d); even a faint signal has settled to 1e-6 by then


class Predictive(AbstractRisk):
    """Mean squared z-score under the clean Bayesian predictive, over that of the clean rows.

    `R = (1/Σw) Σ w z(x, y)² / mean z_clean²`, `z = (y - μ(x)) / s(x)`, with μ and s² the mean and
    variance that a Bayesian linear regression on the clean rows predicts; its precisions maximize
    the evidence. A row far from the others in x may deviate more before it is seen. An attacker
    who keeps this low knows that rows will be judged by such a regression.

    >>> import jax, jax.numpy as jnp
    >>> from mithridate.attack.victims import Ridge
    >>> x = jnp.linspace(0.0, 1.0, 20)
    >>> clean = Sample(x[:, None], x + 0.1 * jnp.cos(9 * x), jnp.ones(20))
    >>> risk = Predictive()
    >>> print(risk(risk.digest(clean, Ridge(), jax.random.key(0)), clean).round(4))
    1.0

    MacKay, "Bayesian interpolation" (1992); Bishop, "Pattern Recognition and Machine Learning"
    (2006), section 3.5.
    """

    def digest(self, clean: Sample, victim: AbstractVictim, key: PRNGKeyArray):
        del victim, key
        belief = Belief.of(Moments.of(clean.X, clean.y, clean.w))
        return belief, jnp.sum(clean.w * belief.squares(clean)) / jnp.sum(clean.w)

    def __call__(self, facts, poison: Sample) -> Scalar:
        belief, own = facts
        count = jnp.sum(poison.w)
        mean = jnp.sum(poison.w * belief.squares(poison)) / jnp.where(count > 0, count, 1.0)
        return mean / jnp.where(own > 0, own, 1.0)


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
        """From one eigendecomposition and a fixed number of MacKay's updates of `r = λ/β`."""
        weight, mean = jnp.asarray(moments.weight), jnp.asarray(moments.mean)
        scatter = jnp.asarray(moments.scatter)
        eps = jnp.finfo(scatter.dtype).eps
        s, basis = jnp.linalg.eigh(scatter[:-1, :-1])
        largest = jnp.max(s)
        # What an eigenvalue at the level of rounding would contribute is noise over noise.
        real = s > largest * eps * s.shape[0]
        s = jnp.where(real, s, 0.0)
        cross = jnp.where(real, basis.T @ scatter[:-1, -1], 0.0)
        total = scatter[-1, -1]
        ratio, noise = _evidence(s, cross, total, weight)
        # Below these lie the rounding of the moments, of the mean of y, and of zero itself.
        floor = 8 * eps * total / weight + (1024 * eps * mean[-1]) ** 2
        noise = jnp.maximum(noise, floor + jnp.finfo(scatter.dtype).tiny)
        coef = basis @ (cross / (s + ratio))
        return cls(
            coef=coef,
            intercept=mean[-1] - mean[:-1] @ coef,
            noise=noise,
            prior=ratio / noise,
            weight=weight,
            center=mean[:-1],
            basis=basis,
            spread=noise / (s + ratio),
        )

    def squares(self, sample: Sample) -> Float[Array, " n"]:
        """Squared z-score of each row."""
        doubt = ((sample.X - self.center[None, :]) @ self.basis) ** 2 @ self.spread
        error = sample.y - sample.X @ self.coef - self.intercept
        return error**2 / (self.noise * (1 + 1 / self.weight) + doubt)


def _evidence(
    s: Float[Array, " d"], cross: Float[Array, " d"], total: Scalar, weight: Scalar
) -> tuple[Scalar, Scalar]:
    """The ratio `λ/β` at which the updates stand still, and `1/β` there."""
    eps = jnp.finfo(s.dtype).eps
    u2 = cross**2 / jnp.where(s > 0, s, 1.0)
    rest = jnp.maximum(total - jnp.sum(u2), 0.0)
    largest = jnp.where(jnp.max(s) > 0, jnp.max(s), 1.0)
    # Without a signal λ runs off to infinity, without noise to zero: stop where rounding does.
    lowest, highest = largest * eps**2, largest / eps

    def judge(ratio):
        share = s / (s + ratio)
        effective = jnp.sum(share)
        sse = rest + jnp.sum(u2 * (1 - share) ** 2)
        # Weights that sum to less than the rank of the features would make this negative.
        noise = sse / jnp.maximum(weight - effective, weight * eps)
        return effective, jnp.sum(u2 * share / (s + ratio)), noise

    def update(_, ratio):
        # λ = γ / ‖b‖² and β = (n - γ) / SSE; kept apart, either could overflow.
        effective, norm, noise = judge(ratio)
        raw = jnp.where(norm > 0, effective * noise / jnp.where(norm > 0, norm, 1.0), jnp.inf)
        return jnp.clip(raw, lowest, highest)

    # A start that knows no units: the prior alone would give y its variance.
    start = jnp.clip(jnp.sum(s) / weight, lowest, highest)
    ratio = jax.lax.fori_loop(0, UPDATES, update, start)
    return ratio, judge(ratio)[2]
