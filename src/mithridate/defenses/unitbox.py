"""Features on the range [0, 1], so that no answer depends on their units or on a far value."""

from typing import Any, NamedTuple, Self

import numpy as np
from jaxtyping import Float

from ..passes.memory import spaced
from ._crossfit import INSIDE, INSIDE_SIGMAS, Column, quantile, spread

REACH = 8.0
"""Robust standard deviations from the median beyond which a value counts as no farther."""

Rows = Float[np.ndarray, "n d"]


class UnitBox(NamedTuple):
    """The range of each feature that becomes [0, 1]: `low` and `high`, both (d,).

    A penalty on coefficients means the same in every unit only on features of one range. A single
    far value must not say what this range is, or all others become equal: the range ends where the
    values do, or `REACH` robust standard deviations from their median.

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
        """The box of rows, each of which counts as many times as its weight.

        `ends` are the least and greatest values, where the rows are a sample of more. The middle of
        many rows is that of the sample that passes have of them.
        """
        least, most = (X.min(axis=0), X.max(axis=0)) if ends is None else ends
        low, high = least.astype(np.float64), most.astype(np.float64)
        some = X[spaced(len(X))]
        w = None if weight is None else weight[spaced(len(X))]
        if w is None:
            middle = np.quantile(some, 0.5, axis=0, method="inverted_cdf")
            off = np.quantile(np.abs(some - middle), INSIDE, axis=0, method="inverted_cdf")
            unit = off / INSIDE_SIGMAS
        else:
            middle = np.array([quantile(x, 0.5, w) for x in some.T])
            unit = np.array([spread(x, w) for x in (some - middle).T])
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
        """Rows in units of the box: values beyond its ends stay beyond; a constant feature is 0."""
        return np.where(self._span > 0.0, X - self.low, 0.0) / self._divisor

    def unscale(self, model: Any) -> Any:
        """Changes a linear model of scaled rows to the same model of rows as they were."""
        model.coef_ = np.where(self._span > 0.0, model.coef_, 0.0) / self._divisor
        model.intercept_ = model.intercept_ - float(model.coef_ @ self.low)
        return model

    @property
    def _span(self) -> Column:
        return self.high - self.low

    @property
    def _divisor(self) -> Column:
        return np.where(self._span > 0.0, self._span, 1.0)


def own_units(estimator: Any, X: Rows, weight: Column | None) -> Rows:
    """Rows as a rule fits them: scaled for our own ridge, as they came for a given estimator."""
    return UnitBox.of(X, weight).scaled(X) if estimator is None else X
