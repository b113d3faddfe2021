"""BayesClean: reject what the posterior predictive distribution finds improbable."""

from typing import Any, ClassVar

from scipy.special import ndtr

from ..bayes import BayesianRegression
from ..passes.memory import InMemory, Kernel, Passes, Verdict, add, everything
from ..passes.scores import AtMost, Within, ZScore, most_leverage
from . import chance
from ._sets import ThreeSets
from .base import Column, Mask, Rows
from .constraints import FALSE_POSITIVE_RATE, Constraints


class BayesClean(ThreeSets):
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

    constraints: ClassVar[Constraints] = {"false_positive_rate": FALSE_POSITIVE_RATE}

    regression_: BayesianRegression

    def __init__(
        self,
        estimator: Any = None,
        *,
        c1: float = 0.67,
        c2: float = 1.0,
        false_positive_rate: float | None = None,
    ):
        super().__init__(estimator, c1=c1, c2=c2)
        self.false_positive_rate = false_positive_rate

    def _find_inliers(self, X: Rows, y: Column, sample_weight: Column | None) -> Mask:
        table = InMemory(X, y, sample_weight)
        self.scores_ = table.values(self.judge(table).score)
        return self._sorted(table.weight, by_constants=self.false_positive_rate is None)

    def judge(self, table: Passes) -> Verdict:
        """The rule itself, on a table that is read in passes: two, or five by a rate."""
        first = BayesianRegression.of(table.moments(everything))
        rate = self.false_positive_rate
        if rate is None:
            score = ZScore(first, most_leverage(first, *table.box))
            self.regression_ = first
            self.cuts_ = float(self.c1), float(self.c2)
        else:
            score = self._by_rate(table, first, rate)
        rows, weight = table.judge("verdicts", Within(score, self.cuts_), add).rest
        beyond = table.total - weight
        if rate is None:
            fires = beyond / table.total > 2.0 * float(ndtr(-self.c1))
        else:
            fires = chance.chance_of(beyond, table.total, rate) < chance.LEVEL
        self.threshold_ = self._cut(fires, rows)
        chosen = self.cuts_.index(self.threshold_)
        return Verdict(score, AtMost(score, self.threshold_), chosen)

    def _by_rate(self, table: Passes, first: BayesianRegression, rate: float) -> Kernel:
        score = chance.second_look(table, first)
        self.regression_ = score.model
        n, self.false_positive_rate_ = first.weight, float(rate)
        freedom = n - first.effective - 1.0
        c1 = chance.cut(rate, freedom)
        self.cuts_ = c1, max(c1, chance.cut(chance.LEVEL / max(n, 1.0), freedom))
        if freedom < 0.25 * n:
            self.message_ = (
                f"The columns can fit {first.effective:.0f} of {n:.0f} rows whatever their "
                "targets, so the false-positive rate is not kept to; give more rows or fewer "
                "columns."
            )
        return score
