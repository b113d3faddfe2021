"""Blocks of rows by columns, and what is computed on them alike wherever they lie."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, reduce
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from threadpoolctl import ThreadpoolController

from ..moments import Moments
from ..tables.blocks import BLOCK

TILE = 1 << 16
"""Numbers that are worked on at a time, so that they stay in the cache of a processor."""

TURNED = 512
"""Rows that become columns at a time: a third less time than all at once."""

Values = Float[np.ndarray, " n"]

_local = threading.local()


class Block(NamedTuple):
    """Rows of a table by columns.

    `blank` says which features had no value before they were filled; None: all had one. `numbers`
    are those of the rows in the table, from 0, where they do not follow each other.

    Parameters
    ----------
    start : int
        The number of the first row in the table, from 0.
    Z : array, shape (k, n)
        The columns, the target last, in C order.
    weight : Values
        How much each row counts.
    blank : array of bool, shape (d, n), optional
        Which features had no value before they were filled; None: all had one.
    numbers : array of int, shape (n,), optional
        The numbers of the rows in the table, from 0, where they do not follow each other.
    """

    start: int
    Z: Float[np.ndarray, "k n"]
    weight: Values
    blank: Bool[np.ndarray, "d n"] | None = None
    numbers: Int[np.ndarray, " n"] | None = None

    @property
    def y(self) -> Values:
        return self.Z[-1]

    @property
    def X(self) -> Float[np.ndarray, "n d"]:
        """The features, row by row."""
        return np.ascontiguousarray(self.Z[:-1].T)

    @property
    def rows(self) -> Int[np.ndarray, " n"]:
        """The numbers of the rows in the table, from 0."""
        if self.numbers is None:
            return self.start + np.arange(len(self.weight))
        return self.numbers


Kernel = Callable[[Block], Any]
"""What a pass computes of a block; must survive pickling, since it may run on another machine."""


@cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()  # made once, since it searches all libraries of the process


def one_thread() -> Any:
    """Limit a BLAS to one thread: how many it has decides how it rounds.

    Returns
    -------
    context manager
        While it is open, so it is.
    """
    return _ONE_THREAD


class _OneThread(threading.local):
    """The limit; only the outermost block of a thread sets it, which takes as long as a small fit.

    A defense enters once, and then again in each of its passes.
    """

    depth = 0
    limit: Any = None

    def __enter__(self) -> None:
        if self.depth == 0:
            self.limit = _threads().limit(limits=1, user_api="blas")
            self.limit.__enter__()
        self.depth += 1

    def __exit__(self, *error: object) -> None:
        self.depth = max(self.depth - 1, 0)  # a generator may be closed in another thread
        if self.depth == 0 and self.limit is not None:
            limit, self.limit = self.limit, None
            limit.__exit__(*error)


_ONE_THREAD = _OneThread()


def no_other_threads() -> Any:
    """Limit all that has threads to one, for one of several threads that compute at a time.

    Returns
    -------
    context manager
        While it is open, so it is.
    """
    return _threads().limit(limits=1)


def by_columns(X: Float[np.ndarray, "n d"], y: Values) -> Float[np.ndarray, "k n"]:
    """Turn rows into the `Z` of a block, in C order whatever that of X: by it sums are rounded.

    Parameters
    ----------
    X : array, shape (n, d)
        The features.
    y : array, shape (n,)
        The target.

    Returns
    -------
    array, shape (k, n)
        The columns, the target last.
    """
    Z = np.empty((X.shape[1] + 1, len(y)))
    for start in range(0, len(y), TURNED):
        part = slice(start, start + TURNED)
        Z[:-1, part] = X[part].T
    Z[-1] = y
    return Z


@dataclass(frozen=True, eq=False)
class Listed:
    """Values that were computed before for each row of the table.

    Parameters
    ----------
    values : array, shape (…, n)
        The values.
    """

    values: np.ndarray

    def __call__(self, block: Block) -> np.ndarray:
        if block.numbers is not None:
            return self.values[..., block.numbers]
        return self.values[..., block.start : block.start + len(block.weight)]


def everything(block: Block) -> Values:
    """Count all rows, with the weights that they came with.

    Parameters
    ----------
    block : Block
        The rows.

    Returns
    -------
    array, shape (n,)
        Their weights.
    """
    return block.weight


@dataclass(frozen=True, eq=False)
class Where:
    """The weights of rows that pass a test, 0 for the others.

    Parameters
    ----------
    test : callable
        Tells which rows of a block pass.
    """

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
    """Sum up rows given by columns.

    Parameters
    ----------
    Z : array, shape (k, n)
        The columns, the target last.
    w : array, shape (n,)
        How much each row counts.

    Returns
    -------
    Moments
        Their moments.
    """
    weight, alike = w.sum(), bool((w == 1.0).all())
    mean = (Z.sum(axis=1) if alike else Z @ w) / (weight if weight > 0 else 1.0)
    rows = np.flatnonzero(w)
    few = len(rows) < 0.75 * len(w)  # then leaving the others out is faster than weighing them 0
    if few:
        w, alike = w[rows], bool((w[rows] == 1.0).all())
    scatter = np.zeros((len(Z), len(Z)))
    for tile, part in tiles(len(Z), len(w)):
        chosen = np.take(Z, rows[tile], axis=1, out=part, mode="clip") if few else Z[:, tile]
        np.subtract(chosen, mean[:, None], out=part)
        if not alike:
            np.multiply(part, np.sqrt(w[tile]), out=part)
        scatter += part @ part.T
    return Moments(weight, mean, scatter)


def moments_of_rows(X: Float[np.ndarray, "n d"], y: Values, w: Values) -> Moments:
    """Sum up rows given by rows, a block at a time.

    Parameters
    ----------
    X : array, shape (n, d)
        The features.
    y : array, shape (n,)
        The target.
    w : array, shape (n,)
        How much each row counts.

    Returns
    -------
    Moments
        Their moments.
    """
    parts = (slice(start, start + BLOCK) for start in range(0, len(y), BLOCK))
    return reduce(Moments.merge, (moments_of(by_columns(X[p], y[p]), w[p]) for p in parts))


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
    """Lend memory for so many numbers, the same for each use in a thread; nothing may keep it.

    To ask the system for new memory in each block would cost a tenth of a pass.

    Parameters
    ----------
    use : str
        What it is for.
    size : int
        How many numbers.

    Returns
    -------
    array, shape (size,)
        The memory, with whatever it holds.
    """
    buffers = vars(_local)
    if use not in buffers or len(buffers[use]) < size:
        buffers[use] = np.empty(size)
    return buffers[use][:size]
