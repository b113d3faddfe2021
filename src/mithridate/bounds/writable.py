"""Which rows an attacker may write."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from ..errors import InputError

Vector = Float[np.ndarray, " k"]
Matrix = Float[np.ndarray, "n k"]
LATTICE_SLACK = 1e-6  # of a step: a last step that rounding cuts off is counted


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
        """The bounding box of rows, all columns continuous and free.

        Parameters
        ----------
        X, y : (n, d) and (n,) array
            The rows.

        Returns
        -------
        Writable
            Rows inside the box may be written.

        Examples
        --------
        >>> import numpy as np
        >>> rows = Writable.box(np.array([[0.0], [1.0]]), np.array([0.0, 2.0]))
        >>> rows.top
        array([1., 2.])
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
        """Refuse what the formulas for the farthest row do not hold for.

        Returns
        -------
        Writable
            Itself.

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
