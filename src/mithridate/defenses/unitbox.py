"""Features on the range [0, 1], so that no answer depends on their units or on a far value."""

from typing import Any, NamedTuple, Self

import numpy as np
from jaxtyping import Float

from ..moments import Moments
from ..passes.block import TILE, buffer
from ..passes.draws import spaced, thinning
from ._crossfit import INSIDE, INSIDE_SIGMAS, Column, spread
from .weights import quantile

REACH = 8.0
"""Robust standard deviations from the median beyond which a value counts as no farther."""

Rows = Float[np.ndarray, "n d"]


class UnitBox(NamedTuple):
    """The range of each feature that becomes [0, 1]: `low` and `high`, both (d,).

    A penalty on coefficients means the same in every unit only on features of one range. A single
    far value must not say what this range is, or all others become equal: the range ends where the
    values do, or `REACH` robust standard deviations from their median.

    Parameters
    ----------
    low, high : (d,) array
        The ends of the ranges, in units of the features.

    Examples
    --------
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0], [4.0], [5000.0]])
    >>> UnitBox.of(X)(X).ravel().round(2)
    array([0.  , 0.06, 0.11, 0.17, 0.23, 1.  ])
    """

    low: Column
    high: Column

    @classmethod
    def of(
        cls,
        X: Rows,
        weight: Column | None = None,
        ends: tuple[Column, Column] | None = None,
    ) -> Self:
        """Make the box of rows, each of which counts as many times as its weight.

        The middle of many rows is that of the sample that passes have of them.

        Parameters
        ----------
        X : (n, d) array
            The rows.
        weight : (n,) array, optional
            Their weights; 1 each by default.
        ends : tuple of (d,) array, optional
            The least and the greatest values, where the rows are a sample of more.

        Returns
        -------
        UnitBox
            The box.
        """
        n = len(X)
        rows = spaced(n, thin=thinning(n, X.shape[1] + 1))  # of features and target
        sampled = len(rows) < n and ends is None
        sample = X[rows] if sampled else X
        if weight is None:
            low, middle, high, unit = _spreads(sample)
        else:
            w = weight[rows] if sampled else weight
            low, high = sample.min(axis=0), sample.max(axis=0)
            middle = np.array([quantile(x, 0.5, w) for x in sample.T])
            unit = np.array([spread(x, w) for x in (sample - middle).T])
        if sampled or ends is not None:
            low, high = ends or (X.min(axis=0), X.max(axis=0))
        low, high = low.astype(np.float64), high.astype(np.float64)
        reach = np.where(unit > 0.0, REACH * unit, np.inf)
        return cls(np.maximum(low, middle - reach), np.minimum(high, middle + reach))

    @property
    def is_unit(self) -> bool:
        """Whether every feature has the range [0, 1] already."""
        return bool((self.low == 0.0).all() and (self.high == 1.0).all())

    def __call__(self, X: Rows) -> Rows:
        """Rows in the box: values beyond its ends are at them."""
        return self.scaled(np.clip(X, self.low, self.high))

    def scaled(self, X: Rows) -> Rows:
        """Put rows into units of the box: values beyond its ends stay beyond them.

        Parameters
        ----------
        X : (n, d) array
            Rows in units of the features.

        Returns
        -------
        (n, d) array
            The rows scaled; a constant feature is 0.
        """
        scaled = X - self.low
        scaled[:, self._span <= 0.0] = 0.0
        return np.divide(scaled, self._divisor, out=scaled)

    def scale(self, Z: Float[np.ndarray, "k n"]) -> None:
        """Scale rows by columns, the target last, in their own memory.

        Parameters
        ----------
        Z : (d + 1, n) array
            The columns; those of features are changed.
        """
        Z[:-1] -= self.low[:, None]
        Z[:-1][self._span <= 0.0] = 0.0
        Z[:-1] /= self._divisor[:, None]

    def moments(self, moments: Moments) -> Moments:
        """Give the moments of rows `(x, y)` as they came.

        Parameters
        ----------
        moments : Moments
            Those of the rows scaled.

        Returns
        -------
        Moments
            Those in units of the features.
        """
        unit, low = np.append(self._divisor, 1.0), np.append(self.low, 0.0)
        scatter = moments.scatter * np.outer(unit, unit)
        return Moments(moments.weight, moments.mean * unit + low, scatter)

    def unscale(self, model: Any) -> Any:
        """Change a linear model of scaled rows to the same model of rows as they were.

        Parameters
        ----------
        model : estimator
            With `coef_` and `intercept_`, which are changed.

        Returns
        -------
        estimator
            The same one.
        """
        model.coef_ = np.where(self._span > 0.0, model.coef_, 0.0) / self._divisor
        model.intercept_ = model.intercept_ - float(model.coef_ @ self.low)
        return model

    @property
    def _span(self) -> Column:
        return self.high - self.low

    @property
    def _divisor(self) -> Column:
        return np.where(self._span > 0.0, self._span, 1.0)


def _spreads(X: Rows) -> tuple[Column, Column, Column, Column]:
    """Least value, median, greatest value and robust standard deviation of each column.

    A few columns at a time, in memory that a cache holds: ten times as fast as quantiles of X.
    """
    (n, d), stats = X.shape, np.empty((4, X.shape[1]))
    width = max(TILE // n, 1)
    for start in range(0, d, width):
        columns = slice(start, min(start + width, d))
        part = buffer("columns", width * n)[: (columns.stop - start) * n].reshape(-1, n)
        part[:] = X[:, columns].T
        part.min(axis=1, out=stats[0, columns])
        part.max(axis=1, out=stats[2, columns])
        stats[1, columns] = _in_order(part, 0.5)
        # Afresh: values that are sorted in part would take five times as long the second time.
        np.abs(np.subtract(X[:, columns].T, stats[1, columns, None], out=part), out=part)
        stats[3, columns] = _in_order(part, INSIDE)
    stats[3] /= INSIDE_SIGMAS
    return stats[0], stats[1], stats[2], stats[3]


def _in_order(columns: Float[np.ndarray, "d n"], share: float) -> Column:
    """The least value of each column with this share of its values at or below it; sorts them."""
    place = max(int(np.ceil(columns.shape[1] * share - 1.0)), 0)
    columns.partition(place, axis=1)
    return columns[:, place]


def own_units(estimator: Any, X: Rows, weight: Column | None) -> Rows:
    """Rows as a rule fits them: scaled for our own ridge, as they came for a given estimator."""
    return UnitBox.of(X, weight).scaled(X) if estimator is None else X
