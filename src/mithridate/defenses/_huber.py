"""Huber regression: every row stays, but none may pull harder than a bounded force."""

import warnings
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, ClassVar, NamedTuple

import numpy as np
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import HuberRegressor

from ..errors import InputError
from ..passes.block import Block, everything, one_thread
from ..passes.fold import Fold, add
from ..passes.memory import Passes, Verdict
from ..passes.scores import AtMost, ResidualScore, predicted
from ._ridge import Ridge
from .base import BaseDefense, Column, Mask, Rows
from .constraints import Constraints, Interval
from .streams import Streams
from .unitbox import UnitBox
from .weights import median


class Huber(Streams, BaseDefense):
    """Huber regression: every row stays, but its pull on the fit is bounded.

    Fits scikit-learn's `HuberRegressor`, which is the defended model, and flags its outliers. This
    is robust training: flagged rows still count, so the model is not a fit on `inlier_mask_`. About
    a third of the rows of a clean table are flagged, since σ is smaller than the standard
    deviation.

    Parameters
    ----------
    estimator : regressor, optional
        Read for its `l2` alone and never fitted; None is `Ridge()`.
    epsilon : float, default=1.35
        Residuals beyond it count linearly; 1 or more, in units of σ.
    alpha : float, optional
        The penalty; with a number, predictions are exactly those of scikit-learn. None is the
        penalty of the ridge that is defended, see Notes; an estimator without `l2` gets
        scikit-learn's default, and `message_` says so.
    max_iter : int, default=1000
        Number of steps of the optimizer at most, in each fit.

    Attributes
    ----------
    scores_ : ndarray of float, shape (n,)
        Absolute residuals over σ.
    threshold_ : float
        The given `epsilon`.
    n_iter_ : int
        Number of steps of the optimizer, in all fits.

    Raises
    ------
    InputError
        By `fit`, if the optimizer finds no fit.

    Notes
    -----
    Minimizes `Σ w (σ + h((y - xb - c)/σ) σ) + alpha ‖b‖²` over `b`, `c` and the scale σ, where
    `h(z) = z²` for `|z| ≤ epsilon` and `2 epsilon |z| - epsilon²` beyond. How `alpha=None` finds
    its penalty is described in docs/defenses.md. For all other attributes see `BaseDefense`.

    References
    ----------
    Huber and Ronchetti, "Robust statistics" (2009), section 7.7.

    Owen, "A robust hybrid of lasso and ridge regression" (2007).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.arange(10.0)[:, None]
    >>> y = 2 * X[:, 0] + 1 + 0.1 * np.cos(np.arange(10))
    >>> y[7] = 0.0
    >>> bool(Huber(alpha=0.01).fit(X, y).inlier_mask_[7])
    False
    """

    label: ClassVar[str | None] = "Huber"
    treatment: ClassVar[str] = "gives less weight to"
    keeps_clean: ClassVar[float] = 0.5
    in_memory: ClassVar[tuple[str, ...]] = ("alpha",)
    constraints: ClassVar[Constraints] = {
        "epsilon": Interval(1),
        "max_iter": Interval(1, whole=True),
        "alpha": Interval(0, optional=True),
    }

    n_iter_: int

    def __init__(
        self,
        estimator: Any = None,
        *,
        epsilon: float = 1.35,
        alpha: float | None = None,
        max_iter: int = 1000,
    ):
        super().__init__(estimator)
        self.epsilon = epsilon
        self.alpha = alpha
        self.max_iter = max_iter

    def _find_inliers(self, X: Rows, y: Column, sample_weight: Column | None) -> Mask:
        self.n_iter_ = 0
        box = UnitBox.of(X, sample_weight)
        if self.estimator is None and self.alpha is None:
            model = box.unscale(self._robust_fit(_Arrays(box.scaled(X), y, sample_weight)))
        else:
            model = self._robust_fit(_Arrays(X, y, sample_weight))
        self.estimator_ = model
        self.scores_ = np.abs(y - model.predict(X)) / model.scale_
        self.threshold_ = float(self.epsilon)
        return ~model.outliers_

    def decide(self, table: Passes) -> Verdict:
        """Decide on the rows of a table that is read in passes, one for each try of the optimizer.

        Parameters
        ----------
        table : Passes
            The rows.

        Returns
        -------
        Verdict
            Score and decision for every row.
        """
        self._begin()
        self.n_iter_ = 0
        model = self._robust_fit(_Stream(table))
        residual, self.threshold_ = _residual(model), float(self.epsilon)
        within = AtMost(residual, float(model.scale_ * self.epsilon))
        return Verdict(replace(residual, unit=float(model.scale_)), within)

    def _fit_kept(self, X: Rows, y: Column, sample_weight: Column | None, mask: Mask) -> Any:
        return self.estimator_

    def _robust_fit(self, table: "_Arrays | _Stream") -> HuberRegressor:
        alpha = self.alpha
        if alpha is None:
            l2 = getattr(Ridge() if self.estimator is None else self.estimator, "l2", None)
            if isinstance(l2, Real):
                return self._matched_fit(table, float(l2))
            alpha = HuberRegressor().alpha
            self._say(
                f"{type(self.estimator).__name__} has no l2 to match, so Huber used "
                f"scikit-learn's alpha={alpha:g}; set alpha to choose another."
            )
        try:
            return self._converge(self._regressor(alpha), table)
        except ValueError:
            # The line search broke down in the units of y: the same problem in units of its noise.
            start = table.ridge(alpha / table.total)
            scale = table.scale(start)
            return self._fit_in_units_of(scale, start, table, alpha * scale)

    def _matched_fit(self, table: "_Arrays | _Stream", l2: float) -> HuberRegressor:
        start, penalty = table.ridge(l2), l2 * table.total
        scale = table.scale(start)
        first = self._fit_in_units_of(scale, start, table, penalty)
        smaller = table.penalized_scale(first, l2)
        if smaller >= scale:
            return first
        self.message_ = ""  # what it said of the first fit
        return self._fit_in_units_of(smaller, first, table, penalty)

    def _fit_in_units_of(
        self, scale: float, start: Any, table: "_Arrays | _Stream", penalty: float
    ) -> HuberRegressor:
        """The fit with `alpha = penalty / scale`, computed on `y / scale`.

        The optimizer's tolerance is absolute; so it means the same for targets in any unit.
        """
        model = self._regressor(penalty, warm_start=True)
        model.coef_, model.intercept_, model.scale_ = start.coef_ / scale, 0.0, 1.0
        try:
            self._converge(model, table.in_units(start.intercept_, scale))
        except ValueError as error:
            raise InputError(
                f"Huber found no fit ({error}); scale the features to a common range, or raise "
                "alpha."
            ) from error
        model.coef_, model.scale_ = model.coef_ * scale, model.scale_ * scale
        model.intercept_ = model.intercept_ * scale + start.intercept_
        return model.set_params(alpha=penalty / scale, warm_start=False)

    def _regressor(self, alpha: float, warm_start: bool = False) -> HuberRegressor:
        return HuberRegressor(
            epsilon=self.epsilon, alpha=alpha, max_iter=self.max_iter, warm_start=warm_start
        )

    def _converge(self, model: HuberRegressor, table: "_Arrays | _Stream") -> HuberRegressor:
        # A thousand products with a small matrix: more threads than one only wait for each other.
        with one_thread(), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            table.fit(model)
        self.n_iter_ += model.n_iter_
        for warning in caught:
            if issubclass(warning.category, ConvergenceWarning):
                self._say(
                    f"The optimizer stopped at {model.n_iter_} steps before it converged; raise "
                    "max_iter or alpha."
                )
            else:
                warnings.warn_explicit(
                    warning.message, warning.category, warning.filename, warning.lineno
                )
        return model

    def _say(self, sentence: str) -> None:
        self.message_ = f"{self.message_} {sentence}".strip()


