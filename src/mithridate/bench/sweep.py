"""Runs one attack over all alphas and seeds by one compiled program: where NumPy and JAX meet."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, Scalar

from ..attack.attacks import AbstractAttack, Path, Trace
from ..attack.objective import AbstractNormalizer, Problem, Reference, Terms
from ..attack.risks import AbstractRisk
from ..attack.sample import Sample
from ..attack.threat import ThreatModel
from ..attack.victims import AbstractVictim
from ..tables.encoded import Part
from .programs import compiled
from .worlds import World

WRITTEN = ("lower", "upper", "step", "free", "budget", "member", "optional")


class Poison(NamedTuple):
    """Poison as NumPy: the rows of every alpha and seed in slot order, and the traces.

    Shapes: `X` (alphas, seeds, p, d); `y` and `origin`, the clean row that a slot started from,
    (alphas, seeds, p); `damage` and `risk` (alphas, seeds, batches); an attack without alpha has
    one entry there. `untouched` (alphas, seeds) is the damage before any poison, `extreme` damage
    and risk of the alpha = 1 attack that others are measured by, (seeds, batches) each. `path`,
    where the attack has one, holds the steps inside the batches, (alphas, seeds, batches, steps).
    `edges` as in `ThreatModel`. `seconds` is the wall time of the compiled call, `compiling` that
    of its making.
    """

    X: np.ndarray
    y: np.ndarray
    origin: np.ndarray
    damage: np.ndarray
    risk: np.ndarray
    untouched: np.ndarray
    extreme: Terms
    path: Path | None
    edges: tuple[int, ...]
    seconds: float
    compiling: float


class Attacker(NamedTuple):
    """Who attacks: by which attack, through which victim, fearing what, weighing both how."""

    attack: AbstractAttack
    victim: AbstractVictim
    risk: AbstractRisk
    normalizer: AbstractNormalizer


class Given(NamedTuple):
    """One seed's side of an attack: what is known, aimed by and written, and its chance."""

    clean: Sample
    aimed: Sample
    threat: ThreatModel
    others: Sample | None
    seed: Int[Array, ""]


class Turn(NamedTuple):
    """How one run weighs damage and risk; `plain` ones as they are, for the others to refer to."""

    alpha: Scalar
    plain: Bool[Array, ""]
    extreme: Terms


class Either(AbstractNormalizer):
    """A normalizer that a switch turns off: one program for the reference and for each alpha."""

    normalizer: AbstractNormalizer
    plain: Bool[Array, ""]

    def anchors(self, reference: Reference) -> tuple[Terms, Terms]:
        return self.normalizer.anchors(reference)

    def __call__(self, terms: Terms, reference: Reference) -> Terms:
        # Not `where`: that would let a normalizer's infinities into the gradient of plain terms.
        normalized = lambda: self.normalizer(terms, reference)  # noqa: E731
        return jax.lax.cond(self.plain, lambda: terms, normalized)


def sweep(
    attacker: Attacker,
    worlds: Sequence[World],
    seeds: Sequence[int],
    alphas: Sequence[float],
    edges: tuple[int, ...],
    *,
    replaces: bool = False,
    limit: float | None = None,
    tick: Callable[[], Any] | None = None,
) -> Poison:
    """Poison for each alpha and seed, in float64; `tick` is called after each run of the program.

    With a `limit` the damage alone counts, as at alpha 1, and risk stays up to the limit.
    """
    refers = attacker.attack.steered and limit is None
    # Scoped, because float64 is what closed forms need and not what every user of JAX wants.
    with jax.enable_x64(True):
        each = [
            Given(*_parts(world, edges, replaces, attacker.attack), jnp.asarray(seed))
            for world, seed in zip(worlds, seeds, strict=True)
        ]
        each = _alike(each)
        none = jnp.asarray(np.ones(len(edges) - 1))
        turns = [
            Turn(jnp.asarray(float(alpha)), jnp.asarray(False), Terms(none, none))
            for alpha in (alphas if attacker.attack.steered else [1.0])
        ]
        # Calls nothing back, so that JAX can keep the program for the next time.
        program = jax.jit(_run(attacker, refers, limit))
        began = time.perf_counter()
        run = compiled(program.lower(each[0], turns[0]), attacker.victim, each[0].clean.X.size)
        ready = time.perf_counter()
        scaled = partial(_scaled, attacker.normalizer)
        made = [_all_turns(run, given, turns, refers, tick, scaled=scaled) for given in each]
        done = time.perf_counter()
    # In the result alphas come first.
    by_alpha = [list(row) for row in zip(*(turned for turned, _ in made), strict=True)]
    stacked = [jax.tree.map(lambda *leaves: np.stack(leaves), *row) for row in by_alpha]
    rows, trace = jax.tree.map(lambda *leaves: np.stack(leaves), *stacked)
    extreme = jax.tree.map(lambda *leaves: np.stack(leaves), *(one for _, one in made))
    ends = trace.ends.damage, trace.ends.risk, trace.untouched.damage
    took = done - ready, ready - began
    return Poison(rows.X, rows.y, trace.origin, *ends, extreme, trace.path, edges, *took)


def _run(
    attacker: Attacker, refers: bool, limit: float | None
) -> Callable[[Given, Turn], tuple[Sample, Trace]]:
    """One run as a function that JAX can compile; alpha is given, not written into the program."""
    attack, victim, risk, normalizer = attacker

    def run(given: Given, turn: Turn) -> tuple[Sample, Trace]:
        clean, aimed, threat, others, seed = given
        key, scale = jax.random.key(seed), Either(normalizer, turn.plain) if refers else normalizer
        problem = Problem.of(clean, aimed, victim, threat, risk, scale, key=key, others=others)
        if limit is not None:
            problem = problem.reference().within(jnp.asarray(limit))
        return attack(problem.at(turn.alpha, turn.extreme), key)

    return run


