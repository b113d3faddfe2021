"""Kernel ridge regression with its own scales: what the kernel victims are judged on."""

from typing import Any, Literal

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.spatial.distance import cdist, pdist
from sklearn.base import BaseEstimator, RegressorMixin

_MAX_PAIRED_ROWS = 2000  # rows of which all pairs are measured for the median distance


class KernelRegression(RegressorMixin, BaseEstimator):
    """Kernel ridge regression that standardizes, and takes its width from the median distance.

    It does with all its rows what `attack.victims.Kernel` does with the clean ones.

    Parameters
    ----------
    kernel : {"rbf", "laplace"}, default "rbf"
        `exp(-r²)` of the Euclidean distance r over the width, or `exp(-r)` of that along the axes.
    width : float, default 1
        The width, in median distances of two rows.
    l2 : float, default 3e-4
        Penalty on the mean loss.

    Examples
    --------
    >>> X = np.linspace(0, 1, 30)[:, None]
    >>> model = KernelRegression(l2=1e-4).fit(X, np.sin(6 * X[:, 0]))
    >>> bool(model.score(X, np.sin(6 * X[:, 0])) > 0.99)
    True
    """

    def __init__(self, kernel: str = "rbf", width: float = 1.0, l2: float = 3e-4):
        self.kernel = kernel
        self.width = width
        self.l2 = l2

    def fit(self, X: Any, y: Any) -> "KernelRegression":
        """Fit to rows X (n, d) and targets y (n,)."""
        X, y = np.asarray(X, float), np.asarray(y, float)
        spread = X.std(axis=0)
        self.mean_, self.spread_ = X.mean(axis=0), np.where(spread > 0, spread, 1.0)
        self.unit_, self.level_ = 1.0, y.mean()
        Z = self._scaled(X)
        median = float(np.median(pdist(Z[:_MAX_PAIRED_ROWS], self._metric))) if len(Z) > 1 else 0.0
        self.unit_ = self.width * median or 1.0
        self.support_ = self._scaled(X)
        gram = self._between(self.support_) + self.l2 * len(y) * np.eye(len(y))
        self.dual_ = cho_solve(cho_factor(gram, lower=True), y - self.level_)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Predictions (n,) for rows X (n, d)."""
        return self.level_ + self._between(self._scaled(np.asarray(X, float))) @ self.dual_

    def _scaled(self, X: np.ndarray) -> np.ndarray:
        return (X - self.mean_) / (self.spread_ * self.unit_)

    @property
    def _metric(self) -> Literal["euclidean", "cityblock"]:
        return "euclidean" if self.kernel == "rbf" else "cityblock"

    def _between(self, Z: np.ndarray) -> np.ndarray:
        apart = cdist(Z, self.support_, self._metric)
        return np.exp(-(apart**2 if self.kernel == "rbf" else apart))
