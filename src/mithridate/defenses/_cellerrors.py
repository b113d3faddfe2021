"""CellErrors: single cells of a table that the other cells of their rows contradict."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Self

import numpy as np
from jaxtyping import Bool, Float, Int
from sklearn.base import BaseEstimator

from .._machine import cores
from ..passes.block import no_other_threads
from ._cellmodel import CellModel, CellVerdict, Lines, Unit, even
from ._evenscale import Form
from ._targeterrors import figure
from .frames import ARRAYS, validated

Rows = Float[np.ndarray, "m d"]
Column = Float[np.ndarray, " m"]

CUT = float(np.log(10.0))  # log odds above which a slip is flagged: ten to one
GROSS = float(np.log(100.0))  # the same of an error that no slip explains
_MAX_LEVELS = 10  # different values; a column with no more holds codes or grades
_MIN_ROWS = 30  # rows that a column needs, to be predicted from the others
_COMMON_SHARE = 0.05  # of the rows: a value that this many have is no error
_TIED = 0.1, 3.0  # share of the commonest value, and times the next, from which on it is left out
_MAX_GROSS_SHARE = 0.03  # of a column: more gross cells are another population, not errors
_EXTREME_SIGMAS = 10.0  # robust standard deviations from the median: beyond, a value is extreme
_DRAWS = 5000  # simulated honest cells, from which the rate of false flags is estimated
_MAX_EXTREME_SHARE = 0.01  # of the column: more such values are its tail
_PARALLEL_CELLS = 100_000  # cells of a table; from here on one thread a column is faster


class _CellTable(NamedTuple):
    """The cells that are judged: values (m, d) with gaps filled, the target last if there is one.

    `known` says which of them are there, `columns` which columns are judged, and `plain` by column
    the scale on which it is even by itself.
    """

    X: Rows
    known: Bool[np.ndarray, "m d"]
    columns: list[int]
    units: list[Unit]
    plain: dict[int, Form]

    def predictors(self, X: Rows) -> Rows:
        """The columns on even scales, those that are not judged by their spread."""
        F = np.empty_like(X)
        for j in range(X.shape[1]):
            F[:, j] = self.standard(X[:, j], j)
        return F

    def standard(self, x: Column, j: int) -> Column:
        """Values of a column in robust standard deviations of its even scale."""
        z = self.units[j](x)
        if j not in self.plain:
            return z
        form = self.plain[j]
        return Unit.of(form(self.units[j](self.X[:, j])))(form(z))

    def far(self, x: Column, j: int) -> Bool[np.ndarray, " m"]:
        """Whether values of a column are extreme on its own scale."""
        return np.abs(self.standard(x, j)) > _EXTREME_SIGMAS


class _ColumnModel(NamedTuple):
    """The model of a column, the rows (m,) that it was fitted on, and what it says of them."""

    rows: Bool[np.ndarray, " m"]
    model: CellModel
    verdict: CellVerdict


class CellErrors(BaseEstimator):
    """Find single cells that the other cells of their rows contradict; nothing is removed.

    Each column of numbers is predicted from all others, the target among them, by a robust line
    through the other rows, on the scale of the column (x, or asinh of it) where its noise is most
    even. Three hypotheses compete for each cell: noise (Student's t with 4 degrees of freedom, of a
    scale that goes with the prediction); a slip of the decimal point by one to three places, after
    which the cell would be noise; and a gross error, a Cauchy density as wide as the column. Their
    shares are learned for each column by expectation maximization. In each row the cell that is
    most likely wrong is then replaced by its prediction, and all columns are predicted again, so
    that a wrong cell does not make others look wrong.

    Columns of ten values or fewer are codes and are not judged, nor values that one row in twenty
    shares. Where more than 3 % of a column look grossly wrong they are another population, and none
    of them is flagged.

    Parameters
    ----------
    columns : sequence of int, optional
        The columns of X to judge; all by default.

    Attributes
    ----------
    scores_ : ndarray of shape (n, d)
        Log odds that a cell is wrong; NaN where it was not judged.
    flagged_ : ndarray of bool, shape (n, d)
        Whether it is ten times as likely a slip as right, a hundred times as likely a gross error,
        or extreme on its column's own scale.
    expected_, expected_low_, expected_high_ : ndarray of shape (n, d)
        What the other cells of the row say, in units of X, and where 95 % of honest cells lie.
    slips_ : ndarray of int, shape (n, d)
        The power of ten by which the cell is too large, where that explains it; else 0.
    extreme_ : ndarray of bool, shape (n, d)
        Whether the cell lies beyond 10 robust standard deviations of its column.
    chance_ : float
        How many cells of an honest table like this would be flagged, on average.
    skipped_ : dict of int to str
        Columns that were not judged, and why.
    n_features_in_ : int
        Number of columns of X, d.

    See Also
    --------
    TargetErrors : The same question of the target, by trees as well, with a gate before rows go.

    Notes
    -----
    Of n rows and d columns it takes one inverse of a d x d matrix and some 100 products of it with
    the rows for each column.

    References
    ----------
    Rousseeuw and Van den Bossche, "Detecting deviating data cells", Technometrics 60 (2018), for
    cells predicted from the others of their rows. The slips, the even scales and the mixture are
    this project's own.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> width = rng.uniform(2.0, 9.0, 200)
    >>> X = np.column_stack([width, 3.0 * width + rng.normal(size=200)])
    >>> X[7, 0] *= 10
    >>> found = CellErrors().fit(X)
    >>> np.argwhere(found.flagged_), found.slips_[7]
    (array([[7, 0]]), array([1, 0]))
    """

    scores_: Rows
    flagged_: Bool[np.ndarray, "n d"]
    expected_: Rows
    expected_low_: Rows
    expected_high_: Rows
    slips_: Int[np.ndarray, "n d"]
    extreme_: Bool[np.ndarray, "n d"]
    chance_: float
    skipped_: dict[int, str]
    n_features_in_: int

    def __init__(self, columns: Sequence[int] | None = None):
        self.columns = columns

    def fit(self, X: Any, y: Any = None) -> Self:
        """Judge the cells of a table.

        Parameters
        ----------
        X : array-like or frame, shape (n, d)
            Numbers, NaN where one is missing. Zero must mean zero, or a slip of the decimal point
            cannot be told: do not shift the columns.
        y : array-like, shape (n,), optional
            A target, from which cells are predicted too, and which is not reported.

        Returns
        -------
        CellErrors
            The estimator itself, fitted.

        Raises
        ------
        ValueError
            If X is no table of numbers.
        """
        checks = {**ARRAYS, "ensure_all_finite": "allow-nan"}
        if y is None:
            X = validated(self, X, reset=True, **checks)
        else:
            X, y = validated(self, X, y, reset=True, **checks, y_numeric=True)
        n, d = X.shape
        self.scores_, self.expected_, self.expected_low_, self.expected_high_ = np.full(
            (4, n, d), np.nan
        )
        self.slips_ = np.zeros((n, d), dtype=np.int64)
        self.flagged_, self.extreme_ = np.zeros((2, n, d), dtype=bool)
        self.chance_ = 0.0
        with no_other_threads():
            self._judge(X, y)
        return self

    def how_sure(self) -> str:
        """Say how many cells of an honest table would be flagged, in one sentence.

        Returns
        -------
        str
            The sentence.
        """
        return f"Noise like that of this table would flag {figure(self.chance_)}."

    def _judge(self, X: Rows, y: Column | None) -> None:
        table = self._table(X, y)
        if not table.columns:
            return
        F = table.predictors(table.X)
        first = self._columns(table, Lines.of(F), {})
        chosen = {j: one.model.form for j, one in first.items()}
        F = table.predictors(_filled(table, first, F))
        for j, one in self._columns(table, Lines.of(F), chosen).items():
            if j >= self.n_features_in_:
                continue  # the target
            rows, verdict = one.rows, one.verdict
            self.scores_[rows, j], self.slips_[rows, j] = verdict.odds, verdict.slip
            self.expected_[rows, j] = verdict.expected
            self.expected_low_[rows, j], self.expected_high_[rows, j] = verdict.low, verdict.high
            self.chance_ += self._chance(one, table)
        self._flag(table)

    def _table(self, X: Rows, y: Column | None) -> _CellTable:
        """Which columns are judged, and the scales of all."""
        self.skipped_ = {}
        requested = range(X.shape[1]) if self.columns is None else self.columns
        whole = X if y is None else np.column_stack([X, y])
        known = ~np.isnan(whole)
        whole, units, plain = whole.copy(), [], {}
        for j in range(whole.shape[1]):
            values = whole[known[:, j], j]
            units.append(Unit.of(values if len(values) else np.zeros(1)))
            whole[~known[:, j], j] = units[j].middle
            if j not in requested and j < X.shape[1]:
                continue
            reason = _unjudged(values)
            if not reason:
                plain[j] = even(values, units[j])
            elif j < X.shape[1]:
                self.skipped_[j] = reason
        return _CellTable(whole, known, [*plain], units, plain)

    def _columns(
        self, table: _CellTable, lines: Lines, chosen: Mapping[int, Form]
    ) -> dict[int, _ColumnModel]:
        """What the others say of each column that can be judged, on its scale if one is chosen."""

        def judged(j: int) -> _ColumnModel | None:
            return _column(table, lines, j, chosen.get(j))

        if table.X.size >= _PARALLEL_CELLS:  # columns are independent
            with ThreadPoolExecutor(min(cores(), len(table.columns))) as pool:
                models = list(pool.map(judged, table.columns))
        else:
            models = [judged(j) for j in table.columns]
        by_column = dict(zip(table.columns, models, strict=True))
        for j, one in by_column.items():
            if one is None and j < self.n_features_in_:
                self.skipped_[j] = "nearly all of its values are one"
        return {j: one for j, one in by_column.items() if one is not None}

    def _flag(self, table: _CellTable) -> None:
        """Flags what is wrong by the others of its row, or extreme by itself."""
        judged = np.isfinite(self.scores_)
        self.flagged_ = judged & _beyond(np.nan_to_num(self.scores_), self.slips_)
        for j in np.flatnonzero(judged.any(axis=0)).tolist():
            gross = self.flagged_[:, j] & (self.slips_[:, j] == 0)
            if gross.sum() > max(3, _MAX_GROSS_SHARE * judged[:, j].sum()):
                self.flagged_[gross, j] = False
            far = judged[:, j] & table.far(table.X[:, j], j)
            if far.sum() <= max(1, _MAX_EXTREME_SHARE * judged[:, j].sum()):
                self.extreme_[:, j] = far
                self.flagged_[:, j] |= far

    def _chance(self, one: _ColumnModel, table: _CellTable) -> float:
        """How many honest cells of a column would be flagged: by draws of its noise."""
        x, odds, slip = one.model.drawn(one.verdict, _DRAWS, np.random.default_rng(0))
        far = table.far(x, one.model.j)
        far &= far.mean() <= _MAX_EXTREME_SHARE
        return float((_beyond(odds, slip) | far).mean() * one.rows.sum())


def _column(table: _CellTable, lines: Lines, j: int, form: Form | None) -> _ColumnModel | None:
    """What the others say of a column; None where nearly all of its values are one."""
    x, known = table.X[:, j], table.known[:, j]
    values, at, counts = np.unique(x[known], return_inverse=True, return_counts=True)
    common, used = np.zeros(len(x), dtype=bool), known.copy()
    common[known] = (counts >= max(5, _COMMON_SHARE * len(x)))[at]
    second, first = np.sort(counts)[-2:]
    if first >= _TIED[0] * len(x) and first >= _TIED[1] * second:
        used &= x != values[counts.argmax()]
    if used.sum() < _MIN_ROWS:
        return None
    model, verdict = CellModel.of(x, used, lines, j, table.units[j], form)
    odds = np.where(common[used], np.minimum(verdict.odds, 0.0), verdict.odds)
    return _ColumnModel(used, model, verdict._replace(odds=odds))


def _unjudged(x: Column) -> str:
    """Why a column cannot be judged, or ""."""
    if len(x) < _MIN_ROWS:
        return "it has too few values"
    values = len(np.unique(x))
    if values == 1:
        return "its values are all the same, to 16 digits"
    return (
        f"it has {values} different values, as codes and grades do" if values <= _MAX_LEVELS else ""
    )


def _filled(table: _CellTable, models: Mapping[int, _ColumnModel], F: Rows) -> Rows:
    """The table, its gaps and the most suspicious cell of each row replaced by predictions."""
    filled, worst = table.X.copy(), np.zeros(len(table.X))
    which = np.full(len(worst), -1)
    for j, one in models.items():
        above = np.flatnonzero(one.rows)[one.verdict.odds > worst[one.rows]]
        worst[one.rows] = np.maximum(worst[one.rows], one.verdict.odds)
        which[above] = j
    for j, one in models.items():
        expected = table.X[:, j].copy()
        expected[one.rows] = one.verdict.expected
        filled[which == j, j] = expected[which == j]
        gaps = ~table.known[:, j]
        if gaps.any():
            filled[gaps, j] = one.model.verdict_of(table.X[gaps, j], F[gaps]).expected
    return filled


def _beyond(odds: np.ndarray, slip: np.ndarray) -> np.ndarray:
    """Whether cells are likely enough wrong to be flagged."""
    return odds > np.where(slip == 0, GROSS, CUT)
