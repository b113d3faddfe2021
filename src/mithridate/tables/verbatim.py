"""The rows of a file just as they are spelled there."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Bool

from .._text import quote
from ..errors import InputError
from . import read
from .encoding import BOMS
from .reading import ANY, Aside, Layout, Reading
from .records import records
from .text import CellStyle, active_rows, delimited

MANY = 1000  # rows at most that are written again one by one


class Verbatim(NamedTuple):
    """All rows of a file as text, those that are no data too, and how the file is laid out.

    Parameters
    ----------
    rows : pyarrow.Table
        The rows, without cells beyond the columns of the table.
    layout : Layout
        How the file is laid out.
    path : pathlib.Path
        The file.
    packed : str
        How it is packed.
    """

    rows: pa.Table
    layout: Layout
    path: Path
    packed: str = ""

    @property
    def style(self) -> CellStyle:
        """How the file spells its cells."""
        mark = next((b for b, codec in BOMS if codec == self.layout.encoding), b"")
        return CellStyle.of(self.layout, mark if self.layout.bom else b"")

    def copied(self, mask: Bool[np.ndarray, " n"]) -> Iterator[tuple[bytes, int]]:
        """Copy some rows of the file.

        A row that a spreadsheet would execute is spelled anew, and all are where the file cannot be
        cut into rows.

        Parameters
        ----------
        mask : array of bool, shape (n,)
            Whether each is copied.

        Yields
        ------
        pair of bytes and int
            Pieces, each with the number of cells that were defused.
        """
        active = active_rows(self.rows) & mask
        cut = records(self.path, self.packed, self.layout, self.rows)
        names = pa.table({str(i): [name] for i, name in enumerate(self.layout.names)})
        if cut is None or active.sum() > MANY or active_rows(names).any():
            yield from delimited(self.rows.filter(pa.array(mask)), self.style)
            return
        yield cut.head, 0
        first = 0
        for row in [*np.flatnonzero(active).tolist(), len(mask)]:
            part = np.zeros(len(mask), dtype=bool)
            part[first:row] = mask[first:row]
            yield self.style.encoded(cut.rows(part)) if cut.recoded else cut.rows(part), 0
            if row < len(mask):
                yield from delimited(self.rows.slice(row, 1), self.style, header=False)
            first = row + 1


def verbatim(path: Path, n: int, reading: Reading = ANY) -> Verbatim | None:
    """Read the rows of a delimited file as they are spelled.

    So `007` stays `007` and `NA` stays `NA`, which they would not by way of numbers.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    n : int
        How many rows it has.
    reading : Reading
        How it is read, where that is not to be found out.

    Returns
    -------
    Verbatim or None
        The rows; None for a file of another kind.

    Raises
    ------
    InputError
        If the file is no longer the one that was read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "codes.csv")
    ...     _ = path.write_text("code;size\\n007;1.50\\nNA;2\\n")
    ...     found = verbatim(path, 2)
    >>> found.rows.to_pylist(), found.layout.delimiter
    ([{'code': '007', 'size': '1.50'}, {'code': 'NA', 'size': '2'}], ';')
    """
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError:
        raise _changed(path) from None
    if start == b"PAR1" or zipfile.is_zipfile(path):
        return None
    shown, packed = quote(path.name), "gzip" if start[:2] == b"\x1f\x8b" else ""
    text = read.Text(path, packed)
    try:
        layout = read.laid_out(text, reading, shown)
        rows, repaired = read.parsed(text, layout, reading, shown, typed=False)
    except (InputError, OSError):
        raise _changed(path) from None
    if repaired is not None and repaired.aside:
        rows = _with_long(rows, repaired.aside)
    if len(rows) != n:
        raise _changed(path)
    return Verbatim(rows, layout, path, packed)


def _with_long(rows: pa.Table, long: list[Aside]) -> pa.Table:
    """The rows with those of too many cells in their places."""
    cells = zip(*(row.cells for row in long), strict=True)
    columns = [pa.array(column, pa.large_string()) for column in cells]
    added = pa.table(columns, names=rows.column_names).cast(rows.schema)
    numbers = read.numbers_of(len(rows), long)
    places = np.argsort(np.append(numbers, [row.row for row in long]), kind="stable")
    return pa.concat_tables([rows, added]).take(pa.array(places))


def _changed(path: Path) -> InputError:
    return InputError(f"The file {quote(path.name)} changed since it was read; start again.")
