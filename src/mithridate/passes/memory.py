"""A table as the rules of defenses see it, pass by pass; and one whose arrays are in memory."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from ..moments import Moments
from ..tables.blocks import BLOCK
from .block import (
    Block,
    Kernel,
    Listed,
    MomentsOf,
    Values,
    by_columns,
    everything,
    moments_of,
    one_thread,
)
from .draws import spaced, thinning
from .fold import Each, Every, Fold, Merge
from .rows import lowest

SPAN = 1 << 21
"""Rows whose blocks are merged with each other first: what one worker of a cluster reads."""


class Candidates(NamedTuple):
    """The rows' weights under each verdict that a rule considers, and what else it asks a block.

    A rule can so decide and keep its decision in one pass. Each verdict keeps all rows that the one
    before it keeps.

    Parameters
    ----------
    weights : sequence of arrays, shape (n,)
        The weights of the rows under each verdict.
    rest : object
        What else it asks of a block.
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
        """Do one pass.

        Parameters
        ----------
        what : str
            The pass, in words, where progress is shown.
        fold : Fold
            What it computes.

        Returns
        -------
        object
            The result of all rows.
        """

    @abstractmethod
    def quantile(self, score: Kernel, share: float) -> float:
        """Find the least score with a share of the weight at or below it.

        Parameters
        ----------
        score : callable
            The scores of a block.
        share : float
            The share, in [0, 1].

        Returns
        -------
        float
            The score.
        """

    @abstractmethod
    def lowest(self, score: Kernel, contamination: float) -> Kernel:
        """Keep the rows with the lowest scores.

        Parameters
        ----------
        score : callable
            The scores of a block.
        contamination : float
            The share of the weight that is not kept.

        Returns
        -------
        callable
            The weights of the rows of a block, 0 for those that are not kept.
        """

    def once(self, kernel: Kernel) -> Kernel:
        """Compute what is asked for more than once, where there is room for it.

        Parameters
        ----------
        kernel : callable
            Computes a number for each row of a block.

        Returns
        -------
        callable
            The same numbers: computed already, or computed each time.
        """
        return kernel

    @abstractmethod
    def sample(self) -> Block:
        """The rows `spaced` over the table, as one block."""

    @abstractmethod
    def others(self) -> Block:
        """The rows of the second draw, as one block: as many again, none of them in the sample."""

    def moments(self, weights: Kernel) -> Moments:
        """Sum up the rows.

        Parameters
        ----------
        weights : callable
            How much each row of a block counts.

        Returns
        -------
        Moments
            Their moments.
        """
        return Moments(*self.reduce("moments", Fold(MomentsOf(weights), Moments.merge)))

    @abstractmethod
    def scan(self, what: str, kernel: Kernel, merge: Merge, *, moments: bool = False) -> Scan:
        """Do a pass that decides, and keeps what it decided.

        The verdicts are kept until the next scan: a `Verdict` may refer to one of them.

        Parameters
        ----------
        what : str
            The pass, in words.
        kernel : callable
            Gives the `Candidates` of a block.
        merge : callable
            Merges the rest of some blocks with that of the blocks that follow.
        moments : bool, default False
            Whether moments of the rows that each verdict keeps are wanted.

        Returns
        -------
        Scan
            The rest of all rows, and the moments.
        """

    @property
    @abstractmethod
    def box(self) -> tuple[Values, Values]:
        """Bounds (d,) between which all features lie, at least from 0 to 1."""


