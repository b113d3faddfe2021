"""ITRIM: trims more and more, until trimming more gains little."""

from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from ..passes.rows import lowest
from ._trim import Boxed, Trim
from .base import BaseDefense, Column, Mask, Rows
from .constraints import Constraints, Interval


class ITrim(BaseDefense):
    """ITRIM: trim more and more, until trimming more gains little.

    Runs `Trim` at growing contamination and stops at the elbow of its loss. So 0, nothing found, is
    a possible answer; where the features explain little of y, noise alone can pass the elbow, up to
    `max_contamination`.

    Parameters
    ----------
    estimator : regressor, optional
        The model to defend; None is `Ridge()`.
    max_contamination : float, default=0.14
        Poison / (clean + poison) rows, in [0, 1): the most that is looked for.
    step : float, default=0.02
        Distance between the contaminations that are tried, in the same unit.
    elbow : float, default=1e-3
        The gain of one step in mean squared residual, in units of `(max y - min y)²`, at or below
        which it stops.

    Attributes
    ----------
    scores_ : ndarray of float, shape (n,)
        Those of `Trim` at the estimate, in units of y.
    threshold_ : float
        The largest score of a kept row.
    path_ : ndarray of float, shape (k, 2)
        Each contamination that was tried, and its loss in units of y².
    estimate_ : float
        The contamination that was chosen; `contamination_` is the same in whole rows.
    n_iter_ : int
        Number of refits of all runs.

    Notes
    -----
    For `cᵢ = 0, step, 2 step, …, max_contamination`, `Eᵢ` is the mean squared residual of the rows
    that TRIM keeps. The estimate is the first `cᵢ` with `Eᵢ - Eᵢ₊₁ ≤ elbow (max y - min y)²`, or
    else `max_contamination`. The paper's elbow of 1e-3 is for targets in [0, 1], where both agree;
    its rates are poison / clean rows, and its TRIM starts from random rows, not from all of them.
    For all other attributes see `BaseDefense`.

    References
    ----------
    Müller, Kao and Böttinger, "Data poisoning attacks on regression learning and corresponding
    defenses" (PRDC 2020).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.arange(50.0)[:, None]
    >>> y = np.where(np.arange(50) % 25 == 3, 90.0, X[:, 0])
    >>> itrim = ITrim().fit(X, y)
    >>> (~itrim.inlier_mask_).nonzero()[0], itrim.estimate_
    (array([ 3, 28]), 0.04)
    """

    label: ClassVar[str | None] = "iTRIM"
    fits_like: ClassVar[str | None] = "trim"
    keeps_clean: ClassVar[float] = 0.85
    constraints: ClassVar[Constraints] = {
        "max_contamination": Interval(0, 1, words="give poison / (clean + poison) rows, in [0, 1)"),
        "step": Interval(0, 1, closed="neither", words="give a share of the rows, between 0 and 1"),
        "elbow": Interval(0),
    }

    n_iter_: int
    estimate_: float
    path_: Float[np.ndarray, "k 2"]

    def __init__(
        self,
        estimator: Any = None,
        *,
        max_contamination: float = 0.14,
        step: float = 0.02,
        elbow: float = 1e-3,
    ):
        super().__init__(estimator)
        self.max_contamination = max_contamination
        self.step = step
        self.elbow = elbow

    def _find_inliers(self, X: Rows, y: Column, sample_weight: Column | None) -> Mask:
        least_gain = self.elbow * np.ptp(y) ** 2
        boxed = Boxed.of(self.estimator, X, y, sample_weight)
        self.n_iter_, path, chosen = 0, [], None
        for contamination in self._grid():
            trim = Trim(self.estimator, contamination=contamination)
            mask = trim._find_inliers(X, y, sample_weight, boxed)
            self.n_iter_ += trim.n_iter_
            kept = lowest(trim.scores_, sample_weight, contamination)
            path.append((contamination, float(kept @ trim.scores_**2 / kept.sum())))
            if chosen is not None and path[-2][1] - path[-1][1] <= least_gain:
                break
            chosen = trim, mask
        assert chosen is not None
        trim, mask = chosen
        self.path_, self.estimate_ = np.array(path), float(trim.contamination)
        self.scores_, self.threshold_, self._summed = trim.scores_, trim.threshold_, trim._summed
        if self.estimate_ == self.max_contamination > 0:
            self.message_ = (
                f"Trimming still gained at max_contamination={self.max_contamination:g}: there may "
                "be more poison, or much noise."
            )
        return mask

    def _fit_kept(self, X: Rows, y: Column, sample_weight: Column | None, mask: Mask) -> Any:
        if sample_weight is not None:
            sample_weight = lowest(self.scores_, sample_weight, self.estimate_)
        return super()._fit_kept(X, y, sample_weight, mask)

    def _grid(self) -> list[float]:
        most, step = self.max_contamination, self.step
        # Multiples, not a running sum, and rounded: 3 · 0.02 is to be 0.06.
        steps = [round(k * step, 12) for k in range(int(np.ceil(most / step - 1e-9)))]
        return [*steps, float(most)]
