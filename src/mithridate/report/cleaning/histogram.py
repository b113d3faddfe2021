"""How many rows have which score, of any number of rows."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

BINS = 40


class Histogram(NamedTuple):
    """How many kept and rejected rows have scores between edges.

    Parameters
    ----------
    edges : ndarray of float, shape (b + 1,)
        Edges of the bins, ascending; a score at an edge counts below it, and one beyond the last
        edge in the last bin.
    kept, rejected : ndarray of int, shape (b,)
        Rows in each bin.
    """

    edges: Float[np.ndarray, " e"]
    kept: Int[np.ndarray, " b"]
    rejected: Int[np.ndarray, " b"]

    @classmethod
    def of(
        cls, scores: Float[np.ndarray, " n"], kept: Bool[np.ndarray, " n"], threshold: float
    ) -> "Histogram | None":
        """Count the scores of all rows of a table.

        Parameters
        ----------
        scores : ndarray of float, shape (n,)
            A score for each row; those that are not finite are left out.
        kept : ndarray of bool, shape (n,)
            Whether each row was kept.
        threshold : float
            The score above which a row was rejected; NaN where there is none.

        Returns
        -------
        Histogram or None
            The counts; None where no score is finite.
        """
        edges = score_edges(scores, threshold)
        if edges is None:
            return None
        return cls(edges, *(score_counts(scores[rows], edges) for rows in (kept, ~kept)))


def score_counts(
    scores: Float[np.ndarray, " n"], edges: Float[np.ndarray, " e"]
) -> Int[np.ndarray, " b"]:
    """Count scores between edges.

    Parameters
    ----------
    scores : ndarray of float, shape (n,)
        The scores; those that are not finite are left out.
    edges : ndarray of float, shape (b + 1,)
        The edges, as of `Histogram`.

    Returns
    -------
    ndarray of int, shape (b,)
        How many there are in each bin.

    Examples
    --------
    >>> score_counts(np.array([0.0, 1.0, 1.5, 9.0, np.nan]), np.array([0.0, 1.0, 2.0]))
    array([2, 2])
    """
    # A score at the threshold is below it, and one beyond the last edge goes into the last bin.
    place = np.searchsorted(edges, scores[np.isfinite(scores)]) - 1
    return np.bincount(np.clip(place, 0, len(edges) - 2), minlength=len(edges) - 1)


def score_edges(
    scores: Float[np.ndarray, " n"], threshold: float
) -> Float[np.ndarray, " e"] | None:
    """Choose the edges of the bins: the threshold is one, and a far tail is not drawn out.

    Parameters
    ----------
    scores : ndarray of float, shape (n,)
        Scores of rows, or of a sample of them.
    threshold : float
        The score above which a row was rejected; NaN where there is none.

    Returns
    -------
    ndarray of float, shape (b + 1,), or None
        The edges; None where no score is finite.
    """
    scores = scores[np.isfinite(scores)]
    if not scores.size:
        return None
    low, high = float(scores.min()), float(scores.max())
    if not np.isfinite(threshold) or threshold <= low:
        threshold = np.nan
    # Where nothing was rejected, the threshold is beyond all scores, and still worth seeing.
    far = np.nanmax([low + 4 * (threshold - low), low + 2 * (np.quantile(scores, 0.98) - low)])
    end = max(min(high, far), np.nan_to_num(threshold, nan=low))
    if end <= low:
        return np.array([low - 0.5, low + 0.5])
    edges = np.linspace(low, end, BINS + 1)
    below = round(BINS * (threshold - low) / (end - low)) if np.isfinite(threshold) else 0
    if below:
        width = (threshold - low) / below
        edges = low + width * np.arange(below + max(0, round((end - threshold) / width)) + 1)
        edges[below] = threshold
    return edges
