"""Quotes that nothing closes: in such a file they are part of the text, and end no row later."""

import io
import itertools
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ..errors import InputError
from .layout import BLANK, UNQUOTED
from .reading import Layout
from .rows import bytes_of, skipped

LOOKED = 1000  # rows that tell whether the cells of a column stand in quotes
MOST = 0.5  # of them


def without_quotes(layout: Layout, lines: Iterable[str], shown: str) -> Layout | None:
    """Take the quotes of a file as text, where rows would else run into each other.

    That is so if each of its lines is a whole row as it stands, and one of them has a quote that
    nothing closes in it. A text of several lines in quotes, whose lines are no rows, is none.

    Parameters
    ----------
    layout : Layout
        How the file is laid out, if quotes stand around cells.
    lines : iterable of str
        Its lines from the first row of data on.
    shown : str
        What an error calls the file.

    Returns
    -------
    Layout or None
        The same without quotes, and a note of it; None where quotes stand around cells.

    Raises
    ------
    InputError
        If most cells of a column are in quotes, so that one of them is missing.
    """
    if layout.delimiter == BLANK or layout.quote == UNQUOTED:
        return None
    row, is_quoted = _first_open(layout, lines)
    if row is None:
        return None
    if layout.names_quoted or is_quoted:
        raise InputError(
            f"The file {shown} has a quote that nothing closes in row {row:,} (counted from 1, "
            "without the header), and the rows below would be lost in it; mend that row."
        )
    note = f"Quotes in {shown} were read as text: that in row {row:,} is never closed."
    return replace(layout, quote=UNQUOTED, notes=(*layout.notes, note))


def _first_open(layout: Layout, lines: Iterable[str]) -> tuple[int | None, bool]:
    """The first row that ends within quotes, and whether a column has most of its cells in them.

    There is none where a line is no row.
    """
    mark, first, row = layout.quote, None, 0
    quoted = [0] * layout.width
    for line in lines:
        if not line.strip():
            continue
        row += 1
        if line.count(layout.delimiter) + 1 != layout.width:
            return None, False
        if mark not in line:
            continue
        if first is None and line.count(mark) % 2 and _is_open(line, layout):
            first = row
        if row <= LOOKED:
            for j, cell in enumerate(map(str.strip, line.split(layout.delimiter))):
                quoted[j] += len(cell) > 1 and cell[0] == mark == cell[-1]
    return first, max(quoted) > MOST * min(row, LOOKED)


def _is_open(line: str, layout: Layout) -> bool:
    """Whether a line ends within quotes; one inside a cell that does not begin so opens none."""
    inside = False
    for cell in line.split(layout.delimiter):
        if inside or cell.lstrip().startswith(layout.quote):
            inside ^= cell.count(layout.quote) % 2 == 1
    return inside


def lines_of(stream: Any, layout: Layout) -> Iterable[str]:
    """Give the lines of a file from its first row of data on.

    Parameters
    ----------
    stream : binary file
        The file, at its beginning.
    layout : Layout
        How it is laid out.

    Returns
    -------
    iterable of str
        The lines.
    """
    skipped(stream, layout.start)
    return io.TextIOWrapper(bytes_of(stream), layout.encoding, errors="replace")


def whole_lines(text: str, whole: bool) -> Iterable[str]:
    """Give the lines of a sample, the last aside if it may be cut.

    Parameters
    ----------
    text : str
        The sample.
    whole : bool
        Whether it is the whole file.

    Returns
    -------
    iterable of str
        The lines.
    """
    lines = text.splitlines()
    return lines if whole else itertools.islice(lines, max(len(lines) - 1, 0))
