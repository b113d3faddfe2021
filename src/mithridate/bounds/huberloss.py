"""Huber's loss of the clean rows, and with that of the farthest poison, as convex functions."""

import numpy as np
from jaxtyping import Float

from .distance import LargestResidual
from .newton import Derivatives
from .setting import Setting
from .writable import Writable

Vector = Float[np.ndarray, " k"]
_OUTSIDE_CURVATURE = 0.01  # share of a row's curvature that counts beyond `δ`, where it has none


def huber(away: np.ndarray, delta: float) -> np.ndarray:
    """Huber's loss: half the square up to `delta`, linear beyond.

    Parameters
    ----------
    away : array
        Residuals.
    delta : float
        In the units of the residuals.

    Returns
    -------
    array
        Of the same shape.

    Examples
    --------
    >>> huber(np.array([0.5, -3.0]), 1.0)
    array([0.125, 2.5  ])
    """
    inner = np.minimum(np.abs(away), delta)
    return inner * (np.abs(away) - inner / 2)


class Loss:
    """`F_δ`: the loss of the clean rows, with the penalty.

    Parameters
    ----------
    setting : Setting
        The clean rows.
    penalty : (d + 1,) array
        The penalty on each parameter.
    delta : float
        Residual beyond which the loss is linear.
    """

    def __init__(self, setting: Setting, penalty: Vector, delta: float):
        self.setting, self.P, self.delta = setting, penalty, delta

    def value(self, x: Vector, heat: float) -> float:
        """The value at a plane (d + 1,)."""
        setting = self.setting
        return float(setting.w @ huber(setting.v - setting.Z @ x, self.delta) + self.P @ x**2 / 2)

    def local(self, x: Vector, heat: float) -> Derivatives:
        """The value and its derivatives."""
        setting, delta = self.setting, self.delta
        away = setting.v - setting.Z @ x
        size = np.abs(away)
        inner = np.minimum(size, delta)
        value = float(setting.w @ (inner * (size - inner / 2)) + self.P @ x**2 / 2)
        slope = self.P * x - setting.Z.T @ (setting.w * np.clip(away, -delta, delta))
        curve = setting.w * np.where(
            size <= delta, 1.0, _OUTSIDE_CURVATURE * delta / np.maximum(size, delta)
        )
        bend = setting.Z.T @ (curve[:, None] * setting.Z)
        bend[np.diag_indices(len(x))] += self.P
        return Derivatives(value, slope, bend)


class Level:
    """`c(q) = F_3δ(q) + k h_2δ(D(q))`, with the residual of the farthest row smoothed.

    Parameters
    ----------
    setting : Setting
        The clean rows.
    penalty : (d + 1,) array
        The penalty on each parameter.
    rows : Writable
        What the attacker may write.
    poison : int
        Number of the poison rows.
    delta : float
        `δ`, of the model.
    """

    def __init__(
        self, setting: Setting, penalty: Vector, rows: Writable, poison: int, delta: float
    ):
        self.loss = Loss(setting, penalty, 3 * delta)
        self.distance, self.unit = LargestResidual(rows), rows.unit
        self.poison, self.delta = poison, 2 * delta

    def value(self, x: Vector, heat: float) -> float:
        """The value at a plane (d + 1,)."""
        far = self.distance.largest(x, heat * self.unit)
        return self.loss.value(x, heat) + self.poison * float(huber(np.array(far), self.delta))

    def local(self, x: Vector, heat: float) -> Derivatives:
        """The value and its derivatives."""
        value, slope, bend = self.loss.local(x, heat)
        far, by_q, bent = self.distance.smooth(x, heat * self.unit)
        force = self.poison * min(far, self.delta)
        inside = 1.0 if far <= self.delta else 0.0
        bend = bend + force * bent + self.poison * inside * np.outer(by_q, by_q)
        value += self.poison * float(huber(np.array(far), self.delta))
        return Derivatives(value, slope + force * by_q, bend)


class Pulled:
    """A convex function, and a linear one.

    Parameters
    ----------
    function : Loss or Level
        The convex one.
    pull : (d + 1,) array
        The linear one.
    """

    def __init__(self, function: Loss | Level, pull: Vector):
        self.function, self.pull = function, pull

    def value(self, x: Vector, heat: float) -> float:
        """The value at a plane (d + 1,)."""
        return self.function.value(x, heat) + float(self.pull @ x)

    def local(self, x: Vector, heat: float) -> Derivatives:
        """The value and its derivatives."""
        value, slope, bend = self.function.local(x, heat)
        return Derivatives(value + float(self.pull @ x), slope + self.pull, bend)
