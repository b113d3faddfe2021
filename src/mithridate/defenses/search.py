"""The search of Antidote: a model that half of the rows agree on, and the rows that pulled."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, sqrt
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import ndtri

from ..bayes import BayesianRegression
from ..moments import Moments
from ..passes.block import Block, Kernel, Where, by_columns, moments_of
from ..passes.memory import Passes
from ..passes.rows import OrderedTable
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
from .chance import truncated_variance
from .fits import Fits, regression
from .weights import quantile

CORE_SHARE = 0.5  # of the rows, on which the first model rests: poison is taken to be fewer
NEAR_SIGMAS = 2.25  # rows nearer to the model are taken back into it
FAR_SIGMAS = 3.0  # rows farther from the model may be rejected
START_SHARE = 0.01  # of the rows at an end of the range, for another start without that end
END_MARGIN = 0.02  # of the range of the targets: those nearer to an end of it count as at the end
REACH_SHARE = 0.9  # of the rows of the model: the leverage that these reach excuses a distance
MAX_CONCENTRATIONS = 20  # steps towards the core; fewer where nothing moves any more
ALIKE = 0.1  # of the rows: a start that comes so near to where another ended ends there too
MAX_READMISSIONS = 5  # times that rows are taken back: without end, this drifts to the poison


class StandardUnits(NamedTuple):
    """Standard units of the features: `(x - center) / scale`; constant ones become 0."""

    center: Float[np.ndarray, " d"]
    scale: Float[np.ndarray, " d"]

    @classmethod
    def of(cls, block: Block) -> "StandardUnits":
        Z, weight = block.Z[:-1], block.weight
        center = np.average(Z, axis=1, weights=weight)
        scale = np.sqrt(np.average((Z - center[:, None]) ** 2, axis=1, weights=weight))
        # A column that differs by rounding alone is constant.
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

    units: StandardUnits
    kernel: Kernel

    def __call__(self, block: Block) -> Column:
        return self.kernel(self.units.block(block))

    def between(self, block: Block, low: float, high: float) -> Column:
        return between(self.kernel, self.units.block(block), low, high)


@dataclass(frozen=True, eq=False)
class CoreDistance(Bounded):
    """Distances of rows from `core`, in σ; at most `FAR_SIGMAS` for rows that did not pull `whole`.

    `noise` is the variance about the rows that the model rests on, a share `truncated` of that
    about all clean rows. Distances beyond `outlier_cut` are given whether or not the row pulled.
    """

    whole: BayesianRegression
    core: BayesianRegression
    noise: float
    truncated: float
    outlier_cut: float = inf

    def __call__(self, block: Block) -> Column:
        off, h = residual(block, self.core), leverage(block, self.core)
        scores = np.abs(off) / np.sqrt((1.0 + h) * self.noise / self.truncated)
        shift = predicted(block, self.whole.coef, self.whole.intercept)
        shift -= predicted(block, self.core.coef, self.core.intercept)
        pulled = np.sign(off) * shift > -np.sqrt(self.noise * h)
        return np.where(
            pulled | (scores > self.outlier_cut), scores, np.minimum(scores, FAR_SIGMAS)
        )

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
        near = size <= NEAR_SIGMAS * sigma
        farthest = NEAR_SIGMAS * sigma * sqrt(1.0 + self.reach) * (1.0 + SLACK)
        rows = np.flatnonzero(~near & (size <= farthest))
        if len(rows):
            h = np.minimum(leverage(of_rows(block, rows), self.model), self.reach)
            near[rows] = size[rows] <= NEAR_SIGMAS * np.sqrt((1.0 + h) * self.variance)
        return near


@dataclass(frozen=True, eq=False)
class Farthest(Score):
    """The largest of the distances that several kernels give a row."""

    distances: tuple[Kernel, ...]

    def __call__(self, block: Block) -> Column:
        return np.maximum.reduce([distance(block) for distance in self.distances])

    def between(self, block: Block, low: float, high: float) -> Column:
        return np.maximum.reduce([between(kernel, block, low, high) for kernel in self.distances])


@dataclass(frozen=True, eq=False)
class AllOf:
    """Which rows pass all tests; all rows, if there is no test."""

    tests: tuple[Kernel, ...]

    def __call__(self, block: Block) -> Mask:
        passed = np.ones(len(block.weight), dtype=bool)
        for test in self.tests:
            passed &= test(block)
        return passed


class Finding(NamedTuple):
    """What one search found: how far rows are, which are near, and what rejecting them changes.

    `effect` is how far the model moves without the rejected rows, `left` the variance about it
    then, both as shares of that of the target; `ends` is how much more often their targets lie at
    the ends of the range than those of the other rows do.
    """

    units: StandardUnits
    floor: float  # of the noise variance
    distance: CoreDistance
    near: Near
    rejected: Mask
    effect: float
    left: float
    ends: float

    @property
    def kernel(self) -> Kernel:
        """The distance of rows that are not in standard units yet."""
        return InUnits(self.units, self.distance)

    def of_all(self, table: Passes, before: tuple[Kernel, ...]) -> "Finding":
        """The same, from models of all rows of a table that `before` does not reject."""
        left = tuple(AtMost(distance, FAR_SIGMAS) for distance in before)
        near = InUnits(self.units, self.near)
        whole, core = (
            regression(self.units.moments(table.moments(Where(AllOf(tests)))))
            for tests in (left, (*left, near))
        )
        distance = CoreDistance(
            whole, core, noise(core, self.floor), truncated_variance(NEAR_SIGMAS)
        )
        return self._replace(distance=distance)


class SearchTable(NamedTuple):
    """Rows in standard units, and the regression on all of them."""

    units: StandardUnits
    block: Block
    rows: Block  # as they came
    total: float  # weight
    variance: float  # of the target
    floor: float  # of the noise variance
    whole: BayesianRegression
    fits: Fits

    @classmethod
    def of(cls, block: Block) -> "SearchTable":
        """The table of some rows, sorted, so that their order in the table does not matter."""
        total = float(block.weight.sum())  # in the order of the table, so that it rounds alike
        listed = OrderedTable.of(block.Z[:-1].T, block.y, block.weight)
        y, weight = listed.y, np.ones(len(listed.y)) if listed.weight is None else listed.weight
        rows = Block(0, by_columns(listed.X, y), weight)
        units = StandardUnits.of(rows)
        block = units.block(rows)
        variance = float(np.average((y - np.average(y, weights=weight)) ** 2, weights=weight))
        # A target is known no more precisely than its lattice, and never to the last digit.
        floor = max(1e-4 * variance, spacing(y) ** 2 / 12.0, 1e-300)
        fits = Fits(block)
        whole = fits.of(np.ones(len(weight), dtype=bool))
        return cls(units, block, rows, total, variance, floor, whole, fits)

    def without(self, rejected: Mask) -> "SearchTable":
        """The table of the other rows, in units of its own."""
        return self.of(of_rows(self.rows, np.flatnonzero(~rejected)))

    def starts(self) -> list[Mask]:
        """The sets of rows to start from: without both ends of the range, and without one of them.

        Those without one end count only where enough rows are at the other.
        """
        y, starts = self.block.y, [self.middle()]
        for end, start in ((y.min(), y < y.max()), (y.max(), y > y.min())):
            if self._share(y == end) >= START_SHARE and self._share(start) >= 0.2:
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
        return lambda share: distance <= quantile(distance, share, self.block.weight)

    def search(self, start: Mask, share: float, steps: int = MAX_READMISSIONS) -> Finding:
        """Concentrates from a start, takes rows back, and finds who pulled."""
        half = self._concentrated(start, share)
        assert half is not None  # there is no other end to come near to
        return self.finding(half, steps)

    def searches(self) -> Iterator[Finding]:
        """The findings from all starts; of starts that end alike, only that of the first."""
        ends: list[Mask] = []
        for start in self.starts():
            half = self._concentrated(start, CORE_SHARE, ends)
            if half is not None:
                ends.append(half)
                yield self.finding(half)

    def finding(self, half: Mask, steps: int = MAX_READMISSIONS) -> Finding:
        """Takes rows back to a half that was found, and finds who pulled."""
        mask, truncated = self._readmit(half, steps)
        core = self.fits.of(mask)
        distance = CoreDistance(self.whole, core, noise(core, self.floor), truncated)
        near = self._near(core, mask, truncated)
        rejected = between(distance, self.block, FAR_SIGMAS, FAR_SIGMAS) > FAR_SIGMAS
        effect, left = self.effect(rejected)
        ends = self.ends(rejected)
        return Finding(self.units, self.floor, distance, near, rejected, effect, left, ends)

    def _near(self, model: BayesianRegression, mask: Mask, truncated: float) -> Near:
        """The test for rows near a model; the leverage that nine in ten of its rows have counts."""
        h = leverage(self.block, model)[mask]
        h /= np.maximum(1.0 - h, 0.05)
        weights = self.block.weight[mask]
        reach = quantile(h, REACH_SHARE, weights)
        return Near(model, noise(model, self.floor) / truncated, reach)

    def _concentrated(self, mask: Mask, share: float, ends: Sequence[Mask] = ()) -> Mask | None:
        """Alternates a fit and the share of the rows nearest to it, each as if left out of it.

        None as soon as it comes near to one of the `ends` of earlier starts.
        """
        for _ in range(MAX_CONCENTRATIONS):
            if any(self._share(mask != end) <= ALIKE for end in ends):
                return None
            model = self.fits.of(mask)
            h = leverage(self.block, model)
            variance = np.where(mask, np.maximum(1.0 - h, 0.05), 1.0 + h)
            distance = residual(self.block, model) ** 2 / variance
            previous, mask = mask, distance <= quantile(distance, share, self.block.weight)
            if np.array_equal(previous, mask):
                break
        return mask

    def _readmit(self, mask: Mask, steps: int) -> tuple[Mask, float]:
        """Takes back the rows that lie near; gives these and the share of the variance in them."""
        share = self._share(mask)
        truncated = truncated_variance(float(ndtri((1.0 + share) / 2.0))) if share < 1 else 1.0
        for _ in range(steps):
            model = self.fits.of(mask)
            near = self._near(model, mask, truncated)(self.block)
            if self._share(near) < 0.2:
                break  # a fit through a few rows
            truncated, previous, mask = truncated_variance(NEAR_SIGMAS), mask, near
            if np.array_equal(previous, mask):
                break
        return mask, truncated

    def effect(self, rejected: Mask) -> tuple[float, float]:
        """How far the model moves without some rows, and the variance about it then.

        Both are shares of the variance of the target.
        """
        if not rejected.any() or rejected.all() or not self.variance > 0:
            return 0.0, 1.0
        after = residual(self.block, self.fits.of(~rejected))
        squares = (after - residual(self.block, self.whole)) ** 2, after**2
        kept = self.block.weight * ~rejected
        moved, left = (float(np.average(square, weights=kept)) for square in squares)
        return moved / self.variance, max(left, self.floor) / self.variance

    def ends(self, rejected: Mask) -> float:
        """Share of the rejected targets near an end of the range, less that of the others."""
        if not rejected.any() or rejected.all():
            return 0.0
        y, weight = self.block.y, self.block.weight
        margin = END_MARGIN * (y.max() - y.min())
        at_end = (y <= y.min() + margin) | (y >= y.max() - margin)
        rates = [np.average(at_end, weights=weight * rows) for rows in (rejected, ~rejected)]
        return float(rates[0] - rates[1])

    def _share(self, mask: Mask) -> float:
        return float(np.average(mask, weights=self.block.weight))


def noise(model: BayesianRegression, floor: float) -> float:
    """Variance of the noise about a model, as far as it can be known."""
    return max(1.0 / model.noise_precision, floor)


def spacing(y: Column) -> float:
    """Spacing of the lattice that the targets lie on, or 0."""
    values = np.unique(y)
    if not 2 <= len(values) <= len(y) / 2:
        return 0.0
    step = float(np.diff(values).min())
    places = (values - values[0]) / step
    return step if np.abs(places - np.round(places)).max() < 1e-6 else 0.0
