"""TableErrors: rows that pull the model together, then single rows whose target is wrong."""

from typing import Any, ClassVar

import numpy as np

from ._antidote import Antidote
from ._blanks import BlanksDefense
from ._crossfit import Canonical, few_threads, quantile, spread
from ._groupgate import gate
from ._targeterrors import TargetErrors
from .base import Column, Mask, Rows, Trusted
from .constraints import Choice, Constraints
from .unitbox import REACH, UnitBox

_FEWEST = 3  # rows that are a group
KEPT, GROUP, TARGET = 0, 1, 2
"""What `findings_` says of a row."""


class TableErrors(BlanksDefense):
    """Reject rows that pull the model together, and single rows whose target is wrong.

    The default of the product. First the search of `Antidote` for rows that together pulled a line
    to where it is. What it finds is rejected if a robust line predicts the other rows better
    without it, and boosted trees no worse: a curve is not what spoils a line, and trees need its
    rows. Then `TargetErrors` judges each of the rows that are left. An honest table most often
    keeps all of its rows.

    Parameters
    ----------
    estimator : regressor, optional
        Any scikit-learn regressor, the model to defend; `Ridge()` by default. Another than a ridge
        also takes part in the predictions by which rows are judged.
    only : {"groups", "rows", "cells"}, optional
        Look only for rows that pull together, or only for single wrong targets. With "cells" no row
        is judged: `mithridate.clean` then lists single wrong cells, which `CellErrors` finds.

    Attributes
    ----------
    scores_ : ndarray of shape (n,)
        Log odds that the target is wrong; those of rows that pulled together lie above all others,
        in the order of their distance. With `only="groups"`, distances in σ.
    threshold_ : float
        The score above which rows were rejected.
    findings_ : ndarray of int, shape (n,)
        0 for kept rows, 1 for those of a group that pulled the model, 2 for single wrong targets.
    expected_, expected_low_, expected_high_ : ndarray of shape (n,)
        What the other rows predict, in units of y, and where 95 % of honest targets lie.
    chance_ : float
        How many single rows of an honest table like this would be flagged, on average.
    share_ : float
        Estimated share of single wrong targets, whether or not they can be told one by one.

    See Also
    --------
    Antidote : The search for groups, gated by no second model.
    TargetErrors : The judge of single rows.

    References
    ----------
    Zhou, Mueller, Kumar, Wang and Lei, "Detecting errors in a numerical response via any regression
    model" (2023), for single rows by the models of the others. The search for groups and the gate
    are this project's own.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.random((200, 2))
    >>> y = X @ [1.0, 2.0] + 0.1 * rng.normal(size=200)
    >>> y[7] *= 10
    >>> found = TableErrors().fit(X, y)
    >>> np.flatnonzero(found.findings_ == 2)
    array([7])
    """

    label: ClassVar[str | None] = "TableErrors"
    scores_like: ClassVar[str | None] = "residual"
    uses_trusted: ClassVar[bool] = True
    keeps_clean: ClassVar[float] = 0.98
    per_row: ClassVar[tuple[str, ...]] = (*TargetErrors.per_row, "findings_")
    constraints: ClassVar[Constraints] = {
        "only": Choice(
            ("groups", "rows", "cells"), True, "give 'groups', 'rows', 'cells' or None for all"
        )
    }

    expected_: Column
    expected_low_: Column
    expected_high_: Column
    findings_: np.ndarray
    chance_: float
    share_: float

    def __init__(self, estimator: Any = None, *, only: str | None = None):
        super().__init__(estimator)
        self.only = only

    def how_sure(self, n: int) -> str:
        if self.only == "cells":
            return "No row was judged."
        said = [] if self.only == "groups" else [self._rows.how_sure(n)]
        if (self.findings_ == GROUP).any() or not said:
            said.append(self._groups.how_sure(n))
        return " ".join(said)

    def _find_inliers(
        self, X: Rows, y: Column, sample_weight: Column | None, trusted: Trusted | None = None
    ) -> Mask:
        n = len(y)
        self.findings_ = np.zeros(n, dtype=np.int64)
        self.expected_, self.expected_low_, self.expected_high_ = np.full((3, n), np.nan)
        self.share_ = self.chance_ = 0.0
        group = np.zeros(n, dtype=bool)
        if self.only == "cells":
            self.scores_ = np.zeros(n)
            return ~group
        if self.only != "rows" and np.ptp(y) > 0:
            group = self._pulling(X, y, sample_weight, trusted)
        if self.only == "groups":
            self.scores_, self.threshold_ = self._groups_alone(group, n)
        else:
            self._judge_rest(X, y, sample_weight, trusted, group)
        self.findings_[group] = GROUP
        return self.findings_ == KEPT

    def _pulling(self, X: Rows, y: Column, weight: Column | None, trusted: Trusted | None) -> Mask:
        """The rows that pulled the model together, and how far off each row is."""
        inside = _near(y)
        given = inside if weight is None else weight * inside
        box = UnitBox.of(X)  # far values count as less far in the search
        search = self._groups = Antidote().fit(
            box(X),
            y,
            given if weight is not None or not inside.all() else None,
            trusted=trusted and (box(trusted[0]), trusted[1]),
        )
        if search.n_rejected_ < _FEWEST:
            return np.zeros(len(y), dtype=bool)
        table = Canonical.of(X, y, weight)
        with few_threads(X):
            found = gate(table, (~search.inlier_mask_ & inside)[table.rows])
        group = table.back(found.rejected, len(y))
        if not group.any():
            self.message_ = (
                f"{search.n_rejected_:,} rows pull a line to where it is, but are too many, or the "
                "others are predicted no better without them: a curve, or another part of the "
                "table. They stay."
            )
        unit = np.ptp(y) / np.ptp(table.y)
        zero = y[table.rows[0]] - unit * table.y[0]
        for name in ("expected", "low", "high"):
            place = "expected_" if name == "expected" else f"expected_{name}_"
            values = zero + unit * table.back(getattr(found, name), len(y))
            setattr(self, place, np.where(group, values, np.nan))
        return group

    def _groups_alone(self, group: Mask, n: int) -> tuple[Column, float]:
        """Scores and threshold where single rows are not judged."""
        if not hasattr(self, "_groups"):
            return np.zeros(n), float("nan")
        return np.nan_to_num(self._groups.scores_), float("nan")

    def _judge_rest(
        self, X: Rows, y: Column, weight: Column | None, trusted: Trusted | None, group: Mask
    ) -> None:
        """Judges each row that is not of the group."""
        rest = ~group
        blanks = None if self._blanks is None else self._blanks[rest]
        own = None if weight is None else weight[rest]
        rows = self._rows = TargetErrors(self.estimator).fit(
            X[rest], y[rest], own, trusted=trusted, blanks=blanks
        )
        self.threshold_ = rows.threshold_
        self.scores_ = np.empty(len(y))
        self.scores_[rest] = rows.scores_
        if group.any():
            above = max(float(rows.scores_.max()), rows.threshold_, 0.0) + 1.0
            self.scores_[group] = above + self._groups.scores_[group]
        for name in ("expected_", "expected_low_", "expected_high_"):
            getattr(self, name)[rest] = getattr(rows, name)
        self.findings_[rest] = np.where(rows.inlier_mask_, KEPT, TARGET)
        self.share_, self.chance_ = rows.share_, rows.chance_
        self.message_ = f"{self.message_} {rows.message_}".strip()


def _near(y: Column) -> Mask:
    """Rows but for at most one in a hundred at either end that lie far beyond all others.

    Gross errors, which are judged one by one, must not say where the ends of the range are.
    """
    w = np.ones(len(y))
    middle = quantile(y, 0.5, w)
    reach = REACH * spread(y - middle, w)
    low, high = quantile(y, 0.01, w), quantile(y, 0.99, w)
    return (y >= min(low, middle - reach)) & (y <= max(high, middle + reach))
