"""From which ratio on the poison of an audit fits better than the clean rows, in words."""

import math

import pyarrow as pa

from .. import text as words
from ..poisonability import AT, BELOW, Poisonability, hidden, measured, predicted
from ..series import Series
from .cells import Audit


def by_series(told: Audit) -> dict[Series, Poisonability]:
    """The poisonability of each attack and alpha, where the table has one of it."""
    found: dict[Series, list[Poisonability]] = {}
    for one in measured(told.rows):
        found.setdefault(Series(one.keys["attack"], one.keys["alpha"]), []).append(one)
    return {series: found[series][0] for series in told.series if len(found.get(series, [])) == 1}


def lines(results: pa.Table, told: Audit) -> list[tuple[str, list[str]]]:
    """For each series in words: where the errors meet, the interval, and what was foreseen."""
    foreseen = predicted(results)
    found = []
    for series, one in by_series(told).items():
        alpha = series.alpha if series.attack.lower() == "ascent" else None
        ahead = foreseen.get(alpha) if alpha is not None else None
        cells = [_where(one.reach, one.ratio), _spread(one), _where(*ahead) if ahead else "–"]
        found.append((series.words, cells))
    return found


def _where(reach: str, ratio: float) -> str:
    if reach == AT:
        return words.percent(ratio)
    return f"{'at or below' if reach == BELOW else 'not up to'} {words.ratio(ratio)}"


def _spread(one: Poisonability) -> str:
    if one.low is None or one.high is None:
        return "–"
    if math.isinf(one.low):
        return "beyond"
    if not one.high:
        return _where(BELOW, one.ratio)
    if math.isinf(one.high):
        return f"{words.percent(one.low)} and more"
    start = f"{words.percent(one.low)} to" if one.low else "up to"
    return f"{start} {words.percent(one.high)}"


def bound(results: pa.Table) -> str:
    """The bound near a tenth of poison, as a sentence; empty where there is none."""
    bounds = hidden(results)
    if not bounds:
        return ""
    near = min(bounds, key=lambda ratio: (abs(ratio - 0.1), ratio))
    return (
        f"Whatever is written, {words.ratio(near)} poison that the model fits better than the "
        f"clean training rows cannot grow their error more than {words.times(bounds[near])}."
    )
