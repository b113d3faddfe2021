"""The rows of a file just as they are spelled there."""

from pathlib import Path

import pyarrow as pa
import pyarrow.csv as arrow_csv

from .._text import quote
from ..errors import InputError
from . import read


def verbatim(path: Path, n: int) -> tuple[pa.Table, str] | None:
    """The `n` rows of a delimited file as text and its delimiter; None for a Parquet file.

    So `007` stays `007` and `NA` stays `NA`, which they would not by way of numbers.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "codes.csv")
    ...     _ = path.write_text("code;size\\n007;1.50\\nNA;2\\n")
    ...     rows, delimiter = verbatim(path, 2)
    >>> rows.to_pylist(), delimiter
    ([{'code': '007', 'size': '1.50'}, {'code': 'NA', 'size': '2'}], ';')
    """
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError:
        raise _changed(path) from None
    if start == b"PAR1":
        return None
    shown, packed = quote(path.name), "gzip" if start[:2] == b"\x1f\x8b" else None
    with path.open("rb") as file, pa.input_stream(file, compression=packed) as stream:
        sample = stream.read(read.SAMPLE)
    delimiter, _ = read.layout(read.as_text(sample, shown), shown)
    for encoding in ("utf8", "latin-1"):
        try:
            cells = _texts(path, packed, delimiter, encoding)
        except (pa.ArrowInvalid, UnicodeDecodeError):
            continue
        if len(cells) == n:
            return cells, delimiter
    raise _changed(path)


def _changed(path: Path) -> InputError:
    return InputError(f"The file {quote(path.name)} changed since it was read; start again.")


def _texts(path: Path, packed: str | None, delimiter: str, encoding: str) -> pa.Table:
    parse = arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    reading = arrow_csv.ReadOptions(encoding=encoding, block_size=read.BLOCK)
    with path.open("rb") as file, pa.input_stream(file, compression=packed) as stream:
        names = arrow_csv.open_csv(stream, reading, parse).schema.names
    kinds = arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=False
    )
    with path.open("rb") as file, pa.input_stream(file, compression=packed) as stream:
        return arrow_csv.read_csv(stream, reading, parse, kinds)
