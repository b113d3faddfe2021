"""TORRENT: least squares on the rows that least squares fits best."""

from typing import Any, ClassVar

import numpy as np
from sklearn.linear_model import LinearRegression

from ..passes.rows import lowest
from ._ridge import Ridge
from ._trim import Trim
from .base import BaseDefense, Column, Mask, Rows
from .constraints import Constraints, Interval


class Torrent(BaseDefense):
    """TORRENT: least squares on the rows that least squares fits best.

    `Trim` around ordinary least squares, whatever the model that is defended. Where there are
    nearly as many columns as rows, least squares fits poison exactly, and nothing is found that a
    penalty would find.

    Parameters
    ----------
    estimator : regressor, optional
        The model to defend, fitted on the kept rows; None is `Ridge()`.
    contamination : float, default=0.1
        Poison / (clean + poison) rows, in [0, 1): this share of the rows is rejected.
    fit_intercept : bool, default=True
        Whether the least squares have an intercept; False, as in the paper, is for rows through the
        origin.
    max_iter : int, default=100
        Number of refits at most.

    Attributes
    ----------
    scores_ : ndarray of float, shape (n,)
        Absolute residuals of the least squares, in units of y.
    threshold_ : float
        The largest score of a kept row.
    n_iter_ : int
        Number of refits that were made.

    Notes
    -----
    With S all rows at first: `w = argmin Σ_S (y - xw)²`; S becomes the `n - round(contamination ·
    n)` rows with the smallest `|y - xw|`; until S stays the same or its loss no longer falls. Then
    `estimator` is fitted on S. The paper has no intercept, and stops at a given norm of the
    residuals, in units of y; its bounds ask for a `contamination` of at least the true share. For
    all other attributes see `BaseDefense`.

    References
    ----------
    Bhatia, Jain and Kar, "Robust regression via hard thresholding" (NIPS 2015), TORRENT-FC.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.arange(10.0)[:, None]
    >>> y = 2 * X[:, 0] + 1
    >>> y[7] = 0.0
    >>> Torrent(contamination=0.1).fit(X, y).inlier_mask_.argmin()
    np.int64(7)
    """

    fits_like: ClassVar[str | None] = "trim"
    needs_contamination: ClassVar[bool] = True
    constraints: ClassVar[Constraints] = {"max_iter": Interval(1, whole=True)}

    n_iter_: int

    def __init__(
        self,
        estimator: Any = None,
        *,
        contamination: float = 0.1,
        fit_intercept: bool = True,
        max_iter: int = 100,
    ):
        super().__init__(estimator)
        self.contamination = contamination
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter

    def _find_inliers(self, X: Rows, y: Column, sample_weight: Column | None) -> Mask:
        squares = Ridge(l2=0.0) if self.fit_intercept else LinearRegression(fit_intercept=False)
        residual = y - squares.fit(X, y, sample_weight=sample_weight).predict(X)
        if np.abs(residual).max() <= 1e-9 * np.abs(y - y.mean()).max():
            # Which of these residuals is smaller is decided by rounding, not by the data.
            self.message_ = "Least squares fits every row exactly, so no row stands out."
            self.scores_, self.threshold_, self.n_iter_ = np.zeros(len(y)), 0.0, 1
            return np.ones(len(y), dtype=bool)
        trim = Trim(squares, contamination=self.contamination, max_iter=self.max_iter, tol=0.0)
        mask = trim._find_inliers(X, y, sample_weight)
        self.n_iter_, self.message_ = trim.n_iter_, trim.message_
        self.scores_, self.threshold_, self._summed = trim.scores_, trim.threshold_, trim._summed
        return mask

    def _fit_kept(self, X: Rows, y: Column, sample_weight: Column | None, mask: Mask) -> Any:
        if sample_weight is not None and self.scores_.any():
            sample_weight = lowest(self.scores_, sample_weight, self.contamination)
        return super()._fit_kept(X, y, sample_weight, mask)
