"""The first pass: what each column holds, counted block by block."""

# pyright: reportAttributeAccessIssue=false
# (Arrow makes its compute functions at import, where a type checker cannot see them.)

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .._text import quote
from ..errors import InputError
from . import cells

OTHER, DATES = "neither numbers nor text", "dates or times"
SENTINELS = (-99999, -9999, -999, -99, 999, 9999, 99999, 999999)
EXACT = 2.0**53  # beyond, float64 cannot tell integers apart
HUGE = 1e100  # squares of larger numbers overflow: they count as missing
ID_NAME = re.compile(r"^(?:ids?|idx|index|rowid)$|[\W_]id$|^unnamed\b|^$", re.IGNORECASE)
CAMEL_ID = re.compile(r"[a-z]I[dD]$")  # `PassengerId`, not `humid`
MOST_WORDS = 200_000  # different texts of a column that are counted

Digest = dict[str, Any]


def kind_of(kind: pa.DataType, coded: bool) -> str:
    """Say what a column is surveyed as: `number`, `text`, `category`, or why it is left out.

    Parameters
    ----------
    kind : pyarrow.DataType
        Its type.
    coded : bool
        Whether its values are only codes.

    Returns
    -------
    str
        What it is, or else what it holds.
    """
    if coded and not pa.types.is_nested(kind):
        return "category"
    if pa.types.is_temporal(kind) and not cells.is_hours(kind):
        return DATES
    if (
        cells.is_hours(kind)
        or pa.types.is_boolean(kind)
        or any(is_number(kind) for is_number in cells.NUMBERS)
    ):
        return "number"
    if pa.types.is_dictionary(kind):
        return "category"
    return "text" if any(is_text(kind) for is_text in cells.TEXT) else OTHER


def called_id(name: str) -> bool:
    """Whether a column is called an id."""
    return bool(ID_NAME.search(name[-60:]) or CAMEL_ID.search(name[-60:]))


def numbers(column: pa.Array | pa.ChunkedArray, base: int = 0) -> np.ndarray:
    """A column of numbers or truth values as float64, NaN where missing; not to be written to.

    A `base` is taken off first, since float64 cannot tell integers beyond 2**53 apart.
    """
    if cells.is_hours(column.type):
        return cells.hours(column)
    if base:
        column = pc.subtract(column, pa.scalar(base, column.type))
    parts = [column] if isinstance(column, pa.Array) else column.chunks
    if pa.types.is_float64(column.type) and not column.null_count and parts:
        arrays = [part.to_numpy() for part in parts]
        return np.concatenate(arrays) if len(arrays) > 1 else arrays[0]
    whole = pa.chunked_array(parts, column.type)
    return cells._floats(whole.cast(pa.uint8()) if pa.types.is_boolean(column.type) else whole)


def words(column: pa.Array | pa.ChunkedArray) -> cells.Levels:
    """A column of text, or of a category, as levels."""
    if isinstance(column, pa.Array):
        column = pa.chunked_array([column])
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return cells._levels(column.cast(pa.large_string()))


