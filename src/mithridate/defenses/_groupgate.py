"""Whether rows that pull a line together are an error, or a curve that a line cannot follow."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from ..passes.rows import dealt
from ._crossfit import Canonical, Line, Units, boosting, crossfit, crossfitted, spread
from ._evenscale import Form, even_form
from .ends import cut_off
from .errormixture import LocalScale

Column = Float[np.ndarray, " m"]
Mask = Bool[np.ndarray, " m"]

_MAX_SCALES = 3.0  # scales of noise: a larger error counts as this much
_INTERVAL_SIGMAS = 2.57  # scales of noise either way that hold 95 % of honest targets
# A share of the group: where fewer of its rows are off, the models have learned from others like
# them, and the whole group is rejected.
_MIN_OFF_SHARE = 0.4
_MAX_GROUP_SHARE = 1 / 3  # of all rows: a larger group is a second population, not an error
# Errors of the other rows by models without the group, over those by models with it: beyond the
# first, trees need the group; below the second, a line is better without it where trees beat lines.
_ERROR_RATIO = 1.05
_BENT_ERROR_RATIO = 0.8
_FOLD_SEED = 4
_MIN_NOISE = 1e-6  # of the target's spread: smaller noise counts as this much


class Expected(NamedTuple):
    """What models without a group expect, all (n,), and which rows are not where they expect them.

    `cut` are rows at the end of a target that is cut off there, where a line goes on beyond it.
    Honest targets lie between `low` and `high`, 95 % of them.
    """

    off: Mask
    cut: Mask
    expected: Column
    low: Column
    high: Column


class GroupGate(NamedTuple):
    """What the models that were fitted without a group say of rows that were not asked.

    `models` did not see one fold each; the target is cut off at the `ends` (sign, and target times
    it). Where `narrow`, only rows off what they expect are rejected, else all of the group that are
    not cut.
    """

    columns: Int[np.ndarray, " d"]
    features: Units
    target: Units
    form: Form
    models: tuple[Any, ...]
    noise: LocalScale
    ends: tuple[tuple[float, float], ...]
    narrow: bool = True

    def __call__(
        self, X: Float[np.ndarray, "n k"], y: Column, rows: Int[np.ndarray, " n"]
    ) -> Expected:
        """What is expected of rows, by their numbers; in units of y."""
        Z, target = self.features(X[:, self.columns]), self.target(y[:, None])[:, 0]
        predicted, fold = np.empty(len(y)), dealt(rows, _FOLD_SEED, len(self.models))
        for k, model in enumerate(self.models):
            if (fold == k).any():
                predicted[fold == k] = np.ravel(model.predict(Z[fold == k]))
        off, cut, *values = self.expected_of(target, predicted)
        unit, zero = self.target.unit[0], self.target.middle[0]
        off = (off | (not self.narrow)) & ~cut
        return Expected(off, cut, *(zero + unit * value for value in values))

    def expected_of(self, y: Column, predicted: Column) -> Expected:
        """What is expected of targets by predictions of their even form."""
        v, reach = self.form(y), _INTERVAL_SIGMAS * self.noise(predicted)
        cut = np.zeros(len(y), dtype=bool)
        for sign, end in self.ends:
            cut |= (sign * predicted > end) & (np.abs(sign * v - end) <= reach)
        ends = [self.form.back(predicted + side) for side in (-reach, reach)]
        middle, off = self.form.back(predicted), np.abs(v - predicted) > reach
        return Expected(off, cut, middle, np.minimum(*ends), np.maximum(*ends))


class Gate(NamedTuple):
    """The rows of a group that are rejected, what models expect, and what they say of others."""

    rejected: Mask
    expected: Expected
    others: GroupGate


def gate(table: Canonical, group: Mask) -> Gate:
    """Rejects the rows of the group if they spoil a line for the others, and trees need none.

    Rows on a curve, or in a part of the table where the target is another, are far off a line too;
    but a robust line predicts the others hardly better without them, and trees need them to predict
    their neighbors. Where trees predict the others better than a line does, the table bends, and a
    line must gain a fifth; else any gain counts. Of a group that is rejected, members go back that
    the better of both, without it, expects where they are, and those at the end of a target
    that is cut off where a line goes on. A group of over a third of the rows is another population.
    """
    form = even_form(table.part(~group))
    v, w, rest, trees = form(table.y), table.weight, ~group, boosting(len(table.y))
    fits = [crossfitted(model, table, v, _FOLD_SEED, rest) for model in (Line(), trees)]
    line, apart = (fit.predicted for fit in fits)
    bent, among = (crossfit(model, table, v, _FOLD_SEED) for model in (Line(), trees))
    noise = _noise(v, apart, w, rest)(apart)
    # Where a line is far off anyway, as trees show, nothing has pulled it.
    least = np.full_like(
        v, max(min(spread((v - p)[rest], w[rest]) for p in (apart, line)), _MIN_NOISE)
    )

    def ratio(one: Column, other: Column, unit: Column, rows: Mask = rest) -> float:
        """How many times as large the error of predictions of the others is as of other ones."""
        one, other = (
            np.minimum(np.abs(v - p)[rows] / unit[rows], _MAX_SCALES) ** 2 for p in (one, other)
        )
        return float(w[rows] @ one / max(w[rows] @ other, _MIN_NOISE))

    straight = ratio(line, apart, least) <= 1.0
    # Rows that trees do not predict either, wrong by themselves, say nothing of what pulls a line.
    predictable = rest & (np.abs(v - apart) <= _MAX_SCALES * noise)
    pulled = ratio(line, bent, least, predictable) < (
        1.0 / _ERROR_RATIO if straight else _BENT_ERROR_RATIO
    )
    needed = ratio(apart, among, noise) > _ERROR_RATIO
    chosen = fits[0 if straight else 1]
    scale, ends = _noise(v, chosen.predicted, w, rest), cut_off(v[rest])
    units = table.columns, table.features, table.target
    others = GroupGate(*units, form, chosen.models, scale, ends)
    expected = others.expected_of(table.y, chosen.predicted)
    group = group & ~expected.cut
    rejected = group & expected.off
    if w[rejected].sum() < _MIN_OFF_SHARE * w[group].sum():
        rejected, others = group, others._replace(narrow=False)
    if w[group].sum() > _MAX_GROUP_SHARE * w.sum() or needed or not pulled:
        rejected = np.zeros_like(group)
    return Gate(rejected, expected, others)


def _noise(v: Column, p: Column, w: Column, rest: Mask) -> LocalScale:
    """Scale of the noise of the others around predictions."""
    return LocalScale.of(p[rest], (v - p)[rest], w[rest], _MIN_NOISE)
