"""Where the names of a table stand, and what stands before them."""

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from .._text import counted, listing, quote
from ..errors import InputError
from .layout import Row, usual_width
from .shapes import kind_of

MOSTLY = 0.8
DEEPEST = 60  # rows before the table that are skipped at most
YEARS = range(1800, 2101)


@dataclass(frozen=True)
class Header:
    """Where the data begin, and the names of the columns.

    Parameters
    ----------
    skip : int
        Number of rows before the data.
    width : int
        Number of cells of a row.
    names : tuple of str
        The names.
    written : tuple of str
        The names as the file has them; empty where it has none.
    notes : tuple of str
        What was done, a sentence each.
    """

    skip: int
    width: int
    names: tuple[str, ...]
    written: tuple[str, ...]
    notes: tuple[str, ...] = ()


def header_of(rows: Sequence[Row], shown: str, wanted: bool | None = None) -> Header:
    """Find the names of a table in its first rows.

    Parameters
    ----------
    rows : sequence of rows
        The first rows.
    shown : str
        What an error calls the file.
    wanted : bool, optional
        Whether there are names, if a person said.

    Returns
    -------
    Header
        The names.
    """
    width = usual_width(rows)
    first, notes = _first(rows, width, wanted), []
    body = [row for row in rows[first + 1 :] if len(row) == width]
    if wanted is None and first == 0 and not body and len(rows) > 1:
        body = [rows[1]]
        width = len(rows[1])
    has = has_names(rows[first], body, shown) if wanted is None else wanted
    if first:
        notes.append(f"Set aside before the table in {shown}: {counted(first, 'row')}.")
    if not has:
        notes.append(f"The file {shown} has no header; its columns are called by their numbers.")
        names = tuple(f"column {i + 1}" for i in range(width))
        return Header(first, width, names, (), tuple(notes))
    top, skip = list(rows[first]), first + 1
    joined = _second(rows, first, width)
    if joined is not None:
        top, more = joined
        skip += 1
        notes.append(more)
    elif first and (group := _group(rows[first - 1], top, width)):
        top = group
        notes[-1:] = [f"Names in {shown} were joined from two rows."]
        if first > 1:
            notes.insert(0, f"Set aside before the table in {shown}: {counted(first - 1, 'row')}.")
    top = _fitted(top, width, body, shown, notes)
    if width > 2 and body and not top[-1].strip() and not any(row[-1].strip() for row in body):
        top = top[:-1]
        notes.append(f"Rows of {shown} end with a delimiter, which begins no column.")
    names = _named(top, notes, shown)
    return Header(skip, width, names, tuple(rows[skip - 1]), tuple(notes))


def _first(rows: Sequence[Row], width: int, wanted: bool | None) -> int:
    """The row at which the table begins: the first that is filled as the rows of the table are."""
    for i, row in enumerate(rows[:DEEPEST]):
        filled = sum(bool(cell.strip()) for cell in row)
        near = len(row) == width or (len(row) == width - 1 and filled == len(row))
        if near and width == 2 and filled == 2:
            return i
        if near and filled > width / 2:
            below = rows[i + 1] if i + 1 < len(rows) else []
            if filled >= width - 1 or not _fuller(below, row, width):
                return i
        if near and filled and width > 1 and wanted is None and i + 1 < len(rows):
            kinds = [kind_of(cell) for cell in rows[i + 1]]
            if len(kinds) == width and kinds.count("number") >= 1 and filled >= max(1, width / 2):
                return i
    return 0


def _fuller(below: Row, row: Row, width: int) -> bool:
    """Whether the row beneath is all text and fuller: then it holds the names."""
    filled = sum(bool(cell.strip()) for cell in row)
    full = [cell for cell in below if cell.strip()]
    return (
        len(below) == width and len(full) > filled and all(kind_of(cell) == "text" for cell in full)
    )


def has_names(top: Row, body: Sequence[Row], shown: str) -> bool:
    """Say whether a row holds names: text above numbers; numbers above numbers are data.

    Parameters
    ----------
    top : row
        The row.
    body : sequence of rows
        Those below it.
    shown : str
        What an error calls the file.

    Returns
    -------
    bool
        Whether it does.
    """
    if not body:
        return True
    shift = len(body[0]) - len(top)
    names = over = 0
    numbers = []
    for j in range(len(body[0])):
        kinds = Counter(kind_of(row[j]) for row in body[:200])
        known = sum(kinds.values()) - kinds["gap"]
        is_number = known and kinds["number"] + kinds["date"] >= MOSTLY * known
        cell = top[j - shift] if 0 <= j - shift < len(top) else ""
        kind = kind_of(cell)
        if not is_number or not cell.strip():
            continue
        if kind == "text":
            names += 1
        elif kind in ("number", "date"):
            over += 1
            numbers.append(cell.strip())
    if not over:
        return bool(names) or not _repeats(top, body)
    if _labels(numbers):
        return True
    if not names:
        return False
    if names >= 4 * over and len(set(top)) == len(top):
        return True
    if over >= 4 * names:
        return False
    raise InputError(
        f"The first row of {shown} may hold names or data ({quote(top[0])}, …): say which by "
        "--header or --no-header."
    )


