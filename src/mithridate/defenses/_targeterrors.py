"""TargetErrors: rows whose target is not what the other rows say, by models that did not see it."""

from typing import Any, ClassVar

import numpy as np

from .._text import percent
from ..passes.block import no_other_threads
from ._blanks import BlanksDefense
from ._crossfit import Canonical
from ._targetrule import CUT, TargetRule, TargetVerdict, rule_of, tied_of
from .base import Column, Mask, Rows, Trusted
from .harm import decided

EXPECTED = {"expected": "expected_", "low": "expected_low_", "high": "expected_high_"}
"""Where a defense keeps what is expected of a target, and between which ends."""


class TargetErrors(BlanksDefense):
    """Rejects rows whose target is a gross error rather than noise, and most often rejects none.

    Made for everyday errors: spikes, slips of the decimal point, targets of other rows. Every row
    is predicted by models that did not see it: a robust line and boosted trees, mixed as they
    predict best, on the scale of the target (y, or asinh of it) where its noise is most even. Each
    is fitted three times to targets cut at 2.5 standard deviations of noise, so a bigger error
    pulls no harder. Two hypotheses then compete for each residual r:

    - *noise*: Student's t with 5 degrees of freedom, of a scale that goes with the prediction and
      with the sign of r, and is never below the rounding of the target;
    - *error*: a Cauchy density as wide as the target itself.

    The share of errors is learned by expectation maximization. A row is flagged where an error is
    three times as likely as noise, but for the ends of the range: models predict too little there,
    and errors strike anywhere. So where more of the flagged rows than chance brings lie beyond the
    most extreme 5 % of the predictions, they stay, unless one is over twice as far from the middle
    as the next.

    Flagged rows that confirm each other stay: errors do not predict each other, but rows in a part
    of the table that bends more than the models do. Flagged rows with a target that one row in
    twenty has stay too. None of the rest is rejected where that would do harm: where a ridge or
    boosted trees predict the other rows worse without them, where most of the flagged rows
    confirmed each other, or where they are over 15 %.

    Scores, and so the verdict, do not depend on units or on the order of rows and columns.

    Parameters
    ----------
    estimator : regressor, optional
        Any scikit-learn regressor, the model to defend; `Ridge()` by default. Another than a ridge
        also takes part in the predictions by which rows are judged.

    Attributes
    ----------
    scores_ : ndarray of shape (n,)
        Log odds that the target is wrong; at most `threshold_` for rows that are kept.
    threshold_ : float
        log 3, or the highest score where no row is rejected although some are flagged.
    expected_ : ndarray of shape (n,)
        What the other rows predict, in units of y.
    expected_low_, expected_high_ : ndarray of shape (n,)
        Where 95 % of honest targets like this lie.
    chance_ : float
        How many rows of an honest table like this would be flagged, on average.
    share_ : float
        Estimated share of wrong targets, whether or not they can be told one by one.

    References
    ----------
    Zhou, Mueller, Kumar, Wang and Lei, "Detecting errors in a numerical response via any regression
    model" (2023), for the residual of a row left out as a score; Box and Tiao, "A Bayesian approach
    to some outlier problems" (1968), for the mixture.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).random((100, 2))
    >>> y = 100 * X[:, 0] + 20 * X[:, 1]
    >>> y[7] *= 10
    >>> found = TargetErrors().fit(X, y)
    >>> np.flatnonzero(~found.inlier_mask_)
    array([7])
    """

    scores_like: ClassVar[str | None] = "unexpected"
    keeps_clean: ClassVar[float] = 0.98
    uses_trusted: ClassVar[bool] = True
    per_row: ClassVar[tuple[str, ...]] = (
        "scores_",
        "expected_",
        "expected_low_",
        "expected_high_",
    )

    expected_: Column
    expected_low_: Column
    expected_high_: Column
    chance_: float
    share_: float

    def __init__(self, estimator: Any = None):
        super().__init__(estimator)

    def how_sure(self, n: int) -> str:
        return sure(self.chance_, n)

    def _find_inliers(
        self, X: Rows, y: Column, sample_weight: Column | None, trusted: Trusted | None = None
    ) -> Mask:
        n = len(y)
        if np.ptp(y) == 0:
            self.scores_, self.share_, self.threshold_ = np.zeros(n), 0.0, CUT
            self.expected_ = self.expected_low_ = self.expected_high_ = y.copy()
            self.chance_ = 0.0
            self.message_ = "All targets are equal, so none can be told to be wrong."
            return np.ones(n, dtype=bool)
        table, rule, judged = rule_of(X, y, sample_weight, trusted, self._blanks, self.estimator)
        with no_other_threads():
            decision = decided(table, judged.odds > CUT)
        odds = np.where(decision.spared, np.minimum(judged.odds, CUT), judged.odds)
        self._record(table, rule, judged._replace(odds=odds), n)
        self.threshold_ = float(odds.max()) if decision.refused else CUT
        self.message_ = f"{decision.message} {cautions(table)}".strip()
        return self.scores_ <= self.threshold_

    def _record(self, table: Canonical, rule: TargetRule, judged: TargetVerdict, n: int) -> None:
        """Sets the attributes from the verdict on `n` rows."""
        self.share_ = rule.mixture.share
        self.chance_ = rule.flagged * float(table.weight[~table.sure].sum())
        self.scores_ = table.back(judged.odds, n)
        for name, attribute in EXPECTED.items():
            setattr(self, attribute, table.back(getattr(judged, name), n))


def cautions(table: Canonical) -> str:
    """What a reader must know of a table by which single rows can hardly be judged."""
    (n, d), sentences = table.X.shape, []
    if 2 * d >= n:
        sentences.append(f"{d} columns for {n} rows: only errors far larger than the noise show.")
    tied = float(table.weight[tied_of(table)].sum() / table.weight.sum())
    if tied:
        sentences.append(f"{percent(tied)} of the targets are one value.")
    return " ".join(sentences)


def sure(chance: float, n: int) -> str:
    """How many rows of an honest table are flagged, in a sentence."""
    return (
        f"In an honest table like this, {figure(chance)} of the {n:,} rows would be flagged by "
        "chance."
    )


def figure(count: float) -> str:
    """A number of rows in words, without false precision.

    >>> figure(0.163), figure(12.7), figure(0.004)
    ('about 0.2', 'about 13', 'hardly any')
    """
    if count >= 10:
        return f"about {count:,.0f}"
    return f"about {count:.1f}" if count >= 0.05 else "hardly any"
