"""Predictions of every row by models that did not see it, whatever the order and the units."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.utils.validation import has_fit_parameter

from .._machine import cores
from ..passes.block import no_other_threads
from ..passes.rows import are_counts
from .weights import quantile

Rows = Float[np.ndarray, "m d"]
Column = Float[np.ndarray, " m"]

FOLDS = 5
INSIDE, INSIDE_SIGMAS = 0.7, 1.0364  # of a Gaussian such a share lies within so many deviations
_DECIMALS = 9  # of standardized values: finer differences are rounding from a change of units
_PARALLEL_CELLS = 200_000  # cells of a table; from here on one thread a fold is faster
_MAX_SIGMAS = 4.0  # robust standard deviations beyond which a feature pulls a line no further


class Units(NamedTuple):
    """Robust standard units of columns: `(x - middle) / unit`; a constant column becomes 0."""

    middle: Float[np.ndarray, " d"]
    unit: Float[np.ndarray, " d"]

    @classmethod
    def of(cls, X: np.ndarray, w: Column) -> "Units":
        """Median and robust spread of columns, each row counted by its weight."""
        middle, unit = np.empty(X.shape[1]), np.empty(X.shape[1])
        for j, column in enumerate(X.T):
            middle[j] = quantile(column, 0.5, w)
            x = column - middle[j]
            unit[j] = spread(x, w) or float(np.sqrt(np.average(x**2, weights=w)))
            if not unit[j] > 1e-12 * float(np.abs(column).max(initial=0.0)):
                unit[j] = np.inf
        return cls(middle, unit)

    def __call__(self, X: np.ndarray) -> Rows:
        """Columns in these units, in steps of a billionth."""
        return np.round((X - self.middle) / self.unit, _DECIMALS) + 0.0  # no -0

    def part(self, columns: np.ndarray) -> "Units":
        """The units of these columns."""
        return Units(self.middle[columns], self.unit[columns])


class Canonical(NamedTuple):
    """A table in an order and in units of its own, each row as often as it counts.

    Rows are sorted by symmetric functions of their standardized features, and columns by their own
    moments; so the orders in which rows and columns came change nothing, and neither do units.

    Shapes: `rows` (m,), the row of the table at each place; `columns` (d,), the same of columns,
    without those that are constant; `X` (m, d); `y` (m,), in robust
    standard deviations from the median; `weight` (m,); `group` (m,), the same for equal rows;
    `sure` (m,), whether a row is known to be right. `features` and `target` are the units of X and
    of y.
    """

    rows: Int[np.ndarray, " m"]
    columns: Int[np.ndarray, " d"]
    X: Rows
    y: Column
    weight: Column
    group: Int[np.ndarray, " m"]
    sure: Bool[np.ndarray, " m"]
    features: Units
    target: Units

    @classmethod
    def of(
        cls,
        X: np.ndarray,
        y: np.ndarray,
        weight: np.ndarray | None,
        trusted: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> "Canonical":
        """The table of these rows; weights that are no counts of rows stay weights.

        Trusted rows come after them.
        """
        known = 0 if trusted is None else len(trusted[1])
        if trusted is not None:
            X, y = np.vstack([X, trusted[0]]), np.append(y, trusted[1])
            weight = None if weight is None else np.append(weight, np.ones(known))
        rows, first = np.arange(len(y)), len(y) - known
        if weight is not None and are_counts(weight):
            rows, weight = rows.repeat(weight.astype(int)), None
        w = np.ones(len(rows)) if weight is None else weight / weight.mean()
        goal, features = Units.of(y[rows, None], w), Units.of(X[rows], w)
        target, Z = goal(y[rows, None])[:, 0], features(X[rows])
        varies = np.flatnonzero(np.ptp(Z, axis=0) > 0)
        columns = varies if len(varies) else np.array([0])
        columns = columns[np.lexsort(_moments(Z[:, columns], w))]
        Z = Z[:, columns]
        order = np.lexsort((target, *_symmetric(Z)))
        Z, target = np.ascontiguousarray(Z[order]), target[order]
        new = np.ones(len(order), dtype=bool)
        new[1:] = (np.diff(target) != 0) | (np.diff(Z, axis=0) != 0).any(axis=1)
        rows = rows[order]
        group, features = np.cumsum(new) - 1, features.part(columns)
        return cls(rows, columns, Z, target, w[order], group, rows >= first, features, goal)

    def folds(self, seed: int) -> Int[np.ndarray, " m"]:
        """The fold of each row: neighbors in the order lie in different ones, equal rows in one."""
        n = int(self.group[-1]) + 1
        k = min(FOLDS, n)
        deal = np.random.default_rng(seed).permuted(np.tile(np.arange(k), (n // k + 1, 1)), axis=1)
        return deal.ravel()[self.group]

    def part(self, rows: Bool[np.ndarray, " m"]) -> "Canonical":
        """The table of these of its rows, on the same scales."""
        group = np.unique(self.group[rows], return_inverse=True)[1].ravel()
        own = self.rows[rows], self.columns, self.X[rows], self.y[rows], self.weight[rows]
        return self._replace(
            **dict(zip(self._fields, (*own, group, self.sure[rows]), strict=False))
        )

    def back(self, values: np.ndarray, n: int) -> np.ndarray:
        """Values of the places, put back where the first `n` rows of the table are."""
        spread = np.empty(n + int(self.sure.sum()), dtype=values.dtype)
        spread[self.rows] = values  # equal rows have equal values
        return spread[:n]


def spread(values: Column, weight: Column) -> float:
    """Standard deviation of a Gaussian whose size has the same .7 quantile.

    Three rows in ten may be wrong; and where half of the rows sit at one value, it is not 0 yet.
    """
    return quantile(np.abs(values), INSIDE, weight) / INSIDE_SIGMAS


def _moments(Z: Rows, w: Column) -> tuple[Column, ...]:
    """Keys by which columns are sorted, whatever the order of rows; the first key comes last."""
    squashed = np.sort(np.tanh(Z), axis=0)
    total = np.sort(np.tanh(Z) * np.tanh(Z).sum(axis=1, keepdims=True) * w[:, None], axis=0)
    keys = (total.sum(axis=0), (squashed**2).sum(axis=0), squashed.sum(axis=0))
    return tuple(np.round(key, 6) for key in keys)


def _symmetric(Z: Rows) -> tuple[Column, ...]:
    """Keys by which rows are sorted, whatever the order of columns; then the columns themselves."""
    squashed = np.sort(np.tanh(Z), axis=1)
    keys = ((squashed**2).sum(axis=1), squashed.sum(axis=1))
    return (*Z.T[::-1], *(np.round(key, 6) for key in keys))


class Line:
    """Huber's regression with a penalty, by iteratively reweighted least squares."""

    def fit(self, X: Rows, y: Column, sample_weight: Column) -> "Line":
        self.middle_ = X.mean(axis=0)
        A = self._features(X)
        weight, b = sample_weight, np.zeros(A.shape[1])
        ridge = np.eye(A.shape[1])
        ridge[0, 0] = 1e-9
        for _ in range(15):
            before, weighted = b, A * weight[:, None]
            b = np.linalg.solve(A.T @ weighted + ridge, weighted.T @ y)
            r = np.abs(y - A @ b)
            reach = 1.345 * max(spread(r, sample_weight), 1e-9)
            weight = sample_weight * np.minimum(1.0, reach / np.maximum(r, reach))
            if np.abs(b - before).max() < 1e-6:
                break
        self.coef_ = b
        return self

    def predict(self, X: Rows) -> Column:
        return self._features(X) @ self.coef_

    def _features(self, X: Rows) -> Rows:
        Z = np.clip(X, -_MAX_SIGMAS, _MAX_SIGMAS)
        return np.column_stack(
            [np.ones(len(X)), Z - np.clip(self.middle_, -_MAX_SIGMAS, _MAX_SIGMAS)]
        )


