"""CSV and Parquet files as Arrow tables, and a sentence for every file that is neither."""

import difflib
import itertools
import mmap
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from .._text import quote
from ..errors import InputError
from . import excel
from .cells import MISSING
from .detect import layout_of
from .encoding import bom_of
from .finish import finished, sentences
from .layout import UNQUOTED
from .reading import ANY, Account, Aside, Layout, Reading
from .rows import Repaired, data_of
from .stray import lines_of, without_quotes

SAMPLE = 1 << 20  # bytes looked at to tell what a file is
SCANNED = 1 << 20  # bytes looked through at a time
SMALL = 1 << 20  # such a step where no cell holds a line end
BLOCK = 1 << 24  # bytes a parsing step; a longer row is refused
MAGIC = {
    b"PK\x03\x04": "a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\xff\xd8\xff": "a JPEG picture",
    b"\x89PNG": "a PNG picture",
    b"GIF8": "a GIF picture",
    b"%PDF": "a PDF document",
    b"SQLite": "an SQLite database",
    b"\x89HDF": "an HDF5 file",
    b"ARROW1": "an Arrow file",
    b"\x80\x04\x95": "a Python pickle",
}
MARKUP = re.compile(r"\s*<(?:!doctype|html|\?xml)\b", re.IGNORECASE)
JSON = re.compile(r'\s*(?:\{\s*(?:"|\}|$)|\[\s*(?:[\[{"\]\d-]|$))')
RAGGED = re.compile(r"Expected \d+ columns, got \d+")
TRUE, FALSE = ["true", "True", "TRUE"], ["false", "False", "FALSE"]
PIECES, PIECE = 8, 1 << 15  # further pieces of a long file that are looked at, and their bytes
SET_ASIDE = 0.05  # the share of rows with too many cells up to which those are set aside
WANTED = "give a CSV (also gzipped) or Parquet file"


class Content(NamedTuple):
    """The table in a file, and the account of how it was read.

    `numbers` (n,) are those of its rows in the file, from 1; None where it holds all of them.
    """

    table: pa.Table
    account: Account
    numbers: np.ndarray | None = None


def read(path: Path, reading: Reading = ANY) -> Content:
    """Read the table in a file; the content decides what it is, not the suffix.

    Parameters
    ----------
    path : path
        The file.
    reading : Reading, default ANY
        How to read it, where it is delimited text or a workbook.

    Returns
    -------
    Content
        The table.

    Raises
    ------
    InputError
        If it holds no table that can be read.
    """
    shown = _checked(path)
    try:
        with path.open("rb") as file:
            start = file.read(8)
        if not start:
            raise InputError(f"The file {shown} is empty; {WANTED} with a header and rows.")
        if start[:4] == b"PAR1" or path.suffix.lower() in (".parquet", ".pq"):
            return Content(_parquet(path, shown), Account())
        if start[:4] == b"PK\x03\x04" and excel.is_workbook(path):
            sheet, unread = excel.as_csv(path, shown)
            content = _text(Text(sheet, ""), excel.reading(reading), shown)
            notes = (*unread, *content.account.notes)
            return content._replace(account=replace(content.account, notes=notes))
        packed = "gzip" if start[:2] == b"\x1f\x8b" else ""
        return _text(Text(path, packed), reading, shown)
    except OSError as error:
        why = error.strerror or "it is damaged"
        raise InputError(
            f"The file {shown} cannot be read ({why}); check that it is whole and yours to read."
        ) from None


def _checked(path: Path) -> str:
    """The file's quoted name, if it is a file."""
    shown = quote(path.name or path)
    try:
        if path.is_file():
            return shown
        folder, there = path.is_dir(), path.exists()
    except (OSError, ValueError):  # too long, or with a NUL byte: no such file can exist
        folder = there = False
    if folder:
        raise InputError(f"{shown} is a folder; {WANTED} in it.")
    if there:
        raise InputError(f"{shown} is a device or pipe, no regular file; {WANTED}.")
    raise InputError(f"There is no file {quote(path, limit=200)}; {_nearest(path)}")


def _nearest(path: Path) -> str:
    try:
        beside = [p.name for p in itertools.islice(path.parent.iterdir(), 1000) if p.is_file()]
    except (OSError, ValueError):
        return "its folder does not exist either, so check the path."
    near = difflib.get_close_matches(path.name[:255], beside, n=1)
    return f"did you mean {quote(near[0])}?" if near else "check the path."


