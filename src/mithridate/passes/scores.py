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
        """Compute scores, exact from `low` to `high` and elsewhere on the right side of both.

        Parameters
        ----------
        block : Block
            The rows.
        low : float
            The least score that is to be exact.
        high : float
            The largest.

        Returns
        -------
        array, shape (n,)
            The scores.
        """


class Bounded(Score):
    """A score between two bounds that are quick to compute."""

    @abstractmethod
    def bounds(self, block: Block) -> tuple[Values, Values]:
        """Bound the scores, rounding included.

        Parameters
        ----------
        block : Block
            The rows.

        Returns
        -------
        tuple of two arrays, shape (n,)
            Lower and upper bounds.
        """

    def between(self, block: Block, low: float, high: float) -> Values:
        least, most = self.bounds(block)
        undecided = (most >= low) & (least <= high)
        count = np.count_nonzero(undecided)
        if count > len(undecided) // 4:
            return self(block)
        scores = np.where(most < low, most, least)
        if count:
            rows = np.flatnonzero(undecided)
            scores[rows] = self(of_rows(block, rows))
        return scores


def between(score: Kernel, block: Block, low: float, high: float) -> Values:
    """Compute scores, exact from `low` to `high` and elsewhere on the right side of both.

    Parameters
    ----------
    score : callable
        The scores of a block, such as a `Score`.
    block : Block
        The rows.
    low : float
        The least score that is to be exact.
    high : float
        The largest.

    Returns
    -------
    array, shape (n,)
        The scores.
    """
    return score.between(block, low, high) if isinstance(score, Score) else score(block)


def of_rows(block: Block, rows: np.ndarray) -> Block:
    """Take some rows out of a block, as if it had no others.

    Parameters
    ----------
    block : Block
        The block.
    rows : array of int, shape (m,)
        Their places in it.

    Returns
    -------
    Block
        The rows.
    """
    return Block(block.start, np.take(block.Z, rows, axis=1), block.weight[rows])


@dataclass(frozen=True, eq=False)
class AtMost:
    """Tells which rows have a score of at most `cut`.

    Parameters
    ----------
    score : callable
        The scores of a block.
    cut : float
        The largest score that passes.
    """

    score: Kernel
    cut: float

    def __call__(self, block: Block) -> np.ndarray:
        return between(self.score, block, self.cut, self.cut) <= self.cut


@dataclass(frozen=True, eq=False)
class Within:
    """The verdicts that keep the rows with a score of at most each cut, from low to high.

    The rest is the number of rows within the first cut, and their weight.

    Parameters
    ----------
    score : callable
        The scores of a block.
    cuts : sequence of float
        The cuts, from low to high.
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
    """Distances `|y - xb - c|` of targets from a linear model, in some unit.

    Parameters
    ----------
    coef : array, shape (d,)
        The coefficients b.
    intercept : float
        The constant c.
    unit : float, default 1.0
        What the distances are divided by.
    """

    coef: Float[np.ndarray, " d"]
    intercept: float
    unit: float = 1.0

    def __call__(self, block: Block) -> Values:
        return np.abs(block.y - predicted(block, self.coef, self.intercept)) / self.unit


@dataclass(frozen=True, eq=False)
class ZScore(Bounded):
    """Distances of targets from a predictive mean, in predictive standard deviations.

    `most` is the largest leverage of any row.

    Parameters
    ----------
    model : BayesianRegression
        The model that predicts.
    most : float
        The largest leverage of any row.
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
    """Predict `xb + c`; equal rows have equal predictions to the last bit.

    Parameters
    ----------
    block : Block
        The rows.
    coef : array, shape (d,)
        The coefficients b.
    intercept : float
        The constant c.

    Returns
    -------
    array, shape (n,)
        The predictions.
    """
    Z = block.Z[:-1]
    if Z.shape[1] == 1:  # einsum sums a single row in another order
        return predicted(of_rows(block, np.array([0, 0])), coef, intercept)[:1]
    return np.einsum("i,ij->j", coef, Z) + intercept


def residual(block: Block, model: BayesianRegression) -> Values:
    """Subtract the predictive mean, `y - μ(x)`.

    Parameters
    ----------
    block : Block
        The rows.
    model : BayesianRegression
        The model that predicts.

    Returns
    -------
    array, shape (n,)
        The residuals.
    """
    return block.y - predicted(block, model.coef, model.intercept)


def leverage(block: Block, model: BayesianRegression) -> Values:
    """Compute `BayesianRegression.leverage`; of some rows of a block, to the last bit, the same.

    Parameters
    ----------
    block : Block
        The rows.
    model : BayesianRegression
        The model.

    Returns
    -------
    array, shape (n,)
        The leverages.
    """
    turn, values = _whitening(model), np.empty(len(block.weight))
    center = model.center[:, None]
    for tile, room in tiles(len(center), len(values), LANES):
        n = tile.stop - tile.start
        np.subtract(block.Z[:-1, tile], center, out=room[:, :n])
        room[:, n:] = 0.0
        turned = turn @ room
        values[tile] = np.einsum("ij,ij->j", turned, turned)[:n]
    return values + 1.0 / model.weight


def most_leverage(model: BayesianRegression, low: Values, high: Values) -> float:
    """Bound the leverage of all rows between two corners, rounding included.

    Parameters
    ----------
    model : BayesianRegression
        The model.
    low : array, shape (d,)
        One corner.
    high : array, shape (d,)
        The other.

    Returns
    -------
    float
        The bound.
    """
    reach = np.abs(_whitening(model)) @ np.maximum(model.center - low, high - model.center)
    return (1.0 / model.weight + float(reach @ reach)) * (1.0 + SLACK)


def _whitening(model: BayesianRegression) -> Float[np.ndarray, "d d"]:
    precision = model.noise_precision * model.eigenvalues + model.prior_precision
    return np.sqrt(model.noise_precision / precision)[:, None] * model.basis.T
