"""How a target is judged once a table has been seen: by models that did not see its row."""

from typing import Any, NamedTuple

import numpy as np
import sklearn.linear_model
from jaxtyping import Bool, Float, Int

from ..passes.block import no_other_threads
from ..passes.rows import dealt
from ._blanks import Widening
from ._crossfit import (
    Canonical,
    Crossfit,
    Line,
    Units,
    boosting,
    crossfitted,
    spread,
)
from ._evenscale import Form, Scale, even_scale, step
from ._ridge import Ridge
from .ends import End, cut_off, ends
from .errormixture import EXPECTED_SHARE, LocalScale, Mixture, NoiseScale, mixture
from .weights import quantile

Rows = Float[np.ndarray, "n d"]
Column = Float[np.ndarray, " n"]
Mask = Bool[np.ndarray, " n"]

CUT = float(np.log(3.0))  # log odds above which a target is flagged: three to one
_ROUNDS = 3
_INTERVAL_SIGMAS = 2.57  # scales of noise either way that hold 95 % of honest targets
CHANCE_ROWS = 2000
"""Rows from which the rate of false flags is estimated; of more, evenly spaced ones are taken."""

_MIN_NOISE = 1e-6  # of the target's spread: smaller noise counts as this much
_LINEAR_MODELS = Ridge, sklearn.linear_model.Ridge, sklearn.linear_model.LinearRegression
"""Estimators of which the robust line is a better version."""


class TargetVerdict(NamedTuple):
    """What is said of rows (n,): log odds that a target is wrong, and what is expected of it.

    Honest targets lie between `low` and `high`, 95 % of them.
    """

    odds: Column
    expected: Column
    low: Column
    high: Column


class Noise(NamedTuple):
    """Scale of honest noise of each row: by prediction, side, ties, rounding and blanks."""

    form: Form
    step: float  # of the lattice of the target
    scale: NoiseScale
    tie: LocalScale | None
    blanks: Widening

    @classmethod
    def of(
        cls, table: Canonical, scale: Scale, predicted: Column, doubt: Column, blank: Any
    ) -> "Noise":
        """The noise around predictions of the rows of a table; `doubt` is their variance."""
        w, r = table.weight, scale.v - predicted
        sides = NoiseScale.of(predicted, r, w, _MIN_NOISE)
        plain = Widening(*np.zeros((2, table.X.shape[1])))
        own = cls(scale.form, step(table.y, w), sides, _off_the_tie(table, predicted, r), plain)
        noise, _ = own(table.y, predicted, doubt, None)
        return own._replace(blanks=Widening.of(table, scale.v, r, noise, blank))

    def __call__(
        self, y: Column, predicted: Column, doubt: Column, blank: Any
    ) -> tuple[Column, Column]:
        """Scale of the noise of rows, and the log of twice the share of rows on their side."""
        r = self.form(y) - predicted
        noise, side = self.scale(predicted, r)
        noise = np.maximum(noise, 0.0 if self.tie is None else self.tie(predicted))
        noise = np.sqrt(noise**2 + doubt + rounding(self.form, self.step, y) ** 2)
        return self.blanks(noise, blank), side


class Learned(NamedTuple):
    """Learners that predict rows together: fits by round and learner, and what each counts."""

    rounds: tuple[tuple[Crossfit, ...], ...]
    weights: Column

    def of(self, Z: Rows, rows: Int[np.ndarray, " n"]) -> tuple[Column, Column]:
        """Predictions of rows that no model saw, and the variance that other folds give them.

        Each row is dealt into a fold by its number, as those that were seen are, and is predicted
        by the models that did not see this fold; so all that was learned of errors holds of it.
        """
        predictions = np.zeros((len(self.rounds), len(self.weights), len(rows)))
        for i, fits in enumerate(self.rounds):
            fold = dealt(rows, i, len(fits[0].models))
            for j in np.flatnonzero(self.weights):
                for k, model in enumerate(fits[j].models):
                    out = fold == k
                    if out.any():
                        predictions[i, j, out] = np.ravel(model.predict(Z[out]))
        return _combined(predictions, self.weights)


