"""A table as the rules of defenses see it, pass by pass; and one whose arrays are in memory."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from ..moments import Moments
from ..tables.blocks import BLOCK
from .block import Block, Kernel, Listed, MomentsOf, Values, by_columns, moments_of, one_thread
from .fold import Each, Every, Fold, Merge
from .rows import lowest

SPAN = 1 << 21
"""Rows whose blocks are merged with each other first: what one worker of a cluster reads."""

SAMPLE = 1 << 16
"""Rows of a sample at most."""


class Candidates(NamedTuple):
    """The rows' weights under each verdict that a rule considers, and what else it asks a block.

    A rule can so decide and keep its decision in one pass. Each verdict keeps all rows that the one
    before it keeps.
    """

    weights: Sequence[Values]
    rest: Any


class Scan(NamedTuple):
    """The rest of the candidates of a whole table; moments of the rows that each verdict keeps."""

    rest: Any
    kept: Sequence[Moments]  # empty where they were not asked for


class Passes(ABC):
    """A table of `total` weight that is read in passes, each of which gives something small."""

    total: float

    @abstractmethod
    def reduce(self, what: str, fold: Fold) -> Any:
        """The result of one pass; `what` names it where progress is shown."""

    @abstractmethod
    def quantile(self, score: Kernel, share: float) -> float:
        """The least score with `share` of the weight at or below it."""

    @abstractmethod
    def lowest(self, score: Kernel, contamination: float) -> Kernel:
        """Weights of rows when the lowest scores fill `1 - contamination` of the weight."""

    @abstractmethod
    def sample(self) -> Block:
        """The rows `spaced` over the table, as one block."""

    def moments(self, weights: Kernel) -> Moments:
        """Moments of the rows, each counted with its weight."""
        return Moments(*self.reduce("moments", Fold(MomentsOf(weights), Moments.merge)))

    @abstractmethod
    def scan(self, what: str, kernel: Kernel, merge: Merge, *, moments: bool = False) -> Scan:
        """The result of a pass whose kernel gives `Candidates`, of which `merge` merges the rest.

        The verdicts are kept until the next scan: a `Verdict` may refer to one of them.
        """

    @property
    @abstractmethod
    def box(self) -> tuple[Values, Values]:
        """Bounds (d,) between which all features lie, at least from 0 to 1."""


class Verdict(NamedTuple):
    """What a rule decides on every row of a table: its score, and whether it is kept.

    `candidate` is the place of `keep` among the verdicts of the rule's last `Passes.scan`, if it is
    one of them.
    """

    score: Kernel
    keep: Kernel
    candidate: int | None = None


def spaced(n: int, start: int = 0, stop: int | None = None) -> np.ndarray:
    """The rows from `start` to `stop` that the sample of `n` rows has, evenly spaced over all.

    >>> spaced(4), spaced(4, 1, 3), len(spaced(10**6))
    (array([0, 1, 2, 3]), array([1, 2]), 65536)
    """
    k = min(n, SAMPLE)
    stop = n if stop is None else stop
    first, last = (-(-edge * k // max(n, 1)) for edge in (start, stop))
    return np.arange(first, last) * n // max(k, 1)


class InMemory(Passes):
    """Arrays in memory; of at most `BLOCK` rows they are one block."""

    def __init__(self, X: Float[np.ndarray, "n d"], y: Values, weight: Values | None):
        self.weight = np.ones(len(y)) if weight is None else weight
        self.total = float(self.weight.sum())
        parts = [slice(start, start + BLOCK) for start in range(0, len(y), BLOCK)]
        self.blocks = [Block(p.start, by_columns(X[p], y[p]), self.weight[p]) for p in parts]

    def reduce(self, what: str, fold: Fold) -> Any:
        size = SPAN // BLOCK
        spans = (self.blocks[i : i + size] for i in range(0, len(self.blocks), size))
        with one_thread():
            return reduce(fold.merge, map(fold.over, spans))

    def scan(self, what: str, kernel: Kernel, merge: Merge, *, moments: bool = False) -> Scan:
        both = Each((merge, Every(Moments.merge)))
        return Scan(*self.reduce(what, Fold(_Scanned(kernel, moments), both)))

    @cached_property
    def box(self) -> tuple[Values, Values]:
        low, high = (
            reduce(extreme, (extreme.reduce(block.Z[:-1], axis=1) for block in self.blocks))
            for extreme in (np.minimum, np.maximum)
        )
        return np.minimum(low, 0.0), np.maximum(high, 1.0)

    def values(self, kernel: Kernel) -> np.ndarray:
        """What the kernel gives for each row."""
        with one_thread():
            return np.concatenate([kernel(block) for block in self.blocks])

    def sample(self) -> Block:
        rows = spaced(len(self.weight))
        Z, at = np.empty((len(self.blocks[0].Z), len(rows))), 0
        for block in self.blocks:
            mine = spaced(len(self.weight), block.start, block.start + len(block.weight))
            Z[:, at : at + len(mine)] = block.Z[:, mine - block.start]
            at += len(mine)
        return Block(0, Z, self.weight[rows])

    def quantile(self, score: Kernel, share: float) -> float:
        values = self.values(score)
        return float(np.quantile(values, share, weights=self.weight, method="inverted_cdf"))

    def lowest(self, score: Kernel, contamination: float) -> Kernel:
        return Listed(lowest(self.values(score), self.weight, contamination))


@dataclass(frozen=True, eq=False)
class _Scanned:
    """The rest of the candidates of a block, and moments of the rows that each keeps, if asked."""

    kernel: Kernel
    moments: bool

    def __call__(self, block: Block) -> tuple[Any, list[Moments]]:
        weights, rest = self.kernel(block)
        return rest, [moments_of(block.Z, w) for w in weights] if self.moments else []
