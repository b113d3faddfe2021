from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_factor, cho_solve
from jaxtyping import Array, Float, PRNGKeyArray, Scalar, ScalarLike

from ...moments import Moments
from ..sample import Sample
from ._surrogate import AbstractSurrogate, Params, refit, residuals

_MAX_STEPS = 30  # of Newton's method; five to ten are usual
_HALVINGS = 12  # of a step's length that are tried


class HuberFit(NamedTuple):
    """Coefficients, intercept and the scale σ of the residuals."""

    coef: Float[Array, " d"]
    intercept: Scalar
    scale: Scalar


class Huberized(AbstractSurrogate):
    """Huber regression with its penalty matched to ridge: the attack is made for `defenses.Huber`.

    Minimizes `Σ w (σ + h((y - xb - c)/σ) σ) + (l2 Σw / s) ‖b‖²` over `b`, `c` and σ, where
    `h(z) = z²` for `|z| ≤ epsilon` and `2 epsilon |z| - epsilon²` beyond, and s is the robust
    scale by which the defense matches its penalty to `l2`. Newton's method finds the minimum; the
    gradient is exact, by implicit differentiation there, and goes through s as well.

    Parameters
    ----------
    l2 : float
        Penalty on the mean loss.
    epsilon : float
        Residual from which on the loss is linear, in units of the scale, above 1.

    References
    ----------
    Huber and Ronchetti, "Robust Statistics" (2009), section 7.7; Owen, "A robust hybrid of lasso
    and ridge regression" (2007).

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> x = jnp.arange(10.0)
    >>> line = Sample(x[:, None], 2 * x + 1 + 0.1 * jnp.cos(jnp.arange(10)), jnp.ones(10))
    >>> outlier = Sample(jnp.array([[7.0]]), jnp.array([0.0]), jnp.ones(1))
    >>> coef, intercept = Huberized(l2=0.0).fit(line, outlier, jax.random.key(0))
    >>> print(coef.round(1), intercept.round(1))
    [2.] 1.0
    """

    surrogate_of: ClassVar[str | None] = "huber"

    l2: ScalarLike = 1e-3
    epsilon: float = eqx.field(static=True, default=1.35)

    def fit(self, fixed: Any, moving: Sample, key: PRNGKeyArray) -> Params:
        rows = jax.lax.stop_gradient(fixed) + moving
        center = jax.lax.stop_gradient(Moments.of(rows.X, rows.y, rows.w).mean)
        rows = Sample(rows.X - center[None, :-1], rows.y - center[-1], rows.w)
        ridge = refit(rows, self.l2, key)
        scale = _median_scale(rows, ridge)
        first = self._minimum(rows, scale, HuberFit(*ridge, scale))
        # Poison inflates the scale and so weakens the penalty: the smaller of the two counts.
        scale = jnp.minimum(scale, self._penalized_scale(rows, first))
        coef, intercept, _ = self._minimum(rows, scale, first)
        return coef, intercept + center[-1] - center[:-1] @ coef

    def _minimum(self, rows: Sample, scale: Scalar, start: HuberFit) -> HuberFit:
        """The minimum for the penalty `l2 Σw / scale`, found from `start`."""
        penalty = jnp.asarray(self.l2 * jnp.sum(rows.w) / scale)
        constant_rows, constant_penalty, unit = jax.lax.stop_gradient((rows, penalty, scale))
        # As scikit-learn: where the fit is exact, σ would run to 0.
        least = 10 * jnp.finfo(unit.dtype).eps * unit

        def step(state):
            i, fit, _ = state
            slope, direction = self._newton(
                constant_rows, constant_penalty, fit, jnp.maximum(0.1**i, 1e-6)
            )
            better = self._search(constant_rows, constant_penalty, fit, direction, least)
            loss = self._loss(constant_rows, constant_penalty, fit)
            tolerance = 1e-3 * jnp.finfo(slope.dtype).eps * loss
            return i + 1, better, slope <= tolerance

        def goes_on(state):
            return (state[0] < _MAX_STEPS) & ~state[2]

        first = jnp.asarray(0), jax.lax.stop_gradient(start), jnp.asarray(False)
        minimum = jax.lax.while_loop(goes_on, step, first)[1]
        # The derivative of one more step in the rows alone is that of the minimum, by the implicit
        # function theorem; the step itself is rounding.
        _, direction = self._newton(rows, penalty, minimum, 0.0)
        return jax.tree.map(lambda a, b: a + b - jax.lax.stop_gradient(b), minimum, direction)

    def _newton(
        self, rows: Sample, penalty: Scalar, fit: HuberFit, damping: ScalarLike
    ) -> tuple[Scalar, HuberFit]:
        """Decrease that Newton's step promises, and the step; its matrix is a constant.

        With `damping` 1, rows outside curve the loss as if they were weighed down (a safe, short
        step); with 0, not at all, which is exact.
        """
        z = residuals(rows, (fit.coef, fit.intercept)) / fit.scale
        bounded = jnp.clip(z, -self.epsilon, self.epsilon)
        A = jnp.concatenate([rows.X, jnp.ones_like(z)[:, None]], axis=1)
        slope = 2 * jnp.append(penalty * fit.coef, 0.0) - 2 * A.T @ (rows.w * bounded)
        slope = jnp.append(slope, jnp.sum(rows.w * (1 - bounded**2)))
        size = jnp.abs(z)
        curve = jnp.where(
            size <= self.epsilon, 1.0, damping * self.epsilon / jnp.maximum(size, self.epsilon)
        )
        V = jnp.concatenate([A, bounded[:, None]], axis=1)
        H = V.T @ ((rows.w * curve)[:, None] * V) * (2 / fit.scale)
        H = H + jnp.diag(jnp.append(jnp.full_like(fit.coef, 2 * penalty), jnp.zeros(2)))
        # Where too few rows lie inside, the loss is flat in some directions.
        H = H + 64 * jnp.finfo(H.dtype).eps * jnp.trace(H) * jnp.eye(H.shape[0])
        direction = -cho_solve(cho_factor(jax.lax.stop_gradient(H)), slope)
        return -slope @ direction, HuberFit(direction[:-2], direction[-2], direction[-1])

    def _search(
        self, rows: Sample, penalty: Scalar, fit: HuberFit, direction: HuberFit, least: Scalar
    ) -> HuberFit:
        """The longest of the halved steps that is as good as the best of them."""

        def at(share):
            moved = jax.tree.map(lambda a, b: a + share * b, fit, direction)
            return moved._replace(scale=jnp.maximum(moved.scale, least))

        # σ stays positive.
        longest = jnp.where(
            direction.scale < 0,
            jnp.minimum(
                -0.9 * fit.scale / jnp.where(direction.scale < 0, direction.scale, -1.0), 1.0
            ),
            1.0,
        )
        shares = longest * 0.5 ** jnp.arange(_HALVINGS)
        losses = jax.vmap(lambda share: self._loss(rows, penalty, at(share)))(shares)
        best = jnp.min(losses)
        rounding = 1e3 * jnp.finfo(best.dtype).eps * jnp.abs(best)
        return at(shares[jnp.argmax(losses <= best + rounding)])

    def _loss(self, rows: Sample, penalty: Scalar, fit: HuberFit) -> Scalar:
        z = jnp.abs(residuals(rows, (fit.coef, fit.intercept))) / fit.scale
        inner = jnp.minimum(z, self.epsilon)
        huber = inner**2 + 2 * self.epsilon * (z - inner)
        return fit.scale * jnp.sum(rows.w * (1 + huber)) + penalty * fit.coef @ fit.coef

    def _penalized_scale(self, rows: Sample, fit: HuberFit) -> Scalar:
        """The σ at which `Σ w (σ + h σ) + l2 Σw ‖b‖²/σ` stands still."""
        square, total = residuals(rows, (fit.coef, fit.intercept)) ** 2, jnp.sum(rows.w)
        penalty = self.l2 * total * fit.coef @ fit.coef

        def improved(_, variance):
            inside = square <= self.epsilon**2 * variance
            within = jnp.sum(jnp.where(inside, rows.w * square, 0.0)) + penalty
            return within / (total - self.epsilon**2 * jnp.sum(rows.w * ~inside))

        # Newton's method on a concave function falls to its one root from above.
        start = (rows.w @ square + penalty) / total
        root = jax.lax.fori_loop(0, 20, improved, jax.lax.stop_gradient(start))
        variance = improved(None, jax.lax.stop_gradient(root))
        return jnp.sqrt(jnp.where(variance > 0, variance, 1.0))


def _median_scale(rows: Sample, params: Params) -> Scalar:
    """Median absolute residual, times 1.4826."""
    size = jnp.abs(residuals(rows, params))
    order = jnp.argsort(jax.lax.stop_gradient(size))
    w = jax.lax.stop_gradient(rows.w)[order]
    middle = order[jnp.argmax(jnp.cumsum(w) >= 0.5 * jnp.sum(w))]
    scale = jnp.maximum(1.4826 * size[middle], 1e-12 * jnp.max(jnp.abs(rows.y)))
    # Where the scale is 0 the fit is exact, and any positive scale gives the same.
    return jnp.where(scale > 0, scale, 1.0)
