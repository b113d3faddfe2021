"""Features on the range [0, 1], so that no answer depends on their units or on a far value."""

from typing import Any, NamedTuple, Self

import numpy as np
from jaxtyping import Float, Int

from ..moments import Moments
from ..passes.block import TILE, buffer
from ..passes.draws import SAMPLE, spaced, thinning
from ._crossfit import INSIDE, INSIDE_SIGMAS, Column, spread
from .weights import quantile

REACH = 8.0
"""Robust standard deviations from the median beyond which a value counts as no farther."""

MANY, FEW, ASIDE = 4096, 255, 32
"""In columns of this many values, a sample of a few brackets the median: at so many places from
its own median on each side, four standard deviations."""

Rows = Float[np.ndarray, "n d"]
Indices = Int[np.ndarray, " k"]


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
        thin = thinning(n, X.shape[1] + 1)  # of features and target
        sampled = (n > SAMPLE or thin > 1) and ends is None
        rows = spaced(n, thin=thin) if sampled else slice(None)
        sample = X[rows]
        if sampled:
            ends = X.min(axis=0), X.max(axis=0)
        if weight is None:
            return cls(*_limits(sample, ends))
        w = weight[rows]
        low, high = ends or (sample.min(axis=0), sample.max(axis=0))
        middle = np.array([quantile(x, 0.5, w) for x in sample.T])
        unit = np.array([spread(x, w) for x in (sample - middle).T])
        return cls(*_clipped(low.astype(np.float64), high.astype(np.float64), middle, unit))

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
        low, unit = self.low[:, None], self._divisor[:, None]
        many = max(TILE // max(Z.shape[1], 1), 1)
        for few in (slice(start, start + many) for start in range(0, len(low), many)):
            part = Z[:-1][few]
            np.divide(np.subtract(part, low[few], out=part), unit[few], out=part)
        Z[:-1][self._span <= 0.0] = 0.0

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


def _clipped(low: Any, high: Any, middle: Any, unit: Any) -> tuple[Any, Any]:
    """The ends of ranges, cut off where they are more than `REACH` units from the median."""
    reach = np.where(unit > 0.0, REACH * unit, np.inf)
    return np.maximum(low, middle - reach), np.minimum(high, middle + reach)


def _limits(X: Rows, ends: tuple[Column, Column] | None) -> tuple[Column, Column]:
    """The ends of the box of rows that count once; `ends` are those of the values of all rows.

    A few columns at a time, in memory that a cache holds: ten times as fast as quantiles of X.
    """
    (n, d), limits = X.shape, np.empty((2, X.shape[1]))
    width = max(TILE // n, 1)
    for start in range(0, d, width):
        columns = slice(start, min(start + width, d))
        part = X[:, columns].T
        if not part.flags.c_contiguous:
            part = buffer("columns", part.size).reshape(part.shape)
            part[:] = X[:, columns].T
        part.min(axis=1, out=limits[0, columns])
        part.max(axis=1, out=limits[1, columns])
        if ends is not None:
            limits[:, columns] = ends[0][columns], ends[1][columns]
        far = _may_be_far(part, limits[0, columns], limits[1, columns])
        if len(far):
            low, high = limits[:, start + far]
            limits[:, start + far] = _clipped(low, high, *_spreads(part[far]))
    return limits[0], limits[1]


def _may_be_far(columns: Float[np.ndarray, "d n"], low: Column, high: Column) -> Indices:
    """The columns that may have to be cut off; for the others, counts of values exclude it.

    The median lies between two values of a small sample, which is checked. Counting takes a third
    of the time of what it saves: exact quantiles of all values.
    """
    d, n = columns.shape
    if n < MANY:
        return np.arange(d)
    sample = np.sort(columns[:, np.linspace(0, n - 1, FEW).astype(int)], axis=1)
    least, most = sample[:, FEW // 2 - ASIDE], sample[:, FEW // 2 + ASIDE]
    # If fewer values than INSIDE are this near to the median, no end is out of reach.
    near = INSIDE_SIGMAS / REACH * np.maximum(most - low, high - least)
    near += 1e-9 * near + 1e-15 * (np.abs(least) + np.abs(most))  # more than rounding can change
    edges = np.stack([least, most, least - near, most + near], axis=1)
    middle, inside, count = _place(n, 0.5), _place(n, INSIDE), np.count_nonzero
    far = [
        not count(x < a) <= middle < count(x <= b) or count((x > start) & (x < stop)) > inside
        for x, (a, b, start, stop) in zip(columns, edges, strict=True)
    ]
    return np.flatnonzero(np.array(far))


def _spreads(columns: Float[np.ndarray, "d n"]) -> tuple[Column, Column]:
    """Median and robust standard deviation of each column."""
    n, ordered = columns.shape[1], columns.copy()
    ordered.partition(_place(n, 0.5), axis=1)
    middle = ordered[:, _place(n, 0.5)].copy()
    # Of the unsorted values: a second partition of partly sorted ones takes five times as long.
    off = np.abs(np.subtract(columns, middle[:, None], out=ordered), out=ordered)
    off.partition(_place(n, INSIDE), axis=1)
    return middle, off[:, _place(n, INSIDE)] / INSIDE_SIGMAS


def _place(n: int, share: float) -> int:
    """The place, in order, of the least of `n` values with this share at or below it."""
    return max(int(np.ceil(n * share - 1.0)), 0)


def own_units(estimator: Any, X: Rows, weight: Column | None) -> Rows:
    """Rows as a rule fits them: scaled for our own ridge, as they came for a given estimator."""
    return UnitBox.of(X, weight).scaled(X) if estimator is None else X
