"""What poison does at most that replaces rows of the table: `k` of them go, and `k` others come.

With `A`, `θ₀` and the residuals `r` of all clean rows, `H = ZA⁻¹Zᵀ`, `a = Z(θ₀ - q)/2` and `w =
θ - (θ₀ + q)/2`, every fit `θ` obeys

    (1 - κ) ‖w‖²_A - σ ‖w‖_A <= ¼ (k D(q)² + ‖θ₀ - q‖²_A) + top-k Σ (-a_j² - a_j r_j)₊,

where for all sets `R` of `k` rows `κ` is at least the largest eigenvalue of `H_R`, and `σ²` at
least `r_Rᵀ H_R r_R`. For the rows that go add `Σ τ_j² - τ_j r_j - a_j² - a_j r_j`, `τ = Zw`, to
what the added rows do. Where `κ` reaches 1, `k` rows could hold a direction of the table
alone, and nothing is proved.
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np
import scipy.linalg
from jaxtyping import Float

from .certificate import UNIT, certified_within, farthest_surely, gamma
from .dual import Whitened, Witness, multiplier, search
from .intervals import Ball
from .pairs import best_others, blocks, over_sets, top
from .setting import Setting
from .writable import Writable

Vector = Float[np.ndarray, " k"]
MOST_PAIRS = 6000  # rows beyond which pairs of rows are not compared
_MARGIN = 1e-9  # of each bound on a sum over rows, and more where A is badly conditioned
_SHARES = (1.0, 0.85, 0.7, 0.5, 0.3, 0.1, 0.0)  # of the way from the clean fit to a plane


class Removed(NamedTuple):
    """What taking 1, 2, … clean rows away can do: `κ` and `σ` of the theorem, from above."""

    kappa: Vector
    sigma: Vector


class Replaced(NamedTuple):
    """An upper bound on the error, and the witness that proves it.

    Parameters
    ----------
    bound : float
        Mean squared error on the judged rows; infinite where nothing is proved.
    witness : Witness
        From which `Replacing.proved` computes it again.
    """

    bound: float
    witness: Witness


class Replacing:
    """Bounds for poison that replaces clean rows of a table.

    Parameters
    ----------
    setting : Setting
        Training and judged rows, each clean row of weight 1.
    rows : Writable
        What the attacker may write. Any rows may be those that go.
    most : int
        The largest number of replaced rows that is asked for.

    Examples
    --------
    >>> X, y = np.linspace(0, 1, 20)[:, None], np.tile([0.0, 1.0], 10)
    >>> about = Replacing(Setting(X, y, X, y, l2=1.0), Writable.box(X, y), 3)
    >>> about.most, round(about.prove(1).bound, 3)
    (3, 0.255)
    """

    def __init__(self, setting: Setting, rows: Writable, most: int):
        self.setting, self.rows = setting, rows
        self._asked = min(most, len(setting.v) - 1)
        self._ball = Ball.of(setting, 0) if (setting.w == 1).all() and self._asked > 0 else None

    @cached_property
    def most(self) -> int:
        """The most replaced rows, up to those asked for, for which anything can be proved."""
        return 0 if self._ball is None else int(np.count_nonzero(self._lost.kappa < 1))

    def prove(self, k: int) -> Replaced:
        """The best upper bound found on the error with `k` replaced rows, and its witness.

        Parameters
        ----------
        k : int
            Number of rows that are replaced.

        Returns
        -------
        Replaced
            Infinite above `most`.
        """
        fit = self.setting.fit(0)._replace(poison=float(k))
        best = Replaced(np.inf, Witness(fit.theta, np.inf))
        if not 0 < k <= self.most:
            return best
        start, white = search(self.setting, self.rows, fit), Whitened.of(self.setting, fit)
        for share in _SHARES:
            q = fit.theta + share * (start.q - fit.theta)
            far = 2 * np.sqrt(max(self._reach(k, q), 0.0) / k)
            one = Witness(q, multiplier(white, q, far))
            bound = self.proved(k, one)
            best = Replaced(bound, one) if bound < best.bound else best
        return best

    def proved(self, k: int, witness: Witness) -> float:
        """The upper bound on the error with `k` replaced rows that a witness proves.

        Parameters
        ----------
        k : int
            Number of rows that are replaced.
        witness : Witness
            Any `q` and `μ`.

        Returns
        -------
        float
            Mean squared error on the judged rows; infinite where nothing is proved.
        """
        usable = np.isfinite(witness.q).all() and 0 < witness.mu < np.inf
        if not (usable and 0 < k <= self.most):
            return np.inf
        reach = self._reach(k, witness.q)
        return certified_within(self.setting, witness, reach) if reach < np.inf else np.inf

    def moved(self, k: int, directions: Float[np.ndarray, "m k"]) -> np.ndarray:
        """Bound each of several `aᵀθ` from below and from above.

        Parameters
        ----------
        k : int
            Number of rows that are replaced, 1 or more.
        directions : (m, d + 1) array
            A direction `a` in each row.

        Returns
        -------
        (m, 2) array
            The least and the most that each can be; infinite where nothing is proved.
        """
        if not 0 < k <= self.most:
            return np.tile([-np.inf, np.inf], (len(directions), 1))
        ball, low, high = self._ball, -np.inf, np.inf
        assert ball is not None
        length = np.array([ball.length(a) for a in directions])
        for q in (ball.theta, self.prove(k).witness.q):
            far = length * (self._radius(k, q) + ball.astray) * (1 + _MARGIN)
            size = np.abs(directions) @ (np.abs(ball.theta) + np.abs(q))
            middle, far = directions @ (ball.theta + q) / 2, far + gamma(4 * len(q) + 20) * size
            low, high = np.maximum(low, middle - far), np.minimum(high, middle + far)
        return np.column_stack([low, high])

    @property
    def ends(self) -> str:
        """How far the theorem reaches, in a sentence."""
        n = len(self.setting.v)
        return (
            f"Of rows that replace clean ones the theorem covers up to {self.most} of {n}: more "
            "could hold a direction of the table alone."
        )

    def safe_rows(self, limit: float) -> int:
        """Give the largest number of rows that, with all smaller ones, cannot pass a limit.

        Parameters
        ----------
        limit : float
            Mean squared error on the judged rows, in squared units of the target.

        Returns
        -------
        int
            For each number from 1 to this one there is a proof of its own.
        """
        fails = (k for k in range(1, self.most + 1) if self.prove(k).bound > limit)
        return next(fails, self.most + 1) - 1

    def _reach(self, k: int, q: Vector) -> float:
        """The most that `(θ - q)ᵀ A (θ - θ₀)` can be with `k` replaced rows."""
        ball, t = self._ball, self._radius(k, q)
        assert ball is not None
        # ‖θ₀ - q‖ from below: what `away` adds for rounding is subtracted twice.
        exact = np.sqrt(max((ball.theta - q) @ ball.A @ (ball.theta - q), 0.0))
        least = max(2 * exact - ball.away(q), 0.0)
        return float(t**2 - least**2 / 4 + _MARGIN * t**2)

    def _radius(self, k: int, q: Vector) -> float:
        """The most that `‖w‖_A` can be with `k` replaced rows."""
        ball, (kappa, sigma) = self._ball, (one[k - 1] for one in self._lost)
        assert ball is not None
        r, off, length = self._residuals
        a = self.setting.Z @ (ball.theta - q) / 2
        size = np.abs(self.setting.Z) @ (np.abs(ball.theta) + np.abs(q))
        wrong = gamma(4 * len(q) + 20) * size + length * ball.astray
        slack = (2 * np.abs(a) + np.abs(r) + off + wrong) * wrong + np.abs(a) * off
        removed = float(top(np.maximum(-(a**2) - a * r, 0.0) + slack, k)[-1])
        away = ball.away(q)
        level = ((k * farthest_surely(self.rows, q) ** 2 + away**2) / 4 + removed) * (1 + _MARGIN)
        room = 1 - kappa
        return float((sigma + np.sqrt(sigma**2 + 4 * room * level)) / (2 * room))

    @cached_property
    def _residuals(self) -> tuple[Vector, Vector, Vector]:
        """Residuals of the clean rows, how wrong they may be, and `‖z‖_{A⁻¹}`."""
        ball, setting = self._ball, self.setting
        assert ball is not None
        x = scipy.linalg.solve_triangular(ball.root, setting.Z.T, lower=True).T
        length = np.sqrt((x**2).sum(axis=1)) * self._raise
        size = np.abs(setting.Z) @ np.abs(ball.theta) + np.abs(setting.v)
        off = gamma(4 * len(ball.theta) + 20) * size + length * ball.astray
        return setting.v - setting.Z @ ball.theta, off, length

    @property
    def _raise(self) -> float:
        """A margin for leverages: they are wrong by a Cholesky factor's share of the condition."""
        ball = self._ball
        assert ball is not None
        return 1 + _MARGIN + 100 * len(ball.theta) * UNIT * float(np.trace(ball.A)) / ball.least

    @cached_property
    def _lost(self) -> Removed:
        """What taking any 1, 2, … rows away can do, from above, with a margin for rounding."""
        ball, k = self._ball, self._asked
        assert ball is not None
        r, off, _ = self._residuals
        x = scipy.linalg.solve_triangular(ball.root, self.setting.Z.T, lower=True).T
        leverage, n = (x**2).sum(axis=1), len(r)
        kappa, own = top(leverage, k), top(np.abs(r) * np.sqrt(leverage), k) ** 2
        square = np.minimum(kappa * top(r**2, k), own)
        if n <= MOST_PAIRS:
            widest, forces = _paired(x, r, k)
            kappa, square = np.minimum(kappa, widest), np.minimum(square, forces)
        count = np.arange(1, k + 1)
        sigma = np.sqrt(np.maximum(square, 0.0)) + np.sqrt(count) * off.max()
        return Removed(kappa * self._raise**2, sigma * self._raise)


def _paired(x: Float[np.ndarray, "n d"], r: Vector, k: int) -> tuple[Vector, Vector]:
    """Bounds on `λmax(H_R)` and `r_Rᵀ H_R r_R` for 1, 2, … `k` rows, by pairs of rows."""
    sizes, squares, forces = (np.empty((len(x), k)) for _ in range(3))
    for at in blocks(len(x)):
        cross = x[at] @ x.T
        own = np.arange(len(at)), at
        pulls = cross * np.outer(r[at], r)
        diagonal = cross[own].copy(), pulls[own].copy()
        sizes[at] = diagonal[0][:, None] + best_others(np.abs(cross), own, k)
        squares[at] = (diagonal[0] ** 2)[:, None] + best_others(cross**2, own, k)
        forces[at] = diagonal[1][:, None] + best_others(pulls, own, k)
    return np.minimum(sizes.max(axis=0), np.sqrt(over_sets(squares))), over_sets(forces)
