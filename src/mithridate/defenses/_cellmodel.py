"""What the other cells of a row say of one of them: lines that share one inverse, and their noise.

Here m are rows, k columns of predictors, the target among them, and v the values of one column on
its even scale.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from ._evenscale import Form, forms, likelihood, step
from ._slipmixture import Places, SlipMixture, slip_mixture, tails
from .errormixture import NoiseScale

Rows = Float[np.ndarray, "m k"]
Column = Float[np.ndarray, " m"]

_MAX_SIGMAS = 4.0  # robust standard deviations beyond which a cell pulls a line no further
_HUBER_SIGMAS = 1.345  # Huber's constant: a residual beyond it counts as if it lay there
_MAX_STEPS = 12
_PENALTY_ROWS = 1.0  # the penalty of the slopes, in rows
_ROUNDING = 1e-6  # of a column's spread: smaller noise counts as this much
_SCALE_ROWS = 2000  # rows by which a scale is chosen; of more, evenly spaced ones are taken
_INTERVAL_SIGMAS = 2.776  # scales of noise either way that hold 95 % of honest cells


class Unit(NamedTuple):
    """Median and robust spread of a column, in its own units."""

    middle: float
    spread: float

    @classmethod
    def of(cls, x: Column) -> "Unit":
        middle = float(np.quantile(x, 0.5, method="inverted_cdf"))
        far = _spread(x - middle)
        noise = 1e-12 * float(np.abs(x).max(initial=0.0))
        return cls(middle, far if far > noise else float(x.std()) or 1.0)

    def __call__(self, x: Column) -> Column:
        return (x - self.middle) / self.spread

    def back(self, z: Column) -> Column:
        return self.middle + self.spread * z


class Lines(NamedTuple):
    """Predictors `F` (m, k) less their means, the inverse `P` of their scatter, leverages (m,).

    The line of any column on all others follows from `P`, so a table costs one inverse.
    """

    F: Rows
    P: Float[np.ndarray, "k k"]
    leverage: Column
    mean: Float[np.ndarray, " k"]

    @classmethod
    def of(cls, F: Rows) -> "Lines":
        F = np.clip(F, -_MAX_SIGMAS, _MAX_SIGMAS)
        mean = F.mean(axis=0)
        F = F - mean
        P = np.linalg.inv(F.T @ F + _PENALTY_ROWS * np.eye(F.shape[1]))
        return cls(F, P, ((F @ P) * F).sum(axis=1) + 1.0 / len(F), mean)

    def part(self, rows: np.ndarray) -> "Lines":
        """The lines by fewer rows."""
        return Lines.of(self.F[rows] + self.mean)

    def fit(self, v: Column, j: int) -> tuple[Column, "Slopes"]:
        """Predictions of each row by Huber's line through the others without predictor `j`."""
        own = self.F @ self.P[:, j]
        leverage = np.minimum(self.leverage - own**2 / self.P[j, j], 1.0 - 1e-6)
        predicted = np.full(len(v), np.quantile(v, 0.5, method="inverted_cdf"))
        middle, slopes, pulled = 0.0, np.zeros(len(self.P)), v
        for _ in range(_MAX_STEPS):
            r = v - predicted
            reach = _HUBER_SIGMAS * max(_spread(r), 1e-9)
            pulled = predicted + np.clip(r, -reach, reach)
            middle = float(pulled.mean())
            slopes = self.P @ (self.F.T @ (pulled - middle))
            slopes -= self.P[:, j] * slopes[j] / self.P[j, j]  # without j
            before, predicted = predicted, middle + self.F @ slopes
            if np.abs(predicted - before).max() < 1e-4 * reach:
                break
        slopes[j] = 0.0
        without = pulled - (pulled - predicted) / (1.0 - leverage)
        return without, Slopes(middle - float(self.mean @ slopes), slopes)


class Slopes(NamedTuple):
    """A line by its intercept and its slopes (k,)."""

    intercept: float
    slopes: Float[np.ndarray, " k"]

    def __call__(self, F: Rows) -> Column:
        return self.intercept + np.clip(F, -_MAX_SIGMAS, _MAX_SIGMAS) @ self.slopes


class CellVerdict(NamedTuple):
    """What the others say of the cells of one column, in its own units; all (m,).

    `odds` are log odds that a cell is wrong; `slip` is the power of ten by which it is too large,
    if that explains it best, and 0 otherwise. Of honest cells 95 % lie between `low` and `high`;
    on the even scale they are `v` with a scale of `noise`.
    """

    odds: Column
    expected: Column
    low: Column
    high: Column
    slip: Int[np.ndarray, " m"]
    v: Column
    noise: Column


