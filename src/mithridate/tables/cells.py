"""What a column of a table holds: numbers, levels, or something else that is left out."""

# pyright: reportAttributeAccessIssue=false
# (Arrow makes its compute functions at import, where a type checker cannot see them.)

import re
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float, Int

from .times import FIRST, HOURS, SECONDS, is_time, times_in

# What the common tools write for "no value"; pandas reads the same, "?" and "." aside.
MISSING = ["", "?", ".", "NA", "N/A", "n/a", "<NA>", "#N/A", "#NA", "NaN", "nan", "NULL", "null"]
MISSING += ["None", "-nan", "-NaN", r"\N"]  # the last is what MySQL, PostgreSQL and Hive write
NUMBERS = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
TEXT = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
SEVERAL = "times written in several ways"
NEARLY = 0.9  # the share of cells that are alike from which on the others are the odd ones
PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
TRUTH_AS = "true as 1, false as 0"
TRUTH = {"true": 1.0, "false": 0.0}
NUMBER = r"^(?i:[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf|infinity))$"
# Numbers with a sign of money or percent, marks between thousands, a decimal comma, or in brackets.
MONEY = r"(?:[$€£¥₹]|USD|EUR|GBP|CHF)"
SIGNED = (
    rf"^\(?[+-]?\s*{MONEY}?\s*[+-]?(?:\d{{1,3}}(?:[,'.\x{{a0}}\x{{202f}} ]\d{{3}})+|\d+)"
    rf"(?:[.,]\d+)?\s*(?:%|{MONEY})?\)?$"
)
DATE = (
    r"^(?:(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}"
    r"|\d{1,2}[-/. ](?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}[-/. ]\d{2,4})"
    r"(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AaPp][Mm])?(?: ?(?:Z|[+-]\d{2}:?\d{2}))?)?"
    r"|\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)$"
)


@dataclass(frozen=True, eq=False)
class Numbers:
    """A column as numbers.

    Parameters
    ----------
    values : array of float, shape (N,)
        The numbers, NaN where missing.
    remark : str
        What they were made from, if not numbers.
    parts : int
        They are multiples of 1/`parts`, where that is not 0.
    """

    values: Float[np.ndarray, " n"]
    remark: str = ""
    parts: int = 0


@dataclass(frozen=True, eq=False)
class Levels:
    """Text by its distinct words.

    Parameters
    ----------
    codes : ndarray of int, shape (N,)
        The word of each row, -1 where it is missing.
    words : pyarrow.Array
        The distinct words.
    counts : ndarray of int, shape (k,)
        How often each occurs.
    odd : str
        The most frequent word that is no number, where nearly all others are numbers.
    signed : str
        The most frequent number written with signs, where nearly all are numbers so written.
    """

    codes: Int[np.ndarray, " n"]
    words: pa.Array
    counts: Int[np.ndarray, " k"]
    odd: str = ""
    signed: str = ""


@dataclass(frozen=True)
class Other:
    """A column that is neither numbers nor text.

    Parameters
    ----------
    holds : str
        What it holds, for an error or a note.
    """

    holds: str


def cells(column: pa.ChunkedArray) -> Numbers | Levels | Other:
    """Sort a column into numbers, levels, or something else.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        The column.

    Returns
    -------
    Numbers, Levels or Other
        The column.
    """
    kind = column.type
    if pa.types.is_temporal(kind):
        is_time = is_hours(kind)
        return Numbers(hours(column), HOURS, SECONDS) if is_time else Other("dates or times")
    try:
        if pa.types.is_boolean(kind):
            return Numbers(_floats(column.cast(pa.uint8())), TRUTH_AS)
        if any(is_number(kind) for is_number in NUMBERS):
            return Numbers(_floats(column))
        if pa.types.is_dictionary(kind):  # declared a category: its levels stay levels
            return _levels(column.cast(kind.value_type).cast(pa.large_string()))
        if any(is_text(kind) for is_text in TEXT):
            return _text(_levels(column.cast(pa.large_string())))
    except (pa.ArrowException, NotImplementedError):
        pass  # a type that only its name makes known: float128, a category of lists
    return Other("neither numbers nor text")


