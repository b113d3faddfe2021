"""How the undefended error grows, in logarithms, so that means of it are geometric."""

import numpy as np

from . import text
from .frame import Cube
from .intervals import Values, over

DAMAGE = ("nmse_clean", "nmse_poisoned")  # the figures that growth is computed from
LITTLE = 1.1  # an error that grew by less than a tenth: the poison did little


def growth(x: Values) -> np.ndarray:
    """Take the log of the undefended error over the clean one.

    Parameters
    ----------
    x : dict of str to array
        The figures `DAMAGE`.

    Returns
    -------
    array
        The log.
    """
    return log(x["nmse_poisoned"]) - log(x["nmse_clean"])


def log(values: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(values, 1e-12))


def factor(value: float) -> str:
    """Write a difference of logs as a factor.

    Parameters
    ----------
    value : float
        The difference.

    Returns
    -------
    str
        The factor; a dash where there is none.
    """
    return text.times(float(np.exp(value))) if np.isfinite(value) else "–"


def trajectories(cube: Cube) -> np.ndarray:
    """Average the log growth of the error and the log risk over the tables.

    Parameters
    ----------
    cube : Cube
        The figures.

    Returns
    -------
    array, shape (2, alphas, ratios)
        Growth and risk.
    """

    def both(x: Values) -> np.ndarray:
        return np.stack([over(growth(x), 1), over(log(x["risk"]), 1)], axis=1)

    return cube.point(both)
