from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from ..objective import Problem
from ..sample import Sample
from ._base import AbstractAttack, Trace


class Flip(AbstractAttack):
    """Copies the rows whose target is farthest from an end of its range, and moves it there.

    Each clean row's distance is `max(|y - max y|, |y - min y|)`; slot `i` takes the row with the
    `i`-th largest, and begins again after the last. Nothing is drawn at random.

    Müller, Kowatsch and Böttinger, "Data poisoning attacks on regression learning and
    corresponding defenses" (2020).
    """

    def __call__(
        self, problem: Problem, key: PRNGKeyArray, tick: Callable[[], Any] | None = None
    ) -> tuple[Sample, Trace]:
        del key, tick
        clean, threat = problem.clean, problem.threat
        low, high = threat.lower[-1], threat.upper[-1]
        up, down = jnp.abs(clean.y - high), jnp.abs(clean.y - low)
        distance = jnp.where(clean.w > 0, jnp.maximum(up, down), -jnp.inf)
        order = jnp.argsort(-distance, stable=True)
        rows = order[jnp.arange(threat.capacity) % clean.y.shape[0]]
        target = jnp.where(up > down, high, low)[rows]
        poison = threat.harden(Sample(clean.X[rows], target, jnp.ones_like(target)))
        return poison, Trace(problem.ends(poison))
