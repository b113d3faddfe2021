from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, Scalar

from ...errors import InputError
from ..objective import Problem, Reference, Terms
from ..sample import Sample
from ..threat import standing
from ..victims import AbstractSurrogate, Ridge
from .base import AbstractAttack, Path


class Batch(NamedTuple):
    """Slots `start` to `stop` - 1, and the terms that the alpha = 1 attack reached with them."""

    start: Int[Array, "*shape"]
    stop: Int[Array, "*shape"]
    extreme: Terms


STARTS = ("clones", "top", "bottom")
FEASIBLE = ("through", "after", "never")
RACE = 10  # steps after which the start that is ahead is known; the full climb seldom disagrees


class Best(NamedTuple):
    """The rows with the highest objective so far."""

    gain: Scalar
    X: Float[Array, "b d"]
    y: Float[Array, " b"]


class Ascent(AbstractAttack):
    """The stealthy attack: projected gradient ascent on `alpha L̃ - (1 - alpha) R̃`, batch by batch.

    Slots start as clones of drawn training rows. The rows of a batch move together along their
    hypergradient, each row's divided by its norm, by a step that decays from `rate` (in units of
    the box when the data are scaled to it) to 0 over `steps` steps on a cosine. The best iterate is
    frozen, and the next batch starts. So a run holds the poison of every smaller ratio as a prefix.
    Each batch may begin from any of `starts`, its targets as they are, at the top or at the bottom
    of their range: the one that is ahead after a short race goes on.

    `feasible` says when one-hot groups and whole numbers are made possible. `"through"`: on the
    way; the gradient is taken at the hardened rows and moves the fractional ones (a
    straight-through estimate), so that categories change when enough pull has gathered, and only
    possible rows are compared. `"after"`: the batch moves freely in the box and is hardened when
    its ascent has ended, which costs it a part of what it had reached. `"never"`: rows stay
    fractional, as under a threat model without groups and lattices; no table can hold them.

    With `polish` > 0, a last climb of so many steps moves all rows together; then the poison of
    each ratio is a run of its own. The paper's attack is `feasible="after"`, `starts=("clones",)`,
    `rate=0.1`: a single climb stays where its clones pull, and does less damage than one that may
    begin anywhere.

    Parameters
    ----------
    steps : int
        Steps of a batch.
    rate : float
        Length of the first step, in units of the box.
    starts : tuple of str
        From where a batch may begin: clones, top and bottom.
    polish : int
        Steps of the last climb of all rows together; 0 leaves it out.
    feasible : {"through", "after", "never"}
        When rows are made possible.

    References
    ----------
    Carnerero-Cano et al., "Stealthy poisoning attacks bypass defenses in regression settings"
    (2026); straight-through estimate: Bengio, Léonard and Courville, "Estimating or propagating
    gradients through stochastic neurons for conditional computation" (2013).

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from mithridate.attack.objective import Incremental, Problem
    >>> from mithridate.attack.risks import Residual
    >>> from mithridate.attack.threat import ThreatModel, edges
    >>> from mithridate.attack.victims import Ridge
    >>> X = jnp.linspace(0, 1, 20)[:, None]
    >>> clean = Sample(X, X[:, 0], jnp.ones(20))
    >>> threat = ThreatModel.around(clean, edges(20, [0.1, 0.2]))
    >>> key = jax.random.key(0)
    >>> problem = Problem.of(clean, clean, Ridge(), threat, Residual(), Incremental(), key=key)
    >>> poison, trace = Ascent(steps=20)(problem, key)
    >>> bool(trace.ends.damage[1] > trace.ends.damage[0] > problem.untouched().damage)
    True
    """

    label: ClassVar[str | None] = ""
    steered: ClassVar[bool] = True
    limited: ClassVar[bool] = True

    steps: int = eqx.field(static=True, default=60)
    rate: float = eqx.field(static=True, default=0.2)
    starts: tuple[str, ...] = eqx.field(static=True, default=STARTS, converter=tuple)
    polish: int = eqx.field(static=True, default=0)
    feasible: str = eqx.field(static=True, default="through")

    def __check_init__(self):
        unknown = set(self.starts) - set(STARTS)
        if unknown or not self.starts:
            raise InputError(f"starts {self.starts!r}: give some of {', '.join(STARTS)}.")
        if self.feasible not in FEASIBLE:
            raise InputError(f"feasible = {self.feasible!r} is not one of {', '.join(FEASIBLE)}.")

    @property
    def greedy(self) -> bool:
        return not self.polish

    @property
    def relaxed(self) -> bool:
        return self.feasible == "never"

    def _write(
        self,
        problem: Problem,
        start: Sample,
        origin: Int[Array, " p"],
        key: PRNGKeyArray,
    ) -> tuple[Sample, Path]:
        del key
        first, last = problem.threat.edges[:-1], problem.threat.edges[1:]
        width, p = max(b - a for a, b in zip(first, last, strict=True)), problem.threat.capacity
        batches = Batch(jnp.asarray(first), jnp.asarray(last), problem.extreme)
        untouched = problem.untouched()
        # Spare slots at the end let every batch be cut out with one width.
        spare = start.absent()
        spare = jax.tree.map(lambda leaf: jnp.resize(leaf, (width, *leaf.shape[1:])), spare)
        start = start + spare

        def one(carry, batch):
            slots, previous = carry
            reference = Reference(untouched, previous, batch.extreme)
            begins = self._begins(problem, _cut(start, batch.start, width))
            climb = Climb(problem, reference, batch, start, origin, width, self.feasible)
            slots, ends, path = climb(slots, begins, self.steps, self.rate)
            return (slots, ends), (path, previous)

        (slots, _), (path, previous) = jax.lax.scan(one, (start, untouched), batches)
        if self.polish:
            whole = Batch(batches.start[0], batches.stop[-1], _last(problem.extreme))
            reference = Reference(untouched, _last(previous), whole.extreme)
            climb = Climb(problem, reference, whole, start, origin, p, self.feasible)
            slots, _, _ = climb(slots, [_first(slots, p)], self.polish, self.rate)
        return _first(slots, p), path

    def _begins(self, problem: Problem, own: Sample) -> list[Sample]:
        """The rows of a batch as each of `starts` has them."""
        low, high = problem.threat.lower[-1], problem.threat.upper[-1]
        ends = {"clones": own.y, "top": own.y * 0 + high, "bottom": own.y * 0 + low}
        return [Sample(own.X, ends[which], own.w) for which in self.starts]


