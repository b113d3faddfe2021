"""The decimal mark and the mark between thousands, decided once for all columns of a file."""

# pyright: reportAttributeAccessIssue=false
# (Arrow makes its compute functions at import, where a type checker cannot see them.)

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from .._text import quote
from ..errors import InputError
from .reading import Marks, Reading
from .shapes import DAY, GAPS, NUMERAL, bare

MOSTLY = 0.8
OTHER = {".": ",", ",": "."}
GROUPS = r"^(?:\d{{1,3}}(?:{m}\d{{3}})+|\d{{1,2}}(?:{m}\d{{2}})+{m}\d{{3}})$"
GROUPED = {mark: re.compile(GROUPS.format(m=re.escape(mark))) for mark in ".,"}
# Numbers as most are written: with a decimal point, one that may be either, whole ones.
POINT = r"^-?(?:\d+\.(?:\d\d?|\d{4,})|(?:0\d*|\d{4,})\.\d{3})$"
EITHER = r"^-?[1-9]\d{0,2}\.\d{3}$"
SHORT, LONG = r"^-?\d{1,3}$", r"^-?\d{4,}$"
SPACED = re.compile(r"^\d{1,3}(?:([ \u00a0\u202f\u2009'’])\d{3})+(?:[.,]\d*)?$")


@dataclass(frozen=True)
class Evidence:
    """What the numbers of one column say of the marks in them.

    Parameters
    ----------
    proven : frozenset of str
        Decimal marks that some cell proves.
    open : frozenset of str
        Marks that may be decimal or stand between thousands, as in `1.234`.
    spaced : str
        A mark between thousands that no decimal can be.
    short : bool
        Whether plain whole numbers below 1000 stand beside.
    long : bool
        Whether plain whole numbers from 1000 on stand beside.
    example : str
        A cell, for a question.
    """

    proven: frozenset[str] = frozenset()
    open: frozenset[str] = frozenset()
    spaced: str = ""
    short: bool = False
    long: bool = False
    example: str = ""


NOTHING = Evidence()


def evidence(words: Sequence[str]) -> Evidence:
    """Gather the evidence in the distinct cells of a column.

    Parameters
    ----------
    words : sequence of str
        The cells.

    Returns
    -------
    Evidence
        The evidence; none where the cells are mostly no numbers.
    """
    usual, others = _usual(words)
    proven, unsure, spaced, example = {*usual.proven}, {*usual.open}, "", usual.example
    short, long = usual.short, usual.long
    numerals = known = len(words) - len(others)
    for word in map(str.strip, others):
        if word in GAPS:
            continue
        known += 1
        numeral = None if DAY.match(word) else NUMERAL.match(bare(word)[0])
        if numeral is None:
            continue
        numerals += 1
        core = re.sub(r"[eE][+-]?\d+$", "", numeral["core"].strip())
        hint = _cell(core)
        if hint is None:
            numerals -= 1
        elif hint[0] == "proof":
            proven.add(hint[1])
        elif hint[0] == "open":
            unsure.add(hint[1])
            example = example or word
        elif hint[0] == "spaced":
            spaced = hint[1]
        else:
            short, long = short or len(core) < 4, long or len(core) > 3
        gap = SPACED.match(core)
        spaced = gap[1] if gap else spaced
    if not numerals or numerals < MOSTLY * known:
        return NOTHING
    return Evidence(frozenset(proven), frozenset(unsure), spaced, short, long, example)


def _usual(words: Sequence[str]) -> tuple[Evidence, list[str]]:
    """The evidence of numbers as most are written, and the other words."""
    column = pa.array(words, pa.large_string())
    matches = [pc.match_substring_regex(column, kind) for kind in (POINT, EITHER, SHORT, LONG)]
    point, either, short, long = (pc.any(one, min_count=0).as_py() for one in matches)
    example = column[pc.index(matches[1], True).as_py()].as_py() if either else ""
    rest = pc.invert(functools.reduce(pc.or_, matches))
    made = Evidence(
        frozenset("." * point), frozenset("." * either), "", bool(short), bool(long), example
    )
    return made, column.filter(rest).to_pylist()