class _Arrays(NamedTuple):
    X: Rows
    y: Column
    weight: Column | None

    @property
    def total(self) -> float:
        return float(len(self.y) if self.weight is None else self.weight.sum())

    def in_units(self, shift: float, unit: float) -> "_Arrays":
        return self._replace(y=(self.y - shift) / unit)

    def fit(self, model: HuberRegressor) -> None:
        model.fit(self.X, self.y, sample_weight=self.weight)

    def ridge(self, l2: float) -> Ridge:
        return Ridge(l2=l2).fit(self.X, self.y, self.weight)

    def scale(self, model: Any) -> float:
        """Robust standard deviation of the residuals of a model; never zero."""
        residual = np.abs(self.y - model.predict(self.X))
        rounding = 1e-12 * float(np.abs(self.y).max())
        return max(1.4826 * median(residual, self.weight), rounding) or 1.0

    def penalized_scale(self, model: HuberRegressor, l2: float) -> float:
        """σ of the loss with the penalty inside: unlike `scale_`, not zero where b interpolates."""
        weight = np.ones(len(self.y)) if self.weight is None else self.weight
        square = (self.y - model.predict(self.X)) ** 2
        penalty = l2 * self.total * float(model.coef_ @ model.coef_)
        # A concave increasing map: from above it falls to its one positive fixed point.
        variance = (float(weight @ square) + penalty) / self.total
        for _ in range(200):
            previous = variance
            bounded = weight @ np.minimum(square, model.epsilon**2 * variance)
            variance = (float(bounded) + penalty) / self.total
            if previous - variance <= 1e-9 * previous:
                break
        return float(np.sqrt(variance)) or self.scale(model)


