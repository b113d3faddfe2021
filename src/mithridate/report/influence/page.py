"""The page on the rows that decide: what moves as they go, and what cannot move farther."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int

from .. import text
from ..shell import render
from ..style import Figure, Style, axis, layout, note, rule

MOST_ROWS, MOST_NOTES = 50, 60
FOUND = Style("found", "found: these rows removed", "#D55E00", "solid", "circle")
PROVED = Style("proved", "proved: no rows reach beyond", "#0072B2", "dash", "square")
Goal = Literal["sign", "significance", "change"]
GOALS = {"sign": "its sign turns", "significance": "it loses significance", "change": "it moved"}


@dataclasses.dataclass(frozen=True, eq=False)
class Route:
    """Rows whose removal reaches a goal, and how few cannot.

    Parameters
    ----------
    goal : {"sign", "significance", "change"}
        The sign turns, the coefficient is no longer significant, or a prediction moved enough.
    rows : (r,) array of int
        The rows in the order of their removal, counted from 1 without the header.
    values : (r + 1,) array
        The coefficient or prediction with all rows, and after each removal.
    t : (r + 1,) array
        Its t value, with all rows and after each removal.
    p : (r + 1,) array
        Probability of so large a t value where the effect is nil.
    reached : bool
        Whether these rows suffice; if not, no set was found.
    first_order : int or None
        How many rows of largest first-order influence (AMIP) suffice, refitted; None where
        that was not tried or no half of the rows does.
    at_most : (c,) array
        How far the number can move at most without 1, 2, … c rows, whichever they are: no `c` rows
        reach the goal. Empty where nothing is proved.
    """

    goal: Goal
    rows: Int[np.ndarray, " r"]
    values: Float[np.ndarray, " s"]
    t: Float[np.ndarray, " s"]
    p: Float[np.ndarray, " s"]
    reached: bool
    first_order: int | None
    at_most: Float[np.ndarray, " c"]

    @property
    def certified(self) -> int:
        """So many rows, whichever they are, do not reach the goal."""
        return len(self.at_most)


@dataclasses.dataclass(frozen=True, eq=False)
class Deciding:
    """What the page on deciding rows says; names, sentences and notes may hold anything.

    Parameters
    ----------
    name, target : str
        Names of the table and of its target.
    what : str
        The coefficient or the prediction in words.
    value : float
        The coefficient or prediction with all rows.
    change : float or None
        By how much a prediction is to move; None for a coefficient.
    rows : int
        Number of rows that were used.
    sentences : sequence of str
        What was found, most important first.
    notes : sequence of str
        How the table was read.
    routes : sequence of Route
        One for each goal; at least one.
    removed : sequence of mapping
        The removed rows in order: `goal`, `removed`, `row`, `target`, `value`, `moved`, `p`.
    """

    name: str
    target: str
    what: str
    value: float
    change: float | None
    rows: int
    sentences: Sequence[str]
    notes: Sequence[str]
    routes: Sequence[Route]
    removed: Sequence[Mapping[str, Any]]


def influence_html(deciding: Deciding) -> str:
    """Draw the page on deciding rows: offline, self-contained, safe against hostile data.

    Parameters
    ----------
    deciding : Deciding
        What the page says.

    Returns
    -------
    str
        The page as HTML, with its style, script and figures inside.
    """
    main = deciding.routes[0]
    return render(
        "influence/page.html",
        {"path": _figure(deciding, main)},
        styles=[FOUND, *([PROVED] if main.certified else [])],
        name=text.cut(deciding.name, 80),
        target=text.cut(deciding.target, 80),
        what=text.cut(deciding.what, 120),
        rows=f"{deciding.rows:,}",
        value=text.number(deciding.value),
        sentences=[text.cut(line, 1200) for line in deciding.sentences],
        counts=[_counts(route) for route in deciding.routes],
        removed=[_line(row) for row in deciding.removed if row["goal"] == main.goal][:MOST_ROWS],
        more=max(0, len(main.rows) - MOST_ROWS),
        tested=deciding.change is None,
        notes=[text.cut(line, 600) for line in deciding.notes[:MOST_NOTES]],
    )


def _counts(route: Route) -> dict[str, str]:
    return {
        "goal": GOALS[route.goal],
        "found": f"{len(route.rows):,}" if route.reached else "none found",
        "first": "–" if route.first_order is None else f"{route.first_order:,}",
        "certified": "–" if route.goal == "significance" else f"{route.certified:,}",
    }


def _line(row: Mapping[str, Any]) -> dict[str, str]:
    return {
        "removed": f"{row['removed']:,}",
        "row": f"{row['row']:,}",
        "target": text.number(row["target"]),
        "value": text.number(row["value"]),
        "moved": text.number(row["moved"]),
        "p": "–" if row["p"] is None else text.number(row["p"]),
    }


def _figure(deciding: Deciding, route: Route) -> Figure:
    """The number as rows go, beside how far it can go at most."""
    start, sign = deciding.value, _way(deciding, route)
    goal = 0.0 if deciding.change is None else start - sign * deciding.change
    data = [_trace(FOUND, np.arange(len(route.values)), route.values, list(route.rows))]
    if route.certified:
        ends = start - sign * np.concatenate([[0.0], route.at_most])
        band = {"fill": "tonexty", "fillcolor": "rgba(0,114,178,0.10)"}
        flat = _trace(PROVED, np.arange(len(ends)), np.full(len(ends), start), [])
        flat |= {"line": {"width": 0}, "hoverinfo": "skip"}
        data = [flat, _trace(PROVED, np.arange(len(ends)), ends, []) | band, *data]
    words = "sign turns" if deciding.change is None else "moved by the change asked about"
    across = axis("rows removed", rangemode="tozero")
    up = axis(text.label(deciding.what, 48))
    shapes = [rule(xref="paper", x0=0, x1=1, y0=goal, y1=goal)]
    where = {"xref": "paper", "xanchor": "left", "yanchor": "bottom" if sign > 0 else "top"}
    notes = [note(words, 0.01, goal, **where)]
    if route.certified:
        at = float(route.certified)
        shapes.append(rule(yref="paper", y0=0, y1=1, x0=at, x1=at))
        label = f" no {text.count(route.certified, 'row')} "
        notes.append(note(label, at, 1, yref="paper", xanchor="left", yanchor="top"))
    return {"data": data, "layout": layout(across, up, shapes=shapes, annotations=notes)}


def _way(deciding: Deciding, route: Route) -> float:
    """Whether the goal lies below (1) or above (-1)."""
    if deciding.change is None:
        return 1.0 if deciding.value > 0 else -1.0
    return 1.0 if route.values[-1] <= deciding.value else -1.0


def _trace(style: Style, x: np.ndarray, y: np.ndarray, rows: Sequence[int]) -> dict[str, Any]:
    names = ["all rows", *(f"row {row:,} removed" for row in rows)]
    tips = [f"{text.number(float(v))}" for v in y]
    if rows:
        tips = [f"{name}<br>{tip}" for name, tip in zip(names, tips, strict=True)]
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(x) <= 60 and rows else "lines",
        "x": x.tolist(),
        "y": [float(v) for v in y],
        "legendgroup": style.id,
        "line": style.line,
        "marker": style.marker(6),
        "hovertext": tips,
        "hoverinfo": "text",
    }
