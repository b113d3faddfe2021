"""The page on a cleaned table: what was rejected, from where, and why."""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from ..._text import percent
from .. import text
from ..shell import render
from ..style import CLEAN, Figure, Style, axis, layout, note, rule
from .histogram import Histogram

MOST_RANGES = 3.0  # ranges of the kept rows beyond which a point is drawn at the edge
MOST_GROUPS, MOST_SUSPECTS, MOST_CELLS, MOST_NOTES = 50, 50, 50, 60
KEPT = Style("kept", "kept rows", CLEAN, "solid", "circle")
REJECTED = Style("rejected", "rejected rows", "#D55E00", "solid", "diamond")


class GroupLine(NamedTuple):
    """A source of rows, and how many of them were rejected.

    Parameters
    ----------
    name : str
        What its rows have in the column of groups.
    rows, rejected : int
        Rows of the group, and the rejected ones among them.
    beyond : bool
        Whether it has more of the rejected rows than chance would give it.
    shift : str
        By how much its targets are off as a whole, with the interval, or "".
    """

    name: str
    rows: int
    rejected: int
    beyond: bool
    shift: str = ""


class Suspect(NamedTuple):
    """A rejected row.

    Parameters
    ----------
    row : int
        Its number in the table, counted from 1 without the header.
    score : float
        How suspicious it is; higher is more suspicious.
    residual : float
        Target minus prediction, in root mean squared residuals of the kept rows.
    group : str
        The group that it belongs to, or "".
    reason : str
        Why it was rejected, as a sentence.
    """

    row: int
    score: float
    residual: float
    group: str
    reason: str


class CellLine(NamedTuple):
    """A cell that looks wrong, its numbers as they are shown.

    Parameters
    ----------
    row : int
        The number of its row in the table, counted from 1 without the header.
    column, value, expected, between, reason : str
        Its column and value, the value that would fit, the interval of honest ones, and what
        explains it, if anything does.
    """

    row: int
    column: str
    value: str
    expected: str
    between: str
    reason: str


class Points(NamedTuple):
    """Rows to draw, target against prediction, in the order of the table.

    Parameters
    ----------
    row : ndarray of int, shape (p,)
        Their numbers in the table, counted from 1 without the header.
    target, predicted : ndarray of float, shape (p,)
        Target, and what the model of the kept rows predicts, in the units of the table.
    score : ndarray of float, shape (p,)
        How suspicious each row is.
    kept : ndarray of bool, shape (p,)
        Whether it was kept.
    """

    row: Int[np.ndarray, " p"]
    target: Float[np.ndarray, " p"]
    predicted: Float[np.ndarray, " p"]
    score: Float[np.ndarray, " p"]
    kept: Bool[np.ndarray, " p"]


@dataclasses.dataclass(frozen=True, eq=False)
class Cleaning:
    """What the page on a cleaned table says; names, sentences and notes may hold anything.

    Parameters
    ----------
    name, target, defense : str
        Names of the table, of its target and of the defense.
    sentences : sequence of str
        What was found, most important first.
    notes : sequence of str
        How the table was read.
    rows, rejected : int
        Rows that were judged, and the rejected ones among them.
    scores : Histogram or None
        How many rows have which score; higher is more suspicious. None where no row has one.
    threshold : float
        The score above which a row was rejected; NaN where there is none.
    points : Points
        The rows to draw, which may be a sample.
    column : str
        The column that `groups` are values of, or "".
    groups : sequence of GroupLine
        Sources of rows, the most suspicious first.
    suspects : sequence of Suspect
        Rejected rows, the most suspicious first; at most `MOST_SUSPECTS` are shown.
    cells : sequence of CellLine
        Cells that look wrong, the most suspicious first; at most `MOST_CELLS` are shown.
    """

    name: str
    target: str
    defense: str
    sentences: Sequence[str]
    notes: Sequence[str]
    rows: int
    rejected: int
    scores: Histogram | None
    threshold: float
    points: Points
    column: str = ""
    groups: Sequence[GroupLine] = ()
    suspects: Sequence[Suspect] = ()
    cells: Sequence[CellLine] = ()