class TargetRule(NamedTuple):
    """What a table says of targets, its own and others of the same kind.

    `columns` are those of the features that vary, `features` and `target` the units of these and of
    the target, which is cut off at the values `within`, in its units; most often nowhere.
    """

    columns: Int[np.ndarray, " d"]
    features: Units
    target: Units
    learned: Learned
    noise: Noise
    mixture: Mixture
    ends: tuple[End, ...]
    within: tuple[float, float]
    flagged: float  # share of the rows of an honest table that are flagged by chance

    def __call__(
        self, X: Rows, y: Column, rows: Int[np.ndarray, " n"], blank: Bool[np.ndarray, "n d"] | None
    ) -> TargetVerdict:
        """Judges rows that the table did not have, by their numbers."""
        predicted, doubt = self.learned.of(self.features(X[:, self.columns]), rows)
        blank = None if blank is None else blank[:, self.columns]
        return self.judged(self.target(y[:, None])[:, 0], predicted, doubt, blank)

    def elsewhere(
        self, X: Rows, y: Column, rows: Int[np.ndarray, " n"], blank: Bool[np.ndarray, "n d"] | None
    ) -> "TargetRule":
        """The rule for another table with such rows, of which it is not known how many are wrong.

        That none was in the first one says little of the next. So as many are expected as of any
        table that was not seen yet, unless the first had more.
        """
        predicted, doubt = self.learned.of(self.features(X[:, self.columns]), rows)
        blank = None if blank is None else blank[:, self.columns]
        y = self.target(y[:, None])[:, 0]
        s, side = self.noise(y, predicted, doubt, blank)
        prior = self.mixture._replace(share=max(self.mixture.share, EXPECTED_SHARE))
        chance = prior.chance(s, _sides(self.noise.form(y) - predicted, side), CUT)
        return self._replace(mixture=prior, flagged=float(np.mean(chance)))

    def judged(self, y: Column, predicted: Column, doubt: Column, blank: Any) -> TargetVerdict:
        """Judges targets by predictions that did not see them."""
        noise, side = self.noise(y, predicted, doubt, blank)
        r = self.noise.form(y) - predicted
        odds = self.mixture.odds(r, noise, side)
        for end in self.ends:
            odds = np.where(end(y, predicted, r), np.minimum(odds, CUT), odds)
        reach = _INTERVAL_SIGMAS * self.mixture.unit * noise
        return TargetVerdict(
            odds, *map(self._back, (predicted, predicted - reach, predicted + reach))
        )

    def _back(self, v: Column) -> Column:
        """Targets of values of their even form, in the table's units."""
        values = np.clip(self.noise.form.back(v), *self.within)
        return self.target.middle[0] + self.target.unit[0] * values


def rule_of(
    X: Rows,
    y: Column,
    weight: Column | None,
    trusted: tuple[Rows, Column] | None,
    blanks: Bool[np.ndarray, "n d"] | None,
    estimator: Any,
) -> tuple[Canonical, TargetRule, TargetVerdict]:
    """A table of rows, the rule that they say of targets, and what it says of their own."""
    table = Canonical.of(X, y, weight, trusted)
    blank = None
    if blanks is not None:
        known = np.zeros((int(table.sure.sum()), blanks.shape[1]), dtype=bool)
        blank = np.vstack([blanks, known])[table.rows][:, table.columns]
    with no_other_threads():
        return table, *learned_from(table, estimator, blank)


