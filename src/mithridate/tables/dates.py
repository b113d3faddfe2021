"""Dates as numbers: days, month and weekday."""

# pyright: reportAttributeAccessIssue=false
# (Arrow makes its compute functions at import, where a type checker cannot see them.)

import re
from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .._text import counted, quote
from ..errors import InputError
from .cells import MISSING, NEARLY, TEXT
from .reading import Decision

BECAME = "Dates became days since 1970, month and weekday"
MONTHS = ["January", "February", "March", "April", "May", "June", "July"]
MONTHS += ["August", "September", "October", "November", "December"]
WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
THREE = re.compile(r"^(\d{1,4})[-/. ](\d{1,2})[-/. ](\d{1,4})(?:[ T].*)?$")
NAMED = re.compile(
    r"^\d{1,2}[-/. ][A-Za-z]{3,9}\.?[-/. ]\d{2,4}$|^[A-Za-z]{3,9}\.? \d{1,2},? \d{4}$"
)


def as_features(table: pa.Table, order: str, shown: str) -> tuple[pa.Table, list[Decision]]:
    """Columns of dates made a number of days, a month and a weekday, in the same place."""
    columns: dict[str, pa.ChunkedArray] = {}
    said = []
    for name in table.column_names:
        days = _days(name, table[name], order, shown)
        if days is None:
            columns[name] = table[name]
            continue
        known = days.cast(pa.date32())
        columns[name] = pc.cast(days, pa.int64())
        for part, words, numbers in (
            ("month", MONTHS, pc.subtract(pc.month(known), 1)),
            ("weekday", WEEKDAYS, pc.day_of_week(known)),
        ):
            codes = numbers.cast(pa.int32()).combine_chunks()
            if isinstance(codes, pa.ChunkedArray):
                codes = pa.concat_arrays(codes.chunks)
            made = pa.DictionaryArray.from_arrays(codes, pa.array(words, pa.large_string()))
            columns[_free(f"{name} ({part})", table)] = pa.chunked_array([made])
        lost = days.null_count - table[name].null_count
        detail = f"{counted(lost, 'cell')} that are none taken as missing" if lost > 0 else ""
        said.append(Decision(BECAME, name, len(days), detail))
    return pa.table(columns), said


def _free(name: str, table: pa.Table) -> str:
    while name in table.column_names:
        name = f"{name} (2)"
    return name


def _days(name: str, column: pa.ChunkedArray, order: str, shown: str) -> pa.ChunkedArray | None:
    """Days since 1970 as 32-bit integers, or None where the column holds no dates."""
    kind = column.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return column.cast(pa.date32(), safe=False).cast(pa.int32())
    if not any(is_text(kind) for is_text in TEXT):
        return None
    coded = column.dictionary_encode().unify_dictionaries().combine_chunks()
    words = [word.strip() for word in coded.dictionary.to_pylist()]
    gaps = [word in MISSING for word in words]
    known = [word for word, gap in zip(words, gaps, strict=True) if not gap]
    if not known or sum(_is_date(word) for word in known) < NEARLY * len(known):
        return None
    rule = _order(name, known, order, shown)
    days = [None if gap else _day(word, rule) for word, gap in zip(words, gaps, strict=True)]
    table = pa.array(days, pa.int32())
    return pa.chunked_array([table.take(coded.indices)])


def _is_date(word: str) -> bool:
    return bool(THREE.match(word) or NAMED.match(word))


def _order(name: str, words: list[str], order: str, shown: str) -> str:
    """Whether day or month comes first: as asked, or as some date proves."""
    if order != "auto":
        return order
    parts = [found for word in words if (found := THREE.match(word))]
    if all(len(found[1]) == 4 for found in parts):
        return "ymd"
    later = [found for found in parts if len(found[1]) < 3]
    first = any(int(found[1]) > 12 for found in later)
    second = any(int(found[2]) > 12 for found in later)
    if first != second:
        return "dmy" if first else "mdy"
    raise InputError(
        f"Dates such as {quote(words[0])} in the column {quote(name)} of {shown} can be read with "
        "the day or the month first: say which by --dates dmy or --dates mdy."
    )


def _day(word: str, order: str) -> int | None:
    """Days since 1970."""
    from dateutil import parser

    try:
        found = parser.parse(
            word,
            dayfirst=order == "dmy",
            yearfirst=order == "ymd",
            default=datetime(1970, 1, 1),
        )
    except (ValueError, OverflowError, TypeError):
        return None
    parts = THREE.match(word)
    if parts and order == "dmy" and int(parts[2]) > 12 and len(parts[1]) < 3:
        return None
    if parts and order == "mdy" and int(parts[1]) > 12 and len(parts[1]) < 3:
        return None
    return int(np.int64((found.date() - date(1970, 1, 1)).days))
