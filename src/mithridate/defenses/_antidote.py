"""Antidote: find the rows that pull the model away from the others, or say that there are none."""

from math import exp, pi, sqrt
from typing import ClassVar, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr, ndtri

from ..bayes import BayesianRegression
from ..moments import Moments
from ._base import BaseDefense, Column, Mask, Rows, Trusted
from ._rows import Listed

CORE = 0.5  # share of the rows that the first model rests on: poison is taken to be fewer
SCARCE = 0.35  # the same where trusted rows have found that core: clean rows may be fewer
NEAR = 2.25  # σ within which rows are taken back into the model
FAR = 3.0  # σ beyond which a row may be rejected
CONCENTRATIONS, READMISSIONS = 20, 5  # steps at most; taking rows back for ever drifts to poison
SURE = 0.25  # an effect, as a share of the mean squared error, beyond what long tails do
LEAST = 0.05  # an effect below which there is nothing to lose, nor to gain
GAP = 0.05  # share of the far rows at 3 to 4 σ: a Cauchy tail has a quarter there
TIMES = 4.0  # how many times the effect in reshuffled tables it has to be otherwise
RESHUFFLED = 19  # tables without poison to compare with; the largest of them is the 95 % point
MOST = 2000  # rows of such a table: in a longer one chance does less, so this errs to be safe


class Antidote(BaseDefense):
    """Rejects rows that are far off and moved the model, if they moved it farther than chance does.

    The squared damage of poison is convex in its target, so that the strongest poison has a target
    at one end of the range. So the search starts from the rows between the ends, and alternates a
    Bayesian linear regression f₁ with the half of the rows it predicts best. Rows within 2.25 σ are
    taken back, five times, with σ corrected for the truncation. With f₀ the regression on all rows
    and `Δ = f₀ - f₁`, row i pulled the model by `rᵢ Δ(xᵢ)`, `rᵢ = yᵢ - f₁(xᵢ)`. A row is rejected
    that lies beyond 3 σ, unless it pulled the other way by more than the standard error of f₁.

    All this only if it is worth it. `effect_ = mean (f₀ - f)² / mean (y - f₀)²`, f the regression
    without the rejected rows, the first mean over the kept rows: about the share of the error that
    is lost if they were clean after all. Nothing is rejected unless it exceeds 0.05, and either
    0.25, or four times the largest effect in 19 tables in which the residuals of f₀ were
    reshuffled, which have the same long tails but no conspiracy, or a gap sets the rejected rows
    apart: less than 5 % of them lie at 3 to 4 σ. So a lone outlier that does little stays.

    With `trusted` rows the search also starts from a regression on them, with 50 and 35 % of the
    rows, with and without taking rows back; what predicts them best is taken, if better than the
    answer without them by two standard errors. To a ratio of 0.3 that beats a fit on the trusted
    rows alone; past one half it mostly does not.

    Parameters: `estimator`, any regressor (default `Ridge()`). After `fit`: `effect_`, as above,
    `chance_`, the largest effect in the reshuffled tables, as far as needed, or NaN; `scores_`,
    distances in σ, at most 3 for rows that did not pull; `threshold_`, 3, or NaN if none is
    rejected. It does not find poison inside the noise, or more of it than half without `trusted`.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.random((200, 2))
    >>> y = X @ [1.0, 2.0] + 0.1 * rng.normal(size=200)
    >>> y[:40] = np.where(X[:40, 1] < 0.5, 3.0, 0.0)
    >>> antidote = Antidote().fit(X, y)
    >>> antidote.inlier_mask_[:40].sum(), (~antidote.inlier_mask_[40:]).sum()
    (np.int64(2), np.int64(0))

    The core is that of least trimmed squares: Rousseeuw and Van Driessen, "Computing LTS regression
    for large data sets" (2006). The start, the pull and the test are this project's own.
    """

    uses_trusted: ClassVar[bool] = True
    keeps_clean: ClassVar[float] = 0.95

    effect_: float
    chance_: float

    def _find_inliers(
        self,
        X: Rows,
        y: Column,
        sample_weight: Column | None,
        trusted: Trusted | None = None,
    ) -> Mask:
        listed = Listed.of(X, y, sample_weight)
        table = _Table.of(listed.X, listed.y, listed.weight)
        found = table.search(table.middle(), CORE)
        self.effect_, self.chance_ = found.effect, np.nan
        worth = self._is_worth_it(table, found)
        if trusted is not None:
            found, worth = self._by_trust(X, y, sample_weight, trusted, listed, table, found, worth)
            self.effect_ = found.effect
        self.scores_ = listed.back(found.scores)
        self.threshold_ = FAR if worth else np.nan
        if not worth and found.rejected.any():
            self.message_ = (
                f"{found.rejected.mean():.0%} of the rows lie far off, but the model with them "
                "and without them is the same but for what chance or a long tail can do."
            )
        return self.scores_ <= FAR if worth else np.ones(len(y), dtype=bool)

    def _is_worth_it(self, table: "_Table", found: "_Found") -> bool:
        if found.effect <= LEAST or found.effect > SURE or found.gap < GAP:
            return found.effect > LEAST
        self.chance_ = table.chance(enough=found.effect / TIMES)
        return bool(found.effect > TIMES * self.chance_)

    def _by_trust(
        self, X, y, sample_weight, trusted: Trusted, listed: Listed, table: "_Table", first, worth
    ) -> tuple["_Found", bool]:
        """The search whose model predicts the trusted rows best, and whether to believe it."""
        near = table.near(*trusted)
        searches = [first]
        for share in (CORE, SCARCE):
            searches += [table.search(near(share), share, steps) for steps in (0, READMISSIONS)]
        everything = np.ones(len(y), dtype=bool)
        choices = [(first, worth)] + [(s, True) for s in searches] + [(first, False)]
        losses = []
        for found, believed in choices:
            mask = listed.back(found.scores) <= FAR if believed else everything
            model = self._fit_estimator(X, y, sample_weight, mask)
            losses.append((trusted[1] - model.predict(trusted[0])) ** 2)
        best = int(np.argmin([loss.mean() for loss in losses]))
        better = losses[0] - losses[best]
        sure = better.mean() > 2.0 * better.std() / sqrt(len(better))
        return choices[best if sure else 0]


