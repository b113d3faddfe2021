"""The layout of a file from a sample of it: encoding, dialect, header, names and marks."""

import codecs
import csv
import io
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from .._text import counted, listing, quote
from ..errors import InputError
from .comments import lines_above, without_names
from .encoding import bom_of, codepage, decoded, is_utf8
from .header import Header, header_of
from .layout import BLANK, LOOKED, UNQUOTED, Dialect, Row, dialect_of, long_cells, rows_of, sampled
from .marks import Decided, Evidence, decide, evidence
from .numerals import DIGITS, LONGEST
from .quoting import quoting
from .reading import Layout, Reading
from .rows import short_row
from .shapes import GAPS
from .stray import whole_lines, without_quotes
from .times import FIRST, is_time

HEAD = 500  # rows that decide where the table begins
RAGGED = 0.05  # the share of rows with too many cells up to which those are set aside


def layout_of(
    sample: bytes, reading: Reading, shown: str, whole: bool = True, more: Sequence[bytes] = ()
) -> Layout:
    """Guess the layout of a file from its first bytes.

    Parameters
    ----------
    sample : bytes
        The first bytes.
    reading : Reading
        What a person said of it.
    shown : str
        What an error calls the file.
    whole : bool
        Whether they are the whole file.
    more : sequence of bytes
        Pieces from further on, each of whole lines.

    Returns
    -------
    Layout
        The layout.
    """
    mark, codec = bom_of(sample)
    named = reading.encoding
    if named and codecs.lookup(named).name in ("utf-8-sig", "utf-16", "utf-32"):
        named = codec or None
    codec = named or codec
    notes = []
    if not codec:
        codec = "utf-8" if all(map(is_utf8, (sample, *more))) else ""
    if not codec:
        codec = codepage(b"\n".join((sample, *more)), shown)
        notes.append(f"The file {shown} is not in UTF-8; it was read as {codec}.")
    text = decoded(sample[len(mark) :], codec, shown, whole)
    if not whole:
        text = text[: text.rfind("\n") + 1] or text
    above = lines_above(text)
    dialect = dialect_of(text[sum(map(len, above)) :], shown, reading.delimiter)
    above = without_names(above, text[sum(map(len, above)) :], dialect, shown)
    if above:
        dialect = dialect._replace(before=dialect.before + sum(map(len, above)))
        remarks = sum(bool(line.strip()) for line in above)
        notes.append(f"Set aside before the table in {shown}: {counted(remarks, 'remark')}.")
    layout = _structured(text, dialect, reading, shown)
    further = [decoded(piece, codec, shown, True) for piece in more]
    layout = quoting(layout, text[: layout.start], text[layout.start :])
    bare = without_quotes(layout, whole_lines(text[layout.start :], whole), shown)
    if bare is not None:
        again = _structured(text, dialect._replace(quote=UNQUOTED), reading, shown)
        layout = replace(quoting(again, text[: again.start], text[again.start :]), notes=bare.notes)
    layout = replace(
        layout,
        encoding=codec,
        bom=bool(mark),
        start=len(mark) + len(text[: layout.start].encode(codec)),
        notes=(*notes, *layout.notes),
    )
    data = text[_chars(text, layout, len(mark)) :]
    if not whole:
        data = data[: data.rfind("\n", 0, LOOKED) + 1] or data
    return _marked(layout, [data, *further], reading, shown)


def _chars(text: str, layout: Layout, mark: int) -> int:
    """Where the data begin in the text."""
    return len(text.encode(layout.encoding)[: layout.start - mark].decode(layout.encoding))


def _structured(text: str, dialect: Dialect, reading: Reading, shown: str) -> Layout:
    """Names and width from the first rows, and the character at which the data begin."""
    body = text[dialect.before :]
    rows = sampled(body, dialect, HEAD)
    if not rows:
        raise InputError(f"The file {shown} is not a readable table; give a CSV or Parquet file.")
    header = header_of(rows, shown, reading.header)
    if len(rows) <= header.skip:
        raise InputError(f"The file {shown} has a header but no rows; give one with rows.")
    start = dialect.before + _after(body, dialect, header.skip)
    data = rows[header.skip :]
    spaced = dialect.delimiter == BLANK or _blank_quotes(body, dialect)
    repair = (
        spaced or len(header.names) < header.width or any(len(row) != header.width for row in data)
    )
    if dialect.delimiter == BLANK and any(0 < len(row) < header.width for row in data):
        raise short_row(shown)
    _check_one_table(data, header, shown)
    return Layout(
        delimiter=dialect.delimiter,
        quote=dialect.quote,
        start=start,
        skip=header.skip,
        width=header.width,
        names=header.names,
        written=header.written,
        repair=repair,
        notes=header.notes,
    )


