"""Figures of the poison beside the clean rows: residuals, principal axes, columns moved."""

from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from .. import text
from ..labels import Labels
from ..series import Series
from ..style import CLEAN, INK, Figure, Style, axis, column, layout, rule, safe

Styles = dict[Series, Style]
Rows = list[dict[str, Any]]

SHOWN = 0.2  # the ratio at which poison is looked at, or the nearest there is
MOST_CLEAN, MOST_POISON, MOST_COLUMNS, MOST_PANELS = 600, 300, 12, 6


class Examples(NamedTuple):
    """Clean rows, the rows of each series at one ratio, the ratios so chosen, and all series."""

    clean: Rows
    poison: dict[Series, Rows]
    ratios: list[float]
    series: list[Series]


def examples(table: pa.Table, labels: Labels) -> Examples:
    """What is shown of a table of `schema.PlottedRow` or `schema.Moved`."""
    clean: Rows = []
    every: dict[Series, None] = {}
    rows: dict[Series, dict[float, Rows]] = defaultdict(lambda: defaultdict(list))
    for row in table.to_pylist():
        if not row["attack"]:
            clean.append(row)
            continue
        series = labels.series(row["attack"], row["alpha"])
        every.setdefault(series)
        if row["ratio"] is not None:
            rows[series][row["ratio"]].append(row)
    near = {s: min(by, key=lambda r: (abs(r - SHOWN), r)) for s, by in rows.items()}
    poison = {s: rows[s][ratio] for s, ratio in near.items()}
    return Examples(clean, poison, sorted(set(near.values())), list(every))


def residuals(looks: Examples, styles: Styles) -> Figure | None:
    """A ridge of residual densities: the clean rows at the bottom, a series on each line above."""
    clean, poison = looks.clean, looks.poison
    lanes = [("clean rows", None, _finite(clean, "residual"))]
    lanes += [
        (styles[s].words, styles[s], _finite(poison[s], "residual"))
        for s in reversed(styles)
        if s in poison
    ]
    lanes = [lane for lane in lanes if lane[2].size]
    if len(lanes) < 2 and not poison:
        return None
    # A few far clean rows must not squeeze the rest; poison is shown to its last row.
    ends = [np.quantile(v, [0, 1] if style else [0.002, 0.998]) for _, style, v in lanes]
    low, high = min(e[0] for e in ends), max(e[1] for e in ends)
    pad = 0.09 * max(high - low, 1.0)
    grid = np.linspace(low - pad, high + pad, 181)
    data = []
    for height, (_, style, values) in enumerate(lanes):
        data += _lane(height, style, values, grid)
    y = axis(
        tickvals=list(range(len(lanes))),
        ticktext=[text.label(name) for name, _, _ in lanes],
        range=[-0.35, len(lanes) + 0.05],
        gridcolor="rgba(0,0,0,0)",
        fixedrange=True,
    )
    x = axis("residual, in clean standard deviations")
    x["range"] = column([grid[0], grid[-1]])
    return {
        "data": data,
        "layout": layout(x, y, shapes=[rule(yref="paper", y0=0, y1=1, x0=0, x1=0)]),
    }


def _finite(rows: Rows, name: str) -> np.ndarray:
    values = np.array([row[name] for row in rows if row[name] is not None], dtype=float)
    return values[np.isfinite(values)]


def _lane(height: int, style: Style | None, values: np.ndarray, grid: np.ndarray) -> Rows:
    """One density with a stroke below it for each row."""
    color, group = (style.color, style.id) if style else (CLEAN, "clean")
    density = _density(values, grid)
    top = np.round(height + 0.82 * density, 3).tolist()
    shared = {"type": "scatter", "hoverinfo": "skip", "legendgroup": group}
    ticks = _spread(values.tolist(), MOST_POISON)
    mark = {"symbol": "line-ns-open", "size": 7, "color": color, "opacity": 0.55}
    base = {"x": column([grid[0], grid[-1]]), "y": [height, height], "line": {"width": 0}}
    fill = {"fill": "tonexty", "fillcolor": _faint(color), "line": {"color": color, "width": 1.8}}
    return [
        {**shared, "mode": "lines", **base},
        {**shared, "mode": "lines", "x": column(grid.tolist()), "y": top, **fill},
        {
            **shared,
            "mode": "markers",
            "x": column(ticks),
            "y": [height - 0.13] * len(ticks),
            "marker": mark,
            "hoverinfo": "x",
        },
    ]


def _density(values: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Gaussian kernel density with a peak of one; half Silverman's width, to keep two hills."""
    spread = float(np.std(values)) if values.size > 1 else 0.0
    width = max(0.53 * spread * values.size**-0.2, (grid[-1] - grid[0]) / 120)
    density = np.exp(-0.5 * ((grid[:, None] - values[None, :]) / width) ** 2).sum(axis=1)
    return density / max(density.max(), 1e-300)


def _faint(color: str) -> str:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.22)"


