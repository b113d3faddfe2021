"""How the text of a file is laid out: between which marks its cells stand, and where they begin."""

import csv
import io
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from .._text import quote
from ..errors import InputError
from .shapes import NUMBER_ONLY, kind_of

DELIMITERS = ",;\t|"
LOOKED = 1 << 18  # characters of the sample that decide on the delimiter
ROWS = 500  # rows of it
CLEAR = 0.05  # by how much the best reading must be better than the next
SEP = re.compile(r'\A"?sep=([^\r\n"])"?(?:\r\n|\n|\r)', re.IGNORECASE)
BLANK = " "
UNQUOTED = "\0"  # the mark around cells of a file in which quotes are text: no file has it
# A cell between blanks: in quotes, of which one inside is doubled or follows a backslash; or bare.
QUOTED_OR_BARE = re.compile(r'"((?:[^"\\]|\\.|"")*)"(?=\s|\Z)|(\S+)')
ESCAPED = re.compile(r'["\\](["\\])')
WORTH = {"number": 1.0, "date": 1.0, "gap": 0.9, "text": 0.8}

Row = list[str]


class Dialect(NamedTuple):
    """The delimiter, the quoting mark, and the characters before the first row.

    Parameters
    ----------
    delimiter : str
        What stands between cells.
    quote : str
        What stands around them.
    before : int
        Number of characters before the first row.
    """

    delimiter: str
    quote: str = '"'
    before: int = 0


def rows_of(lines: Iterator[str], dialect: Dialect) -> Iterator[Row]:
    """Cut text into cells, row by row; blank lines are empty rows.

    Parameters
    ----------
    lines : iterator of str
        The lines.
    dialect : Dialect
        How the cells are delimited.

    Returns
    -------
    iterator of rows
        The cells.
    """
    if dialect.delimiter == BLANK:
        return (_between_blanks(line) for line in lines)
    return csv.reader(
        lines, delimiter=dialect.delimiter, quotechar=dialect.quote, skipinitialspace=True
    )


def _between_blanks(line: str) -> Row:
    """The cells of a line; one in quotes may hold blanks, as R writes text."""
    if '"' not in line:
        return line.split()
    cells = []
    for match in QUOTED_OR_BARE.finditer(line):
        quoted, bare = match.groups()
        cells.append(bare if quoted is None else ESCAPED.sub(r"\1", quoted))
    return cells


@contextmanager
def long_cells() -> Iterator[None]:
    """Let cells be of any length, as long as it lasts.

    Yields
    ------
    None
        Nothing.
    """
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def dialect_of(text: str, shown: str, delimiter: str | None = None) -> Dialect:
    """Choose the dialect of a sample that reads it as a table.

    Parameters
    ----------
    text : str
        The sample.
    shown : str
        What an error calls the file.
    delimiter : str, optional
        What stands between cells, if a person said.

    Returns
    -------
    Dialect
        The dialect.

    Raises
    ------
    InputError
        If two dialects do alike; it asks which.
    """
    line = SEP.match(text)
    before = line.end() if line else 0
    if line and delimiter is None:
        delimiter = line[1]
    body = text[before : before + LOOKED]
    first = re.split(r"[\r\n]", body.lstrip("\r\n"), maxsplit=1)[0]
    if len(body) < len(text) - before and len(first) >= LOOKED:
        body = text[before:]
    marks = [delimiter] if delimiter else list(DELIMITERS)
    quotes = ['"', "'"] if _single(body, marks) else ['"']
    tried = [(_worth(body, Dialect(m, q)), Dialect(m, q, before)) for m in marks for q in quotes]
    tried = sorted((one for one in tried if one[0] > 0), key=lambda one: -one[0])
    if delimiter and not tried:
        tried = [(1.0, Dialect(delimiter, '"', before))] if delimiter in body else []
    blanks = _worth(body, Dialect(BLANK)) if delimiter is None else 0.0
    if blanks > 0.5 and (not tried or tried[0][0] < 0.5 * blanks) and _numbers(body) > 0.5:
        return Dialect(BLANK, '"', before)
    if not tried:
        raise InputError(
            f"The file {shown} is no table of several columns: its first line has no comma, "
            "semicolon, tab or bar between names; give a CSV (also gzipped) or Parquet file, or "
            "name its mark by --delimiter."
        )
    return _better(body, tried, shown)


