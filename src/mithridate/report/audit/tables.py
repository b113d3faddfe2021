"""Tables of the page: the map of gain, what the defenses did, what they cost, what failed."""

import dataclasses

from .. import text as words
from ..failures import Failure, grouped
from ..series import ORACLE
from . import findings as find
from .cells import TRUE_RATIO, Audit, Cell
from .damage import Styles


@dataclasses.dataclass(frozen=True)
class Square:
    """One cell of the map of gain: what is written, how it is tinted, what the tooltip says."""

    text: str
    tint: str = "transparent"
    ink: str = "inherit"
    harmful: bool = False
    doubtful: bool = False
    title: str = ""


@dataclasses.dataclass(frozen=True)
class Map:
    """The gains of one defense: a line for each series, a column for each ratio."""

    defense: str
    told: str
    lines: list[tuple[str, bool, list[Square]]]
    harmful: int
    cells: int


BLUE, ORANGE = (0, 90, 160), (200, 84, 0)


def maps(told: Audit, styles: Styles) -> tuple[list[Map], float]:
    """A map of gain for each defense, and the gain at which the color is full for all of them."""
    names = told.defenses + ([ORACLE] if told.has_oracle else [])
    gains = [c.gain or 0.0 for d in names for c in told.judged(d, told.series)]
    full = max(0.1, min(1.0, max((abs(g) for g in gains), default=0.1)))
    return [_map(told, styles, d, full) for d in names], full


def _map(told: Audit, styles: Styles, defense: str, full: float) -> Map:
    lines = []
    for series in told.series:
        cells = [told.defended.get((series, ratio, defense)) for ratio in told.ratios]
        squares = [_square(cell, full) for cell in cells]
        lines.append((styles[series].words, series.control, squares))
    judged = told.judged(defense, told.series)
    harmful = sum(cell.harmful for cell in judged)
    return Map(words.heading(defense), _told(told, defense), lines, harmful, len(judged))


def _told(told: Audit, defense: str) -> str:
    """What the defense was told of the contamination, in words."""
    if defense == ORACLE:
        return "trained on exactly the clean rows; the most a defense could gain"
    known = find.contaminations(told, defense)
    if not known:
        return "told nothing"
    return f"told {TRUE_RATIO if known == [ORACLE] else words.cut(words.listing(known))}"


def _square(cell: Cell | None, full: float) -> Square:
    if cell is None:
        return Square("", title="not tried")
    if cell.gain is None:
        return Square("failed", title="failed for every seed")
    share = min(1.0, abs(cell.gain) / full)
    tone = ORANGE if cell.gain < 0 else BLUE
    mixed = [round(255 + (c - 255) * 0.85 * share) for c in tone]
    gains = cell.values("gain")
    title = (
        f"{cell.series.words}, {words.ratio(cell.ratio)} poison: gain {words.signed(cell.gain)}, "
        f"{words.signed(min(gains))} to {words.signed(max(gains))} "
        f"over {words.count(len(gains), 'seed')}; recovered {words.percent(cell.recovered)}"
    )
    return Square(
        text=words.signed(cell.gain),
        tint=f"rgb({mixed[0]},{mixed[1]},{mixed[2]})",
        ink=_ink(mixed),
        harmful=cell.harmful,
        doubtful=cell.doubtful,
        title=title + ("; harm that may be chance" if cell.doubtful else ""),
    )


def _ink(color: list[int]) -> str:
    """Dark or light text, whichever reads better on a color (relative luminance of WCAG)."""
    linear = [(c / 255 + 0.055) ** 2.4 / 1.055**2.4 for c in color]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#1d2733" if luminance > 0.22 else "#fff"


def growths(told: Audit, styles: Styles) -> list[tuple[str, list[str]]]:
    """The undefended NMSE of each series at each ratio, in words."""
    return [
        (
            styles[series].words,
            [
                words.number(cell.mean("nmse_poisoned")) if cell else "–"
                for ratio in told.ratios
                for cell in [told.poison.get((series, ratio))]
            ],
        )
        for series in told.series
    ]


def visibility(told: Audit, styles: Styles) -> list[tuple[str, list[str]]]:
    """Risk and best AUC of each series at each ratio, in words."""
    lines = []
    for series in told.series:
        shown = []
        for ratio in told.ratios:
            cell = told.poison.get((series, ratio))
            auc = find.best_auc(told, cell) if cell else None
            risk = words.number(cell.mean("risk")) if cell else "–"
            area = f"{words.area(auc.auc)}{' ↺' if auc.turned else ''}" if auc else "–"
            shown.append(f"{risk} · {area}")
        lines.append((styles[series].words, shown))
    return lines


def deeds(told: Audit, styles: Styles) -> tuple[list[float], list[tuple[str, list]]]:
    """What each defense kept, found and lost, at two ratios: (ratios, (defense, lines))."""
    ratios = list(dict.fromkeys(r for r in (told.near(0.10), max(told.ratios, default=None)) if r))
    blocks = []
    for defense in told.defenses:
        lines = []
        for series in told.series:
            cells = [told.defended.get((series, ratio, defense)) for ratio in ratios]
            figures = [_did(cell) for cell in cells]
            if any(text != "–" for texts in figures for text in texts):
                lines.append((styles[series].words, figures))
        if lines:
            blocks.append((words.name(defense), lines))
    return ratios, blocks


def _did(cell: Cell | None) -> list[str]:
    if cell is None:
        return ["–"] * 4
    auc = cell.mean("auc")
    shares = [words.percent(cell.mean(name)) for name in ("kept", "tpr", "fpr")]
    return [*shares, "–" if auc is None else words.area(auc)]


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a defense did to data without poison."""

    defense: str
    dropped: str
    width: float
    gain: str
    harmful: bool
    doubtful: bool
    nmse: str


def costs(told: Audit) -> list[Cost]:
    """A line for each defense that was tried on unpoisoned data."""
    found = []
    for defense, cell in find.clean_costs(told):
        kept = cell.mean("kept")
        dropped = None if kept is None else 1 - kept
        nmse = words.number(cell.mean("nmse_defended"))
        shown = (words.name(defense), words.percent(dropped), 100 * (dropped or 0.0))
        gain = words.signed(cell.gain)
        found.append(Cost(*shown, gain, cell.harmful, cell.doubtful, nmse))
    return found


def failures(told: Audit) -> tuple[list[Failure], int]:
    """Failed cells by defense and message, and how many lines were left out."""
    return grouped(told.failed)


def warnings(told: Audit) -> tuple[list[Failure], int]:
    """Cells that worked but have something to say."""
    return grouped([r for r in told.rows if r.get("status") != "failed" and r.get("message")])
