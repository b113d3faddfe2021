"""A parsed table as it is used: numbers out of text, rows set aside, and what was suspicious."""

# pyright: reportAttributeAccessIssue=false
# (Arrow makes its compute functions at import, where a type checker cannot see them.)

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .._text import counted, listing
from ..errors import InputError
from .cells import NUMBERS, TEXT
from .dates import as_features
from .notes import Notes
from .numerals import numbers_in
from .reading import Aside, Decision, Layout, Reading
from .shapes import TOTAL

TAIL = 3  # rows at the end that may hold totals
LEAST_SUMMED = 5  # rows that a sum is believed of
NEAR = 1e-9  # how near a sum must come, beside its rounding
SENTINELS = (-99999, -9999, -999, -99, 999, 9999, 99999, 999999)
EMPTY, TOTALS, REPEATED = "all of its cells are empty", "it is a total", "it repeats the header"


@dataclass(frozen=True, eq=False)
class Finished:
    """The table, which of the parsed rows it holds, what was decided and what was set aside."""

    table: pa.Table
    kept: np.ndarray | None
    decisions: tuple[Decision, ...]
    aside: tuple[Aside, ...]


def finished(table: pa.Table, layout: Layout, reading: Reading, shown: str) -> Finished:
    """The table with its numbers read and its rows that are none set aside."""
    kept, aside = _set_aside(table, shown)
    if kept is not None:
        table = table.filter(pa.array(kept))
    own, columns, decisions = dict(layout.own), {}, []
    for name in table.column_names:
        column = table[name]
        if reading.missing and any(is_number(column.type) for is_number in NUMBERS):
            column = _without(column, reading.missing)
        made = numbers_in(name, column, own.get(name, layout.marks), name in layout.codes)
        columns[name] = made.values
        decisions += made.decisions
    table = pa.table(columns)
    for name in table.column_names:
        decisions += _suspicious(name, table[name])
    if reading.dates:
        table, more = as_features(table, reading.dates, shown)
        decisions += more
    return Finished(table, kept, tuple(decisions), tuple(aside))


def _without(column: pa.ChunkedArray, missing: Sequence[str]) -> pa.ChunkedArray:
    """Numbers without those that mean "no value"."""
    for word in missing:
        try:
            gone = float(word)
        except ValueError:
            continue
        same = pc.equal(column.cast(pa.float64(), safe=False), gone)
        column = pc.if_else(same, pa.scalar(None, column.type), column)
    return column


def _set_aside(table: pa.Table, shown: str) -> tuple[np.ndarray | None, list[Aside]]:
    """Rows that are no data: empty ones, repeated headers, and totals at the end."""
    why: dict[int, str] = dict.fromkeys(_repeated(table), REPEATED)
    empty = _empty(table)
    if why and any(row - k in set(empty) for row in why for k in (1, 2, 3)):
        raise InputError(
            f"The file {shown} holds several tables beneath each other; give one table a file."
        )
    why |= dict.fromkeys(empty, EMPTY)
    why |= dict.fromkeys(_totals(table, set(why)), TOTALS)
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


def _empty(table: pa.Table) -> list[int]:
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


def _repeated(table: pa.Table) -> list[int]:
    """Rows whose text cells are the names of their columns."""
    rows = np.ones(table.num_rows, dtype=bool)
    for name, column in zip(table.column_names, table.columns, strict=True):
        if not any(is_text(column.type) for is_text in TEXT):
            return []
        rows &= pc.fill_null(pc.equal(pc.utf8_trim_whitespace(column), name), False).to_numpy()
        if not rows.any():
            return []
    return np.flatnonzero(rows).tolist()


def _totals(table: pa.Table, gone: set[int]) -> list[int]:
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


def _is_sum(table: pa.Table, last: int, gone: set[int]) -> bool:
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


def _suspicious(name: str, column: pa.ChunkedArray) -> list[Decision]:
    """A note on a number such as -999 that comes up often, far from all others."""
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)) or len(column) < 10:
        return []
    ends = pc.min_max(column).as_py()
    for end in ("min", "max"):
        value = ends[end]
        if value not in SENTINELS:
            continue
        rest = column.filter(pc.not_equal(column, value))
        times = len(column) - column.null_count - len(rest)
        other = pc.min_max(rest).as_py()
        if times < 2 or other["min"] is None:
            continue
        gap = other["min"] - value if end == "min" else value - other["max"]
        if gap > other["max"] - other["min"] and gap > 0:
            kind_ = "Suspicious numbers that may mean 'no value' (--missing takes them as such)"
            detail = f"{value:g} in {counted(times, 'row')}"
            return [Decision(kind_, name, times, detail)]
    return []


def sentences(
    layout: Layout, decisions: Sequence[Decision], aside: Sequence[Aside], padded: int, shown: str
) -> list[str]:
    """What was read how, that which changes the answer most first."""
    log = Notes()
    said = []
    reasons: dict[str, list[int]] = {}
    for row in aside:
        reasons.setdefault(row.why, []).append(row.row)
    for why, rows in reasons.items():
        first = listing([str(row) for row in rows])
        said.append(
            f"Set aside in {shown}: {counted(len(rows), 'row')}, since {why} (row {first})."
        )
    if padded:
        said.append(
            f"Rows of {shown} with too few cells were filled with missing ones at their end: "
            f"{counted(padded, 'row')}."
        )
    order = sorted(decisions, key=lambda one: RANK.get(one.kind[:10], 1))
    for one in order:
        log.add(one.kind, one.column, one.detail)
    return [*said, *layout.notes, *log.sentences()]


RANK = {"Cells that": 0, "Suspicious": 0, "Limits wer": 0, "Read as nu": 2}