def boosting(n: int, loss: str = "squared_error") -> HistGradientBoostingRegressor:
    """Small trees, none with leaves of a few rows unless the table is short."""
    return HistGradientBoostingRegressor(
        loss=loss,
        max_iter=40,
        max_leaf_nodes=15,
        max_bins=63,
        learning_rate=0.15,
        min_samples_leaf=int(np.clip(n // 60, 3, 15)),
        early_stopping=False,  # pyright: ignore[reportArgumentType]
        random_state=0,
    )


class Crossfit(NamedTuple):
    """Models, each fitted on all folds but its own, and their predictions of these (m,)."""

    predicted: Column
    models: tuple[Any, ...]


def crossfit(
    model: Any, table: Canonical, v: Column, seed: int, used: np.ndarray | None = None
) -> Column:
    """Predictions of `v`, each by a copy of the model fitted on the `used` rows of other folds."""
    return crossfitted(model, table, v, seed, used).predicted


def crossfitted(
    model: Any, table: Canonical, v: Column, seed: int, used: np.ndarray | None = None
) -> Crossfit:
    """Copies of the model, each fitted on the `used` rows of other folds, and what they predict."""
    return crossfits(model, table, v, [seed], used)[0]


def crossfits(
    model: Any, table: Canonical, v: Column, seeds: Sequence[int], used: np.ndarray | None = None
) -> list[Crossfit]:
    """The same for the folds of several seeds, side by side where that pays."""
    # Boosting takes longer with weights, even where all are 1.
    weighs = isinstance(model, Line) or (
        np.ptp(table.weight) > 0 and has_fit_parameter(model, "sample_weight")
    )

    def fitted(out: np.ndarray) -> tuple[Any, Column]:
        rows = ~out if used is None else ~out & used
        if not rows.any():
            rows = ~out
        copy: Any = Line() if isinstance(model, Line) else clone(model)
        weight = {"sample_weight": table.weight[rows]} if weighs else {}
        # One fit in several threads is slower on busy processors, where they wait for each other.
        with no_other_threads():
            copy.fit(table.X[rows], v[rows], **weight)
            return copy, np.ravel(copy.predict(table.X[out]))

    folds = [table.folds(seed) for seed in seeds]
    parts = [fold == k for fold in folds for k in range(fold.max() + 1)]
    if table.X.size >= _PARALLEL_CELLS and not isinstance(model, Line):
        with ThreadPoolExecutor(min(cores(), len(parts))) as pool:
            fits = iter(list(pool.map(fitted, parts)))
    else:
        fits = map(fitted, parts)
    results = []
    for fold in folds:
        predicted, models = np.empty(len(v)), []
        for k in range(fold.max() + 1):
            copy, predicted[fold == k] = next(fits)
            models.append(copy)
        results.append(Crossfit(predicted, tuple(models)))
    return results
