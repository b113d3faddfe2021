"""RANSAC: fits few random rows many times, and keeps what the best of the fits agrees with."""

import warnings
from typing import Any, ClassVar

import numpy as np
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import RANSACRegressor
from threadpoolctl import threadpool_limits

from ..errors import InputError
from ..passes.rows import OrderedTable
from ._ridge import Ridge
from .base import BaseDefense, Column, Mask, Rows
from .unitbox import UnitBox


class Ransac(BaseDefense):
    """RANSAC: fit few random rows many times, and keep the rows that the best fit agrees with.

    Fits scikit-learn's `RANSACRegressor`, which is the defended model.

    Parameters
    ----------
    estimator : regressor, optional
        The model to defend; None is `Ridge()`.
    min_samples : int, optional
        Number of rows of a trial; None is `min(d + 1, n / 10)`, but at least 2: a ridge can be
        fitted on fewer rows than columns, and few rows are more often clean.
    residual_threshold : float, optional
        Rows with a larger residual do not agree, in units of y. None is scikit-learn's median
        absolute deviation of y (where that is 0, the mean one), which rejects many clean rows where
        the features explain little of y.
    max_trials : int, default=100
        Number of trials at most.
    random_state : int, RandomState or None, default=0
        Decides which rows are drawn.

    Attributes
    ----------
    scores_ : ndarray of float, shape (n,)
        Absolute residuals of the model, in units of y. There is no `threshold_`, since the rows
        were chosen by the model of the best trial.
    n_trials_ : int
        Number of trials that were made.

    Raises
    ------
    InputError
        By `fit`, if scikit-learn finds no model or refuses a parameter.

    Notes
    -----
    In each trial the estimator is fitted on `min_samples` random rows; those with `|y - f(x)| ≤
    residual_threshold` agree. The estimator is then fitted on the rows that agree in the trial
    where they are most. Rows are drawn from the table in an order of its own (by target, then by
    the features), so that the order it came in does not matter: predictions are exactly those of
    scikit-learn on the table so sorted. Weights that are whole numbers count rows; others weigh in
    the fits alone. For all other attributes see `BaseDefense`.

    References
    ----------
    Fischler and Bolles, "Random sample consensus" (1981).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.arange(10.0)[:, None]
    >>> y = 2 * X[:, 0] + 1
    >>> y[7] = 0.0
    >>> Ransac().fit(X, y).inlier_mask_.argmin()
    np.int64(7)
    """

    label: ClassVar[str | None] = "RANSAC"
    fits_like: ClassVar[str | None] = "trim"
    keeps_clean: ClassVar[float] = 0.75

    n_trials_: int

    def __init__(
        self,
        estimator: Any = None,
        *,
        min_samples: int | None = None,
        residual_threshold: float | None = None,
        max_trials: int = 100,
        random_state: Any = 0,
    ):
        super().__init__(estimator)
        self.min_samples = min_samples
        self.residual_threshold = residual_threshold
        self.max_trials = max_trials
        self.random_state = random_state

    def _find_inliers(self, X: Rows, y: Column, sample_weight: Column | None) -> Mask:
        box = UnitBox.of(X, sample_weight)
        own = self.estimator is None
        table = OrderedTable.of(box.scaled(X) if own else X, y, sample_weight)
        model = self._search(table)
        if own:
            box.unscale(model.estimator_)
        self.estimator_, self.n_trials_ = model, int(model.n_trials_)
        self.scores_ = np.abs(y - model.predict(X))
        return table.back(model.inlier_mask_)

    def _search(self, table: OrderedTable) -> RANSACRegressor:
        model = RANSACRegressor(
            Ridge() if self.estimator is None else clone(self.estimator),
            min_samples=self._subset(*table.X.shape),
            residual_threshold=self._residual_threshold(table.y),
            max_trials=self.max_trials,
            random_state=self.random_state,
        )
        try:
            # A weight is passed to the estimator as it is, whether or not routing is switched on.
            with config_context(enable_metadata_routing=False), warnings.catch_warnings():
                # R² of a single row, which RANSAC asks for in passing, is not defined.
                warnings.filterwarnings("ignore", message="R\\^2 score is not well-defined")
                with threadpool_limits(limits=1, user_api="blas"):
                    model.fit(table.X, table.y, sample_weight=table.weight)
        except ValueError as error:
            raise InputError(f"Ransac found no model: {error}") from error
        return model

    def _fit_kept(self, X: Rows, y: Column, sample_weight: Column | None, mask: Mask) -> Any:
        return self.estimator_

    def _subset(self, n: int, d: int) -> int:
        if self.min_samples is not None:
            return self.min_samples
        return min(max(2, min(d + 1, n // 10)), n)

    def _residual_threshold(self, y: Column) -> float:
        if self.residual_threshold is not None:
            return self.residual_threshold
        deviation = np.abs(y - np.median(y))
        # The residuals of a constant target are rounding, and no row may fail for that.
        rounding = 1e-9 * float(np.abs(y).max())
        return max(float(np.median(deviation)) or float(deviation.mean()), rounding)
