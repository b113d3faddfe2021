"""Blocks of rows by columns, and what is computed on them alike wherever they lie."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from threadpoolctl import ThreadpoolController

from ..moments import Moments

TILE = 1 << 16
"""Numbers that are worked on at a time, so that they stay in the cache of a processor."""

Values = Float[np.ndarray, " n"]

_local = threading.local()


class Block(NamedTuple):
    """Rows of a table by columns: `Z` (d + 1, n), the target last, in C order; `weight` (n,)."""

    start: int
    Z: Float[np.ndarray, "k n"]
    weight: Values

    @property
    def y(self) -> Values:
        return self.Z[-1]


Kernel = Callable[[Block], Any]
"""What a pass computes of a block; must survive pickling, since it may run on another machine."""


@cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()  # it looks at all libraries of the process, which takes long


def one_thread() -> Any:
    """A context in which a BLAS has one thread: how many it has decides how it rounds."""
    return _threads().limit(limits=1, user_api="blas")


def by_columns(X: Float[np.ndarray, "n d"], y: Values) -> Float[np.ndarray, "k n"]:
    """Rows as the `Z` of a block, in C order whatever that of X: by it sums are rounded."""
    Z = np.empty((X.shape[1] + 1, len(y)))
    Z[:-1], Z[-1] = X.T, y
    return Z


@dataclass(frozen=True, eq=False)
class Listed:
    """Values that were computed before, one for each row of the table."""

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
    some = len(rows) < 0.75 * len(w)  # then leaving the others out is faster than weighing them 0
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
    """As many of `n` rows at a time as a cache holds, each with memory for them by `k` columns.

    It is always the same memory, until the thread asks for tiles again. It holds a multiple of
    `lanes` rows, and so more than there are at the end.
    """
    size = max(TILE // max(k, 1) // lanes, 1) * lanes
    memory = buffer("tile", k * min(size, -(-n // lanes) * lanes))
    for start in range(0, n, size):
        stop = min(start + size, n)
        width = -(-(stop - start) // lanes) * lanes
        yield slice(start, stop), memory[: k * width].reshape(k, width)


def buffer(use: str, size: int) -> Values:
    """Memory for so many numbers, the same for each use in a thread; nothing may keep it.

    To ask the system for new memory in each block would cost a tenth of a pass.
    """
    buffers = vars(_local)
    if use not in buffers or len(buffers[use]) < size:
        buffers[use] = np.empty(size)
    return buffers[use][:size]
