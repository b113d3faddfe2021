"""CSV files made Parquet files once, their types those of all of them together."""

# pyright: reportAttributeAccessIssue=false
# (Arrow makes its compute functions at import, where a type checker cannot see them.)

import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from .._files import whole
from .._text import quote
from ..errors import InputError
from .asides import Sorter
from .detect import layout_of
from .folder import output_name
from .numerals import (
    KEPT_CODES,
    Number,
    are_numbers,
    odd_times,
    parser,
    spelled_how,
    times_beside,
)
from .read import FALSE, RAGGED, SAMPLE, TRUE, arrow_options, check_text
from .reading import ANY, Aside, CellDecision, Layout, Marks, Reading
from .rows import Repaired, data_of
from .source import BadFile, File, trouble
from .stray import lines_of, without_quotes

ROWS = 1 << 20  # of a row group
# What a column may be, the first that all of its cells can be; text can be anything.
KINDS = {"int64": pa.int64(), "bool": pa.bool_(), "double": pa.float64()}
SPELLED, TIMES, CODES = "numbers as spelled", "times as spelled", "codes"
WORDS = 50_000  # different cells of a column that are counted to tell whether they are numbers


@dataclass(frozen=True)
class Read:
    """How a CSV file is written, and what its columns may be.

    Parameters
    ----------
    file : File
        The file.
    layout : Layout
        How it is laid out.
    reading : Reading
        What a person said of it.
    kinds : mapping of str to sequence of str
        The types that each column may have.
    words : mapping of str to mapping of str to int
        Words of columns, and how often each comes.
    ends : bool
        Whether a cell holds a line end.
    """

    file: File
    layout: Layout
    reading: Reading
    kinds: Mapping[str, Sequence[str]] = field(default_factory=dict)
    words: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    ends: bool = False


def examine(system: Any, path: str, file: File, reading: Reading = ANY) -> Read:
    """Read a file through, and say what each of its columns may be.

    Parameters
    ----------
    system : pyarrow.fs.FileSystem
        Where it is.
    path : str
        Its path there.
    file : File
        The file.
    reading : Reading
        What a person said of it.

    Returns
    -------
    Read
        What was seen.
    """
    shown = quote(file.name)
    with _refusing(file):
        with _stream(system, path) as stream:
            sample = stream.read(SAMPLE)
            whole = len(sample) < SAMPLE or not stream.read(1)
        check_text(sample, shown)
        layout = layout_of(sample, reading, shown, whole)
        try:
            read = _surveyed(system, path, Read(file, layout, reading))
        except (UnicodeDecodeError, pa.ArrowInvalid) as error:
            bare = _bare(system, path, layout, shown)
            if bare is None and (layout.repair or not RAGGED.search(str(error))):
                raise
            layout = bare or replace(layout, repair=True)
            return _surveyed(system, path, Read(file, layout, reading))
        bare = _bare(system, path, layout, shown) if read.ends else None
        return read if bare is None else _surveyed(system, path, Read(file, bare, reading))


def _bare(system: Any, path: str, layout: Layout, shown: str) -> Layout | None:
    """The layout with quotes as text, where one of the file is never closed."""
    with _stream(system, path) as stream:
        return without_quotes(layout, lines_of(stream, layout), shown)


def _surveyed(system: Any, path: str, read: Read) -> Read:
    """What every cell of a column allows; empty columns allow all."""
    names = read.layout.names
    left = {name: [*KINDS] for name in names}
    words: dict[str, dict[str, int]] = {name: {} for name in names}
    ends = False
    with _stream(system, path) as stream:
        for batch in _batches(stream, read, dict.fromkeys(names, pa.large_string())):
            for name in names:
                cells = batch[name]
                ends = ends or _holds_an_end(cells)
                marks = _marks(read, name)
                left[name] = [k for k in left[name] if _could_be(cells, k, marks)]
                if not left[name] or name in read.layout.codes:
                    _count(cells, words[name])
    for name in read.layout.codes:
        left[name] = [CODES]
    return replace(read, kinds=left, words=words, ends=ends)


def _holds_an_end(cells: pa.Array) -> bool:
    """Whether a cell of a column may hold a line end."""
    text = cells.buffers()[2]
    return text is not None and bool((np.frombuffer(text, np.uint8) == ord("\n")).any())


