from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_factor, cho_solve
from jax.scipy.special import ndtr
from jaxtyping import Array, Float, PRNGKeyArray, Scalar, ScalarLike

from ...moments import Moments
from ..evidence import Spectrum, freedom, log
from ..sample import Sample
from ._surrogate import AbstractSurrogate, Params, refit, through


class BayesCleaned(AbstractSurrogate):
    """Ridge behind BayesClean: an attack through it is made for `defenses.BayesClean`.

    Rows with `z > c` are dropped; z is their distance from the predictive mean of a Bayesian linear
    regression on all rows, in its standard deviations, and c the cut of the defense: `c1` where
    more rows lie beyond it than of a Gaussian, else `c2`. The fit is that of the defense; its
    gradient is that of a soft one, in which each row counts
    `w / (1 + exp((z²/c² - 1) / temperature))`, and goes through the memberships and the two
    precisions of the evidence; which cut is used is a constant. With `soft`, values are those of
    the soft one too, and the gradient is exact.

    Parameters
    ----------
    l2 : float
        Penalty on the mean loss.
    c1, c2 : float
        The two cuts of the defense, in standard deviations.
    temperature : float
        Width of the soft cut; smaller is harder.
    soft : bool
        Whether values are those of the soft fit too.

    References
    ----------
    Bayesian regression: MacKay, "Bayesian interpolation" (1992); straight-through estimate:
    Athalye, Carlini and Wagner, "Obfuscated gradients give a false sense of security" (2018),
    section 4.1.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> x = jnp.arange(20.0)
    >>> line = Sample(x[:, None], 2 * x + 1 + 0.1 * jnp.cos(9 * x), jnp.ones(20))
    >>> outlier = Sample(jnp.array([[14.0]]), jnp.array([0.0]), jnp.ones(1))
    >>> coef, intercept = BayesCleaned(l2=0.0).fit(line, outlier, jax.random.key(0))
    >>> print(coef.round(1), intercept.round(1))
    [2.] 1.0
    """

    surrogate_of: ClassVar[str | None] = "bayesclean"

    l2: ScalarLike = 1e-3
    c1: float = eqx.field(static=True, default=0.67)
    c2: float = eqx.field(static=True, default=1.0)
    temperature: float = eqx.field(static=True, default=0.1)
    soft: bool = eqx.field(static=True, default=False)

    def fit(self, fixed: Any, moving: Sample, key: PRNGKeyArray) -> Params:
        rows = jax.lax.stop_gradient(fixed) + moving
        square = _squares(rows)
        constant_rows, constant_square = jax.lax.stop_gradient((rows, square))
        cut = self._cut(constant_square, constant_rows.w)
        near = jax.nn.sigmoid((1 - square / cut**2) / self.temperature)
        soft_fit = refit(rows.weighing(rows.w * near), self.l2, key)
        if self.soft:
            return soft_fit
        kept = constant_rows.w * (constant_square <= cut**2)
        return through(refit(constant_rows.weighing(kept), self.l2, key), soft_fit)

    def _cut(self, square: Float[Array, " n"], w: Float[Array, " n"]) -> Scalar:
        """The cut of the defense: the smaller one where the rule on the flagged rows fires."""
        share = jnp.sum(w * (square > self.c1**2)) / jnp.sum(w)
        fires = (share > 2 * ndtr(-self.c1)) & (jnp.sum((w > 0) & (square <= self.c1**2)) >= 2)
        return jnp.where(fires, self.c1, self.c2)


def _squares(rows: Sample) -> Float[Array, " n"]:
    """Squared z-scores under the Bayesian linear regression on the rows, all differentiable."""
    moments = Moments.of(rows.X, rows.y, rows.w)
    weight, mean, scatter = moments
    ratio = _ratio(moments)
    inverse = _inverse(scatter[:-1, :-1], ratio)
    coef = inverse @ scatter[:-1, -1]
    X = rows.X - mean[None, :-1]
    error = rows.y - mean[-1] - X @ coef
    eps = jnp.finfo(X.dtype).eps
    # Below these lie the rounding of the moments, of the mean of y, and of zero itself.
    floor = 8 * eps * scatter[-1, -1] / weight + (1024 * eps * mean[-1]) ** 2 + 1e-30
    effective = X.shape[1] - ratio * jnp.trace(inverse)
    noise = jnp.maximum(rows.w @ error**2 / freedom(weight, effective), floor)
    doubt = jnp.sum((X @ inverse) * X, axis=1)
    return error**2 / (noise * (1 + 1 / weight + doubt))


def _ratio(moments: Moments) -> Scalar:
    """`r = λ/β` where MacKay's updates stand still, differentiable in the moments."""
    constant_moments = jax.lax.stop_gradient(moments)
    u = jnp.log(Spectrum.of(constant_moments).ratio())

    def gap(u, moments):
        # By how much the next update would change log r.
        weight, _, scatter = moments
        gram, cross = scatter[:-1, :-1], scatter[:-1, -1]
        inverse = _inverse(gram, jnp.exp(u))
        coef = inverse @ cross
        effective = gram.shape[0] - jnp.exp(u) * jnp.trace(inverse)
        sse = scatter[-1, -1] - 2 * coef @ cross + coef @ gram @ coef
        noise = sse / freedom(weight, effective)
        return log(effective * noise) - log(coef @ coef) - u

    # One Newton step whose slope is a constant is the implicit function theorem. At an end of the
    # range, where the updates were stopped, there is nothing to differentiate.
    value, slope = jax.lax.stop_gradient(jax.value_and_grad(gap)(u, constant_moments))
    inner = (jnp.abs(value) < 1e-3) & (slope < 0)
    change = gap(u, moments) / jnp.where(inner, slope, -1.0)
    return jnp.exp(u - jnp.where(inner, change, 0.0))


def _inverse(gram: Float[Array, "d d"], ratio: Scalar) -> Float[Array, "d d"]:
    eye = jnp.eye(gram.shape[0], dtype=gram.dtype)
    # The prior of a table that is fitted exactly goes to 0, which repeated columns do not allow.
    least = 8 * jnp.finfo(gram.dtype).eps * jax.lax.stop_gradient(jnp.trace(gram))
    return cho_solve(cho_factor(gram + (ratio + least) * eye), eye)
