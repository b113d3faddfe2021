"""How the undefended error grows, in logarithms, so that means of it are geometric."""

import numpy as np

from . import text
from .frame import Cube
from .intervals import Values, over

DAMAGE = ("nmse_clean", "nmse_poisoned")  # the figures that growth is computed from
LITTLE = 1.1  # an error that grew by less than a tenth: the poison did little


def growth(x: Values) -> np.ndarray:
    """Log of the undefended error over the clean one."""
    return log(x["nmse_poisoned"]) - log(x["nmse_clean"])


def log(values: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(values, 1e-12))


def factor(value: float) -> str:
    """A difference of logs as a factor."""
    return text.times(float(np.exp(value))) if np.isfinite(value) else "–"


def trajectories(cube: Cube) -> np.ndarray:
    """Log growth of the error and log risk, meant over the tables: (2, alphas, ratios)."""

    def both(x: Values) -> np.ndarray:
        return np.stack([over(growth(x), 1), over(log(x["risk"]), 1)], axis=1)

    return cube.point(both)
