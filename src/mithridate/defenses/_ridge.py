"""Ridge regression with its penalty on the mean loss: the model that defenses defend by default."""

from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from ..moments import Moments
from ..passes.block import moments_of_rows
from .constraints import Constraints, Interval, check
from .frames import validated
from .weights import as_weights


class Ridge(RegressorMixin, BaseEstimator):
    """Ridge regression whose strength does not depend on the number of rows.

    Minimizes `(1/Σw) Σ w (y - xb - c)² + l2 ‖b‖²` over `b` and a free intercept `c`: the penalty is
    on the mean loss. It equals scikit-learn's `Ridge(alpha=l2 * n)`, which penalizes the sum; here
    the same `l2` means the same on a table with and without its poison.

    Parameters
    ----------
    l2 : float, default=1e-3
        The penalty on the mean loss, 0 or more, in units of x²; the default is made for features in
        [0, 1]. With 0, the least squares solution of smallest norm.

    Attributes
    ----------
    coef_ : ndarray of float, shape (d,)
        Coefficients, in units of y/x.
    intercept_ : float
        The intercept, in units of y.
    n_features_in_ : int
        Number of columns of X, d.

    References
    ----------
    Hoerl and Kennard, "Ridge regression: biased estimation for nonorthogonal problems" (1970).

    Examples
    --------
    >>> import numpy as np
    >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 3.0, 5.0])
    >>> Ridge(l2=0.0).fit(X, y).predict([[3.0]]).round(6)
    array([7.])
    """

    constraints: ClassVar[Constraints] = {
        "l2": Interval(0, words="l2 must be a finite number, 0 or more"),
    }

    coef_: np.ndarray
    intercept_: float
    n_features_in_: int

    def __init__(self, l2: float = 1e-3):
        self.l2 = l2

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "Ridge":
        """Fit rows, each counted `sample_weight` times.

        Parameters
        ----------
        X : array-like or frame, shape (n, d)
            Features.
        y : array-like or series, shape (n,)
            Targets.
        sample_weight : array-like, shape (n,), optional
            How many times each row counts.

        Returns
        -------
        Ridge
            The model itself, fitted.

        Raises
        ------
        InputError
            If `l2` or the weights cannot be used.
        """
        check(self, self.constraints)
        X, y = validated(self, X, y, reset=True, y_numeric=True, dtype=np.float64)
        weight = as_weights(sample_weight, len(y))
        return self.solve(moments_of_rows(X, y, np.ones(len(y)) if weight is None else weight))

    def solve(self, moments: Moments) -> "Ridge":
        """Fit the rows of a table by its moments.

        Parameters
        ----------
        moments : Moments
            Those of the rows `(x, y)`, the target last.

        Returns
        -------
        Ridge
            The model itself, fitted.

        Raises
        ------
        InputError
            If `l2` cannot be used.
        """
        check(self, self.constraints)
        if self.l2 > 0:
            coef, intercept = moments.ridge(self.l2)
        else:
            # One-hot columns make the Gram singular, and a plain solve would return garbage.
            coef = np.linalg.lstsq(moments.scatter[:-1, :-1], moments.scatter[:-1, -1])[0]
            intercept = moments.mean[-1] - moments.mean[:-1] @ coef
        self.coef_, self.intercept_, self.n_features_in_ = coef, float(intercept), len(coef)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Predict targets: `xb + c`.

        Parameters
        ----------
        X : array-like or frame, shape (m, d)
            Features.

        Returns
        -------
        ndarray, shape (m,)
            Predictions, in units of y.
        """
        check_is_fitted(self)
        X = validated(self, X, reset=False, dtype=np.float64)
        return X @ self.coef_ + self.intercept_
