"""A parsed table as it is used: numbers out of text, rows set aside, and what was suspicious."""

# pyright: reportAttributeAccessIssue=false
# (Arrow makes its compute functions at import, where a type checker cannot see them.)

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .._machine import cores
from .._text import counted, listing
from .asides import set_aside
from .cells import NUMBERS
from .dates import as_features
from .notes import Notes
from .numerals import ReadColumn, numbers_in
from .reading import Aside, Decision, Layout, Reading

SENTINELS = (-99999, -9999, -999, -99, 999, 9999, 99999, 999999)


@dataclass(frozen=True, eq=False)
class Finished:
    """The table, which of the parsed rows it holds, what was decided and what was set aside."""

    table: pa.Table
    kept: np.ndarray | None
    decisions: tuple[Decision, ...]
    aside: tuple[Aside, ...]


def finished(table: pa.Table, layout: Layout, reading: Reading, shown: str) -> Finished:
    """The table with its numbers read and its rows that are none set aside."""
    kept, aside = set_aside(table, shown)
    if kept is not None:
        table = table.filter(pa.array(kept))
    own = dict(layout.own)

    def made(name: str) -> ReadColumn:
        column = table[name]
        if reading.missing and any(is_number(column.type) for is_number in NUMBERS):
            column = _without(column, reading.missing)
        done = numbers_in(name, column, own.get(name, layout.marks), name in layout.codes)
        return ReadColumn(done.values, (*done.decisions, *_suspicious(name, done.values)))

    with ThreadPoolExecutor(cores()) as pool:  # Arrow leaves the interpreter meanwhile
        columns = dict(zip(table.column_names, pool.map(made, table.column_names), strict=True))
    decisions = [one for column in columns.values() for one in column.decisions]
    table = pa.table({name: column.values for name, column in columns.items()})
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