def _cell(core: str) -> tuple[str, str] | None:
    """What the digits of one number show of the marks; None where they are no number."""
    gap = SPACED.match(core)
    marks = [c for c in core if c in ".,"]
    if gap:
        tail = core[core.rfind(gap[1]) + 4 :]
        hint = ("proof", tail[0]) if tail else ("spaced", gap[1])
    elif not marks:
        hint = ("plain", "") if core.isdigit() else None
    elif len(marks) == 1:
        hint = _of_one(core, marks[0])
    elif len(set(marks)) == 1:
        hint = ("proof", OTHER[marks[0]]) if GROUPED[marks[0]].match(core) else None
    else:
        before, last, after = core.rpartition(marks[-1])
        whole = GROUPED[OTHER[last]].match(before) and after.isdigit()
        hint = ("proof", last) if whole else None
    return hint


def _of_one(core: str, mark: str) -> tuple[str, str] | None:
    """What digits with a single mark show: in `1.234` it may be either."""
    before, _, after = core.partition(mark)
    if (before and not before.isdigit()) or (after and not after.isdigit()):
        return None
    either = len(after) == 3 and before and before[0] != "0" and len(before) <= 3
    return ("open" if either else "proof", mark)


@dataclass(frozen=True)
class Decided:
    """The marks of a file, and those of columns that prove others.

    Parameters
    ----------
    marks : Marks
        The marks of the file.
    own : mapping of str to Marks
        Those of columns.
    """

    marks: Marks
    own: Mapping[str, Marks]


def decide(
    columns: Mapping[str, Evidence], delimiter: str, reading: Reading, shown: str
) -> Decided:
    """Decide on the marks of a file.

    Parameters
    ----------
    columns : mapping of str to Evidence
        The evidence of each column.
    delimiter : str
        What stands between cells.
    reading : Reading
        What a person said of the file.
    shown : str
        What an error calls the file.

    Returns
    -------
    Decided
        The marks.

    Raises
    ------
    InputError
        If the cells allow two decisions; it asks which.
    """
    proven = set().union(*(column.proven for column in columns.values()))
    decimal = reading.decimal or (OTHER[t] if (t := reading.thousands) in OTHER and t else None)
    if decimal is None and len(proven) == 2:
        return _each(columns, reading, shown)
    if decimal is None:
        decimal = proven.pop() if proven else _unproven(columns, delimiter, reading, shown)
    return Decided(_marks(decimal, reading), {})


def _unproven(columns: Mapping[str, Evidence], delimiter: str, reading: Reading, shown: str) -> str:
    """The decimal mark where no cell proves one.

    Where cells such as `7.700` stand beside whole numbers below 1000 alone, the two readings are
    equally likely; a column of nothing but such cells is the same but for its unit.
    """
    unsure = set().union(*(column.open for column in columns.values()))
    if reading.thousands is not None and len(unsure) == 1:
        return unsure.pop()  # it cannot be the mark between thousands
    for name, column in columns.items():
        mixed = column.short and not column.long
        if delimiter == ",":
            asks = "." in column.open and mixed
        else:
            asks = bool(column.open) and (mixed or len(unsure) == 2)
        if asks:
            raise _question(name, column, shown)
    return unsure.pop() if unsure and delimiter != "," else "."


def _marks(decimal: str, reading: Reading) -> Marks:
    if reading.thousands is not None:
        return Marks(decimal, reading.thousands)
    return Marks(decimal, OTHER[decimal])


def _each(columns: Mapping[str, Evidence], reading: Reading, shown: str) -> Decided:
    """Columns that prove different decimal marks: each keeps its own, and the most lead."""
    own = {}
    for name, column in columns.items():
        if len(column.proven) == 2:
            raise _question(name, column, shown)
        if column.proven:
            own[name] = _marks(next(iter(column.proven)), reading)
        elif column.open:
            raise _question(name, column, shown)
    points = sum(marks.decimal == "." for marks in own.values())
    common = "." if points >= len(own) - points else ","
    others = {name: marks for name, marks in own.items() if marks.decimal != common}
    return Decided(_marks(common, reading), others)


def _question(name: str, column: Evidence, shown: str) -> InputError:
    example = column.example or "1.234 and 1,2"
    return InputError(
        f"Numbers such as {quote(example)} in the column {quote(name)} of {shown} can be read in "
        "two ways: say which by --decimal or --thousands."
    )
