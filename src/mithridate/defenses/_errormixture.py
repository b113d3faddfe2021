"""Honest noise against gross errors: a mixture of two whose share is learned from the residuals."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import gammaln

from ._crossfit import quantile, spread

Column = Float[np.ndarray, " m"]

_TAILS = 5.0  # degrees of freedom of honest noise
_SHRUNK = 25.0  # rows that the scale of the whole table counts as beside that of a part
_SIDES = 50  # rows of a side of the residuals, without which it has no scale of its own
_PRIOR = 0.05, 10.0  # share of wrong rows that is expected, and how many rows say so
_UNITS = 0.7, 0.8, 0.9, 1.0, 1.1  # of the scale, which errors may have widened


class Mixture(NamedTuple):
    """Log odds that a target is wrong (m,), and the share of wrong ones."""

    odds: Column
    share: float


def local_scale(p: Column, r: Column, w: Column, least: float) -> Column:
    """Robust scale of residuals as a function of the prediction."""
    n = len(r)
    whole = np.log(max(spread(r, w), least))
    parts = np.array_split(np.argsort(p, kind="stable"), int(np.clip(n // 30, 1, 10)))
    at, log = [], []
    for rows in parts:
        m = len(rows)
        own = np.log(max(spread(r[rows], w[rows]), least))
        log.append((m * own + _SHRUNK * whole) / (m + _SHRUNK))
        at.append(quantile(p[rows], 0.5, w[rows]))
    return np.exp(np.interp(p, at, log))


def noise_scale(p: Column, r: Column, w: Column, least: float) -> tuple[Column, Column]:
    """Scale of honest noise for each row, and log of twice the share of rows on its side.

    Half way between one scale for both sides and one for each: the one rejects the long side of
    skewed noise, the other takes errors that are all on one side for skewed noise.
    """
    both, up = local_scale(p, r, w, least), r > 0
    own, side = both.copy(), np.zeros(len(r))
    if min(up.sum(), (~up).sum()) >= _SIDES:
        for rows in (up, ~up):
            own[rows] = local_scale(p[rows], r[rows], w[rows], least)
            side[rows] = np.log(2.0 * w[rows].sum() / w.sum())
    return np.sqrt(both * own), side


def mixture(r: Column, s: Column, side: Column, error: float, w: Column) -> Mixture:
    """What residuals `r` with noise of scale `s` say, against errors of scale `error`."""
    f1 = -np.log(np.pi * error * (1.0 + (r / error) ** 2))
    learned = [_learned(_log_t(r, c * s) + side, f1, r > 0, w) for c in _UNITS]
    return max(learned, key=lambda found: found[0])[1]


def _learned(f0: Column, f1: Column, up: np.ndarray, w: Column) -> tuple[float, Mixture]:
    """Log likelihood and mixture of two log densities, by expectation maximization.

    It learns the share of errors, and the share of them that are too high.
    """
    prior, rows = _PRIOR
    share, high, likelihood, one, zero = prior, 0.5, -np.inf, f1, f0
    for _ in range(60):
        one = f1 + np.where(up, np.log(2.0 * high), np.log(2.0 - 2.0 * high)) + np.log(share)
        zero = f0 + np.log1p(-share)
        both = np.logaddexp(one, zero)
        before, likelihood = likelihood, float(w @ both)
        if abs(likelihood - before) < 1e-9 * w.sum():
            break
        wrong = w * np.exp(one - both)
        share = (float(wrong.sum()) + prior * rows) / (float(w.sum()) + rows)
        high = (float(wrong[up].sum()) + 25.0) / (float(wrong.sum()) + 50.0)
    return likelihood, Mixture(one - zero, share)


def _log_t(r: Column, s: Column) -> Column:
    """Log density of Student's t of scale `s`."""
    nu = _TAILS
    norm = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(nu * np.pi)
    return norm - np.log(s) - (nu + 1) / 2 * np.log1p((r / s) ** 2 / nu)
