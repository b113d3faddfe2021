from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Int, PRNGKeyArray

from ..objective import Problem
from ..sample import Sample
from .base import AbstractAttack, clones


class Flip(AbstractAttack):
    """Copies the rows whose target is farthest from an end of its range, and moves it there.

    Each clean row's distance is `max(|y - max y|, |y - min y|)`; slot `i` takes the row with the
    `i`-th largest, and begins again after the last. Nothing is drawn at random. Where predictions
    are to be pushed one way, that end alone counts.

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
        origin = farthest(problem, problem.clean.y)
        return clones(problem, origin), origin

    def _write(
        self,
        problem: Problem,
        start: Sample,
        origin: Int[Array, " p"],
        key: PRNGKeyArray,
    ) -> tuple[Sample, None]:
        del origin, key
        return Sample(start.X, flipped(problem, start), start.w), None


def farthest(problem: Problem, y: Array) -> Int[Array, " p"]:
    """For each slot the clean row whose `y` is next farthest from an end; then from the first."""
    threat = problem.threat
    offered = threat.offered(problem.clean).w > 0
    up, down = (jnp.where(allowed, far, -1.0) for allowed, far in _directions(problem, y))
    order = jnp.argsort(-jnp.where(offered, jnp.maximum(up, down), -jnp.inf), stable=True)
    return order[jnp.arange(threat.capacity) % jnp.maximum(jnp.sum(offered), 1)]


def flipped(problem: Problem, start: Sample) -> Array:
    """Targets at the farther end of the range, or at that to which predictions are pushed."""
    low, high = problem.threat.lower[-1], problem.threat.upper[-1]
    up, down = (jnp.where(allowed, far, -jnp.inf) for allowed, far in _directions(problem, start.y))
    return jnp.where(up > down, high, low)


def _directions(problem: Problem, y: Array) -> tuple[tuple[bool, Array], tuple[bool, Array]]:
    """Up and down: whether a push allows it, and how far it is to that end."""
    threat = problem.threat
    up, down = threat.upper[-1] - y, y - threat.lower[-1]
    return (threat.push >= 0, up), (threat.push <= 0, down)
