"""Targets at the ends of their range, where models predict too little, told from errors."""

import numpy as np
from jaxtyping import Bool, Float

Column = Float[np.ndarray, " m"]
Mask = Bool[np.ndarray, " m"]

_END = 0.95  # of the rows: a prediction beyond those of so many is at an end
_LEAP = 2.0  # times as far from the middle as the next target, and a target continues no range


def ends(y: Column, predicted: Column, r: Column, flagged: Mask, w: Column) -> Mask:
    """The flagged rows that are genuine ends of the range, rather than errors.

    Models that have not seen the ends of a range predict too little there. So a target beyond a
    prediction that is itself among the most extreme on that side is none that an error moved to
    where it is: errors strike rows whatever is predicted for them. It must continue the range, no
    farther from the middle than twice the next one.

    Parameters
    ----------
    y, predicted, r : ndarray of shape (m,)
        Targets less their median; what the others predict, on any scale that grows with y; and the
        residuals on that scale.
    flagged : ndarray of bool, shape (m,)
        Rows far off what is predicted for them.
    w : ndarray of shape (m,)
        What each row counts.

    Returns
    -------
    ndarray of bool, shape (m,)
    """
    found = np.zeros_like(flagged)
    for sign in (-1.0, 1.0):
        out = sign * y
        may = flagged & (sign * r > 0) & (_rank(sign * predicted, w) > _END)
        farthest = float(out[~flagged].max(initial=0.0))
        for row in np.flatnonzero(may)[np.argsort(out[may], kind="stable")]:
            if out[row] > _LEAP * farthest:
                break
            farthest = max(farthest, float(out[row]))
            found[row] = True
    return found


def _rank(p: Column, w: Column) -> Column:
    """The share of rows below each, and half of those as high."""
    order = np.argsort(p, kind="stable")
    below = np.append(0.0, np.cumsum(w[order]))
    first, last = (np.searchsorted(p[order], p, side=side) for side in ("left", "right"))
    return (below[first] + below[last]) / (2.0 * below[-1])