def _after(body: str, dialect: Dialect, skip: int) -> int:
    """The characters of the first `skip` rows that hold anything."""
    if not skip:
        return 0
    lines = list(io.StringIO(body, newline=""))
    count = 0
    with long_cells():
        if dialect.delimiter == BLANK:
            for i, line in enumerate(lines):
                count += bool(line.strip())
                if count == skip:
                    return sum(map(len, lines[: i + 1]))
        reader = csv.reader(
            lines, delimiter=dialect.delimiter, quotechar=dialect.quote, skipinitialspace=True
        )
        for row in reader:
            count += bool(row)
            if count == skip:
                break
        return sum(map(len, lines[: reader.line_num]))


def _blank_quotes(body: str, dialect: Dialect) -> bool:
    """Whether blanks stand between a delimiter and a quoted cell."""
    return f"{dialect.delimiter} {dialect.quote}" in body


def _check_one_table(rows: Sequence[Row], header: Header, shown: str) -> None:
    """Refuses rows of several widths, of which none is the usual one."""
    full = [row for row in rows if any(cell.strip() for cell in row)]
    long = [row for row in full if any(cell.strip() for cell in row[len(header.names) :])]
    if len(long) > max(RAGGED * len(full), 1):
        widths = listing([str(w) for w in sorted({len(row) for row in full})])
        raise InputError(
            f"The file {shown} is no regular table: its rows have {widths} cells where the header "
            f"has {len(header.names)}; give one table a file, or name the mark by --delimiter."
        )


def _marked(layout: Layout, texts: Sequence[str], reading: Reading, shown: str) -> Layout:
    """The layout with the marks of its numbers, and the columns of codes with leading zeros."""
    words: list[dict[str, None]] = [{} for _ in layout.names]
    dialect = Dialect(layout.delimiter, layout.quote)
    repair = layout.repair
    with long_cells():
        for text in texts:
            rows = [row for row in rows_of(io.StringIO(text, newline=""), dialect) if row]
            repair = repair or any(len(row) != layout.width for row in rows)
            columns = itertools.zip_longest(*rows, fillvalue="")
            for seen, column in zip(words, columns, strict=False):
                seen.update(dict.fromkeys(column))
    proofs = {name: evidence([*seen]) for name, seen in zip(layout.names, words, strict=True)}
    decided: Decided = decide(proofs, layout.delimiter, reading, shown)
    codes = tuple(
        name for name, seen in zip(layout.names, words, strict=True) if _codes(list(seen))
    )
    return replace(
        layout,
        marks=decided.marks,
        own=tuple(decided.own.items()),
        codes=codes,
        times=tuple(n for n, seen in zip(layout.names, words, strict=True) if _times(seen)),
        repair=repair,
        notes=(*layout.notes, *_sentences(decided, proofs, shown)),
    )


def _times(words: Iterable[str]) -> bool:
    return any(is_time(word.strip()) for word in itertools.islice(words, FIRST))


def _codes(words: Sequence[str]) -> bool:
    for word in words:  # most columns are done with at their first word
        if not DIGITS.match(word.strip()) and word.strip() not in GAPS:
            return False
    # What is left is digits: a look at the first and at the length tells codes.
    return any(word[0] == "0" or len(word) > LONGEST for word in map(str.strip, words) if word[1:])


def _sentences(decided: Decided, columns: Mapping[str, Evidence], shown: str) -> list[str]:
    notes = []
    mark = decided.marks.decimal
    if not any(one.proven for one in columns.values()):
        unsure = [
            f"{quote(name)} (such as {quote(one.example)})"
            for name, one in columns.items()
            if mark in one.open
        ]
        what = f"Read with a decimal {'point' if mark == '.' else 'comma'}"
        why = f"which nothing in {shown} proves (else --thousands)"
        notes += [f"{what}, {why}: {listing(unsure)}."] * bool(unsure)
    if decided.marks.decimal == ",":
        notes.append(f"Numbers in {shown} were read with a decimal comma.")
    for mark, what in ((".", "point"), (",", "comma")):
        names = [quote(name) for name, marks in decided.own.items() if marks.decimal == mark]
        if names:
            notes.append(f"Read with a decimal {what}, unlike other columns: {listing(names)}.")
    return notes
