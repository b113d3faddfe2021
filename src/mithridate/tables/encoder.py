"""Columns as numbers: how each is read, filled and scaled, block by block."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from .digest import HUGE, days, numbers, without, words
from .encoded import Columns

Rows = pa.Table | pa.RecordBatch | Mapping[str, pa.ChunkedArray]


@dataclass(frozen=True, eq=False)
class Column:
    """How a column becomes features: by numbers, or by levels where `names` has any.

    Parameters
    ----------
    name : str
        The column of the table.
    low, high : float
        The range of its numbers, without the base.
    fill : float
        What a missing number becomes.
    odd : bool
        Whether some numbers are too large to be used, and so count as missing.
    known : mapping of str to float, optional
        The value or level of each word.
    other : float
        That of any other word.
    missing : float
        That of a missing cell.
    names : tuple of str
        The levels, one feature each; empty for numbers.
    base : int
        Taken off large integers before they lose their last digits.
    parts : int
        Values are multiples of 1/`parts`, where that is not 0.
    dated : bool
        Whether words are days.
    title : str
        The name of one of several columns made of one.
    gone : tuple of str
        Words for "no value".
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
    base: int = 0
    parts: int = 0
    dated: bool = False
    title: str = ""
    gone: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """What it is called beside the other columns."""
        return self.title or self.name

    def raw(self, rows: Rows) -> np.ndarray:
        """Read the values of some rows.

        Parameters
        ----------
        rows : mapping or table
            The columns, by name.

        Returns
        -------
        array of float, shape (n,)
            Values without the base, or numbers of levels; NaN where missing.
        """
        column = without(rows[self.name], self.gone)
        if self.known is None:
            values = numbers(column, self.base)
        else:
            levels = words(days(column) if self.dated else column)
            numbered = [self.known.get(word, self.other) for word in levels.words.to_pylist()]
            values = np.array([*numbered, self.missing])[levels.codes]
        return np.where(np.abs(values) > HUGE, np.nan, values) if self.odd else values

    def write(self, values: np.ndarray, out: np.ndarray, scaled: bool, filled: bool = True) -> None:
        """Write the features of raw values: missing ones filled, by the column's range.

        Parameters
        ----------
        values : array of float, shape (n,)
            As `raw` gives them.
        out : array of float, shape (k, n)
            Where the features go.
        scaled : bool
            Whether numbers become shares of the range.
        filled : bool
            Whether missing numbers are filled.
        """
        if self.names:
            for level in range(len(self.names)):
                np.equal(values, level, out=out[level], casting="unsafe")
        elif not scaled:
            np.add(values, self.base, out=out[0])
        else:
            if filled and not isnan(self.fill):
                values = np.where(np.isnan(values), self.fill, values)
            np.subtract(values, self.low, out=out[0])
            out[0] /= self.high - self.low


class Encoder(NamedTuple):
    """The features' columns and, last, the target's; with what was said of them.

    Parameters
    ----------
    columns : tuple of Column
        The columns.
    notes : tuple of str
        What was said of them, a sentence each.
    """

    columns: tuple[Column, ...]
    notes: tuple[str, ...]

    @property
    def target(self) -> Column:
        """The target's column."""
        return self.columns[-1]

    @property
    def needed(self) -> list[str]:
        """The names of the columns that are read."""
        return list(dict.fromkeys(column.name for column in self.columns))

    @property
    def width(self) -> int:
        """The number of features."""
        return sum(max(len(column.names), 1) for column in self.columns)

    def __call__(
        self,
        table: pa.Table,
        scaled: bool = True,
        out: np.ndarray | None = None,
        filled: bool = True,
    ) -> np.ndarray:
        """Rows by columns, `Z` (d + 1, n): by their ranges, or as they are in the table.

        What is missing is NaN in columns as they are, and in those that are not to be filled yet.
        """
        out, first = np.empty((self.width, table.num_rows)) if out is None else out, 0
        for batch in table.to_batches():  # joining them would copy them
            self.fill(batch, out[:, first : first + len(batch)], scaled, filled)
            first += len(batch)
        return out

    def fill(self, rows: Rows, out: np.ndarray, scaled: bool, filled: bool = True) -> None:
        """Write the numbers of rows.

        Parameters
        ----------
        rows : mapping or table
            The columns, by name.
        out : array of float, shape (d + 1, n)
            Where the numbers go, the target last.
        scaled : bool
            Whether numbers become shares of their ranges.
        filled : bool
            Whether missing numbers are filled.
        """
        for column, at in self.places():
            part = slice(at, at + max(len(column.names), 1))
            column.write(column.raw(rows), out[part], scaled, filled)

    def unscaled(self, Z: np.ndarray, blank: np.ndarray | None) -> np.ndarray:
        """Give scaled numbers back in the units of the table.

        Parameters
        ----------
        Z : array of float, shape (d + 1, n)
            The numbers by their ranges, the target last.
        blank : array of bool, shape (d, n), or None
            Which features were missing, as `fill_gaps` gives it.

        Returns
        -------
        array of float, shape (d + 1, n)
            As the columns are in the table, NaN where missing.
        """
        raw = Z.copy()
        for column, at in self.places():
            if not column.names:
                raw[at] = raw[at] * (column.high - column.low) + column.low + column.base
        if blank is not None:
            raw[:-1][blank] = np.nan
        return raw

    def fill_gaps(self, Z: np.ndarray) -> np.ndarray | None:
        """Fill scaled numbers that are missing.

        Parameters
        ----------
        Z : array of float, shape (d + 1, n)
            The numbers, NaN where missing; they are filled in place.

        Returns
        -------
        array of bool, shape (d, n), or None
            Which were missing; None if no column has any.
        """
        gaps = [(c, at) for c, at in self.places()[:-1] if not (c.names or isnan(c.fill))]
        if not gaps:
            return None
        blank = np.zeros((len(Z) - 1, Z.shape[1]), dtype=bool)
        for column, at in gaps:
            np.isnan(Z[at], out=blank[at])
            Z[at, blank[at]] = (column.fill - column.low) / (column.high - column.low)
        return blank

    def places(self) -> list[tuple[Column, int]]:
        """List the columns, each with the number of its first feature.

        Returns
        -------
        list of pairs of Column and int
            The columns; the target's number is d.
        """
        widths = [max(len(column.names), 1) for column in self.columns]
        return list(zip(self.columns, np.cumsum([0, *widths[:-1]]).tolist(), strict=True))

    def about(self) -> Columns:
        """Describe the features as the rest of the house knows them.

        Returns
        -------
        Columns
            What each feature is.
        """
        made = [(c, level) for c in self.columns[:-1] for level in c.names or (None,)]
        names = _unique([c.shown if x is None else f"{c.shown}={x}" for c, x in made])
        hot = [c for c in self.columns[:-1] if c.names]
        group = np.array([-1 if x is None else hot.index(c) for c, x in made])
        step = np.zeros(len(made) + 1)
        source, column = (tuple(c.shown for c, _ in made), tuple(c.name for c, _ in made))
        days = [x is None and c.dated for c, x in made]
        dated = tuple(name for name, is_day in zip(names, days, strict=True) if is_day)
        return Columns(names, source, group, np.zeros(len(hot), dtype=bool), step, column, dated)


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    """Names made distinct: a column called `a=b` may stand beside level `b` of column `a`."""
    taken: dict[str, None] = {}
    for name in names:
        unique, k = name, 2
        while unique in taken:
            unique, k = f"{name} ({k})", k + 1
        taken[unique] = None
    return tuple(taken)
