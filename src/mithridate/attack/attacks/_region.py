from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ...errors import InputError
from ..objective import Problem
from ..sample import Sample
from ._flip import farthest, flipped
from ._local import AbstractLocalAttack
from .base import clones


class Region(AbstractLocalAttack):
    """Copies of the rows whose expected target is farthest from an end of its range, moved there.

    `Flip` takes the rows with the farthest targets. Where targets are noisy these lie all over the
    table, each among rows that outvote it. The rows with the farthest *expected* targets lie side
    by side: there poison is as frequent as clean rows, and a model that learns locally believes it
    by half. Expected is what a kernel machine, with `kernel`, `width` and `l2` of `victims.Kernel`,
    predicts for a row that it was not trained on (leave-one-out). Slot `i` takes the `i`-th
    farthest row, and begins again after the last; it aims by no validation rows.

    Where poison is `r` times the clean rows in number and lies among a share `q` of them, a local
    mean moves `t / (1 + t)` of the way, `t = r / q`. The squared error grows by `q` times the
    square of that, which is largest at `t = 1`: one copy of each row.

    Targets go the share `√alpha` of the way to the end, as in `Greedy`.

    Parameters
    ----------
    kernel : {"laplace", "rbf"}
        Kernel of the machine that expects targets.
    width : float
        Its width, in median distances of two clean rows.
    l2 : float
        Its penalty on the mean loss.
    own : float
        The share that a row's own target has in what is expected of it, in [0, 1]: at 1 the rows
        are those of `Flip`.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from mithridate.attack import objective, risks, threat, victims
    >>> X = jnp.linspace(0, 1, 20)[:, None]
    >>> clean = Sample(X, X[:, 0] ** 2, jnp.ones(20))
    >>> parts = victims.Ridge(), threat.ThreatModel.around(clean, (0, 4)), risks.Residual()
    >>> key, raw = jax.random.key(0), objective.Raw()
    >>> poison, _ = Region()(objective.Problem.of(clean, clean, *parts, raw, key=key), key)
    >>> print(poison.y)
    [1. 1. 1. 1.]
    """

    aims: ClassVar[bool] = False

    own: float = eqx.field(static=True, default=0.0)

    def __check_init__(self):
        if not 0 <= self.own <= 1:
            raise InputError(f"own {self.own!r} is no share; give a number in [0, 1].")

    def _start(self, problem: Problem, key: PRNGKeyArray) -> tuple[Sample, Int[Array, " p"]]:
        del key
        origin = farthest(problem, self._expected(problem.clean))
        return clones(problem, origin), origin

    def _write(
        self,
        problem: Problem,
        start: Sample,
        origin: Int[Array, " p"],
        key: PRNGKeyArray,
    ) -> tuple[Sample, None]:
        del key
        expected = self._expected(problem.clean)[origin]
        end = flipped(problem, Sample(start.X, expected, start.w))
        return Sample(start.X, start.y + jnp.sqrt(problem.alpha) * (end - start.y), start.w), None

    def _expected(self, clean: Sample) -> Float[Array, " n"]:
        """What is expected of the clean rows: leave-one-out predictions, and their own targets."""
        fixed, inverse = self._system(clean)
        left_out_residual = (inverse @ (clean.y - fixed.scaler.level)) / jnp.diag(inverse)
        return clean.y - (1 - self.own) * left_out_residual
