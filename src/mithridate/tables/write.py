"""Tables given back as they came: rows picked, columns added, CSV that no spreadsheet executes."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .. import _files
from .._text import counted, listing, quote
from ..errors import InputError
from .place import place, stem
from .text import CellStyle, delimited

PARQUET = (".parquet", ".pq")
TEXT = (".csv", ".tsv")


def rows_of(frame: Any, mask: np.ndarray) -> Any:
    """Pick rows of a frame.

    Parameters
    ----------
    frame : pandas, polars or pyarrow frame
        The frame.
    mask : array of bool, shape (n,)
        True where a row is wanted.

    Returns
    -------
    frame
        The rows, as they came.

    Examples
    --------
    >>> rows_of(pa.table({"a": ["x", "y", "z"]}), np.array([True, False, True])).to_pydict()
    {'a': ['x', 'z']}
    """
    if not isinstance(frame, pa.Table):
        return nw.from_native(frame, eager_only=True)[np.flatnonzero(mask)].to_native()
    try:
        return frame.filter(pa.array(mask))
    except pa.ArrowNotImplementedError:  # views and run-end encoding can be cut but not filtered
        edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
        runs = [frame.slice(a, b - a) for a, b in zip(edges[::2], edges[1::2], strict=True)]
        return pa.concat_tables(runs) if runs else frame.slice(0, 0)


def with_columns(frame: Any, added: Mapping[str, pa.Array]) -> Any:
    """Put columns after those of a frame.

    Parameters
    ----------
    frame : pandas, polars or pyarrow frame
        The frame; it stays as it is.
    added : mapping of str to pyarrow.Array
        The columns; each is called by a name that is still free.

    Returns
    -------
    frame
        The frame with them.
    """
    opened_frame = nw.from_native(frame, eager_only=True)
    free: dict[str, pa.Array] = {}
    for name, values in added.items():
        unique, k = name, 2
        while unique in map(str, opened_frame.columns):
            unique, k = f"{name} ({k})", k + 1
        free[unique] = values
    if isinstance(frame, pa.Table):
        for name, values in free.items():
            frame = frame.append_column(name, values)
        return frame
    if opened_frame.implementation.is_pandas_like():
        frame = frame.copy()  # without a copy, pandas warns when it is written to
        for name, values in free.items():
            frame[name] = values.to_numpy(zero_copy_only=False)
        return frame
    backend = opened_frame.implementation
    fresh = (nw.new_series(n, v.to_pylist(), backend=backend) for n, v in free.items())
    return opened_frame.with_columns(*fresh).to_native()


class Written(NamedTuple):
    """What was written, and where it is.

    `cells` is where the list of wrong cells is, if there are any.

    `defused` counts cells; `stale` are files of an earlier run that these are not to be read with.

    Parameters
    ----------
    kept : path
        The rows that are kept.
    quarantined : path, optional
        The rejected rows; None where there are none.
    report : path, optional
        The report.
    defused : int
        Cells that a spreadsheet would have executed.
    stale : tuple of path
        Files of an earlier run that these are not to be read with.
    cells : path, optional
        The list of wrong cells, if there are any.
    """

    kept: Path
    quarantined: Path | None
    report: Path | None
    defused: int
    stale: tuple[Path, ...]
    cells: Path | None = None

    @property
    def sentences(self) -> list[str]:
        """What was written, for the terminal."""
        lines = []
        if self.defused:
            lines.append(
                f"Defused: {counted(self.defused, 'cell')} that a spreadsheet would execute, with "
                "an apostrophe in front."
            )
        where = [f"Kept rows: {self.kept}"]
        if self.quarantined is not None:
            where.append(f"rejected rows and reasons: {self.quarantined}")
        if self.cells is not None:
            where.append(f"cells that look wrong: {self.cells}")
        if self.report is not None:
            where.append(f"report: {self.report}")
        where += [f"{path} is of an earlier run" for path in self.stale]
        return [*lines, "; ".join(where)]


def output_for(source: str) -> Path:
    """Say where the kept rows go by default.

    Parameters
    ----------
    source : str
        The table.

    Returns
    -------
    path
        A file in the current folder, in the format of the source.
    """
    where = place(source)
    path = Path(source) if where is None else where.path
    suffix = ".parquet" if path.suffix.lower() in PARQUET else ".csv"
    return Path(f"{stem(path)}.cleaned{suffix}")


def check_output(path: Path, *files: Path | None) -> Path:
    """Refuse an output before the work if its name, its folder or an input is in the way.

    Parameters
    ----------
    path : path
        The output.
    *files : path, optional
        The inputs.

    Returns
    -------
    path
        The output.

    Raises
    ------
    InputError
        If something is in the way.
    """
    if path.suffix.lower() not in (*TEXT, *PARQUET):
        if path.is_dir():
            raise InputError(
                f"The output {quote(path.name)} is a folder; give the name of a file, ending in "
                ".csv or .parquet."
            )
        raise InputError(
            f"The output {quote(path.name)} is neither CSV nor Parquet by its name; "
            "end it in .csv or .parquet."
        )
    for output in (path, quarantine_of(path), cells_of(path), report_of(path)):
        if output.is_dir():
            raise InputError(f"The output {quote(output.name)} is a folder; give another name.")
        if any(file is not None and _same(output, file) for file in files):
            raise InputError(
                f"The output {quote(output.name)} is an input too, which is never overwritten; "
                "give another name."
            )
    _files.check_folder(path.parent)
    return path


def _same(output: Path, source: Path) -> bool:
    try:
        return output.samefile(source)
    except (OSError, ValueError):  # one of them does not exist
        return False


def quarantine_of(path: Path) -> Path:
    """Say where the rejected rows go.

    Parameters
    ----------
    path : path
        The output.

    Returns
    -------
    path
        The file beside it.

    Examples
    --------
    >>> quarantine_of(Path("homes.cleaned.csv")).name, quarantine_of(Path("good.parquet")).name
    ('homes.quarantine.csv', 'good.quarantine.parquet')
    """
    return _beside(path, f"quarantine{path.suffix}")


def cells_of(path: Path) -> Path:
    """Say where the list of wrong cells goes.

    Parameters
    ----------
    path : path
        The output.

    Returns
    -------
    path
        The file beside it.

    Examples
    --------
    >>> cells_of(Path("homes.cleaned.csv")).name
    'homes.cells.csv'
    """
    return _beside(path, f"cells{path.suffix}")


def report_of(path: Path) -> Path:
    """Say where the report goes.

    Parameters
    ----------
    path : path
        The output.

    Returns
    -------
    path
        The file beside it.

    Examples
    --------
    >>> report_of(Path("homes.cleaned.csv")).name, report_of(Path("cleaned.parquet")).name
    ('homes.report.html', 'cleaned.report.html')
    """
    return _beside(path, "report.html")


def _beside(path: Path, what: str) -> Path:
    return path.with_name(f"{path.stem.removesuffix('.cleaned')}.{what}")


def stacked(
    here: Mapping[str, pa.ChunkedArray], there: Mapping[str, pa.ChunkedArray], names: Sequence[str]
) -> pa.Table:
    """Put rows of two tables beneath each other, types made alike.

    Parameters
    ----------
    here : mapping of str to pyarrow.ChunkedArray
        The columns of the table.
    there : mapping of str to pyarrow.ChunkedArray
        Those of the trusted rows.
    names : sequence of str
        The columns that are wanted.

    Returns
    -------
    pyarrow.Table
        The rows of both.

    Raises
    ------
    InputError
        If the trusted rows lack a column, or hold other types.
    """
    lacking = [quote(column) for column in names if column not in there]
    if lacking:
        raise InputError(
            f"The trusted rows lack columns of the table: {listing(lacking)}; give rows with the "
            "same columns, or leave these out with --drop."
        )
    columns = []
    for name in names:
        parts = [pa.table({"cells": _plain(cells[name])}) for cells in (here, there)]
        try:
            columns.append(pa.concat_tables(parts, promote_options="permissive").column(0))
        except (pa.ArrowException, NotImplementedError):
            kinds = [str(part.schema.types[0]) for part in parts]
            raise InputError(
                f"The column {quote(name)} is of type {kinds[0]} in the table and {kinds[1]} in "
                "the trusted rows; make them alike."
            ) from None
    return pa.Table.from_arrays(columns, names=list(names))


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    return column.cast(kind.value_type) if pa.types.is_dictionary(kind) else column


def write(files: Mapping[Path, Any]) -> int:
    """Write frames to CSV or Parquet files, pieces and text as they are.

    All files are written or none; they go into one folder. In CSV a text cell or a name that a
    spreadsheet would execute, as it starts with = + - @, a tab or a carriage return, gets an
    apostrophe in front. Numbers are never touched, spelled in text or not.

    Parameters
    ----------
    files : mapping of path to object
        What goes where; all into one folder.

    Returns
    -------
    int
        How many cells were defused.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    defused = 0
    with _files.together(next(iter(files)).parent) as fresh:
        for path, content in files.items():
            if isinstance(content, str):
                (fresh / path.name).write_text(content, encoding="utf-8")
            elif isinstance(content, Iterator):
                defused += _write_pieces(content, fresh / path.name)
            elif path.suffix.lower() in PARQUET:
                pq.write_table(_as_arrow(content, path), fresh / path.name)
            else:
                style = CellStyle("\t") if path.suffix.lower() == ".tsv" else CellStyle()
                defused += _write_pieces(delimited(content, style), fresh / path.name)
    return defused


def _write_pieces(pieces: Iterator[tuple[bytes, int]], path: Path) -> int:
    """Writes bytes, and counts the cells in them that were defused."""
    total = 0
    with path.open("wb") as file:
        for piece, defused in pieces:
            file.write(piece)
            total += defused
    return total


def _as_arrow(frame: Any, path: Path) -> pa.Table:
    try:
        return frame if isinstance(frame, pa.Table) else nw.from_native(frame).to_arrow()
    except (pa.ArrowException, TypeError, ValueError):
        raise InputError(
            f"The table holds objects that Parquet has no type for, so {quote(path.name)} cannot "
            "be written; give an output that ends in .csv."
        ) from None
