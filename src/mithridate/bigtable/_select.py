"""Order statistics of a column that no memory holds: exact, in two to four passes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

GATHERED = 1 << 20  # values that are kept and sorted
DIGITS = 16  # bits of a key that one pass counts
WORD = 64

Reduce = Callable[..., Any]


class Place(NamedTuple):
    """The value of a rank, how many values are below it, and how many equal it."""

    value: float
    below: int
    equal: int


def keys(values: np.ndarray) -> np.ndarray:
    """Numbers as unsigned integers in the same order; -0.0 is 0."""
    bits = (np.ascontiguousarray(values, dtype=np.float64) + 0.0).view(np.uint64)
    return np.where(bits >> np.uint64(63), ~bits, bits | np.uint64(1 << 63))


def numbers(bits: np.ndarray) -> np.ndarray:
    """The numbers that have these keys."""
    bits = np.asarray(bits, dtype=np.uint64)
    top = np.uint64(1 << 63)
    return np.where(bits & top, bits ^ top, ~bits).view(np.float64)


@dataclass(frozen=True, eq=False)
class _Counts:
    """How many values have each next digit, of those whose key begins with a prefix."""

    values: Callable[[Any], Sequence[np.ndarray]]  # of a block, an array for each question
    prefixes: Sequence[int]
    depth: int  # digits of the prefix

    def __call__(self, block: Any) -> list[np.ndarray]:
        return [self._of(v, p) for v, p in zip(self.values(block), self.prefixes, strict=True)]

    def _of(self, values: np.ndarray, prefix: int) -> np.ndarray:
        digits = keys(values) >> np.uint64(WORD - DIGITS * (self.depth + 1))
        if self.depth:
            digits = digits[digits >> np.uint64(DIGITS) == np.uint64(prefix)]
        digits = (digits & np.uint64((1 << DIGITS) - 1)).astype(np.int64)
        return np.bincount(digits, minlength=1 << DIGITS)


@dataclass(frozen=True, eq=False)
class _Gathered:
    """The values whose key begins with a prefix, a list of arrays for each question."""

    values: Callable[[Any], Sequence[np.ndarray]]
    prefixes: Sequence[int]
    depth: int

    def __call__(self, block: Any) -> list[list[np.ndarray]]:
        shift = np.uint64(WORD - DIGITS * self.depth)
        pairs = zip(self.values(block), self.prefixes, strict=True)
        return [[v[keys(v) >> shift == np.uint64(p)]] for v, p in pairs]


def _added(one: list[Any], other: list[Any]) -> list[Any]:
    for i, more in enumerate(other):
        one[i] += more
    return one


def places(
    reduce: Reduce, values: Callable[[Any], Sequence[np.ndarray]], ranks: Sequence[int]
) -> list[Place]:
    """The value at each rank, from 0, of the array that belongs to it.

    Counts the digits of the values' keys, the highest first, among values that agree in the digits
    before, until those left can be gathered or agree in all. `reduce(what, kernel, merge, finish)`
    is a pass over the table; nothing depends on the order of the rows.
    """
    k = len(ranks)
    prefixes, below, left = [0] * k, [0] * k, list(ranks)
    for depth in range(WORD // DIGITS):
        counts = reduce("order statistics", _Counts(values, prefixes, depth), _added, _sparse)
        sizes = [0] * k
        for i, (digits, counted) in enumerate(counts):
            ahead = np.cumsum(counted) - counted
            at = int(np.searchsorted(ahead, left[i], side="right")) - 1
            prefixes[i] = prefixes[i] << DIGITS | int(digits[at])
            below[i], left[i] = below[i] + int(ahead[at]), left[i] - int(ahead[at])
            sizes[i] = int(counted[at])
        if depth == WORD // DIGITS - 1:
            break
        if sum(sizes) <= GATHERED:

            def finish(found: list[list[np.ndarray]], left: list[int] = left) -> list[Any]:
                return [_at(np.concatenate(v), rank) for v, rank in zip(found, left, strict=True)]

            kernel = _Gathered(values, prefixes, depth + 1)
            found = reduce("order statistics", kernel, _added, finish)
            return [
                Place(v, b + ahead, same) for (v, ahead, same), b in zip(found, below, strict=True)
            ]
    return [
        Place(float(numbers(np.array(p))), b, n)
        for p, b, n in zip(prefixes, below, sizes, strict=True)
    ]


def _sparse(counts: list[np.ndarray]) -> list[Any]:
    return [(np.flatnonzero(c), c[np.flatnonzero(c)]) for c in counts]


def _at(values: np.ndarray, rank: int) -> tuple[float, int, int]:
    value = np.partition(values, rank)[rank]
    return float(value), int((values < value).sum()), int((values == value).sum())
