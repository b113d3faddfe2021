"""CSV and Parquet files as Arrow tables, and a sentence for every file that is neither."""

import difflib
import itertools
import re
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from .._text import quote
from ..errors import InputError
from .cells import MISSING

SAMPLE = 1 << 20  # bytes looked at to tell what a file is
BLOCK = 1 << 24  # bytes a parsing step; a longer row is refused
DELIMITERS = ",;\t|"
MAGIC = {
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\xff\xd8\xff": "a JPEG picture",
    b"\x89PNG": "a PNG picture",
    b"GIF8": "a GIF picture",
    b"%PDF": "a PDF document",
    b"SQLite": "an SQLite database",
    b"\x89HDF": "an HDF5 file",
    b"ARROW1": "an Arrow file",
    b"\x80\x04\x95": "a Python pickle",
    b"\xff\xfe": "text in UTF-16 (save it as UTF-8)",
    b"\xfe\xff": "text in UTF-16 (save it as UTF-8)",
}
MARKUP = re.compile(r"\s*<(?:!doctype|html|\?xml)\b", re.IGNORECASE)
JSON = re.compile(r'\s*(?:\{\s*(?:"|\}|$)|\[\s*(?:[\[{"\]\d-]|$))')
RAGGED = re.compile(r"(?:Row #(\d+): )?Expected (\d+) columns, got (\d+)")
WANTED = "give a CSV (also gzipped) or Parquet file"


def read(path: Path) -> tuple[pa.Table, list[str]]:
    """The table in a file, and notes on how it was read; the content decides, not the suffix."""
    shown = _checked(path)
    try:
        with path.open("rb") as file:
            start = file.read(8)
        if not start:
            raise InputError(f"The file {shown} is empty; {WANTED} with a header and rows.")
        if start[:4] == b"PAR1" or path.suffix.lower() in (".parquet", ".pq"):
            return _parquet(path, shown), []
        packed = start[:2] == b"\x1f\x8b"
        return _csv(path, shown, "gzip" if packed else None)
    except OSError as error:
        why = error.strerror or "it is damaged"
        raise InputError(
            f"The file {shown} cannot be read ({why}); check that it is whole and yours to read."
        ) from None


def _checked(path: Path) -> str:
    """The file's quoted name, if it is a file."""
    shown = quote(path.name or path)
    try:
        if path.is_file():
            return shown
        folder, there = path.is_dir(), path.exists()
    except (OSError, ValueError):  # too long, or with a NUL byte: no such file can exist
        folder = there = False
    if folder:
        raise InputError(f"{shown} is a folder; {WANTED} in it.")
    if there:
        raise InputError(f"{shown} is a device or pipe, no regular file; {WANTED}.")
    raise InputError(f"There is no file {quote(path, limit=200)}; {_nearest(path)}")


def _nearest(path: Path) -> str:
    try:
        beside = [p.name for p in itertools.islice(path.parent.iterdir(), 1000) if p.is_file()]
    except (OSError, ValueError):
        return "its folder does not exist either, so check the path."
    near = difflib.get_close_matches(path.name[:255], beside, n=1)
    return f"did you mean {quote(near[0])}?" if near else "check the path."


def _parquet(path: Path, shown: str) -> pa.Table:
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path).read()
    except (pa.ArrowException, OSError, ValueError):
        raise InputError(
            f"The file {shown} is no Parquet table, or a damaged one; write it anew, or {WANTED}."
        ) from None


@dataclass(frozen=True)
class _Format:
    """How the text of a file is laid out."""

    packed: str | None
    delimiter: str
    comma: bool


def _csv(path: Path, shown: str, packed: str | None) -> tuple[pa.Table, list[str]]:
    """The table in delimited text: UTF-8 or else Latin-1, the delimiter as the header shows it."""
    with path.open("rb") as file, pa.input_stream(file, compression=packed) as stream:
        sample = stream.read(SAMPLE)
    form = _Format(packed, *layout(as_text(sample, shown), shown))
    notes = [f"Numbers in {shown} were read with a decimal comma."] if form.comma else []
    try:
        table = _utf8(path, form)
        if table is None:
            notes.append(f"The file {shown} is not in UTF-8; it was read as Latin-1.")
            table = _parsed(path, form, "latin-1")
    except pa.ArrowInvalid as error:
        raise _refused(error, path, form, shown) from None
    return table, notes