def _better(body: str, tried: Sequence[tuple[float, Dialect]], shown: str) -> Dialect:
    """The best dialect; where the next is as good, the one that CleverCSV names."""
    (best, first), rivals = tried[0], tried[1:]
    near = [one for worth, one in rivals if worth > best - CLEAR and one.delimiter in body]
    near = [one for one in near if one.delimiter != first.delimiter]
    if not near:
        return first
    import clevercsv

    try:
        dialect = clevercsv.Sniffer().sniff(body[: 1 << 14])
    except clevercsv.Error:
        dialect = None
    for one in (first, *near):
        if dialect is not None and one.delimiter == dialect.delimiter:
            return one
    shown_marks = " and ".join(quote(one.delimiter) for one in (first, near[0]))
    raise InputError(
        f"The file {shown} can be read as a table with {shown_marks} between cells; say which by "
        "--delimiter."
    )


def _single(body: str, marks: Sequence[str]) -> bool:
    """Whether cells stand between apostrophes."""
    between = "".join(map(re.escape, marks))
    cells = re.findall(rf"(?:^|[{between}])\s*'[^'\r\n]*'\s*(?=[{between}\r\n]|$)", body, re.M)
    return len(cells) >= 3


def sampled(body: str, dialect: Dialect, most: int = ROWS) -> list[Row]:
    """Take the first rows of a sample that hold anything; the last, which may be cut, aside.

    Parameters
    ----------
    body : str
        The sample.
    dialect : Dialect
        How its cells are delimited.
    most : int
        Rows at most.

    Returns
    -------
    list of rows
        The cells.
    """
    rows: list[Row] = []
    with long_cells():
        try:
            for row in rows_of(io.StringIO(body, newline=""), dialect):
                if row:
                    rows.append(row)
                if len(rows) > most:
                    break
        except csv.Error:
            return []
    return rows[:-1] if len(rows) > 3 else rows


def usual_width(rows: Sequence[Row]) -> int:
    """Count the cells that most rows have, of several cells if any have.

    Parameters
    ----------
    rows : sequence of rows
        The cells.

    Returns
    -------
    int
        The number.
    """
    widths = Counter(len(row) for row in rows if any(cell.strip() for cell in row))
    several = {w: n for w, n in widths.items() if w > 1} or widths
    return max(several, key=lambda w: (several[w], w)) if several else 0


def _worth(body: str, dialect: Dialect) -> float:
    """How far a sample is a table in a dialect: rows alike, and cells that are plainly something.

    A delimiter left inside a cell, or a quote, counts against it.
    """
    rows = sampled(body, dialect)
    width = usual_width(rows)
    if width < 2:
        return 0.0
    alike = [row for row in rows if abs(len(row) - width) <= (len(row) != width and len(rows) < 4)]
    others = "".join(mark for mark in DELIMITERS if mark != dialect.delimiter)
    step = max(1, len(alike) * width // 4000)
    cells = [cell for row in alike[::step] for cell in row]
    worth = sum(_cell(cell, others) for cell in cells) / len(cells)
    share = sum(len(row) == width for row in rows) / len(rows)
    if len(rows) < 4 and alike:
        share = max(share, len(alike) / len(rows) * 0.9)
    return share * worth * (1 - 0.1 / width)


def _cell(cell: str, others: str) -> float:
    text = cell.strip()
    if "\n" not in text and text[:1] in "\"'" and len(text) > 1 and text[-1] == text[0]:
        return 0.1
    kind = kind_of(text)
    if kind == "text" and any(mark in text for mark in others):
        parts = re.split("[" + re.escape(others) + "]", text)
        plain = all(kind_of(part) != "text" for part in parts)
        return 0.0 if plain else 0.3
    return WORTH[kind]


def _numbers(body: str) -> float:
    """The share of cells between blanks that are numbers, or in quotes: prose has few of either."""
    cells = [match.groups() for match in QUOTED_OR_BARE.finditer(body)]
    plain = sum(bare is None or bool(NUMBER_ONLY.match(bare)) for _, bare in cells)
    return plain / max(len(cells), 1)