def _parquet(path: Path, shown: str) -> pa.Table:
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path).read()
    except (pa.ArrowException, OSError, ValueError):
        raise InputError(
            f"The file {shown} is no Parquet table, or a damaged one; write it anew, or {WANTED}."
        ) from None


def check_text(sample: bytes, shown: str) -> None:
    """Refuses a sample that is no text, or text of another known format."""
    for start, what in MAGIC.items():
        if sample.startswith(start):
            raise InputError(f"The file {shown} is {what}, not a table; {WANTED}.")
    mark, codec = bom_of(sample)
    wide = codec.startswith("utf-16")
    if b"\0" in sample and not wide:
        raise InputError(f"The file {shown} holds binary data, not a table; {WANTED}.")
    text = sample[len(mark) :].decode(codec or "utf-8", errors="replace")
    if not text.strip():
        raise InputError(f"The file {shown} is empty; {WANTED} with a header and rows.")
    for pattern, what in ((JSON, "JSON"), (MARKUP, "a web page or XML")):
        if pattern.match(text):
            raise InputError(f"The file {shown} is {what}, not a table; {WANTED}.")


class Text(NamedTuple):
    """Where delimited text is: a file or bytes, and how it is packed."""

    place: Path | pa.Buffer
    packed: str

    def open(self) -> Any:
        """A stream of its bytes."""
        packed = self.packed or None
        if isinstance(self.place, Path):
            return pa.input_stream(str(self.place), compression=packed)
        return pa.BufferReader(self.place)

    def has_whole_lines(self, quote: str, start: int) -> bool:
        """Whether no cell from a byte on holds a line end; False if that is not quickly known."""
        if not isinstance(self.place, Path) or self.packed:
            return False
        with (
            self.place.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as m,
        ):
            first = m.find(quote.encode(), start)
            return first < 0 or _even_quotes(m, ord(quote), start)

    def pieces(self) -> list[bytes]:
        """Whole lines from further on in a long file that is not packed."""
        if not isinstance(self.place, Path) or self.packed:
            return []
        size = self.place.stat().st_size
        if size <= SAMPLE:
            return []
        lines = []
        with self.place.open("rb") as file:
            for i in range(1, PIECES + 1):
                file.seek(max(SAMPLE, (size - PIECE) * i // PIECES))
                piece = file.read(PIECE)
                first, last = piece.find(b"\n") + 1, piece.rfind(b"\n") + 1
                lines.append(piece[first:last])
        return lines


def _even_quotes(data: mmap.mmap, quote: int, start: int) -> bool:
    """Whether an even number of quotes stands before each line end, and in all of the text."""
    count = 0
    for at in range(start, len(data), SCANNED):
        text = data[at : at + SCANNED]
        part = np.frombuffer(text, np.uint8)
        is_end = part == 10 if b"\r" not in text else (part == 10) | (part == 13)
        quotes, ends = np.flatnonzero(part == quote), np.flatnonzero(is_end)
        if ((np.searchsorted(quotes, ends) + count) % 2).any():
            return False
        count += len(quotes)
    return count % 2 == 0


def _text(text: Text, reading: Reading, shown: str) -> Content:
    """The table in delimited text."""
    layout = laid_out(text, reading, shown)
    table, repaired = parsed(text, layout, reading, shown)
    ready = finished(table, layout, reading, shown)
    padded, long = (repaired.padded, repaired.aside) if repaired else (0, [])
    numbers = numbers_of(table.num_rows, long)
    aside = [*long, *(replace(row, row=int(numbers[row.row - 1])) for row in ready.aside)]
    aside.sort(key=lambda row: row.row)
    notes = sentences(layout, ready.decisions, aside, padded, shown)
    account = Account(layout, ready.decisions, tuple(aside), tuple(notes))
    if ready.kept is not None:
        numbers = numbers[ready.kept]
    return Content(ready.table, account, numbers if aside else None)


def numbers_of(parsed: int, long: Sequence[Aside]) -> np.ndarray:
    """The numbers in the file of rows that were parsed, from 1; `long` rows were not."""
    every = np.arange(1, parsed + len(long) + 1)
    return np.delete(every, [row.row - 1 for row in long]) if long else every


def laid_out(text: Text, reading: Reading, shown: str) -> Layout:
    """The layout of delimited text."""
    with text.open() as stream:
        sample = stream.read(SAMPLE)
        whole = len(sample) < SAMPLE or not stream.read(1)
    check_text(sample, shown)
    layout = layout_of(sample, reading, shown, whole, text.pieces())
    if whole or text.has_whole_lines(layout.quote, layout.start):
        return layout
    with text.open() as stream:
        return without_quotes(layout, lines_of(stream, layout), shown) or layout


def parsed(
    text: Text, layout: Layout, reading: Reading, shown: str, typed: bool = True
) -> tuple[pa.Table, Repaired | None]:
    """The cells, as Arrow reads them or as text, and the repair where one was needed."""
    try:
        try:
            return _parsed(text, layout, reading, typed)
        except pa.ArrowInvalid as error:
            if layout.repair or "UTF8" in str(error):
                raise
            return _checked_rows(text, replace(layout, repair=True), reading, typed, shown)
    except (UnicodeDecodeError, pa.ArrowInvalid) as error:
        if "Empty CSV" in str(error):
            raise InputError(
                f"The file {shown} has a header but no rows; {WANTED} with rows."
            ) from None
        if isinstance(error, UnicodeDecodeError) or "UTF8" in str(error):
            raise InputError(
                f"The file {shown} is not in {layout.encoding} all through; name its codec by "
                "--encoding."
            ) from None
        raise InputError(f"The file {shown} is not a readable table; {WANTED}.") from None


def _checked_rows(
    text: Text, layout: Layout, reading: Reading, typed: bool, shown: str
) -> tuple[pa.Table, Repaired | None]:
    table, repaired = _parsed(text, layout, reading, typed)
    if repaired and len(repaired.aside) > max(SET_ASIDE * repaired.count, 1):
        row = repaired.aside[0]
        raise InputError(
            f"The file {shown} is no regular table: {len(repaired.aside):,} of "
            f"{repaired.count:,} rows have more cells than the header, first row {row.row} "
            "(counted from 1, without the header); mend them, or quote cells that hold the "
            "delimiter."
        )
    return table, repaired


def _parsed(
    text: Text, layout: Layout, reading: Reading, typed: bool
) -> tuple[pa.Table, Repaired | None]:
    import pyarrow.csv as arrow_csv

    kinds = {} if typed else dict.fromkeys(layout.names, pa.large_string())
    with text.open() as stream:
        data = data_of(stream, layout)
        read, parse, convert = arrow_options(layout, reading, kinds, typed)
        # Arrow is faster where no cell can hold a line end, and its blocks may be small.
        plain = not layout.repair and layout.encoding == "utf-8"
        if plain and text.has_whole_lines(layout.quote, layout.start):
            parse.newlines_in_values, read.block_size = False, SMALL
        table = arrow_csv.read_csv(data, read, parse, convert)
    if any(pa.types.is_binary(field.type) for field in table.schema):
        raise pa.ArrowInvalid("invalid UTF8")
    return table, data if isinstance(data, Repaired) else None


def arrow_options(
    layout: Layout, reading: Reading, kinds: Mapping[str, pa.DataType], typed: bool = True
) -> Sequence[Any]:
    """What Arrow is told of a layout: to read, to parse and to convert."""
    import pyarrow.csv as arrow_csv

    encoding = "utf8" if layout.repair or layout.encoding == "utf-8" else layout.encoding
    own = {name for name, _ in layout.own} | {*layout.codes, *layout.times}
    text = {name: pa.string() for name in layout.names if name in own}
    return (
        arrow_csv.ReadOptions(encoding=encoding, block_size=BLOCK, column_names=list(layout.names)),
        arrow_csv.ParseOptions(
            delimiter="," if layout.repair else layout.delimiter,
            quote_char='"' if layout.repair else layout.quote != UNQUOTED and layout.quote,
            newlines_in_values=True,
        ),
        arrow_csv.ConvertOptions(
            column_types={**text, **kinds},
            null_values=[*MISSING, *reading.missing],
            strings_can_be_null=typed,
            true_values=TRUE,
            false_values=FALSE,
            decimal_point=layout.marks.decimal,
        ),
    )