class CellModel(NamedTuple):
    """How the cells of column `j` follow from the others of their rows, and how errors look.

    `p` and `r` are predictions and residuals of the rows that it was fitted on, `ends` the least
    and largest of their values, all on the even scale `form` of values in the column's `unit`.
    """

    j: int
    unit: Unit
    form: Form
    line: Slopes
    p: Column
    r: Column
    ends: tuple[float, float]
    step: float
    mixture: SlipMixture

    @classmethod
    def of(
        cls,
        x: Column,
        used: Bool[np.ndarray, " m"],
        lines: Lines,
        j: int,
        unit: Unit,
        form: Form | None,
    ) -> tuple["CellModel", CellVerdict]:
        """The model of a column by the rows that are `used`, and what it says of these.

        Without a form, it is the one under which the cells are likeliest.
        """
        x = x[used]
        z, lines = unit(x), lines if used.all() else lines.part(used)
        form = _likeliest(z, lines, j) if form is None else form
        v = form(z)
        p, line = lines.fit(v, j)
        w = np.ones(len(v))
        width = 2.0 * max(_spread(v - np.quantile(v, 0.5, method="inverted_cdf")), _ROUNDING)
        own = cls(
            j, unit, form, line, p, v - p, (v.min(), v.max()), step(z, w), SlipMixture.plain(width)
        )
        noise, _ = NoiseScale.of(p, v - p, w, _ROUNDING)(p, v - p)
        noise = own.rounded(noise, z)
        places = Places.of(x, unit, form)
        own = own._replace(mixture=slip_mixture(places, p, noise, width, _one_sign(x)))
        return own, own.compared(places, p, noise)

    def rounded(self, noise: Column, z: Column) -> Column:
        """Noise that is never below the rounding of the column."""
        least = np.maximum(self.step * self.form.slope(z) / np.sqrt(12.0), _ROUNDING)
        return np.sqrt(noise**2 + least**2)

    def verdict_of(self, x: Column, F: Rows) -> CellVerdict:
        """What the model says of the cells of rows that it was not fitted on."""
        z, p = self.unit(x), self.line(F)
        r, w = self.form(z) - p, np.ones(len(self.r))
        noise, _ = NoiseScale.of(self.p, self.r, w, _ROUNDING)(p, r)
        return self.compared(Places.of(x, self.unit, self.form), p, self.rounded(noise, z))

    def compared(self, places: Places, p: Column, noise: Column) -> CellVerdict:
        odds, slip = self.mixture.odds(places, p, noise)
        reach = _INTERVAL_SIGMAS * self.mixture.unit * noise
        values = [self._back(v) for v in (p, p - reach, p + reach)]
        low, high = np.minimum(*values[1:]), np.maximum(*values[1:])
        return CellVerdict(odds, values[0], low, high, slip, p, self.mixture.unit * noise)

    def drawn(
        self, verdict: CellVerdict, count: int, rng: np.random.Generator
    ) -> tuple[Column, Column, Int[np.ndarray, " c"]]:
        """Honest cells like those of the rows that it was fitted on, their log odds and slips."""
        some = slice(None, None, -(-len(self.r) // _SCALE_ROWS))
        degrees, scale = tails(self.r[some] / verdict.noise[some])
        rows = rng.integers(0, len(self.r), count)
        v, noise = verdict.v[rows], verdict.noise[rows]
        x = self.unit.back(self.form.back(v + scale * noise * rng.standard_t(degrees, count)))
        places = Places.of(x, self.unit, self.form)
        return x, *self.mixture.odds(places, v, noise / self.mixture.unit)

    def _back(self, v: Column) -> Column:
        return self.unit.back(self.form.back(np.clip(v, *self.ends)))


def even(x: Column, unit: Unit) -> Form:
    """The scale on which a column is most even by itself."""
    z = unit(x)
    z = z[np.argsort(z, kind="stable")][:: -(-len(z) // _SCALE_ROWS)]
    w, best = np.ones(len(z)), (-np.inf, Form())
    for form in forms(z, w):
        v = form(z)
        middle = np.full(len(z), np.quantile(v, 0.5, method="inverted_cdf"))
        value = likelihood(v, form.slope(z), middle, w) + form.bonus
        best = max(best, (value, form), key=lambda pair: pair[0])
    return best[1]


def _likeliest(z: Column, lines: Lines, j: int) -> Form:
    """The scale under which the cells are likeliest, given the others of their rows."""
    if len(z) > _SCALE_ROWS:  # of rows that are the same in any order of the table
        rows = np.lexsort(((lines.F**2).sum(axis=1), z))[:: -(-len(z) // _SCALE_ROWS)]
        z, lines = z[rows], lines.part(rows)
    w, best = np.ones(len(z)), (-np.inf, Form())
    for form in forms(z, w):
        v = form(z)
        value = likelihood(v, form.slope(z), lines.fit(v, j)[0], w) + form.bonus
        best = max(best, (value, form), key=lambda pair: pair[0])
    return best[1]


def _one_sign(x: Column) -> bool:
    """Whether a decimal point can have slipped: numbers that lie about 0 lie there with any."""
    return max((x > 0).mean(), (x < 0).mean()) > 0.95 * (x != 0).mean()


def _spread(r: Column) -> float:
    """Standard deviation of a Gaussian whose size has this .7 quantile."""
    at = int(np.ceil(0.7 * len(r))) - 1
    return float(np.partition(np.abs(r), at)[at]) / 1.0364
