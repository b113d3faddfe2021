"""Small tables of results, and the headlines they call for."""

from typing import Any

from mithridate.report import headlines
from mithridate.schema import Row, to_table

from .studies import CLASSES


def row(defense: str = "none", ratio: float = 0.1, seed: int = 0, **more: Any) -> Row:
    """A row that doubles the error by an attack that looks clean, unless told otherwise."""
    keys = {"dataset": "t", "victim": "ridge", "attack": "ascent", "alpha": 0.3}
    figures = {"nmse_clean": 0.2, "nmse_poisoned": 0.4, "risk": 1.2, "gain_oracle": 0.5}
    given = {"defense": defense, "ratio": ratio, "seed": seed, **more}
    return Row(**{**keys, **figures, **given})


def tell(*rows: Row, **facts: Any) -> list[str]:
    return headlines(to_table(rows, Row, {"classes": CLASSES, **facts}))


def line(lines: list[str], part: str) -> str:
    """The one line that contains `part`."""
    found = [text for text in lines if part in text]
    assert len(found) == 1, (part, lines)
    return found[0]
