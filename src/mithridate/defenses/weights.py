"""Sample weights: how many times a row counts."""

from typing import Any

import numpy as np
from jaxtyping import Float

from ..errors import InputError


def as_weights(sample_weight: Any, n: int) -> Float[np.ndarray, " n"] | None:
    """Weights of `n` rows as an array, or None where all rows count once."""
    if sample_weight is None:
        return None
    weight = np.asarray(sample_weight, dtype=np.float64)
    if weight.ndim == 0:
        weight = np.full(n, float(weight))
    if weight.shape != (n,):
        raise InputError(
            f"sample_weight has shape {weight.shape}; give one number for each of the {n} rows."
        )
    if not np.isfinite(weight).all() or (weight < 0).any():
        raise InputError("sample_weight must be finite and not negative; drop or mend those rows.")
    if not weight.any():
        raise InputError("sample_weight is zero for every row, so there is nothing to fit.")
    return weight


def quantile(
    values: Float[np.ndarray, " n"], share: float, weight: Float[np.ndarray, " n"]
) -> float:
    """The smallest value up to which there is this share of the weight.

    A row of weight k counts as k equal rows.

    It is NumPy's `quantile` by `inverted_cdf`, whose checks take longer than the sorting.

    >>> quantile(np.array([3.0, 1.0, 2.0]), 0.5, np.array([1.0, 1.0, 0.0]))
    1.0
    >>> rng = np.random.default_rng(0)
    >>> values, weight = rng.normal(size=50).round(1), rng.integers(0, 3, 50) * 1.0
    >>> all(
    ...     quantile(values, q, weight)
    ...     == np.quantile(values, q, weights=weight, method="inverted_cdf")
    ...     for q in np.linspace(0.01, 1.0, 100)
    ... )
    True
    >>> all(
    ...     quantile(values[:n], q, np.ones(n)) == quantile(values[:n], q, np.full(n, 2.0))
    ...     for n in range(1, 50)
    ...     for q in np.linspace(0.0, 1.0, 101)
    ... )
    True
    """
    if (weight == 1.0).all():  # ten times as fast, with the same result
        place = _place(len(values), share)
        return float(np.partition(values, place)[place])
    order = np.argsort(values, kind="stable")
    below = weight[order].cumsum()
    place = int(np.searchsorted(below / below[-1], share))
    return float(values[order[min(place, len(order) - 1)]])


def _place(n: int, share: float) -> int:
    """The first of the numbers k = 0 … n - 1 with `(k + 1) / n >= share`, or the last."""
    place = max(int(share * n) - 2, 0)  # not beyond it, however the product rounds
    while place < n - 1 and (place + 1) / n < share:
        place += 1
    return place


def median(values: Float[np.ndarray, " n"], weight: Float[np.ndarray, " n"] | None) -> float:
    """Lower weighted median: a row of weight k counts as k equal rows."""
    ones = np.ones(len(values)) if weight is None else weight
    return quantile(values, 0.5, ones)
