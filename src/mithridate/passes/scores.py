"""How far rows lie from a model, and which of them are within a cut."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ..bayes import BayesianRegression
from .block import Block, Kernel, Values, tiles
from .memory import Candidates

SLACK = 1e-9
"""By what share of itself rounding may falsify a bound."""

LANES = 192
"""A product with a matrix is made for a multiple of so many rows: a BLAS rounds those left over in
another way, and a leverage must not depend on the rows beside it."""


class Score(ABC):
    """A score that takes long to compute exactly, and that can be bounded quickly."""

    @abstractmethod
    def __call__(self, block: Block) -> Values:
        """The scores; a row has the same to the last bit, whatever other rows the block has."""

    @abstractmethod
    def between(self, block: Block, low: float, high: float) -> Values:
        """Scores that are exact from `low` to `high`; others are only on the right side of both."""


class Bounded(Score):
    """A score between two bounds that are quick to compute."""

    @abstractmethod
    def bounds(self, block: Block) -> tuple[Values, Values]:
        """Lower and upper bounds of the scores, rounding included."""

    def between(self, block: Block, low: float, high: float) -> Values:
        least, most = self.bounds(block)
        undecided = (most >= low) & (least <= high)
        count = np.count_nonzero(undecided)
        if count > len(undecided) // 4:
            return self(block)
        found = np.where(most < low, most, least)
        if count:
            rows = np.flatnonzero(undecided)
            found[rows] = self(of_rows(block, rows))
        return found


def between(score: Kernel, block: Block, low: float, high: float) -> Values:
    """Scores that are exact from `low` to `high`, and elsewhere on the right side of both."""
    return score.between(block, low, high) if isinstance(score, Score) else score(block)


def of_rows(block: Block, rows: np.ndarray) -> Block:
    """Some rows of a block, as if it had no others."""
    return Block(block.start, np.take(block.Z, rows, axis=1), block.weight[rows])


@dataclass(frozen=True, eq=False)
class AtMost:
    """Which rows have a score of at most `cut`."""

    score: Kernel
    cut: float

    def __call__(self, block: Block) -> np.ndarray:
        return between(self.score, block, self.cut, self.cut) <= self.cut


@dataclass(frozen=True, eq=False)
class Within:
    """The verdicts that keep the rows with a score of at most each cut, from low to high.

    The rest is the number of rows within the first cut, and their weight.
    """

    score: Kernel
    cuts: Sequence[float]

    def __call__(self, block: Block) -> Candidates:
        score = between(self.score, block, self.cuts[0], self.cuts[-1])
        masks = [score <= cut for cut in self.cuts]
        weights = [block.weight * mask for mask in masks]
        return Candidates(weights, (int(np.count_nonzero(masks[0])), float(weights[0].sum())))


@dataclass(frozen=True, eq=False)
class ResidualScore:
    """Distances `|y - xb - c|` of targets from a linear model, in some unit."""

    coef: Float[np.ndarray, " d"]
    intercept: float
    unit: float = 1.0

    def __call__(self, block: Block) -> Values:
        return np.abs(block.y - predicted(block, self.coef, self.intercept)) / self.unit


@dataclass(frozen=True, eq=False)
class ZScore(Bounded):
    """Distances of targets from a predictive mean, in predictive standard deviations.

    `most` is the largest leverage of any row.
    """

    model: BayesianRegression
    most: float

    def __call__(self, block: Block) -> Values:
        variance = (1.0 + leverage(block, self.model)) / self.model.noise_precision
        return np.abs(residual(block, self.model)) / np.sqrt(variance)

    def bounds(self, block: Block) -> tuple[Values, Values]:
        size = np.abs(residual(block, self.model)) * self.model.noise_precision**0.5
        return size * ((1.0 - SLACK) / (1.0 + self.most) ** 0.5), size * (1.0 + SLACK)


def predicted(block: Block, coef: Float[np.ndarray, " d"], intercept: float) -> Values:
    """Predictions `xb + c`; equal rows have equal ones to the last bit."""
    Z = block.Z[:-1]
    if Z.shape[1] == 1:  # einsum sums a single row in another order
        return predicted(of_rows(block, np.array([0, 0])), coef, intercept)[:1]
    return np.einsum("i,ij->j", coef, Z) + intercept


def residual(block: Block, model: BayesianRegression) -> Values:
    """`y - μ(x)`."""
    return block.y - predicted(block, model.coef, model.intercept)


def leverage(block: Block, model: BayesianRegression) -> Values:
    """`BayesianRegression.leverage` of a block; of some of its rows, to the last bit, the same."""
    turn, found = _whitening(model), np.empty(len(block.weight))
    center = model.center[:, None]
    for tile, room in tiles(len(center), len(found), LANES):
        n = tile.stop - tile.start
        np.subtract(block.Z[:-1, tile], center, out=room[:, :n])
        room[:, n:] = 0.0
        turned = turn @ room
        found[tile] = np.einsum("ij,ij->j", turned, turned)[:n]
    return found + 1.0 / model.weight


def most_leverage(model: BayesianRegression, low: Values, high: Values) -> float:
    """No row between two corners has a larger leverage, rounding included."""
    reach = np.abs(_whitening(model)) @ np.maximum(model.center - low, high - model.center)
    return (1.0 / model.weight + float(reach @ reach)) * (1.0 + SLACK)


def _whitening(model: BayesianRegression) -> Float[np.ndarray, "d d"]:
    precision = model.noise_precision * model.eigenvalues + model.prior_precision
    return np.sqrt(model.noise_precision / precision)[:, None] * model.basis.T
