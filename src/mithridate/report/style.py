"""How a series looks in every figure, and what all figures share: colors, axes, safe numbers."""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Any

from . import text
from .series import Series

Figure = dict[str, Any]

FONT = '"Segoe UI", Roboto, "Helvetica Neue", Arial, "Liberation Sans", sans-serif'
INK, MUTED, GRID, EDGE, CLEAN = "#1d2733", "#5a6673", "#e6eaee", "#c4ccd4", "#8b96a1"

# Okabe and Ito's colors, warm for aggressive to cool for stealthy, so that order is seen too.
_WARM_TO_COOL = ["#D55E00", "#E69F00", "#CC79A7", "#009E73", "#56B4E9", "#0072B2"]
_CHOICE = {1: [0], 2: [0, 5], 3: [0, 1, 5], 4: [0, 1, 4, 5], 5: [0, 1, 3, 4, 5]}
_DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"]
_SYMBOLS = ["circle", "square", "diamond", "triangle-up", "triangle-down", "pentagon"]
_GRAYS = ["#333333", "#7a7a7a", "#a05a7b"]
_OPEN = ["x", "cross", "star"]

# The same marks for the key, drawn by hand: (dash array, path of the marker around 0, 0).
STROKES = {
    "solid": "none",
    "dash": "7 4",
    "dot": "2 4",
    "dashdot": "7 3 2 3",
    "longdash": "11 4",
    "longdashdot": "11 3 2 3",
}
MARKS = {
    "circle": "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
    "square": "M-4-4h8v8h-8z",
    "diamond": "M0-5.2l5.2 5.2l-5.2 5.2l-5.2-5.2z",
    "triangle-up": "M0-5l4.8 8.4h-9.6z",
    "triangle-down": "M0 5l4.8-8.4h-9.6z",
    "pentagon": "M0-5l4.8 3.5l-1.8 5.6h-6l-1.8-5.6z",
    "x": "M-5-3l2-2l3 3l3-3l2 2l-3 3l3 3l-2 2l-3-3l-3 3l-2-2l3-3z",
    "cross": "M-1.6-5h3.2v3.4h3.4v3.2h-3.4v3.4h-3.2v-3.4h-3.4v-3.2h3.4z",
    "star": "M0-5.5l1.6 3.7l4 .3l-3 2.6l.9 3.9l-3.5-2.1l-3.5 2.1l.9-3.9l-3-2.6l4-.3z",
}


_TEXT = {"family": FONT, "size": 13, "color": INK}
_AXIS = {
    "title": {"font": {"size": 13, "color": MUTED}, "standoff": 10},
    "gridcolor": GRID,
    "zeroline": False,
    "showline": True,
    "linecolor": EDGE,
    "tickfont": {"size": 12, "color": MUTED},
    "automargin": True,
}

# What all figures of a page have in common, as plotly reads it; a page holds it once.
TEMPLATE: dict[str, Any] = {
    "layout": {
        "xaxis": _AXIS,
        "yaxis": _AXIS,
        "font": _TEXT,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 8, "r": 14, "t": 10, "b": 8},
        "showlegend": False,
        "hovermode": "closest",
        "modebar": {"bgcolor": "rgba(255,255,255,0.85)", "color": "#9aa5b0", "activecolor": INK},
        "hoverlabel": {"bgcolor": "white", "bordercolor": EDGE, "font": _TEXT, "align": "left"},
        "annotationdefaults": {"showarrow": False, "font": {"size": 12, "color": MUTED}},
        "shapedefaults": {
            "line": {"color": CLEAN, "width": 1.4, "dash": "dash"},
            "layer": "below",
        },
    }
}


@dataclasses.dataclass(frozen=True)
class Style:
    """Color, dash and marker of one series, the same throughout the page."""

    id: str
    words: str
    color: str
    dash: str
    symbol: str

    @property
    def label(self) -> str:
        return text.label(self.words, 60)

    @property
    def line(self) -> dict[str, Any]:
        return {"color": self.color, "dash": self.dash, "width": 2.2}

    def marker(self, size: float = 8, **more: Any) -> dict[str, Any]:
        edge = {"color": "white", "width": 0.8}
        return {"color": self.color, "symbol": self.symbol, "size": size, "line": edge, **more}

    @property
    def stroke(self) -> str:
        return STROKES[self.dash]

    @property
    def mark(self) -> str:
        return MARKS[self.symbol]


def styles(series: Sequence[Series]) -> dict[Series, Style]:
    """A style for each series: attacks get colors in order, controls grays."""
    attacks = [s for s in series if not s.control]
    colors = [_WARM_TO_COOL[i] for i in _CHOICE.get(len(attacks), range(6))]
    chosen: dict[Series, Style] = {}
    for i, s in enumerate(attacks):
        # The dash moves on once the colors are used up, so that no two series look the same.
        dash = _DASHES[(i + i // 6) % 6]
        chosen[s] = Style(f"s{i}", s.words, colors[i % len(colors)], dash, _SYMBOLS[i % 6])
    for i, s in enumerate(s for s in series if s.control):
        chosen[s] = Style(
            f"c{i}", f"{s.words} (control)", _GRAYS[i % 3], _DASHES[(2 + i) % 6], _OPEN[i % 3]
        )
    return chosen


def safe(value: float | None) -> float | None:
    """A finite number with as many digits as a figure can show, or null."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.4g}")


def column(values: Iterable[float | None]) -> list[float | None]:
    """Numbers made safe for JSON."""
    return [safe(v) for v in values]


def axis(title: str = "", **more: Any) -> dict[str, Any]:
    """An axis of a figure; plotly keys as they are."""
    return {"title": {"text": title}, **more}


def percents(**more: Any) -> dict[str, Any]:
    """An axis of poison ratios, given in percent."""
    return axis(
        "poison ratio", ticksuffix=" %", rangemode="tozero", **{"nticks": 9, "tickangle": 0, **more}
    )


def magnitudes(title: str, values: Iterable[float | None]) -> dict[str, Any]:
    """An axis for positive figures, logarithmic where they span much."""
    known = [v for v in values if v is not None and math.isfinite(v) and v > 0]
    if not known or max(known) / min(known) < 6:
        return axis(title, rangemode="tozero")
    low, high = math.log10(min(known)), math.log10(max(known))
    pad = 0.06 * (high - low)
    ticks = [m * 10.0**e for e in range(-9, 13) for m in (1, 2, 5)]
    shown = [t for t in ticks if low - pad <= math.log10(t) <= high + pad]
    if len(shown) > 8:
        shown = [t for t in shown if f"{t:.0e}".startswith("1")]
    return axis(
        f"{title}, log scale",
        type="log",
        range=[low - pad, high + pad],
        tickvals=shown,
        ticktext=[f"{t:,.10g}" for t in shown],
    )


def layout(x: dict[str, Any], y: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A layout; what all have in common is in `TEMPLATE`."""
    return {"xaxis": x, "yaxis": y, **more}


def note(text: str, x: float, y: float, **more: Any) -> dict[str, Any]:
    """A remark in small gray letters inside a figure."""
    return {"text": text, "x": x, "y": y, **more}


def rule(**where: Any) -> dict[str, Any]:
    """A dashed reference line."""
    return {"type": "line", **where}