def _spread(values: list, most: int) -> list:
    """At most so many of the values, evenly drawn: the same ones each time."""
    if len(values) <= most:
        return values
    return [values[i * len(values) // most] for i in range(most)]


def axes(looks: Examples, styles: Styles) -> dict[Series, Figure]:
    """For each series its rows over the clean ones, on the two principal axes of the latter."""
    poison = looks.poison
    clean = _spread([row for row in looks.clean if _placed(row)], MOST_CLEAN)
    chosen = _judged(poison, styles)[:MOST_PANELS]
    drawn = {s: _spread([r for r in poison[s] if _placed(r)], MOST_POISON) for s in chosen}
    every = clean + [row for rows in drawn.values() for row in rows]
    if not every:
        return {}
    x, y = _range(every, "axis_1"), _range(every, "axis_2")
    figures = {}
    for series, rows in drawn.items():
        dots = {"color": CLEAN, "size": 4.5, "opacity": 0.38}
        hover = [_place(row) for row in rows]
        data = [
            _dots(clean, marker=dots, hoverinfo="skip"),
            _dots(
                rows,
                marker=styles[series].marker(7, opacity=0.9),
                hoverinfo="text",
                hovertext=hover,
            ),
        ]
        across = axis("first axis", range=x, fixedrange=True, nticks=6)
        up = axis("second axis", range=y, fixedrange=True, nticks=6)
        figures[series] = {"data": data, "layout": layout(across, up)}
    return figures


def _judged(poison: dict[Series, Rows], styles: Styles) -> list[Series]:
    """The series in order; the controls only where there is nothing else to show."""
    series = [s for s in styles if s in poison]
    return [s for s in series if not s.control] or series


def _placed(row: dict[str, Any]) -> bool:
    return all(row[n] is not None and np.isfinite(row[n]) for n in ("axis_1", "axis_2"))


def _place(row: dict[str, Any]) -> str:
    return f"residual {text.number(row['residual'])}<br>target {text.number(row['target'])}"


def _range(rows: Rows, name: str) -> list[float | None]:
    values = [row[name] for row in rows]
    pad = 0.06 * (max(values) - min(values)) or 1.0
    return column([min(values) - pad, max(values) + pad])


def _dots(rows: Rows, **more: Any) -> dict[str, Any]:
    xs, ys = column(r["axis_1"] for r in rows), column(r["axis_2"] for r in rows)
    return {"type": "scatter", "mode": "markers", "x": xs, "y": ys, **more}


def moved(columns: Examples, styles: Styles) -> dict[str, Figure]:
    """Which columns moved most: one figure for numbers and target, one for category sets."""
    poison = {s: columns.poison[s] for s in _judged(columns.poison, styles)}
    kinds = {"number": ("number", "target"), "category": ("category",)}
    titles = {
        "number": "mean shift in clean sd",
        "category": "rows that changed level",
    }
    figures = {name: _bars(poison, styles, kinds[name], titles[name]) for name in kinds}
    return {name: figure for name, figure in figures.items() if figure is not None}


def _bars(poison: dict[Series, Rows], styles: Styles, kinds: tuple, title: str) -> Figure | None:
    """A bar to the largest move of each column, with a mark for each series on it."""
    sizes: dict[str, dict[Series, float]] = defaultdict(dict)
    target: set[str] = set()
    for series, rows in poison.items():
        for row in rows:
            if row["kind"] in kinds and row["moved"] is not None and np.isfinite(row["moved"]):
                sizes[row["name"]][series] = row["moved"]
                target |= {row["name"]} if row["kind"] == "target" else set()
    top = sorted(sizes, key=lambda n: max(sizes[n].values()), reverse=True)[:MOST_COLUMNS][::-1]
    if not top:
        return None
    # Shares are drawn in percent.
    scale = 100 if kinds == ("category",) else 1
    longest = column(scale * max(sizes[n].values()) for n in top)
    rows = list(range(len(top)))
    bar = {"type": "bar", "orientation": "h", "x": longest, "y": rows, "hoverinfo": "skip"}
    data = [{**bar, "width": 0.34, "marker": {"color": "#e3e8ed"}}]
    for series in poison:
        data.append(_marks(series, styles[series], top, sizes, scale))
    ticks = [f"{text.label(n, 24)}{' (target)' if n in target else ''}" for n in top]
    y = axis(tickvals=rows, ticktext=ticks, range=[-0.6, len(top) - 0.4], fixedrange=True)
    y |= {"gridcolor": "rgba(0,0,0,0)", "tickfont": {"size": 12.5, "color": INK}}
    suffix = " %" if scale == 100 else ""
    x = axis(title, rangemode="tozero", fixedrange=True, nticks=5, tickangle=0, ticksuffix=suffix)
    return {"data": data, "layout": layout(x, y, height=110 + 30 * len(top))}


def _marks(series: Series, style: Style, top: list[str], sizes: dict, scale: int) -> dict[str, Any]:
    """Where one series moved each column to."""
    known = [(i, n) for i, n in enumerate(top) if series in sizes[n]]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [safe(scale * sizes[n][series]) for _, n in known],
        "y": [i for i, _ in known],
        "marker": style.marker(10),
        "hoverinfo": "text",
        # The name in full: the label of the axis may have cut it.
        "hovertext": [
            f"<b>{text.wrapped(n)}</b><br>{style.label}: {text.number(sizes[n][series])}"
            for _, n in known
        ],
        "legendgroup": style.id,
        "cliponaxis": False,
    }
