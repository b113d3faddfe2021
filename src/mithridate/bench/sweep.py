"""Runs one attack over all alphas and seeds in one compiled call: where NumPy and JAX meet."""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..attacks import AbstractAttack
from ..datasets import Part, Split
from ..objective import AbstractNormalizer, Problem
from ..risks import AbstractRisk
from ..sample import Sample
from ..threat import ThreatModel
from ..victims import AbstractVictim


class Poison(NamedTuple):
    """Poison as NumPy: the rows of every alpha and seed in slot order, and the traces.

    Shapes: `X` (alphas, seeds, p, d), `y` (alphas, seeds, p), `damage` and `risk`
    (alphas, seeds, batches); an attack without alpha has one entry there. `edges` as in
    `ThreatModel`. `seconds` is the wall time of the compiled call, `compiling` that of its making.
    """

    X: np.ndarray
    y: np.ndarray
    damage: np.ndarray
    risk: np.ndarray
    edges: tuple[int, ...]
    seconds: float
    compiling: float


def sweep(
    attack: AbstractAttack,
    victim: AbstractVictim,
    risk: AbstractRisk,
    normalizer: AbstractNormalizer,
    splits: Sequence[Split],
    seeds: Sequence[int],
    alphas: Sequence[float],
    edges: tuple[int, ...],
    tick: Callable[[], Any] | None = None,
) -> Poison:
    """Poison for each alpha and seed, in float64; `tick` is called once a batch of each run."""
    # Scoped, because float64 is what closed forms need and not what every user of JAX wants.
    with jax.enable_x64(True):
        clean, validation, threat = (
            jax.tree.map(lambda *leaves: jnp.stack(leaves), *parts)
            for parts in zip(*(_world(split, edges) for split in splits), strict=True)
        )
        keys = jnp.stack([jax.random.key(seed) for seed in seeds])
        values = jnp.asarray(alphas if attack.steered else [1.0], dtype=jnp.float64)

        def one(world):
            clean, validation, threat, key = world
            problem = Problem.of(clean, validation, victim, threat, risk, normalizer, key)
            return _all_alphas(attack, problem, values, key, tick)

        run = jax.jit(lambda worlds: jax.lax.map(one, worlds))
        worlds = (clean, validation, threat, keys)
        began = time.perf_counter()
        compiled = run.lower(worlds).compile()
        ready = time.perf_counter()
        poison, ends = jax.block_until_ready(compiled(worlds))
        done = time.perf_counter()
    # Seeds were the outer loop; in the result alphas come first.
    leaves = [np.asarray(leaf) for leaf in (poison.X, poison.y, ends.damage, ends.risk)]
    X, y, damage, risk = (np.swapaxes(leaf, 0, 1) for leaf in leaves)
    return Poison(X, y, damage, risk, edges, seconds=done - ready, compiling=ready - began)


def _all_alphas(attack: AbstractAttack, problem: Problem, alphas, key, tick):
    """Poison and end terms with a leading axis of alphas."""
    extreme = problem.extreme
    if attack.steered:
        _, reference = attack(problem.reference(), key, tick)
        extreme = reference.ends

    def at(alpha):
        poison, trace = attack(problem.at(alpha, extreme), key, tick)
        return poison, trace.ends

    return jax.lax.map(at, alphas)


def _sample(part: Part) -> Sample:
    return Sample(jnp.asarray(part.X), jnp.asarray(part.y), jnp.ones(len(part.y)))


def _world(split: Split, edges: tuple[int, ...]) -> tuple[Sample, Sample, ThreatModel]:
    """What the attacker may see and write: the split without its test part."""
    columns = split.columns
    member = columns.group[None, :] == np.arange(len(columns.optional))[:, None]
    threat = ThreatModel(
        lower=jnp.asarray(split.lower),
        upper=jnp.asarray(split.upper),
        step=jnp.asarray(split.step),
        free=jnp.ones(split.lower.shape, bool),
        budget=jnp.asarray(jnp.inf),
        member=jnp.asarray(member),
        optional=jnp.asarray(columns.optional),
        edges=edges,
    )
    return _sample(split.train), _sample(split.validation), threat


def ticks(
    attack: AbstractAttack, alphas: Sequence[float], seeds: Sequence[int], batches: int
) -> int:
    """How often `sweep` will call `tick`."""
    return (len(alphas) + 1) * len(seeds) * batches if attack.steered else 0
