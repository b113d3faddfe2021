"""BayesClean: reject what the posterior predictive distribution finds improbable."""

from typing import Any, ClassVar

from scipy.special import ndtr

from ..bayes import BayesianRegression
from ..passes.block import Kernel, everything
from ..passes.fold import add
from ..passes.memory import InMemory, Passes, Verdict
from ..passes.scores import AtMost, Within, ZScore, most_leverage
from . import chance
from ._sets import ThreeSets
from .base import Column, Mask, Rows
from .constraints import FALSE_POSITIVE_RATE, Constraints
from .streams import Streams
from .unitbox import UnitBox


class BayesClean(Streams, ThreeSets):
    """Reject rows far from the predictive mean of a Bayesian linear regression.

    The contamination need not be known. With the constants of the paper, `c1` and `c2`, it finds
    much and rejects about a third of the rows of clean tables; `message_` says so when it looks
    like that. With a `false_positive_rate` it rejects at most that share of the rows of clean
    Gaussian tables on average, and in 19 of 20 of them none. Poison that is as near to the model as
    clean rows are is found by neither.

    Parameters
    ----------
    estimator : regressor, optional
        The model to defend, fitted on the kept rows; None is `Ridge()`.
    c1 : float, default=0.67
        Rows up to here are accepted, in predictive standard deviations.
    c2 : float, default=1.0
        Rows beyond are rejected, in the same unit, `c1` or more.
    false_positive_rate : float, optional
        A share in (0, 0.5], which replaces `c1` and `c2`; None is the paper's constants. On tables
        with heavier tails than a Gaussian, more is rejected.

    Attributes
    ----------
    scores_ : ndarray of float, shape (n,)
        Distances `z = |y - μ(x)| / s(x)`, in predictive standard deviations.
    sets_ : ndarray of int, shape (n,)
        The set of each row: 1 accepted, 2 flagged, 3 rejected.
    cuts_ : tuple of float
        The two cuts c₁ and c₂.
    threshold_ : float
        The one of them that was used.
    regression_ : BayesianRegression
        The last regression that was made.

    Notes
    -----
    `I₁ = {z ≤ c₁}` is accepted, `I₂ = {c₁ < z ≤ c₂}` flagged and `I₃ = {z > c₂}` rejected; `I₂` is
    rejected as well when it is larger than chance allows. How the cuts and the allowance are
    chosen, and what a rate costs, is described in docs/defenses.md. For all other attributes see
    `BaseDefense`.

    References
    ----------
    Rousseeuw and Van Driessen, "Computing LTS regression for large data sets" (2006), for the
    regression on the nearer half. The constants and the rule on `I₂` were settled by experiment.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.arange(10.0)[:, None]
    >>> y = 2 * X[:, 0] + 1
    >>> y[7] = 0.0
    >>> BayesClean().fit(X, y).fit_predict(X, y)
    array([ 1,  1,  1,  1,  1,  1,  1, -1,  1,  1])
    """

    label: ClassVar[str | None] = "BayesClean"
    model_of_its_own: ClassVar[bool] = True
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
        self.unit_box_ = UnitBox.of(X, sample_weight)
        table = InMemory(self.unit_box_.scaled(X), y, sample_weight)
        self.scores_ = table.values(self.decide(table).score)
        return self._sorted(table.weight, by_constants=self.false_positive_rate is None)

    def decide(self, table: Passes) -> Verdict:
        """Decide on the rows of a table that is read in passes: two passes, or five by a rate.

        Parameters
        ----------
        table : Passes
            The rows.

        Returns
        -------
        Verdict
            Score and decision for every row.
        """
        self._begin()
        first = BayesianRegression.of(table.moments(everything))
        rate = self.false_positive_rate
        if rate is None:
            score = ZScore(first, most_leverage(first, *table.box))
            self.regression_ = first
            self.cuts_ = float(self.c1), float(self.c2)
        else:
            score = self._by_rate(table, first, rate)
        rows, weight = table.scan("verdicts", Within(score, self.cuts_), add).rest
        beyond = table.total - weight
        if rate is None:
            fires = beyond / table.total > 2.0 * float(ndtr(-self.c1))
        else:
            fires = chance.tail_probability(beyond, table.total, rate) < chance.TEST_LEVEL
        self.threshold_ = self._cut(fires, rows)
        chosen = self.cuts_.index(self.threshold_)
        return Verdict(score, AtMost(score, self.threshold_), chosen)

    def _by_rate(self, table: Passes, first: BayesianRegression, rate: float) -> Kernel:
        score = chance.second_regression(table, first)
        self.regression_ = score.model
        n, self.false_positive_rate_ = first.weight, float(rate)
        freedom = n - first.effective - 1.0
        c1 = chance.student_cut(rate, freedom)
        self.cuts_ = c1, max(c1, chance.student_cut(chance.TEST_LEVEL / max(n, 1.0), freedom))
        if freedom < 0.25 * n:
            self.message_ = (
                f"The columns can fit {first.effective:.0f} of {n:.0f} rows whatever their "
                "targets, so the false-positive rate is not kept to; give more rows or fewer "
                "columns."
            )
        return score
