"""The three or four figures at the top of the page."""

import dataclasses

from .. import text
from ..growth import LITTLE
from . import findings as find
from .cells import HARM, AuditResults


@dataclasses.dataclass(frozen=True)
class Tile:
    """One key figure: what it is, the figure, what to make of it, and its tone in a word."""

    label: str
    figure: str
    note: str
    tone: str


def tiles(audit: AuditResults) -> list[Tile]:
    """At most four key figures, leaving out what was not measured."""
    clean = find.useless(audit)
    if clean is not None:
        note = "a model that predicts the mean has 1"
        return [Tile("NMSE without poison", text.number(clean), note, "alarm")]
    shown = [_ten(audit), _worst(audit), _detection(audit), _best(audit)]
    return [tile for tile in shown if tile is not None]


def _tone(growth: float) -> str:
    return "calm" if growth < LITTLE else "watch" if growth < 2 else "alarm"


def _ten(audit: AuditResults) -> Tile | None:
    cell = find.lead(audit)
    if cell is None or cell.growth is None:
        return None
    kind = "stealthy poison" if find.stealthy(cell) else "poison"
    label = f"Error with {text.ratio(cell.ratio)} {kind}"
    return Tile(
        label, text.times(cell.growth), f"{cell.series.words}; 1× is no damage", _tone(cell.growth)
    )


def _worst(audit: AuditResults) -> Tile | None:
    cell = find.worst(audit)
    if cell is None or cell.growth is None:
        return None
    note = f"{text.ratio(cell.ratio)} poison, {cell.series.words}"
    return Tile("Worst case tried", text.times(cell.growth), note, _tone(cell.growth))


def _detection(audit: AuditResults) -> Tile | None:
    cell = find.lead(audit)
    auc = find.best_auc(audit, cell) if cell else None
    if cell is None or auc is None:
        return None
    tone = "calm" if auc.auc >= 0.9 else "watch" if auc.auc >= 0.65 else "alarm"
    note = (
        f"AUC of {audit.labels.defense(auc.defense)}{' turned round' if auc.turned else ''} at "
        f"{text.ratio(cell.ratio)}; 0.5 guesses, 1 is certain"
    )
    return Tile("Would scores find it?", text.area(auc.auc), note, tone)


def _best(audit: AuditResults) -> Tile | None:
    standings = find.standings(audit)
    if not standings:
        return None
    best = standings[0]
    ceiling = "" if best.oracle is None else f" (oracle {text.signed(best.oracle)})"
    note = f"mean gain {text.signed(best.mean)}{ceiling}; worst {text.signed(best.worst.gain)}"
    if find.knows_ratio(audit, best.defense):
        note = f"told the true ratio; {note}"
    if best.mean < -HARM:
        return Tile(
            "Most helpful defense",
            "none",
            f"best is {audit.labels.defense(best.defense)}: {note}",
            "alarm",
        )
    tone = "watch" if best.harmful else "calm"
    return Tile(
        "Most helpful defense", text.cut(audit.labels.defense(best.defense), 24), note, tone
    )
