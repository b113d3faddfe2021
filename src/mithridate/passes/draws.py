"""Which rows of a table its samples have."""

import numpy as np

from .rows import dealt

SAMPLE = 1 << 16
"""Rows of a sample at most."""

NUMBERS = 1 << 22
"""Numbers of a sample at most: of rows of more than 64 numbers it has fewer."""


def thinning(n: int, width: int) -> int:
    """Tell of how many rows that are drawn from a table a sample has one.

    Parameters
    ----------
    n : int
        Rows of the table.
    width : int
        Numbers of a row.

    Returns
    -------
    int
        1 where the sample has them all.

    Examples
    --------
    >>> thinning(10**6, 31), thinning(10**6, 275), thinning(1460, 275)
    (1, 5, 1)
    """
    return max(1, -(-min(n, SAMPLE) * width // NUMBERS))


def spaced(
    n: int, start: int = 0, stop: int | None = None, draw: int = 0, thin: int = 1
) -> np.ndarray:
    """Draw the rows of a sample, one of each of equal parts of the table.

    Which row of a part it is, is drawn by the number of the part; so what repeats itself in a table
    every so many rows does not repeat itself in the sample. A second draw has none of the first's
    rows, and none of a part with a single one. Of wide tables a sample has the row of one part of
    `thin` that follow each other, drawn alike, and the second draw that of another of them.

    Parameters
    ----------
    n : int
        Rows of the table.
    start : int, default 0
        The first row to look at.
    stop : int, optional
        The row after the last; None: n.
    draw : int, default 0
        0 for the sample, 1 for as many again.
    thin : int, default 1
        Of how many rows the sample has one; see `thinning`.

    Returns
    -------
    array of int
        The rows of the sample from `start` to `stop`.

    Examples
    --------
    >>> spaced(4), spaced(4, 1, 3), len(spaced(10**6)), len(spaced(4, draw=1))
    (array([0, 1, 2, 3]), array([1, 2]), 65536, 0)
    >>> spaced(8, thin=2), spaced(8, draw=1, thin=2)
    (array([1, 2, 5, 6]), array([0, 3, 4, 7]))
    """
    k, stop = min(n, SAMPLE), n if stop is None else stop
    parts = np.arange(max(start * k // max(n, 1) - 1, 0), min(stop * k // max(n, 1) + 1, k))
    if thin > 1:
        parts, draw = parts[_thinned(parts, draw, thin)], 0
    edges, ends = parts * n // max(k, 1), (parts + 1) * n // max(k, 1)
    place = dealt(parts, 0, ends - edges)
    if draw:
        left = ends - edges > 1
        parts, edges, ends, place = (values[left] for values in (parts, edges, ends, place))
        place = (place + 1 + dealt(parts, draw, ends - edges - 1)) % (ends - edges)
    rows = edges + place
    return rows[(rows >= start) & (rows < stop)]


def _thinned(parts: np.ndarray, draw: int, thin: int) -> np.ndarray:
    """Which parts a sample has, one of every `thin` of them; those of two draws differ."""
    together = parts // thin
    own = dealt(together, 2, thin)
    if draw:
        own = (own + 1 + dealt(together, 3, thin - 1)) % thin
    return parts % thin == own
