"""TargetErrors: rows whose target is not what the other rows say, by models that did not see it."""

from typing import Any, ClassVar

import numpy as np
import sklearn.linear_model

from .._text import counted, percent
from ._blanks import BlanksDefense, widened
from ._crossfit import Canonical, Line, boosting, crossfit, few_threads, quantile, spread
from ._evenscale import Scale, even_scale, step
from ._ridge import Ridge
from .base import Column, Mask, Rows, Trusted
from .ends import ends
from .errormixture import local_scale, mixture, noise_scale
from .harm import borne_out, harmful, levels

_ROUNDS = 3
CUT = float(np.log(3.0))  # log odds above which a target is flagged: three to one
_MOST = 0.15  # of the rows: beyond, "wrong" has no meaning that can be learned from the table
_INTERVAL = 2.57  # scales of noise either way that hold 95 % of honest targets
_SOME = 2000  # rows enough to say how often chance flags one
_ROUNDING = 1e-6  # of the target's spread: noise below this is not told from none


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

    Flagged rows stay that bear each other out: errors do not explain each other, but rows in a
    part of the table that bends more than models follow do. So do those of a value that one row in
    twenty shares. None of the rest is rejected where that would do harm: where a ridge or boosted
    trees predict the other rows worse without them, where most of the flagged bore each other out,
    or where they are over 15 %.

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

    scores_like: ClassVar[str | None] = "residual"  # of rows that a model has not seen
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
        return (
            f"In an honest table like this, {figure(self.chance_)} of the {n:,} rows would be "
            "flagged by chance."
        )

    def _find_inliers(
        self, X: Rows, y: Column, sample_weight: Column | None, trusted: Trusted | None = None
    ) -> Mask:
        table, n = Canonical.of(X, y, sample_weight, trusted), len(y)
        if np.ptp(y) == 0:
            self.scores_, self.share_, self.threshold_ = np.zeros(n), 0.0, CUT
            self.expected_ = self.expected_low_ = self.expected_high_ = y.copy()
            self.chance_ = 0.0
            self.message_ = "All targets are equal, so none can be told to be wrong."
            return np.ones(n, dtype=bool)
        with few_threads(X):
            self._judge(table, y)
            self._decide(table)
        self.scores_ = table.back(self._odds, n)
        self._say_limits(table)
        del self._odds
        return self.scores_ <= self.threshold_

    def _judge(self, table: Canonical, y: Column) -> None:
        """What each target is compared with, and how that comes out."""
        n, w, scale = len(y), table.weight, even_scale(table)
        rounding = np.maximum(step(table.y, w) * scale.slope / np.sqrt(12.0), _ROUNDING)
        predicted, doubt = self._predictions(table, scale, float(np.median(rounding)))
        r = scale.v - predicted
        noise, side = noise_scale(predicted, r, w, _ROUNDING)
        noise = np.maximum(noise, _off_the_tie(table, predicted, r))
        noise = np.sqrt(noise**2 + doubt + rounding**2)
        noise = widened(table, scale.v, r, noise, self._blank(table, n))
        found = mixture(r, noise, side, _width(table, scale.v), w, table.sure)
        odds = np.where(table.sure, -np.inf, found.odds(r, noise, side))
        self._odds = np.where(
            ends(table.y, predicted, r, odds > CUT, table.weight), np.minimum(odds, CUT), odds
        )
        self.share_ = found.share
        asked = ~table.sure
        some = np.flatnonzero(asked)[:: -(-len(w) // _SOME)]
        flagged = np.average(found.chance(noise[some], _sides(r, side), CUT), weights=w[some])
        self.chance_ = float(flagged * w[asked].sum())
        given = y if not table.sure.any() else np.append(y, np.zeros(int(table.sure.sum())))
        for name, reach in {"": 0.0, "_low": -_INTERVAL, "_high": _INTERVAL}.items():
            value = predicted + reach * found.unit * noise
            value = scale.in_units_of(value, given[table.rows], asked)
            setattr(self, f"expected{name}_", table.back(value, n))

    def _blank(self, table: Canonical, n: int) -> np.ndarray:
        """The blanks at the places of the table."""
        if self._blanks is None:
            return np.zeros(table.X.shape, dtype=bool)
        known = np.zeros((int(table.sure.sum()), self._blanks.shape[1]), dtype=bool)
        return np.vstack([self._blanks, known])[table.rows][:, table.columns]

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
            target = np.where(table.sure, scale.v, target)
            rounds.append([crossfit(model, table, target, seed) for model in learners])
            means = np.mean(rounds, axis=0)
            weights = _mixed(means, scale.v, noise, w)
            predicted = weights @ means
        spreads = _ROUNDS * np.var(rounds, axis=0)[1:]
        return predicted, weights[1:] ** 2 @ spreads

    def _decide(self, table: Canonical) -> None:
        """Sets the threshold: the cut, or the highest score where rejecting rows would do harm."""
        self.threshold_, w, odds = CUT, table.weight, self._odds
        flagged = odds > CUT
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
        level = levels(table.y, flagged, w)
        borne = borne_out(table, flagged & ~level)
        shared = level | borne
        wrong = flagged & ~shared
        if not wrong.any() or w[borne].sum() > w[wrong].sum() or harmful(table, wrong):
            self.threshold_ = float(odds.max())
            self.message_ = (
                f"{percent(share)} of the rows look wrong, but what they say is borne out: they "
                "share a value, or they or the others are predicted worse without them. None was "
                "rejected."
            )
            return
        if shared.any():
            odds[shared] = np.minimum(odds[shared], CUT)
            rows = counted(int(shared.sum()), "row")
            self._say(f"Kept, since other such rows bear it out: {rows} that looked wrong.")

    def _say_limits(self, table: Canonical) -> None:
        n, d = table.X.shape
        if 2 * d >= n:
            self._say(f"{d} columns for {n} rows: only errors far larger than the noise show.")
        tied = float(table.weight[_tied(table)].sum() / table.weight.sum())
        if tied:
            self._say(f"{percent(tied)} of the targets are one value.")

    def _say(self, sentence: str) -> None:
        self.message_ = f"{self.message_} {sentence}".strip()


_LINES = Ridge, sklearn.linear_model.Ridge, sklearn.linear_model.LinearRegression
"""Estimators of which the robust line is a better version."""


def _tied(table: Canonical) -> Mask:
    """The rows at the commonest target, if more than half of all are."""
    values, at = np.unique(table.y, return_inverse=True)
    counts = np.bincount(at, weights=table.weight)
    if counts.max() <= 0.5 * table.weight.sum():
        return np.zeros(len(table.y), dtype=bool)
    return table.y == values[counts.argmax()]


def _off_the_tie(table: Canonical, predicted: Column, r: Column) -> Column:
    """Noise of the rows off the commonest target, where it is that of most rows; else 0.

    Those on it say how often the target is another one, and not how large it then is.
    """
    tied = _tied(table)
    off, w = ~tied, table.weight
    if not tied.any() or off.sum() < 3:
        return np.zeros_like(r)
    return local_scale(predicted[off], r[off], w[off], _ROUNDING, at=predicted)


def _width(table: Canonical, v: Column) -> float:
    """Scale of gross errors: twice that of the target, of its other values where most are one."""
    off, w = v - quantile(v, 0.5, table.weight), table.weight
    rows = ~_tied(table)
    return 2.0 * max(spread(off[rows], w[rows]), _ROUNDING)


def _sides(r: Column, side: Column) -> tuple[float, float]:
    """What is said of the share of rows below and above the prediction."""
    below, above = side[r <= 0], side[r > 0]
    return float(below[0]) if len(below) else 0.0, float(above[0]) if len(above) else 0.0


def figure(count: float) -> str:
    """A number of rows, as people say one that is small.

    >>> figure(0.163), figure(12.7), figure(0.004)
    ('about 0.2', 'about 13', 'hardly any')
    """
    if count >= 10:
        return f"about {count:,.0f}"
    return f"about {count:.1f}" if count >= 0.05 else "hardly any"


def _mixed(predictions: np.ndarray, v: Column, noise: Column, w: Column) -> np.ndarray:
    """Weights of the learners, in quarters, whose mean predicts best where errors are capped."""
    k = len(predictions)
    quarters = np.stack(np.meshgrid(*[np.arange(5)] * k), axis=-1).reshape(-1, k)
    grid = quarters[quarters.sum(axis=1) == 4] / 4.0
    z = [np.minimum(np.abs(v - weights @ predictions) / noise, 3.0) for weights in grid]
    return grid[int(np.argmin([float(w @ size**2) for size in z]))]
