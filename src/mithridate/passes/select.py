"""Exact order statistics of values that do not fit into memory, mostly in one pass by a sample."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .fold import Fold

GATHERED = 1 << 22  # values at most that are kept in memory and sorted
_BRACKET_ERRORS = 6.0  # half the width of a bracket, in standard errors of the sample's rank
MIN_BRACKET_ROWS = 32  # half the width of a bracket, at least, in rows of the sample
DIGITS = 16  # bits of a key that one pass counts
WORD = 64  # bits of a key

Reduce = Callable[..., Any]
Values = Callable[[Any, float, float], Sequence[np.ndarray]]
"""Arrays of a block, exact between two values, and elsewhere on the right side of them."""


class RankValue(NamedTuple):
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


class Ranks(NamedTuple):
    """Ranks, from 0, that are wanted of `n` values, and a sample of these, in any order."""

    ranks: Sequence[int]
    n: int
    sample: np.ndarray = np.empty(0)


class Bracket(NamedTuple):
    """Between which two values the wanted ones probably lie."""

    low: float
    high: float

    @classmethod
    def of(cls, wanted: Ranks, most: int) -> "Bracket | None":
        """None where more values than `most` are to be expected between the two."""
        values, k = np.sort(wanted.sample), len(wanted.sample)
        edges = []
        for rank, side in ((min(wanted.ranks), -1), (max(wanted.ranks), 1)):
            share = (rank + 0.5) / wanted.n
            room = max(_BRACKET_ERRORS * (k * share * (1.0 - share)) ** 0.5, MIN_BRACKET_ROWS)
            edges.append(round(k * share + side * room))
        low, high = edges
        ranks = cls(
            float(values[low]) if 0 <= low < k else -np.inf,
            float(values[high]) if 0 <= high < k else np.inf,
        )
        inside = ((values > ranks.low) & (values < ranks.high)).mean() if k else 1.0
        return ranks if inside * wanted.n <= most else None


@dataclass(frozen=True, eq=False)
class _Between:
    """How many values are below a bracket, at its low end, in it and at its high end; those in it.

    The ends are counted, not kept: where many values are equal, a bracket often ends there.
    """

    values: Values  # an array for each bracket
    brackets: Sequence[Bracket]

    def __call__(self, block: Any) -> list[Any]:
        low, high = min(b.low for b in self.brackets), max(b.high for b in self.brackets)
        values = self.values(block, low, high)
        return [self._of(v, b) for v, b in zip(values, self.brackets, strict=True)]

    def _of(self, values: np.ndarray, bracket: Bracket) -> tuple[np.ndarray, list[np.ndarray]]:
        from_low = values >= bracket.low
        near = values[from_low & (values <= bracket.high)]
        below = len(values) - np.count_nonzero(from_low)
        at_low, at_high = near == bracket.low, near == bracket.high
        inside = near[~(at_low | at_high)]
        high = np.count_nonzero(at_high) if bracket.high > bracket.low else 0
        return np.array([below, np.count_nonzero(at_low), len(inside), high]), [inside]


@dataclass(frozen=True, eq=False)
class _Joined:
    """Merges what `_Between` makes of rows; of more values than `most` only their number stays."""

    most: int

    def __call__(self, one: list[Any], other: list[Any]) -> list[Any]:
        both = zip(one, other, strict=True)
        return [self._of(a + b, first, second) for (a, first), (b, second) in both]

    def _of(self, counts: np.ndarray, first: list[Any], second: list[Any]) -> tuple[Any, list[Any]]:
        if counts[2] > self.most:
            first.clear()
        else:
            first.extend(second)
        return counts, first


@dataclass(frozen=True, eq=False)
class _Counts:
    """How many values have each next digit, of those whose key begins with a prefix."""

    values: Values  # an array for each question
    prefixes: Sequence[int]
    depth: int  # digits of the prefix

    def __call__(self, block: Any) -> list[np.ndarray]:
        values = self.values(block, -np.inf, np.inf)
        return [self._of(v, p) for v, p in zip(values, self.prefixes, strict=True)]

    def _of(self, values: np.ndarray, prefix: int) -> np.ndarray:
        digits = keys(values) >> np.uint64(WORD - DIGITS * (self.depth + 1))
        if self.depth:
            digits = digits[digits >> np.uint64(DIGITS) == np.uint64(prefix)]
        digits = (digits & np.uint64((1 << DIGITS) - 1)).astype(np.int64)
        return np.bincount(digits, minlength=1 << DIGITS)


@dataclass(frozen=True, eq=False)
class _Gathered:
    """The values whose key begins with a prefix, a list of arrays for each question."""

    values: Values
    prefixes: Sequence[int]
    depth: int

    def __call__(self, block: Any) -> list[list[np.ndarray]]:
        shift = np.uint64(WORD - DIGITS * self.depth)
        pairs = zip(self.values(block, -np.inf, np.inf), self.prefixes, strict=True)
        return [[v[keys(v) >> shift == np.uint64(p)]] for v, p in pairs]


def _added(one: list[Any], other: list[Any]) -> list[Any]:
    for i, more in enumerate(other):
        one[i] += more
    return one


@dataclass(frozen=True, eq=False)
class _AtPlaces:
    """The arrays of a block at some places; the same place may be given twice."""

    values: Values
    which: Sequence[int]

    def __call__(self, block: Any, low: float, high: float) -> list[np.ndarray]:
        arrays = self.values(block, low, high)
        return [arrays[i] for i in self.which]


def places(reduce: Reduce, values: Values, wanted: Sequence[Ranks]) -> list[list[RankValue]]:
    """The values at the ranks that are wanted of each of the arrays that a block has.

    Gathers those between two values that, by the sample, are below and above; where this fails,
    counts digits. The sample changes what it costs and never the answer. `reduce(what, fold,
    finish)` is a pass over the table; nothing depends on the order of the rows.
    """
    most = GATHERED // max(len(wanted), 1)
    brackets = {i: b for i, w in enumerate(wanted) if (b := Bracket.of(w, most)) is not None}
    answers: dict[int, list[RankValue]] = {}
    if brackets:
        ranks = [wanted[i].ranks for i in brackets]

        def finish(gathered: list[Any]) -> list[Any]:
            joined = ((counts, _joined(parts)) for counts, parts in gathered)
            between = zip(joined, brackets.values(), ranks, strict=True)
            return [[_within(n, values, b, k) for k in r] for (n, values), b, r in between]

        kernel = _Between(_AtPlaces(values, [*brackets]), [*brackets.values()])
        ranked = reduce("order statistics", Fold(kernel, _Joined(most)), finish)
        for i, at in zip(brackets, ranked, strict=True):
            if all(place is not None for place in at):
                answers[i] = [RankValue(*place) for place in at]
    left = [(i, rank) for i, w in enumerate(wanted) if i not in answers for rank in w.ranks]
    if left:
        chosen = _AtPlaces(values, [i for i, _ in left])
        by_digits = _by_digits(reduce, chosen, [rank for _, rank in left])
        for (i, _), place in zip(left, by_digits, strict=True):
            answers.setdefault(i, []).append(place)
    return [answers[i] for i in range(len(wanted))]


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    values = np.concatenate([*parts, np.empty(0)])
    parts.clear()  # they may be many
    return values


def _within(
    counts: np.ndarray, values: np.ndarray, bracket: Bracket, rank: int
) -> tuple[float, int, int] | None:
    """The value at a rank, if it is in the bracket and the values in it were kept."""
    below, at_low, inside, at_high = (int(count) for count in counts)
    if below <= rank < below + at_low:
        return bracket.low, below, at_low
    before = below + at_low
    if before <= rank < before + inside and len(values):
        value, lower, equal = _at(values, rank - before)
        return value, before + lower, equal
    before += inside
    return (bracket.high, before, at_high) if before <= rank < before + at_high else None


def _by_digits(reduce: Reduce, values: Values, ranks: Sequence[int]) -> list[RankValue]:
    """The value at each rank, of the array that belongs to it, in two to four passes.

    Counts the digits of the values' keys, the highest first, among values that agree in the digits
    before, until those left can be gathered or agree in all.
    """
    k = len(ranks)
    prefixes, below, left = [0] * k, [0] * k, list(ranks)
    for depth in range(WORD // DIGITS):
        counts = reduce("order statistics", Fold(_Counts(values, prefixes, depth), _added), _sparse)
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

            def finish(tallies: list[list[np.ndarray]], left: list[int] = left) -> list[Any]:
                return [_at(np.concatenate(v), rank) for v, rank in zip(tallies, left, strict=True)]

            kernel = _Gathered(values, prefixes, depth + 1)
            tallies = reduce("order statistics", Fold(kernel, _added), finish)
            return [
                RankValue(v, b + ahead, same)
                for (v, ahead, same), b in zip(tallies, below, strict=True)
            ]
    return [
        RankValue(float(numbers(np.array(p))), b, n)
        for p, b, n in zip(prefixes, below, sizes, strict=True)
    ]


def _sparse(counts: list[np.ndarray]) -> list[Any]:
    return [(np.flatnonzero(c), c[np.flatnonzero(c)]) for c in counts]


def _at(values: np.ndarray, rank: int) -> tuple[float, int, int]:
    values.partition(rank)
    value = values[rank]
    return float(value), int((values < value).sum()), int((values == value).sum())