def learned_from(
    table: Canonical, estimator: Any, blank: Bool[np.ndarray, "m d"] | None
) -> tuple[TargetRule, TargetVerdict]:
    """The rule of a table, and what it says of its own rows."""
    scale, w = even_scale(table), table.weight
    least = np.median(rounding(scale.form, step(table.y, w), table.y))
    learned, predicted, doubt = _learned(table, scale, float(least), estimator)
    noise = Noise.of(table, scale, predicted, doubt, blank)
    s, side = noise(table.y, predicted, doubt, blank)
    r = scale.v - predicted
    fitted = mixture(r, s, side, _width(table, scale.v), w, table.sure)
    flagged = fitted.odds(r, s, side) > CUT
    untrusted = ~table.sure
    sampled = np.flatnonzero(untrusted)[:: -(-len(w) // CHANCE_ROWS)]
    chance = np.average(fitted.chance(s[sampled], _sides(r, side), CUT), weights=w[sampled])
    rule = TargetRule(
        columns=table.columns,
        features=table.features,
        target=table.target,
        learned=learned,
        noise=noise,
        mixture=fitted,
        ends=ends(table.y, predicted, r, flagged & untrusted, w),
        within=_within(table.y[untrusted]),
        flagged=float(chance),
    )
    judged = rule.judged(table.y, predicted, doubt, blank)
    return rule, judged._replace(odds=np.where(untrusted, judged.odds, -np.inf))


def _within(y: Column) -> tuple[float, float]:
    """The ends of a target that is cut off; beyond the largest of other ones more may lie."""
    known = dict(cut_off(y))
    return -known.get(-1.0, np.inf), known.get(1.0, np.inf)


def rounding(form: Form, step: float, y: Column) -> Column:
    """Standard deviation of what rounding to a lattice takes off targets, on their even scale."""
    return np.maximum(step * form.slope(y) / np.sqrt(12.0), _MIN_NOISE)


def _learned(
    table: Canonical, scale: Scale, least: float, estimator: Any
) -> tuple[Learned, Column, Column]:
    """The learners of a table; predictions of each row by others, with their variance."""
    predicted, w, rounds = scale.predicted, table.weight, []
    learners: list[Any] = [Line(), boosting(len(w))]
    if estimator is not None and not isinstance(estimator, _LINEAR_MODELS):
        learners.append(estimator)
    weights = np.zeros(len(learners))
    for seed in range(1, _ROUNDS + 1):
        r = scale.v - predicted
        noise, _ = NoiseScale.of(predicted, r, w, least)(predicted, r)
        # A bounded pull: beyond this, an error that grows changes no prediction.
        target = predicted + np.clip(r, -2.5 * noise, 2.5 * noise)
        target = np.where(table.sure, scale.v, target)
        rounds.append(tuple(crossfitted(model, table, target, seed) for model in learners))
        means = np.mean([[fit.predicted for fit in fits] for fits in rounds], axis=0)
        weights = _mixed(means, scale.v, noise, w)
        predicted = weights @ means
    values = np.array([[fit.predicted for fit in fits] for fits in rounds])
    return Learned(tuple(rounds), weights), *_combined(values, weights)


def _combined(values: Float[np.ndarray, "k l n"], weights: Column) -> tuple[Column, Column]:
    """Predictions by rounds and learners as one, and the variance that new folds give it."""
    spreads = _ROUNDS * np.var(values, axis=0)[1:]
    return weights @ np.mean(values, axis=0), weights[1:] ** 2 @ spreads


def tied_of(table: Canonical) -> Mask:
    """The rows at the commonest target, if more than half of all are."""
    values, at = np.unique(table.y, return_inverse=True)
    counts = np.bincount(at, weights=table.weight)
    if counts.max() <= 0.5 * table.weight.sum():
        return np.zeros(len(table.y), dtype=bool)
    return table.y == values[counts.argmax()]


def _off_the_tie(table: Canonical, predicted: Column, r: Column) -> LocalScale | None:
    """Noise of the rows off the commonest target, where it is that of most rows.

    Those on it say how often the target is another one, and not how large it then is.
    """
    tied = tied_of(table)
    off, w = ~tied, table.weight
    if not tied.any() or off.sum() < 3:
        return None
    return LocalScale.of(predicted[off], r[off], w[off], _MIN_NOISE)


def _width(table: Canonical, v: Column) -> float:
    """Scale of gross errors: twice that of the target, of its other values where most are one."""
    off, w = v - quantile(v, 0.5, table.weight), table.weight
    rows = ~tied_of(table)
    return 2.0 * max(spread(off[rows], w[rows]), _MIN_NOISE)


def _sides(r: Column, side: Column) -> tuple[float, float]:
    """What is said of the share of rows below and above the prediction."""
    below, above = side[r <= 0], side[r > 0]
    return float(below[0]) if len(below) else 0.0, float(above[0]) if len(above) else 0.0


def _mixed(predictions: np.ndarray, v: Column, noise: Column, w: Column) -> np.ndarray:
    """Weights of the learners, in quarters, whose mean predicts best where errors are capped."""
    k = len(predictions)
    quarters = np.stack(np.meshgrid(*[np.arange(5)] * k), axis=-1).reshape(-1, k)
    grid = quarters[quarters.sum(axis=1) == 4] / 4.0
    z = [np.minimum(np.abs(v - weights @ predictions) / noise, 3.0) for weights in grid]
    return grid[int(np.argmin([float(w @ size**2) for size in z]))]
