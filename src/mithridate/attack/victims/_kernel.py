from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_solve, solve_triangular
from jaxtyping import Array, Float, PRNGKeyArray, Scalar

from ...errors import InputError
from ..sample import Sample
from .base import AbstractVictim


def squares(A: Float[Array, "n d"], B: Float[Array, "m d"]) -> Float[Array, "n m"]:
    """Squared Euclidean distances of the rows of A to those of B."""
    square = jnp.sum(A**2, axis=1)[:, None] + jnp.sum(B**2, axis=1)[None, :] - 2 * A @ B.T
    return jnp.maximum(square, 0.0)


def blocks(A: Float[Array, "n d"], B: Float[Array, "m d"]) -> Float[Array, "n m"]:
    """Distances along the axes: sums of absolute differences."""

    # Column by column, kept in neither direction: the differences of all at once would not fit.
    @jax.checkpoint
    def add(total, column):
        a, b = column
        apart = a[:, None] - b[None, :]
        # Rounding must not give the cusp of equal values a side.
        return total + jnp.where(jnp.abs(apart) > 1e-12, jnp.abs(apart), 0.0), None

    return jax.lax.scan(add, jnp.zeros((len(A), len(B)), A.dtype), (A.T, B.T))[0]


# Distances of rows, and the power of the width that they scale with; the kernel is exp(-distance).
KERNELS: dict[str, tuple[Callable, float]] = {"rbf": (squares, 2.0), "laplace": (blocks, 1.0)}


class Scaler(NamedTuple):
    """Means and spreads of the clean features, the distance that counts 1, the mean target."""

    mean: Float[Array, " d"]
    spread: Float[Array, " d"]
    unit: Scalar
    level: Scalar

    @classmethod
    def of(cls, clean: Sample, kernel: str, width: float) -> "Scaler":
        """The unit is `width` times the median distance of two clean rows."""
        share = clean.w / jnp.sum(clean.w)
        mean = share @ clean.X
        variance = share @ (clean.X - mean[None, :]) ** 2
        spread = jnp.where(variance > 0, jnp.sqrt(jnp.where(variance > 0, variance, 1.0)), 1.0)
        Z = (clean.X - mean[None, :]) / spread[None, :]
        apart, power = KERNELS[kernel]
        unit = width * _median(apart(Z, Z), clean.w) ** (1 / power)
        return cls(mean, spread, jnp.where(unit > 0, unit, 1.0), share @ clean.y)

    def __call__(self, X: Float[Array, "n d"]) -> Float[Array, "n d"]:
        """Features in units of the kernel's width."""
        return (X - self.mean[None, :]) / (self.spread * self.unit)[None, :]


class Fixed(NamedTuple):
    """Rows that stay, and the factor of their own system."""

    rows: Sample
    scaler: Scaler
    penalty: Scalar
    Z: Float[Array, "n d"]
    root: Float[Array, " n"]
    factor: Float[Array, "n n"]
    half: Float[Array, " n"]


class KernelMachine(NamedTuple):
    """A trained kernel machine: support rows, in scaled units, with their dual coefficients."""

    scaler: Scaler
    Z: Float[Array, "n d"]
    dual: Float[Array, " n"]


