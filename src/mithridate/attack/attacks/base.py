import abc
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ...errors import BrokenPromise
from ..objective import Problem, Terms
from ..sample import Sample


class Path(NamedTuple):
    """Step by step inside a batch: raw terms, the objective, and the state of the ascent.

    Parameters
    ----------
    terms : Terms
        Damage and risk.
    gain : array
        The objective.
    gradient : array
        Mean norm of the rows' gradients.
    border : array
        Share of the rows with the target at an end of its range.
    """

    terms: Terms
    gain: Float[Array, "*shape"]
    gradient: Float[Array, "*shape"]
    border: Float[Array, "*shape"]


class Trace(NamedTuple):
    """What a person wants to see of a run.

    Parameters
    ----------
    ends : Terms
        The terms after each batch, shape (batches,).
    origin : array of int, shape (p,)
        The clean row that each slot started from.
    untouched : Terms
        The terms before any poison.
    path : Path, optional
        The steps, shape (batches, steps), where the attack has any.
    """

    ends: Terms
    origin: Int[Array, " p"]
    untouched: Terms
    path: Path | None = None


class AbstractAttack(eqx.Module):
    """A pure function from a problem and a key to poison rows, one for each slot.

    A subclass writes `_write`, and `_start` where it wants other rows to start from. The base makes
    what comes back feasible: in the box, on the lattice, one-hot, frozen columns as they were,
    within the budget.

    `steered` says whether alpha matters to the attack; `limited`, whether it keeps to the largest
    risk that a problem may set; `greedy`, whether the rows of the first
    batches do not depend on how many follow, so that one run holds every smaller ratio; `relaxed`,
    whether its rows may lie between levels and off the lattice; `aims`, whether what it writes
    depends on the validation rows, on which it then does more than on others.
    """

    label: ClassVar[str | None] = None
    """What reports call the attack; None: the name by which a spec asks for it; empty: nothing,
    since its alpha says enough."""

    control: ClassVar[bool] = False
    """Whether it optimizes nothing and is there to compare with."""

    steered: ClassVar[bool] = False
    limited: ClassVar[bool] = False
    aims: ClassVar[bool] = True

    @property
    def greedy(self) -> bool:
        """Whether the poison of a smaller ratio is a prefix of that of a larger one."""
        return True

    @property
    def relaxed(self) -> bool:
        """Whether rows may lie between levels and off the lattice, and so need not be possible."""
        return False

    @abc.abstractmethod
    def _write(
        self,
        problem: Problem,
        start: Sample,
        origin: Int[Array, " p"],
        key: PRNGKeyArray,
    ) -> tuple[Sample, Path | None]:
        """Poison rows in slot order, made from `start`."""

    def _start(self, problem: Problem, key: PRNGKeyArray) -> tuple[Sample, Int[Array, " p"]]:
        """A clean row for each slot, and its number."""
        origin = drawn(problem, key)
        return clones(problem, origin), origin

    def __call__(self, problem: Problem, key: PRNGKeyArray) -> tuple[Sample, Trace]:
        """Feasible (or `relaxed`) poison rows in slot order, and their trace."""
        start, origin = self._start(problem, key)
        poison, path = self._checked(self._write(problem, start, origin, key), start)
        feasible = problem.threat.project if self.relaxed else problem.threat.harden
        poison = feasible(poison, start)
        return poison, Trace(problem.ends(poison, origin), origin, problem.untouched(), path)

    def _checked(self, written: Any, start: Sample) -> tuple[Sample, Path | None]:
        """What was written, if it is a row for each slot; else the class is named."""
        pair = isinstance(written, tuple) and len(written) == 2
        if not pair or not isinstance(written[0], Sample):
            shown = f"({', '.join(type(one).__name__ for one in written)})" if pair else ""
            raise BrokenPromise(
                f"{type(self).__name__}._write must return a pair of a Sample and a Path or None; "
                f"it returned {shown or f'a {type(written).__name__}'}."
            )
        poison, path = written
        given, wanted = ([jnp.shape(part) for part in (rows.X, rows.y)] for rows in (poison, start))
        if given != wanted:
            raise BrokenPromise(
                f"{type(self).__name__}._write must return a row for each slot, features of shape "
                f"{wanted[0]} and targets of shape {wanted[1]}; it returned {given[0]} and "
                f"{given[1]}."
            )
        return poison, path


def drawn(problem: Problem, key: PRNGKeyArray) -> Int[Array, " p"]:
    """Numbers of rows that a slot may start from; slot `i` gets the same in any number of slots.

    Rows that are replaced are all different; rows that are added may repeat.
    """
    clean, threat = problem.threat.offered(problem.clean), problem.threat
    n, slot = clean.y.shape[0], jnp.arange(threat.capacity)
    if threat.replaces:
        # A draw for each row, absent rows last.
        luck = jax.random.uniform(key, (n,)) + (clean.w <= 0)
        return jnp.argsort(luck)[slot % n]
    share = clean.w / jnp.sum(clean.w)
    keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(slot)
    return jax.vmap(lambda k: jax.random.choice(k, n, p=share))(keys)


def clones(problem: Problem, origin: Int[Array, " p"]) -> Sample:
    """The clean rows of these numbers, all present."""
    clean = problem.clean
    return Sample(clean.X[origin], clean.y[origin], jnp.ones(origin.shape, clean.y.dtype))


def luck(key: PRNGKeyArray, p: int) -> PRNGKeyArray:
    """A key for each slot, the same in any number of slots."""
    return jax.vmap(lambda slot: jax.random.fold_in(key, slot))(jnp.arange(p))
