"""Attacks as they are drawn and told: a series is an attack at one alpha."""

from collections.abc import Iterable
from typing import NamedTuple

from . import text

NONE, ORACLE = "none", "oracle"  # defenses that every other is compared with
CONTROLS = ("flip", "random")  # attacks that optimize nothing, to compare with


class Series(NamedTuple):
    """An attack at one alpha; not every attack has one."""

    attack: str
    alpha: float | None

    @property
    def control(self) -> bool:
        return self.attack.lower() in CONTROLS

    @property
    def words(self) -> str:
        attack = text.cut(self.attack)
        if self.alpha is None:
            return attack
        return f"{'' if attack == 'ascent' else attack + ' '}alpha {self.alpha:.3g}"


def in_order(series: Iterable[Series]) -> list[Series]:
    """Series by falling alpha, then those without one, then the controls."""
    return sorted(series, key=lambda s: (s.control, s.alpha is None, -(s.alpha or 0.0)))
