"""The figures of a report alone, as plotly figures for a notebook."""

import copy
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from ..._text import listing, quote
from ...errors import InputError
from ..series import in_order
from ..style import TEMPLATE, Figure, styles
from . import damage as drawn
from .cells import AuditResults
from .damage import BOUND, Styles

Draw = Callable[[AuditResults, Styles], Figure | None]


def damage(results: pa.Table) -> Any:
    """The error of the undefended model against the ratio, as a `plotly.graph_objects.Figure`."""
    return _alone(results, drawn.damage)


def visibility(results: pa.Table) -> Any:
    """The error against the share of poison that stands out by its residual, as a plotly figure."""
    return _alone(results, drawn.visible)


def defended(results: pa.Table, defense: str) -> Any:
    """The error that a defense leaves against the ratio, as a plotly figure."""

    def draw(audit: AuditResults, look: Styles) -> Figure:
        figures = drawn.defended(audit, look)
        if defense not in figures:
            known = listing([quote(name) for name in figures]) or "none"
            raise InputError(
                f"The audit did not try the defense {quote(defense)}; it tried {known}."
            )
        return figures[defense]

    return _alone(results, draw)


def _alone(results: pa.Table, draw: Draw) -> Any:
    """A figure with the style of a report, and with the key that there stands beside it."""
    try:
        import plotly.graph_objects as go
    except ImportError:
        raise InputError("Figures need plotly; pip install plotly.") from None
    audit = AuditResults(results)
    look = styles(in_order(audit.series))
    figure = draw(audit, look)
    if figure is None:
        raise InputError("The audit holds no poisoned model to draw; give a ratio above 0.")
    names = {style.id: style.label for style in (*look.values(), BOUND)}
    figure, named = copy.deepcopy(figure), set[str]()
    for trace in figure["data"]:
        group, drawn_so = trace.get("legendgroup"), trace.get("opacity", 1) == 1
        trace["name"] = names.get(group, "")
        trace["showlegend"] = group in names and group not in named and drawn_so
        named |= {group} if trace["showlegend"] else set()
    base = {**TEMPLATE["layout"], "paper_bgcolor": "white", "plot_bgcolor": "white"}
    base["margin"] = {**base["margin"], "t": 44}  # room for plotly's buttons
    made = go.Figure(figure)
    return made.update_layout(template={"layout": base}, showlegend=True)