def is_plain(word: str) -> bool:
    """Say whether a word is a number as programs write them.

    Parameters
    ----------
    word : str
        The word.

    Returns
    -------
    bool
        Whether it is.
    """
    return re.fullmatch(NUMBER.replace("(?i:", "(?:"), word, re.IGNORECASE) is not None


def is_hours(kind: pa.DataType) -> bool:
    """Say whether a column of this type holds times of the day or durations.

    Parameters
    ----------
    kind : pyarrow.DataType
        The type.

    Returns
    -------
    bool
        Whether it does.
    """
    return pa.types.is_time(kind) or pa.types.is_duration(kind)


def hours(column: pa.Array | pa.ChunkedArray) -> Float[np.ndarray, " n"]:
    """Read times of the day or durations as hours.

    Parameters
    ----------
    column : pyarrow array
        The column.

    Returns
    -------
    array of float, shape (n,)
        Hours, NaN where missing.
    """
    kind = column.type
    whole = column.cast(pa.int32() if kind.bit_width == 32 else pa.int64())
    return _floats(whole) / (SECONDS * PER_SECOND[kind.unit])


def levels(column: pa.ChunkedArray) -> Levels | None:
    """Take a column of text, numbers, dates or truth values as levels.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        The column.

    Returns
    -------
    Levels or None
        Its distinct words; None where it holds something else.

    Examples
    --------
    >>> import pyarrow as pa
    >>> found = levels(pa.chunked_array([["north", "south", None, " north"]]))
    >>> found.words.to_pylist(), found.codes
    (['north', 'south'], array([ 0,  1, -1,  0]))
    """
    kind = column.type
    try:
        plain = column.cast(kind.value_type) if pa.types.is_dictionary(kind) else column
        if pa.types.is_nested(plain.type) or pa.types.is_large_binary(plain.type):
            return None
        text = plain.cast(pa.large_string())
    except (pa.ArrowException, NotImplementedError):
        return None
    if pa.types.is_temporal(plain.type):  # the same day in every type
        text = pc.replace_substring_regex(text, r"(?: 00:00:00)?(?:\.0+)?(Z?)$", r"\1")
    return _levels(text)


