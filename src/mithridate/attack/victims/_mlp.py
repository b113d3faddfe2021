from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ._unrolled import AbstractUnrolled

Layers = list[tuple[Array, Array]]  # weights (out, in) and biases (out, 1)
ACTIVATIONS: dict[str, Callable] = {"tanh": jnp.tanh, "relu": jax.nn.relu}


class MLP(AbstractUnrolled):
    """A network with hidden layers of the given `widths`, `tanh` or `relu`, and a linear output.

    Weights are drawn with variance 1 / fan-in; `l2` penalizes them. Parameters are one pair
    (out, in), (out, 1) a layer. It trains long enough to bend, and is differentiated through the
    last fifth of that: poison for a network that is still nearly a line does little to a trained
    one.

    Parameters
    ----------
    widths : tuple of int
        Neurons of each hidden layer.
    activation : {"tanh", "relu"}
        What a neuron does with its sum.
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
    >>> X = jnp.linspace(0, 1, 30)[:, None]
    >>> curve = Sample(X, X[:, 0] ** 2, jnp.ones(30))
    >>> victim = MLP()
    >>> params = victim.fit(curve, curve, jax.random.key(0))
    >>> bool(victim.loss(params, curve) < 0.05 * jnp.var(curve.y))
    True
    """

    label: ClassVar[str | None] = "deep network"
    ascent_suffices: ClassVar[bool] = False  # it follows one training out of many

    widths: tuple[int, ...] = eqx.field(static=True, default=(16,), converter=tuple)
    activation: str = eqx.field(static=True, default="tanh")
    steps: int = eqx.field(static=True, default=500)
    rate: float = eqx.field(static=True, default=0.3)
    momentum: float = eqx.field(static=True, default=0.9)
    l2: float = eqx.field(static=True, default=1e-4)
    clip: float = eqx.field(static=True, default=10.0)
    truncate: int | None = eqx.field(static=True, default=100)
    share: float = eqx.field(static=True, default=1.0)

    def __check_init__(self):
        if self.activation not in ACTIVATIONS:
            known = ", ".join(ACTIVATIONS)
            raise ValueError(f"There is no activation {self.activation!r}; give one of {known}.")

    def init(self, key: PRNGKeyArray, d: int) -> Layers:
        sizes = (d, *self.widths, 1)
        keys = jax.random.split(key, len(sizes) - 1)
        return [
            (jax.random.normal(k, (out, into)) / jnp.sqrt(into), jnp.zeros((out, 1)))
            for k, into, out in zip(keys, sizes[:-1], sizes[1:], strict=True)
        ]

    def predict(self, params: Layers, X: Float[Array, "n d"]) -> Float[Array, " n"]:
        hidden = X.T
        for weight, bias in params[:-1]:
            hidden = ACTIVATIONS[self.activation](weight @ hidden + bias)
        weight, bias = params[-1]
        return (weight @ hidden + bias)[0]
