"""Whether two samples come from one distribution, column by column, and all columns together."""

import numpy as np
from jaxtyping import Float
from scipy.special import gammaln
from scipy.stats import kstwo

from .base import Column


def p_values(
    suspect: Float[np.ndarray, "n k"], weight: Column, clean: Float[np.ndarray, "m k"]
) -> Float[np.ndarray, " k"]:
    """p of the two-sample test of Kolmogorov and Smirnov in each column.

    A row of weight k counts as k rows.
    """
    n, m = float(weight.sum()), float(len(clean))
    step = np.concatenate([weight / n, np.full(len(clean), -1.0 / m)])
    distance = np.empty(suspect.shape[1])
    for j in range(len(distance)):
        values = np.concatenate([suspect[:, j], clean[:, j]])
        order = np.argsort(values)
        ahead, values = np.cumsum(step[order]), values[order]
        # Among equal values the difference of the two distributions is not yet seen.
        seen = np.append(values[1:] > values[:-1], True)
        distance[j] = np.abs(ahead[seen]).max()
    p = kstwo.sf(distance, max(round(n * m / (n + m)), 1))
    # The approximation promises far too much of few rows: the least there can be is 2 / C(n+m, m).
    return np.maximum(p, 2.0 * np.exp(gammaln(n + 1) + gammaln(m + 1) - gammaln(n + m + 1)))


def holm(p: np.ndarray) -> np.ndarray:
    """All p corrected together: the chance of any rejection in error is what each then says."""
    order = np.argsort(p, axis=None)
    corrected = p.ravel()[order] * np.arange(p.size, 0, -1)
    result = np.empty(p.size)
    result[order] = np.clip(np.maximum.accumulate(corrected), 1e-300, 1.0)
    return result.reshape(p.shape)
