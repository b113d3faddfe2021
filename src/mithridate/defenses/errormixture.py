"""Honest noise against gross errors: a mixture of two whose share is learned from the residuals."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import gammaln, stdtr

from ._crossfit import spread
from .weights import quantile

Column = Float[np.ndarray, " m"]

_DEGREES = 5.0  # degrees of freedom of honest noise
_POOLED_ROWS = 25.0  # weight of the scale of the whole table beside that of a part, in rows
_MIN_SIDE_ROWS = 50  # rows that a side of the residuals needs for a scale of its own
EXPECTED_SHARE = 0.05
"""Share of wrong rows that is expected of a table before it is seen."""

_PRIOR_SHARE_AND_ROWS = EXPECTED_SHARE, 10.0  # the prior, and its weight in rows
_MAX_SCALES = 60  # scales of noise beyond which no honest row is expected
_UNITS = 0.7, 0.8, 0.9, 1.0, 1.1  # of the scale, which errors may have widened


class Mixture(NamedTuple):
    """Honest noise of scale `unit` × s, and errors of scale `error`.

    The errors are a `share` of the rows; a share `high` of them is too high.
    """

    error: float
    unit: float
    share: float
    high: float

    def odds(self, r: Column, s: Column, side: Column) -> Column:
        """Log odds that a target with residual r is wrong."""
        one = _log_cauchy(r, self.error) + _log_high(self.high, r > 0) + np.log(self.share)
        return one - (_log_t(r, self.unit * s) + side + np.log1p(-self.share))

    def chance(self, s: Column, side: tuple[float, float], cut: float) -> Column:
        """Probability that an honest row of noise scale s gets log odds above the cut.

        `side` is what `NoiseScale` says of a row below and of one above the prediction; the scale
        is taken to be the same on both sides.
        """
        steps = np.linspace(0.0, _MAX_SCALES, 8 * _MAX_SCALES + 1)
        tail = 2.0 * stdtr(_DEGREES, -(steps - steps[1] / 2.0))
        total = np.zeros_like(s)
        for sign, log in zip((-1.0, 1.0), side, strict=True):
            r = sign * self.unit * s[:, None] * steps
            wrong = self.odds(r, s[:, None], np.full((1, 1), log)) > cut
            # The first step from which on all are wrong; the tail beyond it.
            first = len(steps) - np.cumprod(wrong[:, ::-1], axis=1).sum(axis=1)
            total += 0.5 * np.exp(log) * np.append(tail, 0.0)[first]
        return total


class LocalScale(NamedTuple):
    """Scale of residuals as a function of the prediction: its logarithm at some predictions."""

    places: Float[np.ndarray, " k"]
    log: Float[np.ndarray, " k"]

    @classmethod
    def of(cls, p: Column, r: Column, w: Column, least: float) -> "LocalScale":
        """The robust scale of residuals `r` of rows with predictions `p`, in up to ten parts."""
        n = len(r)
        whole = np.log(max(spread(r, w), least))
        parts = np.array_split(np.argsort(p, kind="stable"), int(np.clip(n // 30, 1, 10)))
        places, log = [], []
        for rows in parts:
            m = len(rows)
            own = np.log(max(spread(r[rows], w[rows]), least))
            log.append((m * own + _POOLED_ROWS * whole) / (m + _POOLED_ROWS))
            places.append(quantile(p[rows], 0.5, w[rows]))
        return cls(np.array(places), np.array(log))

    def __call__(self, p: Column) -> Column:
        """The scale where rows have the predictions `p`."""
        return np.exp(np.interp(p, self.places, self.log))


class NoiseScale(NamedTuple):
    """Scale of honest noise by the prediction and by the sign of the residual.

    Half way between one scale for both sides and one for each: the first would reject the long side
    of skewed noise, the second would take errors that are all on one side for skewed noise. `sides`
    are the scales below and above the prediction, if enough rows are there, and `logs` the
    logarithms of twice the share of rows there.
    """

    both: LocalScale
    sides: tuple[LocalScale, ...]
    logs: tuple[float, float]

    @classmethod
    def of(cls, p: Column, r: Column, w: Column, least: float) -> "NoiseScale":
        """The scale of residuals `r` of rows with predictions `p`."""
        both, up = LocalScale.of(p, r, w, least), r > 0
        if min(up.sum(), (~up).sum()) < _MIN_SIDE_ROWS:
            return cls(both, (), (0.0, 0.0))
        sides = tuple(LocalScale.of(p[rows], r[rows], w[rows], least) for rows in (~up, up))
        below, above = (float(np.log(2.0 * w[rows].sum() / w.sum())) for rows in (~up, up))
        return cls(both, sides, (below, above))

    def __call__(self, p: Column, r: Column) -> tuple[Column, Column]:
        """The scale for each row, and the log of twice the share of rows on its side."""
        both, up = self.both(p), r > 0
        if not self.sides:
            return np.sqrt(both * both), np.zeros(len(r))
        below, above = (side(p) for side in self.sides)
        return np.sqrt(both * np.where(up, above, below)), np.where(up, *self.logs[::-1])


def mixture(
    r: Column, s: Column, side: Column, error: float, w: Column, sure: Bool[np.ndarray, " m"]
) -> Mixture:
    """What residuals `r` with noise of scale `s` say, against errors of scale `error`.

    Rows that are `sure` are honest, however far off.
    """
    f1 = _log_cauchy(r, error)
    learned = [(c, *_learned(_log_t(r, c * s) + side, f1, r > 0, w, sure)) for c in _UNITS]
    unit, _, share, high = max(learned, key=lambda fit: fit[1])
    return Mixture(error, unit, share, high)


def _learned(
    f0: Column, f1: Column, up: np.ndarray, w: Column, sure: np.ndarray
) -> tuple[float, float, float]:
    """Log likelihood, share of errors and share of them that are too high, by EM."""
    prior, rows = _PRIOR_SHARE_AND_ROWS
    untrusted = np.where(sure, 0.0, w)
    share, high, likelihood, best = prior, 0.5, -np.inf, (prior, 0.5)
    for _ in range(60):
        one = f1 + _log_high(high, up) + np.log(share)
        zero = f0 + np.log1p(-share)
        both = np.logaddexp(one, zero)
        before, likelihood = likelihood, float(w @ np.where(sure, f0, both))
        best = share, high
        if abs(likelihood - before) < 1e-9 * w.sum():
            break
        wrong = untrusted * np.exp(one - both)
        share = (float(wrong.sum()) + prior * rows) / (float(untrusted.sum()) + rows)
        high = (float(wrong[up].sum()) + 25.0) / (float(wrong.sum()) + 50.0)
    return likelihood, *best


def _log_high(high: float, up: np.ndarray) -> np.ndarray:
    return np.where(up, np.log(2.0 * high), np.log(2.0 - 2.0 * high))


def _log_cauchy(r: np.ndarray, s: float) -> np.ndarray:
    return -np.log(np.pi * s * (1.0 + (r / s) ** 2))


def _log_t(r: np.ndarray, s: np.ndarray) -> np.ndarray:
    """Log density of Student's t of scale `s`."""
    nu = _DEGREES
    norm = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(nu * np.pi)
    return norm - np.log(s) - (nu + 1) / 2 * np.log1p((r / s) ** 2 / nu)