def _utf8(path: Path, form: _Format) -> pa.Table | None:
    """The table, or None where the text is no UTF-8: Arrow calls such a column binary."""
    try:
        table = _parsed(path, form, "utf8")
        fields = [(field.name, field.type) for field in table.schema]  # names are decoded here
    except UnicodeDecodeError:
        return None
    return None if any(pa.types.is_binary(kind) for _, kind in fields) else table


def as_text(sample: bytes, shown: str) -> str:
    """The sample decoded, if it is text and no other known format."""
    for start, what in MAGIC.items():
        if sample.startswith(start):
            raise InputError(f"The file {shown} is {what}, not a table; {WANTED}.")
    if b"\0" in sample:
        raise InputError(f"The file {shown} holds binary data, not a table; {WANTED}.")
    text = sample.decode("utf-8-sig", errors="replace")
    if not text.strip():
        raise InputError(f"The file {shown} is empty; {WANTED} with a header and rows.")
    for pattern, what in ((JSON, "JSON"), (MARKUP, "a web page or XML")):
        if pattern.match(text):
            raise InputError(f"The file {shown} is {what}, not a table; {WANTED}.")
    return text


def layout(text: str, shown: str) -> tuple[str, bool]:
    """The delimiter that cuts header and first row alike, and whether decimals have a comma."""
    # Quoted cells may hold any delimiter, and line ends.
    lines = re.split(r"\r\n?|\n", re.sub(r'"[^"]*"', '""', text).lstrip("\r\n"), maxsplit=2)
    header, row = lines[0], lines[1] if len(lines) > 1 else ""
    counts = {mark: header.count(mark) for mark in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda m: (counts[m] and counts[m] == row.count(m), counts[m]))
    if counts[delimiter] == 0:
        raise InputError(
            f"The file {shown} is no table of several columns: its first line has no comma, "
            f"semicolon, tab or bar between names; {WANTED}."
        )
    if delimiter == ",":
        return delimiter, False
    commas, points = (len(re.findall(mark, text)) for mark in (r"\d,\d", r"\d\.\d"))
    return delimiter, commas > points


def _parsed(path: Path, form: _Format, encoding: str, threads: bool = True) -> pa.Table:
    import pyarrow.csv as arrow_csv

    with path.open("rb") as file, pa.input_stream(file, compression=form.packed) as stream:
        return arrow_csv.read_csv(
            stream,
            arrow_csv.ReadOptions(encoding=encoding, block_size=BLOCK, use_threads=threads),
            arrow_csv.ParseOptions(delimiter=form.delimiter, newlines_in_values=True),
            arrow_csv.ConvertOptions(
                null_values=MISSING,
                strings_can_be_null=True,
                true_values=["true", "True", "TRUE"],
                false_values=["false", "False", "FALSE"],
                decimal_point="," if form.comma else ".",
            ),
        )


def _refused(error: Exception, path: Path, form: _Format, shown: str) -> InputError:
    """What Arrow could not read, in plain words."""
    ragged = RAGGED.search(str(error))
    if ragged and not ragged[1]:
        # Only a single thread counts rows: read again up to the faulty one.
        try:
            _parsed(path, form, "latin-1", threads=False)
        except pa.ArrowInvalid as again:
            ragged = RAGGED.search(str(again)) or ragged
    if ragged:
        where = f"row {ragged[1]} (the header is row 1)" if ragged[1] else "a row"
        return InputError(
            f"The file {shown} is no regular table: {where} has {ragged[3]} cells where the "
            f"header has {ragged[2]}; mend the row, or quote cells that hold the delimiter."
        )
    if "Empty CSV" in str(error):
        return InputError(f"The file {shown} has a header but no rows; {WANTED} with rows.")
    return InputError(f"The file {shown} is not a readable table; {WANTED}.")
