"""Figures of a study: damage, looks and gain along the ratio, and what normalizers do."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import text
from ..frame import attacked
from ..growth import DAMAGE, trajectories
from ..intervals import Estimate, over, with_interval
from ..series import Series
from ..style import Figure, Style, axis, column, layout, magnitudes, percents, rule, safe
from .views import View, at_alpha

Styles = dict[Series, Style]
Panels = list[tuple[str, Figure]]
LOWEST_GAIN = -1.5  # gains below are cut off
LOOKS = {
    "energy": "Energy distance",
    "largest_ks": "Largest Kolmogorov-Smirnov statistic",
    "at_border": "Targets at the border",
}


def damage(view: View, styles: Styles) -> Panels:
    """NMSE of the undefended model along the ratio: a panel a table, a line a series."""
    cube = attacked(view.rows).cube(DAMAGE, "line", "alpha", "ratio")
    if cube.empty:
        return []
    estimate, ratios = cube.estimate(lambda x: x["nmse_poisoned"]), cube.along["ratio"]
    clean = cube.estimate(lambda x: over(x["nmse_clean"], 2, 3, 4))
    panels = []
    for t, name in enumerate(cube.tables):
        start, data = safe(float(clean.point[t])), []
        for series, at, a in view.lines(cube):
            seen = estimate.one(t, at, a)
            data += _line(ratios, seen, styles[series], text.number, "NMSE", start)
        y = magnitudes("NMSE", [start, *_values(data)])
        level = [rule(xref="paper", x0=0, x1=1, y0=start, y1=start)] if start else []
        panels.append((name, {"data": data, "layout": layout(_ratios(), y, shapes=level)}))
    return [(name, figure) for name, figure in panels if figure["data"]]


def looks(view: View, styles: Styles) -> Panels:
    """How far poison lies from the clean rows, a panel a measure, mean over the tables."""
    panels = []
    for name, title in LOOKS.items():
        cube = attacked(view.rows).cube((name,), "line", "alpha", "ratio")
        if cube.empty:
            continue
        estimate = cube.estimate(lambda x, n=name: over(x[n], 1))
        data = []
        for series, at, a in view.lines(cube):
            seen = estimate.one(at, a)
            data += _line(cube.along["ratio"], seen, styles[series], text.number, title)
        y = axis("", rangemode="tozero", fixedrange=True)
        panels.append((title, {"data": data, "layout": layout(_ratios(), y)}))
    return panels


def gain(view: View, styles: Styles) -> Panels:
    """Test defense gain along the ratio, a panel a defense, mean over the tables."""
    drawn = []
    for pair, cube in view.gains():
        estimate, data = cube.estimate(lambda x: over(x["gain"], 1)), []
        for series, at, a in view.lines(cube):
            seen = estimate.one(at, a)
            data += _line(cube.along["ratio"], seen, styles[series], text.signed, "gain")
        drawn.append((view.rows.labels.entry(*pair), data))
    lowest = min((v for _, data in drawn for v in _values(data)), default=0.0)
    low = max(LOWEST_GAIN, min(-0.3, lowest)) - 0.05
    y = axis("", range=[low, 1], fixedrange=True, tickformat="+.1f", dtick=0.5)
    level = [rule(xref="paper", x0=0, x1=1, y0=0, y1=0)]
    return [(n, {"data": d, "layout": layout(_ratios(), y, shapes=level)}) for n, d in drawn]


def objectives(view: View, styles: Styles) -> Panels:
    """Error against risk as poison is added, a panel a normalizer, mean over the tables."""
    drawn: list[tuple[str, list[dict[str, Any]]]] = []
    for name in view.normalizers:
        cube = attacked(view.rows.where(normalizer=name)).cube((*DAMAGE, "risk"), "alpha", "ratio")
        if cube.empty:
            continue
        y, ratios = np.exp(trajectories(cube)), cube.along["ratio"]
        data = [
            _path(ratios, y[1, a], y[0, a], styles[at_alpha(alpha)])
            for a, alpha in enumerate(cube.along["alpha"])
            if alpha is not None
        ]
        drawn.append((name, data))
    across = magnitudes("risk", [v for _, data in drawn for d in data for v in d["x"]])
    up = magnitudes("error, times the clean one", [v for _, d in drawn for v in _values(d)])
    return [(n, {"data": d, "layout": layout(dict(across), dict(up))}) for n, d in drawn]


def _path(ratios: Sequence[float], risk: np.ndarray, grown: np.ndarray, style: Style) -> dict:
    """One alpha through the plane of both objectives, its last ratio named."""
    last = len(ratios) - 1
    hover = [
        f"<b>{style.label}, {text.ratio(r)} poison</b><br>error {text.times(float(g))} the clean "
        f"one<br>risk {text.number(float(s))}"
        for r, s, g in zip(ratios, risk, grown, strict=True)
    ]
    return {
        "type": "scatter",
        "mode": "lines+markers+text",
        "x": column(map(float, risk)),
        "y": column(map(float, grown)),
        "text": [text.ratio(r) if i in (0, last) else "" for i, r in enumerate(ratios)],
        "textposition": "top center",
        "textfont": {"size": 10, "color": style.color},
        "line": {**style.line, "width": 1.6},
        "marker": style.marker(7),
        "hoverinfo": "text",
        "hovertext": hover,
        "legendgroup": style.id,
        "cliponaxis": False,
    }


def _ratios() -> dict[str, Any]:
    return percents(fixedrange=True, nticks=6)


def _values(data: Sequence[dict[str, Any]]) -> list[float]:
    return [v for trace in data for v in trace["y"] if v is not None]


def _line(
    ratios: Sequence[float],
    seen: Estimate,
    style: Style,
    show: Callable[[float], str],
    what: str,
    start: float | None = None,
) -> list[dict[str, Any]]:
    """A line with its interval as a band; it starts where there is no poison, if that is known."""
    known = [i for i in range(len(ratios)) if np.isfinite(seen.point[i])]
    if not known:
        return []
    xs = [0.0] * (start is not None) + [100 * ratios[i] for i in known]
    hover = [f"no poison: {what} {show(start)}"] if start is not None else []
    hover += [
        f"<b>{style.label}, {text.ratio(ratios[i])} poison</b><br>{what} "
        f"{with_interval(seen.one(i), show)}"
        for i in known
    ]
    first = [start] if start is not None else []
    line = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": column(xs),
        "y": column([*first, *(float(seen.point[i]) for i in known)]),
        "line": style.line,
        "marker": style.marker(6.5),
        "hoverinfo": "text",
        "hovertext": hover,
        "legendgroup": style.id,
    }
    if seen.low is None or seen.high is None:
        return [line]
    low = [*first, *(float(seen.low[i]) for i in known)]
    high = [*first, *(float(seen.high[i]) for i in known)]
    return [_band(xs, low, high, style), line]


def _band(xs: list, low: list, high: list, style: Style) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": column([*xs, *reversed(xs)]),
        "y": column([*high, *reversed(low)]),
        "fill": "toself",
        "line": {"width": 0, "color": style.color},
        "opacity": 0.13,
        "fillcolor": style.color,
        "hoverinfo": "skip",
        "legendgroup": style.id,
    }
