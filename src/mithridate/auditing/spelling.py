"""A poisoned copy as text: the rows of the file as they came, and poison spelled as they are."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Int

from ..data import Opened
from ..errors import InputError
from ..tables.decode import decode, keeps_cells
from ..tables.encoded import Columns, Encoded
from ..tables.ids import continued
from ..tables.lattice import decimals, nearest, toward
from ..tables.numerals import SCALED
from ..tables.records import Records, records
from ..tables.text import CellStyle, delimited
from ..tables.verbatim import Verbatim, verbatim

FALSE, TRUE = "false", "true"


class Spelling(NamedTuple):
    """A file as text, which of its rows stay, and the poison as text.

    Parameters
    ----------
    file : Verbatim
        The file.
    stays : array of bool, shape (n,)
        Whether each row stays.
    poison : pyarrow.Table
        The poison rows.
    mark : str
        The new column that tells which rows are poison.
    """

    file: Verbatim
    stays: Bool[np.ndarray, " n"]
    poison: pa.Table
    mark: str

    def pieces(self) -> Iterator[tuple[bytes, int]]:
        """Give the bytes of the poisoned copy, in the layout of the file.

        Yields
        ------
        pair of bytes and int
            Pieces, each with the number of cells that were defused in it.
        """
        layout, style, cut = self.file.layout, self.file.style, None
        named = [name.strip() for name in layout.written] == [*layout.names]
        if not layout.repair and (named or not layout.written):
            cut = records(self.file.path, self.file.packed, layout, self.file.rows)
        if cut is None:
            kept = self.file.rows.filter(pa.array(self.stays))
            yield from delimited(self._marked(kept, FALSE), style)
        else:
            yield from self._copied(cut, style)
        yield from delimited(self._marked(self.poison, TRUE), style, header=False)

    def _copied(self, cut: Records, style: CellStyle) -> Iterator[tuple[bytes, int]]:
        """The rows as they came, each with one more cell."""
        layout, mark = self.file.layout, style.quote
        head = cut.head.decode(layout.encoding)
        if layout.written:
            name = f"{mark}{self.mark}{mark}" if style.names_quoted else self.mark
            head = head.rstrip("\r\n") + style.delimiter + name + style.line_end
        yield head.encode(layout.encoding), 0
        word = f"{mark}{FALSE}{mark}" if style.all_quoted else FALSE
        tail = f"{style.delimiter}{word}{style.line_end}".encode()
        rows = b"".join(cut.row(int(i)).rstrip(b"\r\n") + tail for i in np.flatnonzero(self.stays))
        yield (style.encoded(rows) if cut.recoded else rows), 0

    def _marked(self, rows: pa.Table, word: str) -> pa.Table:
        return rows.append_column(self.mark, pa.array([word] * rows.num_rows, pa.large_string()))


def spelling(
    table: Opened,
    encoded: Encoded,
    rows: tuple[Float[np.ndarray, "p d"], Float[np.ndarray, " p"], Int[np.ndarray, " p"]],
    gone: Int[np.ndarray, " g"] | None,
    mark: str,
    kept: Collection[str] = (),
) -> Spelling | None:
    """Spell a poisoned copy as text, where the table came from a delimited file.

    Parameters
    ----------
    table : Opened
        The table.
    encoded : Encoded
        The table as numbers.
    rows : tuple of array, shapes (p, d), (p,) and (p,)
        Features and targets of the poison, in the table's units, and the row that each started
        from.
    gone : array of int, shape (g,), optional
        Rows that the poison replaces.
    mark : str
        The new column.
    kept : collection of str
        Columns that keep to numbers that they have already.

    Returns
    -------
    Spelling or None
        The copy; None for another kind of table.
    """
    if table.path is None:
        return None
    n = len(encoded.y)
    numbers = np.arange(1, n + 1) if table.numbers is None else table.numbers
    cells = verbatim(table.path, n + len(table.account.aside), table.reading)
    if cells is None:
        return None
    layout = cells.layout
    marks = dict.fromkeys(layout.names, layout.marks) | dict(layout.own)
    text = cells.rows.take(pa.array(numbers - 1))
    made = decode(text, encoded, *rows, marks=marks, kept=kept)
    made = with_ids(made, text, used(encoded))
    stays = np.zeros(cells.rows.num_rows, dtype=bool)
    stays[numbers - 1] = True
    if gone is not None:
        stays[numbers[gone] - 1] = False
    return Spelling(cells, stays, made, mark)


def used(encoded: Encoded) -> set[str]:
    """Name the columns that features and the target come from.

    Parameters
    ----------
    encoded : Encoded
        The table as numbers.

    Returns
    -------
    set of str
        The columns.
    """
    return {*encoded.columns.column, encoded.target}


def with_ids(made: Any, frame: Any, used: set[str]) -> Any:
    """Let running numbers and ids of poison rows go on where those of the table end.

    Parameters
    ----------
    made : frame
        The poison rows.
    frame : frame
        The table.
    used : set of str
        Columns that are features or the target.

    Returns
    -------
    frame
        The poison rows.
    """
    table, rows = (nw.from_native(part, eager_only=True) for part in (frame, made))
    fresh = []
    for name in table.columns:
        kind = table[name].dtype
        if name in used or not (kind.is_integer() or kind in (nw.String, nw.Object)):
            continue
        ids = continued(table[name].to_list(), len(rows))
        if ids is not None:
            backend = nw.get_native_namespace(table)
            fresh.append(nw.new_series(name, ids, kind, backend=backend))
    if not fresh:
        return made
    plain = nw.to_native(rows)
    if nw.dependencies.is_pandas_dataframe(plain):
        plain = plain.copy()
        for series in fresh:
            plain[series.name] = series.to_numpy()
            plain[series.name] = plain[series.name].astype(frame[series.name].dtype)
        return plain
    return rows.with_columns(*fresh).to_native()


def rounded(
    rows: Float[np.ndarray, "p k"],
    encoded: Encoded,
    origin: Int[np.ndarray, " p"],
    kept: Collection[str],
) -> Float[np.ndarray, "p k"]:
    """Round poison so that the columns of the table can hold it.

    It has no more decimals than they have, and is no farther from where it started; in columns that
    are `kept` it has numbers that the table has.

    Parameters
    ----------
    rows : array of float, shape (p, k)
        The poison, in the table's units.
    encoded : Encoded
        The table as numbers.
    origin : array of int, shape (p,)
        The row that each started from.
    kept : collection of str
        Columns that keep to numbers that they have already.

    Returns
    -------
    array of float, shape (p, k)
        The poison.
    """
    made = rows.copy()
    for j, name in enumerate((*encoded.columns.column, encoded.target)):
        goal = j == rows.shape[1] - 1
        known = encoded.y if goal else encoded.X[:, j]
        hot = not goal and encoded.columns.group[j] >= 0
        if not hot and name in kept:
            made[:, j] = nearest(rows[:, j], known)
            continue
        places = None if encoded.columns.step[j] > 0 else decimals(known)
        if places is not None:
            start = np.where(np.isnan(known[origin]), rows[:, j], known[origin])
            made[:, j] = toward(rows[:, j], start, places)
    return made


def keeping(table: Opened) -> set[str]:
    """Name the columns whose poison has numbers that they have already.

    Parameters
    ----------
    table : Opened
        The table.

    Returns
    -------
    set of str
        Those with times, and those such as `3K` beside `2M`.
    """
    scaled = {one.column for one in table.account.decisions if one.kind == SCALED}
    return scaled | {name for name, column in table.columns.items() if keeps_cells(column)}


def parts_of_dates(columns: Columns) -> list[str]:
    """Name the features made of dates, which are no columns of the table that poison could write.

    Parameters
    ----------
    columns : Columns
        The features.

    Returns
    -------
    list of str
        Days, months and weekdays, as a threat model names them.
    """
    each = zip(columns.column, columns.source, strict=True)
    return list(dict.fromkeys(source for column, source in each if column in columns.dated))


def check_own_columns(names: Sequence[str], mark: str) -> None:
    """Refuse a table whose poison could not be marked.

    Parameters
    ----------
    names : sequence of str
        The columns.
    mark : str
        The new column.

    Raises
    ------
    InputError
        If a column is in the way.
    """
    if mark in names:
        raise InputError(f"The table has a column {mark!r} already; rename it first.")
