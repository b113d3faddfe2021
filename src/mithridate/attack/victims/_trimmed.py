from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, Scalar, ScalarLike

from ..sample import Sample
from ._surrogate import AbstractSurrogate, Params, refit, residuals, through

_TOLERANCE = 1e-5  # as the defense: the loss falls by less than this share of itself
_MAX_REFITS = 20  # two to six are usual
_HALVINGS, _CUT_STEPS = 20, 28  # of the search for the cut: bisection, then Newton's method
_MAX_LOG_CUT = 8.0  # log of the largest cut, in units of the largest square: there all count alike


class Mixed(NamedTuple):
    """Rows that stay, and how much of their weight is clean."""

    rows: Sample
    clean: Scalar


class Trimmed(AbstractSurrogate):
    """Ridge behind TRIM that is told the true ratio: an attack through it is for `defenses.Trim`.

    From all rows on, fits and keeps the rows of smallest squared residual, as much weight as the
    clean rows have, until they stand still. Rows that stay are clean unless `digest_poisoned` was
    told otherwise. The fit is that of TRIM; its gradient is that of a soft TRIM, which `rounds`
    times lets each row count `w / (1 + exp((r²/τ - 1) / temperature))`, with r its residual and τ
    such that the kept weight is the same. It goes through all rounds: the first fits decide where
    TRIM ends, and rows that it drops have no gradient of their own, so that an ascent on the kept
    rows alone stays far below what an attack can do. With `soft`, values are those of soft TRIM
    too, and the gradient is exact.

    Parameters
    ----------
    l2 : float
        Penalty on the mean loss.
    temperature : float
        Width of the soft cut; smaller is harder.
    rounds : int
        Fits of the soft trimming.
    soft : bool
        Whether values are those of the soft fit too.

    References
    ----------
    Jagielski et al., "Manipulating machine learning" (IEEE S&P 2018), Algorithm 2; straight-through
    estimate: Athalye, Carlini and Wagner, "Obfuscated gradients give a false sense of security"
    (2018), section 4.1.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> x = jnp.arange(10.0)
    >>> clean = Sample(x[:, None], 2 * x + 1, jnp.ones(10))
    >>> outlier = Sample(jnp.array([[4.0]]), jnp.array([0.0]), jnp.ones(1))
    >>> coef, intercept = Trimmed(l2=0.0).fit(clean, outlier, jax.random.key(0))
    >>> print(coef.round(2), intercept.round(2))
    [2.] 1.0
    """

    surrogate_of: ClassVar[str | None] = "trim"

    l2: ScalarLike = 1e-3
    temperature: float = eqx.field(static=True, default=0.2)
    rounds: int = eqx.field(static=True, default=6)
    soft: bool = eqx.field(static=True, default=False)

    def digest_poisoned(self, clean: Sample, poison: Sample) -> Mixed:
        return Mixed(clean + poison, jnp.sum(clean.w))

    def fit(self, fixed: Any, moving: Sample, key: PRNGKeyArray) -> Params:
        if isinstance(fixed, Sample):
            fixed = Mixed(fixed, jnp.sum(fixed.w))
        fixed = jax.lax.stop_gradient(fixed)
        rows, budget = fixed.rows + moving, fixed.clean
        soft_fit = refit(rows.weighing(self._softly(rows, budget, key)), self.l2, key)
        if self.soft:
            return soft_fit
        constant_rows = jax.lax.stop_gradient(rows)
        kept = self._kept(constant_rows, budget, key)
        return through(refit(constant_rows.weighing(kept), self.l2, key), soft_fit)

    def _kept(self, rows: Sample, budget: Scalar, key: PRNGKeyArray) -> Float[Array, " n"]:
        """Weight with which TRIM keeps each row."""

        def step(state):
            i, kept, last, _ = state
            square = residuals(rows, refit(rows.weighing(kept), self.l2, key)) ** 2
            kept_now = _lowest(square, rows.w, budget)
            loss = kept_now @ square
            settled = jnp.all(kept_now == kept) | (last - loss <= _TOLERANCE * last)
            return i + 1, kept_now, loss, settled & (i > 0)

        def goes_on(state):
            return (state[0] < _MAX_REFITS) & ~state[-1]

        start = jnp.asarray(0), rows.w, jnp.full_like(budget, jnp.inf), jnp.asarray(False)
        return jax.lax.while_loop(goes_on, step, start)[1]

    def _softly(self, rows: Sample, budget: Scalar, key: PRNGKeyArray) -> Float[Array, " n"]:
        """Weight with which soft TRIM keeps each row."""

        def step(kept, _):
            square = residuals(rows, refit(rows.weighing(kept), self.l2, key)) ** 2
            cut = _cut(square, rows.w, budget, self.temperature)
            return rows.w * _soft(square, cut, self.temperature), None

        return jax.lax.scan(step, rows.w, length=self.rounds)[0]


def _lowest(
    square: Float[Array, " n"], w: Float[Array, " n"], budget: Scalar
) -> Float[Array, " n"]:
    """Weight with which each row is kept when the smallest squares fill the budget."""
    order = jnp.argsort(square, stable=True)
    ordered = w[order]
    room = budget - (jnp.cumsum(ordered) - ordered)
    # What rounding leaves of the budget is no weight of a row.
    room = jnp.where(room > 1e-12 * budget, room, 0.0)
    return jnp.zeros_like(w).at[order].set(jnp.minimum(room, ordered))


def _soft(square: Float[Array, " n"], cut: Scalar, temperature: float) -> Float[Array, " n"]:
    return jax.nn.sigmoid((1 - square / cut) / temperature)


def _cut(
    square: Float[Array, " n"], w: Float[Array, " n"], budget: Scalar, temperature: float
) -> Scalar:
    """The τ at which the rows that are softly kept fill the budget."""
    constant_square, present = jax.lax.stop_gradient((square, w))
    tiny, eps = jnp.finfo(constant_square.dtype).tiny, jnp.finfo(constant_square.dtype).eps
    largest = jnp.log(jnp.max(constant_square * jnp.sign(present)) + tiny)

    def excess(u, square, w):
        return w @ _soft(square, jnp.exp(u), temperature) - budget

    def closer(i, state):
        # Bisection first: where few rows are near the cut, Newton's method oscillates.
        u, low, high = state
        value, slope = jax.value_and_grad(excess)(u, constant_square, present)
        low, high = jnp.where(value > 0, low, u), jnp.where(value > 0, u, high)
        step = u - value / jnp.where(slope > 0, slope, 1.0)
        inside = (i >= _HALVINGS) & (slope > 0) & (step >= low) & (step <= high)
        return jnp.where(inside, step, (low + high) / 2), low, high

    # Where all kept rows are fitted exactly, only rounding is left: no cut is that small.
    ends = largest + jnp.log(eps), largest + _MAX_LOG_CUT
    start = sum(ends) / 2, *ends
    u = jax.lax.fori_loop(0, _CUT_STEPS, closer, start)[0]
    # One more step, differentiated in the rows alone: the implicit function theorem.
    slope = jax.grad(excess)(u, constant_square, present)
    converged = jnp.abs(excess(u, constant_square, present)) < 1e-9 * budget
    change = excess(u, square, w) / jnp.where(slope > 0, slope, 1.0)
    cut = jnp.exp(u - jnp.where(converged & (slope > 0), change, 0.0))
    # Where the rows do not exceed the budget, none is trimmed.
    return jnp.where(jnp.sum(present) > budget * (1 + 1e-12), cut, jnp.inf)
