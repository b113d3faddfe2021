"""Poison that reaches nearly as far as the bound: the lower end of what can happen.

A row `z = (x, 1)` with target `y` and weight `c`, added to a fit `θ` with inverse Hessian `K`,
moves the error by exactly `t l + t² s`, where `t = c (y - zᵀθ) / (1 + c zᵀKz)`, `l = zᵀK∇f(θ)` and
`s = zᵀKSKz`. That is a score of every value of every column at once. Rows are placed greedily, then
taken out and placed anew one by one until a whole sweep gains nothing worth having.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from .distance import Distance
from .setting import Fit, Setting
from .writable import Writable

Vector = Float[np.ndarray, " k"]
Matrix = Float[np.ndarray, "k k"]
PLACES = 24  # groups of equal rows that the search begins with
STARTS = 6  # origins from which a group is sought
SWEEPS = 8
LEAST_GAIN = 1e-4  # of the error: a sweep that gains less is the last
POOL = 2000  # origins that are tried at most where columns are fixed


class Reached(NamedTuple):
    """Poison rows that may be written, and the error of the fit with them.

    `X` (k, d) and `y` (k,) are in scaled units, `error` in squared units of the target.
    """

    X: Float[np.ndarray, "k d"]
    y: Vector
    error: float


def reached(
    setting: Setting,
    rows: Writable,
    poison: int,
    *,
    planes: Sequence[Vector] = (),
    tries: int = 3,
    seed: int = 0,
) -> Reached:
    """The most damaging poison found: rows in the box, on the lattice, one level a group.

    Parameters
    ----------
    setting : Setting
        Training and judged rows.
    rows : Writable
        What the attacker may write.
    poison : int
        Number of poison rows.
    planes : sequence of (d + 1,) array
        Planes such as the `q` of a bound; the rows farthest from them are tried as well, since the
        worst poison of a tight bound lies there.
    tries : int
        How often the search begins anew; the best is kept.
    seed : int
        Of the order in which rows are tried; the same seed gives the same rows.

    Returns
    -------
    Reached
        Rows with which the error is at least `error`: a better attack may exist.
    """
    rng, fit = np.random.default_rng(seed), setting.fit(poison)
    hints = (
        []
        if np.isfinite(rows.budget)
        else [side.row for q in planes for side in Distance(rows).sides(q)]
    )
    # With and without the hints: either may lead into a poorer corner.
    made = [_once(setting, rows, fit, hints if i % 2 == 0 else [], rng) for i in range(tries)]
    return max(made, key=lambda one: one.error)


def improved(
    setting: Setting, rows: Writable, X: Float[np.ndarray, "k d"], y: Vector, *, seed: int = 0
) -> Reached:
    """Poison rows moved one by one, as long as that grows the error.

    Parameters
    ----------
    setting : Setting
        Training and judged rows.
    rows : Writable
        What the attacker may write; the rows given are of this kind.
    X, y : (k, d) and (k,) array
        The poison to begin with, in scaled units.
    seed : int
        Of the order in which rows are moved.

    Returns
    -------
    Reached
        With an error that is no smaller than that of the rows given. With a budget, or where
        columns are frozen, each row keeps what it may not write.
    """
    places = np.column_stack([X, np.ones(len(y)), y])
    fit, rng = setting.fit(len(y)), np.random.default_rng(seed)
    before = _reached(setting, fit, places)
    after = _reached(setting, fit, _sweeps(setting, rows, fit, places.copy(), rng))
    return max(before, after, key=lambda one: one.error)


def _once(setting: Setting, rows: Writable, fit: Fit, hints: list[Vector], rng) -> Reached:
    poison = int(fit.poison)
    places = np.empty((poison, setting.Z.shape[1] + 1))
    hessian, cross = fit.A.copy(), fit.b.copy()
    chunks = np.diff(np.round(np.linspace(0, poison, min(poison, PLACES) + 1))).astype(int)
    first = 0
    for chunk in chunks:
        pull = _Pull.of(setting, hessian, cross)
        starts = _starts(rows, pull, chunk, rng) + hints
        z = max((_climb(rows, pull, start, chunk) for start in starts), key=lambda one: one[0])[1]
        places[first : first + chunk], first = z, first + chunk
        hessian += chunk * np.outer(z[:-1], z[:-1])
        cross += chunk * z[-1] * z[:-1]
    return _reached(setting, fit, _sweeps(setting, rows, fit, places, rng))


def _reached(setting: Setting, fit: Fit, places: np.ndarray) -> Reached:
    theta = np.linalg.solve(
        fit.A + places[:, :-1].T @ places[:, :-1], fit.b + places[:, :-1].T @ places[:, -1]
    )
    return Reached(places[:, :-2].copy(), places[:, -1].copy(), setting.error(theta))


def _sweeps(setting: Setting, rows: Writable, fit, places: np.ndarray, rng) -> np.ndarray:
    """The places after every row was taken out and placed anew, again and again."""
    before = -np.inf
    for _ in range(SWEEPS):
        Z, y = places[:, :-1], places[:, -1]
        hessian, cross = fit.A + Z.T @ Z, fit.b + Z.T @ y
        pull = _Pull.of(setting, hessian, cross)
        now = setting.error(pull.theta)
        if now <= before * (1 + LEAST_GAIN):
            break
        before = now
        for i in rng.permutation(len(places)):
            old = places[i]
            rest = pull.without(old)
            _, new = _climb(rows, rest, old, 1)
            places[i] = new
            pull = rest.plus(new)
    return places


class _Pull(NamedTuple):
    """How one more row moves the fit: `θ`, `K`, `KSK` and `K∇f(θ)`."""

    theta: Vector
    inverse: Matrix
    curve: Matrix
    slope: Vector

    @classmethod
    def of(cls, setting: Setting, hessian: Matrix, cross: Vector) -> "_Pull":
        inverse = np.linalg.inv(hessian)
        theta = inverse @ cross
        curve = inverse @ setting.curve @ inverse
        return cls(theta, inverse, curve, inverse @ setting.slope(theta))

    def without(self, row: Vector) -> "_Pull":
        """The fit without a row."""
        return self._moved(row, -1.0)

    def plus(self, row: Vector) -> "_Pull":
        """The fit with one more row."""
        return self._moved(row, 1.0)

    def _moved(self, row: Vector, sign: float) -> "_Pull":
        # All by rank one, in O(d²); a sweep begins with the matrices computed afresh.
        z, image, bent = row[:-1], self.inverse @ row[:-1], self.curve @ row[:-1]
        force, bend = sign / (1 + sign * (z @ image)), z @ bent
        step = force * (row[-1] - z @ self.theta)
        turn = np.outer(force * image, bent)
        square = np.outer(image, image)
        curve = self.curve - turn - turn.T + force**2 * bend * square
        slope = self.slope - force * (z @ self.slope) * image
        slope = slope + 2 * step * (bent - force * bend * image)
        return _Pull(self.theta + step * image, self.inverse - force * square, curve, slope)


def _starts(rows: Writable, pull: _Pull, chunk: int, rng) -> list[Vector]:
    """Rows from which a place is sought: origins moved into what may be written."""
    count = len(rows.origins)
    some = rng.permutation(count)[:POOL]
    pool = _feasible(rows, rows.origins[some])
    if rows.free.all() and not np.isfinite(rows.budget):
        return [_ended(rows, pull, z, chunk) for z in pool[:STARTS]]
    # Where columns are fixed the choice of the origin is most of the attack.
    ended = [_ended(rows, pull, z, chunk) for z in pool]
    worth = [_gain(pull, z, chunk) for z in ended]
    return [ended[i] for i in np.argsort(worth)[::-1][:STARTS]]


def _feasible(rows: Writable, origins: np.ndarray) -> np.ndarray:
    """The origins as rows `(x, 1, y)` inside the box, where columns may be written at all."""
    z = origins
    if not np.isfinite(rows.budget):
        z = np.where(rows.free, np.clip(origins, rows.lower, rows.top), origins)
    return np.insert(z, z.shape[1] - 1, 1.0, axis=1)


def _ended(rows: Writable, pull: _Pull, z: Vector, chunk: int) -> Vector:
    """The row with its target at the better end, within the budget."""
    if not rows.free[-1]:
        return z
    options = []
    for end in (rows.lower[-1], rows.top[-1]):
        step, way = rows.step[-1], end - z[-1]
        far = min(abs(way), rows.budget)
        if np.isfinite(rows.budget) and step > 0:
            far = np.floor(far / step) * step
        one = z.copy()
        one[-1] += np.sign(way) * far if np.isfinite(rows.budget) else way
        options.append(one)
    return max(options, key=lambda one: _gain(pull, one, chunk))


def _gain(pull: _Pull, z: Vector, chunk: int) -> float:
    x = z[:-1]
    t = chunk * (z[-1] - x @ pull.theta) / (1 + chunk * (x @ pull.inverse @ x))
    return float(t * (x @ pull.slope) + t * t * (x @ pull.curve @ x))


class _Moves(NamedTuple):
    """Changes of one row: column `up` grows by `by`, column `down` shrinks by `out`."""

    up: np.ndarray
    by: np.ndarray
    down: np.ndarray
    out: np.ndarray

    def along(self, vector: Vector) -> Vector:
        """The change of `vector · z`."""
        return self.by * vector[self.up] - self.out * vector[self.down]

    def bend(self, matrix: Matrix, image: Vector) -> Vector:
        """The change of `zᵀ M z`, where `image = M z`."""
        diagonal = matrix.diagonal()
        square = self.by**2 * diagonal[self.up] + self.out**2 * diagonal[self.down]
        return 2 * self.along(image) + square - 2 * self.by * self.out * matrix[self.up, self.down]


def _moves(rows: Writable, x: Vector) -> _Moves:
    """No change; each number to an end of its box; each group to another level, or to none."""
    free, levels, top = rows.free[:-1], rows.levels, rows.top
    number = np.flatnonzero(free & ~levels & (top > rows.lower)[:-1])
    level = np.flatnonzero(free & levels)
    group = rows.member[:, level].argmax(axis=0) if level.size else level
    on = x[level] > 0.5
    held = np.full(len(rows.optional), -1)
    held[group[on]] = level[on]
    left = np.where(on, -1, held[group]) if level.size else level
    turned = np.where(on, -1.0 * rows.optional[group], 1.0) if level.size else level
    still = np.zeros(1 + 2 * len(number))
    by = np.concatenate([[0.0], rows.lower[number] - x[number], top[number] - x[number], turned])
    up = np.concatenate([[0], number, number, level]).astype(int)
    down = np.concatenate([still.astype(int), np.maximum(left, 0)]).astype(int)
    return _Moves(up, by, down, np.concatenate([still, np.where(left >= 0, 1.0, 0.0)]))


def _climb(rows: Writable, pull: _Pull, z: Vector, chunk: int) -> tuple[float, Vector]:
    """Gain and row once no change of one column does better."""
    z = z.copy()
    best = _gain(pull, z, chunk)
    if np.isfinite(rows.budget):
        return best, z
    ends = np.array([rows.lower[-1], rows.top[-1]]) if rows.free[-1] else z[-1:]
    while True:
        x = z[:-1]
        moves = _moves(rows, x)
        K, C = pull.inverse @ x, pull.curve @ x
        leverage = x @ K + moves.bend(pull.inverse, K)
        curve = x @ C + moves.bend(pull.curve, C)
        slope = x @ pull.slope + moves.along(pull.slope)
        said = x @ pull.theta + moves.along(pull.theta)
        t = chunk * (ends[None, :] - said[:, None]) / (1 + chunk * leverage)[:, None]
        gain = t * slope[:, None] + t * t * curve[:, None]
        i, j = np.unravel_index(gain.argmax(), gain.shape)
        if gain[i, j] <= best + 1e-10 * abs(best):
            return best, z
        best = float(gain[i, j])
        x[moves.up[i]] += moves.by[i]
        x[moves.down[i]] -= moves.out[i]
        z[-1] = ends[j]
