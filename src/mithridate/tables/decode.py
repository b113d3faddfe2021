"""Poison as rows of the table it was made for: numbers turned back into cells."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from .._text import counted, quote
from ..errors import InputError
from .cells import TRUTH_AS, Levels, Numbers, as_category, cells, spellings
from .encoded import Columns, Encoded
from .notes import titled
from .numerals import times_beside
from .reading import Marks
from .sheet import Pick, Sheet
from .spelled import spelled
from .written import written

# What scaling and back may add to a number, relative to the largest of its column.
NOISE = 16 * np.finfo(float).eps


def decode(
    frame: Any,
    encoded: Encoded,
    X: ArrayLike,
    y: ArrayLike,
    origin: ArrayLike,
    *,
    marks: Mapping[str, Marks] | None = None,
    kept: Collection[str] = (),
) -> Any:
    """Write encoded rows as rows of the table that they came from.

    Cells that read the same, and columns that `encoded` left out, are copied from the rows that the
    new ones start from. Library, columns, types and index are the table's.

    Parameters
    ----------
    frame : dataframe
        The table.
    encoded : Encoded
        The same as numbers.
    X : array-like, shape (p, d)
        Features of the new rows, in the table's units.
    y : array-like, shape (p,)
        Their targets.
    origin : array-like of int, shape (p,)
        The table's row that each starts from.
    marks : mapping of str to Marks, optional
        The marks of numbers by column: the table is of text, and new numbers are spelled likewise.
    kept : collection of str
        Columns whose new cells are ones that they have already, as those of times are.

    Returns
    -------
    dataframe
        The rows, as those of `frame` are.

    Raises
    ------
    InputError
        If the rows do not fit the table.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from mithridate.data import encode
    >>> frame = pa.table({"home": ["own", "rent"] * 20, "rooms": [3, 5] * 20, "pay": range(40)})
    >>> encoded = encode(frame, "pay")
    >>> decode(frame, encoded, X=[[0, 1, 4.9]], y=[7.2], origin=[2]).to_pylist()
    [{'home': 'rent', 'rooms': 5, 'pay': 7}]
    """
    sheet = Sheet.of(frame, encoded.name)
    poison, rows = _checked(sheet, encoded, X, y, origin)
    columns = encoded.columns
    _harden(poison, columns)
    picks: dict[int, Pick] = {}
    for column, features in _features(columns, encoded.target).items():
        place, j = sheet.place(column, encoded.name), features[0]
        if j < len(columns.names) and columns.group[j] >= 0 and columns.source[j] == column:
            level = poison[:, features].argmax(axis=1)
            picks[place] = _level_cells(sheet, place, encoded.X[:, features], level, rows)
        else:
            known = encoded.y if j == len(columns.names) else encoded.X[:, j]
            mark = None if marks is None else marks[column]
            step, values = float(columns.step[j]), poison[:, j]
            keeps = column in kept or keeps_cells(sheet.arrow(place))
            picks[place] = _number_cells(
                sheet, place, known, step, values, rows, marks=mark, keeps=keeps
            )
    return sheet.gather(rows, picks)


def _features(columns: Columns, target: str) -> dict[str, list[int]]:
    """The features that each column of the table became, the target last."""
    places: dict[str, list[int]] = {}
    for j, column in enumerate((*columns.column, target)):
        places.setdefault(column, []).append(j)
    return places


def _checked(
    sheet: Sheet, encoded: Encoded, X: ArrayLike, y: ArrayLike, origin: ArrayLike
) -> tuple[Float[np.ndarray, "p k"], Int[np.ndarray, " p"]]:
    """Poison with the target last, and the rows it started from, if all fits together."""
    total, d = encoded.X.shape
    X, y, rows = np.asarray(X, dtype=float), np.asarray(y, dtype=float), np.asarray(origin)
    if len(sheet.table) != total or len(encoded.columns.column) != d:
        raise InputError(
            f"The {titled(encoded.name)} of {counted(len(sheet.table), 'row')} does not go with "
            f"an encoding of {counted(total, 'row')}; give the table and what `encode` made of it."
        )
    if X.ndim != 2 or X.shape[1] != d or y.shape != X.shape[:1] or rows.shape != X.shape[:1]:
        raise InputError(
            f"Rows of shape {X.shape}, targets of shape {y.shape} and origins of shape "
            f"{rows.shape} were given; (p, {d}), (p,) and (p,) are needed."
        )
    if rows.size == 0:
        rows = rows.astype(int)
    if rows.dtype.kind not in "iu" or (rows < 0).any() or (rows >= total).any():
        raise InputError(f"The origins must be numbers of table rows, from 0 to {total - 1}.")
    poison = np.column_stack([X, y])
    gaps = np.append(np.isnan(encoded.X).any(axis=0), False)
    wrong = np.flatnonzero((np.isnan(poison) & ~gaps | np.isinf(poison)).any(axis=0))
    if wrong.size:
        name = (*encoded.columns.names, encoded.target)[wrong[0]]
        raise InputError(
            f"The rows to decode are infinite in {quote(name)}, or missing where the table never "
            "is; give finite numbers."
        )
    return poison, rows.astype(np.int64)


def _harden(poison: Float[np.ndarray, "p k"], columns: Columns) -> None:
    """Writes one level into each one-hot group, or none where that is legal and nearer."""
    for group, optional in enumerate(columns.optional):
        members = np.flatnonzero(columns.group == group)
        values = poison[:, members]
        one = values.argmax(axis=1)[:, None] == np.arange(members.size)
        poison[:, members] = one & (values > 0.5) if optional else one


def _level_cells(
    sheet: Sheet,
    place: int,
    known: Float[np.ndarray, "n l"],
    level: Int[np.ndarray, " p"],
    origin: Int[np.ndarray, " p"],
) -> Pick:
    """The origin's cell where it has the level already, else the level's most frequent spelling.

    So a pooled level is written as its most frequent word, a missing one as the table does it.
    """
    levels = known.argmax(axis=1)
    spelled = spellings(as_category(sheet.arrow(place)))
    pairs = levels * (spelled.max() + 2) + spelled + 1
    _, first, count = np.unique(pairs, return_index=True, return_counts=True)
    # The most frequent pair of a level comes last among its own, and so is the one that stays.
    order = np.argsort(-count, kind="stable")[::-1]
    example = np.zeros(known.shape[1], dtype=np.int64)
    example[levels[first[order]]] = first[order]
    return Pick(np.where(levels[origin] == level, origin, example[level]))


def _number_cells(
    sheet: Sheet,
    place: int,
    known: Float[np.ndarray, " n"],
    step: float,
    values: Float[np.ndarray, " p"],
    origin: Int[np.ndarray, " p"],
    *,
    marks: Marks | None,
    keeps: bool,
) -> Pick:
    """The origin's cell where it has the number already, else one that has it, else a new one."""
    column = sheet.arrow(place)
    low, missing = np.nanmin(known), np.isnan(values)
    if step > 0:  # numbers are told apart by their place on the lattice, which no rounding blurs
        on, at, noise = np.rint((known - low) / step), np.rint((values - low) / step), 0.0
    else:
        on, at, noise = known, values, NOISE * np.nanmax(np.abs(known))
    same = (np.abs(on[origin] - at) <= noise) | (missing & np.isnan(known[origin]))
    rows = np.where(same, origin, -1)
    if (missing & ~same).any():
        rows[missing & ~same] = _a_missing(column, known)
    rest = np.flatnonzero(rows < 0)
    if rest.size == 0:
        return Pick(rows)
    first, far = _nearest(on, at[rest])
    rows[rest] = np.where((far <= noise) | keeps, first, -1)
    new = np.flatnonzero(rows < 0)
    rows[new] = len(known) + np.arange(new.size)
    fresh = _plain(low + at[new] * step, step) if step > 0 else values[new]
    if marks is not None:
        cells_of = column.fill_null("").to_pylist()
        return Pick(
            rows, spelled(fresh.tolist(), [cells_of[o] for o in origin[new]], cells_of, marks)
        )
    return Pick(rows, written(fresh, column, sheet.bounds(place), sheet.kinds(place)))


