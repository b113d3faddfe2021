"""Runs one attack over all alphas and seeds in one compiled call: where NumPy and JAX meet."""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..attack.attacks import AbstractAttack, Path
from ..attack.objective import AbstractNormalizer, Problem
from ..attack.risks import AbstractRisk
from ..attack.sample import Sample
from ..attack.threat import ThreatModel
from ..attack.victims import AbstractVictim
from ..tables.encoded import Part
from .worlds import World

WRITTEN = ("lower", "upper", "step", "free", "budget", "member", "optional")


class Poison(NamedTuple):
    """Poison as NumPy: the rows of every alpha and seed in slot order, and the traces.

    Shapes: `X` (alphas, seeds, p, d); `y` and `origin`, the clean row that a slot started from,
    (alphas, seeds, p); `damage` and `risk` (alphas, seeds, batches); an attack without alpha has
    one entry there. `untouched` (alphas, seeds) is the damage before any poison. `path`, where the
    attack has one, holds the steps inside the batches, (alphas, seeds, batches, steps). `edges` as
    in `ThreatModel`. `seconds` is the wall time of the compiled call, `compiling` that of its
    making.
    """

    X: np.ndarray
    y: np.ndarray
    origin: np.ndarray
    damage: np.ndarray
    risk: np.ndarray
    untouched: np.ndarray
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
    """Poison for each alpha and seed, in float64; `tick` is called once a batch of each run.

    With a `limit` the damage alone counts, as at alpha 1, and risk stays up to the limit.
    """
    attack, victim, risk, normalizer = attacker
    # Scoped, because float64 is what closed forms need and not what every user of JAX wants.
    with jax.enable_x64(True):
        parts = zip(*(_parts(world, edges, replaces) for world in worlds), strict=True)
        stacked = [jax.tree.map(lambda *leaves: jnp.stack(leaves), *part) for part in parts]
        keys = jnp.stack([jax.random.key(seed) for seed in seeds])
        values = jnp.asarray(alphas if attack.steered else [1.0], dtype=jnp.float64)

        # Alphas are given, not written into the program, so that one serves for others too.
        def one(given, values):
            clean, aimed, threat, key = given
            problem = Problem.of(clean, aimed, victim, threat, risk, normalizer, key=key)
            if limit is not None:
                problem = problem.reference().within(jnp.asarray(limit))
            return _all_alphas(attack, problem, values, key, tick)

        run = jax.jit(lambda given, values: jax.lax.map(lambda each: one(each, values), given))
        began = time.perf_counter()
        compiled = run.lower((*stacked, keys), values).compile()
        ready = time.perf_counter()
        made = jax.block_until_ready(compiled((*stacked, keys), values))
        done = time.perf_counter()
    # Seeds were the outer loop; in the result alphas come first.
    rows, trace = jax.tree.map(lambda leaf: np.swapaxes(np.asarray(leaf), 0, 1), made)
    ends = trace.ends.damage, trace.ends.risk, trace.untouched.damage
    took = done - ready, ready - began
    return Poison(rows.X, rows.y, trace.origin, *ends, trace.path, edges, *took)


def risk_of(
    attacker: Attacker,
    world: World,
    rows: Part,
    origin: np.ndarray,
    seed: int,
    *,
    replaces: bool = False,
) -> float:
    """The risk of poison rows (p,) that started from the clean rows `origin` (p,)."""
    _, victim, risk, normalizer = attacker
    with jax.enable_x64(True):
        clean, aimed, threat = _parts(world, (0, len(rows.y)), replaces)
        key = jax.random.key(seed)

        def measured(clean, aimed, threat, poison, origin):
            problem = Problem.of(clean, aimed, victim, threat, risk, normalizer, key=key)
            return problem.reference().ends(poison, origin).risk[-1]

        poison = _sample(rows, 1.0)
        return float(jax.jit(measured)(clean, aimed, threat, poison, jnp.asarray(origin)))


def _all_alphas(attack: AbstractAttack, problem: Problem, alphas, key, tick):
    """Poison and traces with a leading axis of alphas."""
    extreme = problem.extreme
    if attack.steered and problem.limit is None:
        _, reference = attack(problem.reference(), key, tick)
        extreme = reference.ends
    return jax.lax.map(lambda alpha: attack(problem.at(alpha, extreme), key, tick), alphas)


def _parts(
    world: World, edges: tuple[int, ...], replaces: bool
) -> tuple[Sample, Sample, ThreatModel]:
    """What the attacker knows and may write, for JAX."""
    arrays = {name: jnp.asarray(getattr(world, name)) for name in WRITTEN}
    own = None if world.own is None else jnp.asarray(world.own)
    threat = ThreatModel(**arrays, edges=edges, replaces=replaces, own=own)
    # Rows that it does not aim by keep their place, so that one program serves for any of them.
    heed = 1.0 if world.heed is None else world.heed.astype(float)
    return _sample(world.known, world.weight), _sample(world.aimed, heed), threat


def _sample(part: Part, weight: float | np.ndarray) -> Sample:
    w = jnp.broadcast_to(jnp.asarray(weight), part.y.shape)
    return Sample(jnp.asarray(part.X), jnp.asarray(part.y), w)


def ticks(
    attack: AbstractAttack, alphas: Sequence[float], seeds: Sequence[int], batches: int
) -> int:
    """How often `sweep` will call `tick`."""
    return (len(alphas) + 1) * len(seeds) * batches if attack.steered else 0
