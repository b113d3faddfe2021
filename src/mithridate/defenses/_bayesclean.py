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
from . import _chance as chance
from ._base import BaseDefense, Column, Mask, Rows
from ._weights import median


class BayesClean(BaseDefense):
    """Rejects rows far from the predictive mean of a Bayesian linear regression.

    `I₁ = {z ≤ c₁}` is accepted, `I₂ = {c₁ < z ≤ c₂}` flagged, `I₃ = {z > c₂}` rejected; `I₂` is
    rejected as well when it is larger than chance allows. The contamination need not be known. Two
    ways to choose the cuts:

    - `false_positive_rate=None`: the paper's constants. `z = |y - μ(x)| / s(x)` with μ and s² of
      `BayesianRegression` on all rows; chance allows `mean(z > c₁) ≤ 2 (1 - Φ(c₁))`. Finds much,
      and pays for it on clean data, where it rejects about a third of the rows (half, when the
      rule on `I₂` fires by chance); `message_` says so when it looks like that.
    - `false_positive_rate=f`: of clean Gaussian tables, at most a share f of the rows is rejected
      on average, and in 19 of 20 none, which is `found_ = False`. A second regression, on the half
      of the rows nearest to the first one, gives `z = |y - μ(x)| / s(x)` with s from the median
      residual. c₁ is the cut that a share f of clean rows exceeds, c₂ the one that any of n clean
      rows exceeds with probability 2.5 %, both from Student's t. Chance allows as many rows beyond
      c₁ as n clean ones reach with that probability (binomial test, widened for the doubt about
      s). It needs rather more rows than columns, else `message_` says so.

    What f costs: of 300 rows of scikit-learn's diabetes table, 5, 10, 20 and 30 % get a target at
    the far end of its range. The constants reject nearly all, and 16 to 40 % of the clean rows;
    f = 0.01 rejects 58, 51, 28 and 3 % of them, f = 0.1 11, 2, 64 and 64 %, and both less than 1 %
    of the clean rows. Poison as near to the model as clean rows are is found by neither. On tables
    with heavier tails than a Gaussian, more than f is rejected.

    Parameters: `estimator`, any regressor (default `Ridge()`), fitted on what is kept; `c1 ≤ c2`,
    in predictive standard deviations, not used with `false_positive_rate`, a share in (0, 0.5].
    After `fit`: `scores_` are the z, `sets_` (n,) is 1, 2 or 3, `cuts_` are c₁ and c₂,
    `threshold_` the one that was used, `regression_` the (last) Bayesian regression.

    >>> import numpy as np
    >>> X = np.arange(10.0)[:, None]
    >>> y = 2 * X[:, 0] + 1
    >>> y[7] = 0.0
    >>> BayesClean().fit(X, y).fit_predict(X, y)
    array([ 1,  1,  1,  1,  1,  1,  1, -1,  1,  1])

    The constants and the rule on `I₂` were settled by experiment. The nearer half is one step of
    least trimmed squares: Rousseeuw and Van Driessen, "Computing LTS regression" (2006).
    """

    keeps_clean: ClassVar[float] = 0.4

    _per_row: ClassVar[tuple[str, ...]] = ("scores_", "sets_")

    sets_: Int[np.ndarray, " n"]
    cuts_: tuple[float, float]
    regression_: BayesianRegression

    def __init__(
        self,
        estimator: Any = None,
        *,
        c1: float = 0.67,
        c2: float = 1.0,
        false_positive_rate: float | None = None,
    ):
        super().__init__(estimator)
        self.c1 = c1
        self.c2 = c2
        self.false_positive_rate = false_positive_rate

    def _find_inliers(self, X: Rows, y: Column, sample_weight: Column | None) -> Mask:
        self._check_parameters()
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        first = BayesianRegression.of(Moments.of(X, y, weight))
        if self.false_positive_rate is None:
            fires = self._by_constants(X, y, weight, first)
        else:
            fires = self._by_rate(X, y, weight, first, float(self.false_positive_rate))
        c1, c2 = self.cuts_
        z = self.scores_
        self.sets_ = 1 + (z > c1) + (z > c2).astype(int)
        self.threshold_ = c1 if fires else c2
        if (z <= self.threshold_).sum() < 2:
            # Of a two-valued target, all z lie near 1: the rule on I2 would leave nothing to fit.
            self.threshold_ = c2
        mask = z <= self.threshold_
        rejected = float(np.average(~mask, weights=weight))
        gaussian = self.false_positive_rate is None and _looks_gaussian(z, weight)
        self.message_ = f"{self.message_} {_warning(rejected, gaussian)}".strip()
        return mask

    def _by_constants(self, X: Rows, y: Column, weight: Column, first: BayesianRegression) -> bool:
        self.regression_, self.cuts_ = first, (float(self.c1), float(self.c2))
        self.scores_ = first.zscores(X, y)
        return bool(np.average(self.scores_ > self.c1, weights=weight) > 2.0 * ndtr(-self.c1))

    def _by_rate(
        self, X: Rows, y: Column, weight: Column, first: BayesianRegression, rate: float
    ) -> bool:
        self.scores_, self.regression_ = chance.second_look(X, y, weight, first)
        n, self.false_positive_rate_ = first.weight, rate
        freedom = n - first.effective - 1.0
        c1 = chance.cut(rate, freedom)
        self.cuts_ = c1, max(c1, chance.cut(chance.LEVEL / max(n, 1.0), freedom))
        if freedom < 0.25 * n:
            self.message_ = (
                f"The columns can fit {first.effective:.0f} of {n:.0f} rows whatever their "
                "targets, so the false-positive rate is not kept to; give more rows or fewer "
                "columns."
            )
        beyond = float(weight[self.scores_ > c1].sum())
        return chance.chance_of(beyond, n, rate) < chance.LEVEL

    def _check_parameters(self) -> None:
        if not all(isinstance(c, Real) for c in (self.c1, self.c2)) or not 0 <= self.c1 <= self.c2:
            raise InputError(
                f"BayesClean(c1={self.c1!r}, c2={self.c2!r}): both cuts are numbers of standard "
                "deviations, with 0 <= c1 <= c2."
            )
        rate = self.false_positive_rate
        if rate is not None and (not isinstance(rate, Real) or not 0 < rate <= 0.5):
            raise InputError(
                f"BayesClean(false_positive_rate={rate!r}): give None or the share of clean rows "
                "that may be rejected, more than 0 and at most 0.5, such as 0.01."
            )


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
