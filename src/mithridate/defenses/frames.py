"""Tables as they come (pandas, polars, pyarrow, arrays, lists): checked, named, and cut by rows."""

from collections.abc import Mapping
from typing import Any

import narwhals as nw
import numpy as np
from sklearn.utils.validation import check_array, check_X_y, validate_data

from ..errors import InputError

ARRAYS: dict[str, Any] = {"dtype": np.float64, "order": "C"}
"""The layout of all arrays, so that a frame and its array give the same to the last digit."""

_NO_TARGET: Any = object()


def validated(estimator: Any, X: Any, y: Any = _NO_TARGET, *, reset: bool, **checks: Any) -> Any:
    """scikit-learn's `validate_data`, for frames other than pandas too: X, or X and y.

    Which of these scikit-learn reads names from has changed with its version and with theirs, so
    here the names are read by narwhals, and `feature_names_in_` is set and held to.
    """
    if _as_wanted(X, checks):
        if y is _NO_TARGET and not reset and _known(estimator, X):
            return X
        if reset and _target_as_wanted(X, y):
            estimator.n_features_in_ = X.shape[1]
            vars(estimator).pop("feature_names_in_", None)
            return X, y
    target = {} if y is _NO_TARGET else {"y": y}
    frame = _frame(X)
    if frame is None:
        return validate_data(estimator, X, **target, reset=reset, **checks)
    values: Any = frame.to_numpy()
    names = np.asarray(frame.columns, dtype=object)
    known = getattr(estimator, "feature_names_in_", None)
    if reset or known is None:
        result = validate_data(estimator, values, **target, reset=reset, **checks)
        if reset:
            estimator.feature_names_in_ = names
        return result
    if not np.array_equal(known, names):
        raise InputError(
            f"The columns are {_short(names)}, but {type(estimator).__name__} was fitted with "
            f"{_short(known)}: the feature names should match those of fit, in the same order."
        )
    check = check_X_y if target else check_array
    return check(values, **target, estimator=estimator, **checks)


def rows_of(data: Any, rows: np.ndarray) -> Any:
    """These rows of a frame, series, array or list; its kind, dtypes and index are kept."""
    native = nw.from_native(data, eager_only=True, allow_series=True, pass_through=True)
    if isinstance(native, nw.DataFrame | nw.Series):
        return native[rows].to_native()
    if isinstance(data, list | tuple):
        return [data[row] for row in rows]
    return data[rows] if hasattr(data, "shape") else np.asarray(data)[rows]


def name_of(y: Any) -> str:
    """The name of a series, or "y" for a target without one."""
    if isinstance(y, np.ndarray):
        return "y"
    series = nw.from_native(y, eager_only=True, allow_series=True, pass_through=True)
    name = series.name if isinstance(series, nw.Series) else None
    return name if isinstance(name, str) and name else "y"


def _as_wanted(X: Any, checks: Mapping[str, Any]) -> bool:
    """Whether scikit-learn would return an array unchanged; for few rows its checks cost the most.

    False where a check is requested that is not known here, or where any of them would fail.
    """
    return (
        type(X) is np.ndarray
        and X.ndim == 2
        and X.dtype == np.float64
        and X.shape[1] > 0
        and len(X) >= max(checks.get("ensure_min_samples", 1), 1)
        and not checks.keys() - {*ARRAYS, "ensure_min_samples", "y_numeric"}
        and checks.get("dtype") == np.float64
        and ("order" not in checks or X.flags.c_contiguous)
        and _finite(X)
    )


def _known(estimator: Any, X: np.ndarray) -> bool:
    """Whether the estimator was fitted on as many columns, without names."""
    unnamed = not hasattr(estimator, "feature_names_in_")
    return unnamed and X.shape[1] == getattr(estimator, "n_features_in_", None)


def _target_as_wanted(X: np.ndarray, y: Any) -> bool:
    """Whether scikit-learn would return a target of these rows unchanged."""
    return (
        type(y) is np.ndarray
        and y.shape == (len(X),)
        and y.dtype == np.float64
        and y.flags.c_contiguous
        and _finite(y)
    )


def _finite(values: np.ndarray) -> bool:
    """Whether all values are finite; a finite sum shows it in a third of the time."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(values.sum()) or np.isfinite(values).all())


def _frame(X: Any) -> nw.DataFrame | None:
    """A frame whose names scikit-learn may not read; those of pandas it always does."""
    if isinstance(X, np.ndarray):
        return None
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    ours = isinstance(frame, nw.DataFrame) and not frame.implementation.is_pandas()
    return frame if ours else None


def _short(names: np.ndarray) -> str:
    shown = ", ".join(repr(str(name)) for name in names[:5])
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown
