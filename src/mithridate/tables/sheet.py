"""Rows of any dataframe by their numbers, with some cells new; each library in its own way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa
from jaxtyping import Int

from .._text import quote
from ..errors import InputError
from .frame import arrow, opened
from .notes import titled

Fresh = Sequence[Any] | np.ndarray


@dataclass(frozen=True, eq=False)
class Pick:
    """Cells of a column.

    Parameters
    ----------
    rows : array of int, shape (p,)
        Which of its `N` rows each cell is taken from; from `N` on, which of `fresh`.
    fresh : cells
        New cells.
    """

    rows: Int[np.ndarray, " p"]
    fresh: Fresh = ()


@dataclass(frozen=True, eq=False)
class Sheet:
    """A dataframe to take cells from; it is only read. Columns go by their place in it.

    Parameters
    ----------
    table : narwhals.DataFrame
        The frame.
    columns : sequence of narwhals.Series
        Its columns.
    """

    table: nw.DataFrame
    columns: Sequence[nw.Series]

    @classmethod
    def of(cls, frame: Any, name: str) -> "Sheet":
        """Open a frame; what `encode` refuses to read is refused.

        Parameters
        ----------
        frame : frame
            The frame.
        name : str
            What an error calls the table.

        Returns
        -------
        Sheet
            The sheet.
        """
        table = opened(frame, name)
        return cls(table, list(table.iter_columns()))

    def place(self, column: str, name: str) -> int:
        """Find a column by the name that the encoding gives it.

        Parameters
        ----------
        column : str
            The name.
        name : str
            What an error calls the table.

        Returns
        -------
        int
            Its place.
        """
        names = [str(series.name) for series in self.columns]
        if column in names:
            return names.index(column)
        raise InputError(
            f"The {titled(name)} has no column {quote(column)}, though its encoding has; "
            "give the very table that was encoded."
        )

    def arrow(self, place: int) -> pa.ChunkedArray:
        """Give a column as `encode` read it.

        Parameters
        ----------
        place : int
            Its place.

        Returns
        -------
        pyarrow.ChunkedArray
            The column.
        """
        return arrow(self.columns[place])

    def bounds(self, place: int) -> tuple[int, int] | None:
        """Give the least and the largest integer that a column's type holds.

        Parameters
        ----------
        place : int
            Its place.

        Returns
        -------
        pair of int, or None
            The two; None where the type is no integer.
        """
        kind = self.columns[place].dtype
        if not kind.is_integer():
            return None
        bits = int("".join(c for c in str(kind) if c.isdigit()))
        if kind.is_unsigned_integer():
            return 0, 2**bits - 1
        return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1

    def kinds(self, place: int) -> list[type]:
        """Name the Python types in a column of objects.

        Parameters
        ----------
        place : int
            Its place.

        Returns
        -------
        list of type
            The types; none for a column with a type of its own.
        """
        series = self.columns[place]
        if series.dtype != nw.Object:
            return []
        known = zip(series.to_list(), series.is_null().to_list(), strict=True)
        return list({type(value) for value, missing in known if not missing})

    def gather(self, rows: np.ndarray, picks: Mapping[int, Pick]) -> Any:
        """Build a frame of the same library and schema.

        Parameters
        ----------
        rows : array of int, shape (p,)
            Rows of the table.
        picks : mapping of int to Pick
            The columns whose cells come from elsewhere, by their places.

        Returns
        -------
        frame
            The frame.
        """
        native = self.table.to_native()
        if self.table.implementation.is_pyarrow():
            every = {i: picks.get(i, Pick(rows)) for i in range(len(self.columns))}
            columns = [_arrow_cells(native.column(i), pick) for i, pick in every.items()]
            return pa.Table.from_arrays(columns, schema=native.schema)
        taken = self.table[rows].to_native()
        if self.table.implementation.is_polars():
            cells = (_polars_cells(self.columns[i].to_native(), pick) for i, pick in picks.items())
            return taken.with_columns(*cells)
        taken = taken.copy()  # without a copy, pandas warns when it is written to
        concat = nw.get_native_namespace(self.table).concat
        for i, pick in picks.items():
            taken.isetitem(i, _pandas_cells(native.iloc[:, i], pick, taken.index, concat))
        return taken


def _arrow_cells(column: pa.ChunkedArray, pick: Pick) -> pa.ChunkedArray:
    if len(pick.fresh):
        fresh = pa.array(pick.fresh, column.type)
        column = pa.chunked_array([*column.chunks, fresh], column.type)
    try:
        return column.take(pa.array(pick.rows))
    except pa.ArrowNotImplementedError:  # views and run-end encoding can be cut but not taken from
        cells = [column.slice(row, 1).chunk(0) for row in pick.rows.tolist()]
        return pa.chunked_array([pa.concat_arrays(cells)] if cells else [], column.type)


def _polars_cells(column: Any, pick: Pick) -> Any:
    if len(pick.fresh):
        fresh = type(column)(column.name, pick.fresh, dtype=column.dtype)
        column = column.clone().append(fresh)
    return column[pick.rows]


def _pandas_cells(column: Any, pick: Pick, index: Any, concat: Any) -> Any:
    if len(pick.fresh):
        fresh = type(column)(pick.fresh, dtype=column.dtype)
        column = concat([column, fresh], ignore_index=True)
    cells = column.iloc[pick.rows]
    cells.index = index  # or pandas would align by label
    return cells
