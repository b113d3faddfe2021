"""How each column becomes numbers, decided from the digests of a table."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from .._text import counted, listing, quote
from ..errors import InputError
from . import cells, dates, onehot
from .digest import DATES, EXACT, HUGE, Digest, called_id, stand_ins, too_many
from .encoder import Column, Encoder
from .notes import titled
from .shapes import is_sum
from .wanted import Wanted, unusable

BEYOND = "beyond 1e100"
SUSPICIOUS = "Suspicious numbers that may mean 'no value' (--missing takes them as such)"
LEAST_TIMES, LEAST_ROWS = 2, 10  # of a number that is suspicious, and of its column
SIGNED = (
    "Taken as text, though it looks like numbers written with signs (to have them read as numbers, "
    "write 1234.5 for '$1,234.50' and 45 for '45%')"
)
Medians = Mapping[str, float]


class Questions(Protocol):
    """What only another pass over a column can answer."""

    def all_differ(self, name: str) -> bool:
        """Whether the numbers of a column differ in every row."""
        ...

    def counts_up(self, name: str, raw: Callable[[Any], np.ndarray]) -> bool:
        """Whether a column, read by `raw`, counts up or down row by row."""
        ...

    def first_unknown(self, raw: Callable[[Any], np.ndarray]) -> int:
        """The first row without a number in a column read by `raw`; -1 if that is not known."""
        ...


def planned(
    wanted: Wanted,
    goal: Column,
    digests: Mapping[str, Digest],
    medians: Medians,
    questions: Questions,
) -> Encoder:
    """Decide how each column is encoded.

    Parameters
    ----------
    wanted : Wanted
        The columns as a person wants them.
    goal : Column
        The target, as `target_of` gives it.
    digests : mapping of str to Digest
        What each column holds.
    medians : Medians
        Those of the columns in `lacking`.
    questions : Questions
        Answers what only another pass can.

    Returns
    -------
    Encoder
        The encoder of the table.

    Raises
    ------
    InputError
        If no usable feature is left.
    """
    plan = []
    for name, kind in wanted.kinds.items():
        if name == wanted.target:
            continue
        holds = digests[name].get("holds", "") if name in digests else kind
        column = holds or _feature(name, kind, digests[name], wanted, medians, questions)
        if isinstance(column, str):
            wanted.log.add(f"Left out as {column}", name)
        else:
            plan += column if isinstance(column, tuple) else [column]
    plan = [replace(column, gone=wanted.gone) for column in plan] if wanted.gone else plan
    if not plan:
        why = [s[0].lower() + s[1:-1] for s in wanted.log.sentences() if s.startswith("Left")]
        raise InputError(
            f"No usable feature is left in the {titled(wanted.name)} beside the target "
            f"{quote(wanted.target)} ({'; '.join(why) or 'it is the only column'}); give a table "
            "with more columns."
        )
    return Encoder((*plan, goal), wanted.log.sentences())


def lacking(wanted: Wanted, digests: Mapping[str, Digest]) -> dict[str, tuple[Any, int]]:
    """Find the columns of numbers that need a median.

    Parameters
    ----------
    wanted : Wanted
        The columns as a person wants them.
    digests : mapping of str to Digest
        What each column holds.

    Returns
    -------
    dict of str to (callable, int)
        How to read each, and how many of its numbers are known.
    """
    columns = {}
    for name, digest in digests.items():
        if name != wanted.target and "low" in digest and _varies(digest):
            unknown = digest["missing"] + digest["odd"]
            if unknown:
                column = replace(_plain(name, digest)[0], odd=digest["odd"] > 0, gone=wanted.gone)
                columns[name] = (column.raw, digest["n"] - unknown)
    return columns


def target_of(wanted: Wanted, digests: Mapping[str, Digest], questions: Questions) -> Column:
    """Decide how the target becomes numbers, all of them finite and not all the same.

    Parameters
    ----------
    wanted : Wanted
        The columns as a person wants them.
    digests : mapping of str to Digest
        What each column holds.
    questions : Questions
        Answers what only another pass can.

    Returns
    -------
    Column
        The target.

    Raises
    ------
    InputError
        If it is no such column.
    """
    name, digest = wanted.target, digests[wanted.target]
    if "holds" in digest:
        raise unusable(name, digest["holds"])
    column, seen = Column(name, parts=digest.get("parts", 0)), digest
    if "words" in digest:
        # Declared a category, its levels stay levels, whatever they spell.
        category = wanted.kinds[name] == "category"
        read = _levels(digest) if category else _spelled(digest)
        read = cells.Other(DATES) if digest.get("many") else read
        if isinstance(read, cells.Other):
            raise unusable(name, read.holds)
        if isinstance(read, cells.Levels):
            example = read.odd or next(iter(digest["words"]), "")
            raise InputError(
                f"The target {quote(name)} holds text such as {quote(example)}; give a numeric "
                "column, or turn its text into numbers."
            )
        column, seen = _from_text(name, digest, read)
    unknown = seen["missing"] + seen["odd"]
    if unknown:
        first = seen["unknown"] if seen["unknown"] >= 0 else questions.first_unknown(column.raw)
        raise _unknown(name, seen, first)
    if seen["low"] == seen["high"]:
        raise InputError(
            f"The target {quote(name)} is {seen['low']:g} in every row; give a column that varies."
        )
    if suspicious := _suspicious(seen):
        wanted.log.add(SUSPICIOUS, name, suspicious)
    if seen["remark"]:
        wanted.log.add(f"Target read as numbers ({seen['remark']})", name)
    return replace(column, low=seen["low"], high=seen["high"], gone=wanted.gone)


def _unknown(name: str, seen: Digest, first: int) -> InputError:
    """The sentence on a target that is no number of a usable size in some rows."""
    rows = seen["missing"] + seen["odd"]
    if rows == seen["n"]:
        what = "not finite" if seen["odd"] else "empty"
        what = f"missing, infinite or {BEYOND}" if seen["big"] else what
        return InputError(f"The target {quote(name)} is {what} in every row; give another column.")
    what = f"missing, infinite or {BEYOND}" if seen["big"] else "missing or infinite"
    where = f", first in row {first + 1} (counted from 1, without the header)" if first >= 0 else ""
    return InputError(
        f"The target {quote(name)} is {what} in {counted(rows, 'row')}{where}; take such rows out "
        "or fill them in."
    )


def _feature(
    name: str,
    kind: str,
    digest: Digest,
    wanted: Wanted,
    medians: Medians,
    questions: Questions,
) -> Column | tuple[Column, ...] | str:
    """The column as features, or why it is left out."""
    log = wanted.log
    if "words" not in digest:
        return _usable(*_plain(name, digest), wanted, medians, questions)
    many = digest.get("many", False)
    if many and (kind != "text" or wanted.dates):
        raise too_many(name)
    if kind in ("text", DATES) and wanted.dates:
        order = "ymd" if kind == DATES else wanted.dates
        days = dates.days_in(name, [*digest["words"]], order, titled(wanted.name))
        if days:
            return dates.as_columns(name, digest, days, log)
    levels = _levels(digest)
    read = _spelled(digest) if kind in ("text", DATES) else levels
    read = cells.Other(DATES) if many else read
    if isinstance(read, cells.Other):
        return read.holds
    if isinstance(read, cells.Numbers):
        column, seen = _from_text(name, digest, read)
        return _usable(column, seen, wanted, {name: _median(digest, column)}, questions)
    if read.odd:
        kind = "Taken as text, though nearly all values are numbers"
        log.add(kind, name, f"but for {quote(read.odd)}")
    if read.signed:
        log.add(SIGNED, name, f"such as {quote(read.signed)}")
    hot = onehot.one_hot(read, digest["n"])
    if isinstance(hot, str):
        return hot
    sums = [f"{quote(w)} in {counted(n, 'row')}" for w, n in digest["words"].items() if is_sum(w)]
    if sums:
        log.add("Suspicious text that may mark sums of other rows", name, listing(sums))
    onehot.note(name, hot, log)
    *places, missing = hot.place.tolist()
    return Column(
        name,
        known=dict(zip(digest["words"], places, strict=True)),
        missing=missing,
        names=hot.names,
    )


def _varies(digest: Digest) -> bool:
    return digest["low"] < digest["high"] or digest.get("least", 0) < digest.get("most", 0)


def _plain(name: str, digest: Digest) -> tuple[Column, Digest]:
    """A column of numbers, and its digest without the base of integers that float64 cannot hold."""
    least, most = digest.get("least", 0), digest.get("most", 0)
    if not 0 < most - least < EXACT:
        return Column(name, parts=digest.get("parts", 0)), digest
    return Column(name, base=least), digest | {"low": 0.0, "high": float(most - least)}


def _usable(
    column: Column, seen: Digest, wanted: Wanted, medians: Medians, questions: Questions
) -> Column | str:
    """A numeric column, or why it is of no use."""
    name, unknown, log = column.name, seen["missing"] + seen["odd"], wanted.log
    kind = f"Values infinite or {BEYOND}" if seen["big"] else "Infinite values"
    if unknown == seen["n"]:
        return f"holding only {kind.lower()}" if seen["odd"] else "empty"
    if seen["low"] == seen["high"]:
        return "constant"
    counts_up = seen["step"]
    if column.known is not None and not unknown and seen["whole"] and not seen["twice"]:
        counts_up = questions.counts_up(name, column.raw)
    if not unknown and (counts_up or _all_differ(name, seen, questions)):
        return "id-like (a running number, or a distinct one in every row)"
    if seen["remark"]:
        log.add(f"Read as numbers ({seen['remark']})", name)
    if suspicious := _suspicious(seen):
        log.add(SUSPICIOUS, name, suspicious)
    if seen["odd"]:
        log.add(f"{kind} taken as missing", name, counted(seen["odd"], "row"))
    fill = np.nan
    if unknown:
        log.add(f"Missing numbers, imputed by {wanted.filled}", name, counted(unknown, "row"))
        fill = medians.get(name, np.nan)
    return replace(
        column, low=seen["low"], high=seen["high"], fill=fill, odd=column.odd or seen["odd"] > 0
    )


def _suspicious(seen: Digest) -> str:
    """A word on numbers such as -999 that come up often, farther off than the others' range."""
    low, high = seen.get("rest", (np.inf, -np.inf))
    if seen["n"] < LEAST_ROWS or low > high:
        return ""
    far = [
        f"{number:g} in {counted(times, 'row')}"
        for number, times in sorted(seen["stand-ins"].items())
        if times >= LEAST_TIMES and max(low - number, number - high) > high - low
    ]
    return listing(far)