def _nearest(known: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first row that has the number nearest to each value (p,), and how far it is."""
    distinct, first = np.unique(known, return_index=True)
    last = distinct.size - np.isnan(distinct[-1])  # the numbers; NaN comes last, once
    right = np.searchsorted(distinct[:last], values).clip(1, last - 1)
    left = values - distinct[right - 1] <= distinct[right] - values
    at = np.where(left, right - 1, right)
    return first[at], np.abs(distinct[at] - values)


def _a_missing(column: pa.ChunkedArray, known: np.ndarray) -> int:
    """A row where the column is missing: truly, rather than infinite or a word for it."""
    gaps = np.isnan(known)
    empty = gaps & column.is_null(nan_is_null=True).to_numpy()
    return int((empty if empty.any() else gaps).argmax())


def keeps_cells(column: pa.ChunkedArray) -> bool:
    """Say whether new cells of a column are ones that it has already.

    Of the two truth values, no number lies between or beyond.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        The column.

    Returns
    -------
    bool
        True for truth values and times.
    """
    levels = cells(column)
    if isinstance(levels, Levels):
        return times_beside(levels.words.to_pylist(), levels.counts.tolist()) is not None
    return isinstance(levels, Numbers) and (levels.remark == TRUTH_AS or levels.parts > 0)


def _plain(values: np.ndarray, step: float) -> np.ndarray:
    """Numbers on a lattice without the dust of arithmetic: 0.3, not 0.30000000000000004."""
    with np.errstate(all="ignore"):
        short = np.round(values, 6 - int(np.floor(np.log10(step))))
        return np.where(np.abs(short - values) <= 1e-9 * step, short, values)