def _labels(numbers: Sequence[str]) -> bool:
    """Whether numbers in a first row name columns: years, or 0, 1, 2, …"""
    if len(numbers) < 3 or not all(re.fullmatch(r"\d{1,4}", n) for n in numbers):
        return False
    whole = [int(n) for n in numbers]
    steps = {b - a for a, b in itertools.pairwise(whole)}
    if len(steps) != 1 or 0 in steps:
        return False
    return all(n in YEARS for n in whole) or (steps == {1} and whole[0] in (0, 1))


def _repeats(top: Row, body: Sequence[Row]) -> bool:
    """Whether cells of a first row of text come up again in their columns: then it is data."""
    again = [
        bool(cell.strip()) and any(len(row) > j and row[j] == cell for row in body[:200])
        for j, cell in enumerate(top)
    ]
    return sum(again) > len(top) / 2


def _texts(row: Row) -> bool:
    filled = [cell for cell in row if cell.strip()]
    return bool(filled) and all(kind_of(cell) == "text" for cell in filled)


def _second(rows: Sequence[Row], first: int, width: int) -> tuple[Row, str] | None:
    """Names that stand in two rows: groups above names, or names above units."""
    if first + 2 >= len(rows):
        return None
    top, below, data = rows[first], rows[first + 1], rows[first + 2]
    if not (len(top) == len(below) == width) or not (_texts(top) and _texts(below)):
        return None
    data = [row for row in rows[first + 2 : first + 52] if len(row) == width]
    numeric = [
        j
        for j in range(width)
        if data and sum(kind_of(r[j]) in ("number", "date") for r in data) >= MOSTLY * len(data)
    ]
    filled = [j for j in numeric if below[j].strip()]
    if not numeric or len(filled) < len(numeric) / 2:
        return None
    blank = any(not cell.strip() for cell in top)
    if blank or len({cell.strip() for cell in top}) < width:
        return _joined(top, below), "Names were joined from two rows."
    units = [quote(cell.strip()) for cell in below if cell.strip()]
    return list(top), f"A second row of the header was set aside: {listing(units)}."


def _group(above: Row, top: Row, width: int) -> Row | None:
    """Names with those of their groups from the row above, where they need them."""
    filled = sum(bool(cell.strip()) for cell in above)
    if len(above) != width or filled < 2 or len(set(top)) == len(top) or not _texts(above):
        return None
    return _joined(above, top)


def _joined(above: Row, below: Row) -> Row:
    made, group = [], ""
    for high, low in zip(above, below, strict=True):
        group = high.strip() or group
        made.append(f"{group} {low.strip()}".strip())
    return made


def _fitted(top: Row, width: int, body: Sequence[Row], shown: str, notes: list[str]) -> Row:
    """Names as many as a row has cells."""
    if len(top) == width - 1 and body:
        if not any(row[-1].strip() for row in body if len(row) == width):
            return [*top, ""]
        first = [row[0] for row in body if len(row) == width]
        distinct = len(set(first)) == len(first)
        if distinct and (kind_of(first[0]) == "text" or first[0].strip() in ("0", "1")):
            notes.append(f"The first column of {shown} has no name: it holds names of rows.")
            return ["", *top]
    if len(top) != width:
        raise InputError(
            f"The file {shown} is no regular table: its header has {len(top)} cells where most "
            f"rows have {width}; mend the header, or name the mark by --delimiter."
        )
    return top


def _named(top: Row, notes: list[str], shown: str) -> tuple[str, ...]:
    """Names trimmed, blank ones numbered, doubled ones counted."""
    names: dict[str, None] = {}
    blank, twice = [], []
    given = {cell.strip() for cell in top}
    for i, cell in enumerate(top):
        name = cell.strip()
        if not name:
            name = f"unnamed {i + 1}"
            blank.append(name)
        unique, k = name, 2
        while unique in names or (unique != name and unique in given):
            unique, k = f"{name} ({k})", k + 1
        if unique != name:
            twice.append(unique)
        names[unique] = None
    if twice:
        notes.append(f"Columns of {shown} that share a name were numbered: {_all(twice)}.")
    if blank:
        notes.append(f"Columns of {shown} without a name were numbered: {_all(blank)}.")
    return tuple(names)


def _all(names: Sequence[str]) -> str:
    return listing([quote(name) for name in names])
