"""What the parameters of a defense may be: a table for each class, and one check for all."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from numbers import Integral, Real
from typing import Any, Literal, Protocol

from ..errors import InputError


class Constraint(Protocol):
    """What the values of one or several parameters must fulfill."""

    @property
    def wanted(self) -> str:
        """The end of the sentence that refuses a value: what to give instead."""
        ...

    def allows(self, *values: Any) -> bool:
        """Whether these values are possible."""
        ...

    def shown(self, value: Any) -> str:
        """The value as the sentence shows it."""
        ...


Constraints = Mapping[str | tuple[str, ...], Constraint]
"""Constraints by the name of the parameter, or by the names of those that depend on each other."""


class _Shown:
    def shown(self, value: Any) -> str:
        return repr(value)


@dataclass(frozen=True)
class Interval(_Shown):
    """Finite numbers between two ends; no truth values, which Python takes for 0 and 1.

    `closed` says which of the two ends belong to the interval, `whole` that only whole numbers do,
    `optional` that None is possible as well; `words` replace the sentence made from these.

    >>> Interval(1, whole=True).wanted
    'give a whole number, 1 or more'
    >>> Interval(0, closed="neither", optional=True).allows(0.0)
    False
    """

    low: float
    high: float = inf
    closed: Literal["both", "left", "right", "neither"] = "left"
    whole: bool = False
    optional: bool = False
    words: str = ""

    @property
    def wanted(self) -> str:
        if self.words:
            return self.words
        low_belongs = self.closed in ("both", "left")
        kind = "a whole number" if self.whole else "a finite number"
        least = f", {self.low:g} or more" if low_belongs else f" above {self.low:g}"
        return f"give {'None or ' if self.optional else ''}{kind}{least}"

    def allows(self, *values: Any) -> bool:
        (value,) = values
        if value is None:
            return self.optional
        if isinstance(value, bool) or not isinstance(value, Integral if self.whole else Real):
            return False
        number = float(value)
        above = number >= self.low if self.closed in ("both", "left") else number > self.low
        below = number <= self.high if self.closed in ("both", "right") else number < self.high
        return above and below


@dataclass(frozen=True)
class Choice(_Shown):
    """One of a few words.

    `optional` says that None is possible as well; `said` replaces what is made from the words.

    >>> Choice(("linear", "rbf")).wanted
    'give "linear" or "rbf"'
    """

    words: tuple[str, ...]
    optional: bool = False
    said: str = ""

    @property
    def wanted(self) -> str:
        return self.said or "give " + " or ".join(f'"{word}"' for word in self.words)

    def allows(self, *values: Any) -> bool:
        if values[0] is None:
            return self.optional
        return isinstance(values[0], str) and values[0] in self.words


@dataclass(frozen=True)
class Secret:
    """Bytes or a string of at most so many bytes, which no sentence shows."""

    most: int

    @property
    def wanted(self) -> str:
        return f"give bytes or a string, {self.most} bytes or less"

    def allows(self, *values: Any) -> bool:
        secret = values[0].encode() if isinstance(values[0], str) else values[0]
        return isinstance(secret, bytes) and len(secret) <= self.most

    def shown(self, value: Any) -> str:
        return "..."


@dataclass(frozen=True)
class Ascending(_Shown):
    """Numbers, 0 or more, none less than the one before it; the last may be infinite."""

    words: str

    @property
    def wanted(self) -> str:
        return self.words

    def allows(self, *values: Any) -> bool:
        number = Interval(0, closed="both")
        if not all(number.allows(value) for value in values):
            return False
        return all(one <= other for one, other in pairwise(values))


CONTAMINATION = Interval(
    0,
    1,
    words="contamination is poison / (clean + poison) rows, a number in [0, 1), such as 0.1",
)
FALSE_POSITIVE_RATE = Interval(
    0,
    0.5,
    closed="right",
    optional=True,
    words=(
        "give None or the share of clean rows that may be rejected, more than 0 and at most 0.5, "
        "such as 0.01"
    ),
)


def check(estimator: Any, constraints: Constraints) -> None:
    """Refuses the first parameter of an estimator that its constraint does not allow.

    Raises `InputError`: which class, which parameter, what was given, what to give.
    """
    for key, constraint in constraints.items():
        names = key if isinstance(key, tuple) else (key,)
        values = [getattr(estimator, name, None) for name in names]
        if not constraint.allows(*values):
            pairs = zip(names, values, strict=True)
            given = ", ".join(f"{name}={constraint.shown(value)}" for name, value in pairs)
            raise InputError(f"{type(estimator).__name__}({given}): {constraint.wanted}.")
