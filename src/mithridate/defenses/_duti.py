"""DUTI: the fewest changes of targets under which the model gets the trusted rows right."""

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from ..passes.rows import lowest
from ._ridge import Ridge
from .base import BaseDefense, Column, Mask, Rows, Trusted
from .constraints import Choice, Constraints, Interval
from .corrections import CorrectionPath, Square


class Duti(BaseDefense):
    """DUTI: the fewest changes of targets under which the model predicts trusted rows well.

    It looks for the sparsest correction of the targets that makes the model fit rows known to be
    clean; the sooner a target is corrected, the more suspicious the row. Only targets are judged: a
    row whose features were moved counts as one with a wrong target. Time grows as n³ and memory as
    n².

    Parameters
    ----------
    estimator : regressor, optional
        The model to defend, fitted on the kept rows; None is `Ridge()`.
    contamination : float, default=0.1
        Poison / (clean + poison) rows, in [0, 1): the most that is rejected.
    relabel : bool, default=False
        True fits the model on all rows, the rejected ones with corrected targets `y + δ`; False
        fits it without them.
    kernel : {"linear", "rbf"}, default="linear"
        The regression f that corrections are made for: linear with an intercept, or with the kernel
        `exp(-‖x - x'‖² / (2 width²))` without one.
    l2 : float, optional
        Penalty of f on the mean loss, above 0, in units of x²; None is that of `estimator`.
    width : float, default=1.0
        Width of the kernel, above 0, in units of x.
    trust : float, default=1.0
        Weight of all trusted rows to that of all others, above 0.
    halvings : int, default=20
        Number of halvings of γ at most.

    Attributes
    ----------
    scores_ : ndarray of float, shape (n,)
        Number of halvings still to come when the row was first corrected, plus a fraction that
        sorts rows of the same γ.
    threshold_ : float
        The largest score of a kept row.
    corrections_ : ndarray of float, shape (n,)
        The corrections δ at the last γ, in units of y.

    Notes
    -----
    `min_δ (1/m) Σⱼ trust (f(x̃ⱼ) - ỹⱼ)² + (1/n) Σᵢ (f(xᵢ) - yᵢ - δᵢ)² + (γ/n) Σᵢ |δᵢ|`, with f
    fitted on `y + δ` and (x̃, ỹ) the trusted rows. f is linear in the targets, so this is one Lasso
    in δ. It is solved for `γ₀/2, γ₀/4, …`, with γ₀ the least γ that corrects nothing, until more
    than `contamination` of the rows were corrected at one γ or another. How this differs from the
    paper and its code is described in docs/defenses.md. For all other attributes see `BaseDefense`.

    References
    ----------
    Zhang, Zhu and Wright, "Training set debugging using trusted items" (AAAI 2018).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.arange(20.0)[:, None] / 20
    >>> y = np.where(np.arange(20) == 7, 5.0, X[:, 0])
    >>> duti = Duti(contamination=0.05).fit(X, y, trusted=(X[::4], X[::4, 0]))
    >>> duti.inlier_mask_.argmin(), duti.scores_.argmax()
    (np.int64(7), np.int64(7))
    """

    label: ClassVar[str | None] = "DUTI"
    features_scale_free: ClassVar[bool] = False
    one_thread: ClassVar[bool] = False  # n x n
    scores_like: ClassVar[str | None] = "correction"
    needs_contamination: ClassVar[bool] = True
    needs_trusted: ClassVar[bool] = True
    uses_trusted: ClassVar[bool] = True
    constraints: ClassVar[Constraints] = {
        "kernel": Choice(("linear", "rbf")),
        "halvings": Interval(1, whole=True),
        "width": Interval(0, closed="neither"),
        "trust": Interval(0, closed="neither"),
        "l2": Interval(0, closed="neither", optional=True),
    }

    per_row: ClassVar[tuple[str, ...]] = ("scores_", "corrections_")

    corrections_: Column

    def __init__(
        self,
        estimator: Any = None,
        *,
        contamination: float = 0.1,
        relabel: bool = False,
        kernel: str = "linear",
        l2: float | None = None,
        width: float = 1.0,
        trust: float = 1.0,
        halvings: int = 20,
    ):
        super().__init__(estimator)
        self.contamination = contamination
        self.relabel = relabel
        self.kernel = kernel
        self.l2 = l2
        self.width = width
        self.trust = trust
        self.halvings = halvings

    def _find_inliers(
        self,
        X: Rows,
        y: Column,
        sample_weight: Column | None,
        trusted: Trusted | None = None,
    ) -> Mask:
        assert trusted is not None  # the base has seen to it
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        # A shift of y moves no δ where there is an intercept; without one, y is used as it is.
        center = np.average(y, weights=weight) if self.kernel == "linear" else 0.0
        smoother = self._smoother(X, trusted[0], weight)
        path = CorrectionPath.of(
            smoother, y - center, trusted[1] - center, weight, float(self.trust)
        )
        steps = path.corrections(int(self.halvings), float(self.contamination))
        self.scores_ = _entry(steps, path)
        kept = self._kept(sample_weight)
        mask = kept > 0
        self.threshold_ = float(self.scores_[mask].max(initial=0.0))
        self.corrections_ = steps[-1]
        if not path.largest > 0:
            self.message_ = "The model already agrees with the trusted rows and its own."
        return mask

    def _fit_kept(self, X: Rows, y: Column, sample_weight: Column | None, mask: Mask) -> Any:
        if self.relabel:
            y = np.where(mask, y, y + self.corrections_)
            return self._fit_estimator(X, y, sample_weight, np.ones(len(y), dtype=bool))
        if sample_weight is not None:
            sample_weight = self._kept(sample_weight)
        return self._fit_estimator(X, y, sample_weight, mask)

    def _kept(self, sample_weight: Column | None) -> Column:
        """Weight with which each row is kept; a row that was never corrected is kept whole."""
        kept = lowest(self.scores_, sample_weight, self.contamination)
        return np.where(self.scores_ >= 1.0, kept, 1.0 if sample_weight is None else sample_weight)

    def _smoother(
        self, X: Rows, trusted: Rows, weight: Column
    ) -> tuple[Float[np.ndarray, "m n"], Square]:
        """The matrices that give f at the trusted rows, and at the others, from the targets."""
        l2 = self.l2
        if l2 is None:
            l2 = getattr(Ridge() if self.estimator is None else self.estimator, "l2", None)
            if not isinstance(l2, Real) or not float(l2) > 0:
                l2 = Ridge().l2
        total = weight.sum()
        if self.kernel == "rbf":
            gram = _rbf(X, X, self.width) + np.diag(total * l2 / weight)
            near = np.concatenate([_rbf(trusted, X, self.width), _rbf(X, X, self.width)])
            smoother = np.linalg.solve(gram, near.T).T
        else:
            mean = weight @ X / total
            z = X - mean
            gram = z.T @ (z * weight[:, None]) + total * l2 * np.eye(z.shape[1])
            slope = np.linalg.solve(gram, (z * weight[:, None]).T)
            smoother = np.concatenate([trusted - mean, z]) @ slope + weight / total
        return smoother[: len(trusted)], smoother[len(trusted) :]


def _entry(steps: list[Column], path: CorrectionPath) -> Column:
    """Number of steps left when a row was first corrected, plus a fraction by size."""
    entered = np.array(steps) != 0
    first = np.where(entered.any(axis=0), entered.argmax(axis=0), len(steps))
    scores = (len(steps) - first).astype(np.float64)
    for t, delta in enumerate(steps):
        size = np.abs(delta) * (first == t)
        scores += size / (size.max() * 1.001 or 1.0)
    # Rows that were never corrected, by how near they came to it.
    pull = path.pull(steps[-1]) * (first == len(steps))
    return scores + pull / (pull.max() * 1.001 or 1.0)


def _rbf(
    one: Float[np.ndarray, "n d"], two: Float[np.ndarray, "m d"], width: float
) -> Float[np.ndarray, "n m"]:
    square = (one**2).sum(axis=1)[:, None] + (two**2).sum(axis=1) - 2.0 * one @ two.T
    return np.exp(-np.maximum(square, 0.0) / (2.0 * width**2))
