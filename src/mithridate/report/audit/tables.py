"""Tables of the page: the map of gain, what the defenses did, what they cost, what failed."""

import dataclasses
import math

from .. import text
from ..failures import Failure, grouped
from ..series import ORACLE
from . import findings as find
from .cells import TRUE_RATIO, AuditResults, ResultCell
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
    knowledge: str
    lines: list[tuple[str, bool, list[Square]]]
    harmful: int
    cells: int


LIMITS = (1.0, 2.0, 5.0, math.inf)  # of risk
BLUE, ORANGE = (0, 90, 160), (200, 84, 0)


def maps(audit: AuditResults, styles: Styles) -> tuple[list[Map], float]:
    """A map of gain for each defense, and the gain at which the color is full for all of them."""
    names = audit.defenses + ([ORACLE] if audit.has_oracle else [])
    gains = [c.gain or 0.0 for d in names for c in audit.judged(d, audit.series)]
    full = max(0.1, min(1.0, max((abs(g) for g in gains), default=0.1)))
    return [_map(audit, styles, d, full) for d in names], full


def _map(audit: AuditResults, styles: Styles, defense: str, full: float) -> Map:
    lines = []
    for series in audit.series:
        cells = [audit.defended.get((series, ratio, defense)) for ratio in audit.ratios]
        squares = [_square(cell, full) for cell in cells]
        lines.append((styles[series].words, series.control, squares))
    judged = audit.judged(defense, audit.series)
    harmful = sum(cell.harmful for cell in judged)
    return Map(
        audit.labels.heading(defense), _knowledge(audit, defense), lines, harmful, len(judged)
    )


def _knowledge(audit: AuditResults, defense: str) -> str:
    """What the defense was told of the contamination, in words."""
    if defense == ORACLE:
        return "trained on exactly the clean rows; the most a defense could gain"
    known = find.contaminations(audit, defense)
    if not known:
        return "told nothing"
    return f"told {TRUE_RATIO if known == [ORACLE] else text.cut(text.listing(known))}"


def _square(cell: ResultCell | None, full: float) -> Square:
    if cell is None:
        return Square("", title="not tried")
    if cell.gain is None:
        return Square("failed", title="failed for every seed")
    share = min(1.0, abs(cell.gain) / full)
    tone = ORANGE if cell.gain < 0 else BLUE
    mixed = [round(255 + (c - 255) * 0.85 * share) for c in tone]
    gains = cell.values("gain")
    title = (
        f"{cell.series.words}, {text.ratio(cell.ratio)} poison: gain {text.signed(cell.gain)}, "
        f"{text.signed(min(gains))} to {text.signed(max(gains))} "
        f"over {text.count(len(gains), 'seed')}; recovered {text.percent(cell.recovered)}"
    )
    return Square(
        text=text.signed(cell.gain),
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


def growths(audit: AuditResults, styles: Styles) -> list[tuple[str, list[str]]]:
    """The undefended NMSE of each series at each ratio, and what none exceeds, in words."""
    limits = [audit.at_most(ratio) for ratio in audit.ratios]
    known = any(limit is not None for limit in limits)
    proved = [("no poison exceeds", [text.number(limit) for limit in limits])] if known else []
    return proved + [
        (
            styles[series].words,
            [
                text.number(cell.mean("nmse_poisoned")) if cell else "–"
                for ratio in audit.ratios
                for cell in [audit.poison.get((series, ratio))]
            ],
        )
        for series in audit.series
    ]


def within(audit: AuditResults) -> list[tuple[str, list[str]]]:
    """The most damage found at each ratio by poison of each largest risk, in words."""
    lines = []
    for limit in LIMITS:
        name = "any risk" if limit == math.inf else f"risk ≤ {text.number(limit)}"
        cells = [
            find.worst(audit, ratio) if limit == math.inf else find.within(audit, ratio, limit)
            for ratio in audit.ratios
        ]
        lines.append((name, [_done(audit, cell) for cell in cells]))
    return lines


def _done(audit: AuditResults, cell: ResultCell | None) -> str:
    if cell is None:
        return "none found"
    if find.useless(audit) is not None:
        return text.number(cell.mean("nmse_poisoned"))
    return text.times(cell.growth)


def visibility(audit: AuditResults, styles: Styles) -> list[tuple[str, list[str]]]:
    """Risk and best AUC of each series at each ratio, in words."""
    lines = []
    for series in audit.series:
        shown = []
        for ratio in audit.ratios:
            cell = audit.poison.get((series, ratio))
            auc = find.best_auc(audit, cell) if cell else None
            risk = text.number(cell.mean("risk")) if cell else "–"
            area = f"{text.area(auc.auc)}{' ↺' if auc.turned else ''}" if auc else "–"
            shown.append(f"{risk} · {area}")
        lines.append((styles[series].words, shown))
    return lines


def outcomes(audit: AuditResults, styles: Styles) -> tuple[list[float], list[tuple[str, list]]]:
    """What each defense kept, found and lost, at two ratios: (ratios, (defense, lines))."""
    ratios = list(
        dict.fromkeys(r for r in (audit.near(0.10), max(audit.ratios, default=None)) if r)
    )
    blocks = []
    for defense in audit.defenses:
        lines = []
        for series in audit.series:
            cells = [audit.defended.get((series, ratio, defense)) for ratio in ratios]
            figures = [_did(cell) for cell in cells]
            if any(figure != "–" for each in figures for figure in each):
                lines.append((styles[series].words, figures))
        if lines:
            blocks.append((audit.labels.defense(defense), lines))
    return ratios, blocks


def _did(cell: ResultCell | None) -> list[str]:
    if cell is None:
        return ["–"] * 4
    auc = cell.mean("auc")
    shares = [text.percent(cell.mean(name)) for name in ("kept", "tpr", "fpr")]
    return [*shares, "–" if auc is None else text.area(auc)]


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


def costs(audit: AuditResults) -> list[Cost]:
    """A line for each defense that was tried on unpoisoned data."""
    lines = []
    for defense, cell in find.clean_costs(audit):
        kept = cell.mean("kept")
        dropped = None if kept is None else 1 - kept
        nmse = text.number(cell.mean("nmse_defended"))
        shown = (audit.labels.defense(defense), text.percent(dropped), 100 * (dropped or 0.0))
        gain = text.signed(cell.gain)
        lines.append(Cost(*shown, gain, cell.harmful, cell.doubtful, nmse))
    return lines


def failures(audit: AuditResults) -> tuple[list[Failure], int]:
    """Failed cells by defense and message, and how many lines were left out."""
    return grouped(audit.where(status="failed").rows, audit.labels)


def warnings(audit: AuditResults) -> tuple[list[Failure], int]:
    """Cells that worked but have something to say."""
    return grouped([row for row in audit.worked.rows if row["message"]], audit.labels)
