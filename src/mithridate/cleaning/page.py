"""What the HTML report on a cleaned table is made of."""

from collections.abc import Sequence

import numpy as np

from .. import report
from .findings import Found
from .groups import Groups

MOST_KEPT, MOST_REJECTED = 1500, 500  # points of a figure


def page_of(
    found: Found, name: str, summary: Sequence[str], notes: Sequence[str], groups: Groups | None
) -> report.Cleaning:
    """The findings for the report, rejected rows by falling score."""
    guard = found.guard
    order = np.argsort(-found.reasons["score"], kind="stable")
    worst = found.reasons["row"][order]
    tallies = [] if groups is None else groups.tallies(guard.inlier_mask_)
    return report.Cleaning(
        name=name,
        target=found.view.encoded.target,
        defense=type(guard).__name__,
        sentences=list(summary),
        notes=list(notes),
        scores=guard.scores_,
        kept=guard.inlier_mask_,
        threshold=float(guard.threshold_),
        points=_points(found, worst[:MOST_REJECTED]),
        column="" if groups is None else groups.column,
        groups=[report.Group(t.name, t.rows, t.rejected, t.beyond) for t in tallies],
        suspects=[_suspect(found, int(i), groups) for i in order[: report.MOST_SUSPECTS]],
    )


def _points(found: Found, rejected: np.ndarray) -> report.Points:
    """The most suspicious rows, and kept ones evenly drawn from the whole table."""
    kept = np.flatnonzero(found.guard.inlier_mask_)
    kept = kept[np.linspace(0, len(kept) - 1, min(len(kept), MOST_KEPT)).astype(int)]
    rows = np.concatenate([kept, rejected])
    return report.Points(
        row=rows + 1,
        target=found.view.encoded.y[rows],
        predicted=found.view.predicted(found.guard, rows),
        score=found.guard.scores_[rows],
        kept=found.guard.inlier_mask_[rows],
    )


def _suspect(found: Found, i: int, groups: Groups | None) -> report.Suspect:
    record = found.reasons[i]
    row = int(record["row"])
    group = "" if groups is None else groups.names[groups.codes[row]]
    score, residual = float(record["score"]), float(record["residual"])
    return report.Suspect(row + 1, score, residual, group, found.reason(i))
