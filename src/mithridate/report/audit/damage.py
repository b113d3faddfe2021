"""Figures of damage: how the error grows, how visible that is, and what each defense leaves."""

import math
from typing import Any

from .. import text
from ..series import Series
from ..style import (
    CLEAN,
    Figure,
    Style,
    axis,
    column,
    layout,
    magnitudes,
    note,
    percents,
    rule,
    safe,
)
from . import findings as find
from .cells import AuditResults, ResultCell

Styles = dict[Series, Style]
BOUND = Style("bound", "no poison exceeds", "#1d2733", "dot", "star")


def damage(audit: AuditResults, styles: Styles) -> Figure | None:
    """NMSE of the undefended model against the ratio, a line for each series."""
    cells = {s: [c for r in audit.ratios for c in audit.at(r, [s])] for s in audit.series}
    if not any(cells.values()):
        return None
    clean = _clean(audit)
    several = audit.seeds > 1
    data = [_band(cs, styles[s], clean) for s, cs in cells.items() if several and len(cs) > 1]
    data += [_line(cs, styles[s], "nmse_poisoned", clean) for s, cs in cells.items() if cs]
    limits = [(r, v) for r in audit.ratios if (v := audit.at_most(r)) is not None]
    if limits:
        data.append(_limit(limits, clean))
    seen = [v for _, v in limits]
    seen += [v for cs in cells.values() for c in cs for v in c.values("nmse_poisoned")]
    y = magnitudes("NMSE, undefended", [*seen, clean])
    notes = []
    if clean is not None:
        at = {"xref": "paper", "xanchor": "right", "yanchor": "bottom"}
        notes.append(note("no poison", 1, _at(y, clean), **at))
    return {"data": data, "layout": layout(percents(), y, shapes=_level(clean), annotations=notes)}


def _limit(limits: list[tuple[float, float]], clean: float | None) -> dict[str, Any]:
    """The line that no poison exceeds; it starts at the clean model."""
    hover = [
        f"<b>{text.ratio(ratio)} poison</b><br>no poison exceeds NMSE {text.number(value)}"
        + (f" ({text.times(value / clean)} of clean)" if clean else "")
        for ratio, value in limits
    ]
    start = [] if clean is None else [(0.0, clean)]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": column([100 * ratio for ratio, _ in [*start, *limits]]),
        "y": column([value for _, value in [*start, *limits]]),
        "line": BOUND.line,
        "marker": BOUND.marker(7),
        "hoverinfo": "text",
        "hovertext": ["no poison" for _ in start] + hover,
        "legendgroup": BOUND.id,
    }


def _at(y: dict[str, Any], value: float) -> float:
    """Where an annotation must say it stands: plotly wants exponents on a logarithmic axis."""
    return math.log10(value) if y.get("type") == "log" else value


def _clean(audit: AuditResults) -> float | None:
    """Mean NMSE of the model that was not poisoned."""
    errors = [c.mean("nmse_clean") for c in [*audit.poison.values(), *audit.clean.values()]]
    known = [v for v in errors if v is not None and v > 0]
    return sum(known) / len(known) if known else None


def _level(clean: float | None) -> list[dict[str, Any]]:
    """A reference line at the error without poison."""
    if clean is None:
        return []
    return [rule(xref="paper", x0=0, x1=1, y0=safe(clean), y1=safe(clean))]


def _line(
    cells: list[ResultCell], style: Style, figure: str, start: float | None, **more: Any
) -> dict[str, Any]:
    """A line over the ratios; it starts at the clean model, as no poison does no damage."""
    xs: list[float | None] = []
    ys: list[float | None] = []
    hover: list[str] = []
    if start is not None and cells:
        xs, ys, hover = [0.0], [safe(start)], [f"no poison: NMSE {text.number(start)}"]
    for cell in cells:
        xs.append(safe(100 * cell.ratio))
        ys.append(safe(cell.mean(figure)))
        hover.append(_hover(cell, style, figure))
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": xs,
        "y": ys,
        "line": style.line,
        "marker": style.marker(),
        "hoverinfo": "text",
        "hovertext": hover,
        "legendgroup": style.id,
        **more,
    }


def _hover(cell: ResultCell, style: Style, figure: str) -> str:
    values = cell.values(figure)
    lines = [
        f"<b>{style.label}, {text.ratio(cell.ratio)} poison</b>",
        f"NMSE {text.number(cell.mean(figure))} ({text.times(cell.growth)} of clean)"
        if figure == "nmse_poisoned"
        else f"NMSE {text.number(cell.mean(figure))}, gain {text.signed(cell.gain)}",
    ]
    if len(values) > 1:
        spread = f"{text.number(min(values))} to {text.number(max(values))}"
        lines.append(f"{spread} over {text.count(len(values), 'seed')}")
    return "<br>".join(lines)


def _band(cells: list[ResultCell], style: Style, start: float | None) -> dict[str, Any]:
    """The range over the seeds as a filled outline."""
    edges = [] if start is None else [(0.0, start, start)]
    edges += [(100 * c.ratio, min(v), max(v)) for c in cells if (v := c.values("nmse_poisoned"))]
    xs = [r for r, _, _ in edges] + [r for r, _, _ in reversed(edges)]
    ys = [high for _, _, high in edges] + [low for _, low, _ in reversed(edges)]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": column(xs),
        "y": column(ys),
        "fill": "toself",
        "line": {"width": 0, "color": style.color},
        "opacity": 0.16,
        "fillcolor": style.color,
        "hoverinfo": "skip",
        "legendgroup": style.id,
    }


