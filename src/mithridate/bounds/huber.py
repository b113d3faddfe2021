"""How far poison can push a prediction or a coefficient of Huber regression, whatever it says.

The model minimizes `Σ h_δ(v - zᵀη) + ½ ‖η‖²_P` with `h_δ(r) = r²/2` up to `δ` and `δ |r| - δ²/2`
beyond; `δ` is fixed, not fitted with the model. With `F_δ` this loss of the clean rows, every fit
`θ` with `k` poison rows obeys, for every `q`,

    F_δ(2θ - q) <= F_3δ(q) + k h_2δ(D(q)) = c(q).

So `aᵀθ <= ½ (aᵀq + max aᵀη)` over all `η` with `F_δ(η) <= c(q)`. By the dual of `h_δ`, for any
`μ > 0` and any `s` with `|s_i| <= δ`, that maximum is at most the largest value over `η` of

    aᵀη + μ (c(q) - Σ (s_i (v_i - z_iᵀη) - s_i²/2) - ½ ‖η‖²_P),

which is a formula. `q`, `μ` and `s` are searched; the value is proved with its rounding.
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ..errors import InputError
from .certificate import UNIT, farthest_surely, gamma
from .huberloss import Level, Loss, Pulled, huber
from .newton import minimized
from .setting import Setting
from .writable import Writable

Vector = Float[np.ndarray, " k"]
Matrix = Float[np.ndarray, "n k"]
HEATS = (1e-2, 1e-3, 1e-4)  # of the smoothed residual, in target ranges
WARM = HEATS[-1:]
EXACT = (1e-8,)  # the loss of the clean rows needs no smoothing
_MAX_TRIES = 8  # values of `μ`; one or two are usual with the `μ` of another direction
_TOLERANCE = 0.05  # of the interval, in the slope of the bound: a better `μ` gains .1 % at most
_MAX_LOG_STEP = 1.0  # step of log `μ`
_MAX_PULL_SHARE = 0.999  # of the largest pull on the intercept that the clean rows can balance


class HuberWitness(NamedTuple):
    """What proves an end of an interval: anyone can recheck it with `HuberFits.proven`.

    Parameters
    ----------
    q : (d + 1,) array
        Slopes and, last, the intercept of a plane.
    mu : float
        The multiplier, positive.
    eta : (d + 1,) array
        A plane; residuals from it, cut off at `δ`, are the dual variables `s`.
    """

    q: Vector
    mu: float
    eta: Vector


class HuberProof(NamedTuple):
    """What proves an error: for each judged row, how low and how high its prediction can go.

    Parameters
    ----------
    below, above : tuple of HuberWitness
        One for each judged row.
    """

    below: tuple[HuberWitness, ...]
    above: tuple[HuberWitness, ...]


class HuberFits:
    """The Huber regressions that so many poison rows can bring about.

    Parameters
    ----------
    setting : Setting
        Training and judged rows. The penalty is that of ridge: the loss of a row is `2 h_δ`, which
        is the squared residual up to `δ`.
    rows : Writable
        What the attacker may write.
    poison : int
        Number of the poison rows.
    delta : float
        Residual beyond which the loss is linear, positive, in units of the target.

    Examples
    --------
    Two clean targets of 0, and one that poison may put anywhere between -1 and 1:

    >>> import numpy as np
    >>> X, y = np.zeros((2, 1)), np.zeros(2)
    >>> setting = Setting(X, y, X, y, l2=1.0)
    >>> wide = Writable.box(X, y)._replace(lower=np.array([0, -1.0]), upper=np.array([0, 1.0]))
    >>> fits = HuberFits(setting, wide, 1, 0.25)
    >>> round(fits.highest(np.array([0.0, 1.0])), 3)
    0.438
    """

    def __init__(self, setting: Setting, rows: Writable, poison: int, delta: float):
        if not 0 < delta < np.inf:
            raise InputError(f"delta={delta:g} is not a positive number; give one.")
        self.setting, self.rows, self.poison, self.delta = setting, rows, poison, float(delta)
        self.P, self.total = setting.penalty(poison), float(setting.w.sum())
        self._last: tuple[HuberWitness, float] | None = None

    def fit(self, X: Matrix, y: Vector) -> Vector:
        """Fit the clean rows together with poison.

        Parameters
        ----------
        X, y : (k, d) and (k,) array
            The poison rows.

        Returns
        -------
        (d + 1,) array
            Slopes and, last, the intercept.
        """
        old = self.setting
        Z, v = np.vstack([old.Z[:, :-1], X]), np.concatenate([old.v, y])
        weight = np.concatenate([old.w, np.ones(len(y))])
        both = Setting(Z, v, old.M[:, :-1], old.u, l2=old.l2, weight=weight)
        loss = Loss(both, both.penalty(self.poison - len(y)), self.delta)
        return minimized(loss, both.fit(0).theta, EXACT, self._size)

    def highest(self, a: Vector) -> float:
        """The most that `aᵀθ` can be: a proven upper bound.

        Parameters
        ----------
        a : (d + 1,) array
            A row `(x, 1)` for its prediction, a unit vector for a coefficient.

        Returns
        -------
        float
            In units of the prediction or the coefficient.
        """
        return self.proven(a, self.searched(a)) if np.any(a) else 0.0

    def moved(self, directions: Float[np.ndarray, "m k"]) -> np.ndarray:
        """Bound each of several `aᵀθ` from below and from above.

        Parameters
        ----------
        directions : (m, d + 1) array
            A direction `a` in each row.

        Returns
        -------
        (m, 2) array
            The least and the most that each can be.
        """
        ends = np.empty((len(directions), 2))
        for column, sign in ((0, -1.0), (1, 1.0)):
            self._last = None  # the other side has planes of its own
            ends[:, column] = [sign * self.highest(sign * a) for a in directions]
        return ends

    def prove(self) -> tuple[float, HuberProof]:
        """Bound the error by how far every judged prediction can move by itself.

        Returns
        -------
        float
            Mean squared error on the judged rows that no poison exceeds. Predictions do not all
            move farthest at once, so that it is loose.
        HuberProof
            What `proved` checks.
        """
        ends = []
        for sign in (-1.0, 1.0):
            self._last = None
            ends.append(tuple(self.searched(sign * a) for a in self.setting.M))
        proof = HuberProof(*ends)
        return self.proved(proof), proof

    def proved(self, proof: HuberProof) -> float:
        """The error that a proof proves, computed anew.

        Parameters
        ----------
        proof : HuberProof
            Anything that has the form of one.

        Returns
        -------
        float
            Mean squared error on the judged rows.
        """
        M, u = self.setting.M, self.setting.u
        high = np.array([self.proven(a, one) for a, one in zip(M, proof.above, strict=True)])
        low = np.array([-self.proven(-a, one) for a, one in zip(M, proof.below, strict=True)])
        return float(np.mean(np.maximum(u - low, high - u) ** 2) * (1 + gamma(len(u) + 8)))

    def proven(self, a: Vector, witness: HuberWitness) -> float:
        """The bound on `aᵀθ` that a witness proves, with its rounding.

        Parameters
        ----------
        a : (d + 1,) array
            A direction.
        witness : HuberWitness
            Any numbers of its form; worse ones prove less, never something wrong.

        Returns
        -------
        float
            In units of `aᵀθ`; infinite where nothing is proved.
        """
        (q, mu, eta), setting, P = witness, self.setting, self.P[:-1]
        if not (0 < mu < np.inf and np.isfinite(q).all() and np.isfinite(eta).all()):
            return np.inf
        level = self._level_surely(q)
        s = self._dual(eta, a[-1] / mu)
        Z, v, ws, fuzz = setting.Z, setting.v, setting.w * s, gamma(4 * sum(setting.Z.shape) + 40)
        slope, size = a + mu * (Z.T @ ws), np.abs(a) + mu * (np.abs(Z).T @ np.abs(ws))
        slope = np.abs(slope) + fuzz * size
        worth, worth_size = ws @ v - ws @ s / 2, np.abs(ws) @ np.abs(v) + np.abs(ws) @ np.abs(s)
        value = mu * level + (slope[:-1] ** 2 / (2 * mu * P)).sum() * (1 + fuzz)
        value += a @ q - mu * worth + fuzz * (np.abs(a) @ np.abs(q) + mu * worth_size)
        value += slope[-1] * self._intercept_at_most(level)
        return float((value + fuzz * abs(value)) / 2 * (1 + 16 * UNIT))

    def searched(self, a: Vector) -> HuberWitness:
        """Search a good witness for `proven`.

        For a fixed `μ` both `q` and `η` are convex problems of their own, and the bound falls with
        `1/μ` as long as `c(q)` exceeds `F_δ(η)`.

        Parameters
        ----------
        a : (d + 1,) array
            A direction that is not 0.

        Returns
        -------
        HuberWitness
            The best found.
        """
        size = self._length(a)
        scale = 1 / size if self._last is None else self._last[1] / size
        most = _MAX_PULL_SHARE * self.total * self.delta / abs(a[-1]) if a[-1] else np.inf
        q, eta = (None, None) if self._last is None else (self._last[0].q, self._last[0].eta)
        pull = min(scale if self._last else self._first_pull(size), most)
        best, least, low, high = None, np.inf, 0.0, most
        for _ in range(_MAX_TRIES):
            q, eta = self._minima(pull * a, q, eta)
            over = (self._level(q) - self._clean.value(eta, 0.0)) / pull
            value = float(a @ (q + eta) + over) / 2
            if value < least:
                best, least = (HuberWitness(q, 1 / pull, eta), pull * size), value
            width = abs(a @ (eta - self._middle))
            if not abs(over) > _TOLERANCE * width:
                break
            low, high = (pull, high) if over > 0 else (low, pull)
            # Newton's step for a bound of the form αt + β/t, which is that of ridge.
            wanted = pull * np.exp(np.clip(over / width, -_MAX_LOG_STEP, _MAX_LOG_STEP))
            pull = float(wanted if low < wanted < high else (np.sqrt(low * high) or wanted))
            if not low < pull < high:
                break
        assert best is not None
        self._last = best
        return best[0]

    @cached_property
    def _middle(self) -> Vector:
        """The clean fit."""
        return minimized(self._clean, self.setting.fit(self.poison).theta, EXACT, self._size)

    @cached_property
    def _size(self) -> float:
        """The unit of the loss."""
        return float(self.total + self.poison) * self.delta * min(self.rows.unit, self.delta)

    @cached_property
    def _clean(self) -> Loss:
        return Loss(self.setting, self.P, self.delta)

    @cached_property
    def _upper(self) -> Level:
        return Level(self.setting, self.P, self.rows, self.poison, self.delta)

    @cached_property
    def _nearest(self) -> Vector:
        """The plane of the least level."""
        return minimized(self._upper, self._middle, HEATS, self._size)

    def _level(self, q: Vector) -> float:
        return self._upper.value(q, 0.0)

    def _length(self, a: Vector) -> float:
        """The length of a direction in the metric of the ridge with the same penalty."""
        return float(np.sqrt(a @ np.linalg.solve(self.setting.fit(self.poison).A, a)))

    def _first_pull(self, size: float) -> float:
        """`1/μ` for a loss without corners."""
        over = self._level(self._nearest) - self._clean.value(self._middle, 0.0)
        return float(np.sqrt(2 * max(over, 1e-12 * self._size))) / size

    def _minima(self, pull: Vector, q: Vector | None, eta: Vector | None) -> tuple[Vector, Vector]:
        """The planes `q` and `η` for a direction times `1/μ`."""
        low, high = Pulled(self._upper, pull), Pulled(self._clean, -pull)
        heats = HEATS if q is None else WARM
        q = minimized(low, self._nearest if q is None else q, heats, self._size)
        return q, minimized(high, self._middle if eta is None else eta, EXACT, self._size)

    def _dual(self, eta: Vector, pull: float) -> Vector:
        """The `s` of a plane, which add up to what the direction asks of the intercept."""
        setting, delta = self.setting, self.delta
        s = np.clip(setting.v - setting.Z @ eta, -delta, delta)
        for _ in range(3):
            rest = pull + setting.w @ s
            free = s != -np.sign(rest) * delta  # those that can give way
            room = float(setting.w @ free)
            if room <= 0:
                break
            s = np.clip(s - np.where(free, rest / room, 0.0), -delta, delta)
        return s

    def _level_surely(self, q: Vector) -> float:
        """`c(q)` from above."""
        setting, delta = self.setting, self.delta
        fuzz = gamma(4 * sum(setting.Z.shape) + 40)
        size = np.abs(setting.Z) @ np.abs(q) + np.abs(setting.v)
        away = np.abs(setting.v - setting.Z @ q) + fuzz * size
        clean = setting.w @ huber(away, 3 * delta) + self.P @ q**2 / 2
        poison = huber(np.array(farthest_surely(self.rows, q)), 2 * delta)
        return float((clean + self.poison * poison) * (1 + fuzz))

    def _intercept_at_most(self, level: float) -> float:
        """The largest intercept of a plane with a loss up to a level.

        Its slopes are short by the penalty, and some row is no farther than the mean loss says.
        """
        setting = self.setting
        mean = level / self.total
        away = max(np.sqrt(2 * mean), mean / self.delta + self.delta / 2)
        long = np.sqrt((setting.Z[:, :-1] ** 2).sum(axis=1).max())
        slope = np.sqrt(2 * level / self.P[0]) if len(self.P) > 1 else 0.0
        return float(2 * (away + np.abs(setting.v).max() + long * slope))
