from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, Scalar

from ...errors import InputError
from ...moments import Moments
from ..sample import Sample
from ..victims import AbstractVictim
from .base import AbstractRisk, over


class CleanRows(NamedTuple):
    """Clean rows `z = (x, y)` in units of their spread, their weights, and that spread."""

    z: Float[Array, "n k"]
    w: Float[Array, " n"]
    scale: Float[Array, " k"]


class Neighbor(AbstractRisk):
    """Mean squared distance to the nearest clean rows, over the clean rows' own.

    `R = (1/Σw) Σ w D(z) / mean D_clean`, `z = (x, y)` in units of the clean standard deviations,
    `D(z)` the mean squared distance to the clean rows that come second to `k + 1`-th in nearness.
    The first is left out everywhere: for a clean row it is the row itself, and so a copy of a
    clean row looks exactly like that row. An attacker who keeps this low stays where the data
    are, and fears tests of distribution and density.

    Parameters
    ----------
    k : int
        Number of neighbors, 1 or more.

    References
    ----------
    Ramaswamy, Rastogi and Shim, "Efficient algorithms for mining outliers from large data sets"
    (2000); Angiulli and Pizzuti, "Fast outlier detection in high dimensional spaces" (2002).

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from mithridate.attack.victims import Ridge
    >>> x = jnp.linspace(0.0, 1.0, 20)
    >>> clean = Sample(x[:, None], x + 0.1 * jnp.cos(9 * x), jnp.ones(20))
    >>> risk = Neighbor(k=3)
    >>> print(risk(risk.digest(clean, Ridge(), jax.random.key(0)), clean).round(4))
    1.0
    """

    k: int = eqx.field(static=True, default=5)

    def __check_init__(self):
        if self.k < 1:
            raise InputError(f"k = {self.k} leaves no neighbors to look at; give 1 or more.")

    def digest(self, clean: Sample, victim: AbstractVictim, key: PRNGKeyArray):
        del victim, key
        moments = Moments.of(clean.X, clean.y, clean.w)
        variance = jnp.diag(jnp.asarray(moments.scatter)) / moments.weight
        # A constant column has no spread to measure by; it keeps its own unit.
        scale = jnp.sqrt(jnp.where(variance > 0, variance, 1.0))
        z = _scaled(clean, scale)
        clean_rows = CleanRows(z, clean.w, scale)
        # Row by row: a table of all distances would be the largest array of a run.
        reach = jax.lax.map(lambda one: self._reach(clean_rows, one), z)
        return clean_rows, jnp.sum(clean.w * reach) / moments.weight

    def __call__(self, facts, poison: Sample) -> Scalar:
        clean_rows, own = facts
        reach = jax.vmap(lambda one: self._reach(clean_rows, one))(
            _scaled(poison, clean_rows.scale)
        )
        return over(poison.mean(reach), own)

    def _reach(self, clean_rows: CleanRows, one: Float[Array, " k"]) -> Scalar:
        """Mean squared distance of one row to its neighbors but the first."""
        # All distances only say which rows are near; the gradient goes through these rows alone.
        constant_row = jax.lax.stop_gradient(one)
        apart = jnp.sum((clean_rows.z - constant_row[None, :]) ** 2, axis=1)
        apart = jnp.where(clean_rows.w > 0, apart, jnp.inf)
        near = jax.lax.top_k(-apart, min(self.k + 1, apart.shape[0]))[1][1:]
        # A weight says how many rows of the data a row stands for, not that copies of it are there.
        present = jnp.sign(clean_rows.w[near])
        squares = jnp.sum((clean_rows.z[near] - one[None, :]) ** 2, axis=1)
        return jnp.sum(present * squares) / jnp.maximum(jnp.sum(present), 1.0)


def _scaled(sample: Sample, scale: Float[Array, " k"]) -> Float[Array, "n k"]:
    return jnp.concatenate([sample.X, sample.y[:, None]], axis=1) / scale[None, :]