def visible(audit: AuditResults, styles: Styles) -> Figure | None:
    """Damage against risk: what an attacker buys with being seen."""
    points = {s: [(c.mean("risk"), c) for c in _path(audit, s)] for s in audit.series}
    xs = [x for path in points.values() for x, _ in path if x is not None]
    if not xs:
        return None
    x = magnitudes("risk of the poison rows", [*xs, 1.0])
    figure = _against(audit, styles, points, x)
    figure["layout"]["shapes"].append(rule(yref="paper", y0=0, y1=1, x0=1, x1=1))
    at = {"yref": "paper", "xanchor": "left", "yanchor": "top", "xshift": 5}
    figure["layout"]["annotations"].append(note("average clean row", _at(x, 1.0), 1, **at))
    return figure


def detected(audit: AuditResults, styles: Styles) -> Figure | None:
    """Damage against the AUC of the best scores among the defenses."""
    points = {}
    for series in audit.series:
        scored = [(find.best_auc(audit, c), c) for c in _path(audit, series)]
        points[series] = [(auc.auc, cell) for auc, cell in scored if auc is not None]
    xs = [x for path in points.values() for x, _ in path]
    if not xs:
        return None
    x = axis("AUC of the best scores", range=[0.43, 1.03], tickformat=".1f", dtick=0.1)
    figure = _against(audit, styles, points, x)
    for trace, series in zip(figure["data"], points, strict=True):
        turned = [(auc := find.best_auc(audit, c)) and auc.turned for _, c in points[series]]
        symbol = styles[series].symbol
        trace["marker"]["symbol"] = [f"{symbol}-open" if t else symbol for t in turned]
        trace["marker"]["line"]["width"] = [1.8 if t else 0.8 for t in turned]
    figure["layout"]["shapes"].append(rule(yref="paper", y0=0, y1=1, x0=0.5, x1=0.5))
    at = {"yref": "paper", "xanchor": "left", "yanchor": "top", "xshift": 5}
    figure["layout"]["annotations"].append(note("guessing", 0.5, 1, **at))
    return figure


def _path(audit: AuditResults, series: Series) -> list[ResultCell]:
    return [c for r in audit.ratios for c in audit.at(r, [series])]


def _against(audit: AuditResults, styles: Styles, points: dict, x: dict[str, Any]) -> Figure:
    """Growth of the error over any x, the points of a series joined by rising ratio."""
    data, growths = [], [1.0]
    for series, cells in points.items():
        style, known = styles[series], [(v, c) for v, c in cells if v is not None]
        growths += [c.growth for _, c in known if c.growth is not None]
        # Only the end is labeled: the reader can count the points back from there.
        last = len(known) - 1
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers+text",
                "x": column(v for v, _ in known),
                "y": column(c.growth for _, c in known),
                "text": [
                    text.ratio(c.ratio) if i == last else "" for i, (_, c) in enumerate(known)
                ],
                "textposition": "top center",
                "textfont": {"size": 11, "color": style.color},
                "line": {**style.line, "width": 1.4},
                "marker": style.marker(9),
                "hoverinfo": "text",
                "hovertext": [_tooltip(audit, c, style) for _, c in known],
                "legendgroup": style.id,
                "cliponaxis": False,
            }
        )
    y = magnitudes("error, times the clean one", growths)
    return {"data": data, "layout": layout(x, y, shapes=[], annotations=[])}


def _tooltip(audit: AuditResults, cell: ResultCell, style: Style) -> str:
    auc = find.best_auc(audit, cell)
    lines = [
        f"<b>{style.label}, {text.ratio(cell.ratio)} poison</b>",
        f"error {text.times(cell.growth)} the clean one",
        f"risk {text.number(cell.mean('risk'))}",
    ]
    if auc is not None:
        lines.append(f"AUC {text.area(auc.auc)} by {text.label(audit.labels.defense(auc.defense))}")
        if auc.turned:
            lines.append("scores turned round: the poison looks too normal")
    return "<br>".join(lines)


def defended(audit: AuditResults, styles: Styles) -> dict[str, Figure]:
    """A small figure for each defense, all on one scale, with the undefended error behind."""
    names = audit.defenses + (["oracle"] if audit.has_oracle else [])
    cells = {d: {s: audit.judged(d, [s]) for s in audit.main} for d in names}
    behind = {s: _path(audit, s) for s in audit.main}
    seen = [
        c.mean("nmse_defended") for paths in cells.values() for cs in paths.values() for c in cs
    ]
    seen += [c.mean("nmse_poisoned") for cs in behind.values() for c in cs]
    y, clean = magnitudes("NMSE", [*seen, _clean(audit)]), _clean(audit)
    figures = {}
    for defense, paths in cells.items():
        if not any(paths.values()):
            continue
        alone = audit.clean.get(defense)
        start = alone.mean("nmse_defended") if alone else None
        data = [_ghost(behind[s], styles[s], clean) for s in audit.main if behind[s]]
        data += [
            _line(cs, styles[s], "nmse_defended", start, marker=styles[s].marker(6.5))
            for s, cs in paths.items()
        ]
        fixed = {**y, "fixedrange": True}
        figures[defense] = {
            "data": data,
            "layout": layout(percents(fixedrange=True, nticks=5), fixed, shapes=_level(clean)),
        }
    return figures


def _ghost(cells: list[ResultCell], style: Style, start: float | None) -> dict[str, Any]:
    """The undefended line, faint, for comparison."""
    line = {"color": CLEAN, "width": 1, "dash": style.dash}
    return _line(
        cells, style, "nmse_poisoned", start, mode="lines", line=line, opacity=0.6, hoverinfo="skip"
    )