def _all_turns(
    run: Callable[[Given, Turn], tuple[Sample, Trace]],
    given: Given,
    turns: Sequence[Turn],
    refers: bool,
    tick: Callable[[], Any] | None,
    *,
    scaled: Callable[[tuple[Sample, Trace]], tuple[Sample, Trace]],
) -> tuple[list[tuple[Sample, Trace]], Terms]:
    """Poison and traces of one seed at each alpha, as NumPy, and what they refer to.

    Before them goes the run at alpha = 1 that they refer to. It has no normalizer, which at
    alpha = 1 changes no step: rows go along their gradient, whatever its length. So that alpha is
    not run again.
    """

    def one(turn: Turn) -> tuple[Sample, Trace]:
        made = jax.tree.map(np.asarray, run(given, turn))
        if tick is not None:
            tick()
        return made

    if not refers:
        return [one(turn) for turn in turns], jax.tree.map(np.asarray, turns[0].extreme)
    whole = one(turns[0]._replace(alpha=jnp.asarray(1.0), plain=jnp.asarray(True)))
    extreme = jax.tree.map(jnp.asarray, whole[1].ends)
    made = [
        scaled(whole) if turn.alpha == 1 else one(turn._replace(extreme=extreme)) for turn in turns
    ]
    return made, whole[1].ends


def _scaled(normalizer: AbstractNormalizer, made: tuple[Sample, Trace]) -> tuple[Sample, Trace]:
    """The run at alpha = 1, its path with the gain as the normalizer has it."""
    rows, trace = made
    if trace.path is None:
        return made
    first, ends = trace.untouched, trace.ends
    earlier = [np.append(one, all_[:-1])[:, None] for one, all_ in zip(first, ends, strict=True)]
    extreme = Terms(ends.damage[:, None], ends.risk[:, None])
    reference = Reference(first, Terms(*earlier), extreme)  # pyright: ignore
    path = trace.path
    # What the plain gain has beside the damage is the penalty where others are moved too far.
    gain = normalizer(path.terms, reference).damage + (path.gain - path.terms.damage)
    return rows, trace._replace(path=path._replace(gain=np.asarray(gain)))


def risk_of(
    attacker: Attacker,
    world: World,
    rows: Part,
    origin: np.ndarray,
    seed: int,
    *,
    replaces: bool = False,
) -> float:
    """Measure the risk of poison rows.

    Parameters
    ----------
    attacker : Attacker
        Attack, victim, risk and normalizer.
    world : World
        The attacker's side of the split.
    rows : Part
        The poison.
    origin : array of int, shape (p,)
        The clean row that each started from.
    seed : int
        The seed of the split.
    replaces : bool, default False
        Whether they stand in place of those.

    Returns
    -------
    float
        The risk; 1 looks like an average clean row.
    """
    attack, victim, risk, normalizer = attacker
    with jax.enable_x64(True):
        clean, aimed, threat, _ = _parts(world, (0, len(rows.y)), replaces, attack)
        key = jax.random.key(seed)

        def measured(clean, aimed, threat, poison, origin):
            problem = Problem.of(clean, aimed, victim, threat, risk, normalizer, key=key)
            return problem.reference().ends(poison, origin).risk[-1]

        poison = _sample(rows, 1.0)
        return float(jax.jit(measured)(clean, aimed, threat, poison, jnp.asarray(origin)))


def _parts(
    world: World, edges: tuple[int, ...], replaces: bool, attack: AbstractAttack
) -> tuple[Sample, Sample, ThreatModel, Sample | None]:
    """What the attacker knows and may write, for JAX; one that does not aim is told where to.

    Last are the rows that it is not about, for one that can keep to limits.
    """
    arrays = {name: jnp.asarray(getattr(world, name)) for name in WRITTEN}
    mine = world.own if attack.aims else world.about
    own = None if mine is None else jnp.asarray(mine)
    threat = ThreatModel(**arrays, edges=edges, replaces=replaces, own=own, push=world.push)
    rest = world.others if attack.limited else None
    others = None if rest is None else _sample(rest, 1.0)
    return _sample(world.known, world.weight), _sample(world.aimed, 1.0), threat, others


def _alike(each: list[Given]) -> list[Given]:
    """The same with rows of weight 0 behind those it aims by and the others, so that shapes agree.

    Of each split another number of rows may meet the condition of a goal.
    """
    aimed = max(len(given.aimed.y) for given in each)
    some = [given.others for given in each if given.others is not None]
    if len(some) < len(each):  # one program for all: too few in one split are held in none
        return [given._replace(aimed=_filled(given.aimed, aimed), others=None) for given in each]
    others = max(len(one.y) for one in some)
    return [
        given._replace(aimed=_filled(given.aimed, aimed), others=_filled(one, others))
        for given, one in zip(each, some, strict=True)
    ]


def _filled(sample: Sample, rows: int) -> Sample:
    """So many rows, those beyond the sample's own absent."""
    at = jnp.arange(rows)
    full = jax.tree.map(lambda leaf: leaf[at % len(sample.y)], sample)
    return full.weighing(jnp.where(at < len(sample.y), full.w, 0.0))


def _sample(part: Part, weight: float) -> Sample:
    w = weight * (np.ones(len(part.y)) if part.w is None else np.array(part.w, dtype=float))
    return Sample(jnp.asarray(part.X), jnp.asarray(part.y), jnp.asarray(w))


def ticks(attack: AbstractAttack, alphas: Sequence[float], seeds: Sequence[int]) -> int:
    """How often `sweep` will call `tick`."""
    return len({*alphas, 1.0}) * len(seeds) if attack.steered else len(seeds)