def days(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """A column of dates or of points in time as text: their days; other columns as they are."""
    if not pa.types.is_temporal(column.type):
        return column
    return column.cast(pa.date32(), safe=False).cast(pa.large_string())


def without(column: pa.Array | pa.ChunkedArray, gone: Sequence[str]) -> pa.Array | pa.ChunkedArray:
    """Empty the cells that mean "no value", as a person said.

    Parameters
    ----------
    column : pyarrow.Array or pyarrow.ChunkedArray
        The column.
    gone : sequence of str
        What such cells hold.

    Returns
    -------
    pyarrow.Array or pyarrow.ChunkedArray
        The column with nulls in their places.
    """
    kind = column.type
    if not gone or pa.types.is_temporal(kind) or pa.types.is_boolean(kind):
        return column
    if any(is_text(kind) for is_text in cells.TEXT):
        same = pc.is_in(pc.utf8_trim_whitespace(column), value_set=pa.array(gone, kind))
    elif any(is_number(kind) for is_number in cells.NUMBERS):
        values = pa.array([float(word) for word in gone if cells.is_plain(word)], pa.float64())
        same = pc.is_in(column.cast(pa.float64(), safe=False), value_set=values)
    else:
        return column
    return pc.if_else(same, pa.scalar(None, kind), column)


@dataclass(frozen=True)
class Survey:
    """Digests of the columns of a block, by name.

    Parameters
    ----------
    kinds : mapping of str to str
        What each column can be, as `kind_of` says it.
    gone : tuple of str, default ()
        What cells hold that mean "no value".
    """

    kinds: Mapping[str, str]
    gone: tuple[str, ...] = ()

    def __call__(self, block: tuple[int, pa.Table]) -> dict[str, Digest]:
        start, table = block
        return {
            name: _of(without(table[name], self.gone), kind, start, name)
            for name, kind in self.kinds.items()
        }


def _of(column: pa.ChunkedArray, kind: str, start: int, name: str) -> Digest:
    try:
        if kind == "number":
            return _of_numbers(column, start, called_id(name))
        return _of_words(days(column) if kind == DATES else column)
    except (pa.ArrowException, NotImplementedError):  # a type that only its name makes known
        return {"n": len(column), "holds": OTHER}


def merged(one: dict[str, Digest], other: dict[str, Digest]) -> dict[str, Digest]:
    """Merge the digests of rows with those of the rows that follow them.

    Parameters
    ----------
    one : dict of str to Digest
        Digests by column; they are written to.
    other : dict of str to Digest
        Those of the rows that follow.

    Returns
    -------
    dict of str to Digest
        The digests of both.
    """
    for name, digest in one.items():
        if "holds" in digest or "holds" in other[name]:
            one[name] = digest if "holds" in digest else other[name]
        elif "words" in digest:
            one[name] = _words_merged(name, digest, other[name])
        else:
            one[name] = _numbers_merged(digest, other[name])
    return one


@dataclass(frozen=True, eq=False)
class Ordered:
    """The digest of one column that is read as numbers on its own.

    Parameters
    ----------
    name : str
        The column.
    raw : callable
        Reads its numbers out of a block.
    """

    name: str
    raw: Callable[[pa.Table], np.ndarray]

    def __call__(self, block: tuple[int, pa.Table]) -> dict[str, Digest]:
        values = pa.chunked_array([self.raw(block[1])])
        return {self.name: _of_numbers(values, block[0], False)}


def _of_numbers(column: pa.ChunkedArray, start: int, is_id: bool) -> Digest:
    values = numbers(column)
    low, high = float(values.min()), float(values.max())
    digest = {"n": len(values), "missing": 0, "odd": 0, "big": False, "unknown": -1}
    digest["remark"] = cells.TRUTH_AS if pa.types.is_boolean(column.type) else ""
    if cells.is_hours(column.type):
        digest |= {"remark": cells.HOURS, "parts": cells.SECONDS}
    if column.type in (pa.int64(), pa.uint64()):
        ends = pc.min_max(column).as_py()
        if ends["min"] is not None and max(-ends["min"], ends["max"]) >= EXACT:
            digest |= {"least": ends["min"], "most": ends["max"]}
    if low >= -HUGE and high <= HUGE:
        digest |= {"low": low, "high": high} | stand_ins(values, low, high)
        return digest | _order(column, values, is_id)
    unknown = ~(np.abs(values) <= HUGE)
    odd = unknown & ~np.isnan(values)
    known = values[~unknown]
    low, high = float(known.min(initial=np.inf)), float(known.max(initial=-np.inf))
    return (
        digest
        | stand_ins(known, low, high)
        | {
            "missing": int(np.isnan(values).sum()),
            "odd": int(odd.sum()),
            "big": bool(np.isfinite(values[odd]).any()),
            "unknown": start + int(unknown.argmax()),
            "low": low,
            "high": high,
            "step": 0,
        }
    )


def stand_ins(values: np.ndarray, low: float, high: float) -> Digest:
    """How often each number comes up that may mean "no value", and the ends of all others.

    Only where the least or the largest number is such a one, as in few columns.
    """
    if low not in SENTINELS and high not in SENTINELS:
        return {}
    are_sentinels = np.isin(values, SENTINELS)
    sentinels, counts = np.unique(values[are_sentinels], return_counts=True)
    rest = values[~are_sentinels]
    ends = float(rest.min(initial=np.inf)), float(rest.max(initial=-np.inf))
    return {"stand-ins": dict(zip(sentinels.tolist(), counts.tolist(), strict=True)), "rest": ends}


def _stand_ins_merged(a: Digest, b: Digest) -> Digest:
    if "stand-ins" not in a and "stand-ins" not in b:
        return {}
    counts: Counter[float] = Counter()
    rests = []
    for one in (a, b):
        counts.update(one.get("stand-ins", {}))
        rests.append(one.get("rest", (one["low"], one["high"])))
    lows, highs = zip(*rests, strict=True)
    return {"stand-ins": dict(counts), "rest": (min(lows), max(highs))}


def _order(column: pa.ChunkedArray, values: np.ndarray, is_id: bool) -> Digest:
    """Whether integers count up row by row (`step` is not 0), and whether all of them differ."""
    if pa.types.is_integer(column.type):
        values = column.to_numpy()  # float64 cannot tell long ids apart
    elif not values[0].is_integer() or (values != np.rint(values)).any():
        return {"step": 0, "whole": False}
    first, last, step = values[0].item(), values[-1].item(), None
    if len(values) > 1:
        step = values[1].item() - first
        with np.errstate(over="ignore"):  # numbers that count up do not leave their type
            each = values[1] - values[0]
            even = all((np.diff(part) == each).all() for part in (values[:100], values))
        step = step if even else 0
    order = {"whole": True, "step": step, "first": first, "last": last}
    if not is_id:
        return order
    signs = {bool((values[1:] > values[:-1]).all()), not (values[1:] < values[:-1]).all()}
    rising = (1 if signs.pop() else -1) if len(signs) == 1 else 0
    return order | {
        "rising": rising if len(values) > 1 else None,
        "twice": bool(np.unique(values).size < len(values)),
    }


def _numbers_merged(a: Digest, b: Digest) -> Digest:
    digest = {key: a[key] + b[key] for key in ("n", "missing", "odd")}
    digest |= {"remark": a["remark"], "parts": a.get("parts", 0), "big": a["big"] or b["big"]}
    digest["unknown"] = max(a["unknown"], b["unknown"])
    if a["unknown"] >= 0 and b["unknown"] >= 0:
        digest["unknown"] = min(a["unknown"], b["unknown"])
    digest |= {"low": min(a["low"], b["low"]), "high": max(a["high"], b["high"]), "step": 0}
    digest |= _stand_ins_merged(a, b)
    if "least" in a or "least" in b:
        ends = [_ends(one) for one in (a, b) if one["low"] <= one["high"]]
        digest |= {"least": min(low for low, _ in ends), "most": max(high for _, high in ends)}
    if not (a.get("whole") and b.get("whole")):
        return digest
    gap = b["first"] - a["last"]
    steps = {step for step in (a["step"], b["step"], gap) if step is not None}
    digest |= {"whole": True, "first": a["first"], "last": b["last"]}
    digest["step"] = steps.pop() if len(steps) == 1 else 0
    if "rising" in a:
        signs = {a["rising"], b["rising"], (gap > 0) - (gap < 0)} - {None}
        digest["rising"] = signs.pop() if len(signs) == 1 else 0
        digest["twice"] = a["twice"] or b["twice"] or gap == 0
    return digest


def _ends(digest: Digest) -> tuple[int, int]:
    """The least and the largest integer."""
    return digest.get("least", int(digest["low"])), digest.get("most", int(digest["high"]))


def _of_words(column: pa.ChunkedArray) -> Digest:
    levels = words(column)
    counts = dict(zip(levels.words.to_pylist(), levels.counts.tolist(), strict=True))
    return {"n": len(levels.codes), "words": counts}


def too_many(name: str) -> InputError:
    """One sentence on a column of text whose values are no levels."""
    return InputError(
        f"The column {quote(name)} holds more than {MOST_WORDS:,} different texts, too many to "
        "count; leave it out with --drop."
    )


def _words_merged(name: str, a: Digest, b: Digest) -> Digest:
    counts, n = a["words"], a["n"] + b["n"]
    for word, count in b["words"].items():
        counts[word] = counts.get(word, 0) + count
    many = a.get("many") or b.get("many") or len(counts) > MOST_WORDS
    if not many:
        return {"n": n, "words": counts}
    if not cells.are_dates(pa.array([*counts], pa.large_string())):
        raise too_many(name)
    return {"n": n, "words": dict([counts.popitem()]), "many": True}  # left out: one is the example
