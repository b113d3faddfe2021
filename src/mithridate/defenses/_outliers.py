"""Outliers: any outlier detector of scikit-learn or PyOD as a defense."""

from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float
from sklearn.base import clone
from sklearn.ensemble import IsolationForest

from .._lookup import made
from ..errors import InputError
from ..passes.rows import OrderedTable, lowest
from .base import BaseDefense, Column, Mask, Rows


class Outliers(BaseDefense):
    """Reject the rows `(x, y)` that an outlier detector finds strangest.

    Any detector of scikit-learn or PyOD. It sees the features and the target side by side, each
    column less its mean and over its standard deviation. It knows nothing of regression: a row is
    strange to it when it is rare, not when its target does not follow from its features.

    Parameters
    ----------
    estimator : regressor, optional
        The model to defend, fitted on the kept rows; None is `Ridge()`.
    detector : outlier detector or str, optional
        An object with `fit` and one of `decision_scores_` (PyOD), `score_samples`,
        `decision_function`, `negative_outlier_factor_` or `fit_predict`, or the dotted path of its
        class; None is `IsolationForest(random_state=0)`. Its own contamination is not used.
    contamination : float, default=0.1
        Poison / (clean + poison) rows, in [0, 1): this share of the rows is rejected.

    Attributes
    ----------
    scores_ : ndarray of float, shape (n,)
        Scores of the detector, turned so that higher is stranger.
    threshold_ : float
        The largest score of a kept row.
    detector_ : outlier detector
        The detector, fitted.

    Raises
    ------
    InputError
        By `fit`, if `detector` is no detector, or its scores are not finite.

    Notes
    -----
    Detectors count rows and do not weigh them: weights that are no whole numbers weigh in the fit
    of the model alone. For all other attributes see `BaseDefense`.

    References
    ----------
    Liu, Ting and Zhou, "Isolation forest" (2008), for the default.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).random((50, 2))
    >>> y = X.sum(axis=1)
    >>> y[7] = 9.0
    >>> Outliers(contamination=0.02).fit(X, y).inlier_mask_.argmin()
    np.int64(7)
    """

    scores_like: ClassVar[str | None] = "neighbor"  # rare rows
    needs_contamination: ClassVar[bool] = True
    rejects_gross: ClassVar[float] = 0.7
    """The least share of grossly wrong targets that is rejected: many errors mask each other."""

    detector_: Any

    def __init__(self, estimator: Any = None, *, detector: Any = None, contamination: float = 0.1):
        super().__init__(estimator)
        self.detector = detector
        self.contamination = contamination

    def _find_inliers(self, X: Rows, y: Column, sample_weight: Column | None) -> Mask:
        table = OrderedTable.of(X, y, sample_weight)
        z = np.column_stack([table.X, table.y])
        z -= z.mean(axis=0)
        # Of a constant column only rounding is left, which a division would magnify.
        spread = z.std(axis=0)
        z /= np.where(spread > 1e-9 * np.abs(z).max(axis=0), spread, 1.0)
        default = IsolationForest(random_state=0)
        self.detector_ = default if self.detector is None else _copy(self.detector)
        scores = _strangeness(self.detector_, z)
        if not np.isfinite(scores).all():
            raise InputError(
                f"{type(self.detector_).__name__} gave scores that are not finite; "
                "choose another detector, or drop columns that repeat each other."
            )
        self.scores_ = table.back(scores)
        mask = lowest(self.scores_, sample_weight, self.contamination) > 0
        self.threshold_ = float(self.scores_[mask].max(initial=-np.inf))
        return mask

    def _fit_kept(self, X: Rows, y: Column, sample_weight: Column | None, mask: Mask) -> Any:
        if sample_weight is not None:
            sample_weight = lowest(self.scores_, sample_weight, self.contamination)
        return self._fit_estimator(X, y, sample_weight, mask)


def _copy(detector: Any) -> Any:
    """The detector, not yet fitted."""
    if isinstance(detector, str):
        return made(detector, "detector", "sklearn.neighbors.LocalOutlierFactor")
    if not hasattr(detector, "fit") and not hasattr(detector, "fit_predict"):
        raise InputError(
            f"Outliers(detector={detector!r}): give an outlier detector of scikit-learn or PyOD, "
            "such as IsolationForest(random_state=0)."
        )
    return clone(detector, safe=False)


def _strangeness(detector: Any, z: Float[np.ndarray, "n k"]) -> Column:
    """One score for each row on which the detector is fitted, higher for stranger."""
    if not hasattr(detector, "fit"):
        return -np.asarray(detector.fit_predict(z), dtype=np.float64)
    detector.fit(z)
    if hasattr(detector, "decision_scores_"):  # PyOD: high is strange
        scores = detector.decision_scores_
    elif hasattr(detector, "score_samples"):  # scikit-learn: high is normal
        scores = -detector.score_samples(z)
    elif hasattr(detector, "negative_outlier_factor_"):
        scores = -detector.negative_outlier_factor_
    elif hasattr(detector, "decision_function"):
        scores = -detector.decision_function(z)
    else:
        scores = -np.asarray(detector.fit_predict(z))
    return np.asarray(scores, dtype=np.float64).ravel()