class Verdict(NamedTuple):
    """What a rule decides on every row of a table.

    `candidate` is the place of `keep` among the verdicts of the rule's last `Passes.scan`, if it is
    one of them. `judge` gives, where a rule has it, five values for each row, (5, n): its score,
    what is expected of its target, between which ends, and the kind of finding. Rows that are
    `spared` are kept although the candidate rejects them.

    Parameters
    ----------
    score : callable
        The scores of a block.
    keep : callable
        The weights of the rows of a block that are kept.
    candidate : int, optional
        The place of `keep` among the verdicts of the last `Passes.scan`, if it is one of them.
    judge : callable, optional
        Five values for each row, (5, n): its score, what is expected of its target, between which
        ends, and the kind of finding.
    spared : Block, optional
        Rows that are kept although the candidate rejects them.
    """

    score: Kernel
    keep: Kernel
    candidate: int | None = None
    judge: Kernel | None = None
    spared: Block | None = None

    def values(self, block: Block) -> np.ndarray:
        """Compute all that the verdict gives for the rows of a block.

        Parameters
        ----------
        block : Block
            The rows.

        Returns
        -------
        array, shape (5, n) or (1, n)
            What `judge` gives, or else the scores alone.
        """
        return self.score(block)[None] if self.judge is None else self.judge(block)


class InMemory(Passes):
    """A table whose arrays are in memory; of at most `BLOCK` rows they are one block.

    Parameters
    ----------
    X : array, shape (n, d)
        The features.
    y : array, shape (n,)
        The target.
    weight : array, shape (n,), optional
        How much each row counts; None: each once.
    blanks : array of bool, shape (n, d), optional
        Which features had no value before they were filled.
    """

    def __init__(
        self,
        X: Float[np.ndarray, "n d"],
        y: Values,
        weight: Values | None,
        blanks: Bool[np.ndarray, "n d"] | None = None,
    ):
        self.weight = np.ones(len(y)) if weight is None else weight
        self.total = float(self.weight.sum())
        parts = [slice(start, start + BLOCK) for start in range(0, len(y), BLOCK)]
        self.blocks = [
            Block(
                part.start,
                by_columns(X[part], y[part]),
                self.weight[part],
                None if blanks is None else blanks[part].T,
            )
            for part in parts
        ]

    def reduce(self, what: str, fold: Fold) -> Any:
        size = SPAN // BLOCK
        spans = (self.blocks[i : i + size] for i in range(0, len(self.blocks), size))
        with one_thread():
            return reduce(fold.merge, map(fold.over, spans))

    def scan(self, what: str, kernel: Kernel, merge: Merge, *, moments: bool = False) -> Scan:
        both = Each((merge, Every(Moments.merge)))
        return Scan(*self.reduce(what, Fold(_Scanned(kernel, moments), both)))

    def moments(self, weights: Kernel) -> Moments:
        return self.every if weights is everything else super().moments(weights)

    @cached_property
    def every(self) -> Moments:
        """Moments of all rows."""
        return super().moments(everything)

    @cached_property
    def box(self) -> tuple[Values, Values]:
        low, high = (
            reduce(extreme, (extreme.reduce(block.Z[:-1], axis=1) for block in self.blocks))
            for extreme in (np.minimum, np.maximum)
        )
        return np.minimum(low, 0.0), np.maximum(high, 1.0)

    def values(self, kernel: Kernel) -> np.ndarray:
        """Compute something of each row.

        Parameters
        ----------
        kernel : callable
            Computes it of a block, the rows last.

        Returns
        -------
        array, shape (…, n)
            What it gave.
        """
        with one_thread():
            return np.concatenate([kernel(block) for block in self.blocks], axis=-1)

    def once(self, kernel: Kernel) -> Kernel:
        return Listed(self.values(kernel))

    def sample(self) -> Block:
        return self._drawn(0)

    def others(self) -> Block:
        return self._drawn(1)

    def _drawn(self, draw: int) -> Block:
        n, width = len(self.weight), len(self.blocks[0].Z)
        thin = thinning(n, width)
        rows = [spaced(n, b.start, b.start + len(b.weight), draw, thin) for b in self.blocks]
        every = np.concatenate(rows)
        Z, at, blank = np.empty((width, len(every))), 0, []
        for block, own in zip(self.blocks, rows, strict=True):
            Z[:, at : at + len(own)] = block.Z[:, own - block.start]
            at += len(own)
            if block.blank is not None:
                blank.append(block.blank[:, own - block.start])
        gaps = np.concatenate(blank, axis=1) if blank else None
        return Block(0, Z, self.weight[every], gaps, every)

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
