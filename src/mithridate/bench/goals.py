"""Which predictions an attacker wants to change, and which way; which rows it can send."""

import dataclasses
import re
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from .._text import counted, quote
from ..errors import InputError
from ..tables.condition import Condition, conditions, meeting
from ..tables.encoded import Part, Split

_MIN_ROWS = 10  # rows by which a goal, or a source, can be judged
_PUSH_PATTERN = re.compile(r"^\s*(up|down)\b\s*(?:(?:where|for)\b\s*)?(.*)$", re.DOTALL)


class Goal(NamedTuple):
    """What an attack is after.

    Parameters
    ----------
    push : str
        `up` or `down`, the way that predictions are to go; empty: they are to be wrong.
    rows : list of Condition
        Which rows' predictions; empty: those of all rows.
    """

    push: str
    rows: list[Condition]

    @classmethod
    def of(cls, text: str) -> "Goal":
        """Read a goal: `up`, `down`, a condition on rows, or `up where` and a condition.

        Examples
        --------
        >>> Goal.of('up where region == "north"')
        Goal(push='up', rows=[Condition(column='region', sign='==', value='north')])
        >>> Goal.of("down").rows
        []
        """
        match = _PUSH_PATTERN.match(text)
        push, rest = "", text
        if match and not match[2].startswith(_SIGNS):
            push, rest = match[1], match[2]
        return cls(push, conditions(rest) if rest.strip() else [])


_SIGNS = ("=", "!", "<", ">")  # then `up` is a column


def pursued(split: Split, target: str, goal: str) -> Split:
    """Keep the validation and test rows that the goal is about.

    The test rows that it is not about are in `others`. An InputError says where too few are left.

    Parameters
    ----------
    split : Split
        The split of a table.
    target : str
        The column that is predicted.
    goal : str
        What the attack is for, as a spec says it.

    Returns
    -------
    Split
        The split; the test rows that it is not about are in `others`.

    Raises
    ------
    InputError
        If too few rows are left.
    """
    asked = Goal.of(goal).rows
    if not asked:
        return split
    own, rest = {}, None
    for name in ("validation", "test"):
        part = getattr(split, name)
        meets = those(split, target, part, asked)
        if meets.sum() < _MIN_ROWS or np.ptp(part.y[meets]) == 0:
            raise InputError(
                f"Of the {len(part.y)} {name} rows {counted(int(meets.sum()), 'row')} meet "
                f"{quote(goal)}; a goal needs at least {_MIN_ROWS} with different targets. Widen "
                "the condition, or give a longer table."
            )
        own[name], rest = part.take(meets), part.take(~meets)
    return dataclasses.replace(split, **own, others=rest)


def spared(split: Split, target: str, goal: str) -> Part | None:
    """The validation rows that the goal is not about; None where they are too few to be judged."""
    asked, part = Goal.of(goal).rows, split.validation
    if not asked:
        return None
    rest = ~those(split, target, part, asked)
    return part.take(rest) if rest.sum() >= _MIN_ROWS else None


def scored(split: Split, target: str, goal: str) -> Split:
    """The split whose test rows alone are those of the goal: defenses may trust any others."""
    return dataclasses.replace(pursued(split, target, goal), validation=split.validation)


def aimed_at(split: Split, part: Part, goal: str) -> Part:
    """The rows that an attack aims by: pushed one way, each as far as can be from the other end.

    The farther a prediction is from that end the larger the squared error, so that an attack that
    makes errors large pushes predictions that way.
    """
    push = Goal.of(goal).push
    if not push:
        return part
    # Beyond this point the push would change direction, so it lies a whole range outside.
    low, high = float(split.lower[-1]), float(split.upper[-1])
    end = low - (high - low) if push == "up" else high + (high - low)
    return dataclasses.replace(part, y=np.full(len(part.y), end))


def held_against(split: Split, target: str, goal: str) -> Float[np.ndarray, " n"]:
    """The targets that predictions of training rows are pushed away from; NaN: of no concern."""
    asked, train = Goal.of(goal).rows, split.train
    meets = those(split, target, train, asked) if asked else np.ones(len(train.y), bool)
    return np.where(meets, aimed_at(split, train, goal).y, np.nan)


def owned(split: Split, target: str, part: Part, sources: list[str]) -> Bool[np.ndarray, " n"]:
    """Which rows come from the attacker's sources; an InputError where there are too few."""
    owned_rows = np.zeros(len(part.y), bool)
    for one in sources:
        owned_rows |= those(split, target, part, conditions(one))
    if owned_rows.sum() < _MIN_ROWS:
        shown = " or ".join(quote(one) for one in sources)
        rows = counted(int(owned_rows.sum()), "row")
        raise InputError(
            f"Of the {len(part.y)} rows that the attacker knows {rows} "
            f"meet {shown}; a source needs at least {_MIN_ROWS}. "
            f"{_advice(split, target, sources)}"
        )
    return owned_rows


def _advice(split: Split, target: str, sources: list[str]) -> str:
    """What to do about a source that has too few rows among those to train on."""
    asked = [conditions(one) for one in sources]
    meets = [those(split, target, split.test, one) for one in asked]
    later = int(np.any(meets, axis=0).sum())
    if later < _MIN_ROWS:
        return "Name a larger one, or train on more rows."
    return (
        f"Of the {len(split.test.y)} test rows {later} do: where a table is split by time, a "
        "source must have sent rows before those. Name one that did, or train on more rows."
    )


def those(split: Split, target: str, part: Part, asked: list[Condition]) -> Bool[np.ndarray, " n"]:
    """Which rows of a part of a split meet the conditions."""
    rows = np.column_stack([part.X, part.y]) * split.scale + split.shift
    return meeting(asked, split.columns, target, rows)