def cleaning_html(cleaning: Cleaning) -> str:
    """Draw the page on a cleaned table: offline, self-contained, safe against hostile data.

    Parameters
    ----------
    cleaning : Cleaning
        What the page says.

    Returns
    -------
    str
        The page as HTML, with its style, script and figures inside.
    """
    n, k = cleaning.rows, cleaning.rejected
    drawn = {"scores": _histogram(cleaning), "fit": _scatter(cleaning)}
    figures = {name: figure for name, figure in drawn.items() if figure is not None}
    return render(
        "cleaning/page.html",
        figures,
        places=list(figures),
        styles=[KEPT, REJECTED] if k else [KEPT],
        name=text.cut(cleaning.name, 80),
        target=text.cut(cleaning.target, 80),
        defense=text.cut(cleaning.defense, 80),
        rows=f"{n:,}",
        rejected=f"{k:,}",
        sentences=[text.cut(line, 1200) for line in cleaning.sentences],
        column=text.cut(cleaning.column, 80),
        groups=_groups(cleaning.groups[:MOST_GROUPS]),
        more_groups=max(0, len(cleaning.groups) - MOST_GROUPS),
        suspects=[_suspect(s) for s in cleaning.suspects[:MOST_SUSPECTS]],
        more_suspects=max(0, k - min(len(cleaning.suspects), MOST_SUSPECTS)),
        cells=[_cell(cell) for cell in cleaning.cells[:MOST_CELLS]],
        more_cells=max(0, len(cleaning.cells) - MOST_CELLS),
        notes=[text.cut(line, 600) for line in cleaning.notes[:MOST_NOTES]],
        sampled=len(cleaning.points.row) < n,
        points=f"{len(cleaning.points.row):,}",
    )


def _groups(groups: Sequence[GroupLine]) -> list[dict[str, Any]]:
    """A line for each group, with a bar to compare the shares by."""
    shares = [group.rejected / group.rows for group in groups]
    largest = max([*shares, 1e-9])
    return [
        {
            "name": text.cut(group.name, 48),
            "rows": f"{group.rows:,}",
            "rejected": f"{group.rejected:,}",
            "share": percent(share),
            "width": f"{100 * share / largest:.1f}",
            "beyond": group.beyond,
            "shift": group.shift,
        }
        for group, share in zip(groups, shares, strict=True)
    ]


def _suspect(suspect: Suspect) -> dict[str, str]:
    return {
        "row": f"{suspect.row:,}",
        "score": _score(suspect.score),
        "residual": f"{text.signed(suspect.residual)} σ",
        "group": text.cut(suspect.group, 48),
        "reason": text.cut(suspect.reason, 600),
    }


def _cell(cell: CellLine) -> dict[str, str]:
    fields = cell._asdict()
    return {**fields, "row": f"{cell.row:,}", "column": text.cut(cell.column, 48)}


def _score(value: float) -> str:
    """A score as precise as those beside it."""
    return f"{value:.2f}" if 0.1 <= abs(value) < 1000 else text.number(value)


def _histogram(cleaning: Cleaning) -> Figure | None:
    """Scores of kept and rejected rows, stacked, with the threshold."""
    scores = cleaning.scores
    if scores is None:
        return None
    edges, counts = scores.edges, (scores.kept, scores.rejected)
    middle, width = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    data = [
        _bars(style, middle, width, count)
        for style, count in zip((KEPT, REJECTED), counts, strict=True)
        if count.any()
    ]
    top, few = max(c.max() for c in counts), counts[1].max()
    wide = bool(few) and top > 100 * few
    rows = axis("rows, log scale", type="log", dtick=1) if wide else axis("rows")
    if wide:
        rows["range"] = [-0.4, float(np.log10(top)) + 0.1]
    across, shapes, notes = axis("score; higher is more suspicious"), [], []
    across["range"] = [float(edges[0]), float(edges[-1])]
    if edges[0] <= cleaning.threshold <= edges[-1]:
        at = float(cleaning.threshold)
        shapes = [{**rule(yref="paper", y0=0, y1=1, x0=at, x1=at), "layer": "above"}]
        side = "left" if at < edges[[0, -1]].mean() else "right"
        label = f" threshold {_score(at)} "
        notes = [note(label, at, 1, yref="paper", xanchor=side, yanchor="top")]
    more = {"barmode": "stack", "bargap": 0, "shapes": shapes, "annotations": notes}
    return {"data": data, "layout": layout(across, rows, **more)}