class _Stream(NamedTuple):
    """The same of a table that is read in passes, with the optimizer of scikit-learn."""

    table: Passes
    shift: float = 0.0  # of the targets, and
    unit: float = 1.0  # what they are divided by

    @property
    def total(self) -> float:
        return self.table.total

    def in_units(self, shift: float, unit: float) -> "_Stream":
        return self._replace(shift=shift, unit=unit)

    def fit(self, model: Any) -> None:
        def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
            coef, sigma, bound = w[:-2], w[-1], model.epsilon**2
            kernel = _LossSums(coef, w[-2], sigma, model.epsilon, self.shift, self.unit)
            square, far, beyond, pull, slope = self.table.reduce("optimizer", Fold(kernel, add))
            value = self.total * sigma + square / sigma + 2.0 * model.epsilon * far
            value += model.alpha * float(coef @ coef) - sigma * beyond * bound
            tilt = self.total - beyond * bound - square / sigma**2
            return float(value), np.append(2.0 * model.alpha * coef - slope, [-pull, tilt])

        begin = np.append(model.coef_, [model.intercept_, model.scale_])
        bounds = [(-np.inf, np.inf)] * (len(begin) - 1) + [(10 * np.finfo(float).eps, np.inf)]
        options = {"maxiter": model.max_iter, "gtol": model.tol}
        result = minimize(loss, begin, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        if result.status == 2:
            raise ValueError(result.message)
        if result.status == 1:
            warnings.warn("lbfgs failed to converge", ConvergenceWarning, stacklevel=2)
        model.coef_, model.intercept_, model.scale_ = result.x[:-2], result.x[-2], result.x[-1]
        model.n_iter_ = int(result.nit)

    def ridge(self, l2: float) -> Ridge:
        return Ridge(l2=l2).solve(self.table.moments(everything))

    def scale(self, model: Any) -> float:
        rounding = 1e-12 * float(self.table.reduce("range", Fold(_largest, max)))
        return max(1.4826 * self.table.quantile(_residual(model), 0.5), rounding) or 1.0

    def penalized_scale(self, model: HuberRegressor, l2: float) -> float:
        """The same by Newton's method, since each step is a pass over the table."""
        penalty = l2 * self.total * float(model.coef_ @ model.coef_)
        bound, variance, slope = model.epsilon**2, np.inf, 0.0
        for _ in range(200):
            kernel = _Capped(_residual(model), bound * variance)
            bounded, beyond = self.table.reduce("scale", Fold(kernel, add))
            target, previous = (float(bounded) + penalty) / self.total, variance
            slope = bound * float(beyond) / self.total
            if np.isfinite(variance) and slope < 1.0:
                # The map is concave, so that Newton's step falls to the fixed point from above.
                target = variance - (variance - target) / (1.0 - slope)
            variance = min(target, previous)
            if np.isfinite(previous) and previous - variance <= 1e-9 * previous:
                break
        return float(np.sqrt(variance)) or self.scale(model)


def _residual(model: Any) -> ResidualScore:
    return ResidualScore(model.coef_, float(model.intercept_))


def _largest(block: Block) -> float:
    return float(np.abs(block.y).max())


@dataclass(frozen=True, eq=False)
class _LossSums:
    """Sums over a block that make the loss and its gradient, in units of the noise."""

    coef: np.ndarray
    intercept: float
    sigma: float
    epsilon: float
    shift: float  # of the targets, and
    unit: float  # what they are divided by

    def __call__(self, block: Block) -> tuple[Any, ...]:
        y = (block.y - self.shift) / self.unit
        residual = y - predicted(block, self.coef, self.intercept)
        size = np.abs(residual)
        far = size > self.epsilon * self.sigma
        w = block.weight
        force = np.where(far, self.epsilon * np.sign(residual), residual / self.sigma) * 2.0 * w
        square = float((w * np.where(far, 0.0, residual**2)).sum())
        beyond = float(w[far].sum())
        slope = np.einsum("ij,j->i", block.Z[:-1], force)
        return square, float((w * size)[far].sum()), beyond, float(force.sum()), slope


@dataclass(frozen=True, eq=False)
class _Capped:
    """The sum of squared residuals, none larger than `most`, and the weight of those larger."""

    residual: ResidualScore
    most: float

    def __call__(self, block: Block) -> tuple[float, float]:
        square = self.residual(block) ** 2
        bounded = (block.weight * np.minimum(square, self.most)).sum()
        return float(bounded), float(block.weight[square > self.most].sum())
