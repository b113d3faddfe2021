"""What a change of one poison row does to the error, exactly, for many changes at once.

A row `z = (x, 1)` with target `y` and weight `c`, added to a fit `θ` with inverse Hessian `K`,
moves the error by exactly `t l + t² s`, where `t = c (y - zᵀθ) / (1 + c zᵀKz)`, `l = zᵀK∇f(θ)` and
`s = zᵀKSKz`. That is a score of every value of every column at once.
"""

import itertools
from typing import NamedTuple, Protocol

import numpy as np
from jaxtyping import Float

from .setting import Fit, Setting
from .writable import Writable

Vector = Float[np.ndarray, " k"]
Matrix = Float[np.ndarray, "k k"]
SHARES = (0.3, 0.1, 0.03, 0.01)  # of its range that a number may move, where values inside count
LEAST = 1e-10  # of the gain: a change that gains less is none


class QuadraticError(Protocol):
    """A mean squared error as a function of the parameters."""

    @property
    def curve(self) -> Matrix:
        """`S`: half its second derivative."""
        ...

    def slope(self, theta: Vector) -> Vector:
        """`∇f(θ)`: its gradient."""
        ...


class Pull(NamedTuple):
    """How one more row moves the fit.

    Parameters
    ----------
    theta : (k,) array
        The parameters `θ`.
    inverse : (k, k) array
        `K`, the inverse of the normal equations' matrix.
    curve : (k, k) array
        `KSK`.
    slope : (k,) array
        `K∇f(θ)`.
    """

    theta: Vector
    inverse: Matrix
    curve: Matrix
    slope: Vector

    @classmethod
    def of(cls, error: QuadraticError, hessian: Matrix, cross: Vector) -> "Pull":
        """That of the fit that solves `hessian θ = cross`.

        Parameters
        ----------
        error : QuadraticError
            What the row is to change, such as a `Setting`.
        hessian : (k, k) array
            The normal equations' matrix.
        cross : (k,) array
            Their right side.

        Returns
        -------
        Pull
            Vectors (k,) and matrices (k, k).
        """
        inverse = np.linalg.inv(hessian)
        theta = inverse @ cross
        curve = inverse @ error.curve @ inverse
        return cls(theta, inverse, curve, inverse @ error.slope(theta))


class Changes(NamedTuple):
    """Changes of a row `z`, of one column each, or of two levels of a group.

    Parameters
    ----------
    up : (m,) array of int
        The column that grows.
    by : (m,) array
        By how much it does.
    down : (m,) array of int
        The column that shrinks.
    out : (m,) array
        By how much it does; 0 where none shrinks.
    """

    up: np.ndarray
    by: Vector
    down: np.ndarray
    out: Vector

    def along(self, vector: Vector) -> Vector:
        """The change of `vector · z`.

        Parameters
        ----------
        vector : (k,) array
            What the row is multiplied by.

        Returns
        -------
        (m,) array
            One for each change.
        """
        return self.by * vector[self.up] - self.out * vector[self.down]