def _bars(style: Style, middle: np.ndarray, width: np.ndarray, count: np.ndarray) -> dict[str, Any]:
    return {
        "type": "bar",
        "x": middle.tolist(),
        "width": width.tolist(),
        "y": count.tolist(),
        "legendgroup": style.id,
        "marker": {"color": style.color, "line": {"color": "white", "width": 0.5}},
        "hovertext": [f"{text.count(int(c), style.words[:-5] + ' row')}" for c in count],
        "hoverinfo": "text",
    }


def _scatter(cleaning: Cleaning) -> Figure | None:
    """The target of each row against what the model of the kept rows predicts."""
    points = cleaning.points
    if not points.kept.any():
        return None
    ends = [_range(v[points.kept], v) for v in (points.predicted, points.target)]
    data = [
        _dots(style, points, rows, *ends)
        for style, rows in ((KEPT, points.kept), (REJECTED, ~points.kept))
        if rows.any()
    ]
    low, high = max(ends[0][0], ends[1][0]), min(ends[0][1], ends[1][1])
    shapes = [rule(x0=low, y0=low, x1=high, y1=high)] if low < high else []
    x, y = axis("predicted"), axis(text.label(cleaning.target))
    x["range"], y["range"] = ends
    return {"data": data, "layout": layout(x, y, shapes=shapes)}


def _range(kept: np.ndarray, every: np.ndarray) -> list[float]:
    """Ends of an axis: around all rows, but not so far that the kept ones shrink to a dot."""
    low, high = float(kept.min()), float(kept.max())
    reach = MOST_RANGES * (high - low) or 1.0
    low, high = max(low - reach, float(every.min())), min(high + reach, float(every.max()))
    pad = 0.05 * (high - low) or 1.0
    return [low - pad, high + pad]


def _dots(
    style: Style, points: Points, rows: np.ndarray, across: list[float], up: list[float]
) -> dict[str, Any]:
    x, y = points.predicted[rows], points.target[rows]
    shown_x, shown_y = (
        np.clip(v, a + 0.02 * (b - a), b - 0.02 * (b - a)) for v, (a, b) in ((x, across), (y, up))
    )
    off = (x < across[0]) | (x > across[1]) | (y < up[0]) | (y > up[1])
    faint = style is KEPT
    mark = style.marker(5 if faint else 8, opacity=0.45 if faint else 0.9)
    mark["symbol"] = [f"{style.symbol}{'-open' if o else ''}" for o in off]
    if faint:
        mark["line"] = {"width": 0}
    values = zip(points.row[rows], x, y, points.score[rows], strict=True)
    tips = [
        f"row {row:,}<br>target {text.number(t)}<br>predicted {text.number(p)}<br>score {_score(s)}"
        for row, p, t, s in values
    ]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": _short(np.where(off, shown_x, x), across),
        "y": _short(np.where(off, shown_y, y), up),
        "legendgroup": style.id,
        "marker": mark,
        "hovertext": tips,
        "hoverinfo": "text",
    }


def _short(values: np.ndarray, ends: list[float]) -> list[float]:
    """The values with no more digits than can be seen between these ends."""
    digits = int(np.ceil(-np.log10((ends[1] - ends[0]) / 5000)))
    return [round(float(v), digits) for v in values]
