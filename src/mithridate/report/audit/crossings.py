"""From which ratio on the poison of an audit fits better than the clean rows, in words."""

import math

import pyarrow as pa

from .. import text
from ..poisonability import AT, BELOW, Poisonability, hidden, measured, predicted
from ..series import Series
from .cells import AuditResults


def by_series(audit: AuditResults) -> dict[Series, Poisonability]:
    """The poisonability of each attack and alpha, where the table has one of it."""
    groups: dict[Series, list[Poisonability]] = {}
    for one in measured(audit.rows):
        series = audit.labels.series(one.keys["attack"], one.keys["alpha"])
        groups.setdefault(series, []).append(one)
    return {
        series: groups[series][0] for series in audit.series if len(groups.get(series, [])) == 1
    }


def lines(results: pa.Table, audit: AuditResults) -> list[tuple[str, list[str]]]:
    """For each series in words: where the errors meet, the interval, and the prediction."""
    foreseen = predicted(results)
    result = []
    for series, one in by_series(audit).items():
        prediction = foreseen.get((series.attack, series.alpha))
        cells = [
            _where(one.reach, one.ratio),
            _spread(one),
            _where(*prediction) if prediction else "–",
        ]
        result.append((series.words, cells))
    return result


def _where(reach: str, ratio: float) -> str:
    if reach == AT:
        return text.percent(ratio)
    return f"{'at or below' if reach == BELOW else 'not up to'} {text.ratio(ratio)}"


def _spread(one: Poisonability) -> str:
    if one.low is None or one.high is None:
        return "–"
    if math.isinf(one.low):
        return "beyond"
    if not one.high:
        return _where(BELOW, one.ratio)
    if math.isinf(one.high):
        return f"{text.percent(one.low)} and more"
    start = f"{text.percent(one.low)} to" if one.low else "up to"
    return f"{start} {text.percent(one.high)}"


def bound(results: pa.Table) -> str:
    """The bound near a tenth of poison, as a sentence; empty where there is none."""
    bounds = hidden(results)
    if not bounds:
        return ""
    near = min(bounds, key=lambda ratio: (abs(ratio - 0.1), ratio))
    return (
        f"Whatever is written, {text.ratio(near)} poison that the model fits better than the "
        f"clean training rows cannot grow their error more than {text.times(bounds[near])}."
    )
