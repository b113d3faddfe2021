"""Cells that the others of their rows contradict: a list with the value that would fit."""

from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
import pyarrow as pa
from jaxtyping import Float

from .._text import listing, quote
from ..defenses import BaseDefense, CellErrors, TableErrors
from ..tables.encoded import Columns
from .findings import between, figure

# The most suspicious cells are listed even if not flagged: one for ten rows, at most 1000.
_LISTED_SHARE, _MAX_LISTED = 0.1, 1000


class Cells(NamedTuple):
    """The most suspicious cells of a table, in the order of their scores; flagged ones first.

    `rows` has a line for each, `judged` is how many cells were looked at, `sure` how many of them
    noise would flag, in words, and `notes` say which columns were not judged. Only of a `sample` of
    so many rows, where that is not 0.
    """

    rows: pa.Table
    judged: int
    sure: str
    notes: tuple[str, ...]
    sample: int = 0

    @property
    def flagged(self) -> pa.Table:
        """The cells that look wrong."""
        return self.rows.filter(self.rows["flagged"]).drop_columns("flagged")

    @property
    def sentence(self) -> str:
        """What was found, for the summary."""
        count = self.flagged
        what = f"Cells of a sample of {self.sample:,} rows" if self.sample else "Cells"
        if not self.judged:
            return f"{what}: no column of numbers could be judged cell by cell."
        if not count.num_rows:
            return f"{what}: none of {self.judged:,} looks wrong. {self.sure}"
        names, counts = np.unique(count["column"].to_pylist(), return_counts=True)
        order = np.argsort(-counts, kind="stable")
        where = listing([f"{quote(names[k])} {counts[k]:,}" for k in order])
        verb = "looks" if count.num_rows == 1 else "look"
        return (
            f"{what}: {count.num_rows:,} of {self.judged:,} {verb} wrong; no row is rejected "
            f"for a cell: {where}. First: row {count['row'][0].as_py():,}, {count['reason'][0]} "
            f"{self.sure}"
        )

    def framed(self, frame: Any) -> Any:
        """The list as a frame of the library that the table came in."""
        backend = nw.get_native_namespace(nw.from_native(frame, eager_only=True))
        return nw.from_arrow(self.rows, backend=backend).to_native()

    def records(self) -> list[dict[str, Any]]:
        """The list as dicts, a cell each."""
        return self.rows.to_pylist()


def are_asked(guard: BaseDefense) -> bool:
    """Whether cells are judged beside this defense: by default, or if only cells are wanted."""
    return isinstance(guard, TableErrors) and guard.only in (None, "cells")


def cells_of(raw: Float[np.ndarray, "k n"], columns: Columns, numbers: np.ndarray | None) -> Cells:
    """Judges the cells of rows in the table's units, the target last, NaN where one is missing.

    `numbers` are those of the rows in the table, from 1, where they are not all of it.
    """
    plain = np.flatnonzero(columns.group < 0)
    rule = CellErrors(plain.tolist()).fit(raw[:-1].T, raw[-1])
    scores = np.where(rule.flagged_, np.inf, np.nan_to_num(rule.scores_, nan=-np.inf))
    judged = np.isfinite(rule.scores_)
    most = min(int(_LISTED_SHARE * raw.shape[1]), _MAX_LISTED, int(judged.sum()))
    shown = max(int(rule.flagged_.sum()), most)
    order = np.lexsort((-np.nan_to_num(rule.scores_, nan=-np.inf).ravel(), -scores.ravel()))
    rows, places = np.unravel_index(order[:shown], scores.shape)
    skipped = [f"{quote(columns.column[j])} ({why})" for j, why in rule.skipped_.items()]
    return Cells(
        _listed(rule, raw, columns.column, numbers, (rows, places)),
        int(judged.sum()),
        rule.how_sure(),
        (f"Cells not judged one by one: {listing(skipped)}.",) if skipped else (),
    )


def _listed(
    rule: CellErrors,
    raw: np.ndarray,
    names: tuple[str, ...],
    numbers: np.ndarray | None,
    at: tuple[np.ndarray, np.ndarray],
) -> pa.Table:
    rows, places = at
    values = raw[places, rows]
    low, high = rule.expected_low_[at], rule.expected_high_[at]
    reasons = [
        _reason(names[j], values[i], float(rule.expected_[row, j]), (low[i], high[i]))
        + _explained(int(rule.slips_[row, j]), bool(rule.extreme_[row, j]))
        for i, (row, j) in enumerate(zip(rows.tolist(), places.tolist(), strict=True))
    ]
    return pa.table(
        {
            "row": pa.array(rows + 1 if numbers is None else numbers[rows], pa.int64()),
            "column": pa.array([names[j] for j in places.tolist()], pa.string()),
            "value": pa.array(values, pa.float64()),
            "expected": pa.array(rule.expected_[at], pa.float64()),
            "expected_low": pa.array(low, pa.float64()),
            "expected_high": pa.array(high, pa.float64()),
            "score": pa.array(rule.scores_[at], pa.float64()),
            "flagged": pa.array(rule.flagged_[at], pa.bool_()),
            "reason": pa.array(reasons, pa.string()),
        }
    )


def _reason(name: str, value: float, expected: float, ends: tuple[float, float]) -> str:
    span = between(expected, *ends)
    return f"{quote(name)} is {figure(value)}, and the rest of the row says {span}"


def _explained(slip: int, extreme: bool) -> str:
    """The end of a reason: the slip that explains a cell, or that it is far from all others."""
    if slip:
        sign = "÷" if slip > 0 else "×"
        return f"; {sign}{10 ** abs(slip):,} fits."
    return "; it is far from all others of its column." if extreme else "."
