import equinox as eqx
import jax
from jaxtyping import Array, Float, PRNGKeyArray, Scalar, ScalarLike

from ...moments import Moments
from ..sample import Sample
from ._ridge import Ridge
from .base import AbstractVictim

Params = tuple[Float[Array, " d"], Scalar]


class AbstractSurrogate(AbstractVictim):
    """A linear model behind a defense, differentiable through what the defense does.

    An attack on it is made for that defense. `l2` penalizes the mean loss, as in `Ridge`, and
    parameters are the coefficients (d,) and the free intercept ().
    """

    l2: eqx.AbstractVar[ScalarLike]

    def predict(self, params: Params, X: Float[Array, "n d"]) -> Float[Array, " n"]:
        coef, intercept = params
        return X @ coef + intercept


def refit(rows: Sample, l2: ScalarLike, key: PRNGKeyArray) -> Params:
    """Ridge on rows that all may move, in place and in weight."""
    moments = Moments.of(rows.X, rows.y, rows.w)
    # No row stays: only the mean is passed, to keep the Gram matrix well scaled.
    nothing = Moments(0 * moments.weight, moments.mean, 0 * moments.scatter)
    return Ridge(l2).fit(nothing, rows, key)


def residuals(rows: Sample, params: Params) -> Float[Array, " n"]:
    """Target minus prediction of each row."""
    coef, intercept = params
    return rows.y - rows.X @ coef - intercept


def through(hard: Params, soft: Params) -> Params:
    """The values of `hard` with the derivatives of `soft`: a straight-through estimate."""
    constant = jax.lax.stop_gradient
    return jax.tree.map(lambda a, b: constant(a) + b - constant(b), hard, soft)
