from typing import ClassVar

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_factor, cho_solve
from jaxtyping import Array, Float, PRNGKeyArray, Scalar, ScalarLike

from ...moments import Moments
from ..sample import Sample
from .base import AbstractVictim

Params = tuple[Float[Array, " d"], Scalar]


class Ridge(AbstractVictim):
    """Ridge regression in closed form, with its exact hypergradient.

    Minimizes `(1/Σw) Σ w (y - xb - c)² + l2 ‖b‖²` with a free intercept `c`. The rows that stay
    enter through their moments alone, so a fit costs nothing in their number. Parameters are
    `(b, c)`, shapes (d,) and ().

    Parameters
    ----------
    l2 : float
        Penalty on the mean loss.

    References
    ----------
    The adjoint is that of Jagielski et al., "Manipulating machine learning" (2018), section IV,
    with the Gram matrix of all rows, poison included, for all poison rows at once.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> line = Sample(jnp.array([[0.0], [1.0], [2.0]]), jnp.array([1.0, 3.0, 5.0]), jnp.ones(3))
    >>> victim = Ridge(l2=0.0)
    >>> coef, intercept = victim.fit(victim.digest(line), line, jax.random.key(0))
    >>> print(coef.round(3), intercept.round(3))
    [2.] 1.0
    """

    label: ClassVar[str | None] = "linear regression"

    l2: ScalarLike = 1e-3

    def digest(self, sample: Sample) -> Moments:
        return Moments.of(sample.X, sample.y, sample.w)

    def fit(self, fixed: Moments, moving: Sample, key: PRNGKeyArray) -> Params:
        del key
        fixed = jax.lax.stop_gradient(fixed)
        # The shift to the fixed mean keeps the Gram matrix well scaled; the intercept absorbs it.
        X = moving.X - fixed.mean[None, :-1]
        y = moving.y - fixed.mean[-1]
        theta = _solve(fixed.weight, fixed.scatter, X, y, moving.w, jnp.asarray(self.l2, X.dtype))
        return theta[:-1], theta[-1] + fixed.mean[-1] - fixed.mean[:-1] @ theta[:-1]

    def predict(self, params: Params, X: Float[Array, "n d"]) -> Float[Array, " n"]:
        coef, intercept = params
        return X @ coef + intercept

    def loss(self, params: Params, fixed: Moments) -> Scalar:
        return fixed.mse(*params)


@jax.custom_vjp
def _solve(weight, scatter, X, y, w, l2) -> Float[Array, " k"]:
    """Ridge parameters for fixed rows of mean zero and moving rows `X`, `y`, `w`."""
    return _forward(weight, scatter, X, y, w, l2)[0]


def _forward(weight, scatter, X, y, w, l2):
    A = jnp.concatenate([X, jnp.ones_like(y)[:, None]], axis=1)
    total = weight + jnp.sum(w)
    penalty = jnp.full(A.shape[1], l2).at[-1].set(0.0)
    gram = jnp.pad(scatter[:-1, :-1], (0, 1)).at[-1, -1].set(weight)
    cross = jnp.append(scatter[:-1, -1], 0.0)
    H = (gram + A.T @ (w[:, None] * A)) / total + jnp.diag(penalty)
    factor = cho_factor(H, lower=True)
    theta = cho_solve(factor, cross + A.T @ (w * y)) / total
    return theta, (factor[0], A, w, y - A @ theta, theta, total, penalty)


def _backward(saved, upstream):
    # H θ = g differentiates to dθ = H⁻¹ (dg - dH θ); the transpose needs one solve for all rows.
    factor, A, w, error, theta, total, penalty = saved
    a = cho_solve((factor, True), upstream) / total
    Aa = A @ a
    dX = w[:, None] * (error[:, None] * a[None, :-1] - Aa[:, None] * theta[None, :-1])
    dw = Aa * error - (penalty * theta) @ a
    dl2 = -total * (theta[:-1] @ a[:-1])
    return None, None, dX, w * Aa, dw, dl2


_solve.defvjp(_forward, _backward)
