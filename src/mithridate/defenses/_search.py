"""The search of Antidote: a model that half of a table agrees on, and who pulls at it."""

from dataclasses import dataclass
from math import inf, sqrt
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import ndtri

from ..bayes import BayesianRegression
from ..moments import Moments
from ..passes.memory import Block, Kernel, Passes, Where, by_columns, moments_of
from ..passes.rows import Listed
from ..passes.scores import (
    SLACK,
    AtMost,
    Bounded,
    Score,
    between,
    leverage,
    of_rows,
    predicted,
    residual,
)
from .base import Column, Mask
from .chance import left_within

CORE = 0.5  # share of the rows that the first model rests on: poison is taken to be fewer
NEAR = 2.25  # σ within which rows are taken back into the model
FAR = 3.0  # σ beyond which a row may be rejected
FEW = 0.01  # share of the rows that makes no other start
END = 0.02  # of the range of the targets: what lies nearer to one of its ends is there
REACH = 0.9  # share of the model's rows that lie no farther out than a row may be excused for
CONCENTRATIONS, READMISSIONS = 20, 5  # steps at most; taking rows back for ever drifts to poison


class Units(NamedTuple):
    """Standard units of the features: `(x - center) / scale`; constant ones become 0."""

    center: Float[np.ndarray, " d"]
    scale: Float[np.ndarray, " d"]

    @classmethod
    def of(cls, block: Block) -> "Units":
        Z, weight = block.Z[:-1], block.weight
        center = np.average(Z, axis=1, weights=weight)
        scale = np.sqrt(np.average((Z - center[:, None]) ** 2, axis=1, weights=weight))
        # What differs in rounding alone is constant.
        scale[scale <= 1e-9 * np.abs(center)] = np.inf
        scale[scale == 0] = np.inf
        return cls(center, scale)

    def block(self, block: Block) -> Block:
        Z = np.empty_like(block.Z)
        np.subtract(block.Z[:-1], self.center[:, None], out=Z[:-1])
        Z[:-1] /= self.scale[:, None]
        Z[-1] = block.y
        return block._replace(Z=Z)

    def moments(self, moments: Moments) -> Moments:
        """Moments of rows in these units, from those of the rows as they are."""
        scale = np.append(self.scale, 1.0)
        mean = (moments.mean - np.append(self.center, 0.0)) / scale
        return Moments(moments.weight, mean, moments.scatter / np.outer(scale, scale))


@dataclass(frozen=True, eq=False)
class InUnits(Score):
    """What a kernel says of rows once they are in standard units."""

    units: Units
    kernel: Kernel

    def __call__(self, block: Block) -> Column:
        return self.kernel(self.units.block(block))

    def between(self, block: Block, low: float, high: float) -> Column:
        return between(self.kernel, self.units.block(block), low, high)


@dataclass(frozen=True, eq=False)
class Distance(Bounded):
    """Distances of rows from `core`, in σ; at most `FAR` for rows that did not pull `whole`.

    `noise` is the variance about the rows that the model rests on, a share `truncated` of that
    about all clean rows. Beyond `lone` σ it does not matter who pulled.
    """

    whole: BayesianRegression
    core: BayesianRegression
    noise: float
    truncated: float
    lone: float = inf

    def __call__(self, block: Block) -> Column:
        off, doubt = residual(block, self.core), leverage(block, self.core)
        scores = np.abs(off) / np.sqrt((1.0 + doubt) * self.noise / self.truncated)
        shift = predicted(block, self.whole.coef, self.whole.intercept)
        shift -= predicted(block, self.core.coef, self.core.intercept)
        pulled = np.sign(off) * shift > -np.sqrt(self.noise * doubt)
        return np.where(pulled | (scores > self.lone), scores, np.minimum(scores, FAR))

    def bounds(self, block: Block) -> tuple[Column, Column]:
        size = np.abs(residual(block, self.core))
        return np.zeros_like(size), size * ((1.0 + SLACK) / sqrt(self.noise / self.truncated))


@dataclass(frozen=True, eq=False)
class Near:
    """Which rows lie near a model, so that they are taken back into it."""

    model: BayesianRegression
    variance: float  # of the noise
    reach: float  # the largest leverage that a row is excused for

    def __call__(self, block: Block) -> Mask:
        size, sigma = np.abs(residual(block, self.model)), sqrt(self.variance)
        near = size <= NEAR * sigma
        farthest = NEAR * sigma * sqrt(1.0 + self.reach) * (1.0 + SLACK)
        rows = np.flatnonzero(~near & (size <= farthest))
        if len(rows):
            doubt = np.minimum(leverage(of_rows(block, rows), self.model), self.reach)
            near[rows] = size[rows] <= NEAR * np.sqrt((1.0 + doubt) * self.variance)
        return near


