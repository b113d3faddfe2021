"""The three or four figures at the top of the page."""

import dataclasses

from .. import text as words
from ..growth import LITTLE
from . import findings as find
from .cells import HARM, Audit


@dataclasses.dataclass(frozen=True)
class Tile:
    """One key figure: what it is, the figure, what to make of it, and its tone in a word."""

    label: str
    figure: str
    note: str
    tone: str


def tiles(told: Audit) -> list[Tile]:
    """At most four key figures, leaving out what was not measured."""
    found = [_ten(told), _worst(told), _seen(told), _best(told)]
    return [tile for tile in found if tile is not None]


def _tone(growth: float) -> str:
    return "calm" if growth < LITTLE else "watch" if growth < 2 else "alarm"


def _ten(told: Audit) -> Tile | None:
    cell = find.lead(told)
    if cell is None or cell.growth is None:
        return None
    kind = "stealthy poison" if find.stealthy(cell) else "poison"
    label = f"Error with {words.ratio(cell.ratio)} {kind}"
    return Tile(
        label, words.times(cell.growth), f"{cell.series.words}; 1× is no damage", _tone(cell.growth)
    )


def _worst(told: Audit) -> Tile | None:
    cell = find.worst(told)
    if cell is None or cell.growth is None:
        return None
    note = f"{words.ratio(cell.ratio)} poison, {cell.series.words}"
    return Tile("Worst case tried", words.times(cell.growth), note, _tone(cell.growth))


def _seen(told: Audit) -> Tile | None:
    cell = find.lead(told)
    auc = find.best_auc(told, cell) if cell else None
    if cell is None or auc is None:
        return None
    tone = "calm" if auc.auc >= 0.9 else "watch" if auc.auc >= 0.65 else "alarm"
    note = (
        f"AUC of {words.name(auc.defense)}{' turned round' if auc.turned else ''} at "
        f"{words.ratio(cell.ratio)}; 0.5 guesses, 1 is certain"
    )
    return Tile("Would scores find it?", words.area(auc.auc), note, tone)


def _best(told: Audit) -> Tile | None:
    found = find.standings(told)
    if not found:
        return None
    best = found[0]
    ceiling = "" if best.oracle is None else f" (oracle {words.signed(best.oracle)})"
    note = f"mean gain {words.signed(best.mean)}{ceiling}; worst {words.signed(best.worst.gain)}"
    if find.told_ratio(told, best.defense):
        note = f"told the true ratio; {note}"
    if best.mean < -HARM:
        return Tile(
            "Most helpful defense", "none", f"best is {words.name(best.defense)}: {note}", "alarm"
        )
    tone = "watch" if best.harmful else "calm"
    return Tile("Most helpful defense", words.cut(words.name(best.defense), 24), note, tone)
