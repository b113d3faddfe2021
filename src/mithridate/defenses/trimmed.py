"""The search of least trimmed squares: the share of the rows that lie nearest to one plane."""

from typing import NamedTuple

import numpy as np
from scipy.linalg import solve

from ..moments import Moments
from ..passes.block import Block, by_columns, moments_of
from ..passes.follow import Followed, changed
from ..passes.rows import OrderedTable, lowest
from .base import Column, Rows
from .weights import median

_START_L2 = 1e-3  # penalty on the mean loss, columns standardized: a start may hold equal rows
_MAX_SCALE_RATIO = 5  # a column's standard deviation is at most its robust estimate so many times
_FOLLOWED_STARTS = 8  # starts that are followed until nothing moves
_MAX_STEPS = 50  # when a start is followed
SEARCHED_ROWS = 10_000  # of a longer table, the search sees so many


class TrimmedTable(NamedTuple):
    """Standardized rows in an order of their own, and the share of them to be fitted.

    Parameters
    ----------
    Z : array, shape (n, d)
        Features, in standard deviations from the median.
    y : array, shape (n,)
        Targets.
    weight : array, shape (n,)
        How many times each row counts.
    keep : float
        Share of the weight that a plane is fitted to.
    block : Block
        The same rows by columns.
    """

    Z: Rows
    y: Column
    weight: Column
    keep: float
    block: Block

    @classmethod
    def of(cls, listed: OrderedTable, keep: float) -> "TrimmedTable":
        """Standardize the columns of a table.

        Parameters
        ----------
        listed : OrderedTable
            The rows.
        keep : float
            Share of the weight that a plane is fitted to.

        Returns
        -------
        TrimmedTable
            The table.
        """
        weight = np.ones(len(listed.y)) if listed.weight is None else listed.weight
        Z = np.empty_like(listed.X)
        for j, column in enumerate(listed.X.T):
            Z[:, j] = _standardized(column, weight)
        return cls(Z, listed.y, weight, keep, Block(0, by_columns(Z, listed.y), weight))

    def take(self, rows: np.ndarray) -> "TrimmedTable":
        """Take some of the rows.

        Parameters
        ----------
        rows : array of int, shape (k,)
            Their positions.

        Returns
        -------
        TrimmedTable
            These rows, as they were standardized.
        """
        block = Block(0, np.take(self.block.Z, rows, axis=1), self.weight[rows])
        return TrimmedTable(self.Z[rows], self.y[rows], self.weight[rows], self.keep, block)

    def fit(self, kept: Column, followed: Followed | None = None) -> tuple[Column, float]:
        """Fit a ridge.

        Parameters
        ----------
        kept : array, shape (n,)
            Weight of each row in the fit.
        followed : Followed, optional
            Moments that followed these weights; None: they are summed.

        Returns
        -------
        pair of array, shape (d,), and float
            Coefficients and intercept.
        """
        if followed is None and np.count_nonzero(kept) < self.Z.shape[1]:
            return self._fit_few(kept)
        moments = self._moments(kept) if followed is None else followed.of(kept)
        gram, cross = moments.scatter[:-1, :-1].copy(), moments.scatter[:-1, -1]
        coef = _solved(gram, _START_L2 * float(moments.weight), cross)
        return coef, float(moments.mean[-1] - moments.mean[:-1] @ coef)

    def _moments(self, kept: Column) -> Moments:
        return moments_of(self.block.Z, kept)

    def _fit_few(self, kept: Column) -> tuple[Column, float]:
        """The same of fewer rows than columns."""
        rows = np.flatnonzero(kept)
        weight, Z, y = kept[rows], self.Z[rows], self.y[rows]
        total = float(weight.sum())
        center, level = weight @ Z / total, float(weight @ y) / total
        root = np.sqrt(weight)
        Z, y = (Z - center) * root[:, None], (y - level) * root
        coef = Z.T @ _solved(Z @ Z.T, _START_L2 * total, y)
        return coef, level - float(center @ coef)

    def nearest(self, fit: tuple[Column, float]) -> tuple[float, Column]:
        """Find the rows nearest to a plane.

        Parameters
        ----------
        fit : pair of array, shape (d,), and float
            Coefficients and intercept.

        Returns
        -------
        pair of float and array, shape (n,)
            The sum of their squared residuals, and the weights with which rows are kept.
        """
        square = (self.y - self.Z @ fit[0] - fit[1]) ** 2
        kept = lowest(square, self.weight, 1.0 - self.keep)
        return float(kept @ square), kept

    def concentrated(self, kept: Column, steps: int) -> tuple[float, Column]:
        """Fit, keep the nearest rows, and begin again.

        Parameters
        ----------
        kept : array, shape (n,)
            Weights with which rows are kept at first.
        steps : int
            Steps at most; it ends where nothing moves any more.

        Returns
        -------
        pair of float and array, shape (n,)
            As of `nearest`.
        """
        loss, followed = np.inf, None
        for _ in range(steps):
            previous = kept
            loss, kept = self.nearest(self.fit(kept, followed))
            if np.array_equal(kept, previous):
                break
            if followed is not None:
                followed.moved(*changed(self.block, previous, kept))
            elif np.count_nonzero(previous) >= np.count_nonzero(kept) // 2:
                followed = Followed(self._moments)  # from here on few rows come and go
        return loss, kept


def best_set(table: TrimmedTable, starts: int, random: np.random.RandomState) -> Column:
    """Search for the rows that lie nearest to one plane.

    Parameters
    ----------
    table : TrimmedTable
        The rows.
    starts : int
        Number of sets that the search starts from; the first of them is all rows.
    random : RandomState
        Draws the others.

    Returns
    -------
    array, shape (n,)
        The weights with which the rows of the best set are kept.
    """
    n, d = table.Z.shape
    if n > SEARCHED_ROWS:
        few = table.take(np.sort(random.choice(n, SEARCHED_ROWS, replace=False)))
        best = few.fit(best_set(few, starts, random))
        return table.concentrated(table.nearest(best)[1], _MAX_STEPS)[1]
    size = min(max(d + 2, 10), (n + 1) // 2)
    sets = [table.concentrated(table.weight, 2)]
    for _ in range(starts - 1):
        start = np.zeros(n)
        rows = random.permutation(n)[:size]
        start[rows] = table.weight[rows]
        sets.append(table.concentrated(start, 2))
    best = sorted(sets, key=lambda one: one[0])[:_FOLLOWED_STARTS]
    return min((table.concentrated(kept, _MAX_STEPS) for _, kept in best), key=lambda one: one[0])[
        1
    ]


def _standardized(column: Column, weight: Column) -> Column:
    """Distances from the median in standard deviations of the column."""
    distance = column - median(column, weight)
    scale = float(np.sqrt(np.average(distance**2, weights=weight)))
    # A few distant rows must not widen the unit so much that the penalty flattens all others.
    most = _MAX_SCALE_RATIO * 1.4826 * median(np.abs(distance), weight)
    return distance / ((min(scale, most) if most > 0 else scale) or 1.0)


def _solved(gram: np.ndarray, penalty: float, right: Column) -> Column:
    diagonal = np.diag_indices_from(gram)
    # Beside a column of huge values the penalty can be lost in rounding, so the trace counts too.
    gram[diagonal] += penalty + 1e-12 * float(gram.trace())
    return solve(gram, right, assume_a="pos", overwrite_a=True, check_finite=False)
