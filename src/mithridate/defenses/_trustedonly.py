"""TrustedOnly: the model of the rows that are known to be clean, and of no others."""

from typing import Any, ClassVar

import numpy as np

from .base import BaseDefense, Column, Mask, Rows, Trusted


class TrustedOnly(BaseDefense):
    """Fits the model on the trusted rows alone, and rejects no row of the table.

    `f = argmin Σⱼ (f(x̃ⱼ) - ỹⱼ)²`, with the penalty of the model, over the trusted rows (x̃, ỹ). No
    poison in the table can move it, and it learns nothing from the clean rows there. It is the bar
    for whatever uses trusted rows: a defense that does worse, given the same ones, had better have
    thrown the table away.

    Parameters: `estimator`, any regressor (default `Ridge()`). After `fit`: `scores_` are
    `|y - f(x)|` of the rows of the table, in units of y; there is no `threshold_`. Sample weights
    are those of the table, and so change nothing, except that rows of weight 0 have no score.

    >>> import numpy as np
    >>> X = np.arange(20.0)[:, None] / 20
    >>> y = np.where(np.arange(20) == 7, 5.0, X[:, 0])
    >>> alone = TrustedOnly().fit(X, y, trusted=(X[::4], X[::4, 0]))
    >>> alone.n_rejected_, alone.scores_.argmax()
    (0, np.int64(7))

    A few rows can be enough where there are few columns; with more columns than trusted rows it is
    the penalty that decides.
    """

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

    def _how_sure(self, n: int) -> str:
        return "It rejects no row of any table: its model was fitted on the trusted rows alone."