class _Found(NamedTuple):
    """What one search of a table found."""

    rejected: Mask
    scores: Column  # of all rows, above `FAR` for the rejected ones
    effect: float

    @property
    def gap(self) -> float:
        """Share of the rejected rows that lie within one σ of the cut."""
        return float(np.mean(self.scores[self.rejected] <= FAR + 1.0))


class _Table(NamedTuple):
    """Rows with standardized features, and the regression on all of them."""

    X: Rows
    y: Column
    weight: Column
    floor: float  # of the noise variance
    center: Float[np.ndarray, " d"]
    scale: Float[np.ndarray, " d"]
    whole: BayesianRegression

    @classmethod
    def of(cls, X: Rows, y: Column, weight: Column | None) -> "_Table":
        weight = np.ones(len(y)) if weight is None else weight
        center = np.average(X, axis=0, weights=weight)
        scale = np.sqrt(np.average((X - center) ** 2, axis=0, weights=weight))
        # What differs in rounding alone is constant.
        scale[scale <= 1e-9 * np.abs(center)] = np.inf
        scale[scale == 0] = np.inf
        X = (X - center) / scale
        variance = float(np.average((y - np.average(y, weights=weight)) ** 2, weights=weight))
        # Nothing is known of a target more finely than its lattice, and of none to the last digit.
        floor = max(1e-4 * variance, _step(y) ** 2 / 12.0, 1e-300)
        return cls(X, y, weight, floor, center, scale, _regression(X, y, weight))

    def middle(self) -> Mask:
        """Rows with a target between the ends of the range; all, where they are too few."""
        inside = (self.y > self.y.min()) & (self.y < self.y.max())
        return inside if np.average(inside, weights=self.weight) >= 0.4 else np.ones_like(inside)

    def near(self, X: Rows, y: Column):
        """The share of the rows that are nearest to a regression on these ones."""
        model = _regression((X - self.center) / self.scale, y, np.ones(len(y)))
        distance = model.zscores(self.X, self.y)
        return lambda share: distance <= self._quantile(distance, share)

    def search(self, start: Mask, share: float, steps: int = READMISSIONS) -> _Found:
        """Concentrates from a start, takes rows back, and finds who pulled."""
        mask, truncated = self._readmit(self._concentrate(start, share), steps)
        core = _regression(self.X, self.y, self.weight * mask)
        residual, leverage = self.y - core.predict(self.X), core.leverage(self.X)
        noise = max(1.0 / core.noise_precision, self.floor)
        scores = np.abs(residual) / np.sqrt((1.0 + leverage) * noise / truncated)
        shift = self.whole.predict(self.X) - core.predict(self.X)
        pulled = np.sign(residual) * shift > -np.sqrt(noise * leverage)
        scores = np.where(pulled, scores, np.minimum(scores, FAR))
        rejected = scores > FAR
        return _Found(rejected, scores, self._effect(rejected))

    def chance(self, enough: float) -> float:
        """The largest effect in tables with the same residuals in another order, until enough."""
        rows = np.linspace(0, len(self.y) - 1, min(len(self.y), MOST)).astype(int)
        X, weight = self.X[rows], self.weight[rows]
        fitted = self.whole.predict(X)
        # Where the regression goes through a row, its residual says little of the noise.
        room = np.maximum(1.0 - self.whole.leverage(X), 0.1)
        noise = (self.y[rows] - fitted) / np.sqrt(room)
        rng, largest = np.random.default_rng(0), 0.0
        for _ in range(RESHUFFLED):
            y = fitted + rng.permutation(noise)
            table = self._replace(X=X, y=y, weight=weight, whole=_regression(X, y, weight))
            largest = max(largest, table.search(table.middle(), CORE).effect)
            if largest >= enough:
                break
        return largest

    def _concentrate(self, mask: Mask, share: float) -> Mask:
        """Alternates a fit and the share of the rows nearest to it, each as if left out of it."""
        for _ in range(CONCENTRATIONS):
            model = _regression(self.X, self.y, self.weight * mask)
            leverage = model.leverage(self.X)
            variance = np.where(mask, np.maximum(1.0 - leverage, 0.05), 1.0 + leverage)
            distance = (self.y - model.predict(self.X)) ** 2 / variance
            previous, mask = mask, distance <= self._quantile(distance, share)
            if np.array_equal(previous, mask):
                break
        return mask

    def _readmit(self, mask: Mask, steps: int) -> tuple[Mask, float]:
        """Takes back what lies near; gives that and the share of the variance in it."""
        share = float(np.average(mask, weights=self.weight))
        truncated = _left_within(float(ndtri((1.0 + share) / 2.0))) if share < 1 else 1.0
        for _ in range(steps):
            model = _regression(self.X, self.y, self.weight * mask)
            noise = max(1.0 / model.noise_precision, self.floor) / truncated
            spread = np.sqrt((1.0 + model.leverage(self.X)) * noise)
            near = np.abs(self.y - model.predict(self.X)) <= NEAR * spread
            if np.average(near, weights=self.weight) < 0.2:
                break  # a fit through a few rows
            truncated, previous, mask = _left_within(NEAR), mask, near
            if np.array_equal(previous, mask):
                break
        return mask, truncated

    def _effect(self, rejected: Mask) -> float:
        kept = self.weight * ~rejected
        error = np.average((self.y - self.whole.predict(self.X)) ** 2, weights=self.weight)
        if not rejected.any() or not kept.any() or not error > self.floor * 1e-6:
            return 0.0
        after = _regression(self.X, self.y, kept)
        shift = after.predict(self.X) - self.whole.predict(self.X)
        return float(np.average(shift**2, weights=kept) / error)

    def _quantile(self, values: Column, share: float) -> float:
        return float(np.quantile(values, share, weights=self.weight, method="inverted_cdf"))


def _regression(X: Rows, y: Column, weight: Column) -> BayesianRegression:
    # The starts of a search, not its result: a hundredth of a penalty is precise enough.
    return BayesianRegression.of(Moments.of(X, y, weight), max_iter=50, tol=1e-2)


def _left_within(c: float) -> float:
    """Variance of a unit Gaussian that is cut off at ±c."""
    return 1.0 - 2.0 * c * exp(-(c**2) / 2.0) / sqrt(2.0 * pi) / (2.0 * float(ndtr(c)) - 1.0)


def _step(y: Column) -> float:
    """Spacing of the lattice that the targets lie on, or 0."""
    values = np.unique(y)
    if not 2 <= len(values) <= len(y) / 2:
        return 0.0
    step = float(np.diff(values).min())
    places = (values - values[0]) / step
    return step if np.abs(places - np.round(places)).max() < 1e-6 else 0.0
