"""What every defense is: find the rows to keep, fit the model on them, say what was done."""

from abc import ABCMeta, abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
from jaxtyping import Bool, Float, Int
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from .._text import percent
from ..errors import InputError
from ..moments import Moments
from ._ridge import Ridge
from .constraints import CONTAMINATION, Constraints, check
from .frames import ARRAYS, name_of, rows_of, validated
from .hook import algebra, asked_mask, spread, summed, trusted_argument
from .reasons import named, reasons
from .summary import summarize
from .weights import as_weights

_EXCEEDED = 3.0  # times as many rows as by the rate, and it is said that they are more

Rows = Float[np.ndarray, "n d"]
Column = Float[np.ndarray, " n"]
Mask = Bool[np.ndarray, " n"]
Trusted = tuple[Rows, Column]


class BaseDefense(MetaEstimatorMixin, RegressorMixin, BaseEstimator, metaclass=ABCMeta):
    """Regressor that rejects suspicious training rows and fits a model on the others.

    A subclass implements `_find_inliers(X, y, sample_weight)`, which returns the mask of the rows
    to keep and sets `scores_`. It may also set `threshold_`, `message_` and `false_positive_rate_`.
    A subclass that can use rows known to be clean sets `uses_trusted = True`; its `_find_inliers`
    then takes a fourth argument, `trusted`, which is a pair (X, y) or None. What its own parameters
    may be it declares in `constraints`.

    Parameters
    ----------
    estimator : regressor, optional
        The model to defend, any scikit-learn regressor; None is `Ridge()`. A clone of it is fitted.

    Attributes
    ----------
    inlier_mask_ : ndarray of bool, shape (n,)
        True for the rows that were kept. A row of weight 0 is neither kept nor rejected: False.
    sample_indices_ : ndarray of int, shape (k,)
        Positions of the kept rows, ascending.
    scores_ : ndarray of float, shape (n,)
        How suspicious each row is: higher is more suspicious; NaN for rows of weight 0.
    threshold_ : float
        The score above which rows were rejected; NaN where there is no such score.
    n_rejected_ : int
        Number of rejected rows.
    found_ : bool
        Whether any row was rejected.
    contamination_ : float
        Poison / (clean + poison) rows as it was given, or else the share of rejected rows.
    false_positive_rate_ : float
        The largest share of the rows of a clean Gaussian table that is rejected on average, where
        the defense was set to one; else NaN.
    reasons_ : structured ndarray, shape (n_rejected_,)
        Why each rejected row was rejected.
    estimator_ : regressor
        The defended model, fitted.
    message_ : str
        A warning in words, or "".
    n_features_in_ : int
        Number of columns of X, d.

    See Also
    --------
    sklearn.linear_model.RANSACRegressor : Has `inlier_mask_` with the same meaning.

    Notes
    -----
    A row of weight 0 is absent: it changes nothing. Defenses that filter rows are MITRE ATLAS
    AML.M0007, sanitize training data; `fit_resample` makes them samplers of imbalanced-learn.

    Examples
    --------
    >>> import numpy as np
    >>> from mithridate.defenses import Trim
    >>> X = np.arange(20.0)[:, None]
    >>> y = np.where(np.arange(20) == 3, 90.0, X[:, 0])
    >>> trim = Trim(contamination=0.05).fit(X, y)
    >>> trim.n_rejected_, trim.reasons_["row"], trim.reasons_["first_column"]
    (1, array([3]), array(['y'], dtype='<U2'))
    """

    label: ClassVar[str | None] = None
    """What reports call the defense; None: the name by which a spec asks for it."""

    treatment: ClassVar[str] = "drops"
    """What it does to rows that it suspects, as a verb whose object is the rows."""

    needs_contamination: ClassVar[bool] = False
    """Whether the defense has the parameter `contamination`, the share of poison rows."""

    uses_trusted: ClassVar[bool] = False
    """Whether the defense can use `trusted`, rows known to be clean."""

    needs_trusted: ClassVar[bool] = False
    """Whether it cannot do without them."""

    rejects_gross: ClassVar[float] = 0.95
    """The least share that is rejected of rows whose targets are 20 standard deviations off."""

    scale_free: ClassVar[bool] = True
    """Whether the result does not depend on the unit of the target."""

    features_scale_free: ClassVar[bool] = True
    """Whether it does not depend on the units of the features, by default parameters."""

    keeps_clean: ClassVar[float] = 0.9
    """The least share that is kept of a clean Gaussian table, with default parameters."""

    fits_like: ClassVar[str | None] = None
    """The defense whose surrogate attacks this one too, since both fit alike; None: it has its own.

    A surrogate is a victim of an attack; it names the defense that it stands for.
    """

    scores_like: ClassVar[str | None] = None
    """The risk that an attack keeps low instead, where rows are scored one by one."""

    constraints: ClassVar[Constraints] = {}
    """What the parameters that a class adds may be, by their names; see `check_parameters`."""

    per_row: ClassVar[tuple[str, ...]] = ("scores_",)
    """Attributes with one value for each row, which `_find_inliers` must set."""

    n_features_in_: int
    inlier_mask_: Mask
    scores_: Column
    threshold_: float
    message_: str
    n_rejected_: int
    found_: bool
    contamination_: float
    false_positive_rate_: float
    estimator_: Any
    _summed: Moments | None  # of the rows to keep, where `_find_inliers` knows them

    def __init__(self, estimator: Any = None):
        self.estimator = estimator

    @abstractmethod
    def _find_inliers(self, X: Rows, y: Column, sample_weight: Column | None) -> Mask:
        """Boolean mask of the rows to keep; all weights it sees are positive."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, trusted: Any = None) -> Self:
        """Find the rows to keep and fit the model on them.

        Parameters
        ----------
        X : array-like or frame, shape (n, d)
            Features.
        y : array-like or series, shape (n,)
            Targets.
        sample_weight : array-like, shape (n,), optional
            How many times each row counts; 0 is an absent row.
        trusted : tuple (X, y), optional
            Rows known to be clean, with the columns of X as this step of a pipeline sees them. They
            are not kept, rejected or counted. A defense that cannot use them warns and ignores
            them.

        Returns
        -------
        BaseDefense
            The defense itself, fitted.

        Raises
        ------
        InputError
            If a parameter, a weight or the trusted rows cannot be used, or if fewer than two rows
            would be kept.
        """
        self.check_parameters()
        self._target_name = name_of(y)
        X, y = validated(self, X, y, reset=True, **ARRAYS, y_numeric=True, ensure_min_samples=2)
        given = trusted_argument(self, trusted)
        weight = as_weights(sample_weight, len(y))
        present = np.ones(len(y), dtype=bool) if weight is None else weight > 0
        if not present.all():
            X, y, weight = X[present], y[present], weight[present]  # pyright: ignore
        self._begin()
        with algebra(self):
            mask = asked_mask(self, X, y, weight, given)
            self.estimator_ = self._fit_kept(X, y, weight, mask)
            known = vars(self).pop("_summed", None)
            judged, places = (X, y, weight, mask, self.scores_), np.flatnonzero(present)
            self._reasons = reasons(*judged, self.estimator_, places=places, known=known)
        self._conclude(int((~mask).sum()), np.average(~mask, weights=weight))
        self.inlier_mask_ = spread(mask, present)
        for name in self.per_row:
            setattr(self, name, spread(getattr(self, name), present))
        return self

    def _begin(self) -> None:
        """Forgets what an earlier fit said."""
        self.threshold_ = self.false_positive_rate_ = np.nan
        self.message_ = ""
        self._summed = None

    def _conclude(self, rejected: int, share: float) -> None:
        self.n_rejected_, self.found_ = rejected, rejected > 0
        self.contamination_ = float(getattr(self, "contamination", share))

    def predict(self, X: Any) -> np.ndarray:
        """Predict targets with the defended model.

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
        return self.estimator_.predict(self._features(X))

    def fit_predict(
        self, X: Any, y: Any, sample_weight: Any = None, **fit_params: Any
    ) -> np.ndarray:
        """Fit, then label the rows as outlier detectors do.

        Parameters
        ----------
        X : array-like or frame, shape (n, d)
            Features.
        y : array-like or series, shape (n,)
            Targets.
        sample_weight : array-like, shape (n,), optional
            How many times each row counts.
        **fit_params : dict
            What `fit` takes besides, such as `trusted`.

        Returns
        -------
        ndarray of int, shape (n,)
            1 for each kept row, -1 for the others.
        """
        self.fit(X, y, sample_weight, **fit_params)
        return np.where(self.inlier_mask_, 1, -1)

    def fit_resample(self, X: Any, y: Any, **fit_params: Any) -> tuple[Any, Any]:
        """Fit, then give the kept rows as they came: kind, dtypes, order and index.

        In a pipeline of imbalanced-learn a defense so cleans the training rows and lets rows to be
        predicted pass.

        Parameters
        ----------
        X : array-like or frame, shape (n, d)
            Features.
        y : array-like or series, shape (n,)
            Targets.
        **fit_params : dict
            What `fit` takes besides.

        Returns
        -------
        X : same kind as X, shape (k, d)
            Features of the kept rows.
        y : same kind as y, shape (k,)
            Targets of the kept rows.
        """
        self.fit(X, y, **fit_params)
        return rows_of(X, self.sample_indices_), rows_of(y, self.sample_indices_)

    @property
    def sample_indices_(self) -> Int[np.ndarray, " k"]:
        """Positions of the kept rows, ascending."""
        check_is_fitted(self)
        return np.flatnonzero(self.inlier_mask_)

    @property
    def reasons_(self) -> np.ndarray:
        """Why each rejected row was rejected: a structured array with one record a row.

        Fields: `row`, its position; `score`, as in `scores_`; `residual`, `(y - f(x)) / σ`, with σ
        the root mean squared residual of the kept rows under the defended model (of 20,000 of them
        where they are more); `leverage`, `h / (1 + h)`, the change of its prediction if the row
        were put back and its target changed by 1 (near 1, the model would follow it anywhere);
        `predictive_sigma`, the standard deviation of y at x by `BayesianRegression` on the kept
        rows, in units of y; `first_column`, `first_sigma`, `second_column` and `second_sigma`, the
        two columns that stand out most from the kept rows, and by how many of their standard
        deviations (for the target: `residual`).

        In tables of more than 2000 columns `leverage` and `predictive_sigma` are NaN. A value that
        differs from a column that is constant among the kept rows stands out infinitely. Columns
        are called by name, or else x0, x1, …; the target by the name of its series, or else y.
        `pandas.DataFrame(defense.reasons_)` and `polars.DataFrame(defense.reasons_)` are tables.
        """
        check_is_fitted(self)
        names = getattr(self, "feature_names_in_", [f"x{i}" for i in range(self.n_features_in_)])
        return named(self._reasons.records, [*map(str, names), self._target_name])

    @property
    def reason_records(self) -> np.ndarray:
        """`reasons_` with columns by number: `n_features_in_` is the target."""
        check_is_fitted(self)
        return self._reasons.records

    def summary(self) -> str:
        """Say what was found, in ten lines at most: how many rows, which columns, how sure.

        Returns
        -------
        str
            The sentences, one a line.
        """
        check_is_fitted(self)
        n = int(self.inlier_mask_.sum()) + self.n_rejected_
        return summarize(type(self).__name__, n, self.reasons_, self.how_sure(n), self.message_)

    def how_sure(self, n: int) -> str:
        """Say how many rows of a clean table are rejected, and whether it is many more here.

        Parameters
        ----------
        n : int
            Number of rows of the table.

        Returns
        -------
        str
            A sentence, or two.
        """
        rate = self.false_positive_rate_
        if not np.isnan(rate):
            said = (
                f"Its false-positive rate is {percent(rate)}: of a clean Gaussian table of this "
                f"length it rejects {round(rate * n):,} rows or fewer on average, of one with "
                "heavier tails more."
            )
            if self.n_rejected_ <= _EXCEEDED * max(rate * n, 1.0):
                return said
            return (
                f"{said} It rejected {percent(self.n_rejected_ / n)} of this one: look at them "
                "before you believe that they are errors, since tails or a target that is often "
                "one value can do this too."
            )
        if self.needs_contamination:
            return (
                f"It rejects {percent(self.contamination_)} of the rows, the contamination that "
                "it was given or its default, whether or not they are poison."
            )
        most = percent(1.0 - self.keeps_clean)
        return f"No false-positive rate was set: of a clean table, up to {most} may be rejected."

    def _features(self, X: Any) -> Rows:
        """Rows to predict, as an array, their columns checked against those of `fit`."""
        return validated(self, X, reset=False, **ARRAYS)

    def _fit_kept(self, X: Rows, y: Column, sample_weight: Column | None, mask: Mask) -> Any:
        """The defended model; a defense that *is* a way of fitting overrides this."""
        if self.estimator is not None and type(self.estimator) is not Ridge:
            return self._fit_estimator(X, y, sample_weight, mask)
        if self._summed is None:  # the reasons need them as well
            self._summed = summed(X, y, sample_weight, mask)
        model: Any = Ridge() if self.estimator is None else clone(self.estimator)
        return model.solve(self._summed)

    def _fit_estimator(self, X: Rows, y: Column, sample_weight: Column | None, mask: Mask) -> Any:
        """A fresh copy of the estimator, fitted on the rows of the mask."""
        model: Any = Ridge() if self.estimator is None else clone(self.estimator)
        if type(model) is Ridge:
            return model.solve(summed(X, y, sample_weight, mask))
        if sample_weight is None:
            return model.fit(X[mask], y[mask])
        if not has_fit_parameter(model, "sample_weight"):
            raise InputError(
                f"{type(model).__name__} takes no sample_weight; give {type(self).__name__} an "
                "estimator that does, or fit without weights."
            )
        return model.fit(X[mask], y[mask], sample_weight=sample_weight[mask])

    def check_parameters(self) -> None:
        """Check all parameters against `constraints`, before a row is looked at.

        Each class declares what its own parameters may be; those of its parent classes are checked
        first.

        Raises
        ------
        InputError
            If a parameter is out of its range: which one, what was given, what to give.
        """
        constraints: dict[Any, Any] = {}
        if self.needs_contamination:
            constraints["contamination"] = CONTAMINATION
        for kind in reversed(type(self).__mro__):
            constraints |= vars(kind).get("constraints", {})
        check(self, constraints)
