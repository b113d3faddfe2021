from typing import ClassVar

import jax
from jaxtyping import Array, Int, PRNGKeyArray

from ..objective import Problem
from ..sample import Sample
from .base import AbstractAttack, luck


class Random(AbstractAttack):
    """Rows drawn evenly from the box, features and target: the effect of random errors alone."""

    control: ClassVar[bool] = True
    aims: ClassVar[bool] = False

    def _write(
        self,
        problem: Problem,
        start: Sample,
        origin: Int[Array, " p"],
        key: PRNGKeyArray,
    ) -> tuple[Sample, None]:
        del origin
        low, high = problem.threat.lower, problem.threat.upper
        keys = luck(key, problem.threat.capacity)
        u = jax.vmap(lambda one: jax.random.uniform(one, low.shape, low.dtype))(keys)
        z = low[None, :] + u * (high - low)[None, :]
        return Sample(z[:, :-1], z[:, -1], start.w), None
