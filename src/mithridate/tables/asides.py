"""Rows of a table that are no data: empty ones, repeated headers, totals at the end."""

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

TAIL = 3  # rows at the end that may hold totals
LEAST_SUMMED = 5  # rows that a sum is believed of
NEAR = 1e-9  # how near a sum must come, beside its rounding
EMPTY, TOTALS, REPEATED = "all of its cells are empty", "it is a total", "it repeats the header"


def set_aside(table: pa.Table, shown: str) -> tuple[np.ndarray | None, list[Aside]]:
    """Rows that are no data: empty ones, repeated headers, and totals at the end."""
    why: dict[int, str] = dict.fromkeys(repeated(table), REPEATED)
    blank = empty(table)
    if why and any(row - k in set(blank) for row in why for k in (1, 2, 3)):
        raise InputError(
            f"The file {shown} holds several tables beneath each other; give one table a file."
        )
    why |= dict.fromkeys(blank, EMPTY)
    why |= dict.fromkeys(totals(table, set(why)), TOTALS)
    if not why:
        return None, []
    if len(why) >= table.num_rows:
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
    """Rows without any cell."""
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
    """Rows whose text cells are the names of their columns."""
    rows = np.ones(table.num_rows, dtype=bool)
    for name, column in zip(table.column_names, table.columns, strict=True):
        if not any(is_text(column.type) for is_text in TEXT):
            return []
        rows &= pc.fill_null(pc.equal(pc.utf8_trim_whitespace(column), name), False).to_numpy()
        if not rows.any():
            return []
    return np.flatnonzero(rows).tolist()


def totals(table: pa.Table, gone: Set[int] = frozenset()) -> list[int]:
    """Rows at the end that are totals or means by their text, or a last one by its sums."""
    first = max(0, table.num_rows - TAIL - len(gone))
    rows = [row for row in range(first, table.num_rows) if row not in gone][-TAIL:]
    found = []
    for row in reversed(rows):
        cells = [v for v in table.slice(row, 1).to_pylist()[0].values() if isinstance(v, str)]
        if not any(map(TOTAL.match, cells)):
            break
        found.append(row)
    if not found and rows and len(rows) == TAIL and _is_sum(table, rows[-1], gone):
        found = [rows[-1]]
    return found


def _is_sum(table: pa.Table, last: int, gone: Set[int]) -> bool:
    """Whether a row holds the sums of all others, in at least two columns and all of its numbers.

    Columns of zeros and of a single value say nothing.
    """
    if last < LEAST_SUMMED:
        return False
    agreed = 0
    for column in table.columns:
        kind = column.type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            continue
        value = column[last].as_py()
        if value is None or np.isnan(value):
            continue
        before = column.slice(0, last)
        total, top = pc.sum(before).as_py(), pc.max(pc.abs(before)).as_py()
        if total is None or not top:
            continue
        if abs(total - value) > max(NEAR * abs(total), 0.005 * bool(value % 1)):
            return False
        agreed += bool(value)
    return agreed >= 2
