"""Cuts and tests with a stated false-positive rate, for residuals over a robust scale."""

from dataclasses import dataclass, replace
from math import exp, pi, sqrt
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.special import betainc, ndtr, ndtri, stdtrit

from ..bayes import BayesianRegression
from ..passes.block import Block, Where
from ..passes.memory import Passes
from ..passes.scores import SLACK, AtMost, Bounded, leverage, most_leverage, residual

TEST_LEVEL = 0.025
"""Level of each of the two tests that a clean table must pass: 5 % together."""

_MEDIAN = float(ndtri(0.75))  # of |z|, z a unit Gaussian
_DENSITY = 2 * exp(-(_MEDIAN**2) / 2) / sqrt(2 * pi)  # of |z|, at its median
_EFFICIENCY = 2 * (_MEDIAN * _DENSITY) ** 2  # of a scale taken from the median: .37

Column = Float[np.ndarray, " n"]


@dataclass(frozen=True, eq=False)
class LeaveOneOut(Bounded):
    """Residuals of rows, each as if left out of the fit, in standard deviations.

    `most` is the largest leverage of any row.
    """

    model: BayesianRegression
    most: float

    def __call__(self, block: Block) -> Column:
        left = np.sqrt(_floored(1.0 - leverage(block, self.model)))
        return np.abs(residual(block, self.model)) / left

    def bounds(self, block: Block) -> tuple[Column, Column]:
        size = np.abs(residual(block, self.model))
        return size * (1.0 - SLACK), size * ((1.0 + SLACK) / _floored(1.0 - self.most) ** 0.5)


@dataclass(frozen=True, eq=False)
class SecondScore(Bounded):
    """Residuals under a regression on the rows that are `near`, in standard deviations × `unit`.

    `most` is the largest leverage of any row.
    """

    near: AtMost
    model: BayesianRegression
    most: float
    unit: float = 1.0

    def __call__(self, block: Block) -> Column:
        h = leverage(block, self.model)
        # Of a row in the fit the residual varies less than the noise, of another row more.
        variance = np.where(self.near(block), _floored(1.0 - h), 1.0 + h)
        size = np.abs(residual(block, self.model))
        return size * np.sqrt(self.model.noise_precision / variance) / self.unit

    def bounds(self, block: Block) -> tuple[Column, Column]:
        size = np.abs(residual(block, self.model))
        unit = self.model.noise_precision**0.5 / self.unit
        return (
            size * (unit * (1.0 - SLACK) / (1.0 + self.most) ** 0.5),
            size * (unit * (1.0 + SLACK) / _floored(1.0 - self.most) ** 0.5),
        )


def second_regression(table: Passes, first: BayesianRegression) -> SecondScore:
    """Sizes of all residuals, of unit Gaussian scale, under a regression on the nearer half.

    The nearer half are the rows that `first`, a regression on all rows, predicts best, each from
    the others: `|y - μ| / √(1 - h)` is the residual of a row left out of the fit, over its standard
    deviation. It is half of what is left after one row for each coefficient that they determine.
    """
    share = min(0.5 + (first.effective + 1.0) / (2.0 * first.weight), 1.0)
    distance = LeaveOneOut(first, most_leverage(first, *table.box))
    near = AtMost(distance, table.quantile(distance, share))
    second = BayesianRegression.of(table.moments(Where(near)))
    z = SecondScore(near, second, most_leverage(second, *table.box))
    # The nearer half understates the noise, by 2.6 in a Gaussian; where there is no noise only
    # rounding is left, and a smaller unit would magnify it.
    return replace(z, unit=max(table.quantile(z, 0.5) / _MEDIAN, 0.5))


def student_cut(rate: float, freedom: float) -> float:
    """The absolute value that a share `rate` of Gaussian residuals exceeds.

    Their scale was estimated from a median with `freedom` degrees of freedom. So they have the
    tails of Student's t with as many degrees as that median is worth.
    """
    return float(-stdtrit(_EFFICIENCY * max(freedom, 1.0), rate / 2.0))


def tail_probability(count: float, n: float, rate: float) -> float:
    """Probability that `count` or more of `n` clean rows lie beyond the cut of `rate`.

    Binomial, with both numbers divided by the variance of the count over that of a binomial one:
    the scale is the same for all rows, so they lie beyond a cut together.
    """
    c = float(-ndtri(rate / 2.0))
    slope = 2.0 * c * exp(-(c**2) / 2.0) / sqrt(2 * pi)  # of the share beyond c, in log scale
    own = rate * (1.0 - rate)
    joint = slope * rate / (_MEDIAN * _DENSITY)  # more beyond c are more beyond the median too
    inflation = (own + slope**2 / (2.0 * _EFFICIENCY) - joint) / own
    if count <= 0:
        return 1.0
    return float(betainc(count / inflation, (n - count) / inflation + 1.0, rate))


def truncated_variance(c: float) -> float:
    """Variance of a unit Gaussian that is truncated at ±c."""
    return 1.0 - 2.0 * c * exp(-(c**2) / 2.0) / sqrt(2.0 * pi) / (2.0 * float(ndtr(c)) - 1.0)


def _floored(variance: Any) -> Any:
    # Where the fit goes through a row whatever its target, its residual says nothing.
    return np.maximum(variance, 0.01)
