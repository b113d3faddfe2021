"""The fixed point of MacKay's updates of the evidence, from the moments of rows."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Scalar

from ..moments import Moments

_MAX_ROUNDS = 30  # of accelerated updates; five are usual


class Spectrum(NamedTuple):
    """All that the evidence of a linear regression needs: it depends on `r = λ/β` alone.

    Shapes: `s` (eigenvalues of the centered Gram matrix, those at the level of rounding as 0),
    `cross` (its products with the target along `basis`) and `u2` (squared projections of the
    target) (d,), `basis` (d, d); `rest` is the sum of squares outside the span of the features.

    MacKay, "Bayesian interpolation" (1992).
    """

    s: Float[Array, " d"]
    basis: Float[Array, "d d"]
    cross: Float[Array, " d"]
    u2: Float[Array, " d"]
    rest: Scalar
    weight: Scalar

    @classmethod
    def of(cls, moments: Moments) -> "Spectrum":
        """From one eigendecomposition."""
        weight, scatter = jnp.asarray(moments.weight), jnp.asarray(moments.scatter)
        eps = jnp.finfo(scatter.dtype).eps
        s, basis = jnp.linalg.eigh(scatter[:-1, :-1])
        # At the level of rounding, an eigenvalue would contribute a quotient of rounding errors.
        real = s > jnp.max(s) * eps * s.shape[0]
        cross = jnp.where(real, basis.T @ scatter[:-1, -1], 0.0)
        u2 = jnp.where(real, cross**2 / jnp.where(real, s, 1.0), 0.0)
        rest = jnp.maximum(scatter[-1, -1] - jnp.sum(u2), 0.0)
        return cls(jnp.where(real, s, 0.0), basis, cross, u2, rest, weight)

    def noise(self, ratio: Scalar) -> Scalar:
        """The variance of the noise, 1/β, that goes with a ratio."""
        share = self.s / (self.s + ratio)
        sse = self.rest + jnp.sum(self.u2 * (1 - share) ** 2)
        return sse / freedom(self.weight, jnp.sum(share))

    def ratio(self) -> Scalar:
        """The ratio at which the updates λ = γ / ‖b‖², β = (n - γ) / SSE stand still.

        Not differentiable: the number of updates depends on the rows.
        """
        eps = jnp.finfo(self.s.dtype).eps
        largest = jnp.where(jnp.max(self.s) > 0, jnp.max(self.s), 1.0)
        # Without a signal λ goes to infinity, without noise to zero: both stop at the rounding.
        lowest, highest = jnp.log(largest) + 2 * jnp.log(eps), jnp.log(largest) - jnp.log(eps)

        def update(u):
            share = self.s / (self.s + jnp.exp(u))
            norm = jnp.sum(self.u2 * share / (self.s + jnp.exp(u)))
            raw = log(jnp.sum(share) * self.noise(jnp.exp(u))) - log(norm)
            return jnp.clip(raw, lowest, highest)

        def accelerated(state):
            i, u, _ = state
            one = update(u)
            two = update(one)
            bend = two - 2 * one + u
            # The updates are monotone with decreasing steps; Aitken extrapolates their limit.
            jump = (two - one) ** 2 / jnp.where(bend == 0, 1.0, bend)
            slows = (bend != 0) & (jnp.abs(two - one) < jnp.abs(one - u))
            end = jnp.clip(jnp.where(slows, two - jump, two), lowest, highest)
            return i + 1, end, jnp.abs(one - u) <= 1e-12

        def goes_on(state):
            return (state[0] < _MAX_ROUNDS) & ~state[2]

        # This start does not depend on units: the prior alone would give y its variance.
        start = jnp.clip(jnp.log(jnp.sum(self.s) / self.weight), lowest, highest)
        first = jnp.asarray(0), start, jnp.asarray(False)
        return jnp.exp(jax.lax.while_loop(goes_on, accelerated, first)[1])


def freedom(weight: Scalar, effective: Scalar) -> Scalar:
    """Degrees of freedom that are left to the noise, at least a rounding error."""
    # Weights that sum to less than the rank of the features would make this negative.
    return jnp.maximum(weight - effective, weight * jnp.finfo(weight.dtype).eps)


def log(value: Scalar) -> Scalar:
    """The logarithm of a number that may be 0: then of the smallest that is not."""
    return jnp.log(jnp.maximum(value, jnp.finfo(value.dtype).tiny))
