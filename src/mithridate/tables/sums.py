"""Whether rows hold the sums of others: by their numbers, and by what their text says."""

# pyright: reportAttributeAccessIssue=false
# (Arrow makes its compute functions at import, where a type checker cannot see them.)

from collections.abc import Iterable, Sequence, Set
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .cells import TEXT
from .shapes import SUM_OF

LEAST_PART = 2  # rows of a sum, if text calls it one
_MAX_MISSED = 20  # rows called sums that are none, after which the search ends
_TOLERANCE = 1e-9  # relative difference that a sum may have, beside its rounding
_MAX_ROUNDED = 1e-3  # share of a sum that the rounding of its cells may explain


def subtotals(table: pa.Table, gone: Set[int] = frozenset()) -> list[int]:
    """Find rows whose text calls them a sum, and whose numbers are the sums of rows above.

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

    Examples
    --------
    >>> place = ["North", "North", "North total", "South", "South", "South total"]
    >>> subtotals(pa.table({"place": place, "sold": [3, 4, 7, 5, 1, 6]}))
    [2, 5]
    """
    texts = (c for c in table.columns if any(is_text(c.type) for is_text in TEXT))
    marked = np.zeros(table.num_rows, dtype=bool)
    for column in texts:
        marked |= pc.fill_null(pc.match_substring_regex(column, SUM_OF), False).to_numpy()
    marks = [row for row in np.flatnonzero(marked).tolist() if row not in gone]
    columns = [c for c in table.columns if is_number(c.type)]
    sums, missed = [], 0
    for row in marks if len(marks) <= table.num_rows / (LEAST_PART + 1) else ():
        # Of the rows since the last one; the very last may be the sum of all that are none.
        firsts = {(sums or [-1])[-1] + 1, 0 if row == marks[-1] else (sums or [-1])[-1] + 1}
        if any(_is_part(columns, np.arange(first, row), [*gone, *sums], row) for first in firsts):
            sums.append(row)
            missed = 0
        missed += 1
        if missed > _MAX_MISSED:
            break
    return sums


def _is_part(columns: Sequence[Any], above: np.ndarray, gone: Sequence[int], row: int) -> bool:
    """Whether a row holds the sums of those above it that are not gone."""
    rows = np.setdiff1d(above, gone)
    parts = ((c[row].as_py(), *sum_and_top(c.take(pa.array(rows)))) for c in columns)
    return len(rows) >= LEAST_PART and are_sums(parts, len(rows), 1)


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


def are_sums(
    columns: Iterable[tuple[float | None, float, float]], rows: int, least: int = 2
) -> bool:
    """Say whether values are the sums of their columns, in some and all that have a value.

    Parameters
    ----------
    columns : iterable of tuple
        Of each column the value, the sum of the cells above and the largest of them.
    rows : int
        The number of the cells above.
    least : int
        How many columns must have a sum.

    Returns
    -------
    bool
        Whether they are.
    """
    count = 0
    for one in columns:
        is_sum = agrees(*one, rows)
        if is_sum is False:
            return False
        count += bool(is_sum)
    return count >= least


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
        Whether it is; None for what says nothing, as zeros do, or a mean beside sums.

    Examples
    --------
    >>> agrees(12.35, 12.36, 3.0, 9), agrees(0.03, 0.002, 0.05, 30), agrees(13, 12, 3, 9)
    (True, False, False)
    >>> agrees(1.5, 12, 3, 8)
    """
    if value is None or np.isnan(value) or not top:
        return None
    if not np.isfinite([value, total]).all():
        return False
    place = _place(value, total)
    rounding = (rows + 1) * place / 2
    if rows > 1 and abs(total / rows - value) <= max(
        _TOLERANCE * abs(value), place * (value % 1 > 0)
    ):
        return None
    if abs(total - value) > max(_TOLERANCE * abs(total), min(rounding, _MAX_ROUNDED * abs(total))):
        return False
    return True if value else None


def _place(value: float, total: float) -> float:
    """The last place that a sum is written with; 0 where all numbers are whole."""
    if value % 1:
        return 10.0 ** int(Decimal(repr(value)).as_tuple().exponent)
    return float(bool(total % 1))
