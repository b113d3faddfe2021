"""The rows of a file just as they are spelled there."""

import zipfile
from pathlib import Path

import pyarrow as pa

from .._text import quote
from ..errors import InputError
from . import read
from .reading import ANY, Reading


def verbatim(path: Path, n: int, reading: Reading = ANY) -> tuple[pa.Table, str] | None:
    """The `n` rows of a delimited file as text and its delimiter; None for a file of another kind.

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
    if start == b"PAR1" or zipfile.is_zipfile(path):
        return None
    shown, packed = quote(path.name), "gzip" if start[:2] == b"\x1f\x8b" else ""
    text = read.Text(path, packed)
    try:
        layout = read.laid_out(text, reading, shown)
        rows, _ = read.parsed(text, layout, reading, shown, typed=False)
        if len(rows) != n:  # some rows were set aside
            kept = read.read(path, reading).kept
            if kept is None or len(kept) != len(rows) or kept.sum() != n:
                raise _changed(path)
            rows = rows.filter(pa.array(kept))
    except (InputError, OSError):
        raise _changed(path) from None
    return rows, layout.delimiter


def _changed(path: Path) -> InputError:
    return InputError(f"The file {quote(path.name)} changed since it was read; start again.")
