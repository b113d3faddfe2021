from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, Scalar

from ...moments import Moments
from ..sample import Sample
from ._kernel import Scaler, check_kernel
from ._ridge import Params, Ridge
from .base import AbstractVictim


class Digest(NamedTuple):
    """Rows, their scales, and the moments of their random features."""

    rows: Sample
    scaler: Scaler
    moments: Moments


class FourierModel(NamedTuple):
    """Scales, and a linear model of the random features."""

    scaler: Scaler
    linear: Params


class Fourier(AbstractVictim):
    """Kernel ridge regression by random Fourier features: linear in the number of rows.

    The kernel is that of `Kernel`, approximated by the inner products of `features` waves
    `√(2 / features) cos(ω·x + b)`, ω drawn from the kernel's spectrum, by `seed`; on them it is
    `Ridge` with its free intercept, so the rows that stay enter through their moments and the
    hypergradient is exact.

    Parameters
    ----------
    kernel : {"rbf", "laplace"}
        The kernel.
    width : float
        Its width, in median distances of two clean rows.
    l2 : float
        Penalty on the mean loss.
    features : int
        Number of waves.
    seed : int
        What draws them.

    References
    ----------
    Rahimi and Recht, "Random features for large-scale kernel machines" (2007).

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> X = jnp.linspace(0, 1, 30)[:, None]
    >>> curve = Sample(X, jnp.sin(6 * X[:, 0]), jnp.ones(30))
    >>> victim = Fourier(l2=1e-4)
    >>> params = victim.fit(victim.digest(curve), curve, jax.random.key(0))
    >>> bool(victim.loss(params, victim.digest(curve)) < 0.01 * jnp.var(curve.y))
    True
    """

    kernel: str = eqx.field(static=True, default="rbf")
    width: float = eqx.field(static=True, default=1.0)
    l2: float = eqx.field(static=True, default=3e-4)
    features: int = eqx.field(static=True, default=300)
    seed: int = eqx.field(static=True, default=0)

    def __check_init__(self):
        check_kernel(self.kernel, self.width, self.l2)

    def digest(self, sample: Sample) -> Digest:
        return self._digested(sample, sample)

    def digest_poisoned(self, clean: Sample, poison: Sample) -> Digest:
        return self._digested(clean, clean + poison)

    def _digested(self, clean: Sample, rows: Sample) -> Digest:
        scaler = Scaler.of(clean, self.kernel, self.width)
        return Digest(rows, scaler, Moments.of(self._waves(scaler, rows.X), rows.y, rows.w))

    def fit(self, fixed: Digest, moving: Sample, key: PRNGKeyArray) -> FourierModel:
        scaler = jax.lax.stop_gradient(fixed.scaler)
        waves = Sample(self._waves(scaler, moving.X), moving.y, moving.w)
        return FourierModel(scaler, Ridge(self.l2).fit(fixed.moments, waves, key))

    def predict(self, params: FourierModel, X: Float[Array, "n d"]) -> Float[Array, " n"]:
        return Ridge(self.l2).predict(params.linear, self._waves(params.scaler, X))

    def loss(self, params: FourierModel, fixed: Digest) -> Scalar:
        return super().loss(params, fixed.rows)

    def _waves(self, scaler: Scaler, X: Float[Array, "n d"]) -> Float[Array, "n m"]:
        Z, m = scaler(X), self.features
        spectrum, phase = jax.random.split(jax.random.key(self.seed))
        # exp(-r²) has a normal spectrum of variance 2; exp(-r) along the axes a Cauchy one on each.
        draw = jax.random.normal if self.kernel == "rbf" else jax.random.cauchy
        omega = draw(spectrum, (Z.shape[1], m), Z.dtype)
        omega = jnp.sqrt(2.0) * omega if self.kernel == "rbf" else omega
        shift = 2 * jnp.pi * jax.random.uniform(phase, (m,), Z.dtype)
        return jnp.sqrt(2 / m) * jnp.cos(Z @ omega + shift[None, :])
