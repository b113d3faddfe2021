"""The report of a study as one self-contained HTML page."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from .. import text
from ..failures import grouped
from ..frame import Frame
from ..intervals import over
from ..series import NONE, Series, in_order
from ..shell import render
from ..style import Figure, Style, styles
from . import figures as draw
from .board import HEADS, cells, notes, ranks, scope
from .findings import sentences
from .leaderboard import Board, BoardLine
from .views import View, at_alpha, views

# What the board can be ordered by: (heading of the column, figure of a line, falling).
ORDERS: dict[str, Callable[[BoardLine], float | None]] = {
    "error left": lambda line: float(line.left.point),
    "worst cell": lambda line: -float(line.worst.point),
    "recovered": lambda line: None if line.plain is None else -float(line.plain.point),
    "clean rows rejected": lambda line: _known(line.rejected),
    "time": lambda line: _known(line.seconds),
}


class DrawnView(NamedTuple):
    """A view on the page: its figures by place, the styles in its key, the gains in numbers."""

    title: str
    key: list[Style]
    damage: list[tuple[str, str]]
    looks: list[tuple[str, str]]
    gain: list[tuple[str, str]]
    objectives: list[tuple[str, str]]
    ratios: list[str]
    numbers: list[tuple[str, list[str]]]


def study_html(results: Frame, boards: Sequence[Board], findings: Sequence[str]) -> str:
    """The page; it shows only what the table holds."""
    drawn = views(results)
    look = styles(in_order({s for view in drawn for s in _drawn(view)}))
    figures: dict[str, Figure] = {}
    shown = [_shown(i, view, look, figures) for i, view in enumerate(drawn)]
    failures, more = grouped(_failed(results), results.labels)
    return render(
        "study/page.html",
        figures,
        facts=_facts(results, drawn),
        headlines=sentences(results, drawn, boards, findings),
        views=[s for s in shown if s.damage or s.looks or s.gain],
        objectives=[s for s in shown if s.objectives],
        boards=[_board(board) for board in boards],
        heads=HEADS,
        orders=list(ORDERS),
        failures=failures,
        more_failures=more,
        versions=results.distinct("version") if len(results) else [],
    )


def _shown(
    number: int, view: View, look: dict[Series, Style], figures: dict[str, Figure]
) -> DrawnView:
    """The figures of a view; where normalizers are compared they have figures of their own."""
    along, several = len(view.ratios) > 1, _several(view)

    def put(place: str, panels: draw.Panels) -> list[tuple[str, str]]:
        ids = [f"{place}-{number}-{i}" for i in range(len(panels))]
        figures.update(zip(ids, (figure for _, figure in panels), strict=True))
        return [(id, text.cut(name, 60)) for id, (name, _) in zip(ids, panels, strict=True)]

    plain = along and not several
    return DrawnView(
        text.cut(view.title, 120),
        [look[s] for s in _drawn(view)],
        put("damage", draw.damage(view, look) if plain else []),
        put("looks", draw.looks(view, look) if plain else []),
        put("gain", draw.gain(view, look) if plain else []),
        put("objectives", draw.objectives(view, look) if several and along else []),
        [text.ratio(r) for r in view.ratios],
        _numbers(view) if plain else [],
    )


def _several(view: View) -> bool:
    """Whether normalizers are compared: they are drawn panel by panel, not line by line."""
    return len(view.normalizers) > 1


def _drawn(view: View) -> list[Series]:
    """The series that a view is drawn in; by alpha alone where normalizers are compared."""
    if not _several(view):
        return view.series
    return in_order({at_alpha(s.alpha) for s in view.series if s.alpha is not None})


def _numbers(view: View) -> list[tuple[str, list[str]]]:
    """Mean gains over the tables: a line a defense and series, a column a ratio."""
    lines = []
    for pair, cube in view.gains():
        gain = cube.point(lambda x: over(x["gain"], 1))
        at = {ratio: i for i, ratio in enumerate(cube.along["ratio"])}
        for series, i, a in view.lines(cube):
            shown = [text.signed(float(gain[i, a, at[r]])) if r in at else "–" for r in view.ratios]
            name = view.rows.labels.entry(*pair)
            lines.append((f"{name}, {series.words}", shown))
    return lines


def _facts(results: Frame, shown: Sequence[View]) -> list[tuple[str, str]]:
    if not len(results):
        return []
    data, models = results.distinct("dataset"), dict.fromkeys(view.model for view in shown)
    sets = len(results.poisoned.where(defense=NONE))
    lines = [
        ("Tables", text.cut(text.listing(data), 200)),
        ("Models", text.cut(text.listing(list(models)), 200)),
        ("Seeds", f"up to {len(results.distinct('seed'))}"),
        ("Poisoned training sets", f"{sets:,}"),
        ("Judged cells", f"{len(results):,}"),
        ("Failed", f"{results.failed:,}"),
    ]
    return [(name, value) for name, value in lines if value]


def _known(estimate: Any) -> float | None:
    return None if estimate is None else float(estimate.point)


class OrderedBoard(NamedTuple):
    """A board with its lines once for each order."""

    title: str
    scope: str
    bodies: list[list[tuple[bool, list[str]]]]
    divided: bool
    notes: list[str]


def _board(board: Board) -> OrderedBoard:
    rank = {id(line): r for r, line in ranks(board)}

    def body(by: Callable[[BoardLine], float | None]) -> list[tuple[bool, list[str]]]:
        lines: Iterable[BoardLine] = [
            line for part in (board.ranked, board.unranked) for line in sorted(part, key=_key(by))
        ]
        ranked = [(line.adapted, cells(line, rank[id(line)])) for line in lines]
        return ranked + [(False, cells(line, "")) for line in board.reference]

    title = board.model[:1].upper() + board.model[1:]
    bodies = [body(by) for by in ORDERS.values()]
    divided = bool(board.ranked and board.unranked)
    return OrderedBoard(title, scope(board), bodies, divided, notes(board))


def _key(by: Callable[[BoardLine], float | None]) -> Callable[[BoardLine], tuple[bool, float]]:
    """What is not known comes last."""

    def key(line: BoardLine) -> tuple[bool, float]:
        value = by(line)
        return value is None or math.isnan(value), value or 0.0

    return key


def _failed(results: Frame) -> list[dict[str, Any]]:
    """The failed rows, the attack named with its table and the defense with its options."""
    rows = results.where(status="failed").table if len(results) else pa.table({})
    return [
        {
            **row,
            "attack": f"{row['dataset']}: {row['attack']}",
            "defense": results.labels.entry(row["defense"], row["defense_options"]),
        }
        for row in rows.to_pylist()
    ]
