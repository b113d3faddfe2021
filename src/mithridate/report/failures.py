"""Cells that failed, or have a warning, grouped by what they say."""

import dataclasses
import re
from typing import Any

from . import text
from .labels import Labels
from .series import NONE

_NUMBER = re.compile(r"(\d+(?:[.,]\d+)*(?:e[+-]?\d+)?)")
MOST_FAILURES = 40  # lines; more would bury the rest


@dataclasses.dataclass(frozen=True)
class Failure:
    """One message and the cells that gave it."""

    defense: str
    message: str
    amount: int
    where: str


def grouped(rows: list[dict[str, Any]], labels: Labels) -> tuple[list[Failure], int]:
    """Rows by defense and message, and how many groups were left out."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        pattern = _NUMBER.sub("0", _message(row))
        groups.setdefault((row["defense"], pattern), []).append(row)
    failures = [
        Failure(
            labels.defense(defense),
            text.cut(_common(members), 400),
            len(members),
            _where(members),
        )
        for (defense, _), members in groups.items()
    ]
    return failures[:MOST_FAILURES], max(0, len(failures) - MOST_FAILURES)


def _message(row: dict[str, Any]) -> str:
    return text.plain(row.get("message") or "no message")


def _common(rows: list[dict[str, Any]]) -> str:
    """Messages that differ only in numbers as one, an ellipsis for each number that differs."""
    parts = zip(*(_NUMBER.split(_message(row)) for row in rows), strict=True)
    return "".join(part[0] if len(set(part)) == 1 else "…" for part in parts)


def _where(rows: list[dict[str, Any]]) -> str:
    """The cells, a few by name."""
    seeds: dict[str, list[str]] = {}
    for row in rows:
        cell = f"{_attack(row)}, {text.ratio(row['ratio'])}"
        seeds.setdefault(cell, []).append(str(row.get("seed")))
    named = [
        f"{cell} (seed{'s' if len(ran) > 1 else ''} {text.listing(ran)})"
        for cell, ran in seeds.items()
    ]
    more = len(named) - 4
    return "; ".join(named[:4]) + (f"; and {more} more" if more > 0 else "")


def _attack(row: dict[str, Any]) -> str:
    if row["attack"] == NONE:
        return "no poison"
    alpha = row.get("alpha")
    return text.cut(row["attack"]) + ("" if alpha is None else f" alpha {alpha:.3g}")
