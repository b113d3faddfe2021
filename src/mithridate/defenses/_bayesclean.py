"""BayesClean: reject what the posterior predictive distribution finds improbable."""

from math import sqrt
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Int
from scipy.special import ndtr, ndtri

from ..bayes import BayesianRegression
from ..errors import InputError
from ..moments import Moments
from ._base import BaseDefense, Column, Mask, Rows
from ._weights import median


class BayesClean(BaseDefense):
    """Rejects rows far from the predictive mean of a Bayesian linear regression on all rows.

    `z = |y - μ(x)| / s(x)`, with μ and s² of `BayesianRegression`; `I₁ = {z ≤ c₁}` is accepted,
    `I₂ = {c₁ < z ≤ c₂}` flagged, `I₃ = {z > c₂}` rejected. `I₂` is rejected as well when it is
    larger than chance allows: `mean(z > c₁) > 2 (1 - Φ(c₁))`. One pass: repeated, the kept rows
    collapse. It needs no contamination, and pays for that on clean data, where it rejects about a
    third of the rows (half, when the rule on `I₂` fires by chance); `message_` says so when it
    looks like that.

    Parameters: `estimator`, any regressor (default `Ridge()`), fitted on what is kept; `c1 ≤ c2`,
    in predictive standard deviations. After `fit`: `scores_` are the z, `sets_` (n,) is 1, 2 or 3,
    `threshold_` the cut that was used, c1 or c2, `regression_` the Bayesian regression.

    >>> import numpy as np
    >>> X = np.arange(10.0)[:, None]
    >>> y = 2 * X[:, 0] + 1
    >>> y[7] = 0.0
    >>> BayesClean().fit(X, y).fit_predict(X, y)
    array([ 1,  1,  1,  1,  1,  1,  1, -1,  1,  1])

    The constants and the rule on `I₂` were settled by experiment.
    """

    keeps_clean: ClassVar[float] = 0.4

    _per_row: ClassVar[tuple[str, ...]] = ("scores_", "sets_")

    sets_: Int[np.ndarray, " n"]
    regression_: BayesianRegression

    def __init__(self, estimator: Any = None, *, c1: float = 0.67, c2: float = 1.0):
        super().__init__(estimator)
        self.c1 = c1
        self.c2 = c2

    def _find_inliers(self, X: Rows, y: Column, sample_weight: Column | None) -> Mask:
        if not all(isinstance(c, Real) for c in (self.c1, self.c2)) or not 0 <= self.c1 <= self.c2:
            raise InputError(
                f"BayesClean(c1={self.c1!r}, c2={self.c2!r}): both cuts are numbers of standard "
                "deviations, with 0 <= c1 <= c2."
            )
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        self.regression_ = BayesianRegression.of(Moments.of(X, y, weight))
        z = self.scores_ = self.regression_.zscores(X, y)
        self.sets_ = 1 + (z > self.c1) + (z > self.c2).astype(int)
        fires = np.average(z > self.c1, weights=weight) > 2.0 * ndtr(-self.c1)
        self.threshold_ = float(self.c1 if fires else self.c2)
        if (z <= self.threshold_).sum() < 2:
            # Of a two-valued target, all z lie near 1: the rule on I2 would leave nothing to fit.
            self.threshold_ = float(self.c2)
        mask = z <= self.threshold_
        rejected = float(np.average(~mask, weights=weight))
        self.message_ = _warning(rejected, _looks_gaussian(z, weight))
        return mask


def _looks_gaussian(z: Column, weight: Column) -> bool:
    """Whether z could be the size of a Gaussian, by the distance of Kolmogorov and Smirnov."""
    # Not of the unit Gaussian: a regression with many features leaves smaller residuals.
    sd = median(z, weight) / ndtri(0.75)
    if sd <= 0:
        return False
    order = np.argsort(z)
    below = np.cumsum(weight[order]) / weight.sum()
    distance = np.abs(below - (2.0 * ndtr(z[order] / sd) - 1.0)).max()
    return bool(distance <= 1.2 / sqrt(weight.sum()))


def _warning(rejected: float, looks_gaussian: bool) -> str:
    if looks_gaussian and rejected > 0.2:
        return (
            f"{rejected:.0%} of the rows were rejected although their residuals look Gaussian: on "
            "clean data BayesClean rejects about a third, so this alone is no sign of poison."
        )
    if rejected > 2 / 3:
        return (
            f"{rejected:.0%} of the rows were rejected: more than poison would explain. A target "
            "of a few values can look like this; do not rely on the result."
        )
    return ""
