"""TargetErrors: rows whose target is not what the other rows say, by models that did not see it."""

from typing import Any, ClassVar

import numpy as np
import sklearn.linear_model
from threadpoolctl import threadpool_limits

from .._text import percent
from ._crossfit import Canonical, Line, boosting, crossfit, quantile, spread
from ._errormixture import Mixture, mixture, noise_scale
from ._evenscale import Scale, even_scale, step
from ._ridge import Ridge
from .base import BaseDefense, Column, Mask, Rows

_ROUNDS = 3
_MOST = 0.15  # of the rows: beyond, "wrong" has no meaning that can be learned from the table
_ROUNDING = 1e-6  # of the target's spread: noise below this is not told from none


class TargetErrors(BaseDefense):
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
    likelier than noise. None of the flagged is rejected where that would do harm: where a ridge or
    boosted trees predict the other rows worse without them, or predict most of the flagged far
    better from each other (errors do not explain each other), or where they are over 15 %.

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
        0, or the highest score where no row is rejected.
    expected_ : ndarray of shape (n,)
        What the other rows predict, in units of y.
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

    scores_like: ClassVar[str | None] = "residual"  # of rows that a model has not seen
    keeps_clean: ClassVar[float] = 0.98
    per_row: ClassVar[tuple[str, ...]] = ("scores_", "expected_")

    expected_: Column
    share_: float

    def __init__(self, estimator: Any = None):
        super().__init__(estimator)

    def _find_inliers(self, X: Rows, y: Column, sample_weight: Column | None) -> Mask:
        table = Canonical.of(X, y, sample_weight)
        if np.ptp(table.y) == 0:
            self.scores_, self.expected_ = np.zeros(len(y)), y.copy()
            self.share_ = self.threshold_ = 0.0
            self.message_ = "All targets are equal, so none can be told to be wrong."
            return np.ones(len(y), dtype=bool)
        with threadpool_limits(limits=1, user_api="blas"):
            found, predicted, scale = self._judged(table)
            self._decide(table, found.odds)
        self.share_ = found.share
        self.scores_ = table.back(found.odds, len(y))
        self.expected_ = table.back(scale.in_units_of(predicted, y[table.rows]), len(y))
        self._say_limits(table)
        return self.scores_ <= self.threshold_

    def _judged(self, table: Canonical) -> tuple[Mixture, Column, Scale]:
        """What each target is compared with, and how that comes out."""
        w, scale = table.weight, even_scale(table)
        rounding = np.maximum(step(table.y, w) * scale.slope / np.sqrt(12.0), _ROUNDING)
        predicted, doubt = self._predictions(table, scale, float(np.median(rounding)))
        r = scale.v - predicted
        noise, side = noise_scale(predicted, r, w, _ROUNDING)
        noise = np.sqrt(noise**2 + doubt + rounding**2)
        error = 2.0 * spread(scale.v - quantile(scale.v, 0.5, w), w)
        return mixture(r, noise, side, max(error, _ROUNDING), w), predicted, scale

    def _predictions(self, table: Canonical, scale: Scale, least: float) -> tuple[Column, Column]:
        """Predictions of each row by the others, and the variance that new folds give them."""
        predicted, w, rounds = scale.predicted, table.weight, []
        learners: list[Any] = [Line(), boosting(len(w))]
        if self.estimator is not None and not isinstance(self.estimator, _LINES):
            learners.append(self.estimator)
        weights = np.zeros(len(learners))
        for seed in range(1, _ROUNDS + 1):
            r = scale.v - predicted
            noise, _ = noise_scale(predicted, r, w, least)
            # A bounded pull: beyond this, an error that grows changes no prediction.
            target = predicted + np.clip(r, -2.5 * noise, 2.5 * noise)
            rounds.append([crossfit(model, table, target, seed) for model in learners])
            means = np.mean(rounds, axis=0)
            weights = _mixed(means, scale.v, noise, w)
            predicted = weights @ means
        spreads = _ROUNDS * np.var(rounds, axis=0)[1:]
        return predicted, weights[1:] ** 2 @ spreads

    def _decide(self, table: Canonical, odds: Column) -> None:
        """Sets the threshold: 0, or the highest score where rejecting rows would do harm."""
        self.threshold_, w = 0.0, table.weight
        flagged = odds > 0.0
        share = float(w[flagged].sum() / w.sum())
        if not flagged.any():
            return
        if share > _MOST:
            self.threshold_ = float(odds.max())
            self.message_ = (
                f"{percent(share)} of the rows look wrong, too many to be errors: there may be "
                "two populations, or a column is missing that tells them apart. None was rejected."
            )
            return
        if _harmful(table, flagged):
            self.threshold_ = float(odds.max())
            self.message_ = (
                f"{percent(share)} of the rows look wrong, but what they say is borne out: the "
                "others, or they themselves, are predicted worse without them. None was rejected."
            )

    def _say_limits(self, table: Canonical) -> None:
        n, d = table.X.shape
        if 2 * d >= n:
            self._say(f"{d} columns for {n} rows: only errors far larger than the noise show.")
        counts = np.bincount(np.unique(table.y, return_inverse=True)[1], weights=table.weight)
        tied = float(counts.max() / table.weight.sum())
        if tied > 0.5:
            self._say(f"{percent(tied)} of the targets are one value.")

    def _say(self, sentence: str) -> None:
        self.message_ = f"{self.message_} {sentence}".strip()


_LINES = Ridge, sklearn.linear_model.Ridge, sklearn.linear_model.LinearRegression
"""Estimators of which the robust line is a better version."""


def _mixed(predictions: np.ndarray, v: Column, noise: Column, w: Column) -> np.ndarray:
    """Weights of the learners, in quarters, whose mean predicts best where errors are capped."""
    k = len(predictions)
    quarters = np.stack(np.meshgrid(*[np.arange(5)] * k), axis=-1).reshape(-1, k)
    grid = quarters[quarters.sum(axis=1) == 4] / 4.0
    z = [np.minimum(np.abs(v - weights @ predictions) / noise, 3.0) for weights in grid]
    return grid[int(np.argmin([float(w @ size**2) for size in z]))]


def _harmful(table: Canonical, flagged: Mask) -> bool:
    """Whether a ridge or boosted trees say that the flagged rows should stay in the table.

    Either the others are predicted worse without them, their squared error over 1 % larger; or the
    flagged predict each other: with them in training, over half of the squared error of most of
    them is gone. Errors do not explain each other.
    """
    for model in (sklearn.linear_model.Ridge(), boosting(len(flagged))):
        among = (table.y - crossfit(model, table, table.y, 4)) ** 2
        apart = (table.y - crossfit(model, table, table.y, 4, ~flagged)) ** 2
        kept = table.weight * ~flagged
        if float(kept @ apart) > 1.01 * float(kept @ among):
            return True
        if flagged.sum() > 1 and 2 * np.median((among / apart)[flagged]) < 1.0:
            return True
    return False
