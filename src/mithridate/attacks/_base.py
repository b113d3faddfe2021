import abc
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ..objective import Problem, Terms
from ..sample import Sample


class Trace(NamedTuple):
    """What a person wants to see of a run: the terms after each batch, and the path inside them.

    `ends` has shape (batches,); `path`, where the attack has one, shape (batches, steps).
    """

    ends: Terms
    path: "Path | None" = None


class Path(NamedTuple):
    """Step by step inside a batch: raw terms, the objective, and the state of the ascent."""

    terms: Terms
    gain: Float[Array, "*shape"]
    gradient: Float[Array, "*shape"]
    border: Float[Array, "*shape"]


class AbstractAttack(eqx.Module):
    """A pure function from a problem and a key to poison rows, one for each slot.

    The rows stay in the box, on the lattice and one-hot; the rows of the first batches do not
    depend on how many batches follow. `steered` says whether alpha matters to the attack.
    """

    steered: ClassVar[bool] = False

    @abc.abstractmethod
    def __call__(
        self, problem: Problem, key: PRNGKeyArray, tick: Callable[[], Any] | None = None
    ) -> tuple[Sample, Trace]:
        """Poison rows in slot order and their trace; `tick` is called once a batch."""


def clones(problem: Problem, key: PRNGKeyArray) -> Sample:
    """Drawn training rows, one for each slot; slot `i` gets the same row in any number of slots."""
    clean, p = problem.clean, problem.threat.capacity
    keys = jax.vmap(lambda slot: jax.random.fold_in(key, slot))(jnp.arange(p))
    share = clean.w / jnp.sum(clean.w)
    rows = jax.vmap(lambda k: jax.random.choice(k, clean.y.shape[0], p=share))(keys)
    return Sample(clean.X[rows], clean.y[rows], jnp.ones(p, clean.y.dtype))
