"""Real CSV files as people leave them: the cells they hold, or one sentence; never other cells."""

import csv
import sys
from pathlib import Path

import pytest

from mithridate.errors import InputError
from mithridate.tables import read
from mithridate.tables.reading import Reading

SHARED = Path(__file__).parents[3] / "shared" / "data" / "csv"
FILES = sorted((SHARED / "as_found").glob("*.csv"))
ANY = Reading()
ALIKE = 0.98  # the share of cells from which on the survey counts a file as read right
LEAST_RIGHT = 28


def bare(row: list[str | None]) -> list[str]:
    """Cells without blanks around them, empty ones at the end aside."""
    cells = [(cell or "").strip() for cell in row]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def cells_of(path: Path) -> tuple[bool, list[list[str]]]:
    """Whether the file has a header, and the rows of its table as text."""
    text, shown = read.Text(path, ""), repr(path.name)
    layout = read.laid_out(text, ANY, shown)
    table, _ = read.parsed(text, layout, ANY, shown, typed=False)
    read.read(path)  # and it must not be refused later
    rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
    return bool(layout.written), [row for row in map(bare, map(list, rows)) if row]


def truth_of(path: Path, has_header: bool) -> list[list[str]]:
    """The rows that the survey states, without its header or the one that it made up."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        with (SHARED / "clean" / path.name).open(newline="", encoding="utf-8") as file:
            rows = [bare(row) for row in csv.reader(file)]
    finally:
        csv.field_size_limit(before)
    made_up = rows[0][0] == "col_0"
    return [row for row in rows[1 if has_header or made_up else 0 :] if row]


def right(path: Path) -> bool | None:
    """Whether a file is read right; None where it is refused."""
    try:
        has_header, rows = cells_of(path)
    except InputError as error:
        assert str(error).isprintable()
        return None
    wanted = truth_of(path, has_header)
    if len(rows) != len(wanted):
        return False
    pairs = [(row, other) for row, other in zip(rows, wanted, strict=True)]
    total = sum(max(len(row), len(other)) for row, other in pairs)
    same = sum(a == b for row, other in pairs for a, b in zip(row, other, strict=False))
    return same >= ALIKE * total


@pytest.mark.skipif(not FILES, reason="the files of the survey are not at hand")
def test_real_files_are_read_right_or_refused():
    found = {path.name: right(path) for path in FILES}
    assert [name for name, verdict in found.items() if verdict is False] == []
    assert sum(verdict is True for verdict in found.values()) >= LEAST_RIGHT
