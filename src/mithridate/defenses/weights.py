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


def median(values: Float[np.ndarray, " n"], weight: Float[np.ndarray, " n"] | None) -> float:
    """Lower weighted median: a row of weight k counts as k equal rows."""
    ones = np.ones(len(values)) if weight is None else weight
    return float(np.quantile(values, 0.5, weights=ones, method="inverted_cdf"))
