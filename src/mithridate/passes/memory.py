"""A table that is read from front to back, pass by pass: all that a linear rule may ask of it."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, reduce
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from threadpoolctl import ThreadpoolController

from ..moments import Moments
from ..tables.blocks import BLOCK
from .rows import lowest

SPAN = 1 << 21
"""Rows whose blocks are merged before they are merged with others: what one worker reads."""
TILE = 1 << 16
"""Numbers that are worked on at a time."""
SAMPLE = 1 << 16
"""Rows of a sample at most."""

Values = Float[np.ndarray, " n"]

_here = threading.local()


class Block(NamedTuple):
    """Rows of a table by columns: `Z` (d + 1, n), the target last, in C order; `weight` (n,)."""

    start: int
    Z: Float[np.ndarray, "k n"]
    weight: Values

    @property
    def y(self) -> Values:
        return self.Z[-1]


Kernel = Callable[[Block], Any]  # must survive pickling: it may run on another machine
Merge = Callable[[Any, Any], Any]


class Look(NamedTuple):
    """What a rule sees in a block: the rows' weights in each verdict it may come to, and the rest.

    Each verdict keeps the rows that the one before it keeps, and may be more.
    """

    weights: Sequence[Values]
    rest: Any


class Judged(NamedTuple):
    """What was seen in a table, and moments of the rows that its verdicts keep, if asked for."""

    rest: Any
    kept: Sequence[Moments]


class Passes(ABC):
    """A table of `total` weight, seen through passes that reduce its blocks to something small."""

    total: float

    @abstractmethod
    def reduce(self, what: str, kernel: Kernel, merge: Merge) -> Any:
        """Merges what the kernel makes of each block, in order; `what` is told to who waits."""

    @abstractmethod
    def quantile(self, score: Kernel, share: float) -> float:
        """The least score with `share` of the weight at or below it."""

    @abstractmethod
    def lowest(self, score: Kernel, contamination: float) -> Kernel:
        """Weights of rows when the lowest scores fill `1 - contamination` of the weight."""

    @abstractmethod
    def sample(self) -> Block:
        """The rows `spaced` over the table, beneath each other as if it had no others."""

    def moments(self, weights: Kernel) -> Moments:
        """Moments of the rows, each counted with its weight."""
        return Moments(*self.reduce("moments", MomentsOf(weights), Moments.merge))

    @abstractmethod
    def judge(self, what: str, look: Kernel, merge: Merge, *, moments: bool = False) -> Judged:
        """Merges the rest of the `Look` at each block; one of its verdicts may be the rule's."""

    @property
    @abstractmethod
    def box(self) -> tuple[Values, Values]:
        """Bounds (d,) of the features, at least from 0 to 1."""


def folded(blocks: Iterable[Any], kernel: Callable[[Any], Any], merge: Merge) -> Any:
    """What a kernel makes of blocks, merged from the first to the last."""
    return reduce(merge, map(kernel, blocks))