def _all_differ(name: str, seen: Digest, questions: Questions) -> bool:
    """Whether a column that is called an id has another number in every row."""
    if not (seen.get("whole") and called_id(name)) or seen["twice"]:
        return False
    if seen["rising"]:
        return True
    # More rows than numbers in the range: some number comes twice.
    return seen["high"] - seen["low"] + 1 >= seen["n"] and questions.all_differ(name)


def _levels(digest: Digest) -> cells.Levels:
    """The distinct words of a column, each once, and after them the missing one."""
    words, counts = digest["words"], np.array(list(digest["words"].values()), dtype=int)
    codes = np.append(np.arange(len(words)), -1)
    return cells.Levels(codes, pa.array(list(words), pa.large_string()), counts)


def _spelled(digest: Digest) -> Any:
    """What the text of a column spells: numbers, dates, or just text."""
    if not digest["words"]:
        return cells.Numbers(np.array([np.nan]), "from text")
    return cells._text(_levels(digest))


def _from_text(name: str, digest: Digest, read: cells.Numbers) -> tuple[Column, Digest]:
    """Numbers that were written as text: their column, and what a digest of them would say."""
    values, counts = read.values[:-1], np.array(list(digest["words"].values()), dtype=int)
    odd = ~(np.abs(values) <= HUGE)
    known = values[~odd]
    low, high = float(known.min(initial=np.inf)), float(known.max(initial=-np.inf))
    seen = stand_ins(np.repeat(known, counts[~odd]), low, high) | {
        "n": digest["n"],
        "remark": read.remark,
        "missing": digest["n"] - int(counts.sum()),
        "odd": int(counts[odd].sum()),
        "big": bool(np.isfinite(values[odd]).any()),
        "unknown": -1,
        "low": low,
        "high": high,
        "step": 0,
        "whole": bool((known == np.rint(known)).all()),
        "twice": len(np.unique(known)) < digest["n"],
        "rising": 1,  # no two are equal, in whatever order
    }
    spelled = dict(zip(digest["words"], values.tolist(), strict=True))
    return Column(name, known=spelled, odd=bool(odd.any()), parts=read.parts), seen


def _median(digest: Digest, column: Column) -> float:
    """The median of numbers that are known by how often each was written."""
    pairs = zip((column.known or {}).values(), digest["words"].values(), strict=True)
    pairs = sorted((v, count) for v, count in pairs if abs(v) <= HUGE)
    if not pairs:
        return np.nan
    values, counts = (np.array(column) for column in zip(*pairs, strict=True))
    below, n = np.cumsum(counts), int(counts.sum())
    middle = values[np.searchsorted(below, [(n - 1) // 2, n // 2], side="right")]
    return float(np.mean(middle))
