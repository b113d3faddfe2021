from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree, Scalar

from ..sample import Sample
from ..victims import AbstractVictim
from .base import AbstractRisk, over


class Middle(NamedTuple):
    """Medians of the clean features and residuals, and the median distances from them."""

    features: Float[Array, " d"]
    scales: Float[Array, " d"]
    residual: Scalar
    scale: Scalar
    worst: Scalar


class Strangeness(AbstractRisk):
    """Mean squared strangeness of the poison rows, over that of the clean rows.

    A row is as strange as its residual under the clean model or its worst feature, whichever is
    farther from the median, in median distances of the clean rows. An attacker who keeps it low
    fears KolmogorovSmirnov, which compares single rows so, and whose tests of whole columns are
    sharp where a column is shifted.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from mithridate.attack.victims import Ridge
    >>> x = jnp.linspace(0.0, 1.0, 20)
    >>> clean = Sample(x[:, None], x + 0.1 * jnp.cos(9 * x), jnp.ones(20))
    >>> risk = Strangeness()
    >>> print(risk(risk.digest(clean, Ridge(), jax.random.key(0)), clean).round(4))
    1.0
    """

    def digest(self, clean: Sample, victim: AbstractVictim, key: PRNGKeyArray):
        params = victim.fit(victim.digest(clean), clean.absent(), key)
        error = clean.y - victim.predict(params, clean.X)
        features = jnp.stack([_median(column, clean.w) for column in clean.X.T])
        size = jnp.abs(clean.X - features[None, :])
        scales = jnp.stack([_scale(column, clean.w) for column in size.T])
        level = _median(error, clean.w)
        scale = _scale(jnp.abs(error - level), clean.w)
        worst = _median(_worst(size, scales), clean.w)
        # Where all clean rows are alike, nothing is far from them in their own units.
        scale, worst = (jnp.where(size > 0, size, 1.0) for size in (scale, worst))
        middle = Middle(features, scales, level, scale, worst)
        own = clean.w @ _strange(victim, params, middle, clean) ** 2 / jnp.sum(clean.w)
        return victim, params, middle, own

    def __call__(self, facts, poison: Sample) -> Scalar:
        victim, params, middle, own = facts
        return over(poison.mean(_strange(victim, params, middle, poison) ** 2), own)


def _strange(
    victim: AbstractVictim, params: PyTree[Array], middle: Middle, rows: Sample
) -> Float[Array, " n"]:
    error = jnp.abs(rows.y - victim.predict(params, rows.X) - middle.residual) / middle.scale
    worst = _worst(jnp.abs(rows.X - middle.features[None, :]), middle.scales)
    return jnp.maximum(error, worst / middle.worst)


def _worst(size: Float[Array, "n d"], scales: Float[Array, " d"]) -> Float[Array, " n"]:
    # A constant column has no unit of distance, so it does not count.
    known = jnp.where(scales > 0, scales, 1.0)
    return jnp.max(jnp.where(scales > 0, size / known[None, :], 0.0), axis=1)


def _scale(size: Float[Array, " n"], w: Float[Array, " n"]) -> Scalar:
    """The median of distances, or where that is 0 their mean."""
    middle = _median(size, w)
    return jnp.where(middle > 0, middle, w @ size / jnp.sum(w))


def _median(values: Float[Array, " n"], w: Float[Array, " n"]) -> Scalar:
    order = jnp.argsort(jax.lax.stop_gradient(values))
    below = jnp.cumsum(w[order])
    return values[order[jnp.argmax(below >= 0.5 * below[-1])]]
