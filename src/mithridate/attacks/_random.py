from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from ..objective import Problem
from ..sample import Sample
from ._base import AbstractAttack, Trace


class Random(AbstractAttack):
    """Rows drawn evenly from the box, features and target: what clumsiness alone would do."""

    def __call__(
        self, problem: Problem, key: PRNGKeyArray, tick: Callable[[], Any] | None = None
    ) -> tuple[Sample, Trace]:
        del tick
        threat = problem.threat
        slots = jnp.arange(threat.capacity)
        keys = jax.vmap(lambda slot: jax.random.fold_in(key, slot))(slots)
        k = threat.lower.shape[0]
        u = jax.vmap(lambda one: jax.random.uniform(one, (k,), threat.lower.dtype))(keys)
        z = threat.lower[None, :] + u * (threat.upper - threat.lower)[None, :]
        poison = threat.harden(Sample(z[:, :-1], z[:, -1], jnp.ones_like(z[:, -1])))
        return poison, Trace(problem.ends(poison))