def spaced(n: int, start: int = 0, stop: int | None = None) -> np.ndarray:
    """The rows from `start` to `stop` that the sample of `n` rows has, evenly spaced over all.

    >>> spaced(4), spaced(4, 1, 3), len(spaced(10**6))
    (array([0, 1, 2, 3]), array([1, 2]), 65536)
    """
    k = min(n, SAMPLE)
    stop = n if stop is None else stop
    first, last = (-(-edge * k // max(n, 1)) for edge in (start, stop))
    return np.arange(first, last) * n // max(k, 1)


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
        self.blocks = [Block(p.start, by_columns(X[p], y[p]), self.weight[p]) for p in parts]

    def reduce(self, what: str, kernel: Kernel, merge: Merge) -> Any:
        size = SPAN // BLOCK
        spans = (self.blocks[i : i + size] for i in range(0, len(self.blocks), size))
        with one_thread():
            return reduce(merge, (folded(span, kernel, merge) for span in spans))

    def judge(self, what: str, look: Kernel, merge: Merge, *, moments: bool = False) -> Judged:
        return Judged(*self.reduce(what, Seen(look, moments), SeenTogether(merge)))

    @cached_property
    def box(self) -> tuple[Values, Values]:
        low, high = (
            reduce(extreme, (extreme.reduce(block.Z[:-1], axis=1) for block in self.blocks))
            for extreme in (np.minimum, np.maximum)
        )
        return np.minimum(low, 0.0), np.maximum(high, 1.0)

    def values(self, kernel: Kernel) -> np.ndarray:
        """What the kernel says of each row."""
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


def by_columns(X: Float[np.ndarray, "n d"], y: Values) -> Float[np.ndarray, "k n"]:
    """Rows as the `Z` of a block, in C order whatever that of X: by it sums are rounded."""
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
class Where:
    """The weights of rows that pass a test, 0 for the others."""

    test: Kernel

    def __call__(self, block: Block) -> Values:
        return block.weight * self.test(block)


@dataclass(frozen=True, eq=False)
class Seen:
    """The rest of a look at a block, and moments of the rows that each verdict keeps."""

    look: Kernel
    moments: bool

    def __call__(self, block: Block) -> tuple[Any, list[Moments]]:
        weights, rest = self.look(block)
        return rest, [moments_of(block.Z, w) for w in weights] if self.moments else []


@dataclass(frozen=True, eq=False)
class SeenTogether:
    """Merges what was `Seen` of rows and of those that follow them."""

    merge: Merge

    def __call__(self, one: Any, other: Any) -> tuple[Any, list[Moments]]:
        kept = [a.merge(b) for a, b in zip(one[1], other[1], strict=True)]
        return self.merge(one[0], other[0]), kept


@dataclass(frozen=True, eq=False)
class MomentsOf:
    """Moments of a block, each row counted with its weight."""

    weights: Kernel

    def __call__(self, block: Block) -> Moments:
        return moments_of(block.Z, self.weights(block))


def moments_of(Z: Float[np.ndarray, "k n"], w: Values) -> Moments:
    """Moments of rows given by columns."""
    weight, alike = w.sum(), bool((w == 1.0).all())
    mean = (Z.sum(axis=1) if alike else Z @ w) / (weight if weight > 0 else 1.0)
    rows = np.flatnonzero(w)
    some = len(rows) < 0.75 * len(w)  # it costs less to leave the others out than to count them 0
    if some:
        w, alike = w[rows], bool((w[rows] == 1.0).all())
    scatter = np.zeros((len(Z), len(Z)))
    for tile, part in tiles(len(Z), len(w)):
        chosen = np.take(Z, rows[tile], axis=1, out=part, mode="clip") if some else Z[:, tile]
        np.subtract(chosen, mean[:, None], out=part)
        if not alike:
            np.multiply(part, np.sqrt(w[tile]), out=part)
        scatter += part @ part.T
    return Moments(weight, mean, scatter)


def tiles(k: int, n: int, lanes: int = 1) -> Iterator[tuple[slice, Float[np.ndarray, "k m"]]]:
    """As many of `n` rows at a time as a cache holds, and room for them by `k` columns.

    The room is always the same, until the thread asks for tiles again. It is for a multiple of
    `lanes` rows, so for more than there are at the end.
    """
    size = max(TILE // max(k, 1) // lanes, 1) * lanes
    memory = room("tile", k * min(size, -(-n // lanes) * lanes))
    for start in range(0, n, size):
        stop = min(start + size, n)
        width = -(-(stop - start) // lanes) * lanes
        yield slice(start, stop), memory[: k * width].reshape(k, width)


def room(use: str, size: int) -> Values:
    """Memory for so many numbers that this thread has for a use; nothing may keep it.

    To ask the system for it in each block would cost a tenth of a pass.
    """
    rooms = vars(_here)
    if use not in rooms or len(rooms[use]) < size:
        rooms[use] = np.empty(size)
    return rooms[use][:size]


class Verdict(NamedTuple):
    """What a rule says of every row of a table: its score, and whether it is kept.

    `judged` is the place of `keep` among the verdicts of the rule's last `Passes.judge`, if it is
    one of them.
    """

    score: Kernel
    keep: Kernel
    judged: int | None = None
