"""What the doors to an audit and to an attack are both given, as a spec writes it."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ..tables.reading import ANY, Reading


def table(
    source: str, target: str | None, drop: Sequence[str], categorical: Sequence[str], read: Reading
) -> dict[str, Any]:
    """The table, what is predicted of it, and how its file is read if that was said."""
    made = {"source": source, "target": None if target is None else str(target)}
    made |= {"drop": several(drop), "categorical": several(categorical)}
    return made if read == ANY else made | {"reading": asdict(read)}


def attack(
    use: str, alphas: Sequence[float] | float, risk: str, normalizer: str, feasible: str
) -> dict[str, Any]:
    """An attack for each alpha; one that takes no `feasible` need not be told the usual."""
    made = {"use": use, "alphas": several(alphas), "risk": risk, "normalizer": normalizer}
    return made if feasible == "through" else made | {"feasible": feasible}


def model(use: str, l2: float | None) -> dict[str, Any]:
    """The model that is attacked."""
    return {"use": use} if l2 is None else {"use": use, "l2": l2}


def several(given: Any) -> list[Any]:
    """A list, of one thing too."""
    return [given] if isinstance(given, str | int | float) else list(given)