def _marks(read: Read, name: str) -> Marks:
    return dict(read.layout.own).get(name, read.layout.marks)


def _count(cells: pa.Array, seen: dict[str, int]) -> None:
    """Counts the different cells of a column, as far as they are few."""
    if len(seen) > WORDS:
        return
    for pair in pc.value_counts(pc.utf8_trim_whitespace(cells.drop_null())).to_pylist():
        if pair["values"]:
            seen[pair["values"]] = seen.get(pair["values"], 0) + pair["counts"]


def _could_be(cells: pa.Array, kind: str, marks: Marks) -> bool:
    if kind == "bool":
        known = pc.is_in(cells.drop_null(), value_set=pa.array(TRUE + FALSE, cells.type))
        return pc.all(known, min_count=0).as_py()
    if marks.decimal == ",":
        cells = pc.replace_substring(cells, ",", ".")
    try:
        pc.utf8_trim_whitespace(cells).cast(KINDS[kind])
    except pa.ArrowInvalid:
        return False
    return True


def agreed(reads: Sequence[Read]) -> dict[str, str]:
    """Choose the kind of each column that all files allow.

    Parameters
    ----------
    reads : sequence of Read
        What was seen in each file.

    Returns
    -------
    dict of str to str
        The kinds, "" for text.
    """
    columns = {}
    for name, kinds in reads[0].kinds.items():
        there = [read for read in reads if name in read.kinds]
        if any(CODES in read.kinds[name] for read in there):
            columns[name] = CODES
            continue
        common = [k for k in kinds if all(k in read.kinds[name] for read in there)]
        if not common and all(read.kinds[name] or _spelled(read, name) for read in there):
            common = [SPELLED]
        forms = {_times(read, name) for read in there if read.kinds[name] != [*KINDS]}
        if not common and len(forms) == 1 and "" not in forms:
            common = [TIMES]
        columns[name] = common[0] if common else ""
    return columns


def _spelled(read: Read, name: str) -> bool:
    """Whether the text of a column is numbers with signs, or with a few words beside them."""
    words = read.words[name]
    return bool(words) and len(words) <= WORDS and are_numbers(words, _marks(read, name))


def _times(read: Read, name: str) -> str:
    """What the times in the text of a column are; "" where it holds none."""
    words = read.words[name]
    times = times_beside([*words], [*words.values()]) if len(words) <= WORDS else None
    return "" if times is None else times.remark


def staged(
    system: Any, path: str, read: Read, first: Read, folder: Path, joint: Any
) -> tuple[tuple[Aside, ...], int]:
    """Write a CSV file as Parquet below a folder, with the types that all files agree on.

    All its rows are written.

    Parameters
    ----------
    system : pyarrow.fs.FileSystem
        Where the file is.
    path : str
        Its path there.
    read : Read
        What was seen in it.
    first : Read
        What was seen in the first file.
    folder : pathlib.Path
        Where Parquet goes.
    joint : mapping of str to str
        The kinds of the columns.

    Returns
    -------
    pair of tuple of Aside and int
        Rows that are no data, with the cells of rows that are too long; and how many rows were
        filled up.
    """
    target = folder / output_name(read.file.name)
    beside = target.with_suffix(".aside")
    if target.exists():
        return pickle.loads(beside.read_bytes())
    if set(read.kinds) != set(first.kinds):
        raise BadFile(read.file.name, f"has other columns than {quote(first.file.name)}")
    types = {name: _type(kind) for name, kind in joint.items()}
    spelled = [name for name, kind in joint.items() if kind == SPELLED]
    as_read = {name: pa.large_string() if name in spelled else kind for name, kind in types.items()}
    makers = {name: _maker(_marks(read, name)) for name in spelled}
    makers |= {name: _keeper(read, name) for name, kind in joint.items() if kind == TIMES}
    target.parent.mkdir(parents=True, exist_ok=True)
    schema, held = pa.schema(list(types.items())), []
    sorter = Sorter(quote(read.file.name))
    with whole(target, shared=False) as fresh:
        with (
            _refusing(read.file),
            _stream(system, path) as stream,
            pq.ParquetWriter(fresh, schema) as writer,
        ):
            data = data_of(stream, read.layout, blanks=True)
            for batch in arrow_csv.open_csv(
                data, *arrow_options(read.layout, read.reading, as_read)
            ):
                sorter.add(pa.Table.from_batches([batch]))
                columns = [
                    makers[name](batch[name]) if name in makers else batch[name] for name in types
                ]
                held.append(pa.record_batch(columns, schema=schema))
                if sum(map(len, held)) >= ROWS:
                    writer.write_table(pa.Table.from_batches(held))
                    held = []
            if held:
                writer.write_table(pa.Table.from_batches(held))
        aside = _asides(sorter.finish(), data, read.layout.names, [*types])
        beside.write_bytes(pickle.dumps(aside))
    return aside


