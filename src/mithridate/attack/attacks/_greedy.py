from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ..objective import Problem
from ..sample import Sample
from ._local import AbstractLocalAttack
from .base import clones


class MergedMachine(NamedTuple):
    """A kernel machine in which the copies of a row are one row: its state while copies come.

    `w` and `y` are the weights and mean targets of the rows, `dual` their coefficients, `inverse`
    that of the system, `pull` (m, n) how the predictions for the rows aimed at follow the targets,
    and `error` (m,) what these predictions miss.
    """

    w: Float[Array, " n"]
    y: Float[Array, " n"]
    dual: Float[Array, " n"]
    inverse: Float[Array, "n n"]
    pull: Float[Array, "m n"]
    error: Float[Array, " m"]


class Greedy(AbstractLocalAttack):
    """Copies of clean rows with targets towards an end of the range, each the one that does most.

    A model that learns locally isolates poison in empty corners; poison that contradicts clean rows
    where they are cannot be isolated. One after the other, every clean row at either end of the
    target's range is tried as the next poison row, against a kernel machine: copies of a row only
    change its weight and its mean target, so the error on the validation rows after one more copy
    is known exactly, for all of them at once. It aims at no other victim than this kernel machine,
    whose `kernel`, `width` and `l2` are those of `victims.Kernel`; rows may be copied repeatedly.

    Targets go the share `√alpha` of the way to the end: there both the damage and the squared
    residuals, if they grow with the square of the way, are the share `alpha` of what they can be.

    Parameters
    ----------
    kernel : {"laplace", "rbf"}
        Kernel of the machine that is attacked.
    width : float
        Its width, in median distances of two clean rows.
    l2 : float
        Its penalty on the mean loss.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from mithridate.attack import objective, risks, threat, victims
    >>> X = jnp.linspace(0, 1, 20)[:, None]
    >>> clean = Sample(X, X[:, 0], jnp.ones(20))
    >>> parts = victims.Ridge(), threat.ThreatModel.around(clean, (0, 4)), risks.Residual()
    >>> key, raw = jax.random.key(0), objective.Raw()
    >>> poison, _ = Greedy()(objective.Problem.of(clean, clean, *parts, raw, key=key), key)
    >>> print(jnp.abs(poison.y - poison.X[:, 0]).min() > 0.5)
    True
    """

    def _start(self, problem: Problem, key: PRNGKeyArray) -> tuple[Sample, Int[Array, " p"]]:
        del key
        origin, _ = self._chosen(problem)
        return clones(problem, origin), origin

    def _write(
        self,
        problem: Problem,
        start: Sample,
        origin: Int[Array, " p"],
        key: PRNGKeyArray,
    ) -> tuple[Sample, None]:
        del origin, key
        _, y = self._chosen(problem)
        return Sample(start.X, y, start.w), None

    def _chosen(self, problem: Problem) -> tuple[Int[Array, " p"], Float[Array, " p"]]:
        """The row that each slot copies, and the target that it gets."""
        threat = problem.threat
        state, penalty, level = self._untouched(problem)
        ends = jnp.stack([threat.lower[-1], threat.upper[-1]])[:, None]
        own, offered = problem.clean.y[None, :], threat.offered(problem.clean).w > 0
        ends = own + jnp.sqrt(problem.alpha) * (ends - own)

        def add(state: MergedMachine, _):
            present = state.w > 0
            weight = jnp.where(present, state.w, 1.0)
            # A replaced row keeps its weight, and cannot be copied again.
            heavier = weight if threat.replaces else weight + 1
            distance = ends - level - state.y[None, :]
            shift = distance / (1.0 if threat.replaces else heavier[None, :])
            change = penalty * (1 / heavier - 1 / weight)
            m = jnp.diag(state.inverse)
            factor = change / (1 + change * m)
            step = shift - factor[None, :] * (state.dual[None, :] + shift * m[None, :])
            slope, curve = state.pull.T @ state.error, jnp.sum(state.pull**2, axis=0)
            gain = 2 * slope[None, :] * step + curve[None, :] * step**2
            gain = jnp.where((present & offered)[None, :] & (distance != 0), gain, -jnp.inf)
            end, row = jnp.unravel_index(jnp.argmax(gain), gain.shape)
            column, side, size = state.inverse[:, row], state.pull[:, row], step[end, row]
            after = MergedMachine(
                state.w.at[row].set(0.0 if threat.replaces else heavier[row]),
                state.y.at[row].add(shift[end, row]),
                state.dual + size * column,
                state.inverse - factor[row] * column[:, None] * column[None, :],
                state.pull - factor[row] * side[:, None] * column[None, :],
                state.error + size * side,
            )
            return after, (row, ends[end, row])

        return jax.lax.scan(add, state, length=threat.capacity)[1]

    def _untouched(self, problem: Problem):
        """The machine of the clean rows alone, its penalty, and the level of the targets."""
        clean, aimed = problem.clean, problem.aimed
        fixed, inverse = self._system(clean)
        y = clean.y - fixed.scaler.level
        share = jnp.sqrt(aimed.w / jnp.sum(aimed.w))
        pull = share[:, None] * self._machine.between(fixed.scaler(aimed.X), fixed.Z) @ inverse
        error = pull @ y - share * (aimed.y - fixed.scaler.level)
        state = MergedMachine(clean.w, y, inverse @ y, inverse, pull, error)
        return state, fixed.penalty, fixed.scaler.level
