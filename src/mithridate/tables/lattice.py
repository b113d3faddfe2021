"""The spacing of a column's values: what poison must be rounded to so as not to stand out."""

import numpy as np
from jaxtyping import Float

MOST_VALUES = 50  # a non-integral column with more distinct values counts as continuous
MOST_STEPS = 10_000  # beyond, "all on a lattice" would hold for almost any few numbers
TOLERANCE = 1e-6
MOST_DECIMALS = 8  # numbers with more are continuous
EXACT = 2.0**53  # beyond, every float is integral


def spacing(values: Float[np.ndarray, " n"], parts: int = 0) -> float:
    """Find the step of the lattice on which all values lie, 0 for continuous.

    The greatest common divisor of the differences of integral values, or of multiples of 1/`parts`;
    else the constant spacing of at most 50 distinct values.

    Parameters
    ----------
    values : array of float, shape (n,)
        Numbers; NaN is ignored.
    parts : int
        Values are multiples of 1/`parts`, where that is not 0.

    Returns
    -------
    float
        The step, in units of the values.

    Examples
    --------
    >>> import numpy as np
    >>> spacing(np.array([10.0, 16.0, 12.0])), spacing(np.array([0.0, 0.25, 1.0]))
    (2.0, 0.25)
    """
    known = values[~np.isnan(values)]
    if known.size == 0:
        return 0.0
    if parts:
        whole = np.rint(known * parts)
        if np.abs(known * parts - whole).max() < TOLERANCE:
            return spacing(whole) / parts
    if np.abs(known).max() < EXACT and (known == np.rint(known)).all():
        return float(np.gcd.reduce(known.astype(np.int64) - np.int64(known[0])))
    # A few rows show that a long column is continuous, without sorting it.
    if np.unique(known[:1000]).size > MOST_VALUES:
        return 0.0
    distinct = np.unique(known)
    if not 2 <= distinct.size <= MOST_VALUES:
        return 0.0
    return _even(distinct)


def _even(distinct: np.ndarray) -> float:
    """Constant spacing of sorted distinct values, or 0."""
    span = distinct[-1] - distinct[0]
    steps = np.rint(span / np.diff(distinct).min())
    if not steps <= MOST_STEPS:
        return 0.0
    # The whole span knows the spacing better than the smallest gap, which has all the rounding.
    step = span / steps
    at = (distinct - distinct[0]) / step
    off = np.abs(at - np.rint(at)) > TOLERANCE * np.maximum(1.0, at)
    return 0.0 if off.any() else float(step)


def decimals(values: Float[np.ndarray, " n"]) -> int | None:
    """Count the decimals that numbers have at most.

    Parameters
    ----------
    values : array of float, shape (n,)
        Numbers; NaN is ignored.

    Returns
    -------
    int or None
        The count; None for more than eight.

    Examples
    --------
    >>> import numpy as np
    >>> decimals(np.array([1.5, 2.25, np.nan])), decimals(np.array([1 / 3]))
    (2, None)
    """
    known = values[~np.isnan(values)]
    for places in range(MOST_DECIMALS + 1):
        if (np.round(known[:1000], places) == known[:1000]).all() and (
            np.round(known, places) == known
        ).all():
            return places
    return None


def nearest(values: Float[np.ndarray, " p"], known: Float[np.ndarray, " n"]) -> np.ndarray:
    """Replace each number by the nearest of some that are known.

    Parameters
    ----------
    values : array of float, shape (p,)
        Numbers; NaN stays.
    known : array of float, shape (n,)
        The numbers to choose from; NaN is ignored.

    Returns
    -------
    array of float, shape (p,)
        The nearest ones.

    Examples
    --------
    >>> import numpy as np
    >>> nearest(np.array([1.4, 9.0, np.nan]), np.array([1.0, 2.0, np.nan]))
    array([ 1.,  2., nan])
    """
    distinct = np.unique(known[~np.isnan(known)])
    right = np.searchsorted(distinct, values).clip(1, max(len(distinct) - 1, 1))
    right = np.minimum(right, len(distinct) - 1)
    left = np.maximum(right - 1, 0)
    closer = np.where(values - distinct[left] <= distinct[right] - values, left, right)
    return np.where(np.isnan(values), np.nan, distinct[closer])


def toward(
    values: Float[np.ndarray, " p"], start: Float[np.ndarray, " p"], places: int
) -> Float[np.ndarray, " p"]:
    """Give numbers so many decimals, none farther from its start than before.

    Parameters
    ----------
    values : array of float, shape (p,)
        Numbers.
    start : array of float, shape (p,)
        Where each started, with no more decimals.
    places : int
        Decimals.

    Returns
    -------
    array of float, shape (p,)
        The numbers, rounded toward their starts.

    Examples
    --------
    >>> import numpy as np
    >>> toward(np.array([1.27, 1.27]), np.array([1.0, 2.0]), 1)
    array([1.2, 1.3])
    """
    unit = 10.0**-places
    near = np.rint(values / unit)
    farther = np.abs(near * unit - start) > np.abs(values - start) + 1e-9 * unit
    near -= np.where(farther, np.sign(values - start), 0.0)
    return np.round(near * unit, places)
