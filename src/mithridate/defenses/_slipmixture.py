"""Honest cells against gross errors and slips of the decimal point: a mixture for one column."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.special import gammaln

from ._evenscale import Form

Column = Float[np.ndarray, " m"]

SLIPS = 1, -1, 2, -2, 3, -3
"""Powers of ten by which a slip makes a cell too large."""

TAILS = 4.0  # degrees of freedom of honest noise, which in features is heavier than in targets
_PRIOR = np.array([0.99, 0.006, 0.001, 0.001, 0.0005, 0.0005, 0.0005, 0.0005])
_PRIOR_ROWS = 50.0  # the weight of this prior (honest, gross, and each slip), in rows
_UNITS = 0.7, 0.8, 0.9, 1.0, 1.1  # of the noise, which errors may have widened
_DEGREES = 2.0, 3.0, 4.0, 6.0, 10.0, 30.0
_MAX_SCALES = 5.0  # scales of noise: a larger residual counts as this much
_MIN_SLIP_SCALES = 3.0  # scales of noise: a smaller residual needs no slip to explain it
_LOG_ZERO = -700.0  # log of a density that is 0 in effect
_NO_SLIP = 1e-12  # share of a slip where none is possible


class Places(NamedTuple):
    """Where the cells of a column lie on its even scale: as they are, and without each slip.

    `v` (7, m), and `log`, the logarithm of |dv/dx| there.
    """

    v: Float[np.ndarray, "s m"]
    log: Float[np.ndarray, "s m"]

    @classmethod
    def of(cls, x: Column, unit: Any, form: Form) -> "Places":
        powers = (0, *SLIPS)
        moved = [unit(x / 10.0**k) for k in powers]
        log = [np.log(form.slope(z)) - k * np.log(10.0) for z, k in zip(moved, powers, strict=True)]
        return cls(np.stack([form(z) for z in moved]), np.stack(log))


class SlipMixture(NamedTuple):
    """Shares of honest cells, of gross ones and of each slip.

    The noise has `unit` times its scale, and gross errors are a Cauchy density of scale `error`.
    """

    shares: Float[np.ndarray, " s"]
    unit: float
    error: float

    @classmethod
    def plain(cls, error: float) -> "SlipMixture":
        """The mixture before any cell was seen."""
        return cls(_PRIOR, 1.0, error)

    def logs(self, places: Places, predicted: Column, noise: Column) -> Float[np.ndarray, "s m"]:
        """Log density of each kind, of x and without its share."""
        r = places.v - predicted
        honest = _log_t(r, self.unit * noise) + places.log
        # Divided by ten, any small number fits; so a slip counts only where noise explains nothing.
        honest[1:, np.abs(r[0]) < _MIN_SLIP_SCALES * self.unit * noise] = _LOG_ZERO
        gross = -np.log(np.pi * self.error * (1.0 + (r[:1] / self.error) ** 2)) + places.log[:1]
        return np.concatenate([honest[:1], gross, honest[1:]])

    def odds(
        self, places: Places, predicted: Column, noise: Column
    ) -> tuple[Column, Int[np.ndarray, " m"]]:
        """Log odds that a cell is wrong, and the slip that explains it best, or 0."""
        kinds = self.logs(places, predicted, noise) + np.log(self.shares)[:, None]
        best = np.array([0, *SLIPS])[kinds[1:].argmax(axis=0)]
        return np.logaddexp.reduce(kinds[1:], axis=0) - kinds[0], best


def slip_mixture(
    places: Places, predicted: Column, noise: Column, error: float, slips: bool
) -> SlipMixture:
    """Learns the shares and the unit of the noise by EM; without `slips`, only gross errors."""
    prior = _PRIOR if slips else np.append(_PRIOR[:2], np.full(len(SLIPS), _NO_SLIP))
    prior = prior / prior.sum()
    m, best = len(predicted), (-np.inf, SlipMixture(prior, 1.0, error))
    for unit in _UNITS:
        shares, before = prior, -np.inf
        logs = SlipMixture(prior, unit, error).logs(places, predicted, noise)
        top = logs.max(axis=0)
        densities = np.exp(logs - top)
        for _ in range(30):
            total = shares @ densities
            value = float(np.log(total).sum() + top.sum())
            best = max(best, (value, SlipMixture(shares, unit, error)), key=lambda pair: pair[0])
            if value - before < 1e-6 * m:
                break
            before = value
            posterior = shares * (densities @ (1.0 / total))
            shares = (posterior + _PRIOR_ROWS * prior) / (m + _PRIOR_ROWS)
    return best[1]


def tails(z: Column) -> tuple[float, float]:
    """Degrees of freedom and scale of Student's t that fit standardized residuals best.

    None counts beyond a cap, where errors lie.
    """
    z = np.clip(z, -_MAX_SCALES, _MAX_SCALES)
    grid = [(nu, c) for nu in _DEGREES for c in _UNITS]
    return max(grid, key=lambda pair: float(_log_t(z, np.full(1, pair[1]), pair[0]).sum()))


def _log_t(r: np.ndarray, s: Column, nu: float = TAILS) -> np.ndarray:
    """Log density of Student's t of scale `s`."""
    norm = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(nu * np.pi)
    return norm - np.log(s) - (nu + 1) / 2 * np.log1p((r / s) ** 2 / nu)
