"""Cells without a value: what they add to the noise of a row."""

from typing import Any, NamedTuple, Self

import numpy as np
from jaxtyping import Bool, Float

from ..errors import InputError
from ._crossfit import Canonical, Line, spread
from .base import BaseDefense

Column = Float[np.ndarray, " m"]

_MIN_BLANKS = 10  # blanks that a column needs for its rows to have a noise scale of their own
_SHRINKAGE_ROWS = 20.0  # weight of "no difference" beside the rows with a blank, in rows


def as_blanks(blanks: Any, X: Any, weight: Any) -> Bool[np.ndarray, "n d"] | None:
    """Which cells had no value, of the rows that are present."""
    if blanks is None:
        return None
    given = np.asarray(blanks, dtype=bool)
    if given.shape != np.shape(X):
        raise InputError(
            f"blanks has the shape {given.shape}, and X {np.shape(X)}; give one truth value for "
            "each cell."
        )
    return given if weight is None else given[np.ravel(weight) > 0]


class Widening(NamedTuple):
    """What blanks add to the noise of rows, since no filled value is certain.

    A blank may stand for any value of its column, and so adds the variance that the column has in
    a line through the table: `sd` (d,). Where ten or more rows have a blank in the same column, and
    lie farther off even so, their own scale counts too, as a `factor` (d,).
    """

    sd: Float[np.ndarray, " d"]
    factor: Float[np.ndarray, " d"]

    @classmethod
    def of(
        cls,
        table: Canonical,
        v: Column,
        r: Column,
        noise: Column,
        blank: Bool[np.ndarray, "m d"] | None,
    ) -> "Widening":
        """Estimate it from rows with residuals `r`, whose `noise` does not count blanks yet."""
        d = table.X.shape[1]
        if blank is None:
            return cls(np.zeros(d), np.ones(d))
        slopes = Line().fit(table.X, v, table.weight).coef_[1:]
        own = cls(slopes * spread_of(table), np.ones(d))
        noise = own(noise, blank)
        for j in np.flatnonzero(blank.sum(axis=0) >= _MIN_BLANKS):
            rows, others = blank[:, j], ~blank[:, j]
            if not others.any():
                continue
            z, w = r / noise, table.weight
            ratio = spread(z[rows], w[rows]) / max(spread(z[others], w[others]), 1e-9)
            if ratio > 1.0:
                k = float(rows.sum())
                own.factor[j] = ratio ** (k / (k + _SHRINKAGE_ROWS))
                noise = np.where(rows, noise * own.factor[j], noise)
        return own

    def __call__(self, noise: Column, blank: Bool[np.ndarray, "m d"] | None) -> Column:
        """The noise of rows, wider where they have a blank."""
        if blank is None or not blank.any():
            return noise
        noise = np.sqrt(noise**2 + blank @ self.sd**2)
        for j in np.flatnonzero(self.factor > 1.0):
            noise = np.where(blank[:, j], noise * self.factor[j], noise)
        return noise


def spread_of(table: Canonical) -> Float[np.ndarray, " d"]:
    """Standard deviation of each column, no value counting beyond the reach of a line."""
    return np.clip(table.X, -4.0, 4.0).std(axis=0)


class BlanksDefense(BaseDefense):
    """A defense that is told which cells had no value before they were filled."""

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        trusted: Any = None,
        blanks: Any = None,
    ) -> Self:
        """Find the rows to keep and fit the model on them.

        Parameters
        ----------
        X : array-like or frame, shape (n, d)
            Features.
        y : array-like or series, shape (n,)
            Targets.
        sample_weight : array-like, shape (n,), optional
            How many times each row counts; 0 is an absent row.
        trusted : tuple (X, y), optional
            Rows known to be right. They say what noise is, and are not judged.
        blanks : array-like of bool, shape (n, d), optional
            Cells of X that had no value before they were filled. Their rows are taken to be noisier
            for it.

        Returns
        -------
        BlanksDefense
            The defense itself, fitted.

        Raises
        ------
        InputError
            If `blanks` has another shape than X, and as of every defense.
        """
        self._blanks = as_blanks(blanks, X, sample_weight)
        super().fit(X, y, sample_weight, trusted=trusted)
        self._blanks = None
        return self
