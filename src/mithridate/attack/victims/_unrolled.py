import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree, Scalar

from ..sample import Sample
from .base import AbstractVictim


class AbstractUnrolled(AbstractVictim):
    """A learner trained by `steps` gradient steps with momentum, differentiated through them.

    A subclass gives `init` and `predict`. Training minimizes the weighted mean squared error plus
    `l2` times the squared norm of all parameters of more than one axis, from the start that `init`
    draws from the key, by `v ← momentum v - pace g`, `params ← params + v`, with
    `pace = rate / mean(‖x‖² + 1)`: the mean squared row norm bounds the curvature, so one `rate`
    suits tables of any width. A gradient longer than `clip` is shortened to it, so that training
    cannot explode.

    Reverse-mode differentiation goes back through the last `truncate` steps (all by default);
    every step is recomputed on the way back, so memory grows with steps x parameters, not with
    steps x activations. `share` < 1 trains each step on a random share of the rows.

    Franceschi et al., "Forward and reverse gradient-based hyperparameter optimization" (2017);
    truncation: Shaban et al., "Truncated back-propagation for bilevel optimization" (2019).
    """

    steps: eqx.AbstractVar[int]
    rate: eqx.AbstractVar[float]
    momentum: eqx.AbstractVar[float]
    l2: eqx.AbstractVar[float]
    clip: eqx.AbstractVar[float]
    truncate: eqx.AbstractVar[int | None]
    share: eqx.AbstractVar[float]

    @abc.abstractmethod
    def init(self, key: PRNGKeyArray, d: int) -> PyTree[Array]:
        """Draw the parameters before training.

        Parameters
        ----------
        key : PRNG key
            Where chance comes from.
        d : int
            Number of features.

        Returns
        -------
        pytree of array
            The parameters.
        """

    def fit(self, fixed: Sample, moving: Sample, key: PRNGKeyArray) -> PyTree[Array]:
        sample = fixed + moving
        start, draws = jax.random.split(key)
        params = self.init(start, sample.X.shape[1])
        params = jax.tree.map(lambda leaf: leaf.astype(sample.y.dtype), params)
        pace = self.rate / (_mean(jnp.sum(sample.X**2, axis=1), sample.w) + 1)

        @jax.checkpoint
        def step(state, i):
            params, velocity = state
            w = sample.w * self._drawn(jax.random.fold_in(draws, i), sample.y.shape[0])
            slope = self._clipped(jax.grad(self._objective)(params, sample.weighing(w)))
            velocity = jax.tree.map(lambda v, g: self.momentum * v - pace * g, velocity, slope)
            return (jax.tree.map(jnp.add, params, velocity), velocity), None

        state = params, jax.tree.map(jnp.zeros_like, params)
        kept = self.steps if self.truncate is None else min(self.truncate, self.steps)
        first = self.steps - kept
        if first:
            state = jax.lax.stop_gradient(jax.lax.scan(step, state, jnp.arange(first))[0])
        (params, _), _ = jax.lax.scan(step, state, jnp.arange(first, self.steps))
        return params

    def _objective(self, params: PyTree[Array], sample: Sample) -> Scalar:
        penalty = sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(params) if leaf.ndim)
        return self.loss(params, sample) + self.l2 * penalty

    def _clipped(self, slope: PyTree[Array]) -> PyTree[Array]:
        squares = sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(slope))
        # The square root has no slope at 0, where nothing is clipped anyway.
        norm = jnp.sqrt(jnp.where(squares > 0, squares, 1.0))
        factor = jnp.where(squares > self.clip**2, self.clip / norm, 1.0)
        return jax.tree.map(lambda leaf: factor * leaf, slope)

    def _drawn(self, key: PRNGKeyArray, n: int) -> Float[Array, " n"] | float:
        if self.share >= 1:
            return 1.0
        # A draw for each row by its place: rows put behind it change nothing.
        keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(n))
        return (jax.vmap(jax.random.uniform)(keys) < self.share).astype(float)


def _mean(values: Float[Array, " n"], w: Float[Array, " n"]) -> Scalar:
    return jnp.sum(w * values) / jnp.sum(w)
