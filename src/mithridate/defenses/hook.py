"""What `_find_inliers` is given beside the table, and what it must return and set."""

import warnings
from contextlib import nullcontext
from typing import Any

import numpy as np
from jaxtyping import Bool

from ..errors import BrokenPromise, InputError
from ..moments import Moments
from ..passes.block import moments_of_rows, one_thread
from ._ridge import Ridge
from .frames import ARRAYS, validated


def algebra(defense: Any) -> Any:
    """A context for the algebra of a defense, in which a BLAS has one thread.

    Its matrices are small, and on a busy machine threads wait for each other ten times as long as
    they compute. A class whose matrices are large says `one_thread = False`; an estimator that is
    not ours has as many threads as it wants.
    """
    own = defense.estimator is None or type(defense.estimator) is Ridge
    return one_thread() if own and getattr(defense, "one_thread", True) else nullcontext()


def trusted_argument(defense: Any, trusted: Any) -> dict[str, Any]:
    """The trusted rows as a keyword argument of `_find_inliers`; none, where it cannot use any."""
    name = type(defense).__name__
    if trusted is None and defense.needs_trusted:
        raise InputError(
            f"{name} needs rows known to be clean: pass trusted=(X, y) to fit, a few dozen at "
            "least, with the same columns."
        )
    if not (defense.uses_trusted or defense.needs_trusted):
        if trusted is not None:
            warnings.warn(f"{name} cannot use trusted rows; it ignored them.", stacklevel=3)
        return {}
    if trusted is None:
        return {"trusted": None}
    if not isinstance(trusted, tuple | list) or len(trusted) != 2:
        raise InputError(
            f"trusted is of type {type(trusted).__name__}; give a pair (X, y) of rows known "
            "to be clean."
        )
    try:
        return {"trusted": validated(defense, *trusted, reset=False, **ARRAYS, y_numeric=True)}
    except ValueError as error:
        raise InputError(f"The trusted rows do not fit the table: {error}") from error


def asked_mask(
    defense: Any, X: np.ndarray, y: np.ndarray, weight: np.ndarray | None, given: dict[str, Any]
) -> Bool[np.ndarray, " n"]:
    """The mask that `_find_inliers` returns, if it is in order and the rows are as they were.

    A class of somebody's that writes into the rows would spoil them for whoever gave them, and for
    all that comes after: they are put back, and the class is named.
    """
    if type(defense).__module__.partition(".")[0] == "mithridate":
        return checked_mask(defense, defense._find_inliers(X, y, weight, **given), len(y))
    lent = [X, y, *([] if weight is None else [weight]), *(given.get("trusted") or ())]
    before = [values.copy() for values in lent]
    try:
        mask = defense._find_inliers(X, y, weight, **given)
    finally:
        pairs = list(zip(lent, before, strict=True))
        changed = [pair for pair in pairs if not np.array_equal(*pair, equal_nan=True)]
        for values, old in changed:
            values[...] = old
    if changed:
        raise BrokenPromise(
            f"{type(defense).__name__}._find_inliers must leave the rows it is given as they are; "
            "it wrote into them. Let it work on copies."
        )
    return checked_mask(defense, mask, len(y))


def checked_mask(defense: Any, mask: Any, n: int) -> Bool[np.ndarray, " n"]:
    """The mask that `_find_inliers` returned for `n` rows, if it and what it set are in order."""
    name = type(defense).__name__
    if not isinstance(mask, np.ndarray) or mask.dtype != bool or mask.shape != (n,):
        raise BrokenPromise(
            f"{name}._find_inliers must return a boolean array, one value for each of {n} rows; "
            f"it returned {_described(mask)}."
        )
    for attribute in defense.per_row:
        if np.shape(getattr(defense, attribute, np.nan)) != (n,):
            raise BrokenPromise(
                f"{name}._find_inliers must set {attribute}, one value for each of {n} rows; it "
                f"set {_described(getattr(defense, attribute, None))}."
            )
    if np.isnan(np.asarray(getattr(defense, "scores_", 0.0), dtype=float)).any():
        raise BrokenPromise(f"{name}._find_inliers must set scores_ to numbers; some are NaN.")
    if mask.sum() < 2:
        raise InputError(
            f"{name} would keep {mask.sum()} of {n} rows, too few to fit a model: "
            "give it more rows, or settings that reject fewer."
        )
    return mask


def _described(thing: Any) -> str:
    """What an object is, in words for an error message."""
    if thing is None:
        return "nothing"
    if not isinstance(thing, np.ndarray):
        return f"a {type(thing).__name__}"
    return f"an array of {thing.dtype} of shape {thing.shape}"


def spread(values: np.ndarray, present: Bool[np.ndarray, " n"]) -> np.ndarray:
    """Values of the present rows, put back in their places among all rows; NaN or 0 elsewhere."""
    if present.all():
        return values
    absent = np.nan if np.issubdtype(values.dtype, np.floating) else 0
    result = np.full(len(present), absent, dtype=values.dtype)
    result[present] = values
    return result


def summed(
    X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None, mask: Bool[np.ndarray, " n"]
) -> Moments:
    """Moments of the rows of a mask."""
    weight = mask.astype(np.float64) if sample_weight is None else mask * sample_weight
    return moments_of_rows(X, y, weight)
