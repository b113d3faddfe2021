"""Writes the pictures of Start and of the tutorials, from the same tables and settings.

Run it as `python docs/make_pictures.py [NAME ...]`, a name being one of `start`, `clean`, `audit`,
`trees` and `study`; all of them take a few minutes.
"""

import math
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes

import mithridate

FOLDER = Path(__file__).parent / "pictures"
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 680, 380, 64, 20, 56, 56
COLORS = {"plain": "#7a8594", "bad": "#d55e00", "one": "#0072b2", "two": "#009e73"}
# A picture is read on a light page and on a dark one.
STYLE = (
    ".t{fill:#374151}.g{stroke:#e5e7eb}.b{fill:#ffffff}"
    "@media(prefers-color-scheme:dark){.t{fill:#cbd5e1}.g{stroke:#3b4252}.b{fill:#1e2129}}"
)


class Points(NamedTuple):
    """Points, or with a `dash` the line through them ("" is an unbroken one); `hint` is its name.

    Where there are `words`, they stand beside each point.
    """

    x: Sequence[float]
    y: Sequence[float]
    color: str
    hint: str
    dash: str | None = None
    words: Sequence[str] = ()


class Axes(NamedTuple):
    """Names and ends of the two axes."""

    across: str
    up: str
    x: tuple[float, float]
    y: tuple[float, float]


def drawn(title: str, axes: Axes, series: Sequence[Points]) -> str:
    """The picture as SVG."""

    def across(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (value - axes.x[0]) / (axes.x[1] - axes.x[0])

    def up(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (axes.y[1] - value) / (axes.y[1] - axes.y[0])

    right, low = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'font-family="system-ui, sans-serif" font-size="12">',
        f"<title>{title}</title><style>{STYLE}</style>",
        f'<rect class="b" width="{WIDTH}" height="{HEIGHT}"/>',
        f'<text class="t" x="{LEFT}" y="22" font-size="14">{title}</text>',
    ]
    for value in ticks(*axes.y):
        y = f"{up(value):.1f}"
        parts.append(f'<line class="g" x1="{LEFT}" x2="{right}" y1="{y}" y2="{y}"/>')
        where = f'x="{LEFT - 8}" y="{up(value) + 4:.1f}" text-anchor="end"'
        parts.append(f'<text class="t" {where}>{value:g}</text>')
    for value in ticks(*axes.x):
        where = f'x="{across(value):.1f}" y="{low + 18}" text-anchor="middle"'
        parts.append(f'<text class="t" {where}>{value:g}</text>')
    beside = LEFT
    for one in series:
        places = [(across(x), up(y)) for x, y in zip(one.x, one.y, strict=True)]
        parts += _marks(one, places)
        wide = 8 if one.dash is None else 30
        parts += _marks(one._replace(words=()), [(beside + wide / 2, 40.0)])
        parts += _line(one, [(beside, 40.0), (beside + wide, 40.0)])
        parts.append(f'<text class="t" x="{beside + wide + 5}" y="44">{one.hint}</text>')
        beside += wide + 25 + round(6.3 * len(one.hint))
    middle = (TOP + low) // 2
    parts += [
        f'<text class="t" x="{(LEFT + right) // 2}" y="{HEIGHT - 14}" text-anchor="middle">'
        f"{axes.across}</text>",
        f'<text class="t" transform="translate(18 {middle}) rotate(-90)" text-anchor="middle">'
        f"{axes.up}</text>",
        "</svg>",
        "",
    ]
    return "\n".join(parts)


def _marks(one: Points, places: Sequence[tuple[float, float]]) -> list[str]:
    """What is drawn of a series: a line where it has a dash, its points, and their words."""
    parts, size = _line(one, places), 4 if one.words or one.dash is not None else 2.8
    color, above = COLORS[one.color], -math.inf
    parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size}" fill="{color}"/>' for x, y in places]
    named = zip(places, one.words, strict=False)
    for (x, y), word in sorted(named, key=lambda pair: pair[0][1]):
        end = 'text-anchor="end" ' if x > WIDTH - 180 else ""
        above = max(y + 4, above + 13)  # no name is written over another
        shift = -9 if end else 9
        parts.append(f'<text class="t" {end}x="{x + shift:.1f}" y="{above:.1f}">{word}</text>')
    return parts


def _line(one: Points, places: Sequence[tuple[float, float]]) -> list[str]:
    """The line through points of a series that has one."""
    if one.dash is None:
        return []
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dash = f' stroke-dasharray="{one.dash}"' if one.dash else ""
    color = COLORS[one.color]
    return [f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2"{dash}/>']


def ticks(low: float, high: float) -> list[float]:
    """Round values between two ends, about five of them.

    >>> ticks(0, 2.6)
    [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
    """
    rough = (high - low) / 5
    ten = 10.0 ** math.floor(math.log10(rough))
    step = next(s * ten for s in (1, 2, 5, 10) if s * ten >= 0.9 * rough)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 10) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def start() -> str:
    """Weight and height of the 200 people, and the row that is found."""
    cleaned = mithridate.clean("davis")
    kept, gone = cleaned.kept, cleaned.quarantined
    word = [f"row {gone['mithridate_row'][0]}: {gone['weight'][0]} kg, {gone['height'][0]} cm"]
    return drawn(
        "200 people, and the one row that clean rejects",
        Axes("height in cm", "weight in kg", (50, 205), (30, 180)),
        [
            Points(*_columns(kept, "height", "weight"), "plain", "kept"),
            Points(*_columns(gone, "height", "weight"), "bad", "to look at", words=word),
        ],
    )


