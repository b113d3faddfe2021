"""Rows of a table that are no data: empty ones, repeated headers, totals."""

# pyright: reportAttributeAccessIssue=false
# (Arrow makes its compute functions at import, where a type checker cannot see them.)

from collections.abc import Set

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InputError
from .cells import TEXT
from .reading import Aside
from .shapes import TOTAL
from .sums import are_sums, is_number, subtotals, sum_and_top

TAIL = 3  # rows at the end that may hold totals
LEAST_SUMMED = 5  # rows; equality with the sum of fewer may be chance
EMPTY, TOTALS, REPEATED = "all of its cells are empty", "it is a total", "it repeats the header"
RULE = "it is a line drawn beneath the header"
DRAWN = r"^\s*:?(?:-{3,}|={3,}):?\s*$"  # as in Markdown and in reports of databases


def set_aside(
    table: pa.Table, shown: str, ends: bool = True
) -> tuple[np.ndarray | None, list[Aside]]:
    """Find rows that are no data: empty ones, repeated headers, and totals.

    Parameters
    ----------
    table : pyarrow.Table
        The rows.
    shown : str
        What an error calls the file.
    ends : bool
        Whether totals are looked for.

    Returns
    -------
    pair of array of int or None, and list of Aside
        The rows that are data, None for all; and the others.
    """
    why: dict[int, str] = dict.fromkeys(repeated(table), REPEATED)
    blank = empty(table)
    if why and any(row - k in set(blank) for row in why for k in (1, 2, 3)):
        raise InputError(
            f"The file {shown} holds several tables beneath each other; give one table a file."
        )
    why |= dict.fromkeys(blank, EMPTY) | dict.fromkeys(drawn(table), RULE)
    if ends:
        why |= dict.fromkeys(totals(table, set(why)), TOTALS)
    if not why:
        return None, []
    if ends and len(why) >= table.num_rows:
        raise InputError(f"The file {shown} has a header but no rows; give one with rows.")
    kept = np.ones(table.num_rows, dtype=bool)
    kept[list(why)] = False
    rows = sorted(why)
    cells = table.take(pa.array(rows[:1000])).to_pylist()
    aside = [
        Aside(row + 1, why[row], tuple(_shown(v) for v in values.values()))
        for row, values in zip(rows, cells, strict=False)
    ]
    return kept, aside + [Aside(row + 1, why[row]) for row in rows[1000:]]


def _shown(value: object) -> str | None:
    return None if value is None else str(value)


def empty(table: pa.Table) -> list[int]:
    """Find rows without any cell.

    Parameters
    ----------
    table : pyarrow.Table
        The rows.

    Returns
    -------
    list of int
        Their positions.
    """
    lacking = np.ones(table.num_rows, dtype=bool)
    for column in table.columns:
        if any(is_text(column.type) for is_text in TEXT):
            null = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(column), ""), True)
        elif column.null_count:
            null = pc.is_null(column)
        else:
            return []
        lacking &= null.to_numpy()
        if not lacking.any():
            return []
    return np.flatnonzero(lacking).tolist()


def repeated(table: pa.Table) -> list[int]:
    """Find rows whose text cells are the names of their columns.

    Parameters
    ----------
    table : pyarrow.Table
        The rows.

    Returns
    -------
    list of int
        Their positions.
    """
    rows = np.ones(table.num_rows, dtype=bool)
    for name, column in zip(table.column_names, table.columns, strict=True):
        if not any(is_text(column.type) for is_text in TEXT):
            return []
        rows &= pc.fill_null(pc.equal(pc.utf8_trim_whitespace(column), name), False).to_numpy()
        if not rows.any():
            return []
    return np.flatnonzero(rows).tolist()


def drawn(table: pa.Table) -> list[int]:
    """Find rows whose cells are dashes alone, which draw a line.

    Parameters
    ----------
    table : pyarrow.Table
        The rows.

    Returns
    -------
    list of int
        Their positions.
    """
    rows = np.ones(table.num_rows, dtype=bool)
    for column in table.columns:
        if pa.types.is_null(column.type):
            continue
        if not any(is_text(column.type) for is_text in TEXT):
            return []
        rows &= pc.fill_null(pc.match_substring_regex(column, DRAWN), False).to_numpy()
        if not rows.any():
            return []
    return np.flatnonzero(rows).tolist()


