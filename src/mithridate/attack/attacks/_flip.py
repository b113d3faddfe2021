from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Int, PRNGKeyArray

from ..objective import Problem
from ..sample import Sample
from .base import AbstractAttack, Tick, clones


class Flip(AbstractAttack):
    """Copies the rows whose target is farthest from an end of its range, and moves it there.

    Each clean row's distance is `max(|y - max y|, |y - min y|)`; slot `i` takes the row with the
    `i`-th largest, and begins again after the last. Nothing is drawn at random.

    References
    ----------
    References
    ----------
    Müller, Kowatsch and Böttinger, "Data poisoning attacks on regression learning and
    corresponding defenses" (2020).
    """

    control: ClassVar[bool] = True
    aims: ClassVar[bool] = False

    def _start(self, problem: Problem, key: PRNGKeyArray) -> tuple[Sample, Int[Array, " p"]]:
        del key
        clean, threat = problem.threat.offered(problem.clean), problem.threat
        up, down = threat.upper[-1] - clean.y, clean.y - threat.lower[-1]
        distance = jnp.where(clean.w > 0, jnp.maximum(up, down), -jnp.inf)
        order = jnp.argsort(-distance, stable=True)
        origin = order[jnp.arange(threat.capacity) % jnp.maximum(jnp.sum(clean.w > 0), 1)]
        return clones(problem, origin), origin

    def _write(
        self,
        problem: Problem,
        start: Sample,
        origin: Int[Array, " p"],
        key: PRNGKeyArray,
        tick: Tick,
    ) -> tuple[Sample, None]:
        del origin, key, tick
        return Sample(start.X, flipped(problem, start), start.w), None


def flipped(problem: Problem, start: Sample) -> Array:
    """Targets at the farther end of the range."""
    low, high = problem.threat.lower[-1], problem.threat.upper[-1]
    return jnp.where(high - start.y > start.y - low, high, low)
