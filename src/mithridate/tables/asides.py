"""Rows of a table that are no data: empty ones, repeated headers, totals at the end."""

# pyright: reportAttributeAccessIssue=false
# (Arrow makes its compute functions at import, where a type checker cannot see them.)

from collections.abc import Iterable, Set
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InputError
from .cells import TEXT
from .reading import Aside
from .shapes import TOTAL

TAIL = 3  # rows at the end that may hold totals
LEAST_SUMMED = 5  # rows that a sum is believed of
NEAR = 1e-9  # how near a sum must come, beside its rounding
ROUNDED = 1e-3  # of a sum: more than this the rounding of its cells does not explain
EMPTY, TOTALS, REPEATED = "all of its cells are empty", "it is a total", "it repeats the header"
RULE = "it is a line drawn beneath the header"
DRAWN = r"^\s*:?(?:-{3,}|={3,}):?\s*$"  # as in Markdown and in reports of databases


def set_aside(
    table: pa.Table, shown: str, ends: bool = True
) -> tuple[np.ndarray | None, list[Aside]]:
    """Find rows that are no data: empty ones, repeated headers, and totals at the end.

    Parameters
    ----------
    table : pyarrow.Table
        The rows.
    shown : str
        What an error calls the file.
    ends : bool
        Whether totals at the end are looked for.

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
    """Find rows at the end that are totals or means by their text, or a last one by its sums.

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
    first = max(0, table.num_rows - TAIL - len(gone))
    rows = [row for row in range(first, table.num_rows) if row not in gone][-TAIL:]
    sums = [rows[i] for i in labeled(table.take(pa.array(rows, pa.int64())))]
    if not sums and rows and len(rows) == TAIL and _is_sum(table, rows[-1]):
        sums = [rows[-1]]
    return sums


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
    return last >= LEAST_SUMMED and _sums(sums, last)


def is_number(kind: pa.DataType) -> bool:
    """Say whether a column of this type can hold sums.

    Parameters
    ----------
    kind : pyarrow.DataType
        The type.

    Returns
    -------
    bool
        Whether it can.
    """
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def sum_and_top(column: Any) -> tuple[float, float]:
    """Add up the numbers of a column, and find the largest.

    Parameters
    ----------
    column : pyarrow.ChunkedArray or pyarrow.Array
        Numbers; gaps and NaN are passed over.

    Returns
    -------
    tuple of float
        The sum and the largest absolute value; zeros where there are none. The sum is NaN where
        two infinite numbers cancel.

    Examples
    --------
    >>> sum_and_top(pa.chunked_array([[1.0, float("nan"), None, -4.0]]))
    (-3.0, 4.0)
    """
    numbers = column.cast(pa.float64(), safe=False)  # sums of long integers would wrap around
    if pc.any(pc.is_nan(numbers)).as_py():
        numbers = numbers.filter(pc.invert(pc.is_nan(numbers)))
    total, top = pc.sum(numbers).as_py(), pc.max(pc.abs(numbers)).as_py()
    return (0.0, 0.0) if total is None else (total, top)


def _sums(columns: Iterable[tuple[float | None, float, float]], rows: int) -> bool:
    """Whether values are the sums of their columns, in at least two and all that have a value."""
    agreed = 0
    for one in columns:
        said = agrees(*one, rows)
        if said is False:
            return False
        agreed += bool(said)
    return agreed >= 2


def agrees(value: float | None, total: float, top: float, rows: int) -> bool | None:
    """Say whether a value is the sum of its column, whose cells may have been rounded each.

    Parameters
    ----------
    value : float or None
        The value.
    total : float
        The sum of the cells above.
    top : float
        Their largest absolute value.
    rows : int
        Their number.

    Returns
    -------
    bool or None
        Whether it is; None for what says nothing, as zeros do.

    Examples
    --------
    >>> agrees(12.35, 12.36, 3.0, 9), agrees(0.03, 0.002, 0.05, 30), agrees(13, 12, 3, 9)
    (True, False, False)
    """
    if value is None or np.isnan(value) or not top:
        return None
    if not np.isfinite([value, total]).all():
        return False
    rounding = (rows + 1) * _place(value, total) / 2
    if abs(total - value) > max(NEAR * abs(total), min(rounding, ROUNDED * abs(total))):
        return False
    return True if value else None


def _place(value: float, total: float) -> float:
    """The last place that a sum is written with; 0 where all numbers are whole."""
    if value % 1:
        return 10.0 ** int(Decimal(repr(value)).as_tuple().exponent)
    return float(bool(total % 1))


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
            summing = [last] if _sums(sums, self._body + last) else []
        return self.why | {numbers[row]: TOTALS for row in summing}
