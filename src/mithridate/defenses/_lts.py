"""Least trimmed squares: fits the half of the rows that lie nearest to one plane."""

from math import sqrt
from typing import Any, ClassVar, NamedTuple

import numpy as np
from scipy.linalg import solve
from scipy.special import ndtri
from sklearn.utils import check_random_state
from threadpoolctl import threadpool_limits

from ..bayes import BayesianRegression
from ..moments import Moments
from ..passes.rows import OrderedTable, lowest
from .base import BaseDefense, Column, Mask, Rows
from .chance import truncated_variance
from .constraints import Constraints, Interval
from .unitbox import UnitBox
from .weights import median

_START_L2 = 1e-3  # penalty on the mean loss, columns standardized: a start may hold equal rows
_MAX_SCALE_RATIO = 5  # a column's standard deviation is at most its robust estimate so many times
_FOLLOWED_STARTS = 8  # starts that are followed until nothing moves
_MAX_STEPS = 50  # when a start is followed
_MAX_RETURNS = 30  # times that rows come back
_SEARCHED_ROWS = 10_000  # of a longer table, the search sees so many


class LeastTrimmedSquares(BaseDefense):
    """Reject rows far from the plane that fits half of the rows best.

    It assumes that the clean rows are more than the poison, and fit better: poison that fits better
    than half of the clean rows is taken for the table. Of clean Gaussian rows 1.2 % lie beyond 2.5
    σ, of heavier tails more; where half of the targets are one value, all others go, and `message_`
    says so. It knows neither contamination nor trusted rows and costs little: a baseline for
    defenses that know as little.

    Parameters
    ----------
    estimator : regressor, optional
        The model to defend, fitted on the kept rows; None is `Ridge()`.
    keep : float, default=0.5
        Share of the weight that the plane is fitted to, in [0.5, 1).
    starts : int, default=50
        Number of sets the search starts from; the first of them is all rows.
    cut : float, default=2.5
        Rows beyond are rejected, in standard deviations, 1 or more.
    random_state : int, RandomState or None, default=0
        Decides which sets are drawn.

    Attributes
    ----------
    scores_ : ndarray of float, shape (n,)
        Distances `z = |y - μ(x)| / s(x)`, in predictive standard deviations.
    threshold_ : float
        The given `cut`.

    Notes
    -----
    Minimizes `Σ_H (y - xb - c)²` over all sets H of a share `keep` of the rows.
    `BayesianRegression` on the best H gives z, with s² corrected for the truncation; rows within
    `cut` come back, until nothing moves. The sets are drawn from the table in an order of its own,
    so that the order it came in does not matter. Of more than 10,000 rows, the search sees a random
    10,000. The paper's fits have no penalty, and its rows come back once, by a standard deviation
    from H alone. The search is described in docs/defenses.md. For all other attributes see
    `BaseDefense`.

    References
    ----------
    Rousseeuw and Van Driessen, "Computing LTS regression for large data sets" (2006).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.arange(10.0)[:, None]
    >>> y = 2 * X[:, 0] + 1 + 0.1 * np.cos(np.arange(10))
    >>> y[7] = 0.0
    >>> LeastTrimmedSquares().fit(X, y).inlier_mask_.argmin()
    np.int64(7)
    """

    label: ClassVar[str | None] = "LTS"
    fits_like: ClassVar[str | None] = "trim"
    constraints: ClassVar[Constraints] = {
        "keep": Interval(0.5, 1, words="give a share of the rows, 0.5 or more and less than 1"),
        "starts": Interval(1, whole=True),
        "cut": Interval(1, words="give a finite number of standard deviations, 1 or more"),
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        keep: float = 0.5,
        starts: int = 50,
        cut: float = 2.5,
        random_state: Any = 0,
    ):
        super().__init__(estimator)
        self.keep = keep
        self.starts = starts
        self.cut = cut
        self.random_state = random_state

    def _find_inliers(self, X: Rows, y: Column, sample_weight: Column | None) -> Mask:
        listed = OrderedTable.of(UnitBox.of(X, sample_weight).scaled(X), y, sample_weight)
        table = _Table.of(listed, float(self.keep))
        random = check_random_state(self.random_state)
        # Hundreds of small systems: more threads than one only wait for each other.
        with threadpool_limits(limits=1, user_api="blas"):
            half = _search(table, int(self.starts), random)
            scores = self._distances(listed.X, table, half)
            self.message_ = self._doubts(listed.X, table, scores)
        self.scores_, self.threshold_ = listed.back(scores), float(self.cut)
        return self.scores_ <= self.cut

    def _distances(self, X: Rows, table: "_Table", kept: Column) -> Column:
        """Distances from the regression on the rows that came back, in standard deviations."""
        within, z = float(ndtri((1.0 + table.keep) / 2.0)), np.zeros(len(kept))
        for _ in range(_MAX_RETURNS):
            model = _regression(X, table.y, kept)
            z = model.zscores(X, table.y) * sqrt(truncated_variance(within))
            previous, within = kept, float(self.cut)
            kept = np.where(z <= within, table.weight, 0.0)
            if np.array_equal(kept, previous):
                break
        return z

    def _doubts(self, X: Rows, table: "_Table", z: Column) -> str:
        """What there is to doubt about the rows kept and rejected, if anything."""
        kept = np.where(z <= self.cut, table.weight, 0.0)
        model = _regression(X, table.y, kept)
        off = np.abs(table.y - model.predict(X))
        if not kept.all() and off[kept > 0].max() <= 1e-6 * off.max():
            return "The kept rows lie on one plane exactly, so all others were rejected."
        if model.effective <= 0.5 * model.weight:
            return ""
        return (
            f"The columns can fit {model.effective:.0f} of {model.weight:.0f} rows whatever their "
            "targets, so poison may be among those kept; give more rows or fewer columns."
        )


