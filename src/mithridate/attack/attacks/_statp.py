from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, PRNGKeyArray

from ...moments import Moments
from ..objective import Problem
from ..sample import Sample
from .base import AbstractAttack, luck


class StatP(AbstractAttack):
    """Rows drawn like the clean ones, pushed into a corner, and answered with the wrong end.

    `x ~ N(x̄, C)` with C the clean covariance and a hundredth of each squared range on its
    diagonal; every number goes to the nearer end of its range, and one-hot groups to one level;
    the target goes to the end farther from what the clean model predicts there. It needs to know
    two moments and to query the model, nothing more.

    References
    ----------
    Jagielski et al., "Manipulating machine learning: poisoning attacks and countermeasures for
    regression learning" (2018), section IV. Unlike in the code published with it, the model is
    asked about the rows as they are added, after one-hot groups have been made feasible.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from mithridate.attack import objective, risks, threat, victims
    >>> X = jnp.linspace(0, 1, 20)[:, None]
    >>> clean = Sample(X, X[:, 0], jnp.ones(20))
    >>> parts = victims.Ridge(), threat.ThreatModel.around(clean, (0, 3)), risks.Residual()
    >>> key, raw = jax.random.key(0), objective.Raw()
    >>> poison, _ = StatP()(objective.Problem.of(clean, clean, *parts, raw, key=key), key)
    >>> print(poison.X[:, 0] + poison.y)
    [1. 1. 1.]
    """

    aims: ClassVar[bool] = False

    def _write(
        self,
        problem: Problem,
        start: Sample,
        origin: Int[Array, " p"],
        key: PRNGKeyArray,
    ) -> tuple[Sample, None]:
        del origin
        clean, threat, victim = problem.clean, problem.threat, problem.victim
        low, high = threat.lower, threat.upper
        moments, middle = Moments.of(clean.X, clean.y, clean.w), (low + high) / 2
        span = jnp.where(high > low, high - low, 1.0)[:-1]
        covariance = moments.scatter[:-1, :-1] / moments.weight + 0.01 * jnp.diag(span**2)
        noise = jax.vmap(lambda one: jax.random.normal(one, span.shape, span.dtype))
        X = noise(luck(key, threat.capacity)) @ jnp.linalg.cholesky(covariance).T
        X = X + moments.mean[None, :-1]
        corner = jnp.where(X - middle[None, :-1] < 0, low[None, :-1], high[None, :-1])
        # Groups keep their draws: rounded to 0 and 1 first, their largest level would be a tie.
        X = jnp.where(threat.member.any(axis=0)[None, :], X, corner)
        X = threat.harden(Sample(X, start.y, start.w), start).X
        params = victim.fit(victim.digest(clean), clean.absent(), problem.key)
        y = jnp.where(victim.predict(params, X) <= middle[-1], high[-1], low[-1])
        return Sample(X, y, start.w), None
