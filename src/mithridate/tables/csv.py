"""CSV files made Parquet files once, their types those of all of them together."""

# pyright: reportAttributeAccessIssue=false
# (Arrow makes its compute functions at import, where a type checker cannot see them.)

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from .._text import quote
from ..errors import InputError
from .cells import MISSING
from .read import BLOCK as PARSED
from .read import SAMPLE, as_text, layout
from .source import BadFile, File, output_name, trouble

TRUE, FALSE = ["true", "True", "TRUE"], ["false", "False", "FALSE"]
ROWS = 1 << 20  # of a row group
# What a column may be, the first that all of its cells can be; text can be anything.
KINDS = {"int64": pa.int64(), "bool": pa.bool_(), "double": pa.float64()}


@dataclass(frozen=True)
class Read:
    """How a CSV file is written, and what its columns may be."""

    file: File
    delimiter: str
    comma: bool
    encoding: str
    kinds: Mapping[str, Sequence[str]]


def looked(system: Any, path: str, file: File) -> Read:
    """Reads a file through, and says what each of its columns may be."""
    with _refusing(file):
        with _stream(system, path) as stream:
            sample = stream.read(SAMPLE)
        delimiter, comma = layout(as_text(sample, quote(file.name)), quote(file.name))
        for encoding in ("utf8", "latin-1"):
            read = Read(file, delimiter, comma, encoding, {})
            try:
                return Read(file, delimiter, comma, encoding, _kinds(system, path, read))
            except (UnicodeDecodeError, pa.ArrowInvalid):
                if encoding != "utf8":
                    raise
    raise AssertionError


def _kinds(system: Any, path: str, read: Read) -> dict[str, list[str]]:
    """The kinds that every cell of a column allows; empty columns allow all."""
    with _stream(system, path) as stream:
        names = _batches(stream, read, {}).schema.names
    if len(set(names)) < len(names):
        raise BadFile(read.file.name, "has columns that share a name")
    left = {name: [*KINDS] for name in names}
    with _stream(system, path) as stream:
        for batch in _batches(stream, read, dict.fromkeys(names, pa.large_string())):
            for name in names:
                cells = batch[name]
                left[name] = [k for k in left[name] if _could_be(cells, k, read.comma)]
    return left


def _could_be(cells: pa.Array, kind: str, comma: bool) -> bool:
    if kind == "bool":
        known = pc.is_in(cells.drop_null(), value_set=pa.array(TRUE + FALSE, cells.type))
        return pc.all(known, min_count=0).as_py()
    if comma:
        cells = pc.replace_substring(cells, ",", ".")
    try:
        pc.utf8_trim_whitespace(cells).cast(KINDS[kind])
    except pa.ArrowInvalid:
        return False
    return True


def staged(system: Any, path: str, read: Read, first: Read, folder: Path, joint: Any) -> None:
    """Writes a CSV file as Parquet below a folder, with the types that all files agree on."""
    target = folder / output_name(read.file.name)
    if target.exists():
        return
    if list(read.kinds) != list(first.kinds):
        raise BadFile(
            read.file.name,
            f"has other columns than {quote(first.file.name)}, or in another order",
        )
    types = {name: KINDS[kind] if kind else pa.large_string() for name, kind in joint.items()}
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.new")
    schema, held = pa.schema(list(types.items())), []
    with (
        _refusing(read.file),
        _stream(system, path) as stream,
        pq.ParquetWriter(fresh, schema) as writer,
    ):
        for batch in _batches(stream, read, types):
            held.append(batch)
            if sum(map(len, held)) >= ROWS:
                writer.write_table(pa.Table.from_batches(held))
                held = []
        if held:
            writer.write_table(pa.Table.from_batches(held))
    fresh.replace(target)


def agreed(reads: Sequence[Read]) -> dict[str, str]:
    """The kind of each column that all files allow, "" for text."""
    found = {}
    for name, kinds in reads[0].kinds.items():
        common = [k for k in kinds if all(k in read.kinds.get(name, ()) for read in reads)]
        found[name] = common[0] if common else ""
    return found


def _batches(stream: Any, read: Read, types: Mapping[str, pa.DataType]) -> Any:
    return arrow_csv.open_csv(
        stream,
        arrow_csv.ReadOptions(encoding=read.encoding, block_size=PARSED),
        arrow_csv.ParseOptions(delimiter=read.delimiter, newlines_in_values=True),
        arrow_csv.ConvertOptions(
            column_types=types,
            null_values=MISSING,
            strings_can_be_null=True,
            true_values=TRUE,
            false_values=FALSE,
            decimal_point="," if read.comma else ".",
        ),
    )


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
