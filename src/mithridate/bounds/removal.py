"""Rows of a least-squares fit whose removal moves one number of it: so many suffice.

The number is `aᵀθ`: a coefficient, or a prediction. Fixed effects are absorbed: rows and target
are taken less their group's mean, which gives the same slopes as a column for each group. With
`α_i = z_iᵀA⁻¹a`, residual `r_i` and leverage `h_i`, leaving row `i` out changes `aᵀθ` by
`-α_i r_i / (1 - h_i)`, the sum of squares by `-r_i² / (1 - h_i)` and `aᵀA⁻¹a` by
`α_i² / (1 - h_i)`, all exactly. `greedy` takes the best row, refits, and goes on; `first_order`
takes the rows in the order of `α_i r_i` alone (AMIP: Broderick, Giordano and Meager, "An automatic
finite-sample robustness metric", 2020) and refits without them.
"""

from typing import Any, NamedTuple

import numpy as np
import scipy.stats
from jaxtyping import Float, Int

from .effect import Effect, State, within

Vector = Float[np.ndarray, " n"]
Labels = Int[np.ndarray, " n"]
_CANDIDATES = 8  # rows that are refitted exactly, where a row's score is only approximate


class TTest(NamedTuple):
    """The t test of a coefficient: classical, or with clustered standard errors.

    Parameters
    ----------
    clusters : (n,) array of int, optional
        The cluster of each row, or None.
    level : float
        Level of significance, in (0, 1).
    """

    clusters: Labels | None
    level: float

    def t(self, state: State) -> float:
        """Give the coefficient over its standard error.

        Parameters
        ----------
        state : State
            The fit.

        Returns
        -------
        float
            The t value.
        """
        error = np.sqrt(self._variance(state))
        return float(state.value / error) if error > 0 else np.inf * np.sign(state.value)

    def significant(self, state: State) -> bool:
        """Whether the coefficient differs from zero at the level.

        Parameters
        ----------
        state : State
            The fit.

        Returns
        -------
        bool
            True where it does.
        """
        limit = scipy.stats.t.ppf(1 - self.level / 2, self._freedom(state))
        return bool(abs(self.t(state)) > limit)

    def p(self, state: State) -> float:
        """Probability of so large a t value where the effect is nil.

        Parameters
        ----------
        state : State
            The fit.

        Returns
        -------
        float
            The p value, two-sided.
        """
        return float(2 * scipy.stats.t.sf(abs(self.t(state)), self._freedom(state)))

    def without(self, state: State) -> Vector:
        """Give `|t|` after each row is left out alone: exact; nearly so with clusters.

        Parameters
        ----------
        state : State
            The fit.

        Returns
        -------
        (m,) array
            The values; infinite where a row cannot be left out.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.clusters is None:
                rest = state.residual @ state.residual - state.residual**2 / state.room
                spread = state.spread + state.alpha**2 / state.room
                variance = np.maximum(rest, 0.0) / max(state.freedom - 1, 1) * spread
            else:
                score = state.alpha * state.residual
                own = self.clusters[state.rows]
                total = np.bincount(own, score)
                left = total[own] - score / state.room
                variance = (total @ total - total[own] ** 2 + left**2) * self._factor(state)
            return np.where(
                state.room > 0, np.abs(state.without()) / np.sqrt(variance), np.inf
            )  # fmt: skip

    def _freedom(self, state: State) -> int:
        if self.clusters is None:
            return max(state.freedom, 1)
        return max(len(np.unique(self.clusters[state.rows])) - 1, 1)

    def _factor(self, state: State) -> float:
        assert self.clusters is not None
        m, count = len(state.rows), len(np.unique(self.clusters[state.rows]))
        return count / max(count - 1, 1) * (m - 1) / max(state.freedom, 1)

    def _variance(self, state: State) -> float:
        if self.clusters is None:
            squares = float(state.residual @ state.residual)
            return squares / max(state.freedom, 1) * state.spread
        total = np.bincount(self.clusters[state.rows], state.alpha * state.residual)
        return float(total @ total) * self._factor(state)


class RemovalPath(NamedTuple):
    """Rows in the order of their removal, and the states before and after each of them.

    Parameters
    ----------
    rows : (r,) array of int
        The rows.
    states : list of State
        One more than rows.
    reached : bool
        Whether the goal was.
    """

    rows: Labels
    states: list[State]
    reached: bool


def greedy(effect: Effect, fall: float, *, most: int | None = None) -> RemovalPath:
    """Remove the row that moves the number farthest, refit, and go on until it moved enough.

    Parameters
    ----------
    effect : Effect
        The number.
    fall : float
        By how much it is to fall, or to rise where this is negative; the goal is to go beyond.
    most : int, optional
        Rows to remove at most; by default a half of them.

    Returns
    -------
    RemovalPath
        The rows, and whether they suffice.
    """
    sign, start = np.sign(fall), effect.value

    def best(state: State) -> int:
        return int(np.nanargmin(sign * state.without()))

    def reached(state: State) -> bool:
        return bool(sign * (start - state.value) > abs(fall))

    return _removed_one_by_one(effect, best, reached, most)


def insignificant(effect: Effect, test: TTest, *, most: int | None = None) -> RemovalPath:
    """Remove the row that leaves the smallest |t|, refit, until the number is not significant.

    Parameters
    ----------
    effect : Effect
        The number.
    test : TTest
        What counts as significant.
    most : int, optional
        Rows to remove at most; by default a half of them.

    Returns
    -------
    RemovalPath
        The rows, and whether they suffice.
    """

    def best(state: State) -> int:
        after = test.without(state)
        if test.clusters is None:
            return int(np.argmin(after))
        tried = np.argsort(after)[:_CANDIDATES]
        rest = [State.of(effect, np.delete(state.rows, at)) for at in tried]
        return int(tried[np.argmin([abs(test.t(one)) for one in rest])])

    return _removed_one_by_one(effect, best, lambda state: not test.significant(state), most)


def _removed_one_by_one(effect: Effect, best, reached, most: int | None) -> RemovalPath:
    state = State.of(effect, np.arange(len(effect.y)))
    states, removed = [state], []
    for _ in range(len(effect.y) // 2 if most is None else most):
        if reached(state) or state.freedom <= 1 or not (state.room > 0).any():
            break
        at = best(state)
        removed.append(int(state.rows[at]))
        state = State.of(effect, np.delete(state.rows, at))
        states.append(state)
    return RemovalPath(np.array(removed, int), states, reached(state))


def rows_in_noise(effect: Effect, draws: int, seed: int) -> Int[np.ndarray, " m"]:
    """How many rows turn the sign of a number where the targets are Gaussian noise.

    Parameters
    ----------
    effect : Effect
        The number; of it, the design and the groups are used.
    draws : int
        How many targets are drawn.
    seed : int
        Of the draws.

    Returns
    -------
    (draws,) array of int
        The number of rows that `greedy` removes in each.
    """
    rng, counts = np.random.default_rng(seed), []
    for _ in range(draws):
        y = within(rng.normal(size=(len(effect.y), 1)), effect.groups)[:, 0]
        theta = effect.x.T @ y
        value = float(effect.weight @ theta)
        drawn = effect._replace(y=y, value=value, residual=y - effect.x @ theta)
        counts.append(len(greedy(drawn, value).rows))
    return np.array(counts, int)


def first_order(effect: Effect, fall: float) -> int | None:
    """How many rows of largest first-order influence move the number enough, refitted.

    Parameters
    ----------
    effect : Effect
        The number.
    fall : float
        By how much it is to fall, or to rise where this is negative.

    Returns
    -------
    int or None
        The first number of rows that do; None where no half of the rows does.
    """
    sign = np.sign(fall)
    order = np.argsort(-sign * effect.alpha * effect.residual, kind="stable")
    moments = _NormalEquations(effect)
    for k, row in enumerate(order[: len(order) // 2], start=1):
        moments.remove(row)
        if sign * (effect.value - moments.value()) > abs(fall):
            return k
    return None


class _NormalEquations:
    """The normal equations of a fit, from which rows are taken one after another."""

    def __init__(self, effect: Effect):
        self.effect = effect
        self.gram, self.cross = effect.x.T @ effect.x, effect.x.T @ effect.y
        rows = np.column_stack([effect.x, effect.y])
        self.rows, self.count = rows, None
        if effect.groups is not None:
            self.count = np.bincount(effect.groups).astype(float)
            self.total = np.zeros((len(self.count), rows.shape[1]))  # from the group's first mean

    def remove(self, row: int) -> None:
        removed, factor = self.rows[row], 1.0
        if self.count is not None and self.effect.groups is not None:
            group = self.effect.groups[row]
            members = self.count[group]
            removed = removed - self.total[group] / members
            factor = members / (members - 1) if members > 1 else 0.0
            self.total[group] -= self.rows[row]
            self.count[group] -= 1
        self.gram -= factor * np.outer(removed[:-1], removed[:-1])
        self.cross -= factor * removed[-1] * removed[:-1]

    def value(self) -> float:
        try:
            return float(self.effect.weight @ np.linalg.solve(self.gram, self.cross))
        except np.linalg.LinAlgError:
            return self.effect.value


def greedy_flip(
    Z: Any, y: Any, column: int, *, groups: Any = None, most: int | None = None
) -> Int[np.ndarray, " k"]:
    """Find rows whose removal turns the sign of a coefficient, one after another.

    Each step removes the row that moves the coefficient farthest, refitted exactly.

    Parameters
    ----------
    Z : (n, k) array
        The design, with its intercept as a column unless there are groups; of full rank.
    y : (n,) array
        The target.
    column : int
        The column of the coefficient.
    groups : (n,) array of int, optional
        The group of each row, from 0 on, for fixed effects that are not columns of the design.
    most : int, optional
        Rows to remove at most; by default a half of them.

    Returns
    -------
    (r,) array of int
        The rows in the order of their removal; empty where `most` rows do not suffice.

    Raises
    ------
    InputError
        Where the design is not of full rank.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([0.0, 1.0, 2.0, 3.0, 10.0])
    >>> y = np.array([0.3, 0.2, 0.1, 0.0, 5.0])
    >>> greedy_flip(np.column_stack([x, np.ones(5)]), y, 0)
    array([4])
    """
    effect = Effect.of(Z, y, np.eye(np.shape(Z)[1])[column], groups)
    path = greedy(effect, effect.value, most=most)
    return path.rows if path.reached else path.rows[:0]