class Rest(NamedTuple):
    """A fit without one of its rows: vectors of it, and what its matrices do, in O(d) each.

    `inverse - a uuᵀ` and `curve - u vᵀ - v uᵀ` are its matrices.
    """

    theta: Vector
    slope: Vector
    inverse: Matrix
    curve: Matrix
    force: float
    u: Vector
    v: Vector
    diagonals: tuple[Vector, Vector]

    @classmethod
    def of(cls, pull: Pull, row: Vector | None = None) -> "Rest":
        """The fit without the row `(x, 1, y)`, or as it is."""
        diagonals = pull.inverse.diagonal(), pull.curve.diagonal()
        if row is None:
            none = np.zeros(len(pull.theta))
            return cls(pull.theta, pull.slope, pull.inverse, pull.curve, 0, none, none, diagonals)
        z, image, bent = row[:-1], pull.inverse @ row[:-1], pull.curve @ row[:-1]
        force, bend = float(-1 / (1 - z @ image)), z @ bent
        step = force * (row[-1] - z @ pull.theta)
        v = force * (bent - force * bend / 2 * image)
        slope = pull.slope - force * (z @ pull.slope) * image
        slope = slope + 2 * step * (bent - force * bend * image)
        diagonals = diagonals[0] - force * image**2, diagonals[1] - 2 * image * v
        theta = pull.theta + step * image
        return cls(theta, slope, pull.inverse, pull.curve, force, image, v, diagonals)

    def joined(self, row: Vector) -> Pull:
        """The fit with the row `(x, 1, y)` in it."""
        x, (image, bent) = row[:-1], self.images(row[:-1])
        force, bend = float(1 / (1 + x @ image)), float(x @ bent)
        step = force * (row[-1] - x @ self.theta)
        v = force * (bent - force * bend / 2 * image)
        inverse = self.inverse - self.force * np.outer(self.u, self.u)
        inverse -= np.outer(force * image, image)
        curve = self.curve - np.outer(self.u, self.v) - np.outer(image, v)
        curve -= np.outer(self.v, self.u) + np.outer(v, image)
        slope = self.slope - force * (x @ self.slope) * image
        slope = slope + 2 * step * (bent - force * bend * image)
        return Pull(self.theta + step * image, inverse, curve, slope)

    def images(self, x: Vector) -> tuple[Vector, Vector]:
        """`Kx` and `KSKx`."""
        along = self.u @ x
        bent = self.curve @ x - self.u * (self.v @ x) - self.v * along
        return self.inverse @ x - self.force * along * self.u, bent

    def squares(self, x: Vector, changes: Changes) -> tuple[Vector, Vector]:
        """`xᵀKx` and `xᵀKSKx` after each change."""
        up, by, down, out = changes
        u, v, images = self.u, self.v, self.images(x)
        between = (
            self.inverse[up, down] - self.force * u[up] * u[down],
            self.curve[up, down] - u[up] * v[down] - v[up] * u[down],
        )
        square, other, twice = by**2, out**2, 2 * by * out
        leverage, curve = (
            x @ image
            + 2 * changes.along(image)
            + square * own[up]
            + other * own[down]
            - twice * both
            for image, own, both in zip(images, self.diagonals, between, strict=True)
        )
        return leverage, curve

    def gain(self, row: Vector, chunk: int) -> float:
        """What `chunk` rows `(x, 1, y)` add to the error."""
        x, (image, bent) = row[:-1], self.images(row[:-1])
        t = chunk * (row[-1] - x @ self.theta) / (1 + chunk * (x @ image))
        return float(t * (x @ self.slope) + t * t * (x @ bent))


