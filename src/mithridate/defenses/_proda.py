"""Proda: many fits on few random rows, each followed by one fit on the rows it agrees with."""

from math import ceil
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import check_random_state
from threadpoolctl import threadpool_limits

from ..moments import Moments
from ..passes.rows import OrderedTable, lowest
from ._ridge import Ridge
from .base import BaseDefense, Column, Mask, Rows
from .constraints import Constraints, Interval
from .unitbox import own_units


class Proda(BaseDefense):
    """Proda: many fits on few random rows, each followed by one fit on the rows that agree with it.

    This is TRIM with many small random starts and one step each. A start free of poison is rare: of
    20 rows at a contamination of 0.2, one draw in 87.

    Parameters
    ----------
    estimator : regressor, optional
        The model to defend; None is `Ridge()`.
    contamination : float, default=0.1
        Poison / (clean + poison) rows, in [0, 1): this share of the rows is rejected.
    subset : int, default=20
        Number of rows of a draw.
    expected : int, default=200
        Number of draws that are not all poison.
    random_state : int, RandomState or None, default=0
        Decides which rows are drawn.

    Attributes
    ----------
    scores_ : ndarray of float, shape (n,)
        Absolute residuals of the chosen draw, in units of y.
    threshold_ : float
        The largest score of a kept row.
    n_subsets_ : int
        Number of draws that were made.

    Notes
    -----
    `⌈expected / (1 - contamination^subset)⌉` times: fit the model on `subset` random rows; Q are
    the `n - round(contamination · n)` rows with the smallest `(y - f(x))²`; refit on Q. The Q with
    the smallest mean squared residual of its own refit is kept. The number of draws is the
    published formula as a replication of it reads it; for one draw without poison with probability
    q one would need `log(1 - q) / log(1 - (1 - contamination)^subset)`. Rows are drawn from the
    table in an order of its own, so that the order it came in does not matter. For all other
    attributes see `BaseDefense`.

    References
    ----------
    Wen, Zhao, Xue, Oprea and Qian, "With great dispersion comes greater resilience: efficient
    poisoning attacks and defenses for linear regression models" (IEEE TIFS 2021).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.arange(20.0)[:, None]
    >>> y = 2 * X[:, 0] + 1
    >>> y[7] = 0.0
    >>> Proda(contamination=0.05, subset=5).fit(X, y).inlier_mask_.argmin()
    np.int64(7)
    """

    label: ClassVar[str | None] = "Proda"
    fits_like: ClassVar[str | None] = "trim"
    needs_contamination: ClassVar[bool] = True
    constraints: ClassVar[Constraints] = {
        "subset": Interval(1, whole=True),
        "expected": Interval(1, whole=True),
    }

    n_subsets_: int

    def __init__(
        self,
        estimator: Any = None,
        *,
        contamination: float = 0.1,
        subset: int = 20,
        expected: int = 200,
        random_state: Any = 0,
    ):
        super().__init__(estimator)
        self.contamination = contamination
        self.subset = subset
        self.expected = expected
        self.random_state = random_state

    def _find_inliers(self, X: Rows, y: Column, sample_weight: Column | None) -> Mask:
        random = check_random_state(self.random_state)
        draws = self.expected / (1.0 - float(self.contamination) ** self.subset)
        self.n_subsets_ = ceil(draws - 1e-6)  # not one more for 1e-14 of a draw
        X = own_units(self.estimator, X, sample_weight)
        table = OrderedTable.of(X, y, sample_weight)
        least = np.inf
        # Hundreds of small fits: more threads than one only wait for each other.
        with threadpool_limits(limits=1, user_api="blas"):
            for _ in range(self.n_subsets_):
                scores, loss = self._draw(table, random)
                if loss < least:
                    least, self.scores_ = loss, table.back(scores)
        mask = lowest(self.scores_, sample_weight, self.contamination) > 0
        self.threshold_ = float(self.scores_[mask].max(initial=0.0))
        return mask

    def _fit_kept(self, X: Rows, y: Column, sample_weight: Column | None, mask: Mask) -> Any:
        if sample_weight is not None:
            sample_weight = lowest(self.scores_, sample_weight, self.contamination)
        return self._fit_estimator(X, y, sample_weight, mask)

    def _draw(self, table: OrderedTable, random: np.random.RandomState) -> tuple[Column, float]:
        """Absolute residuals of the fit on one random subset, and the loss of the fit after it."""
        _, X, y, weight = table
        chance = None if weight is None or np.ptp(weight) == 0 else weight / weight.sum()
        drawn = np.zeros(len(y), dtype=bool)
        drawn[random.choice(len(y), min(self.subset, len(y)), replace=False, p=chance)] = True
        scores = np.abs(y - self._predictions(X, y, None, drawn))
        kept = lowest(scores, weight, self.contamination)
        agree = kept > 0
        again = self._predictions(X, y, None if weight is None else kept, agree)
        return scores, float(np.average((y - again)[agree] ** 2, weights=kept[agree]))

    def _predictions(self, X: Rows, y: Column, weight: Column | None, mask: Mask) -> Column:
        """Those of the estimator fitted on the rows of the mask, for all rows."""
        ridge: Any = Ridge() if self.estimator is None else self.estimator
        if type(ridge) is not Ridge or not isinstance(ridge.l2, Real) or not 0 < ridge.l2 < np.inf:
            return self._fit_estimator(X, y, weight, mask).predict(X)
        # Checking the table four hundred times takes longer than solving for it.
        w = np.ones(int(mask.sum())) if weight is None else weight[mask]
        coef, intercept = _ridge(X[mask], y[mask], w, float(ridge.l2))
        return X @ coef + intercept


def _ridge(X: Rows, y: Column, w: Column, l2: float) -> tuple[np.ndarray, float]:
    """The ridge fit, by the smaller of its two systems."""
    if X.shape[1] <= len(y):
        coef, intercept = Moments.of(X, y, w).ridge(l2)
        return coef, float(intercept)
    total = w.sum()
    x_mean, y_mean, root = w @ X / total, float(w @ y / total), np.sqrt(w)
    z = root[:, None] * (X - x_mean)
    dual = np.linalg.solve(z @ z.T + l2 * total * np.eye(len(z)), root * (y - y_mean))
    coef = z.T @ dual
    return coef, y_mean - float(x_mean @ coef)
