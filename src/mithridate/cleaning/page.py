"""What the HTML report on a cleaned table is made of."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import report
from ..defenses import BaseDefense
from ..tables.notes import leading
from .cells import Cells
from .encoding import Encoding
from .findings import Rejected, figure
from .groups import Groups, Tally
from .shifts import Shift

MOST_KEPT, MOST_REJECTED = 1500, 500  # points of a figure


def page_of(
    guard: BaseDefense,
    encoding: Encoding,
    rejected: Rejected,
    groups: Groups | None,
    cells: Cells | None,
    *,
    shifts: Mapping[str, Shift],
    name: str,
    summary: Sequence[str],
    notes: Sequence[str],
) -> report.Cleaning:
    """The findings for the report, rejected rows by falling score."""
    order = np.argsort(-rejected.records["score"], kind="stable")
    worst = rejected.records["row"][order]
    threshold = float(guard.threshold_)
    tallies = [] if groups is None else groups.tallies(guard.inlier_mask_)
    return report.Cleaning(
        name=name,
        target=rejected.target,
        defense=rejected.defense,
        sentences=[*summary, *leading(notes)],
        notes=leading(notes, notes),
        rows=len(guard.inlier_mask_),
        rejected=guard.n_rejected_,
        scores=report.Histogram.of(guard.scores_, guard.inlier_mask_, threshold),
        threshold=threshold,
        points=_points(guard, encoding, worst[:MOST_REJECTED], rejected.numbers),
        column="" if groups is None else groups.column,
        groups=[group_shown(tally, shifts) for tally in tallies],
        cells=[] if cells is None else [cell_shown(cell) for cell in cells.flagged.to_pylist()],
        suspects=[_suspect(rejected, int(i), groups) for i in order[: report.MOST_SUSPECTS]],
    )


def _points(
    guard: BaseDefense, encoding: Encoding, rejected: np.ndarray, numbers: np.ndarray | None
) -> report.Points:
    """The most suspicious rows, and kept ones evenly drawn from the whole table."""
    kept = np.flatnonzero(guard.inlier_mask_)
    kept = kept[np.linspace(0, len(kept) - 1, min(len(kept), MOST_KEPT)).astype(int)]
    rows = np.concatenate([kept, rejected])
    return report.Points(
        row=rows + 1 if numbers is None else numbers[rows],
        target=encoding.raw(rows)[-1],
        predicted=encoding.predicted(guard, rows),
        score=guard.scores_[rows],
        kept=guard.inlier_mask_[rows],
    )


def group_shown(tally: Tally, shifts: Mapping[str, Shift]) -> report.GroupLine:
    """A source as the report shows it, with by how much it is off where that is known."""
    off = shifts[tally.name].between if tally.name in shifts else ""
    return report.GroupLine(tally.name, tally.rows, tally.rejected, tally.beyond, off)


def cell_shown(cell: Mapping[str, Any]) -> report.CellLine:
    """A cell that looks wrong as the report shows it."""
    ends = (figure(cell["expected_low"]), figure(cell["expected_high"]))
    value, expected = figure(cell["value"]), figure(cell["expected"])
    why = cell["reason"].rpartition("; ")[2] if "; " in cell["reason"] else ""
    return report.CellLine(cell["row"], cell["column"], value, expected, " to ".join(ends), why)


def _suspect(rejected: Rejected, i: int, groups: Groups | None) -> report.Suspect:
    record = rejected.records[i]
    row = int(record["row"])
    group = "" if groups is None else groups.names[groups.codes[row]]
    score, residual = float(record["score"]), float(record["residual"])
    return report.Suspect(int(rejected.rows[i]), score, residual, group, rejected.reason(i))
