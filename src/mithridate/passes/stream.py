"""A table on disk behind the interface that the defenses' rules ask their passes of."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..moments import Moments
from ..tables.encoder import Encoder
from . import masks
from .block import Block, Kernel, Where, buffer, everything, moments_of
from .draws import spaced, thinning
from .fold import Fold, Merge, neither
from .memory import BLOCK, Passes, Scan, Verdict
from .reader import Reader, as_it_is
from .scores import between
from .scratch import Store, Stored
from .select import Ranks, RankValue, places


class Streamed(Passes):
    """Encoded rows of weight 1, read anew in every pass, or encoded once into a scratch file.

    Parameters
    ----------
    reader : Reader
        Does the passes.
    encoder : Encoder
        Makes numbers of the columns.
    scratch : Store, optional
        Where the numbers are kept; None: they are made anew in every pass.
    """

    def __init__(self, reader: Reader, encoder: Encoder, scratch: Store | None = None):
        self.reader, self.encoder, self.scratch = reader, encoder, scratch
        self.total = float(reader.source.rows)

    def reduce(
        self,
        what: str,
        fold: Fold,
        finish: Callable[[Any], Any] = as_it_is,
        shrink: Callable[[Any], Any] = as_it_is,
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
        rows, raw = drawn(self.reader, self.encoder.width, draw)
        return encoded(self.encoder, raw, rows)

    def place(self, score: Kernel, rank: int) -> RankValue:
        """Find the score at a rank of those of all rows.

        Parameters
        ----------
        score : callable
            The scores of a block.
        rank : int
            The rank, from 0.

        Returns
        -------
        RankValue
            The score, and how many are below it and equal to it.
        """
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
            kept_moments, rest = self.reduce(what, fold, kept.finish, kept.keep)
        self._kept = [
            Moments(*m) if moments else masks.left(self.every, Moments(*m)) for m in kept_moments
        ]
        return Scan(rest, [m for m in self._kept if m is not None] if moments else [])

    def mask(self, verdict: Verdict) -> tuple[bytes, Moments]:
        """Say of each row whether it is kept.

        Parameters
        ----------
        verdict : Verdict
            What was decided.

        Returns
        -------
        tuple of bytes and Moments
            A bit for each row, 1 where it is kept, and the moments of those.
        """
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
        place = self.place(score, budget - 1)
        ties = budget - place.below
        if ties == place.equal:
            return Lowest(score, place.value, n)
        rows = self._sample.rows[self._sampled(score) == place.value]
        tied = Ranks([ties - 1], place.equal, rows.astype(float))
        last = self._place(_RowsAt(score, place.value), tied)
        return Lowest(score, place.value, int(last.value))


@dataclass(frozen=True, eq=False)
class EncodedKernel:
    """What a kernel makes of a raw block once it is numbers, in memory that the next one gets."""

    encoder: Encoder
    kernel: Kernel
    scratch: Store | None

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


def drawn(reader: Reader, width: int, draw: int = 0) -> tuple[np.ndarray, pa.Table]:
    """Read the sample of a table whose rows are so many numbers.

    Parameters
    ----------
    reader : Reader
        Reads it.
    width : int
        Numbers of a row.
    draw : int, default 0
        0 for the sample, 1 for as many rows again.

    Returns
    -------
    tuple of array of int and pyarrow.Table
        The numbers of the rows, and the rows as they are in the table.
    """
    n = reader.source.rows
    thin = thinning(n, width)
    rows = spaced(n, draw=draw, thin=thin)
    if thin == 1:
        return rows, reader.sample(draw)
    return rows, reader.sample().take(np.searchsorted(spaced(n), rows))


def encoded(encoder: Encoder, table: pa.Table, rows: np.ndarray) -> Block:
    """Turn rows of a table into a block.

    Parameters
    ----------
    encoder : Encoder
        Makes numbers of the columns.
    table : pyarrow.Table
        The rows.
    rows : array of int, shape (n,)
        Their numbers in the whole table.

    Returns
    -------
    Block
        The block.
    """
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
