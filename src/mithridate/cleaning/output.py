"""The files that are written: each cut in two, rows and columns as they came."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .._files import whole
from ..defenses import GROUP as GROUPED
from ..defenses.reasons import NUMBERS, KeptRows
from ..passes.block import Block
from ..passes.memory import Verdict
from ..passes.stream import encoded
from ..tables import write
from ..tables.encoder import Encoder
from ..tables.folder import QUARANTINE, output_name
from ..tables.reading import Aside
from ..tables.rows import typed
from ..tables.source import File, Source
from .bits import kept_between
from .findings import ADDED, JUDGED, Judged, Rejected, beside, in_units

_ROW_GROUP_BYTES = 1 << 25  # of kept rows, which are then written as a row group
CODECS = {c: c for c in ("SNAPPY", "GZIP", "BROTLI", "LZ4", "ZSTD")} | {"UNCOMPRESSED": "NONE"}


class Explain(NamedTuple):
    """All that is needed to say why a row was rejected."""

    encoder: Encoder
    verdict: Verdict
    profile: KeptRows
    defense: str
    threshold: float

    def columns(
        self, table: pa.Table, rows: np.ndarray, numbers: np.ndarray
    ) -> dict[str, pa.Array]:
        """The columns beside rejected rows: the `rows`-th that were judged.

        `numbers` are those of the rows in the whole table, from 1.
        """
        block, raw = encoded(self.encoder, table, rows), self.encoder(table, scaled=False)
        return self.rejected(block, raw, self.verdict.values(block), numbers).added()

    def rejected(
        self, block: Block, raw: np.ndarray, verdicts: np.ndarray, numbers: np.ndarray
    ) -> Rejected:
        """Rows of a block, on which the verdict gave the values `verdicts`, in the table's units.

        `raw` (d + 1, r) has their columns as they are in the table, NaN where one is missing.
        """
        X, y = block.X, block.y
        records = np.zeros(len(y), dtype=NUMBERS)
        self.profile.describe(X, y, records)
        records["row"], records["score"] = block.rows, verdicts[0]
        goal, judged = self.encoder.target, None
        unit = goal.high - goal.low
        if len(verdicts) > 1:
            mean, low, high = in_units(verdicts[1:4], goal.low, unit)
            judged = Judged(mean, low, high, verdicts[4] == GROUPED)
        return Rejected(
            columns=self.encoder.about(),
            target=goal.name,
            unit=unit,
            values=raw[:-1].T,
            goal=raw[-1],
            records=records,
            expected=self.profile.model.predict(X) * unit + goal.low,
            defense=self.defense,
            threshold=self.threshold,
            shown=numbers,
            judged=judged,
        )


class WritingTask(NamedTuple):
    """A file to be cut, the place of its first row among those judged, and the bits of its mask.

    `number` is that of its first row in the whole table, from 1.
    """

    file: File
    first: int
    mask: np.ndarray
    number: int


@dataclass(frozen=True, eq=False)
class FileWriter:
    """Writes the two parts of a file below a folder, or leaves them if they are there.

    `aside` are the rows of each file that were set aside, by their numbers in the whole table.
    """

    source: Source
    explain: Explain
    folder: Path
    aside: Mapping[str, Sequence[Aside]]

    def __call__(self, task: WritingTask) -> int:
        name = output_name(task.file.name)
        kept, rejected = self.folder / name, self.folder / QUARANTINE / name
        if not kept.exists():  # it is written last: where it exists, both are complete
            schema, options = self._kind(task.file)
            if not task.mask.all() or task.file.used:
                _write(rejected, chain(self._rejected(task), self._aside(task.file)), None, {})
            _write(kept, self._kept(task, schema), schema, options)
        return task.file.rows

    def _kind(self, file: File) -> tuple[pa.Schema, dict[str, Any]]:
        with self.source.system.open_input_file(self.source.path(file)) as stream:
            parquet = pq.ParquetFile(stream)
            return parquet.schema_arrow, stored(parquet.metadata)

    def _parts(self, task: WritingTask) -> Iterator[tuple[int, pa.Table, np.ndarray]]:
        at = 0
        for batch in self.source.batches(task.file, self.source.schema.names):
            yield at, pa.Table.from_batches([batch]), task.mask[at : at + len(batch)]
            at += len(batch)

    def _kept(self, task: WritingTask, schema: pa.Schema) -> Iterator[pa.Table]:
        for _, table, mask in self._parts(task):
            yield write.rows_of(table.cast(schema), mask)

    def _rejected(self, task: WritingTask) -> Iterator[pa.Table]:
        for at, table, mask in self._parts(task):
            if not mask.all():
                rows, places = write.rows_of(table, ~mask), at + np.flatnonzero(~mask)
                numbers = task.number + np.flatnonzero(task.file.mask)[places]
                added = self.explain.columns(rows, task.first + places, numbers)
                yield write.with_columns(rows, added)

    def _aside(self, file: File) -> Iterator[pa.Table]:
        """The rows of a file that were set aside, as far as its types can hold their cells."""
        rows, at, set_aside = [*self.aside.get(file.name, ())], 0, ~file.mask
        whole = replace(file, groups=file.every, every=(), used=b"")
        parts = []
        for batch in self.source.batches(whole, self.source.schema.names) if rows else ():
            part = set_aside[at : at + len(batch)]
            at += len(batch)
            if part.any():
                parts.append(pa.Table.from_batches([batch.filter(pa.array(part))]))
        if not parts:
            return
        table = pa.concat_tables(parts)
        for i, row in enumerate(rows):
            cells = table.slice(i, 1)
            if row.cells:  # those of a row that is too long are not in the file that was read
                cells = typed([row], table.schema)
            kinds = ADDED if self.explain.verdict.judge is None else JUDGED
            added = beside([row], kinds)
            yield write.with_columns(cells, dict(zip(kinds.names, added, strict=True)))


def stored(about: pq.FileMetaData) -> dict[str, Any]:
    """How a Parquet file stores its columns, in the words of `ParquetWriter`."""
    if not about.num_row_groups:
        return {}
    group = about.row_group(0)
    columns = [group.column(i) for i in range(about.num_columns)]
    if any(c.compression not in CODECS for c in columns):
        return {}
    codecs = {c.path_in_schema: CODECS[c.compression] for c in columns}
    coded = [c.path_in_schema for c in columns if any("DICT" in e for e in c.encodings)]
    return {"compression": codecs, "use_dictionary": coded}


def _write(
    path: Path, tables: Iterator[pa.Table], schema: pa.Schema | None, options: dict[str, Any]
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer, held, size = None, [], 0
    with whole(path, shared=False) as fresh:
        for table in tables:
            writer = writer or pq.ParquetWriter(fresh, schema or table.schema, **options)
            held.append(table)
            size += table.nbytes
            if size >= _ROW_GROUP_BYTES:
                writer.write_table(pa.concat_tables(held))
                held, size = [], 0
        writer = writer or pq.ParquetWriter(fresh, schema or pa.schema([]), **options)
        if held:
            writer.write_table(pa.concat_tables(held))
        writer.close()


def tasks(source: Source, bits: bytes) -> Iterator[WritingTask]:
    """The files with their parts of the mask."""
    first, number = 0, 1
    for file in source.files:
        mask = kept_between(bits, first, first + file.rows)
        yield WritingTask(file, first, mask, number)
        first += file.rows
        number += file.length
