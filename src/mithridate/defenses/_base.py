"""What every defense is: find the rows to keep, fit the model on them, say what was done."""

from abc import ABCMeta, abstractmethod
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Bool, Float
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.utils.validation import check_is_fitted, has_fit_parameter, validate_data

from ..errors import InputError
from ._ridge import Ridge
from ._weights import as_weights

Rows = Float[np.ndarray, "n d"]
Column = Float[np.ndarray, " n"]
Mask = Bool[np.ndarray, " n"]

# One layout, so that a frame and its array give the same to the last digit.
_ARRAYS: dict[str, Any] = {"dtype": np.float64, "order": "C"}


class BaseDefense(MetaEstimatorMixin, RegressorMixin, BaseEstimator, metaclass=ABCMeta):
    """A regressor that rejects suspicious training rows and fits `estimator` on the others.

    A subclass writes `_find_inliers`. It returns which rows to keep and sets `scores_`, and may set
    `threshold_` (the score above which a row was rejected) and `message_`.

    Parameters: `estimator`, any scikit-learn regressor (default `Ridge()`). After `fit`:

    - `inlier_mask_` (n,): True for kept rows;
    - `scores_` (n,): higher is more suspicious; `threshold_`: the cut, NaN where there is none;
    - `n_rejected_`; `contamination_`: poison / (clean + poison) rows, as given, or else the share
      of rejected rows;
    - `estimator_`: the defended model; `message_`: a warning in words, or "".

    A row of weight 0 is absent: it changes nothing, is neither kept nor counted as rejected, and
    its score is NaN.

    >>> import numpy as np
    >>> from mithridate.defenses import Trim
    >>> X = np.arange(20.0)[:, None]
    >>> y = np.where(np.arange(20) == 3, 90.0, X[:, 0])
    >>> Trim(contamination=0.05).fit(X, y).inlier_mask_.nonzero()[0].tolist().count(3)
    0

    The shape follows scikit-learn's `RANSACRegressor`; filters of this kind are MITRE ATLAS
    AML.M0007 (sanitize training data).
    """

    needs_contamination: ClassVar[bool] = False
    """Whether the defense must be told `contamination`, the share of poison rows."""

    keeps_clean: ClassVar[float] = 0.9
    """The least share of rows of a clean Gaussian table that is kept, default parameters given."""

    _per_row: ClassVar[tuple[str, ...]] = ("scores_",)

    inlier_mask_: Mask
    scores_: Column
    threshold_: float
    message_: str
    n_rejected_: int
    contamination_: float
    estimator_: Any

    def __init__(self, estimator: Any = None):
        self.estimator = estimator

    @abstractmethod
    def _find_inliers(self, X: Rows, y: Column, sample_weight: Column | None) -> Mask:
        """Boolean mask of the rows to keep; all weights it sees are positive."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "BaseDefense":
        """Finds the rows to keep and fits the model on them."""
        if self.needs_contamination:
            self._check_contamination()
        X, y = validate_data(self, X, y, **_ARRAYS, y_numeric=True, ensure_min_samples=2)
        weight = as_weights(sample_weight, len(y))
        present = np.ones(len(y), dtype=bool) if weight is None else weight > 0
        if not present.all():
            X, y, weight = X[present], y[present], weight[present]  # pyright: ignore
        self.threshold_, self.message_ = np.nan, ""
        mask = self._checked(self._find_inliers(X, y, weight), len(y))
        self.estimator_ = self._fit_kept(X, y, weight, mask)
        self.n_rejected_ = int((~mask).sum())
        rejected = np.average(~mask, weights=weight)
        self.contamination_ = float(getattr(self, "contamination", rejected))
        self.inlier_mask_ = _spread(mask, present)
        for name in self._per_row:
            setattr(self, name, _spread(getattr(self, name), present))
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Predictions of the defended model, in units of y."""
        check_is_fitted(self)
        return self.estimator_.predict(validate_data(self, X, reset=False, **_ARRAYS))

    def fit_predict(self, X: Any, y: Any, sample_weight: Any = None) -> np.ndarray:
        """Fits, then gives +1 for each kept row and -1 for the others, as outlier detectors do."""
        return np.where(self.fit(X, y, sample_weight).inlier_mask_, 1, -1)

    def _fit_kept(self, X: Rows, y: Column, sample_weight: Column | None, mask: Mask) -> Any:
        """The defended model; a defense that *is* a way of fitting overrides this."""
        return self._fit_estimator(X, y, sample_weight, mask)

    def _fit_estimator(self, X: Rows, y: Column, sample_weight: Column | None, mask: Mask) -> Any:
        """A fresh copy of the estimator, fitted on the rows of the mask."""
        model: Any = Ridge() if self.estimator is None else clone(self.estimator)
        if sample_weight is None:
            return model.fit(X[mask], y[mask])
        if not has_fit_parameter(model, "sample_weight"):
            raise InputError(
                f"{type(model).__name__} takes no sample_weight; give {type(self).__name__} an "
                "estimator that does, or fit without weights."
            )
        return model.fit(X[mask], y[mask], sample_weight=sample_weight[mask])

    def _check_contamination(self) -> None:
        given = getattr(self, "contamination", None)
        if isinstance(given, bool) or not isinstance(given, Real) or not 0 <= float(given) < 1:
            raise InputError(
                f"{type(self).__name__}(contamination={given!r}): contamination is "
                "poison / (clean + poison) rows, a number in [0, 1), such as 0.1."
            )

    def _checked(self, mask: Any, n: int) -> Mask:
        name = type(self).__name__
        if not isinstance(mask, np.ndarray) or mask.dtype != bool or mask.shape != (n,):
            raise TypeError(f"{name}._find_inliers must return a boolean array, one value per row.")
        for attribute in self._per_row:
            if np.shape(getattr(self, attribute, np.nan)) != (n,):
                raise TypeError(f"{name}._find_inliers must set {attribute}, one value per row.")
        if mask.sum() < 2:
            raise InputError(
                f"{name} would keep {mask.sum()} of {n} rows, too few to fit a model: "
                "give it more rows, or settings that reject fewer."
            )
        return mask


def _spread(values: np.ndarray, present: Mask) -> np.ndarray:
    """Values of the present rows, put back in their places among all rows."""
    if present.all():
        return values
    absent = np.nan if np.issubdtype(values.dtype, np.floating) else 0
    spread = np.full(len(present), absent, dtype=values.dtype)
    spread[present] = values
    return spread
