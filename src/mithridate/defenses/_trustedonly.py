"""TrustedOnly: the model of the rows that are known to be clean, and of no others."""

from typing import Any, ClassVar

import numpy as np

from .base import BaseDefense, Column, Mask, Rows, Trusted


class TrustedOnly(BaseDefense):
    """Fit the model on the rows that are known to be clean, and on no others.

    No row of the table is rejected. No poison in it can move the model, and the model learns
    nothing from its clean rows: the baseline for defenses that use trusted rows. A few of them can
    be enough where there are few columns; with more columns than trusted rows it is the penalty
    that decides.

    Parameters
    ----------
    estimator : regressor, optional
        The model to defend; None is `Ridge()`.

    Attributes
    ----------
    scores_ : ndarray of float, shape (n,)
        Absolute residuals `|y - f(x)|` of the rows of the table, in units of y. There is no
        `threshold_`.

    Notes
    -----
    `f = argmin Σⱼ (f(x̃ⱼ) - ỹⱼ)²`, with the penalty of the model, over the trusted rows (x̃, ỹ).
    Sample weights are those of the table, and so change nothing, except that rows of weight 0 have
    no score. For all other attributes see `BaseDefense`.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.arange(20.0)[:, None] / 20
    >>> y = np.where(np.arange(20) == 7, 5.0, X[:, 0])
    >>> defense = TrustedOnly().fit(X, y, trusted=(X[::4], X[::4, 0]))
    >>> defense.n_rejected_, defense.scores_.argmax()
    (0, np.int64(7))
    """

    label: ClassVar[str | None] = "TrustedOnly"
    features_scale_free: ClassVar[bool] = False
    needs_trusted: ClassVar[bool] = True
    uses_trusted: ClassVar[bool] = True
    rejects_gross: ClassVar[float] = 0.0
    keeps_clean: ClassVar[float] = 1.0

    def _find_inliers(
        self,
        X: Rows,
        y: Column,
        sample_weight: Column | None,
        trusted: Trusted | None = None,
    ) -> Mask:
        assert trusted is not None  # the base has seen to it
        every = np.ones(len(trusted[1]), dtype=bool)
        self.estimator_ = self._fit_estimator(*trusted, None, every)
        self.scores_ = np.abs(y - self.estimator_.predict(X))
        return np.ones(len(y), dtype=bool)

    def _fit_kept(self, X: Rows, y: Column, sample_weight: Column | None, mask: Mask) -> Any:
        return self.estimator_

    def how_sure(self, n: int) -> str:
        return "It rejects no row of any table: its model was fitted on the trusted rows alone."
