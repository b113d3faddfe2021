"""Whether rows that pull a line together are an error, or a curve that a line cannot follow."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from ._crossfit import Canonical, boosting, crossfit
from ._evenscale import even_scale
from .errormixture import local_scale

Column = Float[np.ndarray, " m"]
Mask = Bool[np.ndarray, " m"]

_FAR = 3.0  # scales of noise from which on a row is far off
_MANY = 0.4  # of the group: if fewer are far off, the others of it have taught the trees
_MOST = 0.4  # of all rows: of two parts as large as each other, none is the wrong one
_WORSE = 1.05  # times the error without the group, and the others need it
_LEAST = 1e-6  # of the target's spread: noise below this is not told from none


class Gate(NamedTuple):
    """The rows of a group that are rejected, and what boosted trees without it expect; all (m,).

    Honest targets lie between `low` and `high`, 95 % of them.
    """

    rejected: Mask
    expected: Column
    low: Column
    high: Column


def gate(table: Canonical, group: Mask) -> Gate:
    """Rejects the rows of the group, unless boosted trees predict the others worse without them.

    Rows on a curve, or in a part of the table where the target is another, pull a line too; but
    trees need them to predict their neighbors. Of a group that is rejected, members that trees
    without it predict well go back. A group of over 40 % of the rows is another population.
    """
    form = even_scale(table.part(~group)).form
    v, w, rest, trees = form(table.y), table.weight, ~group, boosting(len(table.y))
    apart, among = crossfit(trees, table, v, 4, rest), crossfit(trees, table, v, 4)
    noise = local_scale(apart[rest], (v - apart)[rest], w[rest], _LEAST, at=apart)
    without, within = (
        w[rest] @ np.minimum(np.abs(v - p)[rest] / noise[rest], _FAR) ** 2 for p in (apart, among)
    )
    rejected = group & (np.abs(v - apart) > _FAR * noise)
    if w[rejected].sum() < _MANY * w[group].sum():
        rejected = group
    if without > _WORSE * within or w[group].sum() > _MOST * w.sum():
        rejected = np.zeros_like(group)
    ends = sorted((form.back(apart - 2.57 * noise), form.back(apart + 2.57 * noise)), key=np.sum)
    return Gate(rejected, form.back(apart), *ends)
