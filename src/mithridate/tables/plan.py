"""Tables as numbers, block by block, just as `datasets.encode` and the ranges of a whole table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa

from .._text import counted, quote
from ..errors import InputError
from . import cells, encode, onehot
from .digest import Digest, called_id, kind_of, numbers, too_many, words
from .encoded import Columns
from .frame import known
from .notes import Notes

Medians = Mapping[str, float]


class Looks(Protocol):
    """Questions that only another pass can answer."""

    def all_differ(self, name: str) -> bool:
        """Whether the numbers of a column differ in every row."""
        ...

    def counts_up(self, name: str, raw: Callable[[pa.Table], np.ndarray]) -> bool:
        """Whether a column, read by `raw`, counts up or down row by row."""
        ...


@dataclass(frozen=True, eq=False)
class Column:
    """How a column becomes features: by numbers, or by levels where `names` has any.

    `known` gives a word its value or level, and `other` what any other word gets.
    """

    name: str
    low: float = 0.0
    high: float = 1.0
    fill: float = np.nan
    odd: bool = False
    known: Mapping[str, float] | None = None
    other: float = np.nan
    missing: float = np.nan
    names: tuple[str, ...] = ()

    def raw(self, rows: pa.Table | pa.RecordBatch) -> np.ndarray:
        """Values or level numbers (n,), NaN where missing."""
        if self.known is None:
            values = numbers(rows[self.name])
        else:
            levels = words(rows[self.name])
            mine = [self.known.get(word, self.other) for word in levels.words.to_pylist()]
            values = np.array([*mine, self.missing])[levels.codes]
        return np.where(np.abs(values) > encode.HUGE, np.nan, values) if self.odd else values

    def write(self, values: np.ndarray, out: np.ndarray, scaled: bool) -> None:
        """Writes the features (k, n) of raw values: missing ones filled, by the column's range."""
        if self.names:
            for level in range(len(self.names)):
                np.equal(values, level, out=out[level], casting="unsafe")
        elif not scaled:
            out[0] = values
        else:
            if not isnan(self.fill):
                values = np.where(np.isnan(values), self.fill, values)
            np.subtract(values, self.low, out=out[0])
            out[0] /= self.high - self.low


