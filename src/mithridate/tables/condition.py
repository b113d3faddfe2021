"""Conditions on the rows of a table, as a person writes them: `region == "north" and age > 60`."""

import re
from datetime import date
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from .._text import listing, quote
from ..errors import InputError
from .encoded import Columns

EQUAL, UNEQUAL = ("==", "="), ("!=",)
ORDER = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}
WRITTEN = re.compile(r"^\s*(.+?)\s*(==|!=|<=|>=|=|<|>)\s*(.+?)\s*$", re.DOTALL)
JOINED = re.compile(r"\s+and\s+")
_TOLERANCE = 1e-9  # of the value, since scaling and its inverse round numbers
MOST_SHOWN = 12


class Condition(NamedTuple):
    """One comparison of a column with a value.

    Parameters
    ----------
    column : str
        The column of the table.
    sign : str
        One of `==`, `=`, `!=`, `<`, `<=`, `>` and `>=`.
    value : str
        A number, a category as it stands in the table, or a day, as 2024-03-31.
    """

    column: str
    sign: str
    value: str


def conditions(text: str) -> list[Condition]:
    """Read comparisons that are joined by `and`.

    Parameters
    ----------
    text : str
        Such as `region == "north" and age > 60`; quotes around a column or a value are left out.

    Returns
    -------
    list of Condition
        The comparisons, all of which a row has to meet.

    Raises
    ------
    InputError
        If a part of the text is no comparison.

    Examples
    --------
    >>> conditions('region == "north" and age > 60')[1]
    Condition(column='age', sign='>', value='60')
    """
    made = [WRITTEN.match(part) for part in JOINED.split(text.strip())]
    if not all(made):
        raise InputError(
            f"{quote(text)} is no condition on rows; write it like 'region == \"north\"' or "
            "'age > 60', several joined by 'and'."
        )
    return [Condition(_bare(m[1]), m[2], _bare(m[3])) for m in made if m]


def _bare(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'`"
    return text[1:-1] if quoted else text


def meeting(
    needed: list[Condition], columns: Columns, target: str, rows: Float[np.ndarray, "n k"]
) -> Bool[np.ndarray, " n"]:
    """Find the rows that meet all conditions.

    Parameters
    ----------
    needed : list of Condition
        The conditions.
    columns : Columns
        What the features are.
    target : str
        The target's column.
    rows : ndarray, shape (n, d + 1)
        Rows in the units of the table, missing numbers filled, the target last.

    Returns
    -------
    ndarray of bool, shape (n,)
        True where a row meets them.

    Raises
    ------
    InputError
        If there is no such column or category, or a number is needed and none was given.
    """
    mask = np.ones(len(rows), dtype=bool)
    for one in needed:
        mask &= _meets(one, columns, target, rows)
    return mask


def _meets(one: Condition, columns: Columns, target: str, rows: np.ndarray) -> np.ndarray:
    sources = np.array([*columns.source, target], dtype=object)
    places = np.flatnonzero(sources == one.column)
    if not places.size:
        # A column of a set that was one-hot in the table is a column of numbers there.
        own = np.array([*columns.column, target], dtype=object)
        places = np.flatnonzero(own == one.column)
    elif places[0] < len(columns.group) and columns.group[places[0]] >= 0:
        return _has_level(one, columns, places, rows)
    if not places.size:
        known = listing([quote(str(name)) for name in dict.fromkeys(sources)][:MOST_SHOWN])
        more = "" if _day(one.value) is None else "; one of dates is used with --dates auto"
        raise InputError(
            f"There is no column {quote(one.column)} that is used; there are {known}{more}."
        )
    values, value = rows[:, places[0]], _number(one, columns)
    if one.sign in ORDER:
        slack = _TOLERANCE * max(abs(value), 1.0) * (1 if "=" in one.sign else -1)
        return ORDER[one.sign](values, value + slack * (1 if "<" in one.sign else -1))
    same = np.isclose(values, value, rtol=_TOLERANCE, atol=_TOLERANCE)
    return same if one.sign in EQUAL else ~same


def _number(one: Condition, columns: Columns) -> float:
    """The value as a number of the column: days since 1970 for one of dates."""
    if one.column in columns.dated:
        day = _day(one.value)
        if day is None:
            raise InputError(
                f"{quote(one.column)} holds dates, and {quote(one.value)} is none; write one as "
                "2024-03-31."
            )
        return day
    try:
        return float(one.value)
    except ValueError:
        raise InputError(
            f"{quote(one.column)} holds numbers, and {quote(one.value)} is none; give a number."
        ) from None


def _day(value: str) -> float | None:
    """Days since 1970 of a date written with year, month and day; None where it is none."""
    try:
        return float((date.fromisoformat(value) - date(1970, 1, 1)).days)
    except ValueError:
        return None


def _has_level(
    one: Condition, columns: Columns, places: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    if one.sign not in EQUAL + UNEQUAL:
        raise InputError(
            f"{quote(one.column)} holds categories, which have no order; use == or !=."
        )
    names = [columns.names[j] for j in places]
    levels = [name.removeprefix(one.column).lstrip("=_") for name in names]
    every = zip(places, names, levels, strict=True)
    matching = [j for j, name, level in every if one.value in (name, level)]
    if not matching:
        raise InputError(
            f"{quote(one.column)} has no category {quote(one.value)}; it has "
            f"{listing([quote(level) for level in levels[:MOST_SHOWN]])}."
        )
    has = rows[:, matching[0]] > 0.5
    return has if one.sign in EQUAL else ~has
