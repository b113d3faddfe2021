"""Times of the day and durations as hours."""

import itertools
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

FIRST = 20  # words that are looked at before the others
SECONDS = 3600  # of an hour: times of whole seconds are multiples of 1/3600
HOURS = "times, in hours"
PARTS = "times such as 1:30 as 1.5: hours, or minutes where minutes and seconds are meant"
UNITS = {
    "w": 168.0,
    "d": 24.0,
    "h": 1.0,
    "m": 1 / 60,
    "s": 1 / 3600,
    "ms": 1 / 3_600_000,
}
NAMES = {
    "w": "weeks?|wks?|w|Wochen?",
    "d": "days?|d|Tage?n?|jours?|j",
    "h": "hours?|hrs?|h|Stunden?|Std\\.?|heures?",
    "ms": "milliseconds?|ms",
    "m": "minutes?|mins?|min\\.|m|Minuten?|Min\\.?",
    "s": "seconds?|secs?|s|Sekunden?|Sek\\.?",
}
ONE = "|".join(rf"(?P<{unit}>{names})" for unit, names in NAMES.items())
PIECE = re.compile(rf"\s*(?P<n>\d+(?:[.,]\d+)?)\s*(?:{ONE})(?![^\W\d])[\s,]*", re.IGNORECASE)
DAYTIME = re.compile(
    r"^(?P<h>\d{1,2})(?:[:.](?P<m>[0-5]\d)(?::(?P<s>[0-5]\d))?)?\s?"
    r"(?:(?P<half>[ap])\.?m\.?|Uhr)$",
    re.IGNORECASE,
)
THREE = re.compile(
    r"^(?:(?P<days>-?\d+) days?,? \+?)?"
    r"(?P<sign>-)?(?P<a>\d+):(?P<b>[0-5]\d):(?P<c>[0-5]\d(?:[.,]\d+)?)$"
)
TWO = re.compile(r"^(?P<sign>-)?(?P<a>\d+):(?P<b>[0-5]\d(?:[.,]\d+)?)$")
ISO = re.compile(
    r"^(?P<sign>-)?P(?=.)(?:(?P<w>\d+)W)?(?:(?P<d>\d+(?:[.,]\d+)?)D)?"
    r"(?:T(?=.)(?:(?P<h>\d+(?:[.,]\d+)?)H)?(?:(?P<m>\d+(?:[.,]\d+)?)M)?(?:(?P<s>\d+(?:[.,]\d+)?)S)?)?$"
)
HOUR_MINUTE = re.compile(r"^(?P<h>\d{1,2})h(?P<m>[0-5]\d)$")


class Times(NamedTuple):
    """Hours of cells that are times or durations of one form.

    Parameters
    ----------
    hours : list of float or None
        Hours; None for what is no time of that form.
    remark : str
        The name of the form.
    is_other : bool
        Whether a cell without hours is a time of another form.
    """

    hours: list[float | None]
    remark: str
    is_other: bool


def times_in(words: Sequence[str]) -> Times | None:
    """Read words as times of one form, where most of them are.

    Parameters
    ----------
    words : sequence of str
        The words.

    Returns
    -------
    Times or None
        The times; None where the words are mostly none.

    Examples
    --------
    >>> times_in(["1:30:00", "0:15:00", "soon"]).hours
    [1.5, 0.25, None]
    >>> times_in(["2h 15m", "90 min"]).hours, times_in(["12 kg"])
    ([2.25, 1.5], None)
    """
    if not any(map(is_time, words[:FIRST])):
        return None  # most columns are done with at their first words
    hours = {name: [read(word) for word in words] for name, (read, _) in FORMS.items()}
    hits = {name: sum(v is not None for v in values) for name, values in hours.items()}
    best = max(hits, key=lambda name: hits[name])
    if not hits[best] or (best == "units" and not _several_units(words)):
        return None
    rest = [i for i, v in enumerate(hours[best]) if v is None]
    others = any(values[i] is not None for values in hours.values() for i in rest)
    return Times(hours[best], FORMS[best][1], others)


def is_time(word: str) -> bool:
    """Say whether a word is a time or a duration, of whatever form.

    Parameters
    ----------
    word : str
        The word.

    Returns
    -------
    bool
        Whether it is.
    """
    return any(read(word) is not None for read, _ in FORMS.values())


def _number(text: str | None) -> float:
    return float((text or "0").replace(",", "."))


def _three(word: str) -> float | None:
    match = THREE.match(word)
    if match is None:
        return None
    hours = int(match["a"]) + int(match["b"]) / 60 + _number(match["c"]) / 3600
    return 24 * int(match["days"] or 0) + (-hours if match["sign"] else hours)


def _two(word: str) -> float | None:
    match = TWO.match(word)
    if match is None:
        return None
    value = int(match["a"]) + _number(match["b"]) / 60
    return -value if match["sign"] else value


def _daytime(word: str) -> float | None:
    match = DAYTIME.match(word)
    if match is None:
        return None
    hour, half = int(match["h"]), (match["half"] or "").lower()
    if hour > (12 if half else 24):
        return None
    hour = hour % 12 + 12 * (half == "p") if half else hour
    return hour + int(match["m"] or 0) / 60 + int(match["s"] or 0) / 3600


def _iso(word: str) -> float | None:
    match = ISO.match(word)
    if match is None:
        return None
    hours = sum(_number(match[unit]) * UNITS[unit] for unit in "wdhms")
    return -hours if match["sign"] else hours


def _units(word: str) -> float | None:
    """`2h 15m`, `90 min`, `1 day 4 hours`, `14h30`: each unit once, the larger ones first."""
    pieces = _pieces(word)
    if not pieces:
        short = HOUR_MINUTE.match(word)
        return int(short["h"]) + int(short["m"]) / 60 if short else None
    return sum(n * UNITS[unit] for unit, n in pieces)


def _pieces(word: str) -> list[tuple[str, float]]:
    text, sign = word.strip(), 1.0
    if text[:1] == "-":
        text, sign = text[1:], -1.0
    at, parts = 0, []
    while at < len(text):
        piece = PIECE.match(text, at)
        if piece is None:
            return []
        unit = next(u for u in NAMES if piece[u])
        parts.append((unit, sign * _number(piece["n"])))
        at = piece.end()
    sizes = [UNITS[unit] for unit, _ in parts]
    falling = all(a > b for a, b in itertools.pairwise(sizes))
    return parts if falling else []


def _several_units(words: Sequence[str]) -> bool:
    """Whether words have several units of time: numbers of a single one are in that."""
    seen: Counter[str] = Counter()
    for word in words:
        seen.update(unit for unit, _ in _pieces(word))
        seen["h"] += bool(HOUR_MINUTE.match(word))
        if sum(bool(n) for n in seen.values()) > 1:
            return True
    return any(map(HOUR_MINUTE.match, words))


Read = Callable[[str], float | None]
FORMS: dict[str, tuple[Read, str]] = {
    "three": (_three, HOURS),
    "two": (_two, PARTS),
    "daytime": (_daytime, HOURS),
    "iso": (_iso, HOURS),
    "units": (_units, HOURS),
}
