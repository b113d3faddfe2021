"""Theil-Sen: the spatial median of many least squares fits on few rows each."""

import warnings
from typing import Any, ClassVar

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import TheilSenRegressor
from threadpoolctl import threadpool_limits

from ..errors import InputError
from ..passes.rows import OrderedTable, are_counts
from .base import BaseDefense, Column, Mask, Rows
from .constraints import Constraints, Interval
from .unitbox import UnitBox
from .weights import median


class TheilSen(BaseDefense):
    """Theil-Sen: the spatial median of many least squares fits on few rows each.

    Fits scikit-learn's `TheilSenRegressor`, which is the defended model, and flags rows far from
    it. Up to `1 - 2^(-1/(d+1))` of the rows may be poison: 13 % with 4 columns, 5 % with 13, 0.6 %
    with 117. It is a defense for few columns.

    Parameters
    ----------
    estimator : regressor, optional
        Ignored; there so that all defenses can be built alike.
    cut : float, default=3.0
        Rows beyond are flagged, in robust standard deviations, above 0.
    max_subpopulation : int, optional
        Number of subsets; None is scikit-learn's 10,000, but fewer where there are many columns:
        about `5e7 / (d + 1)³`, at least 50.
    random_state : int, RandomState or None, default=0
        Decides which subsets are drawn.

    Attributes
    ----------
    scores_ : ndarray of float, shape (n,)
        Absolute residuals over `1.4826 median |y - f(x)|`, a robust standard deviation.
    threshold_ : float
        The given `cut`.
    breakdown_ : float
        The share of poison that the fit withstands.

    Raises
    ------
    InputError
        By `fit`, if weights are neither equal nor whole numbers: rows are drawn, and cannot be
        weighed.

    Notes
    -----
    The coefficients are the spatial median of those of least squares on random subsets of d + 1
    rows (all n rows where there are fewer: then it is ordinary least squares, and defends nothing).
    The subsets are drawn from the table in an order of its own, so that the order it came in does
    not matter. The tolerance of scikit-learn's median is absolute, so it is used on y over its
    spread. For all other attributes see `BaseDefense`.

    References
    ----------
    Dang, Peng, Wang and Zhang, "Theil-Sen estimators in a multiple linear regression model" (2008).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.arange(10.0)[:, None]
    >>> y = 2 * X[:, 0] + 1 + 0.1 * np.cos(np.arange(10))
    >>> y[7] = 0.0
    >>> TheilSen().fit(X, y).inlier_mask_.argmin()
    np.int64(7)
    """

    fits_like: ClassVar[str | None] = "huber"
    constraints: ClassVar[Constraints] = {
        "cut": Interval(0, closed="neither"),
        "max_subpopulation": Interval(1, whole=True, optional=True),
    }

    breakdown_: float

    def __init__(
        self,
        estimator: Any = None,
        *,
        cut: float = 3.0,
        max_subpopulation: int | None = None,
        random_state: Any = 0,
    ):
        super().__init__(estimator)
        self.cut = cut
        self.max_subpopulation = max_subpopulation
        self.random_state = random_state

    def _find_inliers(self, X: Rows, y: Column, sample_weight: Column | None) -> Mask:
        box = UnitBox.of(X, sample_weight)
        table = OrderedTable.of(box.scaled(X), y, _counts(sample_weight))
        center, spread = _center(table.y)
        model = TheilSenRegressor(
            max_subpopulation=self._subsets(X.shape[1]), random_state=self.random_state
        )
        self._converge(model, table.X, (table.y - center) / spread)
        model.coef_, model.intercept_ = model.coef_ * spread, model.intercept_ * spread + center
        box.unscale(model)
        self.estimator_, self.breakdown_ = model, float(model.breakdown_)
        residual = np.abs(y - model.predict(X))
        rounding = 1e-9 * spread
        scale = max(1.4826 * median(residual, sample_weight), rounding)
        self.scores_, self.threshold_ = residual / scale, float(self.cut)
        return self.scores_ <= self.cut

    def _fit_kept(self, X: Rows, y: Column, sample_weight: Column | None, mask: Mask) -> Any:
        return self.estimator_

    def _subsets(self, d: int) -> int:
        if self.max_subpopulation is not None:
            return self.max_subpopulation
        return int(np.clip(5e7 / (d + 1) ** 3, 50, 10_000))

    def _converge(self, model: TheilSenRegressor, X: Rows, y: Column) -> None:
        # Thousands of tiny systems: more threads than one only wait for each other.
        one_thread = threadpool_limits(limits=1, user_api="blas")
        with one_thread, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(X, y)
        for warning in caught:
            if issubclass(warning.category, ConvergenceWarning):
                self.message_ = "The median of the fits was still moving when it was stopped."
            else:
                warnings.warn_explicit(
                    warning.message, warning.category, warning.filename, warning.lineno
                )


def _counts(weight: Column | None) -> Column | None:
    """Weights as numbers of rows; equal weights are no weights."""
    if weight is None or are_counts(weight):
        return weight
    if np.ptp(weight) == 0:
        return None
    raise InputError(
        "TheilSen draws rows and cannot weigh them: give whole numbers as sample_weight, 20 or "
        "less on average, or fit without weights."
    )


def _center(y: Column) -> tuple[float, float]:
    """Median and spread of the targets; the spread is never 0."""
    center = float(np.median(y))
    spread = float(np.median(np.abs(y - center))) or float(y.std())
    return center, spread or 1.0