class Kernel(AbstractVictim):
    """Kernel ridge regression in closed form, with its exact hypergradient.

    Minimizes `Σ w (y - f(x))² + l2 W ‖f‖²` over the functions of a reproducing kernel: `rbf`,
    `exp(-r²)`, r the Euclidean distance of standardized features, or `laplace`, `exp(-r)`, r the
    distance along their axes, which comes nearer to what trees do; both over `width` times the
    median distance of two clean rows. `W`, the weight of the clean rows, and all scales are the
    clean rows' alone: poison does not change them. It learns locally, as trees, forests, boosting
    and nearest neighbors do, and so stands for them.

    Parameters
    ----------
    kernel : {"rbf", "laplace"}
        The kernel.
    width : float
        Its width, in median distances of two clean rows.
    l2 : float
        Penalty on the mean loss.

    References
    ----------
    Saunders, Gammerman and Vovk, "Ridge regression learning algorithm in dual variables" (1998).

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> X = jnp.linspace(0, 1, 30)[:, None]
    >>> curve = Sample(X, jnp.sin(6 * X[:, 0]), jnp.ones(30))
    >>> victim = Kernel(l2=1e-4)
    >>> nothing = curve.weighing(jnp.zeros(30))
    >>> machine = victim.fit(victim.digest(curve), nothing, jax.random.key(0))
    >>> bool(victim.loss(machine, victim.digest(curve)) < 0.01 * jnp.var(curve.y))
    True
    """

    kernel: str = eqx.field(static=True, default="rbf")
    width: float = eqx.field(static=True, default=1.0)
    l2: float = eqx.field(static=True, default=3e-4)

    def __check_init__(self):
        check_kernel(self.kernel, self.width, self.l2)

    def digest(self, sample: Sample) -> Fixed:
        return self._digested(sample, sample)

    def digest_poisoned(self, clean: Sample, poison: Sample) -> Fixed:
        return self._digested(clean, clean + poison)

    def _digested(self, clean: Sample, rows: Sample) -> Fixed:
        scaler = Scaler.of(clean, self.kernel, self.width)
        Z, root, penalty = scaler(rows.X), jnp.sqrt(rows.w), self.l2 * jnp.sum(clean.w)
        gram = root[:, None] * self.between(Z, Z) * root[None, :]
        factor = jnp.linalg.cholesky(gram + penalty * jnp.eye(len(root)))
        half = solve_triangular(factor, root * (rows.y - scaler.level), lower=True)
        return Fixed(rows, scaler, penalty, Z, root, factor, half)

    def fit(self, fixed: Fixed, moving: Sample, key: PRNGKeyArray) -> KernelMachine:
        del key
        fixed = jax.lax.stop_gradient(fixed)
        Z = fixed.scaler(moving.X)
        across, own = self.between(fixed.Z, Z), self.between(Z, Z)
        dual = _solve(fixed, across, own, moving.y - fixed.scaler.level, moving.w)
        return KernelMachine(fixed.scaler, jnp.concatenate([fixed.Z, Z]), dual)

    def predict(self, params: KernelMachine, X: Float[Array, "n d"]) -> Float[Array, " n"]:
        return params.scaler.level + self.between(params.scaler(X), params.Z) @ params.dual

    def loss(self, params: KernelMachine, fixed: Fixed) -> Scalar:
        return super().loss(params, fixed.rows)

    def between(self, A: Float[Array, "n d"], B: Float[Array, "m d"]) -> Float[Array, "n m"]:
        """Compute the kernel of rows with others.

        Parameters
        ----------
        A : array, shape (n, d)
            Rows in units of the kernel's width.
        B : array, shape (m, d)
            Others.

        Returns
        -------
        array, shape (n, m)
            The kernel, in [0, 1].
        """
        return jnp.exp(-KERNELS[self.kernel][0](A, B))


def check_kernel(kernel: str, width: float, l2: float) -> None:
    """An InputError where a kernel cannot be used as given."""
    if kernel not in KERNELS:
        known = ", ".join(KERNELS)
        raise InputError(f"There is no kernel {kernel!r}; give one of {known}.")
    if not (width > 0 and l2 > 0):
        raise InputError(f"A width of {width:g} and l2 of {l2:g} were given; both must be above 0.")


def _median(apart: Float[Array, "n n"], w: Float[Array, " n"]) -> Scalar:
    """Weighted median over all pairs of different rows."""
    weight = (w[:, None] * w[None, :] * (1 - jnp.eye(w.shape[0]))).ravel()
    order = jnp.argsort(apart.ravel())
    passed = jnp.cumsum(weight[order])
    return apart.ravel()[order][jnp.argmax(passed >= passed[-1] / 2)]


@jax.custom_vjp
def _solve(fixed: Fixed, across, own, y, w) -> Float[Array, " n"]:
    """Dual coefficients of fixed rows and, behind them, of moving ones."""
    return _forward(fixed, across, own, y, w)[0]


def _forward(fixed: Fixed, across, own, y, w):
    # (W K + λ I) a = W y, scaled to a symmetric system; the fixed block is factored already.
    root = jnp.sqrt(w)
    V = solve_triangular(fixed.factor, fixed.root[:, None] * across * root[None, :], lower=True)
    S = root[:, None] * own * root[None, :] + fixed.penalty * jnp.eye(len(w)) - V.T @ V
    system = fixed.factor, fixed.root, V, jnp.linalg.cholesky(S), root
    dual = _applied(system, fixed.half, y)
    return dual, (system, fixed, across, own, y, dual)


def _applied(system: Any, half: Float[Array, " n"], right: Float[Array, " m"]):
    factor, fixed_root, V, corner, root = system
    inner = cho_solve((corner, True), root * right - V.T @ half)
    outer = solve_triangular(factor, half - V @ inner, lower=True, trans=1)
    return jnp.concatenate([fixed_root * outer, root * inner])


def _backward(saved, upstream):
    # With S = (W K + λ I)⁻¹ W, symmetric, da = S (dy - dK a) + (W K + λ I)⁻¹ dW (y - K a), and
    # the transpose of the last factor, applied to g, is (g - K S g) / λ: no weight divides.
    system, fixed, across, own, y, dual = saved
    n = fixed.root.shape[0]
    factor, fixed_root, *_ = system
    half = solve_triangular(factor, fixed_root * upstream[:n], lower=True)
    adjoint = _applied(system, half, upstream[n:])
    a, b, g, h = dual[:n], dual[n:], adjoint[:n], adjoint[n:]
    slope = (upstream[n:] - across.T @ g - own @ h) / fixed.penalty
    error = y - across.T @ a - own @ b
    return (
        None,
        -(g[:, None] * b[None, :] + a[:, None] * h[None, :]),
        -h[:, None] * b[None, :],
        h,
        slope * error,
    )


_solve.defvjp(_forward, _backward)
