"""The bytes of a file from its first row of data on, rows that are not alike made alike."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from ..errors import InputError
from .layout import BLANK, Dialect, Row, long_cells, rows_of
from .reading import Aside, Layout

CHUNK = 1 << 20  # characters written at a time
GAP = (
    "Cells of {} stand between blanks, and a row has fewer than the header: which one is missing "
    "cannot be told; write the file with commas, or with a word such as NA for a missing cell."
)
TOO_LONG = "it has more cells than the header"


class Repaired(io.RawIOBase):
    """A file as plain CSV in UTF-8 without a header: every row as wide as the names.

    Short rows are filled with missing cells (`padded` counts them), and rows with more cells than
    names are set aside (`aside`). Cells beyond the names that are blank are left out.

    Parameters
    ----------
    stream : binary file
        The file.
    layout : Layout
        How it is laid out.
    blanks : bool
        Whether an empty row takes the place of a row that is set aside.
    """

    def __init__(self, stream: Any, layout: Layout, blanks: bool = False) -> None:
        super().__init__()
        self._blanks = blanks
        self.padded, self.count, self.aside = 0, 0, list[Aside]()
        self._layout, self._left, self._names = layout, b"", len(layout.names)
        self._chunks = self._written(stream)

    def readable(self) -> bool:
        """Say that it can be read.

        Returns
        -------
        bool
            True.
        """
        return True

    def readinto(self, buffer: Any) -> int:
        """Read the next bytes.

        Parameters
        ----------
        buffer : writable buffer
            Where they go.

        Returns
        -------
        int
            How many there were; 0 at the end.
        """
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._left = chunk
        n = min(len(buffer), len(self._left))
        buffer[:n], self._left = self._left[:n], self._left[n:]
        return n

    def _written(self, stream: Any) -> Iterator[bytes]:
        """The rows as CSV, a chunk at a time."""
        layout = self._layout
        lines = io.TextIOWrapper(bytes_of(stream), layout.encoding, newline="")
        dialect = Dialect(layout.delimiter, layout.quote)
        out = io.StringIO(newline="")
        writer = csv.writer(out, quoting=csv.QUOTE_MINIMAL, lineterminator="\n")
        with long_cells():
            for row in rows_of(lines, dialect):
                kept = self._fitted(row)
                if kept is not None:
                    # A row of blank cells alone would be an empty line, which is none.
                    writer.writerow(kept)
                if out.tell() > CHUNK:
                    yield out.getvalue().encode("utf-8", "replace")
                    out.seek(0)
                    out.truncate()
        yield out.getvalue().encode("utf-8", "replace")

    def _fitted(self, row: Row) -> Row | None:
        if not row:
            return None
        self.count += 1
        n = self._names
        if len(row) < n:
            if self._layout.delimiter == BLANK:
                raise short_row("the file")
            blank = not any(cell.strip() for cell in row)
            if blank and len(row) == 1:  # a line of nothing but blanks
                self.count -= 1
                return None
            self.padded += not blank
            return [*row, *[""] * (n - len(row))]
        if any(cell.strip() for cell in row[n:]):
            self.aside.append(Aside(self.count, TOO_LONG, tuple(row[:n]), tuple(row[n:])))
            return [""] * n if self._blanks else None
        return row[:n]


def short_row(shown: str) -> InputError:
    """Word the refusal of a row of cells between blanks that lacks one.

    Parameters
    ----------
    shown : str
        What the file is called.

    Returns
    -------
    InputError
        The sentence.
    """
    return InputError(GAP.format(shown))


def typed(aside: Sequence[Aside], schema: pa.Schema) -> pa.Table:
    """Take rows set aside as far as a table of these types can hold their cells.

    Parameters
    ----------
    aside : sequence of Aside
        The rows.
    schema : pyarrow.Schema
        The types.

    Returns
    -------
    pyarrow.Table
        The rows.
    """
    columns = []
    for i, kind in enumerate(schema.types):
        cells = [one.cells[i] if i < len(one.cells) else None for one in aside]
        columns.append(pa.array([_as(cell, kind) for cell in cells], kind))
    return pa.Table.from_arrays(columns, schema=schema)


def _as(cell: str | None, kind: pa.DataType) -> Any:
    try:
        return pa.scalar(cell, pa.string()).cast(kind).as_py()
    except (pa.ArrowException, NotImplementedError):
        return None


class _ByteReader(io.RawIOBase):
    """An Arrow stream as a Python file that can be read."""

    def __init__(self, stream: Any) -> None:
        super().__init__()
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def bytes_of(stream: Any) -> io.BufferedReader:
    """Make a Python file of an Arrow stream.

    Parameters
    ----------
    stream : pyarrow.NativeFile
        The stream.

    Returns
    -------
    io.BufferedReader
        The file.
    """
    return io.BufferedReader(_ByteReader(stream))


def skipped(stream: Any, count: int) -> None:
    """Move a stream on by a number of bytes, or to its end.

    Parameters
    ----------
    stream : binary file
        The file.
    count : int
        The bytes.
    """
    while count:
        read = len(stream.read(count))
        if not read:
            break
        count -= read


def data_of(stream: Any, layout: Layout, blanks: bool = False) -> Any:
    """Move a stream to the first row of data, and repair it where that is needed.

    Parameters
    ----------
    stream : binary file
        The file.
    layout : Layout
        How it is laid out.
    blanks : bool
        Whether an empty row takes the place of a row that is set aside.

    Returns
    -------
    binary file
        The data.
    """
    skipped(stream, layout.start)
    return Repaired(stream, layout, blanks) if layout.repair else stream


__all__ = ["BLANK", "TOO_LONG", "Repaired", "data_of"]
