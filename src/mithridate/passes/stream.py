"""A table on disk behind the interface that the defenses' rules ask their passes of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import pyarrow as pa

from .._text import quote
from ..errors import InputError
from ..moments import Moments
from ..tables.digest import Digest, Ordered, Survey, merged
from ..tables.encoder import Encoder
from ..tables.source import Source
from . import masks, sample
from .block import Block, Kernel, Where, buffer, everything, moments_of
from .engine import Blocks, Engine, Pass
from .fold import Fold, Merge, joined, neither
from .journal import Journal
from .memory import BLOCK, Passes, Scan, Verdict, spaced
from .scores import between
from .scratch import Scratch, Stored
from .select import Ranks, RankValue, places

Tell = Callable[[str, int, int], Any]
Raw = Callable[[pa.Table], np.ndarray]
MOST_DISTINCT = 1 << 22  # numbers of which it is found out whether they differ


def _same(result: Any) -> Any:
    return result


class Reader:
    """Does passes over raw tables, tells of them, and remembers what they gave in a folder."""

    def __init__(self, engine: Engine, source: Source, journal: Journal, folder: Path, tell: Tell):
        self.engine, self.source, self.journal, self.tell = engine, source, journal, tell
        self.folder = folder
        self.rates: list[tuple[str, float]] = []  # rows per second of each pass that was made

    def reduce(
        self,
        columns: Sequence[str],
        what: str,
        fold: Fold,
        finish: Callable[[Any], Any] = _same,
        shrink: Callable[[Any], Any] = _same,
        source: Blocks | None = None,
    ) -> Any:
        """One pass; `shrink` makes the result of a span small, `finish` that of all rows.

        `source` is where the rows lie, if not in the files.
        """

        def compute() -> Any:
            rows, began = self.source.rows, monotonic()
            stage = f"pass {self.journal.asked}: {what}"
            self.tell(stage, 0, rows)
            done = partial(self._done, stage, rows)
            asked = Pass(columns, fold, done, shrink)
            result = self.engine.reduce(source or self.source, asked)
            pa.default_memory_pool().release_unused()  # what is gathered now is put together
            self.rates.append((what, rows / max(monotonic() - began, 1e-9)))
            return finish(result)

        return self.journal.step(what, compute)

    def _done(self, stage: str, rows: int, done: int) -> None:
        self.tell(stage, done, rows)

    def survey(
        self, kinds: Mapping[str, str], gone: tuple[str, ...] = (), beside: Sequence[str] = ()
    ) -> dict[str, Digest]:
        """The first pass: digests of the columns; it picks the samples, of those `beside` too."""

        def finish(found: tuple[Any, ...]) -> dict[str, Digest]:
            for draw, parts in enumerate(found[1:]):
                sample.write(self._kept(draw), parts)
            return found[0]

        fold = sample.with_sample(Fold(Survey(kinds, gone), merged), self.source.rows)
        return self.reduce([*kinds, *beside], "columns", fold, finish, sample.together)

    def sample(self, draw: int = 0) -> pa.Table:
        """The rows drawn from the table, as they are in it; not kept, since they are many."""
        return sample.read(self._kept(draw))

    def _kept(self, draw: int) -> Path:
        return self.folder / f"sample-{draw}.arrow"

    def medians(self, columns: Mapping[str, tuple[Raw, int]]) -> dict[str, float]:
        """Medians of columns, each given as how to read it and how many known numbers it has."""
        if not columns:
            return {}
        raws = [raw for raw, _ in columns.values()]
        known = _Known(raws)
        counts = (n for _, n in columns.values())
        samples = known((0, self.sample()), -np.inf, np.inf)
        wanted = [
            Ranks(((n - 1) // 2, n // 2), n, sample)
            for n, sample in zip(counts, samples, strict=True)
        ]
        found = places(partial(self.reduce, list(columns)), known, wanted)
        means = [float(np.mean([low.value, high.value])) for low, high in found]
        return dict(zip(columns, means, strict=True))

    def all_differ(self, name: str) -> bool:
        """Whether the numbers of a column differ in every row."""
        if self.source.rows > MOST_DISTINCT:
            raise InputError(
                f"The column {quote(name)} is called an id, and whether it differs in every one of "
                f"{self.source.rows:,} rows is too much to count; leave it out with --drop."
            )
        return bool(self.reduce([name], "ids", Fold(_ColumnValues(name), joined), _differ))

    def counts_up(self, name: str, raw: Raw) -> bool:
        """Whether a column counts up or down row by row."""
        return bool(self.reduce([name], "ids", Fold(Ordered(name, raw), merged))[name]["step"])

    def first_unknown(self, raw: Raw) -> int:
        """Not worth a pass of its own."""
        return -1


@dataclass(frozen=True, eq=False)
class _Known:
    raws: Sequence[Raw]

    def __call__(self, block: tuple[int, pa.Table], low: float, high: float) -> list[np.ndarray]:
        values = [raw(block[1]) for raw in self.raws]
        return [v[~np.isnan(v)] for v in values]


@dataclass(frozen=True)
class _ColumnValues:
    name: str

    def __call__(self, block: tuple[int, pa.Table]) -> list[np.ndarray]:
        return [block[1][self.name].to_numpy()]


def _differ(parts: list[np.ndarray]) -> bool:
    values = np.concatenate(parts)
    return bool(np.unique(values).size == values.size)


class Streamed(Passes):
    """Encoded rows of weight 1, read anew in every pass, or encoded once into a scratch file."""

    def __init__(self, reader: Reader, encoder: Encoder, scratch: Scratch | None = None):
        self.reader, self.encoder, self.scratch = reader, encoder, scratch
        self.total = float(reader.source.rows)

    def reduce(
        self,
        what: str,
        fold: Fold,
        finish: Callable[[Any], Any] = _same,
        shrink: Callable[[Any], Any] = _same,
    ) -> Any:
        encoded = Fold(EncodedKernel(self.encoder, fold.map, self.scratch), fold.merge)
        columns, source = self.encoder.needed, self.scratch
        return self.reader.reduce(columns, what, encoded, finish, shrink, source)

    def sample(self) -> Block:
        return self._sample

    @cached_property
    def _sample(self) -> Block:
        return self._drawn(0)

    def others(self) -> Block:
        return self._drawn(1)

    def _drawn(self, draw: int) -> Block:
        rows = spaced(self.reader.source.rows, draw=draw)
        return encoded(self.encoder, self.reader.sample(draw), rows)

    def place(self, score: Kernel, rank: int) -> RankValue:
        """The score at a rank, from 0, of those of all rows."""
        n = self.reader.source.rows
        return self._place(score, Ranks([rank], n, self._sampled(score)))

    def _place(self, score: Kernel, wanted: Ranks) -> RankValue:
        ((place,),) = places(self.reduce, _One(score), [wanted])
        return place

    def _sampled(self, score: Kernel) -> np.ndarray:
        """The scores of the rows of the sample, as many at a time as in a block."""
        Z, weight = self._sample.Z, self._sample.weight
        edges = range(0, len(weight), BLOCK)
        parts = [Block(0, Z[:, i : i + BLOCK], weight[i : i + BLOCK]) for i in edges]
        return np.concatenate([score(part) for part in parts])

    def moments(self, weights: Kernel) -> Moments:
        if weights is everything:
            return self.every
        return super().moments(weights)

    @cached_property
    def every(self) -> Moments:
        """Moments of all rows."""
        return super().moments(everything)

    @property
    def box(self) -> tuple[np.ndarray, np.ndarray]:
        d = self.encoder.width - 1
        return np.zeros(d), np.ones(d)  # so the encoder scales them

    def scan(self, what: str, kernel: Kernel, merge: Merge, *, moments: bool = False) -> Scan:
        fold = masks.recorded(kernel, merge, moments)
        with masks.Masks(self._mask) as kept:
            found, rest = self.reduce(what, fold, kept.finish, kept.keep)
        self._kept = [
            Moments(*m) if moments else masks.left(self.every, Moments(*m)) for m in found
        ]
        return Scan(rest, [m for m in self._kept if m is not None] if moments else [])

    def mask(self, verdict: Verdict) -> tuple[bytes, Moments]:
        """A bit for each row, 1 where it is kept, and the moments of those that are."""
        place = verdict.candidate
        if place is None:
            self.scan("mask", masks.Only(verdict.keep), neither)
            place = 0
        kept = self._kept[place]
        if kept is None:
            kept = self.moments(Where(verdict.keep))
        bits, spared = self._mask(place).read_bytes(), verdict.spared
        if spared is None or not len(spared.rows):
            return bits, kept
        every = np.frombuffer(bits, dtype=np.uint8).copy()
        np.bitwise_or.at(every, spared.rows // 8, (128 >> spared.rows % 8).astype(np.uint8))
        return every.tobytes(), kept.merge(moments_of(spared.Z, spared.weight))

    def _mask(self, place: int) -> Path:
        return self.reader.folder / f"mask-{place}.bin"

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
        rows = spaced(n)[self._sampled(score) == found.value]
        tied = Ranks([ties - 1], found.equal, rows.astype(float))
        last = self._place(_RowsAt(score, found.value), tied)
        return Lowest(score, found.value, int(last.value))


@dataclass(frozen=True, eq=False)
class EncodedKernel:
    """What a kernel makes of a raw block once it is numbers, in memory that the next one gets."""

    encoder: Encoder
    kernel: Kernel
    scratch: Scratch | None

    def __call__(self, block: tuple[int, pa.Table | Stored]) -> Any:
        start, table = block
        k, n = self.encoder.width, table.num_rows
        Z = buffer("block", k * n).reshape(k, n)
        if self.scratch is None:
            self.encoder(table, out=Z, filled=False)
        elif isinstance(table, Stored):
            self.scratch.read(start, Z)
        else:
            self.scratch.write(start, self.encoder(table, out=Z, filled=False))
        return self.kernel(Block(start, Z, np.ones(n), self.encoder.fill_gaps(Z)))


def encoded(encoder: Encoder, table: pa.Table, rows: np.ndarray) -> Block:
    """Rows of a table as a block, given their numbers in it."""
    Z = encoder(table, filled=False)
    return Block(0, Z, np.ones(len(rows)), encoder.fill_gaps(Z), rows)


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
    score: Kernel

    def __call__(self, block: Block, low: float, high: float) -> list[np.ndarray]:
        return [between(self.score, block, low, high)]


@dataclass(frozen=True, eq=False)
class _RowsAt:
    """The numbers of the rows with just this score."""

    score: Kernel
    value: float

    def __call__(self, block: Block) -> np.ndarray:
        return block.start + np.flatnonzero(self.score(block) == self.value).astype(float)
