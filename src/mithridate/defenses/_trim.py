"""TRIM: fit, keep the rows that fit best, repeat."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..moments import Moments
from ..passes.block import Block, Kernel, Listed, everything
from ..passes.fold import Each
from ..passes.follow import Followed, changed
from ..passes.memory import Candidates, InMemory, Passes, Verdict
from ..passes.rows import lowest
from ..passes.scores import ResidualScore
from ._ridge import Ridge
from .base import BaseDefense, Column, Mask, Rows
from .constraints import Constraints, Interval
from .streams import Streams
from .unitbox import UnitBox

# What `_Refit` gives beside the verdict.
_NOTHING = (Moments(np.float64(0.0), np.zeros(1), np.zeros((1, 1))),) * 2
_MERGE = Each((operator.add, operator.add, max, Moments.merge, Moments.merge))


class Trim(Streams, BaseDefense):
    """TRIM: fit the model, keep the rows that it fits best, and repeat.

    Each step lowers the loss of the kept rows, but only to a local optimum: where poison decides
    the fit on all rows, TRIM keeps it, rejects clean rows, and *hurts*.

    Parameters
    ----------
    estimator : regressor, optional
        The model to defend; None is `Ridge()`.
    contamination : float, default=0.1
        Poison / (clean + poison) rows, in [0, 1): this share of the rows is rejected.
    max_iter : int, default=400
        Number of refits at most.
    tol : float, default=1e-5
        It stops when the loss falls by this share of itself or less; 0 or more, without unit.

    Attributes
    ----------
    scores_ : ndarray of float, shape (n,)
        Absolute residuals of the last fit but one, in units of y.
    threshold_ : float
        The largest score of a kept row.
    n_iter_ : int
        Number of refits that were made.

    Notes
    -----
    With I all rows at first: fit on I; I becomes the `n - round(contamination · n)` rows with the
    smallest `(y - f(x))²`, equal ones in row order. It ends when I stays the same, or when the loss
    `Σ_I (y - f(x))²` falls by `tol` times itself or less. The model is fitted on the last I. With
    `sample_weight`, the row at the cut is kept with the part of its weight that fits in, so that
    weight k is the same as k equal rows. For all other attributes see `BaseDefense`.

    References
    ----------
    Jagielski et al., "Manipulating machine learning" (IEEE S&P 2018), Algorithm 2. It starts from
    all rows, as their corrected code does: a start from the first rows would be a start from the
    clean ones where poison is appended.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.arange(10.0)[:, None]
    >>> y = 2 * X[:, 0] + 1
    >>> y[7] = 0.0
    >>> Trim(contamination=0.1).fit(X, y).fit_predict(X, y)
    array([ 1,  1,  1,  1,  1,  1,  1, -1,  1,  1])
    """

    label: ClassVar[str | None] = "TRIM"
    needs_contamination: ClassVar[bool] = True
    constraints: ClassVar[Constraints] = {
        "max_iter": Interval(1, whole=True),
        "tol": Interval(0),
    }

    n_iter_: int

    def __init__(
        self,
        estimator: Any = None,
        *,
        contamination: float = 0.1,
        max_iter: int = 400,
        tol: float = 1e-5,
    ):
        super().__init__(estimator)
        self.contamination = contamination
        self.max_iter = max_iter
        self.tol = tol

    def _find_inliers(
        self,
        X: Rows,
        y: Column,
        sample_weight: Column | None,
        boxed: "Boxed | None" = None,
    ) -> Mask:
        table, box = boxed or Boxed.of(self.estimator, X, y, sample_weight)

        def fit(weights: Kernel) -> Kernel:
            kept = table.values(weights)
            given = None if sample_weight is None else kept
            return Listed(np.abs(y - self._fit_estimator(X, y, given, kept > 0).predict(X)))

        linear = self.estimator is None or type(self.estimator) is Ridge
        verdict, summed = self._refits(table, None if linear else fit)
        self.scores_ = table.values(verdict.score)
        self._summed = box.moments(summed) if box and summed else summed
        return table.values(verdict.keep)

    def decide(self, table: Passes) -> Verdict:
        """Decide on the rows of a table that is read in passes, about two for each refit.

        Parameters
        ----------
        table : Passes
            The rows.

        Returns
        -------
        Verdict
            Score and decision for every row.
        """
        return self._refits(table, None)[0]

    def _refits(
        self, table: Passes, fit: Callable[[Kernel], Kernel] | None
    ) -> tuple[Verdict, Moments | None]:
        """The verdict, and the moments of the rows it keeps where they are known.

        `fit` makes a kernel of absolute residuals from one of weights; None is that of `Ridge`.
        """
        self._begin()
        ridge = Ridge() if self.estimator is None or fit else Ridge(self.estimator.l2)
        last, kept = np.inf, everything
        followed = Followed(table.moments)
        for n_iter in range(1, self.max_iter + 1):
            self.n_iter_ = n_iter
            score = fit(kept) if fit else table.once(_residual(ridge.solve(followed.of(kept))))
            previous, kept = kept, table.lowest(score, self.contamination)
            step = _Refit(score, previous, kept, fit is not None)
            moved, loss, self.threshold_, *change = table.scan("refits", step, _MERGE).rest
            if not fit:  # few rows come and go, so their moments are soon found
                followed.moved(*(Moments(*part) for part in change))
            # Compared with itself, the loss has no unit: the cut does not depend on the scale of y.
            if (last < np.inf and last - loss <= self.tol * last) or moved == 0:
                break
            last = loss
        else:
            self.message_ = f"The kept rows still changed after {self.max_iter} refits."
        return Verdict(score, _Counted(kept), candidate=0), followed.known

    def _fit_kept(self, X: Rows, y: Column, sample_weight: Column | None, mask: Mask) -> Any:
        if sample_weight is not None:
            sample_weight = lowest(self.scores_, sample_weight, self.contamination)
        return super()._fit_kept(X, y, sample_weight, mask)


class Boxed(NamedTuple):
    """Rows as `Trim` fits them: in the units of a box for our own ridge, else as they came."""

    table: InMemory
    box: UnitBox | None

    @classmethod
    def of(cls, estimator: Any, X: Rows, y: Column, sample_weight: Column | None) -> "Boxed":
        table = InMemory(X, y, sample_weight)
        if estimator is not None:
            return cls(table, None)
        # Columns that lie in one piece are sooner put in order than those of rows.
        whole = len(table.blocks) == 1
        box = UnitBox.of(table.blocks[0].Z[:-1].T if whole else X, sample_weight)
        for block in table.blocks:
            box.scale(block.Z)
        return cls(table, box)


def _residual(ridge: Ridge) -> ResidualScore:
    return ResidualScore(ridge.coef_, ridge.intercept_)


@dataclass(frozen=True, eq=False)
class _Counted:
    """Which rows have a weight."""

    weights: Kernel

    def __call__(self, block: Block) -> Mask:
        return self.weights(block) > 0


@dataclass(frozen=True, eq=False)
class _Refit:
    """What a refit changed: the number of rows that moved, the loss, the largest score kept.

    Then the moments of the rows that left, and of those that came.
    """

    score: Kernel
    before: Kernel
    after: Kernel
    uncounted: bool  # whether moments are not asked for

    def __call__(self, block: Block) -> Candidates:
        score, before, after = self.score(block), self.before(block), self.after(block)
        moved = int(np.count_nonzero(before != after))
        top = float(score[after > 0].max(initial=0.0))
        loss = float(after @ score**2)
        change = _NOTHING if self.uncounted else changed(block, before, after)
        return Candidates([after], (moved, loss, top, *change))
