"""Which rows an attacker may write, and how far such a row can lie from a plane."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from ..errors import InputError

Vector = Float[np.ndarray, " k"]
Matrix = Float[np.ndarray, "n k"]
HALVINGS = 30  # of the multiplier of a budget; any value is valid, more only sharpen
LATTICE_SLACK = 1e-6  # of a step: a last step that rounding cuts off is counted
BUDGET_SLACK = 1e-8  # attacks keep to a budget up to rounding


class Writable(NamedTuple):
    """The poison rows that a threat model allows.

    Parameters
    ----------
    lower, upper : (d + 1,) array
        The box, in scaled units, the target last.
    step : (d + 1,) array
        Spacing of the values, counted from `lower`; 0 where a column is continuous.
    free : (d + 1,) array of bool
        Columns that may be written; the others keep the value of an origin.
    budget : float
        The farthest a row may move from its origin (Euclidean, in scaled units); may be infinite.
    member : (g, d) array of bool
        The columns of each one-hot group.
    optional : (g,) array of bool
        Where a row may belong to no level of the group.
    origins : (n, d + 1) array
        The rows, with their target last, that a poison row may start from.
    """

    lower: Vector
    upper: Vector
    step: Vector
    free: Bool[np.ndarray, " k"]
    budget: float
    member: Bool[np.ndarray, "g d"]
    optional: Bool[np.ndarray, " g"]
    origins: Matrix

    @classmethod
    def box(cls, X: Matrix, y: Vector) -> "Writable":
        """The bounding box of rows `X` (n, d), `y` (n,), all columns continuous and free.

        Examples
        --------
        >>> import numpy as np
        >>> rows = Writable.box(np.array([[0.0], [1.0]]), np.array([0.0, 2.0]))
        >>> farthest(rows, np.array([0.0, 0.0]))
        2.0
        """
        rows = np.column_stack([X, y])
        k = rows.shape[1]
        none = np.zeros((0, k - 1), bool), np.zeros(0, bool)
        return cls(
            rows.min(axis=0), rows.max(axis=0), np.zeros(k), np.ones(k, bool), np.inf, *none, rows
        )

    @property
    def top(self) -> Vector:
        """The largest value of each column, on its lattice."""
        spacing = np.where(self.step > 0, self.step, 1.0)
        steps = np.floor((self.upper - self.lower) / spacing + LATTICE_SLACK)
        last = np.minimum(self.lower + steps * spacing, self.upper)
        return np.where(self.step > 0, last, self.upper)

    @property
    def unit(self) -> float:
        """The range of the target, or 1 where it has none: the unit in which residuals are told."""
        return float(self.upper[-1] - self.lower[-1]) or 1.0

    @property
    def levels(self) -> Bool[np.ndarray, " d"]:
        """The features that a one-hot group may set to 1: those whose box is open."""
        return self.member.any(axis=0) & (self.upper > self.lower)[:-1]

    def check(self) -> "Writable":
        """Itself; an InputError where the formulas for the farthest row would not hold.

        Raises
        ------
        InputError
            Where a bound is not finite, or a one-hot group is only partly free.
        """
        if not (np.isfinite(self.lower).all() and np.isfinite(self.upper).all()):
            raise InputError("The range of a column is not finite; give one that is.")
        groups = [self.free[:-1][group] for group in self.member]
        if any(one.any() and not one.all() for one in groups):
            raise InputError("A category set is frozen in part; freeze all of it or none.")
        ends = self.lower[:-1][self.levels], self.upper[:-1][self.levels]
        if (ends[0] != 0).any() or (ends[1] != 1).any():
            raise InputError("A category set is not coded as 0 and 1; encode it so.")
        return self


def farthest(rows: Writable, q: Vector) -> float:
    """The largest absolute residual `|y - zᵀq|` of a row that may be written, `z = (x, 1)`.

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
    """
    return reach(rows, q, 0.0)[0]


def farthest_rows(rows: Writable, q: Vector) -> list[Vector]:
    """The rows `(x, 1, y)` farthest above and below a plane, where the budget is infinite."""
    if np.isfinite(rows.budget):
        return []
    found = [_anywhere(rows, sign * np.append(-q[:-1], 1.0), 0.0)[1] for sign in (1.0, -1.0)]
    return [np.insert(z, len(z) - 1, 1.0) for z in found]


def reach(rows: Writable, q: Vector, heat: float) -> tuple[float, Vector]:
    """The largest residual and its gradient in `q`; smoothed from above by `heat`, if positive."""
    ends = [_one_side(rows, q, sign, heat) for sign in (1.0, -1.0)]
    values = np.array([end[0] for end in ends])
    value, share = _softmax(values, heat)
    return value, share @ np.array([end[1] for end in ends])


def _one_side(rows: Writable, q: Vector, sign: float, heat: float) -> tuple[float, Vector]:
    """The largest `sign (y - zᵀq)` and its gradient in `q`."""
    g = sign * np.append(-q[:-1], 1.0)
    value, z = (_near if np.isfinite(rows.budget) else _anywhere)(rows, g, heat)
    return value - sign * q[-1], -sign * np.append(z[:-1], 1.0)


def _anywhere(rows: Writable, g: Vector, heat: float) -> tuple[float, Vector]:
    """The largest `g · (x, y)` over the rows that may be written, and where it is."""
    low, top, z = rows.lower, rows.top, np.zeros(len(g))
    levels = np.append(rows.levels, False)
    plain = rows.free & ~levels
    middle, half = (low + top) / 2, (top - low) / 2
    size, slope = _soft_size(g, heat)
    z[plain] = (middle + half * slope)[plain]
    value = float((g * middle + half * size)[plain].sum())
    for group, optional in zip(rows.member, rows.optional, strict=True):
        at = np.flatnonzero(group & levels[:-1] & rows.free[:-1])
        if at.size:
            some = np.append(g[at], 0.0) if optional else g[at]
            best, share = _softmax(some, heat)
            value, z[at] = value + best, share[: at.size]
    if not rows.free.all():
        kept = ~rows.free
        best, share = _softmax(rows.origins[:, kept] @ g[kept], heat)
        value, z[kept] = value + best, share @ rows.origins[:, kept]
    return value, z


def _near(rows: Writable, g: Vector, heat: float) -> tuple[float, Vector]:
    """The same within the budget of an origin: an upper bound, by weak duality."""
    origins, square = rows.origins, (rows.budget * (1 + BUDGET_SLACK)) ** 2
    low = np.where(rows.free, np.minimum(rows.lower - origins, 0.0), 0.0)
    high = np.where(rows.free, np.maximum(rows.upper - origins, 0.0), 0.0)

    def moved(price):
        with np.errstate(divide="ignore", invalid="ignore"):
            far = np.where(price[:, None] > 0, g / (2 * price[:, None]), np.sign(g) * np.inf)
        return np.clip(np.where(g == 0, 0.0, far), low, high)

    none = np.zeros(len(origins))
    most = np.full(len(origins), np.linalg.norm(g) / (2 * rows.budget))
    least = np.where((moved(none) ** 2).sum(axis=1) <= square, most, none)
    cheap = least > 0  # the budget does not bind there
    for _ in range(HALVINGS):
        price = (least + most) / 2
        over = (moved(price) ** 2).sum(axis=1) > square
        least, most = np.where(over, price, least), np.where(over, most, price)
    price = np.where(cheap, 0.0, most)
    delta = moved(price)
    values = price * square + (g * delta - price[:, None] * delta**2).sum(axis=1) + origins @ g
    value, share = _softmax(values, heat)
    return value, share @ (origins + delta)


def _soft_size(g: Vector, heat: float) -> tuple[Vector, Vector]:
    """`|g|` and its slope, or `heat log(2 cosh(g / heat))`, which is larger and smooth."""
    if heat <= 0:
        return np.abs(g), np.sign(g)
    size = np.abs(g)
    return size + heat * np.log1p(np.exp(-2 * size / heat)), np.tanh(g / heat)


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
