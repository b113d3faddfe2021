"""How far a row that may be written can lie from a plane, and a smooth bound on that."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from .writable import Writable

Vector = Float[np.ndarray, " k"]
Matrix = Float[np.ndarray, "k k"]
_HALVINGS = 30  # of the multiplier of a budget; any value is valid, more only sharpen
BUDGET_SLACK = 1e-8  # attacks keep to a budget up to rounding
_MIN_SHARE = 1e-12  # share of an origin in a mean


def farthest(rows: Writable, q: Vector) -> float:
    """Give the largest absolute residual `|y - zᵀq|` of a row that may be written, `z = (x, 1)`.

    Exact for boxes, lattices, one-hot groups and frozen columns. With a finite budget it is an
    upper bound: one-hot groups and lattices are relaxed to their box, and the multiplier of the
    budget is found by bisection (weak duality makes any multiplier valid).

    Parameters
    ----------
    rows : Writable
        What may be written.
    q : (d + 1,) array
        Slopes and, last, the intercept.

    Returns
    -------
    float
        In units of the target.

    Examples
    --------
    >>> rows = Writable.box(np.array([[0.0], [1.0]]), np.array([0.0, 2.0]))
    >>> farthest(rows, np.array([0.0, 0.0]))
    2.0
    """
    return LargestResidual(rows).largest(q)


class Smooth(NamedTuple):
    """A value that is smoothed from above, with its gradient and second derivatives in `q`."""

    value: float
    slope: Vector
    bend: Matrix


class _Shares(NamedTuple):
    """Shares of levels and origins in a side; the moves of origins and their multipliers."""

    level: Vector
    origin: Vector
    delta: np.ndarray
    price: Vector


class FarthestSide(NamedTuple):
    """The rows on one side of a plane that are farthest from it.

    `value` is their residual and `row` the row `(x, 1, y)`, or the mean of nearly farthest ones
    where the side is smoothed.
    """

    value: float
    row: Vector
    g: Vector
    shares: _Shares


class LargestResidual:
    """The largest residual of a row that may be written, as a convex function of the plane.

    Parameters
    ----------
    rows : Writable
        What may be written.
    """

    def __init__(self, rows: Writable):
        low, top = rows.lower, rows.top
        levels = np.append(rows.levels, False)
        plain = rows.free & ~levels
        self.rows, self.near = rows, bool(np.isfinite(rows.budget))
        self.middle = np.where(plain, (low + top) / 2, 0.0)
        self.half = np.where(plain, (top - low) / 2, 0.0)
        groups = []
        for group, optional in zip(rows.member, rows.optional, strict=True):
            at = np.flatnonzero(group & levels[:-1] & rows.free[:-1])
            if at.size:  # the place after the last column stands for no level at all
                groups.append(np.append(at, len(low)) if optional else at)
        self.places = np.concatenate(groups) if groups else np.zeros(0, int)
        sizes = [len(group) for group in groups]
        self.starts = np.cumsum([0, *sizes[:-1]]) if groups else np.zeros(0, int)
        self.group = np.repeat(np.arange(len(groups)), sizes)
        self.kept = np.flatnonzero(~rows.free)
        self.fixed = rows.origins[:, self.kept]
        if self.near:
            free = rows.free
            self.low = np.where(free, np.minimum(rows.lower - rows.origins, 0.0), 0.0)
            self.high = np.where(free, np.maximum(rows.upper - rows.origins, 0.0), 0.0)

    def largest(self, q: Vector, heat: float = 0.0) -> float:
        """The largest absolute residual from the plane `q` (d + 1,), smoothed by a `heat` > 0."""
        ends = [self._end(sign * np.append(-q[:-1], 1.0), heat)[0] for sign in (1.0, -1.0)]
        return _softmax(np.array([ends[0] - q[-1], ends[1] + q[-1]]), heat)[0]

    def smooth(self, q: Vector, heat: float) -> Smooth:
        """The same, smoothed by `heat` > 0, which is in units of the target."""
        sides = self.sides(q, heat)
        value, (up, down) = _softmax(np.array([side.value for side in sides]), heat)
        slopes = -sides[0].row[:-1], sides[1].row[:-1]
        apart = slopes[0] - slopes[1]
        bend = np.zeros((len(q), len(q)))
        for share, side in ((up, sides[0]), (down, sides[1])):
            bend += share * self._bend(side, heat)
        bend += np.outer(apart, up * down / heat * apart)
        return Smooth(value, up * slopes[0] + down * slopes[1], bend)

    def sides(self, q: Vector, heat: float = 0.0) -> tuple[FarthestSide, FarthestSide]:
        """The rows farthest above and below the plane; `heat` counts those nearly as far, too."""
        above, below = (self._side(q, sign, heat) for sign in (1.0, -1.0))
        return above, below

    def _side(self, q: Vector, sign: float, heat: float) -> FarthestSide:
        g = sign * np.append(-q[:-1], 1.0)
        value, shares = self._end(g, heat)
        z = self._mean(g, heat, shares)
        row = np.concatenate([z[:-1], [1.0], z[-1:]])
        return FarthestSide(value - sign * float(q[-1]), row, g, shares)

    def _end(self, g: Vector, heat: float) -> tuple[float, "_Shares"]:
        """The largest `g · (x, y)` over the rows that may be written, and the shares in it."""
        if self.near:
            return self._end_nearby(g, heat)
        size = np.abs(g)
        if heat > 0:
            size = size + heat * np.log1p(np.exp(-2 * size / heat))
        value, nothing = float(g @ self.middle + size @ self.half), np.zeros(0)
        level = origin = nothing
        if self.starts.size:
            best, level = self._levels(np.append(g, 0.0)[self.places], heat)
            value += best
        if self.kept.size:
            best, origin = _softmax(self.fixed @ g[self.kept], heat)
            value += best
        return value, _Shares(level, origin, nothing, nothing)

    def _mean(self, g: Vector, heat: float, shares: "_Shares") -> Vector:
        """The row `(x, y)` of the shares."""
        if self.near:
            return shares.origin @ (self.rows.origins + shares.delta)
        z = self.middle + self.half * (np.tanh(g / heat) if heat > 0 else np.sign(g))
        if self.starts.size:
            z = (np.append(z, 0.0) + np.bincount(self.places, shares.level, len(z) + 1))[:-1]
        if self.kept.size:
            z[self.kept] = shares.origin @ self.fixed
        return z

    def _bend(self, side: FarthestSide, heat: float) -> Matrix:
        """The second derivatives of a smoothed side in `q`."""
        g, shares = side.g, side.shares
        bend = np.zeros((len(g), len(g)))
        diagonal = np.diag_indices(len(g))
        if self.near:
            self._bend_nearby(g, shares, heat, bend)
        else:
            bend[diagonal] = self.half * (1 - np.tanh(g / heat) ** 2) / heat
        if self.starts.size and not self.near:
            each = np.zeros((len(g) + 1, len(self.starts)))
            each[self.places, self.group] = shares.level
            each = each[:-1]
            bend -= each @ (each.T / heat)
            bend[diagonal] += each.sum(axis=1) / heat
        if self.kept.size and not self.near:
            bend[np.ix_(self.kept, self.kept)] += _spread(self.fixed, shares.origin) / heat
        bend[-1], bend[:, -1] = 0.0, 0.0  # the target's place is the intercept's from here on
        return bend

    def _levels(self, values: Vector, heat: float) -> tuple[float, Vector]:
        """The largest sum of one entry of each group, and the share of every entry in it."""
        best = np.maximum.reduceat(values, self.starts)
        below = values - best[self.group]
        if heat > 0:
            raised = np.exp(below / heat)
            total = np.add.reduceat(raised, self.starts)
            return float((best + heat * np.log(total)).sum()), raised / total[self.group]
        first = np.flatnonzero(below == 0)
        first = first[np.unique(self.group[first], return_index=True)[1]]
        share = np.zeros(len(values))
        share[first] = 1.0
        return float(best.sum()), share

    def _end_nearby(self, g: Vector, heat: float) -> tuple[float, "_Shares"]:
        """The same within the budget of an origin: an upper bound, by weak duality."""
        rows, square = self.rows, (self.rows.budget * (1 + BUDGET_SLACK)) ** 2

        def moved(price):
            with np.errstate(divide="ignore", invalid="ignore"):
                far = np.where(price[:, None] > 0, g / (2 * price[:, None]), np.sign(g) * np.inf)
            return np.clip(np.where(g == 0, 0.0, far), self.low, self.high)

        none = np.zeros(len(rows.origins))
        most = np.full(len(none), np.linalg.norm(g) / (2 * rows.budget))
        least = np.where((moved(none) ** 2).sum(axis=1) <= square, most, none)
        cheap = least > 0  # the budget does not bind there
        for _ in range(_HALVINGS):
            price = (least + most) / 2
            over = (moved(price) ** 2).sum(axis=1) > square
            least, most = np.where(over, price, least), np.where(over, most, price)
        price = np.where(cheap, 0.0, most)
        delta = moved(price)
        values = price * square + (g * delta - price[:, None] * delta**2).sum(axis=1)
        value, origin = _softmax(values + rows.origins @ g, heat)
        return value, _Shares(none[:0], origin, delta, price)

    def _bend_nearby(self, g: Vector, shares: "_Shares", heat: float, bend: Matrix) -> None:
        """Adds the second derivatives of the value within a budget."""
        some = shares.origin > _MIN_SHARE
        share, delta, price = shares.origin[some], shares.delta[some], shares.price[some]
        bend += _spread(self.rows.origins[some] + delta, share) / heat
        inside = (self.low[some] < delta) & (delta < self.high[some]) & (g != 0)
        pull = np.where(inside, g, 0.0)
        # A row on the sphere turns with g; one that its box alone holds does not.
        weight = np.where(price > 0, share / np.maximum(2 * price, 1e-300), 0.0)
        square = np.maximum((pull**2).sum(axis=1), 1e-300)
        bend[np.diag_indices(len(g))] += weight @ inside
        bend -= pull.T @ (pull * (weight / square)[:, None])


def _spread(points: Float[np.ndarray, "n k"], share: Vector) -> Matrix:
    """The covariance of points with these shares."""
    away = points - share @ points
    return away.T @ (away * share[:, None])


def _softmax(values: Vector, heat: float) -> tuple[float, Vector]:
    """The largest value and its place as weights, or their smooth upper bound by log-sum-exp."""
    best = values.max()
    if heat <= 0:
        share = np.zeros(len(values))
        share[values.argmax()] = 1.0
        return float(best), share
    raised = np.exp((values - best) / heat)
    total = raised.sum()
    return float(best + heat * np.log(total)), raised / total
