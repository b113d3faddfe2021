"""Whether rows that pull a line together are an error, or a curve that a line cannot follow."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from ._crossfit import Canonical, Line, boosting, crossfit, spread
from ._evenscale import even_form
from .errormixture import local_scale

Column = Float[np.ndarray, " m"]
Mask = Bool[np.ndarray, " m"]

_FAR = 3.0  # scales of noise from which on an error counts no more
_INTERVAL = 2.57  # scales of noise either way that hold 95 % of honest targets
_MANY = 0.4  # of the group: if fewer are beyond, the others of it have taught what predicts them
_MOST = 0.4  # of all rows: of two parts as large as each other, none is the wrong one
_END = 5  # other rows at the very end of the target, without which it is not cut off there
_WORSE = 1.05  # times the error of trees with the group, and the others need it
_BEND = 0.8  # times the error of a line with the group, where the others bend as well
_LEAST = 1e-6  # of the target's spread: noise below this is not told from none


class Gate(NamedTuple):
    """The rows of a group that are rejected, and what models without it expect; all (m,).

    Honest targets lie between `low` and `high`, 95 % of them.
    """

    rejected: Mask
    expected: Column
    low: Column
    high: Column


def gate(table: Canonical, group: Mask) -> Gate:
    """Rejects the rows of the group if they spoil a line for the others, and trees need none.

    Rows on a curve, or in a part of the table where the target is another, are far off a line too;
    but a robust line predicts the others hardly better without them, and trees need them to predict
    their neighbors. Where trees predict the others better than a line does, the table bends, and a
    line must gain a fifth; else any gain counts. Of a group that is rejected, members go back that
    the better of both, without it, expects where they are, and those at the end of a target
    that is cut off where a line goes on. A group of over 40 % of the rows is another population.
    """
    form = even_form(table.part(~group))
    v, w, rest, trees = form(table.y), table.weight, ~group, boosting(len(table.y))
    apart, among = crossfit(trees, table, v, 4, rest), crossfit(trees, table, v, 4)
    line, bent = crossfit(Line(), table, v, 4, rest), crossfit(Line(), table, v, 4)
    noise = _noise(v, apart, w, rest)
    # Where a line is far off anyway, as trees show, nothing has pulled it.
    least = np.full_like(v, max(min(spread((v - p)[rest], w[rest]) for p in (apart, line)), _LEAST))

    def ratio(one: Column, other: Column, unit: Column, rows: Mask = rest) -> float:
        """How many times as large the error of predictions of the others is as of other ones."""
        one, other = (np.minimum(np.abs(v - p)[rows] / unit[rows], _FAR) ** 2 for p in (one, other))
        return float(w[rows] @ one / max(w[rows] @ other, _LEAST))

    straight = ratio(line, apart, least) <= 1.0
    # Rows that trees do not predict either, wrong by themselves, say nothing of what pulls a line.
    asked = rest & (np.abs(v - apart) <= _FAR * noise)
    pulled = ratio(line, bent, least, asked) < (1.0 / _WORSE if straight else _BEND)
    needed = ratio(apart, among, noise) > _WORSE
    expected = line if straight else apart
    reach = _INTERVAL * _noise(v, expected, w, rest)
    group = group & ~_cut_off(v, expected, reach, rest)
    rejected = group & (np.abs(v - expected) > reach)
    if w[rejected].sum() < _MANY * w[group].sum():
        rejected = group
    if w[group].sum() > _MOST * w.sum() or needed or not pulled:
        rejected = np.zeros_like(group)
    ends = sorted((form.back(expected - reach), form.back(expected + reach)), key=np.sum)
    return Gate(rejected, form.back(expected), *ends)


def _cut_off(v: Column, expected: Column, reach: Column, rest: Mask) -> Mask:
    """Rows at the end of a target that is cut off there, where a line goes on beyond the end."""
    found = np.zeros_like(rest)
    for sign in (-1.0, 1.0):
        out, beyond = sign * v, sign * expected
        end = out[rest].max()
        if (out[rest] == end).sum() >= _END:
            found |= (beyond > end) & (np.abs(out - end) <= reach)
    return found


def _noise(v: Column, p: Column, w: Column, rest: Mask) -> Column:
    """Scale of the noise of the others around predictions, for each row."""
    return local_scale(p[rest], (v - p)[rest], w[rest], _LEAST, at=p)