class Moves:
    """The changes of one column, or of one group, of a row that may be written.

    Parameters
    ----------
    rows : Writable
        What may be written.
    """

    def __init__(self, rows: Writable):
        free, levels, top = rows.free[:-1], rows.levels, rows.top
        self.rows, self.top, self.near = rows, top, bool(np.isfinite(rows.budget))
        number = np.flatnonzero(free & ~levels & (top > rows.lower)[:-1])
        self.number, self.level = number, np.flatnonzero(free & levels)
        self.low, self.high, self.step = rows.lower[number], top[number], rows.step[number]
        self.group = rows.member[:, self.level].argmax(axis=0) if self.level.size else self.level
        self.ends = np.array([rows.lower[-1], top[-1]])

    def of(self, x: Vector, fine: bool) -> Changes:
        """The changes of `x`, of which the first is none at all.

        Each number goes to an end of its box, or if `fine` to values
        between; each group to another level, or to none.
        """
        number, level, held = self.number, self.level, x[self.number]
        to = [self.low, self.high]
        if fine:
            to += [self.inside(held, way * share) for share in SHARES for way in (-1, 1)]
        by = [np.zeros(1), *(value - held for value in to)]
        up = [np.zeros(1, int), *[number] * len(to)]
        size = 1 + len(to) * len(number)
        if not level.size:
            none = np.zeros(size)
            return Changes(np.concatenate(up), np.concatenate(by), none.astype(int), none)
        on = x[level] > 0.5
        place = np.full(len(self.rows.optional), -1)
        place[self.group[on]] = level[on]
        left = np.where(on, -1, place[self.group])
        turned = np.where(on, -1.0 * self.rows.optional[self.group], 1.0)
        down = np.concatenate([np.zeros(size, int), np.maximum(left, 0)])
        out = np.concatenate([np.zeros(size), np.where(left >= 0, 1.0, 0.0)])
        return Changes(np.concatenate([*up, level]), np.concatenate([*by, turned]), down, out)

    def inside(self, held: np.ndarray, share: float) -> np.ndarray:
        """The numbers moved by a share of their range, and a step of their lattice at least."""
        way = share * (self.high - self.low)
        spacing = np.where(self.step > 0, self.step, 1.0)
        whole = np.sign(way) * np.maximum(np.abs(way) // spacing, 1.0) * spacing
        return np.clip(held + np.where(self.step > 0, whole, way), self.low, self.high)


class PoisonedFit:
    """A clean fit that poison rows `(x, 1, y)` are added to, and what may be changed of them.

    Parameters
    ----------
    setting : Setting
        Training and judged rows.
    fit : Fit
        The clean fit with the penalty of the poison rows.
    moves : Moves
        What may be changed of a row.
    """

    def __init__(self, setting: Setting, fit: Fit, moves: Moves):
        self.setting, self.fit, self.moves = setting, fit, moves

    def pull(self, places: Matrix) -> Pull:
        """What one more row does beside these."""
        Z, y = places[:, :-1], places[:, -1]
        return Pull.of(self.setting, self.fit.A + Z.T @ Z, self.fit.b + Z.T @ y)


def ended(moves: Moves, rest: Rest, z: Vector, chunk: int) -> Vector:
    """The row with its target at the better end, within the budget."""
    rows = moves.rows
    if not rows.free[-1]:
        return z
    options = []
    for end in moves.ends:
        step, way = rows.step[-1], end - z[-1]
        far = min(abs(way), rows.budget)
        if moves.near and step > 0:
            far = np.floor(far / step) * step
        one = z.copy()
        one[-1] += np.sign(way) * far if moves.near else way
        options.append(one)
    return max(options, key=lambda one: rest.gain(one, chunk))


def climbed(
    moves: Moves, rest: Rest, z: Vector, chunk: int, *, fine: bool = False, steps: int | None = None
) -> tuple[float, Vector]:
    """Gain and row once no change of one column does better; the row itself if none does.

    After so many `steps` the row is taken as it is then.
    """
    best, start = rest.gain(z, chunk), z
    if moves.near:
        return best, z
    ends = moves.ends if moves.rows.free[-1] else z[-1:]
    for _ in itertools.count() if steps is None else range(steps):
        x = z[:-1]
        changes = moves.of(x, fine)
        leverage, curve = rest.squares(x, changes)
        slope = x @ rest.slope + changes.along(rest.slope)
        predicted = x @ rest.theta + changes.along(rest.theta)
        t = chunk * (ends[None, :] - predicted[:, None]) / (1 + chunk * leverage)[:, None]
        gain = t * slope[:, None] + t * t * curve[:, None]
        i, j = np.unravel_index(gain.argmax(), gain.shape)
        if gain[i, j] <= best + LEAST * abs(best):
            break
        if z is start:
            z = z.copy()
            x = z[:-1]
        best = float(gain[i, j])
        x[changes.up[i]] += changes.by[i]
        x[changes.down[i]] -= changes.out[i]
        z[-1] = ends[j]
    return best, z