class Climb(NamedTuple):
    """The ascent of one batch, every other row as it is.

    `start` holds the clones that all slots began as: frozen columns and the budget refer to them.
    """

    problem: Problem
    reference: Reference
    batch: Batch
    start: Sample
    origin: Int[Array, " p"]
    width: int
    feasible: str

    def __call__(
        self, slots: Sample, begins: Sequence[Sample], steps: int, rate: float
    ) -> tuple[Sample, Terms, Path]:
        """All slots with the batch optimized, the terms then, and the path there."""
        problem, threat, (start, stop, _) = self.problem, self.problem.threat, self.batch
        frozen = slots.weighing(slots.w * (jnp.arange(slots.y.shape[0]) < start))
        clean = standing(problem.clean, threat, self.origin, stop)
        fixed = problem.victim.digest_poisoned(clean, frozen)
        w = (start + jnp.arange(self.width) < stop).astype(slots.y.dtype)
        own = _cut(self.start, start, self.width).weighing(w)

        def objective(rows):
            X, y = rows
            moving = Sample(X, y, w)
            return problem.weighed(fixed, moving, frozen + moving, self.reference)

        begins = [*begins, *self._undefended(slots, begins, steps, rate)]
        begins = [threat.project(begin.weighing(w), own) for begin in begins]
        one = len(begins) == 1
        longest = steps if one else max(RACE, steps)

        def climb(begin, steps):
            begin = Sample(begin.X, begin.y, w)
            return self._ascend(objective, own, begin, steps, rate, longest)

        best, path = climb(begins[0], steps) if one else self._race(climb, begins, steps)
        rows = Sample(best.X, best.y, w)
        rows = threat.harden(rows, own) if self.feasible == "after" else rows
        _, ends = objective((rows.X, rows.y))
        # Rows beyond the batch belong to the next one and stay as they were.
        later = _cut(slots, start, self.width)
        X = jnp.where(w[:, None] > 0, rows.X, later.X)
        y = jnp.where(w > 0, rows.y, later.y)
        put = jax.lax.dynamic_update_slice_in_dim
        return Sample(put(slots.X, X, start, 0), put(slots.y, y, start, 0), slots.w), ends, path

    def _undefended(
        self, slots: Sample, begins: Sequence[Sample], steps: int, rate: float
    ) -> list[Sample]:
        """Through a defense, one start more: the batch as it would be were there no defense.

        Rows that a defense rejects teach nothing, so an ascent through it may never set out.
        """
        victim = self.problem.victim
        if not isinstance(victim, AbstractSurrogate):
            return []
        plain = self.problem.through(Ridge(victim.l2))
        found, _, _ = self._replace(problem=plain)(slots, begins, steps, rate)
        return [_cut(found, self.batch.start, self.width)]

    def _race(
        self, climb: Callable[..., tuple[Best, Path]], begins: Sequence[Sample], steps: int
    ) -> tuple[Best, Path]:
        """The climb from the begin that is ahead after a short race; the path has both.

        The climb is the last lap of one loop, so that the program holds a single ascent.
        """
        many = jax.tree.map(lambda *leaves: jnp.stack(leaves), *begins)
        laps = len(begins)

        def lap(carry, i):
            ahead, raced = carry
            last, place = i == laps, jnp.minimum(i, laps - 1)
            X = jnp.where(last, ahead.X, many.X[place])
            y = jnp.where(last, ahead.y, many.y[place])
            best, path = climb(Sample(X, y, many.w[0]), jnp.where(last, steps, RACE))
            better = last | (best.gain > ahead.gain)
            ahead = jax.tree.map(lambda a, b: jnp.where(better, a, b), best, ahead)
            short = jax.tree.map(lambda leaf: leaf[: RACE + 1], path)
            won = better & ~last
            raced = jax.tree.map(lambda a, b: jnp.where(won, a, b), short, raced)
            return (ahead, raced), path

        none = jnp.full_like(many.y[0, 0], -jnp.inf)
        first = Best(none, many.X[0], many.y[0]), _empty(RACE, none)
        (best, raced), paths = jax.lax.scan(lap, first, jnp.arange(laps + 1))
        join = lambda race, climb: jnp.concatenate([race, climb[-1, : steps + 1]])  # noqa: E731
        return best, jax.tree.map(join, raced, paths)

    def _ascend(
        self,
        objective: Callable[..., Any],
        own: Sample,
        begin: Sample,
        steps: int | Int[Array, ""],
        rate: float,
        longest: int,
    ) -> tuple[Best, Path]:
        """The best rows on the way up from `begin`, clones of `own`, and the way.

        The path has room for `longest` steps.
        """
        w, threat = own.w, self.problem.threat
        allowed = threat.harden if self.feasible == "through" else threat.project

        def step(i, carry):
            (X, y), best, scale, path = carry
            tried = allowed(Sample(X, y, w), own)
            judged = jax.value_and_grad(objective, has_aux=True)((tried.X, tried.y))
            (gain, terms), (dX, dy) = judged
            norm = jnp.sqrt(jnp.sum(dX**2, axis=1) + dy**2)
            finite = jnp.isfinite(gain) & jnp.all(jnp.isfinite(norm))
            new = Best(gain, tried.X, tried.y)
            better = finite & (gain > best.gain)
            best = jax.tree.map(lambda a, b: jnp.where(better, a, b), new, best)
            # Where the gradient explodes, go back to the best rows and on with half the step.
            scale = jnp.where(finite, scale, scale / 2)
            pace = rate * (0.5 * (1 + jnp.cos(jnp.pi * i / steps)))
            length = scale * pace / jnp.where(finite & (norm > 0), norm, 1.0)
            moved = Sample(
                jnp.where(finite, X + length[:, None] * dX, best.X),
                jnp.where(finite, y + length * dy, best.y),
                w,
            )
            moved = threat.project(moved, own)
            stuck = (tried.y <= threat.lower[-1]) | (tried.y >= threat.upper[-1])
            count = jnp.maximum(jnp.sum(w), 1.0)
            here = Path(terms, gain, jnp.sum(w * norm) / count, jnp.sum(w * stuck) / count)
            path = jax.tree.map(lambda whole, one: whole.at[i].set(one), path, here)
            return (moved.X, moved.y), best, scale, path

        # The last of `steps` + 1 rounds only judges: the pace has reached 0 there.
        rows, none = (begin.X, begin.y), jnp.full_like(begin.y[0], -jnp.inf)
        first = rows, Best(none, *rows), jnp.ones_like(none), _empty(longest, none)
        _, best, _, path = jax.lax.fori_loop(0, steps + 1, step, first)
        return best, path


def _empty(steps: int, like: Scalar) -> Path:
    """Room for the path of so many steps."""
    room = jnp.zeros((steps + 1,), like.dtype)
    return Path(Terms(room, room), room, room, room)


def _cut(sample: Sample, start: Int[Array, ""], width: int) -> Sample:
    """`width` rows from `start` on."""
    return jax.tree.map(lambda a: jax.lax.dynamic_slice_in_dim(a, start, width), sample)


def _first(sample: Sample, p: int) -> Sample:
    """The first `p` rows."""
    return jax.tree.map(lambda a: a[:p], sample)


def _last(terms: Terms) -> Terms:
    """The terms after the last batch."""
    return Terms(terms.damage[-1], terms.risk[-1])
