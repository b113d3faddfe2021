"""KolmogorovSmirnov: compares each source of rows with rows that are known to be clean."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from jaxtyping import Int

from .._text import quote
from ..errors import InputError
from ..passes.rows import OrderedTable
from .base import BaseDefense, Column, Mask, Rows, Trusted
from .constraints import Constraints, Interval
from .twosample import holm, p_values
from .unitbox import UnitBox
from .weights import as_weights, median

_FOLDS = 5


class KolmogorovSmirnov(BaseDefense):
    """Reject the groups of rows that are not distributed as the trusted rows are.

    Each group (source, day, vendor) is compared with rows known to be clean, in each feature and in
    the residual. A few trusted rows are enough to see what a whole group has in common, not a small
    part of it. Without groups, rows are compared one by one.

    Parameters
    ----------
    estimator : regressor, optional
        The model to defend, fitted on the kept rows; None is `Ridge()`.
    level : float, default=0.05
        A table of clean groups loses any of them with this probability at most, in (0, 1); without
        groups, about this share of clean rows is rejected.

    Attributes
    ----------
    scores_ : ndarray of float, shape (n,)
        `-log10 p` of the row's group; without groups, the distance of the row, see Notes.
    threshold_ : float
        `-log10 level`; without groups, the cut among the trusted rows.
    groups_ : dict of str to dict
        For each group its `rows`, its `p_value`, whether it is `rejected`, and the `columns` that
        differ, the worst first; `message_` names them.

    Notes
    -----
    For a group and a column, `D = max |F_group - F_trusted|` of Kolmogorov and Smirnov gives p; all
    p are corrected together by Holm, and groups with `p < level` are rejected. Residuals are those
    of models fitted on other groups. For a single row the distance is `max(|r - r̃| / MAD(r), s /
    s̃)`, with r its residual under models fitted on the other fifths, s the largest `|xⱼ - x̃ⱼ| /
    MAD(xⱼ)`, and medians written with a tilde; it is rejected if its distance is among the highest
    share `level` of those of the trusted rows, which takes `1 / level - 1` of them at least. For
    all other attributes see `BaseDefense`.

    References
    ----------
    Holm, "A simple sequentially rejective multiple test procedure" (1979).

    Vovk, Gammerman and Shafer, "Algorithmic learning in a random world" (2005), for single rows.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.random((340, 2))
    >>> y, source = X.sum(axis=1) + rng.normal(size=340) / 10, np.repeat(["a", "b", "c"], 100)
    >>> y[100:200] += 0.3
    >>> trusted = X[300:], y[300:]
    >>> ks = KolmogorovSmirnov().fit(X[:300], y[:300], trusted=trusted, groups=source)
    >>> [(name, group["columns"]) for name, group in ks.groups_.items() if group["rejected"]]
    [('b', ['residual'])]
    """

    scores_like: ClassVar[str | None] = "strangeness"
    needs_trusted: ClassVar[bool] = True
    uses_trusted: ClassVar[bool] = True
    keeps_clean: ClassVar[float] = 0.8
    constraints: ClassVar[Constraints] = {
        "level": Interval(0, 1, closed="neither", words="give a number in (0, 1)"),
    }

    groups_: dict[str, dict[str, Any]]

    def __init__(self, estimator: Any = None, *, level: float = 0.05):
        super().__init__(estimator)
        self.level = level

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        trusted: Any = None,
        groups: Any = None,
    ) -> Self:
        """Find the rows to keep and fit the model on them.

        Parameters
        ----------
        X : array-like or frame, shape (n, d)
            Features.
        y : array-like or series, shape (n,)
            Targets.
        sample_weight : array-like, shape (n,), optional
            How many times each row counts.
        trusted : tuple (X, y)
            Rows known to be clean, with the same columns.
        groups : array-like, shape (n,), optional
            Where each row comes from; None compares rows one by one.

        Returns
        -------
        KolmogorovSmirnov
            The defense itself, fitted.

        Raises
        ------
        InputError
            If an argument cannot be used, or no group is like the trusted rows.
        """
        self._labels = None if groups is None else _labels(groups, len(y), sample_weight)
        try:
            return super().fit(X, y, sample_weight, trusted=trusted)
        finally:
            del self._labels

    def _find_inliers(
        self,
        X: Rows,
        y: Column,
        sample_weight: Column | None,
        trusted: Trusted | None = None,
    ) -> Mask:
        assert trusted is not None  # the base has seen to it
        self.false_positive_rate_, self.groups_ = float(self.level), {}
        box = UnitBox.of(X, sample_weight)
        own = self.estimator is None
        suspect = _Table(box.scaled(X) if own else X, y, sample_weight)
        known = _Table(box.scaled(trusted[0]) if own else trusted[0], trusted[1], None)
        if self._labels is None:
            return self._judge_rows(suspect, known)
        return self._judge_groups(suspect, known, self._labels)

    def _judge_groups(self, table: "_Table", trusted: "_Table", labels: np.ndarray) -> Mask:
        names, group = np.unique(labels, return_inverse=True)
        p = np.ones((len(names), table.X.shape[1] + 1))
        for fold in range(min(_FOLDS, len(names))):
            held = group % _FOLDS == fold
            if held.all():  # a single group, or groups that are all held out together
                suspect, clean = self._residuals(table, trusted)
            else:
                suspect, clean = self._residuals_of(table, trusted, ~held)
            for k in np.unique(group[held]):
                rows, weight = group == k, table.weights
                values = np.column_stack([table.X, suspect])[rows], weight[rows]
                p[k] = p_values(*values, np.column_stack([trusted.X, clean]))
        p = holm(p)
        columns, least = self._columns(), p.min(axis=1)
        for k, name in enumerate(names):
            off = [columns[j] for j in np.argsort(p[k], kind="stable") if p[k, j] < self.level]
            self.groups_[str(name)] = {
                "rows": int((group == k).sum()), "p_value": float(least[k]),
                "rejected": bool(off), "columns": off,
            }  # fmt: skip
        off = {name: one for name, one in self.groups_.items() if one["rejected"]}
        self.message_ = _sentence(off, self._listed)
        if len(off) == len(names):
            raise InputError(
                f"No group of rows is like the trusted rows, so there is nothing to keep. "
                f"{self.message_} Check the trusted rows, or lower level={self.level:g}."
            )
        self.scores_, self.threshold_ = -np.log10(least)[group], float(-np.log10(self.level))
        return self.scores_ <= self.threshold_

    def _judge_rows(self, table: "_Table", trusted: "_Table") -> Mask:
        suspect, clean = self._residuals(table, trusted)
        p = p_values(
            np.column_stack([table.X, suspect]), table.weights, np.column_stack([trusted.X, clean])
        )
        p, columns = holm(p), self._columns()
        off = [columns[j] for j in np.argsort(p, kind="stable") if p[j] < self.level]
        if off:
            what = f"The table as a whole differs from the trusted rows in {self._listed(off)}."
            self.message_ = f"{what} Name its groups to see where that comes from."
        scores = _strangeness(_pooled(table, trusted), np.concatenate([suspect, clean]))
        self.scores_, known = scores[: len(table.y)], np.sort(scores[len(table.y) :])
        rank = int(np.ceil((1.0 - self.level) * (len(known) + 1)))
        if rank > len(known):
            self.message_ = (
                f"{len(known)} trusted rows are too few to judge single rows at level="
                f"{self.level:g}: give {int(np.ceil(1 / self.level)) - 1}. {self.message_}"
            ).strip()
            return np.ones(len(table.y), dtype=bool)
        self.threshold_ = float(known[rank - 1])
        return self.scores_ <= self.threshold_

    def _residuals(self, table: "_Table", trusted: "_Table") -> tuple[Column, Column]:
        """Residuals of all rows, each under a model that was fitted on the other folds."""
        both = _pooled(table, trusted)
        fold, residual = _folds(both), np.zeros(len(both.y))
        for k in range(fold.max() + 1) if fold.max() > 0 else ():
            held = fold == k
            model = self._fit_estimator(*both, ~held)
            residual[held] = both.y[held] - model.predict(both.X[held])
        return residual[: len(table.y)], residual[len(table.y) :]

    def _residuals_of(
        self, table: "_Table", trusted: "_Table", mask: Mask
    ) -> tuple[Column, Column]:
        """Residuals of all rows under one model, fitted on the rows of the mask."""
        model = self._fit_estimator(*table, mask)
        return table.y - model.predict(table.X), trusted.y - model.predict(trusted.X)

    def _columns(self) -> list[str]:
        default = [f"x{j}" for j in range(self.n_features_in_)]
        return [*map(str, getattr(self, "feature_names_in_", default)), "residual"]

    def _listed(self, columns: Sequence[str]) -> str:
        """Columns in a sentence, in quotes where the table has names of its own."""
        own = set(map(str, getattr(self, "feature_names_in_", ())))
        return _list([quote(column) if column in own else column for column in columns])


class _Table(NamedTuple):
    X: Rows
    y: Column
    weight: Column | None

    @property
    def weights(self) -> Column:
        return np.ones(len(self.y)) if self.weight is None else self.weight


def _pooled(one: _Table, two: _Table) -> _Table:
    plain = one.weight is None and two.weight is None
    weight = None if plain else np.concatenate([one.weights, two.weights])
    return _Table(np.concatenate([one.X, two.X]), np.concatenate([one.y, two.y]), weight)


def _labels(groups: Any, n: int, sample_weight: Any) -> np.ndarray:
    """The group of each row that is present, as a string."""
    labels = np.array([str(label) for label in groups])
    if labels.shape != (n,):
        raise InputError(f"groups has {len(labels)} entries; give one for each of the {n} rows.")
    weight = as_weights(sample_weight, n)
    return labels if weight is None else labels[weight > 0]


def _folds(table: _Table) -> Int[np.ndarray, " n"]:
    """Which fifth each row is in: equal rows together, whatever the order of the table."""
    listed = OrderedTable.of(table.X, table.y)
    new = (np.diff(listed.X, axis=0) != 0).any(axis=1) | (np.diff(listed.y) != 0)
    fold = np.empty(len(table.y), dtype=int)
    fold[listed.rows] = np.concatenate([[0], np.cumsum(new)]) % _FOLDS
    return fold


def _strangeness(table: _Table, residual: Column) -> Column:
    """How far each row lies from the middle of all, in its residual or its worst feature."""
    w = table.weights
    worst = np.max([_deviation(column, w) for column in (*table.X.T, np.zeros(len(w)))], axis=0)
    middle = median(worst, w)
    return np.maximum(_deviation(residual, w), worst / middle if middle > 0 else worst)


def _deviation(values: Column, weight: Column) -> Column:
    """Distance from the median in median distances, or where most are equal, in mean ones."""
    size = np.abs(values - median(values, weight))
    scale = median(size, weight) or float(np.average(size, weights=weight))
    # What is left of a constant by rounding is no deviation.
    return size / scale if scale > 1e-12 * np.abs(values).max(initial=0.0) else 0.0 * size


def _sentence(off: dict[str, dict[str, Any]], listed: Callable[[Sequence[str]], str]) -> str:
    worst = sorted(off.items(), key=lambda item: item[1]["p_value"])
    sentences = [
        f"{name!r} differs in {listed(one['columns'])} (p = {one['p_value']:.1g})"
        for name, one in worst[:5]
    ]
    if not sentences:
        return ""
    more = f"; and {len(off) - 5} more groups" if len(off) > 5 else ""
    return f"Against the trusted rows, {'; '.join(sentences)}{more}."


def _list(columns: Sequence[str]) -> str:
    shown = ", ".join(columns[:3])
    return f"{shown} and {len(columns) - 3} more" if len(columns) > 3 else shown
