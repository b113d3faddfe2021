from typing import ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray, Scalar

from ..objective import Problem, Reference, Terms
from ..sample import Sample
from ..threat import standing
from ._base import AbstractAttack, Path, Tick


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

    def _write(
        self,
        problem: Problem,
        start: Sample,
        origin: Int[Array, " p"],
        key: PRNGKeyArray,
        tick: Tick,
    ) -> tuple[Sample, Path]:
        del key
        first, last = problem.threat.edges[:-1], problem.threat.edges[1:]
        width = max(b - a for a, b in zip(first, last, strict=True))
        batches = Batch(jnp.asarray(first), jnp.asarray(last), problem.extreme)
        # Spare slots at the end let every batch be cut out with one width.
        spare = start.weighing(jnp.zeros_like(start.w))
        spare = jax.tree.map(lambda leaf: jnp.resize(leaf, (width, *leaf.shape[1:])), spare)
        start, untouched = start + spare, problem.untouched()

        def one(carry, batch):
            slots, previous = carry
            reference = Reference(untouched, previous, batch.extreme)
            slots, ends, path = self._climb(problem, slots, start, origin, reference, batch, width)
            if tick is not None:
                jax.debug.callback(tick)
            return (slots, ends), path

        (slots, _), path = jax.lax.scan(one, (start, untouched), batches)
        p = problem.threat.capacity
        return Sample(slots.X[:p], slots.y[:p], slots.w[:p]), path

    def _climb(
        self, problem: Problem, slots: Sample, start: Sample, origin: Int[Array, " p"],
        reference: Reference, batch: Batch, width: int,
    ) -> tuple[Sample, Terms, Path]:  # fmt: skip
        """All slots with one batch optimized, the terms then, and the path there."""
        slot = jnp.arange(slots.y.shape[0])
        frozen = slots.weighing(slots.w * (slot < batch.start))
        clean = standing(problem.clean, problem.threat, origin, batch.stop)
        fixed = problem.victim.digest(clean + frozen)
        w = (batch.start + jnp.arange(width) < batch.stop).astype(slots.y.dtype)
        own = _cut(start, batch.start, width).weighing(w)

        def objective(rows):
            moving = Sample(*rows, w)
            terms = problem.terms(fixed, moving, frozen + moving)
            return problem.gain(terms, reference), terms

        best, path = self._ascend(problem, objective, own)
        hard = problem.threat.harden(Sample(best.X, best.y, w), own)
        # Rows beyond the batch belong to the next one and stay as they were.
        later = _cut(slots, batch.start, width)
        X = jnp.where(w[:, None] > 0, hard.X, later.X)
        y = jnp.where(w > 0, hard.y, later.y)
        ends = problem.terms(fixed, Sample(X, y, w), frozen + Sample(X, y, w))
        put = jax.lax.dynamic_update_slice_in_dim
        slots = Sample(put(slots.X, X, batch.start, 0), put(slots.y, y, batch.start, 0), slots.w)
        return slots, ends, path

    def _ascend(self, problem: Problem, objective, own: Sample) -> tuple[Best, Path]:
        """The best rows on the way up from `own`, and the way."""
        pace, threat, w = optax.cosine_decay_schedule(self.rate, self.steps), problem.threat, own.w

        def step(carry, i):
            (X, y), best, scale = carry
            (gain, terms), (dX, dy) = jax.value_and_grad(objective, has_aux=True)((X, y))
            norm = jnp.sqrt(jnp.sum(dX**2, axis=1) + dy**2)
            finite = jnp.isfinite(gain) & jnp.all(jnp.isfinite(norm))
            new = Best(gain, X, y)
            better = finite & (gain > best.gain)
            best = jax.tree.map(lambda a, b: jnp.where(better, a, b), new, best)
            # Where the gradient explodes, go back to the best rows and on with half the step.
            scale = jnp.where(finite, scale, scale / 2)
            length = scale * pace(i) / jnp.where(finite & (norm > 0), norm, 1.0)
            moved = Sample(
                jnp.where(finite, X + length[:, None] * dX, best.X),
                jnp.where(finite, y + length * dy, best.y),
                w,
            )
            moved = threat.project(moved, own)
            stuck = (y <= threat.lower[-1]) | (y >= threat.upper[-1])
            count = jnp.maximum(jnp.sum(w), 1.0)
            path = Path(terms, gain, jnp.sum(w * norm) / count, jnp.sum(w * stuck) / count)
            return ((moved.X, moved.y), best, scale), path

        # The last of `steps` + 1 rounds only judges: the schedule has reached 0 there.
        rows, none = (own.X, own.y), jnp.full_like(own.y[0], -jnp.inf)
        first = rows, Best(none, *rows), jnp.ones_like(none)
        (_, best, _), path = jax.lax.scan(step, first, jnp.arange(self.steps + 1))
        return best, path


def _cut(sample: Sample, start: Int[Array, ""], width: int) -> Sample:
    """`width` rows from `start` on."""
    return jax.tree.map(lambda a: jax.lax.dynamic_slice_in_dim(a, start, width), sample)
