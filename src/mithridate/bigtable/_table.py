"""A table on disk behind the interface that the defenses' rules ask their passes of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any

import numpy as np
import pyarrow as pa

from ..defenses._passes import Block, Kernel, Passes
from ..errors import InputError
from ..words import quote
from ._digest import Ordered, merged
from ._encode import Encoder
from ._engine import Engine
from ._journal import Journal
from ._select import Place, places
from ._source import Source

Tell = Callable[[str, int, int], Any]
Merge = Callable[[Any, Any], Any]
Raw = Callable[[pa.Table], np.ndarray]
MOST_DISTINCT = 1 << 22  # numbers of which it is found out whether they differ


class Reader:
    """Does passes over raw tables, tells of them, and remembers what they gave."""

    def __init__(self, engine: Engine, source: Source, journal: Journal, tell: Tell):
        self.engine, self.source, self.journal, self.tell = engine, source, journal, tell
        self.rates: list[tuple[str, float]] = []  # rows per second of each pass that was made

    def reduce(
        self,
        columns: Sequence[str],
        what: str,
        kernel: Callable[[Any], Any],
        merge: Merge,
        finish: Callable[[Any], Any] = lambda result: result,
    ) -> Any:
        """One pass; `finish` makes the result small before it is written down."""

        def compute() -> Any:
            rows, began = self.source.rows, monotonic()
            fast = f", {self.rates[-1][1]:,.0f} rows/s" if self.rates else ""
            stage = f"pass {self.journal.asked}: {what}{fast}"
            self.tell(stage, 0, rows)
            done = partial(self._done, stage, rows)
            result = self.engine.reduce(self.source, columns, kernel, merge, done)
            self.rates.append((what, rows / max(monotonic() - began, 1e-9)))
            return finish(result)

        return self.journal.step(what, compute)

    def _done(self, stage: str, rows: int, done: int) -> None:
        self.tell(stage, done, rows)

    def medians(self, columns: Mapping[str, tuple[Raw, int]]) -> dict[str, float]:
        """Medians of columns, each given as how to read it and how many known numbers it has."""
        if not columns:
            return {}
        raws = [raw for raw, _ in columns.values()]
        middles = [middle for _, n in columns.values() for middle in ((n - 1) // 2, n // 2)]
        found = places(partial(self.reduce, list(columns)), _Known(raws), middles)
        pairs = zip(found[::2], found[1::2], strict=True)
        means = [float(np.mean([low.value, high.value])) for low, high in pairs]
        return dict(zip(columns, means, strict=True))

    def all_differ(self, name: str) -> bool:
        """Whether the numbers of a column differ in every row."""
        if self.source.rows > MOST_DISTINCT:
            raise InputError(
                f"The column {quote(name)} is called an id, and whether it differs in every one of "
                f"{self.source.rows:,} rows is too much to count; leave it out with --drop."
            )
        return bool(self.reduce([name], "ids", _Column(name), _joined, _differ))

    def counts_up(self, name: str, raw: Raw) -> bool:
        """Whether a column counts up or down row by row."""
        return bool(self.reduce([name], "ids", Ordered(name, raw), merged)[name]["step"])


@dataclass(frozen=True, eq=False)
class _Known:
    raws: Sequence[Raw]

    def __call__(self, block: tuple[int, pa.Table]) -> list[np.ndarray]:
        values = [raw(block[1]) for raw in self.raws]
        return [v[~np.isnan(v)] for v in values for _ in range(2)]


@dataclass(frozen=True)
class _Column:
    name: str

    def __call__(self, block: tuple[int, pa.Table]) -> list[np.ndarray]:
        return [block[1][self.name].to_numpy()]


def _joined(one: list[Any], other: list[Any]) -> list[Any]:
    return [*one, *other]


def _differ(parts: list[np.ndarray]) -> bool:
    values = np.concatenate(parts)
    return bool(np.unique(values).size == values.size)


class Streamed(Passes):
    """Encoded rows of weight 1, read anew in every pass."""

    def __init__(self, reader: Reader, encoder: Encoder):
        self.reader, self.encoder = reader, encoder
        self.total = float(reader.source.rows)

    def reduce(
        self,
        what: str,
        kernel: Kernel,
        merge: Merge,
        finish: Callable[[Any], Any] = lambda result: result,
    ) -> Any:
        encoded = Encoded(self.encoder, kernel)
        return self.reader.reduce(self.encoder.needed, what, encoded, merge, finish)

    def place(self, values: Kernel, rank: int) -> Place:
        """The value at a rank, from 0, of those that the kernel gives of the blocks."""
        return places(self.reduce, _One(values), [rank])[0]

    def quantile(self, score: Kernel, share: float) -> float:
        n = int(self.total)
        # The first k with k / n >= share, as NumPy's inverted_cdf has it to the last digit.
        k = min(max(int(np.ceil(share * n)), 1), n)
        while k > 1 and (k - 1) / n >= share:
            k -= 1
        while k < n and k / n < share:
            k += 1
        return self.place(score, k - 1).value

    def lowest(self, score: Kernel, contamination: float) -> Kernel:
        n = int(self.total)
        budget = n - round(contamination * n)
        if budget < 1:
            return Lowest(score, -np.inf, -1)
        found = self.place(score, budget - 1)
        ties = budget - found.below
        if ties == found.equal:
            return Lowest(score, found.value, n)
        last = self.place(_RowsAt(score, found.value), ties - 1)
        return Lowest(score, found.value, int(last.value))


@dataclass(frozen=True, eq=False)
class Encoded:
    """What a kernel makes of a raw block once it is numbers."""

    encoder: Encoder
    kernel: Kernel

    def __call__(self, block: tuple[int, pa.Table]) -> Any:
        start, table = block
        return self.kernel(Block(start, self.encoder(table), np.ones(table.num_rows)))


@dataclass(frozen=True, eq=False)
class Lowest:
    """1 for rows with a score below the cut, and for those at it up to the row `last`, else 0."""

    score: Kernel
    cut: float
    last: int

    def __call__(self, block: Block) -> np.ndarray:
        score = self.score(block)
        rows = np.arange(block.start, block.start + len(score))
        return ((score < self.cut) | ((score == self.cut) & (rows <= self.last))).astype(float)


@dataclass(frozen=True, eq=False)
class _One:
    values: Kernel

    def __call__(self, block: Block) -> list[np.ndarray]:
        return [self.values(block)]


@dataclass(frozen=True, eq=False)
class _RowsAt:
    """The numbers of the rows with just this score."""

    score: Kernel
    value: float

    def __call__(self, block: Block) -> np.ndarray:
        return block.start + np.flatnonzero(self.score(block) == self.value).astype(float)
