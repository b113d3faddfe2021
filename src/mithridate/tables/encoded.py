"""A table turned into numbers, and the three parts it is cut into."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from .._text import counted
from ..errors import InputError
from .notes import titled

LEAST_ROWS = 40  # fewer cannot be cut into three parts of useful size
LEAST_JUDGED = 10  # among fewer rows, poison looks like noise
LEAST_TRAIN = 10
MOST_TEST = 2000


@dataclass(frozen=True, eq=False)
class Columns:
    """What each of the `d` encoded features is, and poison must obey.

    Parameters
    ----------
    names : tuple of str, length d
        The features as encoded, such as `zoning=RL` or `age`.
    source : tuple of str, length d
        The table's column, or the recognized one-hot prefix, that a feature belongs to.
    group : ndarray of int, shape (d,)
        Index of its one-hot group, or -1.
    optional : ndarray of bool, shape (g,)
        True where a row of zeros is legal in that group (a dropped reference level).
    step : ndarray, shape (d + 1,)
        Spacing of the values in the table's units, 0 for continuous ones; the target last.
    column : tuple of str, length d
        The table's column that holds the feature, needed by `decode`.
    dated : tuple of str
        Which of the names are days since 1970.
    """

    names: tuple[str, ...]
    source: tuple[str, ...]
    group: Int[np.ndarray, " d"]
    optional: Bool[np.ndarray, " g"]
    step: Float[np.ndarray, " k"]
    column: tuple[str, ...] = ()
    dated: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Part:
    """Rows of one part of a table, scaled.

    Parameters
    ----------
    X : ndarray, shape (n, d)
        Features.
    y : ndarray, shape (n,)
        Targets.
    w : ndarray, shape (n,), optional
        Weights of the rows; None: all weigh the same.
    """

    X: Float[np.ndarray, "n d"]
    y: Float[np.ndarray, " n"]
    w: Float[np.ndarray, " n"] | None = None

    def take(self, rows: np.ndarray) -> "Part":
        """Give some of the rows.

        Parameters
        ----------
        rows : ndarray of int or bool
            Their numbers, or a mask.

        Returns
        -------
        Part
            These rows, with their weights.
        """
        return Part(self.X[rows], self.y[rows], None if self.w is None else self.w[rows])


@dataclass(frozen=True, eq=False)
class Split:
    """Training, validation and test rows, scaled by the box of the training rows or of the table.

    `table units = scaled * scale + shift`, so that training values lie in [0, 1]; the others may
    leave it, unless the whole table gave the scale. A feature that is constant in the rows that
    gave the scale has scale 1 and `lower = upper = 0`, one that is constant in the training part
    has step 0. Features of a one-hot group are never shifted or stretched, so that one-hot in the
    table is one-hot here: one that is always 1 has `lower = upper = 1`.

    Parameters
    ----------
    train, validation, test : Part
        The three parts.
    lower, upper : ndarray, shape (d + 1,)
        The box of the training rows in scaled units, the target last.
    step : ndarray, shape (d + 1,)
        Spacing of the values in scaled units, 0 for continuous ones.
    shift, scale : ndarray, shape (d + 1,)
        What takes scaled values back to the table's units.
    columns : Columns
        What each feature is.
    rows : ndarray of int, shape (n,)
        The numbers that the training rows have in the table.
    others : Part, optional
        The test rows that an attack is not about, where it is about some of them only; `test` then
        holds the others.
    """

    train: Part
    validation: Part
    test: Part
    lower: Float[np.ndarray, " k"]
    upper: Float[np.ndarray, " k"]
    step: Float[np.ndarray, " k"]
    shift: Float[np.ndarray, " k"]
    scale: Float[np.ndarray, " k"]
    columns: Columns
    rows: Int[np.ndarray, " n"] = field(default_factory=lambda: np.zeros(0, dtype=int))
    others: Part | None = None


@dataclass(frozen=True, eq=False)
class Encoded:
    """A table as numbers in its own units.

    Parameters
    ----------
    name : str
        What the table is called.
    target : str
        The column to predict.
    X : ndarray, shape (N, d)
        Features, NaN where a number is missing.
    y : ndarray, shape (N,)
        Targets.
    columns : Columns
        What each feature is.
    notes : tuple of str
        What was left out, pooled, imputed, recognized or guessed, a sentence each.
    by_time : {0, 1, -1}, default 0
        1 where the rows are in the order of time, -1 where they are in the reverse.
    weights : ndarray, shape (N,), optional
        Weights of the rows; None: all weigh the same.

    Examples
    --------
    >>> from mithridate.data import load
    >>> diabetes = load("diabetes")
    >>> diabetes.X.shape, diabetes.target
    ((442, 10), 'progression')
    >>> split = diabetes.split(seed=0)
    >>> len(split.train.y), len(split.validation.y), len(split.test.y)
    (221, 110, 111)
    """

    name: str
    target: str
    X: Float[np.ndarray, "n d"]
    y: Float[np.ndarray, " n"]
    columns: Columns
    notes: tuple[str, ...]
    by_time: int = 0
    weights: Float[np.ndarray, " n"] | None = None

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the names and the numbers; `-0.0` counts as 0, every NaN as the same."""
        names = [*self.columns.names, self.target]
        digest = hashlib.sha256(json.dumps([names, self.X.shape]).encode())
        more = [] if self.weights is None else [self.weights]
        for column in (*self.X.T, self.y, *more):
            plain = column.astype("<f8") + 0.0
            plain[np.isnan(plain)] = np.nan
            digest.update(plain.data)
        return digest.hexdigest()

    def split(
        self, seed: int, rows: int = 300, scaled: str = "training", *, zero: bool = False
    ) -> Split:
        """Cut the table into training, validation and test rows.

        Missing numbers become the median of the training part. Rows in the order of time are not
        drawn: each part is later than the one before.

        Parameters
        ----------
        seed : int
            Which rows go where; of rows in the order of time, at which one the parts begin.
        rows : int, default 300
            Training rows, at most half of the table. Validation takes half of the rest, at most as
            many as training; the test part takes what remains, at most 2000.
        scaled : {"training", "table"}, default "training"
            Whose ranges stretch the columns to [0, 1]: those of the training rows, or of the table.
        zero : bool, default False
            Whether a target of 0 stays 0: it is stretched, and not shifted.

        Returns
        -------
        Split
            The parts, scaled.

        Raises
        ------
        InputError
            If a part would have too few rows, or one single target.
        """
        cut = self._cut(seed, rows)
        tables = [np.column_stack([self.X[c], self.y[c]]) for c in cut]
        train = tables[0]
        self._impute(train, tables)
        low, high = train.min(axis=0), train.max(axis=0)
        bottom, top = (low, high) if scaled == "training" else self._range()
        grouped = np.append(self.columns.group >= 0, False)
        shift = np.where(grouped, 0.0, bottom)
        if zero:
            shift[-1] = 0.0
        scale = np.where(grouped | (top == bottom), 1.0, top - bottom)
        parts = [self._scaled(table, shift, scale) for table in tables]
        return Split(
            *(self._weighed(part, c, cut[0]) for part, c in zip(parts, cut, strict=True)),
            lower=(low - shift) / scale,
            upper=(high - shift) / scale,
            step=np.where(high == low, 0.0, self.columns.step / scale),
            shift=shift,
            scale=scale,
            columns=self.columns,
            rows=cut[0],
        )

    def _range(self) -> tuple[np.ndarray, np.ndarray]:
        """The least and the largest value of each column of the table, the target last."""
        whole = np.column_stack([self.X, self.y])
        return np.nanmin(whole, axis=0), np.nanmax(whole, axis=0)

    def _cut(self, seed: int, rows: int) -> list[np.ndarray]:
        """Row numbers of the three parts; refuses a part from which nothing can be learned."""
        total = len(self.y)
        check_rows(total, self.name)
        if rows < LEAST_TRAIN:
            raise InputError(
                f"{rows} training rows were asked for, at least {LEAST_TRAIN} are needed; "
                "ask for more rows."
            )
        train = min(rows, total // 2)
        validation = min((total - train) // 2, train)
        test = min(total - train - validation, MOST_TEST)
        order = self._order(np.random.default_rng(seed), train + validation + test)
        parts = np.split(order, [train, train + validation])
        for part, rows_of_part in zip(("training", "validation", "test"), parts, strict=True):
            if np.ptp(self.y[rows_of_part]) == 0:
                raise InputError(
                    f"The target has one single value in all {len(rows_of_part)} {part} rows of "
                    f"seed {seed}; take more rows, another seed or a target that varies."
                )
        return parts

    def _order(self, rng: np.random.Generator, used: int) -> Int[np.ndarray, " n"]:
        """The rows of the three parts, one after the other."""
        total = len(self.y)
        if not self.by_time:
            return rng.permutation(total)[:used]
        rows = np.arange(total)[:: self.by_time]
        first = int(rng.integers(0, total - used + 1))
        return rows[first : first + used]

    def _impute(self, train: np.ndarray, tables: Sequence[np.ndarray]) -> None:
        """Writes the median of the training rows, put on the lattice, where numbers are missing."""
        for j in np.flatnonzero(np.isnan(self.X).any(axis=0)):
            known = train[:, j][~np.isnan(train[:, j])]
            if known.size == 0:  # nothing to learn from: any value of the column will do
                known = self.X[:, j][~np.isnan(self.X[:, j])][:1]
            fill, step = np.median(known), self.columns.step[j]
            if step > 0:
                fill = known[0] + np.round((fill - known[0]) / step) * step
            for table in tables:
                table[np.isnan(table[:, j]), j] = fill

    def _weighed(self, part: Part, rows: np.ndarray, train: np.ndarray) -> Part:
        """The part with its weights, if rows have some; those that train have mean 1."""
        if self.weights is None:
            return part
        return replace(part, w=self.weights[rows] / max(self.weights[train].mean(), 1e-300))

    @staticmethod
    def _scaled(table: np.ndarray, shift: np.ndarray, scale: np.ndarray) -> Part:
        scaled = (table - shift) / scale
        return Part(np.ascontiguousarray(scaled[:, :-1]), scaled[:, -1].copy())


def check_rows(total: int, name: str) -> None:
    """Refuse a table that is too short to be cut in three.

    Parameters
    ----------
    total : int
        Number of its rows.
    name : str
        What the table is called.

    Raises
    ------
    InputError
        If it has too few rows.
    """
    _check(total, LEAST_ROWS, name, "cut it into training, validation and test rows")


def check_judged(total: int, name: str) -> None:
    """Refuse a table that is too short for rows to be judged by the others.

    Parameters
    ----------
    total : int
        Number of its rows.
    name : str
        What the table is called.

    Raises
    ------
    InputError
        If it has too few rows.
    """
    _check(total, LEAST_JUDGED, name, "judge any of them by the others")


def _check(total: int, least: int, name: str, why: str) -> None:
    if total < least:
        raise InputError(
            f"The {titled(name)} has {counted(total, 'row')}, at least {least} are needed to "
            f"{why}; give a longer table."
        )