class _Table(NamedTuple):
    """Standardized rows in an order of their own, and the share of them to be fitted."""

    Z: Rows
    y: Column
    weight: Column
    keep: float

    @classmethod
    def of(cls, listed: OrderedTable, keep: float) -> "_Table":
        weight = np.ones(len(listed.y)) if listed.weight is None else listed.weight
        Z = np.empty_like(listed.X)
        for j, column in enumerate(listed.X.T):
            Z[:, j] = _standardized(column, weight)
        return cls(Z, listed.y, weight, keep)

    def take(self, rows: np.ndarray) -> "_Table":
        return _Table(self.Z[rows], self.y[rows], self.weight[rows], self.keep)

    def fit(self, kept: Column) -> tuple[Column, float]:
        """Coefficients and intercept of a ridge on rows with these weights."""
        rows = np.flatnonzero(kept)
        weight, Z, y = kept[rows], self.Z[rows], self.y[rows]
        total = float(weight.sum())
        center, level = weight @ Z / total, float(weight @ y) / total
        root = np.sqrt(weight)
        Z, y = (Z - center) * root[:, None], (y - level) * root
        if len(rows) < Z.shape[1]:
            coef = Z.T @ _solved(Z @ Z.T, _START_L2 * total, y)
        else:
            coef = _solved(Z.T @ Z, _START_L2 * total, Z.T @ y)
        return coef, level - float(center @ coef)

    def nearest(self, fit: tuple[Column, float]) -> tuple[float, Column]:
        """The rows nearest to a fit, as the weights they are kept with, and their squares' sum."""
        square = (self.y - self.Z @ fit[0] - fit[1]) ** 2
        kept = lowest(square, self.weight, 1.0 - self.keep)
        return float(kept @ square), kept

    def concentrated(self, kept: Column, steps: int) -> tuple[float, Column]:
        """The loss and the rows after some steps, fewer where nothing moves any more."""
        loss = np.inf
        for _ in range(steps):
            previous = kept
            loss, kept = self.nearest(self.fit(kept))
            if np.array_equal(kept, previous):
                break
        return loss, kept


def _search(table: _Table, starts: int, random: np.random.RandomState) -> Column:
    """The weights with which the rows of the best set are kept."""
    n, d = table.Z.shape
    if n > _SEARCHED_ROWS:
        few = table.take(np.sort(random.choice(n, _SEARCHED_ROWS, replace=False)))
        best = few.fit(_search(few, starts, random))
        return table.concentrated(table.nearest(best)[1], _MAX_STEPS)[1]
    size = min(max(d + 2, 10), (n + 1) // 2)
    found = [table.concentrated(table.weight, 2)]
    for _ in range(starts - 1):
        start = np.zeros(n)
        rows = random.permutation(n)[:size]
        start[rows] = table.weight[rows]
        found.append(table.concentrated(start, 2))
    best = sorted(found, key=lambda one: one[0])[:_FOLLOWED_STARTS]
    return min((table.concentrated(kept, _MAX_STEPS) for _, kept in best), key=lambda one: one[0])[
        1
    ]


def _regression(X: Rows, y: Column, kept: Column) -> BayesianRegression:
    rows = np.flatnonzero(kept)
    return BayesianRegression.of(Moments.of(X[rows], y[rows], kept[rows]))


def _standardized(column: Column, weight: Column) -> Column:
    """Distances from the median in standard deviations of the column."""
    distance = column - median(column, weight)
    scale = float(np.sqrt(np.average(distance**2, weights=weight)))
    # A few rows far away must not make the others look alike, which the penalty would then flatten.
    most = _MAX_SCALE_RATIO * 1.4826 * median(np.abs(distance), weight)
    return distance / ((min(scale, most) if most > 0 else scale) or 1.0)


def _solved(gram: np.ndarray, penalty: float, right: Column) -> Column:
    diagonal = np.diag_indices_from(gram)
    # Of a column whose values are far apart, no penalty of the others is above the rounding.
    gram[diagonal] += penalty + 1e-12 * float(gram.trace())
    return solve(gram, right, assume_a="pos", overwrite_a=True, check_finite=False)
