from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree, Scalar

from ..sample import Sample
from ..victims import AbstractVictim, Kernel
from .base import AbstractRisk, over

_MARGIN = 0.02  # of the range of the targets: nearer to an end, a target counts as at the end


class Expectation(NamedTuple):
    """What two models expect of a row, and how far honest rows are from it."""

    params: PyTree[Array]
    smooth: PyTree[Array]
    noise: Scalar  # variance of the clean targets about what is expected
    low: Scalar
    high: Scalar


class Unexpected(AbstractRisk):
    """How far poison is beyond what is expected of a row, and how near to the ends of the range.

    `R = (1/Σw) Σ w (h(z)/h̄ + t(y)/t̄) / 2`, where `z` is the residual of a row in standard
    deviations, against the mean of what the victim and a kernel machine on the clean rows expect,
    `h(z) = z⁴ / (far² + z²)`, and t falls from 1 at an end of the range of the clean targets to 0
    at twice 2 % of it. h̄ and t̄ are means over the clean rows. Inside the noise little is counted.
    An attacker who keeps it low knows the judge of `clean`: single rows go if the models of the
    others do not expect them by far, groups only if they pull, and sooner if their targets are at
    the ends.

    Parameters
    ----------
    far : float
        Residual from which on rows count as in `Residual`, in standard deviations, above 0.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from mithridate.attack.victims import Ridge
    >>> x = jnp.linspace(0.0, 1.0, 20)
    >>> clean = Sample(x[:, None], x + 0.1 * jnp.cos(9 * x), jnp.ones(20))
    >>> risk = Unexpected()
    >>> print(risk(risk.digest(clean, Ridge(), jax.random.key(0)), clean).round(4))
    1.0
    """

    far: float = eqx.field(static=True, default=3.0)

    def digest(self, clean: Sample, victim: AbstractVictim, key: PRNGKeyArray):
        kernel = Kernel()
        params = victim.fit(victim.digest(clean), clean.absent(), key)
        smooth = kernel.fit(kernel.digest(clean), clean.absent(), key)
        present = clean.w > 0
        low = jnp.min(jnp.where(present, clean.y, jnp.inf))
        high = jnp.max(jnp.where(present, clean.y, -jnp.inf))
        usual = Expectation(params, smooth, jnp.ones_like(low), low, high)
        total = jnp.sum(clean.w)
        noise = clean.w @ _off(victim, kernel, usual, clean) ** 2 / total
        # A clean model without error makes every deviation infinitely visible; keep it finite.
        usual = usual._replace(noise=jnp.where(noise > 0, noise, 1.0))
        far, ends = self._parts(victim, kernel, usual, clean)
        own = clean.w @ far / total, clean.w @ ends / total
        return victim, kernel, usual, own

    def __call__(self, facts, poison: Sample) -> Scalar:
        victim, kernel, usual, own = facts
        far, ends = self._parts(victim, kernel, usual, poison)
        return 0.5 * poison.mean(over(far, own[0]) + over(ends, own[1]))

    def _parts(
        self, victim: AbstractVictim, kernel: Kernel, usual: Expectation, rows: Sample
    ) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
        square = _off(victim, kernel, usual, rows) ** 2 / usual.noise
        margin = _MARGIN * (usual.high - usual.low)
        inside = jnp.minimum(rows.y - usual.low, usual.high - rows.y)
        near = 1.0 - inside / jnp.where(margin > 0, 2.0 * margin, 1.0)
        return square**2 / (self.far**2 + square), jnp.clip(near, 0.0, 1.0) ** 2


def _off(
    victim: AbstractVictim, kernel: Kernel, usual: Expectation, rows: Sample
) -> Float[Array, " n"]:
    """Targets less what is expected of them."""
    expected = victim.predict(usual.params, rows.X) + kernel.predict(usual.smooth, rows.X)
    return rows.y - expected / 2.0
