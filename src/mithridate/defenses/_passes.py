"""A table that is read from front to back, pass by pass: all that a linear rule may ask of it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from threadpoolctl import ThreadpoolController

from ..bayes import BayesianRegression
from ..moments import Moments
from ._rows import lowest

BLOCK = 1 << 14
"""Rows of a block. A table is cut here and nowhere else, in whichever parts it is stored: so sums
are rounded alike, and a streamed table gives the bits of one in memory."""
SPAN = 1 << 21
"""Rows whose blocks are merged before they are merged with others: what one worker reads."""

Values = Float[np.ndarray, " n"]


class Block(NamedTuple):
    """Consecutive rows of a table by columns: `Z` (d + 1, n), the target last; `weight` (n,)."""

    start: int
    Z: Float[np.ndarray, "k n"]
    weight: Values

    @property
    def y(self) -> Values:
        return self.Z[-1]


Kernel = Callable[[Block], Any]  # must survive pickling: it may run on another machine


class Passes(ABC):
    """A table of `total` weight, seen through passes that reduce its blocks to something small."""

    total: float

    @abstractmethod
    def reduce(self, what: str, kernel: Kernel, merge: Callable[[Any, Any], Any]) -> Any:
        """Merges what the kernel makes of each block, in order; `what` is told to who waits."""

    @abstractmethod
    def quantile(self, score: Kernel, share: float) -> float:
        """The least score with `share` of the weight at or below it."""

    @abstractmethod
    def lowest(self, score: Kernel, contamination: float) -> Kernel:
        """Weights of rows when the lowest scores fill `1 - contamination` of the weight."""

    def moments(self, weights: Kernel) -> Moments:
        """Moments of the rows, each counted with its weight."""
        return Moments(*self.reduce("moments", MomentsOf(weights), Moments.merge))

    def tally(self, test: Kernel) -> tuple[int, float]:
        """How many rows pass a test, and their weight."""
        count, weight = self.reduce("counts", Tally(test), add)
        return int(count), float(weight)


def folded(
    blocks: Iterable[Any], kernel: Callable[[Any], Any], merge: Callable[[Any, Any], Any]
) -> Any:
    """What a kernel makes of blocks, merged from the first to the last."""
    return reduce(merge, map(kernel, blocks))


@cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()  # looks for all libraries of the process, so once


def one_thread() -> Any:
    """A context in which a BLAS has one thread: how many it has decides how it rounds."""
    return _threads().limit(limits=1, user_api="blas")


def add(one: Sequence[Any], other: Sequence[Any]) -> tuple[Any, ...]:
    """Sums item by item."""
    return tuple(a + b for a, b in zip(one, other, strict=True))


class InMemory(Passes):
    """Arrays in memory; of at most `BLOCK` rows they are one block."""

    def __init__(self, X: Float[np.ndarray, "n d"], y: Values, weight: Values | None):
        self.weight = np.ones(len(y)) if weight is None else weight
        self.total = float(self.weight.sum())
        parts = [slice(start, start + BLOCK) for start in range(0, len(y), BLOCK)]
        self.blocks = [Block(p.start, _by_columns(X[p], y[p]), self.weight[p]) for p in parts]

    def reduce(self, what: str, kernel: Kernel, merge: Callable[[Any, Any], Any]) -> Any:
        size = SPAN // BLOCK
        spans = (self.blocks[i : i + size] for i in range(0, len(self.blocks), size))
        with one_thread():
            return reduce(merge, (folded(span, kernel, merge) for span in spans))

    def values(self, kernel: Kernel) -> np.ndarray:
        """What the kernel says of each row."""
        with one_thread():
            return np.concatenate([kernel(block) for block in self.blocks])

    def quantile(self, score: Kernel, share: float) -> float:
        values = self.values(score)
        return float(np.quantile(values, share, weights=self.weight, method="inverted_cdf"))

    def lowest(self, score: Kernel, contamination: float) -> Kernel:
        return Listed(lowest(self.values(score), self.weight, contamination))


def _by_columns(X: Float[np.ndarray, "n d"], y: Values) -> Float[np.ndarray, "k n"]:
    # In C order whatever that of X: sums are rounded by how the numbers lie in memory.
    Z = np.empty((X.shape[1] + 1, len(y)))
    Z[:-1], Z[-1] = X.T, y
    return Z


@dataclass(frozen=True, eq=False)
class Listed:
    """Values that are there already, one for each row of the table."""

    values: Values

    def __call__(self, block: Block) -> Values:
        return self.values[block.start : block.start + len(block.weight)]


def everything(block: Block) -> Values:
    """All rows, with the weights that they came with."""
    return block.weight


@dataclass(frozen=True, eq=False)
class AtMost:
    """Which rows have a score of at most `cut`."""

    score: Kernel
    cut: float

    def __call__(self, block: Block) -> np.ndarray:
        return self.score(block) <= self.cut


@dataclass(frozen=True, eq=False)
class Where:
    """The weights of rows that pass a test, 0 for the others."""

    test: Kernel

    def __call__(self, block: Block) -> Values:
        return block.weight * self.test(block)


@dataclass(frozen=True, eq=False)
class Tally:
    """How many rows pass a test, and their weight."""

    test: Kernel

    def __call__(self, block: Block) -> tuple[int, float]:
        passed = self.test(block)
        return int(np.count_nonzero(passed)), float(block.weight[passed].sum())


@dataclass(frozen=True, eq=False)
class MomentsOf:
    """Moments of a block, each row counted with its weight."""

    weights: Kernel

    def __call__(self, block: Block) -> Moments:
        return moments_of(block.Z, self.weights(block))


def moments_of(Z: Float[np.ndarray, "k n"], w: Values) -> Moments:
    """Moments of rows given by columns."""
    weight = w.sum()
    mean = np.einsum("ij,j->i", Z, w) / (weight if weight > 0 else 1.0)
    centered = Z - mean[:, None]
    if not (w == 1.0).all():
        centered *= np.sqrt(w)
    return Moments(weight, mean, centered @ centered.T)


@dataclass(frozen=True, eq=False)
class Residual:
    """Distances `|y - xb - c|` of targets from a linear model, in some unit."""

    coef: Float[np.ndarray, " d"]
    intercept: float
    unit: float = 1.0

    def __call__(self, block: Block) -> Values:
        return np.abs(block.y - predicted(block, self.coef, self.intercept)) / self.unit


@dataclass(frozen=True, eq=False)
class ZScore:
    """Distances of targets from a predictive mean, in predictive standard deviations."""

    model: BayesianRegression

    def __call__(self, block: Block) -> Values:
        variance = (1.0 + leverage(block, self.model)) / self.model.noise_precision
        return np.abs(residual(block, self.model)) / np.sqrt(variance)


def predicted(block: Block, coef: Float[np.ndarray, " d"], intercept: float) -> Values:
    """Predictions `xb + c`; equal rows have equal ones to the last bit."""
    return np.einsum("i,ij->j", coef, block.Z[:-1]) + intercept


def residual(block: Block, model: BayesianRegression) -> Values:
    """`y - μ(x)`."""
    return block.y - predicted(block, model.coef, model.intercept)


def leverage(block: Block, model: BayesianRegression) -> Values:
    """`BayesianRegression.leverage` of a block."""
    precision = model.noise_precision * model.eigenvalues + model.prior_precision
    turned = model.basis.T @ (block.Z[:-1] - model.center[:, None])
    turned *= turned
    doubt = np.einsum("i,ij->j", model.noise_precision / precision, turned)
    return 1.0 / model.weight + doubt


class Verdict(NamedTuple):
    """What a rule says of every row of a table: its score, and whether it is kept."""

    score: Kernel
    keep: Kernel
