"""The scale of the target on which its noise is most even: y itself, or an asinh of it."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from ._crossfit import Canonical, Line, boosting, crossfit, spread
from .weights import quantile

Column = Float[np.ndarray, " m"]

_MAX_SIGMAS = 4.0  # standard deviations beyond which a row no longer counts in the choice


class Form(NamedTuple):
    """What targets become: themselves where `unit` is 0, else asinh of ± y in units from `low`.

    `bonus` settles ties.
    """

    sign: float = 1.0
    low: float = 0.0
    unit: float = 0.0
    bonus: float = 0.0

    def __call__(self, y: Column) -> Column:
        return self.sign * np.arcsinh(self._steps(y)) if self.unit else y

    def back(self, v: Column) -> Column:
        """y of v."""
        if not self.unit:
            return v
        return self.sign * (self.low + self.unit * np.sinh(self.sign * v))

    def slope(self, y: Column) -> Column:
        """Size of dv/dy."""
        if not self.unit:
            return np.ones_like(y)
        return 1.0 / (self.unit * np.sqrt(1.0 + self._steps(y) ** 2))

    def _steps(self, y: Column) -> Column:
        return (self.sign * y - self.low) / self.unit


class Scale(NamedTuple):
    """Targets `v` on it, its slope |dv/dy|, first predictions of v (all (m,)), and how good it is.

    `value` is the mean log likelihood of the targets.
    """

    form: Form
    v: Column
    slope: Column
    predicted: Column
    value: float


def even_scale(table: Canonical) -> Scale:
    """The scale under which the targets are likeliest, errors counting no more than at the cap."""
    lines = [_tried(table, Line(), form) for form in forms(table.y, table.weight)]
    curved = max(lines[1:], key=lambda scale: scale.value, default=None)
    trees = boosting(len(table.y), "absolute_error")
    chosen = lines[:1] if curved is None else [lines[0], curved]
    bent = [_tried(table, trees, scale.form) for scale in chosen]
    return max((*lines, *bent), key=lambda scale: scale.value)


def even_form(table: Canonical) -> Form:
    """The form of the target that is likeliest around a line; `even_scale` tries trees, too."""
    lines = (_tried(table, Line(), form) for form in forms(table.y, table.weight))
    return max(lines, key=lambda scale: scale.value).form


def step(y: Column, w: Column) -> float:
    """Step of the lattice of the commonest values that cover nine rows in ten; 0 without one."""
    values, at = np.unique(y, return_inverse=True)
    counts = np.bincount(at, weights=w)
    order = np.argsort(-counts, kind="stable")
    many = int(np.searchsorted(np.cumsum(counts[order]), 0.9 * w.sum())) + 1
    common = np.sort(values[order[:many]])
    # Without ties no value is common, and the step would be chance.
    if len(common) < 2 or 3 * len(common) > len(y):
        return 0.0
    return float(np.median(np.diff(common)))


def forms(y: Column, w: Column) -> Iterator[Form]:
    """y with a head start, then asinh from the lower and from the upper end of y."""
    yield Form(bonus=0.01)
    for sign in (1.0, -1.0):
        u = sign * y
        low = quantile(u, 0.05, w)
        for share in (0.25, 0.5):
            unit = quantile(u, share, w) - low
            if unit > 1e-6:
                yield Form(sign, low, unit)


def likelihood(v: Column, slope: Column, predicted: Column, w: Column) -> float:
    """Mean log likelihood of targets by their predictions; none counts more than at the cap."""
    r = v - predicted
    noise = max(spread(r, w), 1e-6)
    z = np.clip(r / noise, -_MAX_SIGMAS, _MAX_SIGMAS)
    # The slope where the capped target lies: one that is far off must not choose the scale.
    order = np.argsort(v, kind="stable")
    jacobian = np.log(np.interp(predicted + noise * z, v[order], slope[order]))
    each = jacobian - 2.5 * np.log1p(z**2 / 4.0) - np.log(noise)
    return float(np.average(each, weights=w))


def _tried(table: Canonical, model: Any, form: Form) -> Scale:
    v, slope = form(table.y), form.slope(table.y)
    predicted = crossfit(model, table, v, 0)
    value = likelihood(v, slope, predicted, table.weight) + form.bonus
    return Scale(form, v, slope, predicted, value)