def totals(table: pa.Table, gone: Set[int] = frozenset()) -> list[int]:
    """Find rows that are totals: by text and sums; at the end by either, or as means by their text.

    Parameters
    ----------
    table : pyarrow.Table
        The rows.
    gone : set of int
        Rows that are set aside already.

    Returns
    -------
    list of int
        Their positions.
    """
    parts = subtotals(table, gone)
    gone = {*gone, *parts}
    first = max(0, table.num_rows - TAIL - len(gone))
    rows = [row for row in range(first, table.num_rows) if row not in gone][-TAIL:]
    sums = [rows[i] for i in labeled(table.take(pa.array(rows, pa.int64())))]
    if not sums and rows and len(rows) == TAIL:
        body = (
            table.take(pa.array(np.setdiff1d(np.arange(rows[-1] + 1), parts))) if parts else table
        )
        if _is_sum(body, rows[-1] - len([row for row in parts if row < rows[-1]])):
            sums = [rows[-1]]
    return parts + sums


def labeled(tail: pa.Table) -> list[int]:
    """Find the rows at the end that are totals or means by their text.

    Parameters
    ----------
    tail : pyarrow.Table
        The last rows.

    Returns
    -------
    list of int
        Their positions, the last first.
    """
    places = []
    for row in range(tail.num_rows - 1, -1, -1):
        cells = [v for v in tail.slice(row, 1).to_pylist()[0].values() if isinstance(v, str)]
        if not any(map(TOTAL.match, cells)):
            break
        places.append(row)
    return places


def _is_sum(table: pa.Table, last: int) -> bool:
    """Whether a row holds the sums of all others."""
    columns = (column for column in table.columns if is_number(column.type))
    sums = ((c[last].as_py(), *sum_and_top(c.slice(0, last))) for c in columns)
    return last >= LEAST_SUMMED and are_sums(sums, last)


class Sorter:
    """Finds the rows that are no data, block by block, in a table that memory need not hold.

    Parameters
    ----------
    shown : str
        What an error calls the file.
    """

    def __init__(self, shown: str) -> None:
        self.why: dict[int, str] = {}
        self._shown, self._seen, self._body = shown, 0, 0
        self._tail: list[tuple[int, pa.Table]] = []
        self._sums: dict[str, tuple[float, float]] = {}

    def add(self, table: pa.Table) -> None:
        """Look at the next rows.

        Parameters
        ----------
        table : pyarrow.Table
            The rows, cells of text as they are spelled.
        """
        _, aside = set_aside(table, self._shown, ends=False)
        gone = {row.row - 1: row.why for row in aside}
        self.why |= {self._seen + row: why for row, why in gone.items()}
        left = [row for row in range(table.num_rows - 1, -1, -1) if row not in gone][:TAIL]
        held = [(self._seen + row, table.slice(row, 1)) for row in reversed(left)]
        if left:
            body = np.ones(table.num_rows, dtype=bool)
            body[left] = False
            self._count(table.filter(pa.array(body)))
            self._tail += held
            for _, row in self._tail[:-TAIL]:
                self._count(row)
            self._tail = self._tail[-TAIL:]
        self._seen += table.num_rows

    def _count(self, rows: pa.Table) -> None:
        self._body += rows.num_rows
        for name, column in zip(rows.column_names, rows.columns, strict=True):
            if is_number(column.type) and rows.num_rows:
                total, top = sum_and_top(column)
                before = self._sums.get(name, (0.0, 0.0))
                self._sums[name] = (before[0] + total, max(before[1], top))

    def finish(self) -> dict[int, str]:
        """Say why rows are set aside, totals at the end too.

        Returns
        -------
        dict of int to str
            The reasons, by the number of the row from 0.
        """
        if not self._tail:
            return self.why
        rows = pa.concat_tables([row for _, row in self._tail])
        numbers = [number for number, _ in self._tail]
        summing = totals(rows)
        last = rows.num_rows - 1
        if not summing and last == TAIL - 1 and self._body + last >= LEAST_SUMMED:
            sums = []
            for name in self._sums:
                total, top = sum_and_top(rows[name].slice(0, last))
                before = self._sums[name]
                sums.append((rows[name][last].as_py(), before[0] + total, max(before[1], top)))
            summing = [last] if are_sums(sums, self._body + last) else []
        return self.why | {numbers[row]: TOTALS for row in summing}
