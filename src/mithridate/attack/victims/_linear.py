from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, Scalar

from ._unrolled import AbstractUnrolled

Params = tuple[Float[Array, " d"], Scalar]


class Linear(AbstractUnrolled):
    """Linear regression trained by gradient steps; approaches `Ridge` as `steps` grow.

    Parameters are coefficients (d,), which `l2` penalizes, and the free intercept ().

    Parameters
    ----------
    steps : int
        Steps of training.
    rate : float
        Their length, in units of the inverse mean squared row norm.
    momentum : float
        Share of a step that goes on in the next, in [0, 1).
    l2 : float
        Penalty on the mean loss.
    clip : float
        Longest gradient; a longer one is shortened to it.
    truncate : int, optional
        Last steps that are differentiated through (default: all).
    share : float
        Share of the rows that a step sees, in (0, 1].

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from mithridate.attack.sample import Sample
    >>> line = Sample(jnp.array([[0.0], [1.0], [2.0]]), jnp.array([1.0, 3.0, 5.0]), jnp.ones(3))
    >>> coef, intercept = Linear(steps=500, l2=0.0).fit(line, line, jax.random.key(0))
    >>> print(coef.round(2), intercept.round(2))
    [2.] 1.0
    """

    label: ClassVar[str | None] = "linear regression"

    steps: int = eqx.field(static=True, default=300)
    rate: float = eqx.field(static=True, default=0.5)
    momentum: float = eqx.field(static=True, default=0.9)
    l2: float = eqx.field(static=True, default=1e-3)
    clip: float = eqx.field(static=True, default=100.0)
    truncate: int | None = eqx.field(static=True, default=None)
    share: float = eqx.field(static=True, default=1.0)

    def init(self, key: PRNGKeyArray, d: int) -> Params:
        del key
        return jnp.zeros(d), jnp.zeros(())

    def predict(self, params: Params, X: Float[Array, "n d"]) -> Float[Array, " n"]:
        coef, intercept = params
        return X @ coef + intercept