def _columns(frame: object, *names: str) -> list[list[float]]:
    return [[float(value) for value in frame[name]] for name in names]  # pyright: ignore


def clean() -> str:
    """Targets beside what the other rows predict: the four that were planted are found."""
    table = load_diabetes(as_frame=True, scaled=False).frame.rename(
        columns={"target": "progression"}
    )
    rows = [20, 60, 170, 330]
    table.loc[rows, "progression"] *= 10
    cleaned = mithridate.clean(table, target="progression")
    unit, zero = np.ptp(table.progression), table.progression.min()
    expected = zero + unit * np.asarray(cleaned.defense.expected_)
    gone = ~np.asarray(cleaned.mask)
    y = table.progression.to_numpy()
    assert sorted(np.flatnonzero(gone)) == rows
    return drawn(
        "Four targets are ten times too large, and clean finds these four",
        Axes("what the other rows predict", "progression", (20, 320), (0, 2600)),
        [
            Points(expected[~gone].tolist(), y[~gone].tolist(), "plain", "kept"),
            Points(
                expected[gone].tolist(), y[gone].tolist(), "bad", "to look at",
                words=[f"row {k + 1}" for k in np.flatnonzero(gone)],
            ),
        ],
    )  # fmt: skip


def audit() -> str:
    """The error by the share of poison: bold, careful, and with a defense."""
    made = mithridate.audit(
        "diabetes", alphas=[1, 0.3], ratios=[0.05, 0.1, 0.2], seeds=1,
        defenses=["trim", "bayesclean", "antidote"],
    )  # fmt: skip
    rows = made.results.table.to_pandas()
    rows = rows[rows.attack == "ascent"]

    def grown(defense: str, alpha: float, column: str) -> tuple[list[float], list[float]]:
        some = rows[(rows.defense == defense) & (rows.alpha == alpha)].sort_values("ratio")
        return [0, *some.ratio], [1, *(some[column] / some.nmse_clean)]

    return drawn(
        "What poison does to the test error of diabetes",
        Axes("poison, as a share of the training rows", "times the clean error", (0, 0.21), (0, 3)),
        [
            Points(*grown("none", 1, "nmse_poisoned"), "bad", "alpha 1", ""),
            Points(*grown("none", 0.3, "nmse_poisoned"), "one", "alpha 0.3", "6 4"),
            Points(*grown("antidote", 1, "nmse_defended"), "two", "alpha 1, with Antidote", "2 3"),
        ],
    )


def trees() -> str:
    """How the errors of boosted trees and of ridge grow under the attacks on each."""
    how = {"alphas": [1, 0.3], "ratios": [0.1, 0.2], "seeds": 1, "defenses": ["antidote"]}
    series = []
    for victim, attack, color in (("hgb", "portfolio", "two"), ("ridge", "ascent", "bad")):
        made = mithridate.audit("diabetes", victim=victim, rows=150, **how)
        rows = made.results.table.to_pandas()
        rows = rows[(rows.defense == "none") & (rows.attack == attack)]
        for alpha, dash in ((1, ""), (0.3, "6 4")):
            some = rows[rows.alpha == alpha].sort_values("ratio")
            grown = [1, *(some.nmse_poisoned / some.nmse_clean)]
            series.append(
                Points([0, *some.ratio], grown, color, f"{victim}, alpha {alpha:g}", dash)
            )
    return drawn(
        "The same table, two models: boosted trees (hgb) and ridge",
        Axes("poison, as a share of the training rows", "times the clean error", (0, 0.21), (0, 3)),
        series,
    )


STUDY = """
title = "mine"
seeds = 2
ratios = [0.1, 0.2]
data = ["diabetes"]
attacks = ["flip", { use = "ascent", alphas = [1, 0.3] }]
defenses = ["huber", "antidote", { use = "bayesclean", false_positive_rate = 0.01 }]
"""


def study() -> str:
    """The mean gain of each defense by the share of poison."""
    from mithridate.bench import Study, bench

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mine.toml"
        file.write_text(STUDY, encoding="utf-8")
        bench(Study.load(str(file)), Path(folder) / "results", jobs=1)
        rows = pd.read_parquet(Path(folder) / "results" / "parts")
    mean = rows[rows.alpha == 1].groupby(["defense", "ratio"]).gain.mean().unstack()
    names = {"antidote": "two", "oracle": "plain", "huber": "one", "bayesclean": "bad"}
    return drawn(
        "What each defense takes away of the error under alpha 1",
        Axes("poison, as a share of the training rows", "gain", (0.09, 0.21), (-0.2, 0.8)),
        [
            Points(
                list(mean.columns), mean.loc[name].tolist(), color, name,
                "2 5" if name == "oracle" else "",
            )
            for name, color in names.items()
        ],
    )  # fmt: skip


PICTURES: dict[str, Callable[[], str]] = {
    "start": start, "clean": clean, "audit": audit, "trees": trees, "study": study,
}  # fmt: skip


if __name__ == "__main__":
    for name in sys.argv[1:] or PICTURES:
        (FOLDER / f"{name}.svg").write_text(PICTURES[name](), encoding="utf-8")
