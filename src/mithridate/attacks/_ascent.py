from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray, Scalar

from ..objective import Problem, Reference, Terms
from ..sample import Sample
from ._base import AbstractAttack, Path, Trace, clones


class Batch(NamedTuple):
    """Slots `start` to `stop` - 1, and the terms that the alpha = 1 attack reached with them."""

    start: Int[Array, "*shape"]
    stop: Int[Array, "*shape"]
    extreme: Terms


class Best(NamedTuple):
    """The rows with the highest objective so far."""

    gain: Scalar
    X: Float[Array, "b d"]
    y: Float[Array, " b"]


class Ascent(AbstractAttack):
    """The stealthy attack: projected gradient ascent on `alpha L̃ - (1 - alpha) R̃`, batch by batch.

    Slots start as clones of drawn training rows. The rows of a batch move together along their
    hypergradient, each row's divided by its norm, by a step that decays from `rate` (in units of
    the box when the data are scaled to it) to 0 over `steps` steps on a cosine; the best iterate
    is kept and hardened; then it is frozen and the next batch starts. So a run holds the
    poison of every smaller ratio as a prefix.

    >>> import jax, jax.numpy as jnp
    >>> from mithridate.objective import Incremental, Problem
    >>> from mithridate.risks import Residual
    >>> from mithridate.threat import ThreatModel, edges
    >>> from mithridate.victims import Ridge
    >>> X = jnp.linspace(0, 1, 20)[:, None]
    >>> clean = Sample(X, X[:, 0], jnp.ones(20))
    >>> threat = ThreatModel.around(clean, edges(20, [0.1, 0.2]))
    >>> key = jax.random.key(0)
    >>> problem = Problem.of(clean, clean, Ridge(), threat, Residual(), Incremental(), key)
    >>> poison, trace = Ascent(steps=20)(problem, key)
    >>> bool(trace.ends.damage[1] > trace.ends.damage[0] > problem.untouched().damage)
    True

    Carnerero-Cano et al., "Stealthy poisoning attacks bypass defenses in regression settings"
    (2026).
    """

    steered: ClassVar[bool] = True

    steps: int = eqx.field(static=True, default=60)
    rate: float = eqx.field(static=True, default=0.1)

    def __call__(
        self, problem: Problem, key: PRNGKeyArray, tick: Callable[[], Any] | None = None
    ) -> tuple[Sample, Trace]:
        starts, stops = problem.threat.edges[:-1], problem.threat.edges[1:]
        width = max(stop - start for start, stop in zip(starts, stops, strict=True))
        batches = Batch(jnp.asarray(starts), jnp.asarray(stops), problem.extreme)
        # Spare slots at the end let every batch be cut out with one width.
        d, kind = problem.clean.X.shape[1], problem.clean.y.dtype
        spare = Sample(jnp.zeros((width, d), kind), jnp.zeros(width, kind), jnp.zeros(width, kind))
        slots, untouched = clones(problem, key) + spare, problem.untouched()

        def one(carry, batch):
            slots, previous = carry
            reference = Reference(untouched, previous, batch.extreme)
            slots, ends, path = self._climb(problem, slots, reference, batch, width)
            if tick is not None:
                jax.debug.callback(tick)
            return (slots, ends), Trace(ends, path)

        (slots, _), trace = jax.lax.scan(one, (slots, untouched), batches)
        p = problem.threat.capacity
        return Sample(slots.X[:p], slots.y[:p], slots.w[:p]), trace

    def _climb(
        self, problem: Problem, slots: Sample, reference: Reference, batch: Batch, width: int
    ) -> tuple[Sample, Terms, Path]:
        """All slots with one batch optimized, the terms then, and the path there."""
        slot = jnp.arange(slots.y.shape[0])
        frozen = slots.weighing(slots.w * (slot < batch.start))
        fixed = problem.victim.digest(problem.clean + frozen)
        w = (batch.start + jnp.arange(width) < batch.stop).astype(slots.y.dtype)
        X, y = (jax.lax.dynamic_slice_in_dim(a, batch.start, width) for a in (slots.X, slots.y))

        def objective(rows):
            moving = Sample(*rows, w)
            terms = problem.terms(fixed, moving, frozen + moving)
            return problem.gain(terms, reference), terms

        best, path = self._ascend(problem, objective, (X, y), w)
        hard = problem.threat.harden(Sample(best.X, best.y, w))
        present = w > 0
        merged = jnp.where(present[:, None], hard.X, X), jnp.where(present, hard.y, y)
        X, y = (
            jax.lax.dynamic_update_slice_in_dim(a, b, batch.start, 0)
            for a, b in zip((slots.X, slots.y), merged, strict=True)
        )
        ends = problem.terms(fixed, Sample(*merged, w), frozen + Sample(*merged, w))
        return Sample(X, y, slots.w), ends, path

    def _ascend(self, problem, objective, rows, w) -> tuple[Best, Path]:
        rate = optax.cosine_decay_schedule(self.rate, self.steps)
        threat = problem.threat

        def step(carry, i):
            (X, y), best = carry
            (gain, terms), (dX, dy) = jax.value_and_grad(objective, has_aux=True)((X, y))
            better = gain > best.gain
            best = jax.tree.map(
                lambda new, old: jnp.where(better, new, old), Best(gain, X, y), best
            )
            norm = jnp.sqrt(jnp.sum(dX**2, axis=1) + dy**2)
            pace = rate(i) / jnp.where(norm > 0, norm, 1.0)
            moved = threat.project(Sample(X + pace[:, None] * dX, y + pace * dy, w))
            stuck = (y <= threat.lower[-1]) | (y >= threat.upper[-1])
            count = jnp.maximum(jnp.sum(w), 1.0)
            path = Path(terms, gain, jnp.sum(w * norm) / count, jnp.sum(w * stuck) / count)
            return ((moved.X, moved.y), best), path

        # The last of `steps` + 1 rounds only judges: the schedule has reached 0 there.
        nothing = Best(jnp.full_like(rows[1][0], -jnp.inf), *rows)
        (_, best), path = jax.lax.scan(step, (rows, nothing), jnp.arange(self.steps + 1))
        return best, path
