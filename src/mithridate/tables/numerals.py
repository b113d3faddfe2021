"""Text columns made numbers: what was taken off, and what is no number and counts as missing."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from .._text import counted, listing, quote
from .cells import DATE, NEARLY, TEXT, TRUTH, Levels, _levels, as_category
from .reading import CellDecision, Marks
from .shapes import BLANKS, DASHES, DAY, ERRORS, FORMULA, MINUS, MONEY, bare
from .times import Times, times_in

AMONG_WORDS = 0.5  # the share of numbers from which on a column may hold a few words beside them
FEW_WORDS = 5  # different words that may then stand beside them
DISTINCT = 20  # different numbers that must then stand there
EMPTY = frozenset((*ERRORS, *DASHES))
CODE = re.compile(r"^0\d+$")
DIGITS = re.compile(r"^\d+$")
WHOLE_DATE = re.compile(DATE)
UNIT = r"[A-Za-zµμ°%‰²³][\w/²³·^%°.\-]*"
LIMIT = re.compile(r"^(?:([<>≤≥]=?)\s*(.+)|(.+?)\s*(\+))$")
KEPT_CODES = "Kept as text, since they are codes with leading zeros or too many digits"
KEPT_UNITS = "Taken as text, though its numbers have units, which differ"
LONGEST = 18  # digits of a number; what has more is a code
SCALED = "Read as numbers times the thousands, millions or billions behind them"
TAKEN = {
    "limit": "Limits were read as the number that they name",
    "scale": SCALED,
}
CURRENCIES = {"USD": "$", "US$": "$", "EUR": "€", "GBP": "£", "INR": "₹"}
# What multiplies the number before it, where a column has several of them.
SCALES = {"k": 1e3, "K": 1e3, "Tsd": 1e3, "Tsd.": 1e3, "M": 1e6, "mn": 1e6, "mln": 1e6, "Mio": 1e6}
SCALES |= {"Mio.": 1e6, "B": 1e9, "G": 1e9, "bn": 1e9, "Mrd": 1e9, "Mrd.": 1e9}
SIGNS = {
    "about": "words such as 'circa'",
    "footnote": "marks of footnotes",
    "formula": "the formulas around them",
    "money": "signs of money",
    "percent": "percent signs",
    "minus": "typographic minus signs",
    "after": "signs at their end",
    "brackets": "brackets of negative numbers",
    "thousands": "marks between thousands",
}


@dataclass(frozen=True)
class Number:
    """A number that a cell spells, and what was taken off to read it."""

    value: float
    off: tuple[str, ...] = ()
    unit: str = ""


@dataclass(frozen=True, eq=False)
class ReadColumn:
    """A column as it is used, and what was done to its cells."""

    values: pa.ChunkedArray
    decisions: tuple[CellDecision, ...] = ()


def parser(marks: Marks) -> Callable[[str], Number | None]:
    """A function that reads one cell by the marks of its file; None for what is no number.

    >>> parser(Marks(",", "."))("1.234,5"), parser(Marks())("$1,234.50")
    (Number(value=1234.5, off=('thousands',), unit=''), None)
    """
    core = _core(marks)

    def read(word: str) -> Number | None:
        text, off = word, []
        if DAY.match(word):
            return None
        limit = LIMIT.match(text)
        if limit:
            text = limit[2] or limit[3]
            off.append("limit")
        text, marked = bare(text)
        off += marked
        negative = text[:1] == "(" and text[-1:] == ")"
        if negative:
            text = text[1:-1].strip()
            off.append("brackets")
        match = core.match(text)
        if match is None:
            return None
        signs = [match[part] for part in ("sign", "inner", "after") if match[part]]
        if len(signs) + negative > 1:
            return None
        sign = "".join(signs)
        if match["after"]:
            off.append("after")
        elif sign and sign in MINUS:
            off.append("minus")
        paid = match["money"] or match["paid"] or ""
        if paid:
            off.append("money")
        unit = match["unit"] or CURRENCIES.get(paid, paid)
        if unit in ("%", "‰"):
            off.append("percent")
        digits = match["digits"]
        plain = _plain(digits, marks)
        if len(plain) < len(digits):
            off.append("thousands")
        value = float(plain)
        negative = negative or (sign != "" and sign in ("-", *MINUS))
        return Number(-value if negative else value, tuple(off), unit)

    return read


def _core(marks: Marks) -> re.Pattern[str]:
    point = re.escape(marks.decimal)
    between = "" if marks.thousands == "" else marks.thousands
    spaced = rf"['’{BLANKS}]" if between not in ("'", " ") else rf"[{between}{BLANKS}]"
    mark = re.escape(between)
    # Thousands, and as in India thousands and then hundreds of those.
    groups = rf"\d{{1,3}}(?:{mark}\d{{3}})+|\d{{1,2}}(?:{mark}\d{{2}})+{mark}\d{{3}}"
    groups = groups if between in (".", ",") else r"(?!)"
    by_space = r"(?!)" if marks.thousands == "" else rf"\d{{1,3}}(?:{spaced}\d{{3}})+"
    return re.compile(
        rf"^(?P<sign>[+\-{MINUS}])?\s*(?P<money>{MONEY})?\s*(?P<inner>[+\-{MINUS}])?"
        rf"(?P<digits>(?:{groups}|{by_space}|\d+)(?:{point}\d*)?(?:[eE][+-]?\d+)?"
        rf"|{point}\d+(?:[eE][+-]?\d+)?)"
        rf"(?P<after>[\-{MINUS}])?\s*(?:(?P<paid>{MONEY})|(?P<unit>{UNIT}))?$"
    )


def _plain(digits: str, marks: Marks) -> str:
    for mark in f"'’{BLANKS}{marks.thousands}":
        if mark != marks.decimal:
            digits = digits.replace(mark, "")
    return digits.replace(marks.decimal, ".")


def are_numbers(words: Mapping[str, int], marks: Marks) -> bool:
    """Whether words with their counts are numbers, a few words beside them aside."""
    return not _is_other([*words]) and _parsed([*words], [*words.values()], marks) is not None


def numbers_in(name: str, column: pa.ChunkedArray, marks: Marks, code: bool = False) -> ReadColumn:
    """A column of text as numbers where it holds such; else as it was."""
    if not any(is_text(column.type) for is_text in TEXT):
        return ReadColumn(column)
    levels = _levels(column)
    words = levels.words.to_pylist()
    if words and (code or _are_codes(words)):
        decision = CellDecision(KEPT_CODES, name)
        return ReadColumn(as_category(column), (decision,))
    if (times := times_beside(words, levels.counts.tolist())) is not None:
        return _without_odd(name, column, levels, times)
    parsed = None if _is_other(words) else _parsed(words, levels.counts.tolist(), marks)
    if parsed is None:
        return ReadColumn(column, units_of(name, words, marks))
    table = np.array([np.nan if one is None else one.value for one in parsed] + [np.nan])
    made = pa.chunked_array([pa.array(table[levels.codes], from_pandas=True)])
    return ReadColumn(
        _narrowest(made, parsed), tuple(_decisions(name, words, parsed, levels.counts))
    )


def times_beside(words: Sequence[str], counts: Sequence[int]) -> Times | None:
    """Times that nearly all cells are, gaps aside; none that are written in several ways."""
    times = times_in(words)
    if times is None or times.is_other:
        return None
    known = [n for word, n in zip(words, counts, strict=True) if word not in EMPTY]
    hits = [n for hour, n in zip(times.hours, counts, strict=True) if hour is not None]
    return times if sum(hits) >= NEARLY * sum(known) else None


def odd_times(
    name: str, words: Sequence[str], counts: Sequence[int], times: Times
) -> tuple[CellDecision, ...]:
    """A word on the cells of a column of times that are none."""
    odd = [(n, w) for n, w, h in zip(counts, words, times.hours, strict=True) if h is None]
    if not odd:
        return ()
    total = sum(n for n, _ in odd)
    shown = listing([quote(w, 30) for _, w in sorted(odd, reverse=True)][:5])
    kind = "Cells that are no times were taken as missing"
    return (CellDecision(kind, name, total, f"{counted(total, 'cell')}: {shown}"),)


def _without_odd(name: str, column: pa.ChunkedArray, levels: Levels, times: Times) -> ReadColumn:
    """A column of times as it is spelled, without the cells that are none."""
    words = levels.words.to_pylist()
    decisions = odd_times(name, words, levels.counts.tolist(), times)
    if not decisions:
        return ReadColumn(column)
    kept = [None if h is None else w for w, h in zip(words, times.hours, strict=True)]
    made = pa.array([*kept, None], pa.large_string()).take(pa.array(levels.codes % (len(kept) + 1)))
    return ReadColumn(pa.chunked_array([made]), decisions)


def units_of(name: str, words: Sequence[str], marks: Marks) -> tuple[CellDecision, ...]:
    """A word on text that is nothing but numbers with different units."""
    if not words or len(words) > DISTINCT**2 or _is_other(words):
        return ()
    read = parser(marks)
    numbers = [read(word) for word in words]
    units = sorted({one.unit for one in numbers if one is not None})
    if None in numbers or len(units) < 2:
        return ()
    shown = [quote(unit, 30) if unit else "none" for unit in units]
    return (CellDecision(KEPT_UNITS, name, 0, listing(shown)),)


def spelled_how(
    name: str, words: Sequence[str], counts: Sequence[int], marks: Marks
) -> list[CellDecision]:
    """What was done to a column of these words, each so often, to read it as numbers."""
    parsed = None if _is_other(words) else _parsed(words, counts, marks)
    return [] if parsed is None else _decisions(name, words, parsed, np.array(counts))


def _parsed(words: Sequence[str], times: Sequence[int], marks: Marks) -> list[Number | None] | None:
    """The number of each word, of the one unit that nearly all have; None where they are text."""
    read, counts = parser(marks), np.array(times)
    parsed = [read(word) for word in words]
    if not words or not _enough(parsed, words, counts):
        return None
    parsed = _one_unit(parsed, counts)
    return parsed if _enough(parsed, words, counts) else None


def _narrowest(made: pa.ChunkedArray, parsed: Sequence[Number | None]) -> pa.ChunkedArray:
    """Whole numbers as such, where no cell has decimals."""
    known = [one.value for one in parsed if one is not None]
    if all(value.is_integer() and abs(value) < 2**53 for value in known):
        return made.cast(pa.int64())
    return made


def _are_codes(words: Sequence[str]) -> bool:
    words = [FORMULA.sub(r"\1", word) for word in words]
    return all(map(DIGITS.match, words)) and any(map(is_code, words))


def is_code(word: str) -> bool:
    """Whether digits are no number: they begin with a zero, or are too many."""
    return bool(CODE.match(word)) or len(word) > LONGEST


def _is_other(words: Sequence[str]) -> bool:
    """Whether words are truth values or dates, which need no conversion."""
    few = len(words) <= 6 and {word.lower() for word in words} <= TRUTH.keys()
    return few or all(map(WHOLE_DATE.match, words))


def _enough(parsed: Sequence[Number | None], words: Sequence[str], counts: np.ndarray) -> bool:
    """Whether a column holds numbers: nearly all of its cells, or many beside a few words."""
    is_number = np.array([one is not None for one in parsed])
    is_gap = np.array([word in EMPTY for word in words])
    known = counts[~is_gap].sum()
    hits = counts[is_number].sum()
    if not hits:
        return False
    if hits >= NEARLY * known:
        return True
    odd = (~is_number & ~is_gap).sum()
    return bool(hits >= AMONG_WORDS * known and odd <= FEW_WORDS and is_number.sum() >= DISTINCT)


def _one_unit(parsed: list[Number | None], counts: np.ndarray) -> list[Number | None]:
    """Numbers of the one unit that nearly all have; where units differ, none are numbers."""
    units: Counter[str] = Counter()
    for one, count in zip(parsed, counts.tolist(), strict=True):
        if one is not None:
            units[one.unit] += count
    (unit, most), total = units.most_common(1)[0], units.total()
    if len(units) == 1:
        return parsed
    other = max(units)
    if set(units) == {"", other} and other not in ("%", "‰", *SCALES):
        return parsed
    if set(units) <= {"", *SCALES} and len({SCALES[unit] for unit in units if unit}) > 1:
        return [one if one is None else _scaled(one) for one in parsed]
    if most >= NEARLY * total:
        return [one if one is None or one.unit == unit else None for one in parsed]
    return [None] * len(parsed)


def _scaled(one: Number) -> Number:
    """`1.5M` as 1,500,000."""
    factor = SCALES.get(one.unit, 1)
    return Number(one.value * factor, (*one.off, *["scale"] * bool(one.unit)))


def _decisions(
    name: str, words: Sequence[str], parsed: Sequence[Number | None], counts: np.ndarray
) -> list[CellDecision]:
    """What was taken off which cells, and which cells are no numbers."""
    decisions = []
    odd = [(int(n), w) for n, w, one in zip(counts, words, parsed, strict=True) if one is None]
    if odd:
        total = sum(n for n, _ in odd)
        shown = listing([quote(w, 30) for _, w in sorted(odd, reverse=True)][:5])
        kind = "Cells that are no numbers were taken as missing"
        decisions.append(CellDecision(kind, name, total, f"{counted(total, 'cell')}: {shown}"))
    takings: dict[str, list[int]] = {}
    units: dict[str, int] = {}
    for i, one in enumerate(parsed):
        for off in one.off if one else ():
            takings.setdefault(off, []).append(i)
        if one and one.unit and "money" not in one.off and one.unit not in "%‰":
            units[one.unit] = units.get(one.unit, 0) + int(counts[i])
    for off, rows in takings.items():
        total = int(counts[rows].sum())
        example = quote(words[rows[0]], 30)
        kind = TAKEN.get(off) or f"Read as numbers without {SIGNS[off]}"
        decisions.append(
            CellDecision(kind, name, total, f"{counted(total, 'cell')} such as {example}")
        )
    for unit, total in units.items():
        detail = f"{counted(total, 'cell')} in {quote(unit, 30)}"
        decisions.append(CellDecision("Read as numbers without their unit", name, total, detail))
    return decisions