@dataclass(frozen=True, eq=False)
class Farthest(Score):
    """The largest distance that any of some kernels gives a row."""

    distances: tuple[Kernel, ...]

    def __call__(self, block: Block) -> Column:
        return np.maximum.reduce([distance(block) for distance in self.distances])

    def between(self, block: Block, low: float, high: float) -> Column:
        return np.maximum.reduce([between(kernel, block, low, high) for kernel in self.distances])


@dataclass(frozen=True, eq=False)
class Every:
    """Which rows pass every test; all, if there is none."""

    tests: tuple[Kernel, ...]

    def __call__(self, block: Block) -> Mask:
        passed = np.ones(len(block.weight), dtype=bool)
        for test in self.tests:
            passed &= test(block)
        return passed


class Found(NamedTuple):
    """What one search found: how far rows are and which are near, and what rejecting does.

    `effect` is how far the model moves without the rejected rows, `left` the variance about it
    then, both as shares of that of the target; `ends` is how much more often their targets lie at
    the ends of the range than those of the other rows do.
    """

    units: Units
    floor: float  # of the noise variance
    distance: Distance
    near: Near
    rejected: Mask
    effect: float
    left: float
    ends: float

    @property
    def kernel(self) -> Kernel:
        """The distance of rows that are not in standard units yet."""
        return InUnits(self.units, self.distance)

    def of_all(self, table: Passes, before: tuple[Kernel, ...]) -> "Found":
        """The same, from models of all rows that the distances `before` leave: not of a sample."""
        left = tuple(AtMost(distance, FAR) for distance in before)
        near = InUnits(self.units, self.near)
        whole, core = (
            regression(self.units.moments(table.moments(Where(Every(tests)))))
            for tests in (left, (*left, near))
        )
        distance = Distance(whole, core, noise(core, self.floor), left_within(NEAR))
        return self._replace(distance=distance)


