"""Huber regression: every row stays, but none may pull harder than a bounded force."""

import warnings
from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import HuberRegressor
from threadpoolctl import threadpool_limits

from ..errors import InputError
from ._base import BaseDefense, Column, Mask, Rows
from ._ridge import Ridge
from ._weights import median


class Huber(BaseDefense):
    """Fits scikit-learn's `HuberRegressor`, which is the defended model, and flags its outliers.

    Minimizes `Σ w (σ + h((y - xb - c)/σ) σ) + alpha ‖b‖²` over `b`, `c` and the scale σ, where
    `h(z) = z²` for `|z| ≤ epsilon` and `2 epsilon |z| - epsilon²` beyond. This is robust training:
    flagged rows still count, with a bounded pull, so the model is not a fit on `inlier_mask_`.

    Parameters: `estimator`, read for its `l2` alone (default `Ridge()`) and never fitted;
    `epsilon`, 1 or more, in units of σ; `max_iter` steps of the optimizer at most; `alpha`:

    - a number: predictions are exactly scikit-learn's;
    - None (default): the penalty of the ridge that is defended. Near the fit the loss is
      `Σ w r²/σ`, so `l2` on the mean loss is `alpha = l2 Σw / σ`, with σ the median absolute
      residual of that ridge, times 1.4826. Poison inflates it and so weakens the penalty; so the
      model is refitted once if the σ at which `Σ w (σ + h σ) + l2 Σw ‖b‖²/σ` stands still at the
      first fit is smaller. An estimator without `l2` gets scikit-learn's default alpha, and
      `message_` says so.

    After `fit`: `scores_` are absolute residuals over σ, `threshold_` is epsilon, `n_iter_` counts
    the steps of the optimizer. About a third of the rows of a clean table are flagged, since σ is
    smaller than the standard deviation.

    >>> import numpy as np
    >>> X = np.arange(10.0)[:, None]
    >>> y = 2 * X[:, 0] + 1 + 0.1 * np.cos(np.arange(10))
    >>> y[7] = 0.0
    >>> bool(Huber(alpha=0.01).fit(X, y).inlier_mask_[7])
    False

    Huber and Ronchetti, "Robust Statistics" (2009), section 7.7; Owen, "A robust hybrid of lasso
    and ridge regression" (2007).
    """

    keeps_clean: ClassVar[float] = 0.5

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
        self._check_parameters()
        self.n_iter_ = 0
        model = self.estimator_ = self._robust_fit(_Table(X, y, sample_weight))
        self.scores_ = np.abs(y - model.predict(X)) / model.scale_
        self.threshold_ = float(self.epsilon)
        return ~model.outliers_

    def _fit_kept(self, X: Rows, y: Column, sample_weight: Column | None, mask: Mask) -> Any:
        return self.estimator_

    def _check_parameters(self) -> None:
        def wrong(name: str, wanted: str) -> InputError:
            return InputError(f"Huber({name}={getattr(self, name)!r}): give {wanted}.")

        if not isinstance(self.epsilon, Real) or not 1 <= self.epsilon < np.inf:
            raise wrong("epsilon", "a finite number, 1 or more")
        if not isinstance(self.max_iter, Integral) or self.max_iter < 1:
            raise wrong("max_iter", "a whole number, 1 or more")
        if self.alpha is None:
            return
        if not isinstance(self.alpha, Real) or not 0 <= self.alpha < np.inf:
            raise wrong("alpha", "None or a finite number, 0 or more")

    def _robust_fit(self, table: "_Table") -> HuberRegressor:
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
            start = Ridge(l2=alpha / table.total).fit(*table)
            scale = table.scale(start)
            return self._fit_in_units_of(scale, start, table, alpha * scale)

    def _matched_fit(self, table: "_Table", l2: float) -> HuberRegressor:
        start, penalty = Ridge(l2=l2).fit(*table), l2 * table.total
        scale = table.scale(start)
        first = self._fit_in_units_of(scale, start, table, penalty)
        smaller = table.penalized_scale(first, l2)
        if smaller >= scale:
            return first
        self.message_ = ""  # what it said of the first fit
        return self._fit_in_units_of(smaller, first, table, penalty)

    def _fit_in_units_of(
        self, scale: float, start: Any, table: "_Table", penalty: float
    ) -> HuberRegressor:
        """The fit with `alpha = penalty / scale`, computed on `y / scale`.

        The optimizer's tolerance is absolute; so it means the same for targets in any unit.
        """
        model = self._regressor(penalty, warm_start=True)
        model.coef_, model.intercept_, model.scale_ = start.coef_ / scale, 0.0, 1.0
        try:
            self._converge(model, table._replace(y=(table.y - start.intercept_) / scale))
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

    def _converge(self, model: HuberRegressor, table: "_Table") -> HuberRegressor:
        # A thousand products with a small matrix: more threads than one only wait for each other.
        one_thread = threadpool_limits(limits=1, user_api="blas")
        with one_thread, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(table.X, table.y, sample_weight=table.weight)
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


class _Table(NamedTuple):
    X: Rows
    y: Column
    weight: Column | None

    @property
    def total(self) -> float:
        return float(len(self.y) if self.weight is None else self.weight.sum())

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
