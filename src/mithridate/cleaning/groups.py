"""Where rows come from: how many of each source were rejected, and whether that is chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Int
from scipy.stats import hypergeom

from .._text import listing, percent, quote
from ..data.load import Opened
from ..errors import InputError
from ..tables.cells import Levels
from ..tables.cells import levels as levels_of
from .bits import kept_between

CHANCE = 0.01  # probability that any source of a clean table is named, over all that are tested
MISSING = "(missing)"
SHIFTS = (
    ("shift", "shift", pa.float64()),
    ("shift_low", "low", pa.float64()),
    ("shift_high", "high", pa.float64()),
    ("off", "off", pa.bool_()),
)
_LABEL_LENGTH = 56  # characters of a source's name in the messages of a defense
MAX_NAMED = 200_000  # sources that can be counted in passes
MAX_LEVELS = 200  # a column with more values is not taken for a source unless it is named


class Groups(NamedTuple):
    """The rows by their source: row `i` comes from `names[codes[i]]`, as the column has it."""

    column: str
    names: list[str]
    codes: Int[np.ndarray, " n"]

    @classmethod
    def of(cls, table: Opened, column: str, target: str) -> "Groups":
        """An InputError where the column cannot say where a row comes from."""
        column = table.known(column, "to group the rows by")
        levels = levels_of(table.columns[column])
        if column == target:
            raise InputError(
                f"The target {quote(column)} cannot group the rows too; give the column that says "
                "where a row comes from (a source, day or vendor)."
            )
        if levels is None:
            kind = table.columns[column].type
            raise InputError(
                f"The column {quote(column)} is of type {kind}, which cannot group rows; give one "
                "of text, numbers or dates."
            )
        names, codes = _named(levels)
        if len(names) == len(codes):
            raise InputError(
                f"The column {quote(column)} differs in every row, so it puts each into a group of "
                "its own; give one that rows of the same source share."
            )
        return cls(column, names, codes)

    @property
    def labels(self) -> np.ndarray:
        """The name of each row's group (n,), cut short where it is endless, but still distinct."""
        taken: dict[str, None] = {}
        for name in self.names:
            short, k = name if len(name) <= _LABEL_LENGTH else f"{name[: _LABEL_LENGTH - 1]}…", 2
            unique = short
            while unique in taken:
                unique, k = f"{short} ({k})", k + 1
            taken[unique] = None
        return np.array(list(taken))[self.codes]

    def tallies(self, kept: Bool[np.ndarray, " n"]) -> list["Tally"]:
        """The tally of each group, the most suspicious first."""
        return tallied(self.names, *_counts(self.codes, len(self.names), kept))


class Tally(NamedTuple):
    """A group of rows; `p` is the chance of as many rejected ones in any group of the table."""

    name: str
    rows: int
    rejected: int
    p: float

    @property
    def share(self) -> float:
        return self.rejected / self.rows

    @property
    def beyond(self) -> bool:
        """Whether so many of its rows were rejected that chance does not explain it."""
        return self.p < CHANCE


def tallied(names: Sequence[str], every: np.ndarray, here: np.ndarray) -> list[Tally]:
    """The tallies of groups of `every` rows, of which `here` were rejected, the worst first."""
    p = np.minimum(_chances(every, here) * len(every), 1.0)
    order = np.lexsort([-here / every, p])
    return [Tally(str(names[g]), int(every[g]), int(here[g]), float(p[g])) for g in order.tolist()]


@dataclass(frozen=True, eq=False)
class CountsOf:
    """How many rows of each name in a column a block has, and how many of them are rejected.

    `bits` has a bit for each row of the table, 1 where it is kept.
    """

    column: str
    bits: bytes

    def __call__(self, block: tuple[int, pa.Table]) -> dict[str, np.ndarray]:
        start, table = block
        kept = kept_between(self.bits, start, start + len(table))
        levels = levels_of(table[self.column])
        assert levels is not None  # or it was refused by the sample
        names, codes = _named(levels)
        return dict(zip(names, np.transpose(_counts(codes, len(names), kept)), strict=True))


