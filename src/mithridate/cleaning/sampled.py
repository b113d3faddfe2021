"""What is taken from a sample of a long table: the shifts of its sources, and its cells."""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from .._text import quote
from ..data import Opened
from ..data import open as open_table
from ..errors import InputError
from ..passes.draws import spaced
from ..passes.fold import Fold
from ..passes.reader import Reader
from ..passes.stream import drawn
from ..tables.encoder import Encoder
from ..tables.reading import Reading
from ..tables.source import Source
from ..tables.write import stacked
from .bits import kept_between
from .cells import Cells, cells_of
from .groups import CountsOf, Groups, Tally, added, framed, source_sentence, tallied
from .shifts import Shift, shift_sentence, shifts_of

Trusted = tuple[np.ndarray, np.ndarray]
FILE = "file"
"""The name of the column of sources, where files are the sources."""


class Sources(NamedTuple):
    """Where the rows of a table in passes come from: a tally of all, and shifts by the sample.

    `files` are the names of all files in their order, where these are the sources.
    """

    column: str
    tallies: list[Tally]
    shifts: dict[str, Shift]
    sample: int = 0
    files: tuple[str, ...] = ()

    @classmethod
    def of(cls, reader: Reader, groups: Groups, guard: Any, bits: bytes, goal: Any) -> "Sources":
        """The sources of rows that `bits` keeps; `goal` is how the target became numbers."""
        counts = reader.reduce(
            [groups.column], "sources", Fold(CountsOf(groups.column, bits), added)
        )
        every, here = np.transpose(list(counts.values()))
        shifts, sample = _shifts(reader, groups, guard, goal)
        return cls(groups.column, tallied(list(counts), every, here), shifts, sample)

    @classmethod
    def of_files(
        cls, reader: Reader, names: Sequence[str], guard: Any, bits: bytes, goal: Any
    ) -> "Sources":
        """The files that the rows come from, as sources; those without a row are left out."""
        source = reader.source
        rows = np.array([file.rows for file in source.files])
        edges = np.append(0, np.cumsum(rows))
        kept = [kept_between(bits, *ends).sum() for ends in itertools.pairwise(edges.tolist())]
        codes = np.searchsorted(edges, spaced(source.rows), side="right") - 1
        shifts, sample = _shifts(reader, Groups(FILE, [*names], codes), guard, goal)
        nonempty = np.flatnonzero(rows)
        here = (rows - kept)[nonempty]
        tallies = tallied([names[i] for i in nonempty.tolist()], rows[nonempty], here)
        return cls(FILE, tallies, shifts, sample, tuple(names))

    def files_of(self, source: Source, rows: np.ndarray) -> list[str]:
        """The files of rows, given by their numbers among those that were judged."""
        ends = np.cumsum([file.rows for file in source.files])
        return [self.files[i] for i in np.searchsorted(ends, rows, side="right")]

    def sentences(self, target: str) -> list[str]:
        """The sentences on them in a summary."""
        by = self.column if self.files else quote(self.column)
        off = shift_sentence(self.shifts, by, target)
        if off and self.sample:
            off = f"{off[:-1]}, by a sample of {self.sample:,} rows."
        rejected = any(tally.rejected for tally in self.tallies)
        return [off, source_sentence(by, self.tallies) if rejected else ""]

    def framed(self) -> Any:
        """A table with a row for each source."""
        return framed(self.tallies, self.shifts, pa.table({}))


def _shifts(reader: Reader, groups: Groups, guard: Any, goal: Any) -> tuple[dict[str, Shift], int]:
    """By how much sources are off, by the sample; and its rows, if it is not the whole table."""
    unit = goal.high - goal.low
    y = (goal.raw(reader.sample()) - goal.low) / unit
    return shifts_of(guard, y, unit, groups), len(y) if len(y) < reader.source.rows else 0


def sources_in(sample: pa.Table, column: str, target: str) -> Groups:
    """The sources of the rows of a sample; an InputError where the column has none."""
    return Groups.of(Opened(sample, target, "table"), column, target)


def trusted_rows(trusted: Any, encoder: Encoder, like: pa.Table, reading: Reading) -> Trusted:
    """Features and targets (X, y) of trusted rows, as the encoder of a table makes them."""
    opened = open_table(trusted, "trusted", reading=reading).usable(encoder.target.name)
    here = {name: like[name].slice(0, 0) for name in encoder.needed}
    Z = encoder(stacked(here, opened.columns, encoder.needed))
    if not np.isfinite(Z[-1]).all():
        raise InputError("The trusted rows have no target; give rows with one.")
    return np.ascontiguousarray(Z[:-1].T), Z[-1]


def cells_in(reader: Reader, encoder: Encoder) -> Cells:
    """The cells that look wrong, of a long table those of its sample."""
    n = reader.source.rows
    rows, sample = drawn(reader, encoder.width)
    raw = encoder(sample, scaled=False)
    cells = cells_of(raw, encoder.about(), numbers_of(reader.source, rows))
    return cells._replace(sample=len(rows) if len(rows) < n else 0)


def numbers_of(source: Source, rows: np.ndarray) -> np.ndarray:
    """The numbers in the whole table, from 1, of the `rows`-th that were judged, ascending."""
    numbers, first, number = [], 0, 1
    for file in source.files:
        here = rows[(rows >= first) & (rows < first + file.rows)] - first
        numbers.append(number + (np.flatnonzero(file.mask)[here] if file.used else here))
        first += file.rows
        number += file.length
    return np.concatenate(numbers)
