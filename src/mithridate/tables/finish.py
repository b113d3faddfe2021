"""A parsed table as it is used: numbers out of text, rows set aside, and what was suspicious."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from .._machine import cores
from .._text import counted, numbered
from .asides import set_aside
from .digest import without
from .notes import Notes
from .numerals import ReadColumn, numbers_in
from .reading import Aside, CellDecision, Layout, Reading


@dataclass(frozen=True, eq=False)
class Finished:
    """A table as it was read in the end.

    Parameters
    ----------
    table : pyarrow.Table
        The table.
    kept : array of int or None
        Which of the parsed rows it holds; None for all.
    decisions : tuple of CellDecision
        What was decided about columns.
    aside : tuple of Aside
        The rows that were set aside.
    """

    table: pa.Table
    kept: np.ndarray | None
    decisions: tuple[CellDecision, ...]
    aside: tuple[Aside, ...]


def finished(table: pa.Table, layout: Layout, reading: Reading, shown: str) -> Finished:
    """Read the numbers of a table, and set rows aside that are none.

    Parameters
    ----------
    table : pyarrow.Table
        The table as it was parsed.
    layout : Layout
        How the file is laid out.
    reading : Reading
        What a person said of it.
    shown : str
        What an error calls the file.

    Returns
    -------
    Finished
        The table.
    """
    kept, aside = set_aside(table, shown)
    if kept is not None:
        table = table.filter(pa.array(kept))
    own = dict(layout.own)

    def made(name: str) -> ReadColumn:
        column = table[name]
        column = without(column, reading.missing)
        return numbers_in(name, column, own.get(name, layout.marks), name in layout.codes)

    with ThreadPoolExecutor(cores()) as pool:  # Arrow leaves the interpreter meanwhile
        columns = dict(zip(table.column_names, pool.map(made, table.column_names), strict=True))
    decisions = [one for column in columns.values() for one in column.decisions]
    table = pa.table({name: column.values for name, column in columns.items()})
    return Finished(table, kept, tuple(decisions), tuple(aside))


def sentences(
    layout: Layout,
    decisions: Sequence[CellDecision],
    aside: Sequence[Aside],
    padded: int,
    shown: str,
) -> list[str]:
    """Say what was read how, that which changes the answer most first.

    Parameters
    ----------
    layout : Layout
        How the file is laid out.
    decisions : sequence of CellDecision
        What was decided about columns.
    aside : sequence of Aside
        The rows that were set aside.
    padded : int
        Number of short rows that were filled.
    shown : str
        What the file is called.

    Returns
    -------
    list of str
        The sentences.
    """
    log = Notes()
    lines = []
    reasons: dict[str, list[int]] = {}
    for row in aside:
        reasons.setdefault(row.why, []).append(row.row)
    for why, rows in reasons.items():
        lines.append(
            f"Set aside in {shown}: {counted(len(rows), 'row')}, since {why} ({numbered(rows)})."
        )
    if padded:
        lines.append(
            f"Rows of {shown} with too few cells were filled with missing ones at their end: "
            f"{counted(padded, 'row')}."
        )
    order = sorted(decisions, key=lambda one: RANK.get(one.kind[:10], 1))
    for one in order:
        log.add(one.kind, one.column, one.detail)
    return [*lines, *layout.notes, *log.sentences()]


RANK = {"Cells that": 0, "Suspicious": 0, "Limits wer": 0, "Read as nu": 2}
