"""Why a row was rejected: how far it lies from the kept rows, and in which columns."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from ..bayes import BayesianRegression
from ..moments import Moments
from ..passes.block import moments_of_rows, one_thread
from ._ridge import Ridge

Rows = Float[np.ndarray, "n d"]
Column = Float[np.ndarray, " n"]

# Columns are numbers, the target after the last feature; `named` replaces them by names.
NUMBERS = np.dtype(
    [
        ("row", np.int64),
        ("score", np.float64),
        ("residual", np.float64),
        ("leverage", np.float64),
        ("predictive_sigma", np.float64),
        ("first_column", np.int64),
        ("first_sigma", np.float64),
        ("second_column", np.int64),
        ("second_sigma", np.float64),
    ]
)
_BLOCK = 1 << 16  # rows at a time, to bound the memory and to stay in the cache of a processor
_MANY_ROWS = 20_000  # so many give a standard deviation to half a percent
_MANY_COLUMNS = 2_000  # of more, the d x d eigendecomposition would cost more than most fits


class Reasons:
    """Records of rejected rows, written when they are first asked for.

    Many fits are never asked. Until then it holds what the records need, copies of the rejected
    rows among it; a pickle has the records alone.

    Parameters
    ----------
    write : callable
        Gives the records.
    """

    def __init__(self, write: Callable[[], np.ndarray]):
        self._write: Callable[[], np.ndarray] | None = write
        self._records = np.zeros(0, dtype=NUMBERS)

    @property
    def records(self) -> np.ndarray:
        """One record for each rejected row, in row order."""
        write = self._write
        if write is not None:
            with one_thread():
                self._records = write()
            self._write = None  # not before the records are there: another thread may ask
        return self._records

    def __getstate__(self) -> dict[str, Any]:
        return {"_write": None, "_records": self.records}


def reasons(
    X: Rows,
    y: Column,
    weight: Column | None,
    kept: Bool[np.ndarray, " n"],
    scores: Column,
    model: Any,
    *,
    places: Int[np.ndarray, " n"],
    known: Moments | None = None,
) -> Reasons:
    """Why each row was rejected that was; `places` are the numbers that rows have in the records.

    `known` are the moments of the kept rows, where a defense knows them.
    """
    rows = np.flatnonzero(~kept)
    records = np.zeros(len(rows), dtype=NUMBERS)
    records["row"], records["score"] = places[rows], scores[rows]
    if len(rows) == 0:
        return Reasons(lambda: records)
    late = type(model) is Ridge and len(rows) <= _BLOCK
    weight = np.ones(len(y)) if weight is None else weight
    # A copy of the model: what is done to it after the fit changes no reason.
    profile = _profile(X, y, weight, kept, deepcopy(model) if late else model, known)
    if late:
        return Reasons(partial(_written, profile, [(X[rows], y[rows])], records))
    parts = (rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK))
    found = _written(profile, ((X[part], y[part]) for part in parts), records)
    return Reasons(lambda: found)


def _written(
    profile: Callable[[], "KeptRows"], parts: Iterable[tuple[Rows, Column]], records: np.ndarray
) -> np.ndarray:
    """The records with all that the kept rows say of the others, which come in parts."""
    kept, start = profile(), 0
    for X, y in parts:
        kept.describe(X, y, records[start : start + len(y)])
        start += len(y)
    return records


def named(records: np.ndarray, names: list[str]) -> np.ndarray:
    """The records with the names of their columns in place of numbers."""
    texts = np.array(names)
    columns = ("first_column", "second_column")
    fields = [(n, texts.dtype if n in columns else records.dtype[n]) for n in NUMBERS.names or ()]
    result = np.empty(len(records), dtype=fields)
    for name in records.dtype.names or ():
        result[name] = texts[records[name]] if name in columns else records[name]
    return result


class KeptRows(NamedTuple):
    """What the kept rows have in common.

    Parameters
    ----------
    center : array, shape (d,)
        Their means.
    spread : array, shape (d,)
        Their standard deviations; 0 for a column that is constant.
    regression : BayesianRegression, optional
        What they say of the target; None where there are too many columns.
    model : estimator
        The model that was trained on them.
    sigma : float
        Of its residuals.
    """

    center: Float[np.ndarray, " d"]
    spread: Float[np.ndarray, " d"]  # 0 for a column that is constant
    regression: BayesianRegression | None
    model: Any
    sigma: float  # of the residuals of the model

    @classmethod
    def of_moments(cls, moments: Moments, model: Any, sigma: float) -> "KeptRows":
        """Describe the kept rows by their moments.

        Parameters
        ----------
        moments : Moments
            The moments.
        model : estimator
            The model that was trained on them.
        sigma : float
            Of its residuals.

        Returns
        -------
        KeptRows
            The description.
        """
        # The maximum of the evidence is not needed to the last digit here.
        regression = BayesianRegression.of(moments, max_iter=100, tol=1e-4)
        center = moments.mean[:-1]
        spread = np.sqrt(np.diag(moments.scatter)[:-1] / moments.weight)
        spread[spread <= _rounding(center)] = 0.0
        return cls(center, spread, regression, model, sigma)

    def describe(self, X: Rows, y: Column, records: np.ndarray) -> None:
        """Fill in the records of rows.

        Parameters
        ----------
        X : array, shape (n, d)
            Their features.
        y : array, shape (n,)
            Their targets.
        records : array
            The records, to be written to.
        """
        residual = (y - self.model.predict(X)) / self.sigma
        records["residual"] = residual
        if self.regression is None:
            records["leverage"] = records["predictive_sigma"] = np.nan
        else:
            leverage = self.regression.leverage(X)
            records["leverage"] = leverage / (1.0 + leverage)
            records["predictive_sigma"] = np.sqrt(
                (1.0 + leverage) / self.regression.noise_precision
            )
        distance = np.column_stack([self._standardized(X), residual])
        size, every = np.abs(distance), np.arange(len(y))
        for which in ("first", "second"):
            column = size.argmax(axis=1)
            records[f"{which}_column"] = column
            records[f"{which}_sigma"] = distance[every, column]
            size[every, column] = -1.0

    def _standardized(self, X: Rows) -> Rows:
        distance = X - self.center
        flat = self.spread == 0
        # Whatever differs from a constant is infinitely many of its deviations away from it.
        off = np.where(np.abs(distance[:, flat]) > _rounding(self.center[flat]), np.inf, 0.0)
        off = np.copysign(off, distance[:, flat])
        distance /= np.where(flat, 1.0, self.spread)
        distance[:, flat] = off
        return distance


def _profile(
    X: Rows, y: Column, weight: Column, kept: np.ndarray, model: Any, known: Moments | None
) -> Callable[[], KeptRows]:
    """A function that tells what the kept rows have in common, and does not hold the rows."""
    weight, sigma = weight * kept, _sigma(X, y, weight, kept, model)
    if X.shape[1] <= _MANY_COLUMNS:
        moments = moments_of_rows(X, y, weight) if known is None else known
        return partial(KeptRows.of_moments, moments, model, sigma)
    center = np.average(X, axis=0, weights=weight)
    spread = np.sqrt(np.average((X - center) ** 2, axis=0, weights=weight))
    spread[spread <= _rounding(center)] = 0.0
    return partial(KeptRows, center, spread, None, model, sigma)


def _sigma(X: Rows, y: Column, weight: Column, kept: np.ndarray, model: Any) -> float:
    """Root mean squared residual of kept rows, evenly spaced ones where they are many."""
    rows = np.flatnonzero(kept)
    rows = rows[:: -(-len(rows) // _MANY_ROWS)]
    if type(model) is Ridge:
        residual = (y - X @ model.coef_ - model.intercept_)[rows]  # no copy of the rows
    else:
        residual = y[rows] - model.predict(X[rows])
    sigma = float(np.sqrt(np.average(residual**2, weights=weight[rows])))
    # Where the fit is exact, only rounding is left, which is no unit to measure in.
    return max(sigma, float(_rounding(np.abs(y).max()))) or 1.0


def _rounding(size: Any) -> Any:
    return 1e-12 * np.abs(size)