def _asides(
    why: Mapping[int, str], data: Any, names: Sequence[str], order: Sequence[str]
) -> tuple[tuple[Aside, ...], int]:
    """Rows that are no data by their numbers, and how many rows were filled up.

    Their cells, which the file has in the order of `names`, are put in the other `order`.
    """
    places = [names.index(name) for name in order]
    aside = {row + 1: Aside(row + 1, reason) for row, reason in why.items()}
    if isinstance(data, Repaired):
        aside |= {r.row: replace(r, cells=tuple(r.cells[j] for j in places)) for r in data.aside}
    padded = data.padded if isinstance(data, Repaired) else 0
    return tuple(aside[row] for row in sorted(aside)), padded


def decisions_of(read: Read, joint: Mapping[str, str]) -> list[CellDecision]:
    """Say what was done to cells of the columns of a file.

    Parameters
    ----------
    read : Read
        What was seen in it.
    joint : mapping of str to str
        The kinds of the columns.

    Returns
    -------
    list of CellDecision
        What was decided.
    """
    decisions: list[CellDecision] = []
    for name, kind in joint.items():
        words = read.words.get(name, {})
        if kind == CODES:
            decisions.append(CellDecision(KEPT_CODES, name))
        elif kind == TIMES and (times := times_beside([*words], [*words.values()])):
            decisions += odd_times(name, [*words], [*words.values()], times)
        elif kind == SPELLED and words:
            decisions += spelled_how(name, [*words], [*words.values()], _marks(read, name))
    return decisions


def _type(kind: str) -> pa.DataType:
    if kind == SPELLED:
        return pa.float64()
    if kind == CODES:
        return pa.dictionary(pa.int32(), pa.large_string())
    return KINDS.get(kind, pa.large_string())


def _maker(marks: Marks) -> Callable[[pa.Array], pa.Array]:
    """A function that makes cells numbers; what is none becomes missing."""
    read = cache(parser(marks))

    def value(word: str) -> float:
        number: Number | None = read(word)
        return np.nan if number is None else number.value

    def make(cells: pa.Array) -> pa.Array:
        coded = pc.utf8_trim_whitespace(cells).dictionary_encode()
        table = pa.array([value(word) for word in coded.dictionary.to_pylist()], from_pandas=True)
        return table.cast(pa.float64()).take(coded.indices)

    return make


def _keeper(read: Read, name: str) -> Callable[[pa.Array], pa.Array]:
    """A function that leaves out the cells of a column of times that are none."""
    words = [*read.words[name]]
    times = times_beside(words, [*read.words[name].values()])
    hours = times.hours if times else []
    odd = [word for word, hour in zip(words, hours, strict=False) if hour is None]

    def make(cells: pa.Array) -> pa.Array:
        is_odd = pc.is_in(pc.utf8_trim_whitespace(cells), value_set=pa.array(odd, cells.type))
        return pc.if_else(is_odd, pa.scalar(None, cells.type), cells)

    return make


def _batches(stream: Any, read: Read, types: Mapping[str, pa.DataType]) -> Any:
    # A file without rows beyond its header has been refused already.
    options = arrow_options(read.layout, read.reading, types)
    return arrow_csv.open_csv(data_of(stream, read.layout), *options)


@contextmanager
def _stream(system: Any, path: str) -> Iterator[Any]:
    packed = "gzip" if path.lower().endswith(".gz") else None
    with system.open_input_stream(path, compression=packed) as stream:
        yield stream


@contextmanager
def _refusing(file: File) -> Iterator[None]:
    try:
        yield
    except BadFile:
        raise
    except Exception as error:
        why = f"is no regular CSV table ({' '.join(str(error).split())[:200]})"
        if isinstance(error, (InputError, UnicodeDecodeError)):
            raise BadFile(file.name, why) from None
        raise trouble(file.name, error, why) from None
