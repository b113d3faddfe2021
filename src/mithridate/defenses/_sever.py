"""SEVER: removes rows that pull the fit, all in one direction."""

from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float
from scipy.linalg import eigh

from .._text import percent
from ..passes.block import by_columns, moments_of
from ._ridge import Ridge
from .base import BaseDefense, Column, Mask, Rows
from .constraints import Constraints, Interval
from .weights import quantile


class Sever(BaseDefense):
    """SEVER: remove, round by round, the rows whose gradients stand out in one direction.

    Nothing stops it early, so about `rounds / 2` times the contamination is rejected, poison or
    not.

    Parameters
    ----------
    estimator : regressor, optional
        The model to defend; None is `Ridge()`.
    contamination : float, default=0.1
        Poison / (clean + poison) rows, in [0, 1): half of this share goes in each round.
    rounds : int, default=4
        Number of rounds, 1 or more.

    Attributes
    ----------
    scores_ : ndarray of float, shape (n,)
        Size along the common direction over the cut, in the last round that a row was in; no unit.
    threshold_ : float
        The number 1.
    n_iter_ : int
        Number of rounds that were made.

    Notes
    -----
    With A all rows at first, in each round: fit the model on A; the gradients are `gᵢ = rᵢ (1, xᵢ -
    x̄)`, with `r = y - f(x)` and x̄ the mean over A; v is the top eigenvector of their covariance
    over A, and `sᵢ = |(gᵢ - ḡ)·v|`; rows above the `1 - contamination / 2` quantile of s (in whole
    rows, rounded up) leave A. The model is then fitted on A. These are the gradients of a linear
    model; around another model they are those of a linear correction to it. How this differs from
    the paper and its code is described in docs/defenses.md. For all other attributes see
    `BaseDefense`.

    References
    ----------
    Diakonikolas et al., "Sever: a robust meta-algorithm for stochastic optimization" (ICML 2019).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.arange(20.0)[:, None]
    >>> y = 2 * X[:, 0] + np.sin(X[:, 0])
    >>> y[7] = -40.0
    >>> Sever(contamination=0.1).fit(X, y).inlier_mask_[7]
    np.False_
    """

    label: ClassVar[str | None] = "SEVER"
    features_scale_free: ClassVar[bool] = False
    scores_like: ClassVar[str | None] = "spectral"
    needs_contamination: ClassVar[bool] = True
    keeps_clean: ClassVar[float] = 0.8
    constraints: ClassVar[Constraints] = {"rounds": Interval(1, whole=True)}

    n_iter_: int

    def __init__(self, estimator: Any = None, *, contamination: float = 0.1, rounds: int = 4):
        super().__init__(estimator)
        self.contamination = contamination
        self.rounds = rounds

    def _find_inliers(self, X: Rows, y: Column, sample_weight: Column | None) -> Mask:
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        kept, self.scores_ = np.ones(len(y), dtype=bool), np.zeros(len(y))
        self.threshold_ = 1.0
        Z = by_columns(X, y)  # of the rows that are kept, as is `weight`
        memory = np.empty(Z.size)
        for n_iter in range(1, self.rounds + 1):
            self.n_iter_ = n_iter
            if self.estimator is None or type(self.estimator) is Ridge:
                ridge = Ridge() if self.estimator is None else Ridge(self.estimator.l2)
                ridge.solve(moments_of(Z, weight))
                residual = Z[-1] - ridge.coef_ @ Z[:-1] - ridge.intercept_
            else:
                residual = (y - self._fit_estimator(X, y, sample_weight, kept).predict(X))[kept]
            pull = _pull(Z[:-1], residual, weight, memory)
            cut = self._cut(pull, weight)
            if not cut > 0:
                break  # nearly all rows are fitted exactly: there is no scale to judge by
            self.scores_[kept] = pull / cut
            if pull.max() <= cut:
                break  # the next round would be the same
            stays = self.scores_[kept] <= 1.0
            kept[kept] = stays
            Z, weight = Z[:, stays], weight[stays]
        return kept

    def how_sure(self, n: int) -> str:
        once = self.contamination / 2.0
        return (
            f"It rejects {percent(once)} of the rows that are left, half of the contamination that "
            f"it was given or its default, in each of {self.rounds} rounds: at most about "
            f"{percent(1.0 - (1.0 - once) ** self.rounds)} in all, whether or not they are poison."
        )

    def _cut(self, pull: Column, weight: Column) -> float:
        """The quantile of `pull` above which this round removes rows."""
        total = float(weight.sum())
        removed = self.contamination / 2.0 * total
        if (weight == np.floor(weight)).all():
            removed = np.ceil(removed)  # so that a small table can lose a row at all
        share = (total - removed) / total
        cut = quantile(pull, share, weight)
        # Equal rows may differ in the last digit; they go or stay together.
        return float(cut) * (1.0 + 1e-9)


def _pull(Z: Float[np.ndarray, "d m"], residual: Column, w: Column, memory: Column) -> Column:
    """Size of each centered gradient along the direction in which they vary most.

    `Z` has the features by columns; `memory` is for as many numbers, and as many as rows besides.
    """
    d, m = Z.shape
    gradient = memory[: (d + 1) * m].reshape(d + 1, m)
    gradient[0] = residual
    np.subtract(Z, (Z @ w / w.sum())[:, None], out=gradient[1:])
    gradient[1:] *= residual
    # The top eigenvector of the smaller Gram is a hundred times cheaper than the SVD.
    if m > d:
        moments = moments_of(gradient, w)
        direction = _top(moments.scatter)[1]
        return np.abs(direction @ gradient - direction @ moments.mean)
    gradient -= (gradient @ w / w.sum())[:, None]
    gradient *= np.sqrt(w)
    value, vector = _top(gradient.T @ gradient)
    return np.sqrt(max(value, 0.0)) * np.abs(vector) / np.sqrt(w)


def _top(gram: Float[np.ndarray, "k k"]) -> tuple[float, Float[np.ndarray, " k"]]:
    """Largest eigenvalue of a symmetric matrix, with its eigenvector."""
    last = len(gram) - 1
    values, vectors = eigh(gram, subset_by_index=[last, last], check_finite=False)
    return float(values[0]), vectors[:, 0]
