"""Least trimmed squares: fits the half of the rows that lie nearest to one plane."""

from math import sqrt
from typing import Any, ClassVar

import numpy as np
from scipy.special import ndtri
from sklearn.utils import check_random_state
from threadpoolctl import threadpool_limits

from ..bayes import BayesianRegression
from ..moments import Moments
from ..passes.rows import OrderedTable
from .base import BaseDefense, Column, Mask, Rows
from .chance import truncated_variance
from .constraints import Constraints, Interval
from .trimmed import TrimmedTable, best_set
from .unitbox import UnitBox

_MAX_RETURNS = 30  # times that rows come back


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
        table = TrimmedTable.of(listed, float(self.keep))
        random = check_random_state(self.random_state)
        # Hundreds of small systems: more threads than one only wait for each other.
        with threadpool_limits(limits=1, user_api="blas"):
            half = best_set(table, int(self.starts), random)
            scores = self._distances(listed.X, table, half)
            self.message_ = self._doubts(listed.X, table, scores)
        self.scores_, self.threshold_ = listed.back(scores), float(self.cut)
        return self.scores_ <= self.cut

    def _distances(self, X: Rows, table: TrimmedTable, kept: Column) -> Column:
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

    def _doubts(self, X: Rows, table: TrimmedTable, z: Column) -> str:
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


def _regression(X: Rows, y: Column, kept: Column) -> BayesianRegression:
    rows = np.flatnonzero(kept)
    return BayesianRegression.of(Moments.of(X[rows], y[rows], kept[rows]))
