"""Dates as numbers: days, month and weekday."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

import numpy as np
import pyarrow as pa

from .._text import counted, quote
from ..errors import InputError
from . import onehot
from .cells import NEARLY, Levels
from .digest import Digest
from .encoder import Column
from .notes import Notes

BECAME = "Dates became days since 1970, month and weekday"
MONTHS = ["January", "February", "March", "April", "May", "June", "July"]
MONTHS += ["August", "September", "October", "November", "December"]
WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
THREE = re.compile(r"^(\d{1,4})[-/. ](\d{1,2})[-/. ](\d{1,4})(?:[ T].*)?$")
NAMED = re.compile(
    r"^\d{1,2}[-/. ][A-Za-z]{3,9}\.?[-/. ]\d{2,4}$|^[A-Za-z]{3,9}\.? \d{1,2},? \d{4}$"
)

Days = dict[str, int]


def days_in(name: str, words: Sequence[str], order: str, shown: str) -> Days | None:
    """Read words as dates, where most of them are.

    Parameters
    ----------
    name : str
        The column.
    words : sequence of str
        Its words.
    order : str
        The order of day and month that a person said, or `auto`.
    shown : str
        What an error calls the table.

    Returns
    -------
    dict of str to int, or None
        Days since 1970 of the words that are dates; None where they are mostly none.

    Examples
    --------
    >>> days_in("d", ["1970-01-03", "soon", *["1970-02-01"] * 9], "auto", "t")
    {'1970-01-03': 2, '1970-02-01': 31}
    """
    if not words or sum(map(_is_date, words)) < NEARLY * len(words):
        return None
    rule = _order(name, [word for word in words if _is_date(word)], order, shown)
    days = {word: _day(word, rule) for word in words}
    return {word: day for word, day in days.items() if day is not None}


def as_columns(name: str, digest: Digest, days: Days, log: Notes) -> tuple[Column, ...]:
    """Make of dates a number of days, a month and a weekday, as far as they vary.

    Parameters
    ----------
    name : str
        The column.
    digest : Digest
        What was counted in it.
    days : Days
        Days since 1970 of its words.
    log : Notes
        Where the notes on them go.

    Returns
    -------
    tuple of Column
        The columns.
    """
    counts: Mapping[str, int] = digest["words"]
    lost = sum(count for word, count in counts.items() if word not in days)
    log.add(BECAME, name, f"{counted(lost, 'cell')} that are none taken as missing" if lost else "")
    made = [_trend(name, counts, days, digest["n"], log)]
    for part, words in (("month", MONTHS), ("weekday", WEEKDAYS)):
        of = {word: words[_part(day, part)] for word, day in days.items()}
        made.append(_levels(name, f"{name} ({part})", counts, of, digest["n"], log))
    return tuple(column for column in made if column is not None)


def _trend(name: str, counts: Mapping[str, int], days: Days, n: int, log: Notes) -> Column | None:
    known = sorted((day, counts[word]) for word, day in days.items())
    low, high = known[0][0], known[-1][0]
    if low == high:
        log.add("Left out as constant", name)
        return None
    missing = n - sum(count for _, count in known)
    fill = np.nan
    if missing:
        every = np.repeat([day for day, _ in known], [count for _, count in known])
        log.add("Missing dates, imputed by the median", name, counted(missing, "row"))
        fill = float(np.median(every))
    numbers = {word: float(day) for word, day in days.items()}
    return Column(name, float(low), float(high), fill, known=numbers, dated=True)


def _levels(
    name: str, title: str, counts: Mapping[str, int], of: Mapping[str, str], n: int, log: Notes
) -> Column | None:
    """One of twelve months or seven days as levels."""
    there = list(dict.fromkeys(of.values()))
    total = [sum(counts[word] for word, level in of.items() if level == one) for one in there]
    levels = Levels(np.arange(len(there)), pa.array(there, pa.large_string()), np.array(total))
    hot = onehot.one_hot(levels, n)
    if isinstance(hot, str):
        log.add(f"Left out as {hot}", title)
        return None
    onehot.note(title, hot, log)
    *places, missing = hot.place.tolist()
    place = dict(zip(there, places, strict=True))
    known = {word: place[level] for word, level in of.items()}
    column = Column(name, known=known, missing=missing, names=hot.names, dated=True, title=title)
    return replace(column, other=missing)


def _part(day: int, part: str) -> int:
    """The number of the month or weekday, from 0."""
    calendar = date.fromordinal(date(1970, 1, 1).toordinal() + day)
    return calendar.month - 1 if part == "month" else calendar.weekday()


def _is_date(word: str) -> bool:
    return bool(THREE.match(word) or NAMED.match(word))


def _order(name: str, words: list[str], order: str, shown: str) -> str:
    """Whether day or month comes first: as asked, or as some date proves."""
    if order != "auto":
        return order
    matches = [match for word in words if (match := THREE.match(word))]
    if all(len(match[1]) == 4 for match in matches):
        return "ymd"
    later = [match for match in matches if len(match[1]) < 3]
    first = any(int(match[1]) > 12 for match in later)
    second = any(int(match[2]) > 12 for match in later)
    if first != second:
        return "dmy" if first else "mdy"
    raise InputError(
        f"Dates such as {quote(words[0])} in the column {quote(name)} of the {shown} can be read "
        "with the day or the month first: say which by --dates dmy or --dates mdy."
    )


def _day(word: str, order: str) -> int | None:
    """Days since 1970; None where it is no date in this order."""
    from dateutil import parser

    parts = THREE.match(word)
    if parts and len(parts[1]) == 4:
        order = "ymd"
    elif parts and len(parts[1]) < 3:
        month = {"dmy": 2, "mdy": 1}.get(order)
        if month and int(parts[month]) > 12:
            return None
    try:
        parsed = parser.parse(
            word, dayfirst=order == "dmy", yearfirst=order == "ymd", default=datetime(1970, 1, 1)
        )
    except (ValueError, OverflowError, TypeError):
        return None
    return int((parsed.date() - date(1970, 1, 1)).days)
