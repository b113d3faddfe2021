"""Rows that passes over files set aside: which, why, and the notes on them."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Bool

from .._text import quote
from ..passes.fold import Fold, joined
from ..passes.reader import Reader
from ..tables import csv, targets
from ..tables.digest import without
from ..tables.ends import totals_of
from ..tables.finish import sentences
from ..tables.folder import output_name
from ..tables.reading import Aside, CellDecision
from ..tables.source import Source

_NOTED_FILES = 3  # files whose notes are given in full


class Lacking(NamedTuple):
    """Why each row of a block lacks a target."""

    target: str
    gone: tuple[str, ...] = ()

    def __call__(self, block: tuple[int, pa.Table]) -> list[np.ndarray]:
        return [targets.lacking(without(block[1][self.target], self.gone))]


@dataclasses.dataclass
class FileAccounts:
    """How files were read, and their rows that were set aside, by the files' names."""

    notes: tuple[str, ...] = ()
    aside: dict[str, tuple[Aside, ...]] = dataclasses.field(default_factory=dict)

    def of_files(
        self,
        reads: Sequence[csv.Read],
        rows: Sequence[tuple[tuple[Aside, ...], int]],
        kinds: Mapping[str, str],
    ) -> None:
        """Collects the notes on how files were read; of many files, the longest ones."""
        notes_by_file: list[list[str]] = []
        for read, (aside, padded) in zip(reads, rows, strict=True):
            self.aside[output_name(read.file.name)] = aside
            decisions: Sequence[CellDecision] = csv.decisions_of(read, kinds)
            notes_by_file.append(
                sentences(read.layout, decisions, aside, padded, quote(read.file.name))
            )
        longest = sorted((notes for notes in notes_by_file if notes), key=len, reverse=True)
        more = sum(map(len, longest[_NOTED_FILES:]))
        rest = [f"{more:,} more notes on how other files were read."] * bool(more)
        shown = (note for notes in longest[:_NOTED_FILES] for note in notes)
        self.notes = tuple(dict.fromkeys([*shown, *rest]))

    def of_parquet(self, source: Source) -> Source:
        """The source without the totals at the ends of its files; notes say so."""
        self.aside = {file.name: tuple(totals_of(source, file)) for file in source.files}
        every = self.every(source)
        self.notes = tuple(targets.sentences_on([*every], "", "table"))
        return self.used(source) if every else source

    def used(self, source: Source) -> Source:
        """The source without the rows that were set aside."""
        files = []
        for file in source.files:
            mask = file.mask
            mask[[row.row - 1 for row in self.aside.get(file.name, ())]] = False
            files.append(file if mask.all() else file.using(mask))
        return dataclasses.replace(source, files=tuple(files))

    def with_target(self, reader: Reader, target: str, gone: tuple[str, ...] = ()) -> Reader:
        """A reader of the rows that have a target; where none has, the one that was given."""
        source = reader.source
        fold = Fold(Lacking(target, gone), joined)
        parts = reader.reduce([target], "rows without a target", fold)
        why = np.concatenate(parts)
        if why.all():
            return reader
        every, first, at = [], 0, 0
        for file in source.files:
            here = why[at : at + file.rows]
            at += file.rows
            rows = np.flatnonzero(file.mask) + 1
            own = targets.asides(here, rows)
            merged = sorted((*self.aside.get(file.name, ()), *own), key=lambda one: one.row)
            self.aside[file.name] = tuple(merged)
            every += [dataclasses.replace(row, row=first + row.row) for row in own]
            first += file.length
        self.notes = (*targets.sentences_on(every, target, "table"), *self.notes)
        left = Reader(reader.engine, self.used(source), reader.journal, reader.folder, reader.tell)
        left.rates = reader.rates
        return left

    def every(self, source: Source) -> tuple[Aside, ...]:
        """All rows that were set aside, by their numbers in the whole table."""
        numbered, first = [], 0
        for file in source.files:
            rows = self.aside.get(file.name, ())
            numbered += [dataclasses.replace(row, row=first + row.row) for row in rows]
            first += file.length
        return tuple(numbered)

    def by_file(self, source: Source) -> dict[str, tuple[Aside, ...]]:
        """The rows of each file that were set aside, by their numbers in the whole table."""
        grouped, first = {}, 0
        for file in source.files:
            rows = self.aside.get(file.name, ())
            grouped[file.name] = tuple(dataclasses.replace(r, row=first + r.row) for r in rows)
            first += file.length
        return grouped


def over_all(source: Source, bits: bytes) -> Bool[np.ndarray, " n"]:
    """Whether each row is kept, from a bit for each row that was judged."""
    judged = np.unpackbits(np.frombuffer(bits, np.uint8), count=source.rows).view(bool)
    kept, at = [], 0
    for file in source.files:
        mask = file.mask.copy()
        mask[mask] = judged[at : at + file.rows]
        kept.append(mask)
        at += file.rows
    return np.concatenate(kept) if kept else judged