class Encoder(NamedTuple):
    """The features' columns and, last, the target's; with what was said of them."""

    columns: tuple[Column, ...]
    notes: tuple[str, ...]

    @property
    def target(self) -> Column:
        return self.columns[-1]

    @property
    def needed(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def width(self) -> int:
        return sum(max(len(column.names), 1) for column in self.columns)

    def __call__(
        self, table: pa.Table, scaled: bool = True, out: np.ndarray | None = None
    ) -> np.ndarray:
        """Rows by columns, `Z` (d + 1, n): by their ranges, or as they are in the table."""
        out, first = np.empty((self.width, table.num_rows)) if out is None else out, 0
        for batch in table.to_batches():  # as they lie there, for to join them is to copy them
            rows, at = slice(first, first + len(batch)), 0
            for column in self.columns:
                k = max(len(column.names), 1)
                column.write(column.raw(batch), out[at : at + k, rows], scaled)
                at += k
            first = rows.stop
        return out

    def about(self) -> Columns:
        """The features as the rest of the house describes them."""
        made = [(c, level) for c in self.columns[:-1] for level in c.names or (None,)]
        names = encode._unique([c.name if x is None else f"{c.name}={x}" for c, x in made])
        source = tuple(c.name for c, _ in made)
        hot = [c.name for c in self.columns[:-1] if c.names]
        group = np.array([-1 if x is None else hot.index(c.name) for c, x in made])
        step = np.zeros(len(made) + 1)
        return Columns(names, source, group, np.zeros(len(hot), dtype=bool), step, source)


class Asked(NamedTuple):
    """The columns as a person wants them used."""

    target: str
    kinds: dict[str, str]  # of columns that are looked at
    log: Notes


def asked(
    schema: pa.Schema, target: str | None, drop: Sequence[str], categorical: Sequence[str]
) -> Asked:
    """What to look at, or a sentence on what was asked for and is not there."""
    target, dropped = encode._chosen(schema.names, target, drop, "table")
    coded = {known(str(c), schema.names, "table", "to take as a category") for c in categorical}
    log = Notes()
    for column in dropped:
        log.add("Left out as you asked", column)
    kinds = {
        field.name: kind_of(field.type, field.name in coded - {target})
        for field in schema
        if field.name not in dropped
    }
    if kinds[target] == "category":
        kinds[target] = "text"
    if kinds[target] not in ("number", "text"):
        raise InputError(
            f"The target {quote(target)} holds {kinds[target]}; give a numeric column."
        )
    return Asked(target, kinds, log)


def planned(
    wanted: Asked, digests: Mapping[str, Digest], medians: Medians, looks: Looks
) -> Encoder:
    """How each column is encoded; `medians` are those of the columns in `lacking`."""
    goal = _target(wanted, digests[wanted.target])
    plan = []
    for name, kind in wanted.kinds.items():
        if name == wanted.target:
            continue
        if name not in digests:
            wanted.log.add(f"Left out as {kind}", name)
            continue
        column = _feature(name, kind, digests[name], wanted.log, medians, looks)
        if isinstance(column, str):
            wanted.log.add(f"Left out as {column}", name)
        else:
            plan.append(column)
    if not plan:
        why = [s[0].lower() + s[1:-1] for s in wanted.log.sentences() if s.startswith("Left")]
        raise InputError(
            f"No usable feature is left beside the target {quote(wanted.target)} "
            f"({'; '.join(why) or 'it is the only column'}); give a table with more columns."
        )
    return Encoder((*plan, goal), wanted.log.sentences())


def lacking(wanted: Asked, digests: Mapping[str, Digest]) -> dict[str, tuple[Any, int]]:
    """Columns of numbers that need a median: how to read them, and how many numbers are known."""
    found = {}
    for name, digest in digests.items():
        if name != wanted.target and "words" not in digest and digest["low"] < digest["high"]:
            unknown = digest["missing"] + digest["odd"]
            if unknown:
                found[name] = (Column(name, odd=digest["odd"] > 0).raw, digest["n"] - unknown)
    return found


def _target(wanted: Asked, digest: Digest) -> Column:
    name = wanted.target
    column, seen = Column(name), digest
    if "words" in digest:
        read = _spelled(digest)
        if not isinstance(read, cells.Numbers):
            example = next(iter(digest["words"]), "")
            raise InputError(
                f"The target {quote(name)} holds text such as {quote(example)}; give a numeric "
                "column, or turn its text into numbers."
            )
        column, seen = _from_text(name, digest, read)
    unknown = seen["missing"] + seen["odd"]
    if unknown:
        first = seen["unknown"]
        where = f", first in row {first + 1} (counted from 1)" if first >= 0 else ""
        raise InputError(
            f"The target {quote(name)} is missing, infinite or {encode.BEYOND} in "
            f"{counted(unknown, 'row')}{where}; take such rows out or fill them in."
        )
    if seen["low"] == seen["high"]:
        raise InputError(
            f"The target {quote(name)} is {seen['low']:g} in every row; give a column that varies."
        )
    if seen["remark"]:
        wanted.log.add(f"Target read as numbers ({seen['remark']})", name)
    return replace(column, low=seen["low"], high=seen["high"])


def _feature(
    name: str, kind: str, digest: Digest, log: Notes, medians: Medians, looks: Looks
) -> Column | str:
    """The column as features, or why it is left out."""
    if "words" not in digest:
        return _usable(Column(name), digest, log, medians, looks)
    if digest.get("many") and kind != "text":
        raise too_many(name)
    levels = _levels(digest)
    read = _spelled(digest) if kind == "text" else levels
    if isinstance(read, cells.Other):
        return read.holds
    if isinstance(read, cells.Numbers):
        column, seen = _from_text(name, digest, read)
        return _usable(column, seen, log, {name: _median(digest, column)}, looks)
    if read.odd:
        kind = "Taken as text, though nearly all values are numbers"
        log.add(kind, name, f"but for {quote(read.odd)}")
    if read.signed:
        log.add(encode.SIGNED, name, f"such as {quote(read.signed)}")
    hot = onehot.one_hot(read)
    if isinstance(hot, str):
        return hot
    encode._tell(name, hot, log)
    *places, missing = hot.codes.tolist()
    return Column(
        name,
        known=dict(zip(digest["words"], places, strict=True)),
        missing=missing,
        names=hot.names,
    )


def _usable(
    column: Column, seen: Digest, log: Notes, medians: Medians, looks: Looks
) -> Column | str:
    """A numeric column, or why it is of no use."""
    name, unknown = column.name, seen["missing"] + seen["odd"]
    kind = f"Values infinite or {encode.BEYOND}" if seen["big"] else "Infinite values"
    if unknown == seen["n"]:
        return f"holding only {kind.lower()}" if seen["odd"] else "empty"
    if seen["low"] == seen["high"]:
        return "constant"
    counts_up = seen["step"]
    if column.known is not None and not unknown and seen["whole"] and not seen["twice"]:
        counts_up = looks.counts_up(name, column.raw)
    if not unknown and (counts_up or _all_differ(name, seen, looks)):
        return "id-like (a running number, or a distinct one in every row)"
    if seen["remark"]:
        log.add(f"Read as numbers ({seen['remark']})", name)
    if seen["odd"]:
        log.add(f"{kind} taken as missing", name, counted(seen["odd"], "row"))
    fill = np.nan
    if unknown:
        log.add("Missing numbers, imputed by the median", name, counted(unknown, "row"))
        fill = medians[name]
    return replace(
        column, low=seen["low"], high=seen["high"], fill=fill, odd=column.odd or seen["odd"] > 0
    )


def _all_differ(name: str, seen: Digest, looks: Looks) -> bool:
    """Whether a column that is called an id has another number in every row."""
    if not (seen.get("whole") and called_id(name)) or seen["twice"]:
        return False
    if seen["rising"]:
        return True
    # More rows than numbers in the range: some number comes twice.
    return seen["high"] - seen["low"] + 1 >= seen["n"] and looks.all_differ(name)


@dataclass(frozen=True)
class _Each:
    """Codes as of a whole table of `n` rows, but one for each of `k` words and one without."""

    k: int
    n: int

    def __len__(self) -> int:
        return self.n

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.append(np.arange(self.k), -1)


def _levels(digest: Digest) -> cells.Levels:
    found = digest["words"]
    counts = np.array(list(found.values()), dtype=int)
    codes: Any = _Each(len(found), digest["n"])
    return cells.Levels(codes, pa.array(list(found), pa.large_string()), counts)


def _spelled(digest: Digest) -> Any:
    """What the text of a column spells: numbers, dates, or just text."""
    if not digest["words"]:
        return cells.Numbers(np.array([np.nan]), "from text")
    return cells._text(_levels(digest))


def _from_text(name: str, digest: Digest, read: cells.Numbers) -> tuple[Column, Digest]:
    """Numbers that were written as text: their column, and what a digest of them would say."""
    values, counts = read.values[:-1], np.array(list(digest["words"].values()), dtype=int)
    odd = ~(np.abs(values) <= encode.HUGE)
    known = values[~odd]
    seen = {
        "n": digest["n"],
        "remark": read.remark,
        "missing": digest["n"] - int(counts.sum()),
        "odd": int(counts[odd].sum()),
        "big": bool(np.isfinite(values[odd]).any()),
        "unknown": -1,
        "low": float(known.min(initial=np.inf)),
        "high": float(known.max(initial=-np.inf)),
        "step": 0,
        "whole": bool((known == np.rint(known)).all()),
        "twice": len(np.unique(known)) < digest["n"],
        "rising": 1,  # no two are equal, in whatever order
    }
    spelled = dict(zip(digest["words"], values.tolist(), strict=True))
    return Column(name, known=spelled, odd=bool(odd.any())), seen


def _median(digest: Digest, column: Column) -> float:
    """The median of numbers that are known by how often each was written."""
    pairs = zip((column.known or {}).values(), digest["words"].values(), strict=True)
    pairs = sorted((v, count) for v, count in pairs if abs(v) <= encode.HUGE)
    values, counts = (np.array(column) for column in zip(*pairs, strict=True))
    below, n = np.cumsum(counts), int(counts.sum())
    middle = values[np.searchsorted(below, [(n - 1) // 2, n // 2], side="right")]
    return float(np.mean(middle))
