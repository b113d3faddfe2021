"""TRIM: fit, keep the rows that fit best, repeat."""

from numbers import Integral
from typing import Any, ClassVar

import numpy as np

from ..errors import InputError
from ._base import BaseDefense, Column, Mask, Rows
from ._rows import lowest


class Trim(BaseDefense):
    """Alternates fitting the model and keeping the rows of smallest squared residual.

    `n_keep = n - round(contamination · n)`; `I ← all rows`; repeat: fit on `I`, `I ← ` the `n_keep`
    rows with the smallest `(y - f(x))²`; until `I` stands still or the loss `Σ_I (y - f(x))²`
    falls by less than `tol` times itself. The model is then fitted on the last `I`. Equal residuals
    go by row order. Each step lowers the trimmed loss, but only to a local optimum: where poison
    decides the fit on all rows, TRIM keeps it, rejects clean rows, and *hurts*.

    Parameters: `estimator`, any regressor (default `Ridge()`); `contamination`, poison /
    (clean + poison) rows, in [0, 1); `max_iter` refits at most; `tol`, without unit. After `fit`:
    `scores_` are absolute residuals in units of y, `threshold_` the largest one kept, `n_iter_` the
    refits made. With `sample_weight` the row at the cut is kept with the part of its weight that
    fits in, so that weight k is the same as k equal rows.

    >>> import numpy as np
    >>> X = np.arange(10.0)[:, None]
    >>> y = 2 * X[:, 0] + 1
    >>> y[7] = 0.0
    >>> Trim(contamination=0.1).fit(X, y).fit_predict(X, y)
    array([ 1,  1,  1,  1,  1,  1,  1, -1,  1,  1])

    Jagielski et al., "Manipulating machine learning" (IEEE S&P 2018), Algorithm 2; started from all
    rows, as their repaired code does, since a start from the first rows is one from the truth where
    poison is appended.
    """

    needs_contamination: ClassVar[bool] = True

    n_iter_: int

    def __init__(
        self,
        estimator: Any = None,
        *,
        contamination: float = 0.1,
        max_iter: int = 400,
        tol: float = 1e-5,
    ):
        super().__init__(estimator)
        self.contamination = contamination
        self.max_iter = max_iter
        self.tol = tol

    def _find_inliers(self, X: Rows, y: Column, sample_weight: Column | None) -> Mask:
        if not isinstance(self.max_iter, Integral) or self.max_iter < 1:
            raise InputError(f"Trim(max_iter={self.max_iter!r}): give a whole number, 1 or more.")
        kept = np.ones(len(y)) if sample_weight is None else sample_weight
        last = np.inf
        for n_iter in range(1, self.max_iter + 1):
            self.n_iter_ = n_iter
            weight = None if sample_weight is None else kept
            residual = y - self._fit_estimator(X, y, weight, kept > 0).predict(X)
            self.scores_ = np.abs(residual)
            previous, kept = kept, lowest(self.scores_, sample_weight, self.contamination)
            loss = float(kept @ residual**2)
            # Compared with itself, the loss has no unit: the cut does not depend on the scale of y.
            settled = last < np.inf and last - loss <= self.tol * last
            if settled or np.array_equal(previous, kept):
                break
            last = loss
        else:
            self.message_ = f"The kept rows still changed after {self.max_iter} refits."
        mask = kept > 0
        self.threshold_ = float(self.scores_[mask].max(initial=0.0))
        return mask

    def _fit_kept(self, X: Rows, y: Column, sample_weight: Column | None, mask: Mask) -> Any:
        if sample_weight is not None:
            sample_weight = lowest(self.scores_, sample_weight, self.contamination)
        return self._fit_estimator(X, y, sample_weight, mask)
