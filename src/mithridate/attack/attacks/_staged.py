from typing import ClassVar

import equinox as eqx
from jaxtyping import Array, Int, PRNGKeyArray

from ..objective import Problem
from ..sample import Sample
from ..victims import Kernel
from ._ascent import Ascent
from .base import AbstractAttack, Path


class Staged(AbstractAttack):
    """An ascent in two stages: through a kernel machine, then from its rows through the victim.

    A step through a victim that is trained by many steps, as a network is, takes as long as a
    training, and follows one training out of many. The first stage, the whole `Ascent` through
    `victims.Kernel`, takes next to no time, and finds rows that hurt whatever fits a curve. The
    second moves them by a few small steps along the hypergradient of the victim, batch by batch.

    Parameters
    ----------
    steps : int
        Steps of a batch in the first stage.
    last : int
        Steps of a batch in the second.
    rate : float
        Length of the first step of the second stage, in units of the box.
    feasible : {"through", "after", "never"}
        When rows are made possible, as in `Ascent`.

    References
    ----------
    Papernot, McDaniel and Goodfellow, "Transferability in machine learning" (2016): what hurts one
    model often hurts another.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from mithridate.attack import objective, risks, threat, victims
    >>> X = jnp.linspace(0, 1, 20)[:, None]
    >>> clean = Sample(X, X[:, 0] ** 2, jnp.ones(20))
    >>> around = threat.ThreatModel.around(clean, threat.edges(20, [0.2]))
    >>> parts = victims.Ridge(), around, risks.Residual(), objective.Raw()
    >>> problem = objective.Problem.of(clean, clean, *parts, key=jax.random.key(0))
    >>> _, trace = jax.jit(Staged(steps=5, last=2))(problem, jax.random.key(0))
    >>> bool(trace.ends.damage[0] > trace.untouched.damage)
    True
    """

    label: ClassVar[str | None] = "staged ascent"
    steered: ClassVar[bool] = True
    limited: ClassVar[bool] = True

    steps: int = eqx.field(static=True, default=30)
    last: int = eqx.field(static=True, default=15)
    rate: float = eqx.field(static=True, default=0.1)
    feasible: str = eqx.field(static=True, default="through")

    def __check_init__(self):
        self._stages()

    @property
    def relaxed(self) -> bool:
        return self._stages()[1].relaxed

    def _stages(self) -> tuple[Ascent, Ascent]:
        feasible = self.feasible
        begun = Ascent(steps=self.steps, feasible=feasible)
        return begun, Ascent(self.last, self.rate, starts=("clones",), feasible=feasible)

    def _write(
        self,
        problem: Problem,
        start: Sample,
        origin: Int[Array, " p"],
        key: PRNGKeyArray,
    ) -> tuple[Sample, Path]:
        first, second = self._stages()
        found, _ = first._write(problem.through(Kernel()), start, origin, key)
        # The second stage counts a budget from the rows of the first. In the end all rows are held
        # against those that they started from.
        return second._write(problem, found, origin, key)