def added(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The counts of two parts of a table, whose names may be others."""
    for name, counts in other.items():
        one[name] = one[name] + counts if name in one else counts
    if len(one) > MAX_NAMED:
        raise InputError(
            f"The column to group the rows by has more than {MAX_NAMED:,} different values; give "
            "one that rows of the same source share."
        )
    return one


def names_of(cells: pa.ChunkedArray) -> list[str]:
    """The source of each of some rows, by what they have in the column of sources."""
    levels = levels_of(cells)
    assert levels is not None  # or it was refused by the sample
    names, codes = _named(levels)
    return [names[code] for code in codes.tolist()]


def _named(levels: Levels) -> tuple[list[str], np.ndarray]:
    """Names and codes of all levels that occur, the missing ones as a level of their own."""
    names, codes = levels.words.to_pylist(), levels.codes
    if (codes < 0).any():
        if MISSING not in names:
            names.append(MISSING)
        codes = np.where(codes < 0, names.index(MISSING), codes)
    return names, codes


def _counts(codes: np.ndarray, g: int, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and rejected rows of each group."""
    return np.bincount(codes, minlength=g), np.bincount(codes[~kept], minlength=g)


def _chances(every: np.ndarray, here: np.ndarray) -> Float[np.ndarray, " g"]:
    """The chance of so many rejected rows in each group, of each by itself.

    Of k rejected among n rows, a group of m rows has a hypergeometric number.
    """
    # Many groups have the same counts, and each tail is an expensive sum.
    (m, r), place = np.unique([every, here], axis=1, return_inverse=True)
    p: Float[np.ndarray, " u"] = hypergeom.sf(r - 1, int(every.sum()), m, int(here.sum()))
    return p[place.ravel()]


def source_sentence(by: str, tallies: Sequence[Tally]) -> str:
    """The groups in one sentence, the most suspicious first; `by` names what they are values of."""
    shown = listing([
        f"{quote(t.name)} {t.rejected:,} of {t.rows:,} ({percent(t.share)}"
        f"{', beyond chance' if t.beyond else ''})"
        for t in tallies
    ])  # fmt: skip
    end = "" if any(t.beyond for t in tallies) else "; none beyond chance"
    return f"Source: rejected rows by {by}: {shown}{end}."


def overrepresented(table: Mapping[str, pa.ChunkedArray], kept: Bool[np.ndarray, " n"]) -> str:
    """The value in any of these columns that is most over-represented among the rejected rows."""
    least, sentence, tests, n, k = 1.0, "", 0, len(kept), int((~kept).sum())
    for name, cells in table.items():
        levels = levels_of(cells)
        if levels is None or len(levels.words) > MAX_LEVELS:
            continue
        words, codes = _named(levels)
        if len(words) == 1:
            continue
        every, here = _counts(codes, len(words), kept)
        p = _chances(every, here)
        tests += len(words)
        # In a large table even a small difference is significant, but not worth a line.
        p[(here < 3) | (here * n < 1.5 * every * k)] = 1.0
        at = int(p.argmin())
        if p[at] < least:
            least, share = float(p[at]), percent(every[at] / n)
            sentence = (
                f"{quote(name)} is {quote(words[at])} in {here[at]:,} of the {k:,} rejected rows, "
                f"but in {share} of all rows."
            )
    return sentence if least * tests < CHANCE else ""


def framed(tallies: list[Tally], shifts: Mapping[str, Any], frame: Any) -> Any:
    """The groups as a frame of the library that the table came in, with the shifts of sources."""
    rows = pa.table(
        {
            "group": pa.array([t.name for t in tallies], pa.string()),
            "rows": [t.rows for t in tallies],
            "rejected": [t.rejected for t in tallies],
            "share": [t.share for t in tallies],
            "p_value": [t.p for t in tallies],
            "beyond_chance": [t.beyond for t in tallies],
            **{
                name: pa.array([getattr(shifts.get(t.name), at, None) for t in tallies], kind)
                for name, at, kind in (SHIFTS if shifts else ())
            },
        }
    )
    backend = nw.get_native_namespace(nw.from_native(frame, eager_only=True))
    return nw.from_arrow(rows, backend=backend).to_native()
