"""What few rows cannot do to single predictions and coefficients, as sentences and tables."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, TypeGuard

from .. import text
from .cells import AuditResults

ENDS = ("now", "least", "most")
MOST_SHOWN = 10


@dataclasses.dataclass(frozen=True)
class MoveLines:
    """What so many rows, whatever they say, cannot exceed; all in words, ready to be printed.

    Parameters
    ----------
    rows : str
        How many poison rows.
    predictions, coefficients : list of (str, list of str)
        A name, or the true target, with what the model says now, the least and the most.
    kept : str
        The share of the predictions that stays, for each number of rows.
    tested : str
        How many predictions were looked at.
    """

    rows: str
    predictions: list[tuple[str, list[str]]]
    coefficients: list[tuple[str, list[str]]]
    kept: str
    tested: str


def moves(audit: AuditResults) -> MoveLines | None:
    """What the facts on the run say of single numbers; None if nothing, or nothing readable."""
    facts = audit.bound.get("moves")
    if not isinstance(facts, dict):
        return None
    rows, tested = facts.get("rows"), facts.get("tested")
    predictions = _lines(facts.get("predictions"), "target")
    coefficients = _lines(facts.get("coefficients"), "column")
    if not (_count(rows) and _count(tested) and (predictions or coefficients)):
        return None
    return MoveLines(
        text.count(rows, "poison row"), predictions, coefficients, _kept(facts),
        text.count(tested, "prediction"),
    )  # fmt: skip


def still(audit: AuditResults) -> list[str]:
    """The share of the predictions of the model itself that few rows cannot move."""
    facts = audit.bound.get("moves")
    kept = _kept(facts) if isinstance(facts, dict) else ""
    return [f"Whatever they say, {kept}."] if kept else []


def _kept(facts: dict[str, Any]) -> str:
    """The share of the predictions that stays, for each number of rows that leaves any."""
    within, given = facts.get("within"), facts.get("kept")
    lines = [one for one in (given if isinstance(given, list) else []) if isinstance(one, dict)]
    left = [
        f"{text.count(one['rows'], 'added row' if i == 0 else 'row')} "
        f"{'leaves' if one['rows'] == 1 else 'leave'} {text.percent(one['kept'])}"
        for i, one in enumerate(lines)
        if _number(one.get("kept")) and _count(one.get("rows")) and one["kept"] > 0
    ]
    if not (left and _number(within)):
        return ""
    first = (
        f"{left[0]} of the model's own predictions within ±{text.percent(within)} of the target "
        "range of what they are"
    )
    return "; ".join([first, *left[1:]])


def _lines(given: Any, name: str) -> list[tuple[str, list[str]]]:
    lines: Sequence[Any] = given if isinstance(given, list) else []
    shown = []
    for one in lines[:MOST_SHOWN]:
        if not isinstance(one, dict) or not all(_number(one.get(end)) for end in ENDS):
            continue
        called = one.get(name)
        label = text.number(called) if _number(called) else text.cut(called, 60)
        shown.append((label, [text.number(one[end]) for end in ENDS]))
    return shown


def _number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value) and not isinstance(value, bool)


def _count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
