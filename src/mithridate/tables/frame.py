"""Any dataframe as named Arrow columns, with narwhals."""

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa
from narwhals.exceptions import DuplicateError

from .._text import listing, quote
from ..errors import InputError
from .notes import titled

SCALARS = (str, bool, int, float, np.generic)


def columns_of(frame: Any, name: str) -> dict[str, pa.ChunkedArray]:
    """Take the columns of a dataframe of any library; the frame is only read.

    Parameters
    ----------
    frame : frame
        A pandas, polars, pyarrow or other dataframe.
    name : str
        What an error calls the table.

    Returns
    -------
    dict of str to pyarrow.ChunkedArray
        The columns, by name.
    """
    columns = opened(frame, name).iter_columns()
    return {str(series.name): _computable(arrow(series)) for series in columns}


def opened(frame: Any, name: str) -> nw.DataFrame:
    """Open a frame for narwhals, if it has rows and columns with names of their own.

    Parameters
    ----------
    frame : frame
        The frame.
    name : str
        What an error calls the table.

    Returns
    -------
    narwhals.DataFrame
        The frame.

    Raises
    ------
    InputError
        If it is no frame, is empty, or two columns have one name.
    """
    try:
        table = nw.from_native(frame)
    except DuplicateError:
        names = frame.column_names if isinstance(frame, pa.Table) else list(frame.columns)
        _check_names(names, name)
        raise
    except TypeError:
        raise InputError(
            f"An object of type {type(frame).__name__} was given; give the path of a CSV or "
            "Parquet file, the name of a data set or a dataframe (pandas, polars, pyarrow)."
        ) from None
    if isinstance(table, nw.LazyFrame):
        table = table.collect()
    _check_names(table.columns, name)
    if not table.columns:
        raise InputError(f"The {titled(name)} has no columns; give a table with a header and rows.")
    if len(table) == 0:
        raise InputError(f"The {titled(name)} has a header but no rows; give a table with rows.")
    return table


def index_notes(frame: Any) -> tuple[str, ...]:
    """Say which names of an index are no columns.

    Parameters
    ----------
    frame : frame
        The frame; only one of pandas has an index.

    Returns
    -------
    tuple of str
        A sentence, if the index has names.
    """
    if not nw.dependencies.is_pandas_dataframe(frame):
        return ()
    names = [quote(str(one)) for one in frame.index.names if one is not None]
    if not names:
        return ()
    return (f"Left out as the index of the frame, not columns: {listing(names)}.",)


def _check_names(names: Any, name: str) -> None:
    twice = [quote(n) for n, count in Counter(map(str, names)).items() if count > 1]
    if twice:
        raise InputError(
            f"Columns of the {titled(name)} share a name: {listing(twice)}; "
            "give every column its own."
        ) from None


def known(column: str, names: Sequence[str], name: str, role: str) -> str:
    """Check that a table has a column.

    Parameters
    ----------
    column : str
        The column asked for.
    names : sequence of str
        The columns that there are.
    name : str
        What an error calls the table.
    role : str
        What the column is asked for.

    Returns
    -------
    str
        The column.

    Raises
    ------
    InputError
        If there is none; it names the column most like it.
    """
    if column in names:
        return column
    if (
        column.strip() and column.strip() in names
    ):  # names of a file are read without blanks around them
        return column.strip()
    short = {n[:60].lower(): n for n in reversed(names)}  # difflib is slow on endless names
    start = column[:60].lower()
    near = difflib.get_close_matches(start, short, n=1) or _holding(start, short)
    shown = listing([quote(n) for n in names])
    hint = f"the nearest of {shown} is {quote(short[near[0]])}" if near else f"give one of {shown}"
    raise InputError(f"The {titled(name)} has no column {quote(column)} {role}; {hint}.")


def _holding(part: str, names: Iterable[str]) -> list[str]:
    """Names that begin with what was asked for, then those that hold it; the shortest first.

    >>> _holding("vel", ["time[s]", "level", "vel[km/h]"])
    ['vel[km/h]', 'level']
    """
    held = [name for name in names if len(part) > 1 and part in name]
    return sorted(held, key=lambda name: (not name.startswith(part), len(name)))


def arrow(series: Any) -> pa.ChunkedArray:
    """Convert a column to Arrow, whatever its library and type.

    Parameters
    ----------
    series : series
        The column.

    Returns
    -------
    pyarrow.ChunkedArray
        The column; bytes where nothing can be done.
    """
    native = series.to_native()
    if isinstance(native, pa.ChunkedArray):
        return native
    for convert in (_plain, _dense, _narrowed, _spelled):
        try:
            array = convert(series)
        except Exception:  # each library has its own
            continue
        return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])
    # Arbitrary objects: Arrow has no type for them, and neither has regression.
    return pa.chunked_array([pa.array([b""] * len(series), pa.binary())])


def _computable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Half-precision numbers in single precision, as Arrow computes nothing with them."""
    return column.cast(pa.float32()) if pa.types.is_float16(column.type) else column


def _plain(series: Any) -> pa.Array:
    return series.to_arrow()


def _dense(series: Any) -> pa.Array:
    """Converted by NumPy: for sparse columns, and numbers wider than Arrow's."""
    values = series.to_numpy()
    if values.dtype.kind == "f" or all(isinstance(v, int) for v in values):
        values = values.astype(np.float64)
    return pa.array(values, from_pandas=True)


def _narrowed(series: Any) -> pa.Array:
    """As float64: for 128-bit integers."""
    if not series.dtype.is_numeric():  # complex numbers would lose half of themselves
        raise TypeError
    return series.cast(nw.Float64()).to_arrow()


def _spelled(series: Any) -> pa.Array:
    """Mixed scalars (numbers beside text) as text; anything else is refused."""
    values = [
        None if missing else value
        for value, missing in zip(series.to_list(), series.is_null().to_list(), strict=True)
    ]
    if not all(value is None or isinstance(value, SCALARS) for value in values):
        raise TypeError
    # Lone surrogates are legal in Python and not in Arrow.
    plain = [None if v is None else str(v).encode("utf-8", "replace").decode() for v in values]
    return pa.array(plain, pa.large_string())
