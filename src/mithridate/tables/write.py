"""Tables given back as they came: rows picked, columns added, CSV that no spreadsheet executes."""

# pyright: reportAttributeAccessIssue=false
# (Arrow makes its compute functions at import, where a type checker cannot see them.)

import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .. import _files
from .._text import counted, listing, quote
from ..errors import InputError
from .frame import columns_of, opened
from .place import place, stem

PARQUET = (".parquet", ".pq")
TEXT = (".csv", ".tsv")
BLOCK = 1 << 16  # rows formatted at a time
# What a spreadsheet executes when a cell starts so; numbers and lone signs it takes as they are.
ACTIVE = r"^[=+\-@\t\r]"
HARMLESS = r"^(?i:[+-]?(?:\d[\d.,' ]*|[.,]\d+)(?:e[+-]?\d+)?%?|[+-](?:inf|infinity|nan)|[+-]+)$"
WORDS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)


def rows_of(frame: Any, mask: np.ndarray) -> Any:
    """The rows of a pandas, polars or pyarrow frame where `mask` (n,) is True, as they came.

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
    """The frame with columns put after its own, each called by a name that is still free."""
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
        frame = frame.copy()  # or pandas warns whoever writes to it
        for name, values in free.items():
            frame[name] = values.to_numpy(zero_copy_only=False)
        return frame
    backend = opened_frame.implementation
    fresh = (nw.new_series(n, v.to_pylist(), backend=backend) for n, v in free.items())
    return opened_frame.with_columns(*fresh).to_native()


class Written(NamedTuple):
    """Where the rows are: `kept`, `quarantined` (None where there are none) and the `report`.

    `defused` counts cells; `stale` are files of an earlier run that these are not to be read with.
    """

    kept: Path
    quarantined: Path | None
    report: Path | None
    defused: int
    stale: tuple[Path, ...]

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
        if self.report is not None:
            where.append(f"report: {self.report}")
        where += [f"{path} is of an earlier run" for path in self.stale]
        return [*lines, "; ".join(where)]


def output_for(source: str) -> Path:
    """Where the kept rows go if nobody says: the current folder, in the format of the source."""
    where = place(source)
    path = Path(source) if where is None else where.path
    suffix = ".parquet" if path.suffix.lower() in PARQUET else ".csv"
    return Path(f"{stem(path)}.cleaned{suffix}")


def check_output(path: Path, *files: Path | None) -> Path:
    """The output, refused before the work if its name, its folder or an input is in the way."""
    if path.suffix.lower() not in (*TEXT, *PARQUET):
        raise InputError(
            f"The output {quote(path.name)} is neither CSV nor Parquet by its name; "
            "end it in .csv or .parquet."
        )
    for output in (path, quarantine_of(path), report_of(path)):
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
    """Where the rejected rows go.

    >>> quarantine_of(Path("homes.cleaned.csv")).name, quarantine_of(Path("good.parquet")).name
    ('homes.quarantine.csv', 'good.quarantine.parquet')
    """
    return _beside(path, f"quarantine{path.suffix}")


def report_of(path: Path) -> Path:
    """Where the report goes.

    >>> report_of(Path("homes.cleaned.csv")).name, report_of(Path("cleaned.parquet")).name
    ('homes.report.html', 'cleaned.report.html')
    """
    return _beside(path, "report.html")


def _beside(path: Path, what: str) -> Path:
    return path.with_name(f"{path.stem.removesuffix('.cleaned')}.{what}")


def stacked(
    here: Mapping[str, pa.ChunkedArray], there: Mapping[str, pa.ChunkedArray], names: Sequence[str]
) -> pa.Table:
    """Rows of two tables beneath each other, in the columns `names`, types made alike."""
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


def write(files: Mapping[Path, Any], delimiter: str = ",") -> int:
    """Writes frames to CSV or Parquet files and text as it is, all or none; counts defused cells.

    All go into one folder. In CSV a text cell or a name that a spreadsheet would execute, as it
    starts with = + - @, a tab or a carriage return, gets an apostrophe in front. Numbers are never
    touched, spelled in text or not.
    """
    folder, defused = next(iter(files)).parent, 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=folder, prefix=".new-"))
    except OSError as error:
        raise _files.unwritable(folder, error) from None
    try:
        for path, content in files.items():
            if isinstance(content, str):
                (fresh / path.name).write_text(content, encoding="utf-8")
            elif path.suffix.lower() in PARQUET:
                pq.write_table(_as_arrow(content, path), fresh / path.name)
            else:
                mark = "\t" if path.suffix.lower() == ".tsv" else delimiter
                defused += _write_text(content, fresh / path.name, mark)
        for path in files:
            (fresh / path.name).replace(path)
    except OSError as error:
        raise _files.unwritable(folder, error) from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return defused


def _as_arrow(frame: Any, path: Path) -> pa.Table:
    try:
        return frame if isinstance(frame, pa.Table) else nw.from_native(frame).to_arrow()
    except (pa.ArrowException, TypeError, ValueError):
        raise InputError(
            f"The table holds objects that Parquet has no type for, so {quote(path.name)} cannot "
            "be written; give an output that ends in .csv."
        ) from None


def _write_text(frame: Any, path: Path, delimiter: str) -> int:
    """Writes delimited text, and counts the cells that were defused."""
    # A frame without rows has been seen to by whoever calls: `open` would refuse it.
    shown = columns_of(opened(frame, "table").to_native(), "table")
    names, columns = list(shown), list(shown.values())
    header, defused = _defused(pa.array(names, pa.large_string()))
    with path.open("wb") as file:
        file.write(_lines((header.slice(i, 1) for i in range(len(names))), delimiter))
        for start in range(0, len(columns[0]), BLOCK):
            cells = []
            for name, column in zip(names, columns, strict=True):
                text, count = _spelled(column.slice(start, BLOCK), name)
                cells.append(text)
                defused += count
            file.write(_lines(cells, delimiter))
    return defused


def _spelled(column: pa.ChunkedArray, name: str) -> tuple[pa.Array, int]:
    """Cells as text without nulls, and how many of them were defused."""
    column = _plain(column)
    kind = column.type
    try:
        text = column.cast(pa.large_string()).combine_chunks()
    except (pa.ArrowException, NotImplementedError):
        raise InputError(
            f"The column {quote(name)} is of type {kind}, which CSV cannot hold; give an output "
            "that ends in .parquet."
        ) from None
    if isinstance(text, pa.ChunkedArray):  # of no chunks
        text = pa.concat_arrays(text.chunks) if text.num_chunks else pa.array([], text.type)
    if pa.types.is_floating(kind):
        text = pc.replace_substring_regex(text, r"^nan$", "")
        text = pc.replace_substring_regex(text, r"^(-?\d+)$", r"\1.0")  # a float stays a float
    text = text.fill_null("")
    return _defused(text) if any(is_text(kind) for is_text in WORDS) else (text, 0)


def _defused(text: pa.Array) -> tuple[pa.Array, int]:
    active = pc.match_substring_regex(text, ACTIVE)
    if not pc.any(active, min_count=0).as_py():
        return text, 0
    active = pc.and_(active, pc.invert(pc.match_substring_regex(text, HARMLESS)))
    return pc.if_else(active, _around(text, "'", ""), text), pc.sum(active).as_py() or 0


def _lines(cells: Iterable[pa.Array], delimiter: str) -> bytes:
    """Rows of delimited text: cells that hold a quote, a delimiter or a line end are quoted."""
    quoted = [_quoted(column, delimiter) for column in cells]
    rows = pc.binary_join_element_wise(*quoted, _word(delimiter))
    ended = _around(rows, "", "\n")
    end = int(np.frombuffer(ended.buffers()[1], dtype=np.int64)[ended.offset + len(ended)])
    return ended.buffers()[2].slice(0, end).to_pybytes()


def _quoted(text: pa.Array, delimiter: str) -> pa.Array:
    special = pc.match_substring_regex(text, f'["\\r\\n{delimiter}]')
    if not pc.any(special, min_count=0).as_py():
        return text
    doubled = pc.replace_substring(text, '"', '""')
    return pc.if_else(special, _around(doubled, '"', '"'), text)


def _around(text: pa.Array, before: str, after: str) -> pa.Array:
    return pc.binary_join_element_wise(_word(before), text, _word(after), _word(""))


def _word(text: str) -> pa.Scalar:
    return pa.scalar(text, pa.large_string())
