"""The rows of a delimited file as the bytes that they are."""

import csv
import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Int

from .layout import BLANK, Dialect, long_cells, rows_of
from .reading import Layout

LF, CR = 10, 13
LOOKED = 50  # rows that are compared with those that were parsed


class Records(NamedTuple):
    """A file cut into rows: row `i` is `data[bounds[i] : ends[i]]`.

    Parameters
    ----------
    head : bytes
        What stands before the first row.
    data : bytes
        The rows.
    bounds, ends : array of int, shape (n,)
        Where each row begins and ends.
    codec : str
        How the file is encoded.
    recoded : bool
        Whether `data` are UTF-8 in place of UTF-16.
    """

    head: bytes
    data: bytes
    bounds: Int[np.ndarray, " n"]
    ends: Int[np.ndarray, " n"]
    codec: str
    recoded: bool = False

    def rows(self, mask: Bool[np.ndarray, " n"]) -> bytes:
        """Take some rows, as they came.

        Parameters
        ----------
        mask : array of bool, shape (n,)
            Whether each is taken.

        Returns
        -------
        bytes
            The rows.
        """
        edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
        view = memoryview(self.data)
        # Rows that follow each other are copied at once, and blank lines between them with them.
        runs = (view[self.bounds[a] : self.ends[b - 1]] for a, b in edges.reshape(-1, 2).tolist())
        return b"".join(runs)

    def row(self, i: int) -> bytes:
        """Take one row, with its line end.

        Parameters
        ----------
        i : int
            Its position.

        Returns
        -------
        bytes
            The row.
        """
        return self.data[self.bounds[i] : self.ends[i]]


def records(path: Path, packed: str, layout: Layout, rows: pa.Table) -> Records | None:
    """Cut a file into the bytes of its rows.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    packed : str
        How it is packed.
    layout : Layout
        How it is laid out.
    rows : pyarrow.Table
        The rows that were parsed, as text.

    Returns
    -------
    Records or None
        The rows; None where they cannot be told apart, as by a stray quote.
    """
    with pa.input_stream(str(path), compression=packed or None) as stream:
        whole = stream.read()
    head, data, codec = whole[: layout.start], whole[layout.start :], layout.encoding
    recoded = codec.startswith("utf-16")
    if recoded:
        data, codec = data.decode(codec).encode(), "utf-8"
    ends = _ends(np.frombuffer(data, np.uint8), ord(layout.quote))
    if not len(ends) or ends[-1] < len(data):
        ends = np.append(ends, len(data))
    bounds = np.append(0, ends[:-1])
    # Lines without anything are no rows; short ones are looked at, no longer ones can be blank.
    maybe = np.flatnonzero(ends - bounds <= 2 if layout.delimiter != BLANK else ends > bounds)
    blank = [i for i in maybe.tolist() if not data[bounds[i] : ends[i]].strip()]
    made = Records(head, data, np.delete(bounds, blank), np.delete(ends, blank), codec, recoded)
    return made if _same(made, layout, rows) else None


def _ends(data: Int[np.ndarray, " m"], quote: int) -> Int[np.ndarray, " n"]:
    """Where each line ends that ends a row: one within quotes does not."""
    mark = LF if (data == LF).any() or not (data == CR).any() else CR
    at = np.flatnonzero(data == mark)
    quotes = np.flatnonzero(data == quote)
    if len(quotes):
        at = at[np.searchsorted(quotes, at) % 2 == 0]
    return at + 1


def _same(made: Records, layout: Layout, rows: pa.Table) -> bool:
    """Whether these are the rows that were parsed, as far as some of them tell."""
    n = len(made.ends)
    if n != rows.num_rows:
        return False
    dialect = Dialect(layout.delimiter, layout.quote)
    for i in np.unique(np.linspace(0, n - 1, min(n, LOOKED)).astype(int)).tolist():
        text = made.row(i).decode(made.codec, "replace")
        with long_cells():
            try:
                cells = next(iter(rows_of(io.StringIO(text, newline=""), dialect)), [])
            except csv.Error:
                return False
        parsed = [column[i].as_py() or "" for column in rows.columns]
        cells = [*cells, *[""] * (len(parsed) - len(cells))][: len(parsed)]
        if [c.strip() for c in cells] != [c.strip() for c in parsed]:
            return False
    return True
