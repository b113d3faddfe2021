"""Attacks as they are drawn and named: a series is an attack at one alpha."""

from collections.abc import Iterable
from typing import NamedTuple

from . import text

NONE, ORACLE = "none", "oracle"  # defenses that every other is compared with


class Series(NamedTuple):
    """An attack at one alpha; not every attack has one.

    `attack` is its key in the results, `label` what it is called (empty where alpha says enough;
    None: its key); a `control` optimizes nothing and is there to compare with.
    """

    attack: str
    alpha: float | None
    label: str | None = None
    control: bool = False

    @property
    def words(self) -> str:
        """How a sentence speaks of it.

        >>> Series("ascent", 0.3, "").words, Series("flip", None, "flip").words
        ('alpha 0.3', 'flip')
        """
        name = text.cut(self.attack if self.label is None else self.label)
        if self.alpha is None:
            return name or text.cut(self.attack)
        return f"{name} alpha {self.alpha:.3g}".lstrip()


def in_order(series: Iterable[Series]) -> list[Series]:
    """Series by falling alpha, then those without one, then the controls."""
    return sorted(series, key=lambda s: (s.control, s.alpha is None, -(s.alpha or 0.0)))