class Table(NamedTuple):
    """Rows in standard units, and the regression on all of them."""

    units: Units
    block: Block
    rows: Block  # as they came
    total: float  # weight
    variance: float  # of the target
    floor: float  # of the noise variance
    whole: BayesianRegression

    @classmethod
    def of(cls, block: Block) -> "Table":
        """The table of some rows, in an order of its own: so none is searched first."""
        total = float(block.weight.sum())  # in the order of the table, so that it rounds alike
        listed = Listed.of(block.Z[:-1].T, block.y, block.weight)
        y, weight = listed.y, np.ones(len(listed.y)) if listed.weight is None else listed.weight
        rows = Block(0, by_columns(listed.X, y), weight)
        units = Units.of(rows)
        block = units.block(rows)
        variance = float(np.average((y - np.average(y, weights=weight)) ** 2, weights=weight))
        # Nothing is known of a target more finely than its lattice, and of none to the last digit.
        floor = max(1e-4 * variance, _step(y) ** 2 / 12.0, 1e-300)
        whole = regression(moments_of(block.Z, weight))
        return cls(units, block, rows, total, variance, floor, whole)

    def without(self, rejected: Mask) -> "Table":
        """The table of the other rows, in units of its own."""
        return self.of(of_rows(self.rows, np.flatnonzero(~rejected)))

    def starts(self) -> list[Mask]:
        """Rows with a target at neither end of the range; at one end at most, if many are there."""
        y, starts = self.block.y, [self.middle()]
        for end, start in ((y.min(), y < y.max()), (y.max(), y > y.min())):
            if self._share(y == end) >= FEW and self._share(start) >= 0.2:
                starts.append(start)
        return starts

    def middle(self) -> Mask:
        """Rows with a target between the ends of the range; all, where they are too few."""
        y = self.block.y
        inside = (y > y.min()) & (y < y.max())
        return inside if self._share(inside) >= 0.4 else np.ones_like(inside)

    def near(self, block: Block):
        """The share of the rows that are nearest to a regression on these ones."""
        model = regression(moments_of(self.units.block(block).Z, block.weight))
        variance = 1.0 + leverage(self.block, model)
        distance = np.abs(residual(self.block, model)) / np.sqrt(variance)
        return lambda share: distance <= self._quantile(distance, share)

    def search(self, start: Mask, share: float, steps: int = READMISSIONS) -> Found:
        """Concentrates from a start, takes rows back, and finds who pulled."""
        mask, truncated = self._readmit(self._concentrate(start, share), steps)
        core = self._regression(mask)
        distance = Distance(self.whole, core, noise(core, self.floor), truncated)
        near = self._near(core, mask, truncated)
        rejected = between(distance, self.block, FAR, FAR) > FAR
        judged = *self.effect(rejected), self.ends(rejected)
        return Found(self.units, self.floor, distance, near, rejected, *judged)

    def _near(self, model: BayesianRegression, mask: Mask, truncated: float) -> Near:
        """Rows near a model of some rows; nine in ten of those, left out, reach far enough."""
        doubt = leverage(self.block, model)[mask]
        doubt /= np.maximum(1.0 - doubt, 0.05)
        weights = self.block.weight[mask]
        reach = float(np.quantile(doubt, REACH, weights=weights, method="inverted_cdf"))
        return Near(model, noise(model, self.floor) / truncated, reach)

    def _concentrate(self, mask: Mask, share: float) -> Mask:
        """Alternates a fit and the share of the rows nearest to it, each as if left out of it."""
        for _ in range(CONCENTRATIONS):
            model = self._regression(mask)
            doubt = leverage(self.block, model)
            variance = np.where(mask, np.maximum(1.0 - doubt, 0.05), 1.0 + doubt)
            distance = residual(self.block, model) ** 2 / variance
            previous, mask = mask, distance <= self._quantile(distance, share)
            if np.array_equal(previous, mask):
                break
        return mask

    def _readmit(self, mask: Mask, steps: int) -> tuple[Mask, float]:
        """Takes back what lies near; gives that and the share of the variance in it."""
        share = self._share(mask)
        truncated = left_within(float(ndtri((1.0 + share) / 2.0))) if share < 1 else 1.0
        for _ in range(steps):
            model = self._regression(mask)
            near = self._near(model, mask, truncated)(self.block)
            if self._share(near) < 0.2:
                break  # a fit through a few rows
            truncated, previous, mask = left_within(NEAR), mask, near
            if np.array_equal(previous, mask):
                break
        return mask, truncated

    def effect(self, rejected: Mask) -> tuple[float, float]:
        """How far the model moves without some rows, and the variance about it then.

        Both are shares of the variance of the target.
        """
        if not rejected.any() or rejected.all() or not self.variance > 0:
            return 0.0, 1.0
        after = residual(self.block, self._regression(~rejected))
        squares = (after - residual(self.block, self.whole)) ** 2, after**2
        kept = self.block.weight * ~rejected
        moved, left = (float(np.average(square, weights=kept)) for square in squares)
        return moved / self.variance, max(left, self.floor) / self.variance

    def ends(self, rejected: Mask) -> float:
        """Share of the rejected targets near an end of the range, less that of the others."""
        if not rejected.any() or rejected.all():
            return 0.0
        y, weight = self.block.y, self.block.weight
        margin = END * (y.max() - y.min())
        at_end = (y <= y.min() + margin) | (y >= y.max() - margin)
        rates = [np.average(at_end, weights=weight * rows) for rows in (rejected, ~rejected)]
        return float(rates[0] - rates[1])

    def _regression(self, mask: Mask) -> BayesianRegression:
        return regression(moments_of(self.block.Z, self.block.weight * mask))

    def _share(self, mask: Mask) -> float:
        return float(np.average(mask, weights=self.block.weight))

    def _quantile(self, values: Column, share: float) -> float:
        weights = self.block.weight
        return float(np.quantile(values, share, weights=weights, method="inverted_cdf"))


def noise(model: BayesianRegression, floor: float) -> float:
    """Variance of the noise about a model, as far as it can be known."""
    return max(1.0 / model.noise_precision, floor)


def regression(moments: Moments) -> BayesianRegression:
    """A regression on the way of a search, not its result: precise to a hundredth of a penalty."""
    return BayesianRegression.of(moments, max_iter=50, tol=1e-2)


def _step(y: Column) -> float:
    """Spacing of the lattice that the targets lie on, or 0."""
    values = np.unique(y)
    if not 2 <= len(values) <= len(y) / 2:
        return 0.0
    step = float(np.diff(values).min())
    places = (values - values[0]) / step
    return step if np.abs(places - np.round(places)).max() < 1e-6 else 0.0