def as_category(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Declare a column a category: its numbers are codes and have no order.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        The column.

    Returns
    -------
    pyarrow.ChunkedArray
        The same column.
    """
    if pa.types.is_dictionary(column.type) or pa.types.is_nested(column.type):
        return column
    return column.cast(pa.large_string()).dictionary_encode()


def _floats(column: pa.ChunkedArray) -> np.ndarray:
    """A copy as float64, NaN for null: what the caller handed in is never written to."""
    return np.array(column.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)


def spellings(column: pa.ChunkedArray) -> Int[np.ndarray, " n"]:
    """Number the ways in which the cells of a text column or category are spelled.

    As it stands in the table: ` a` is not `a`, and every word for "no value" has its own number.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        The column.

    Returns
    -------
    array of int, shape (N,)
        A number for each cell, -1 if null.
    """
    kind = column.type
    plain = column.cast(kind.value_type) if pa.types.is_dictionary(kind) else column
    coded = _coded(plain.cast(pa.large_string()))
    return coded.indices.cast(pa.int64()).fill_null(-1).to_numpy()


def _coded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    coded = column.dictionary_encode().unify_dictionaries()
    if coded.num_chunks:
        return coded.combine_chunks()
    # Older Arrow cannot make an empty array of words by their numbers out of nothing.
    return pa.DictionaryArray.from_arrays(pa.array([], pa.int32()), pa.array([], column.type))


def _levels(column: pa.ChunkedArray) -> Levels:
    """Distinct words, trimmed; words that mean "no value" become missing."""
    coded = _coded(column)
    trimmed = pc.utf8_trim_whitespace(coded.dictionary).dictionary_encode()
    words = trimmed.dictionary
    kept = pc.invert(pc.is_in(words, value_set=pa.array(MISSING, words.type)))
    kept_mask = kept.to_numpy(zero_copy_only=False)
    places = np.where(kept_mask, np.cumsum(kept_mask) - 1, -1)
    # The entry appended last is what the code -1 (null) looks up.
    table = np.append(places[trimmed.indices.to_numpy()], -1)
    codes = table[coded.indices.cast(pa.int64()).fill_null(-1).to_numpy()]
    words = words.filter(kept)
    return Levels(codes, words, np.bincount(codes[codes >= 0], minlength=len(words)))


def _text(levels: Levels) -> Numbers | Levels | Other:
    """Text unchanged, or as the numbers, booleans or dates that it spells."""
    words = levels.words
    if len(words) == 0:
        return Numbers(np.full(len(levels.codes), np.nan))
    spelled = _matches(words, NUMBER)
    if spelled.all():
        parsed = _look_up(_parsed(words), levels.codes)
        return levels if are_codes(words) else Numbers(parsed, "from text")
    lowered = {word.lower() for word in words.to_pylist()} if len(words) <= 6 else {""}
    if lowered <= TRUTH.keys():
        parsed = np.array([TRUTH[word.lower()] for word in words.to_pylist()])
        return Numbers(_look_up(parsed, levels.codes), TRUTH_AS)
    times = _times(words)
    if times is None:
        return Other("dates or times") if are_dates(words) else _nearly(levels, spelled)
    if isinstance(times, Other):
        return times
    return replace(times, values=_look_up(times.values, levels.codes))


def _times(words: pa.Array) -> Numbers | Other | None:
    """The hours of words that are all times or durations."""
    if not any(map(is_time, words.slice(0, FIRST).to_pylist())):
        return None
    every = words.to_pylist()
    times = times_in(every)
    if times is not None and None not in times.hours:
        return Numbers(np.array(times.hours, dtype=float), times.remark, SECONDS)
    return Other(SEVERAL) if all(map(is_time, every)) else None


def are_codes(words: pa.Array) -> bool:
    """Say whether texts are codes: digits alone, and some begin with a zero.

    Parameters
    ----------
    words : pyarrow.Array
        The texts.

    Returns
    -------
    bool
        Whether they are.
    """
    return bool(_matches(words, r"^0\d+$").any() and _matches(words, r"^\d+$").all())


def are_dates(words: pa.Array) -> bool:
    """Say whether all of some texts are dates or times, none of which is a number too.

    Parameters
    ----------
    words : pyarrow.Array
        The texts.

    Returns
    -------
    bool
        Whether they are.
    """
    return bool(_matches(words, DATE).all())


def _nearly(levels: Levels, spelled: np.ndarray) -> Levels:
    """A note on text that is nearly all numbers, with the cells that are none."""
    enough = NEARLY * levels.counts.sum()
    if levels.counts[spelled].sum() >= enough:
        return replace(levels, odd=_commonest(levels, ~spelled))
    signed = _matches(levels.words, SIGNED) & ~spelled
    if levels.counts[signed | spelled].sum() >= enough:
        return replace(levels, signed=_commonest(levels, signed))
    return levels


def _commonest(levels: Levels, among: np.ndarray) -> str:
    place = np.flatnonzero(among)[np.argmax(levels.counts[among])]
    return levels.words[int(place)].as_py()


def _matches(words: pa.Array, pattern: str) -> np.ndarray:
    return pc.match_substring_regex(words, pattern).to_numpy(zero_copy_only=False)


def _parsed(words: pa.Array) -> np.ndarray:
    plain = pc.replace_substring_regex(words, r"^\+", "")
    return pc.cast(plain, pa.float64()).to_numpy(zero_copy_only=False)


def _look_up(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    return np.append(values, np.nan)[codes]
