"""Poison rows that change coordinate by coordinate for a worth of error and visibility.

Every change of every row is scored at once, exactly for the row alone. Changes of many rows are
then made together, the best first, and kept if they do good together; otherwise fewer are tried. So
what is sought never falls. (Coordinate exchange: Meyer and Nachtsheim, "The coordinate-exchange
algorithm for constructing exact optimal experimental designs", Technometrics 37, 1995.)
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from .moves import LEAST, SHARES, Moves, PoisonedFit, Pull
from .setting import Fit, Setting

Vector = Float[np.ndarray, " k"]
Matrix = Float[np.ndarray, "r k"]
_SCORES_AT_ONCE = 1 << 20  # to bound the memory
_MAX_ROUNDS, _MAX_TRIES = 60, 16  # scorings of all rows; changes tried together after each
_MIN_GAIN = 5e-3  # of the worth: the search ends where the last `_GAIN_ROUNDS` rounds gained less
_GAIN_ROUNDS = 3


class Aim(NamedTuple):
    """What is sought instead of the error alone: a worth of error and visibility.

    Parameters
    ----------
    worth : callable
        The worth of errors and risks, arrays of one shape; it is to be large.
    plane : (d + 1,) array
        The clean model: slopes and, last, the intercept.
    unit : float
        The mean squared residual of the clean rows from it. The risk of poison is that of its own
        rows over this.
    """

    worth: Callable[[np.ndarray, np.ndarray], np.ndarray]
    plane: Vector
    unit: float

    def risk(self, places: Matrix) -> float:
        """Compute the risk of poison.

        Parameters
        ----------
        places : (p, d + 2) array
            Its rows `(x, 1, y)`.

        Returns
        -------
        float
            Without unit.
        """
        return float(np.mean(self.away(places) ** 2)) / self.unit

    def away(self, places: Matrix) -> Vector:
        """Compute residuals from the clean model.

        Parameters
        ----------
        places : (p, d + 2) array
            Rows `(x, 1, y)`.

        Returns
        -------
        (p,) array
            In units of the target.
        """
        return places[:, -1] - places[:, :-1] @ self.plane


class _ColumnChanges(NamedTuple):
    """Changes of rows, one a column: number `up` grows by `by`, or a level takes another's place.

    The changes of numbers come first, those of levels last; `down` and `out`, of levels alone, say
    which level is left and whether there is one. The first change of all is none.
    """

    up: Int[np.ndarray, " c"]
    by: Matrix
    down: Int[np.ndarray, "r l"]
    out: Matrix

    @classmethod
    def of(cls, moves: Moves, Z: Matrix) -> "_ColumnChanges":
        number, level, held = moves.number, moves.level, Z[:, moves.number]
        to = [np.broadcast_to(end, held.shape) for end in (moves.low, moves.high)]
        to += [moves.inside(held, way * share) for share in SHARES for way in (-1, 1)]
        by = [np.zeros((len(Z), 1)), *(value - held for value in to)]
        up = [np.zeros(1, int), *[number] * len(to), level]
        if not level.size:
            none = np.zeros((len(Z), 0))
            return cls(np.concatenate(up), np.hstack(by), none.astype(int), none)
        on = Z[:, level] > 0.5
        place = np.full((len(Z), len(moves.rows.optional)), -1)
        row, column = np.nonzero(on)
        place[row, moves.group[column]] = level[column]
        left = np.where(on, -1, place[:, moves.group])
        by.append(np.where(on, -1.0 * moves.rows.optional[moves.group], 1.0))
        return cls(np.concatenate(up), np.hstack(by), np.maximum(left, 0), 1.0 * (left >= 0))

    @property
    def numbers(self) -> int:
        """Where the changes of levels begin."""
        return len(self.up) - self.down.shape[1]

    def along(self, vectors: Matrix) -> Matrix:
        """The change of `vector · z`, where each row has its vector."""
        change = self.by * vectors[:, self.up]
        if self.out.size:
            left = np.take_along_axis(np.broadcast_to(vectors, self._wide(vectors)), self.down, 1)
            change[:, self.numbers :] -= self.out * left
        return change

    def _wide(self, vectors: Matrix) -> tuple[int, int]:
        return len(self.by), vectors.shape[1]

    def made(self, places: Matrix, which: Int[np.ndarray, " r"], to: Vector) -> Matrix:
        """The rows with one change each, and their targets."""
        new, row = places.copy(), np.arange(len(places))
        new[row, self.up[which]] += self.by[row, which]
        level = np.flatnonzero(which >= self.numbers)
        at = which[level] - self.numbers
        new[level, self.down[level, at]] -= self.out[level, at]
        new[:, -1] = to
        return new


class _Without(NamedTuple):
    """For each row, the fit without it: what `moves.Rest` says of one, for all."""

    theta: Matrix
    slope: Matrix
    images: tuple[Matrix, Matrix]  # of the row, by `K` and by `KSK`
    squares: tuple[Vector, Vector]
    diagonals: tuple[Matrix, Matrix]
    force: Vector
    u: Matrix
    v: Matrix

    @classmethod
    def of(cls, pull: Pull, Z: Matrix, y: Vector) -> "_Without":
        image, bent = Z @ pull.inverse, Z @ pull.curve
        leverage, bend = (Z * image).sum(axis=1), (Z * bent).sum(axis=1)
        force = -1 / (1 - leverage)
        step = force * (y - Z @ pull.theta)
        v = force[:, None] * (bent - (force * bend / 2)[:, None] * image)
        slope = pull.slope - (force * (Z @ pull.slope))[:, None] * image
        slope += (2 * step)[:, None] * (bent - (force * bend)[:, None] * image)
        own = image * -force[:, None]
        turned = bent - image * (Z * v).sum(axis=1)[:, None] - v * leverage[:, None]
        return cls(
            theta=pull.theta + step[:, None] * image,
            slope=slope,
            images=(own, turned),
            squares=((Z * own).sum(axis=1), (Z * turned).sum(axis=1)),
            diagonals=(
                pull.inverse.diagonal() - force[:, None] * image**2,
                pull.curve.diagonal() - 2 * image * v,
            ),
            force=force,
            u=image,
            v=v,
        )

    def after(self, pull: Pull, changes: _ColumnChanges) -> tuple[Matrix, Matrix]:
        """`zᵀKz` and `zᵀKSKz` of each row after each change."""
        up, by, first = changes.up, changes.by, changes.numbers
        values = []
        for image, square, own in zip(self.images, self.squares, self.diagonals, strict=True):
            values.append(square[:, None] + 2 * changes.along(image) + by**2 * own[:, up])
        if changes.out.size:
            level, down, row = up[first:], changes.down, np.arange(len(by))[:, None]
            twice = 2 * by[:, first:] * changes.out
            left = self.u[row, down], self.v[row, down]
            between = (
                pull.inverse[level, down] - self.force[:, None] * self.u[:, level] * left[0],
                pull.curve[level, down] - self.u[:, level] * left[1] - self.v[:, level] * left[0],
            )
            for one, own, both in zip(values, self.diagonals, between, strict=True):
                one[:, first:] += changes.out * own[row, down] - twice * both
        return values[0], values[1]


class _BestChanges(NamedTuple):
    """The best change of each row: what it gains, and the row then."""

    gain: Vector
    rows: Matrix


class Exchange(PoisonedFit):
    """Poison of a fit, and what may be changed of it.

    Parameters
    ----------
    setting : Setting
        Training and judged rows.
    fit : Fit
        The clean fit with the penalty of the poison rows.
    moves : Moves
        What may be changed of a row.
    aim : Aim
        What is sought.
    """

    def __init__(self, setting: Setting, fit: Fit, moves: Moves, aim: Aim):
        super().__init__(setting, fit, moves)
        self.aim = aim
        self.free = bool(moves.rows.free[-1])

    def improved(self, places: Matrix) -> Matrix:
        """Rows `(x, 1, y)` with a worth that is no less than that of those given."""
        if self.moves.near:
            return places
        worth, block, history = self.worth(places), len(places), []
        for _ in range(_MAX_ROUNDS):
            best = self._scored(places)
            order = np.argsort(-best.gain, kind="stable")
            order = order[: np.count_nonzero(best.gain > LEAST * abs(worth))]
            before = worth
            places, worth, block = self._made(places, worth, best, order, block)
            history.append(worth - before)
            if sum(history[-_GAIN_ROUNDS:]) <= _MIN_GAIN * abs(worth) or not order.size:
                break
        return places

    def worth(self, places: Matrix) -> float:
        """What the rows are worth."""
        more = _normal(places)
        return self._worth(places, (self.fit.A + more[0], self.fit.b + more[1]))

    def _worth(self, places: Matrix, normal: tuple[Matrix, Vector]) -> float:
        error = self.setting.error(np.linalg.solve(*normal))
        return float(self.aim.worth(np.array(error), np.array(self.aim.risk(places))))

    def _made(
        self,
        places: Matrix,
        worth: float,
        best: _BestChanges,
        order: Int[np.ndarray, " k"],
        block: int,
    ) -> tuple[Matrix, float, int]:
        """The rows with changes made that do good together, their worth, and how many at once."""
        at, block, more = 0, max(min(block, len(order)), 1), _normal(places)
        normal = self.fit.A + more[0], self.fit.b + more[1]
        for _ in range(_MAX_TRIES):
            if at >= len(order):
                break
            some = order[at : at + block]
            tried = places.copy()
            tried[some] = best.rows[some]
            new, old = _normal(tried[some]), _normal(places[some])
            other = normal[0] + (new[0] - old[0]), normal[1] + (new[1] - old[1])
            new_worth = self._worth(tried, other)
            if new_worth > worth:
                places, worth, normal = tried, new_worth, other
                at, block = at + len(some), 2 * block
            else:  # the best change alone always gains
                at, block = at + (block == 1), (block + 3) // 4
        return places, worth, block

    def _scored(self, places: Matrix) -> _BestChanges:
        """The best change of each row."""
        pull, moves = self.pull(places), self.moves
        width = len(moves.number) * (2 + 2 * len(SHARES)) + len(moves.level)
        step = max(_SCORES_AT_ONCE // max(width, 1), 1)
        parts = [self._block(pull, places, slice(i, i + step)) for i in range(0, len(places), step)]
        return _BestChanges(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    def _block(self, pull: Pull, places: Matrix, block: slice) -> _BestChanges:
        """The best change of each row of a block."""
        rows = places[block]
        Z, y = rows[:, :-1], rows[:, -1]
        rest, changes = _Without.of(pull, Z, y), _ColumnChanges.of(self.moves, Z)
        leverage, curve = rest.after(pull, changes)
        slope = (Z * rest.slope).sum(axis=1)[:, None] + changes.along(rest.slope)
        predicted = (Z * rest.theta).sum(axis=1)[:, None] + changes.along(rest.theta)

        def gained(target: Matrix, count: int | None) -> Matrix:
            t = (target - predicted[:, :count]) / (1 + leverage[:, :count])
            return t * slope[:, :count] + t * t * curve[:, :count]

        base, worth = gained(y[:, None], 1), self._aimed(pull, places, block, changes)
        best, to, which = np.full(len(y), -np.inf), y.copy(), np.zeros(len(y), int)
        for target, count in self._targets(y, changes):
            gain = worth(gained(target, count) - base, target, count)
            at = gain.argmax(axis=1)[:, None]
            value = np.take_along_axis(gain, at, 1)[:, 0]
            value_target = np.take_along_axis(np.broadcast_to(target, gain.shape), at, 1)[:, 0]
            better = value > best
            best, to = np.where(better, value, best), np.where(better, value_target, to)
            which = np.where(better, at[:, 0], which)
        return _BestChanges(best, changes.made(rows, which, to))

    def _targets(self, y: Vector, changes: _ColumnChanges) -> Iterator[tuple[Matrix, int | None]]:
        """Targets to try, and with how many of the changes; None: with all."""
        rows, low, high = self.moves.rows, *self.moves.ends
        if not self.free:
            yield y[:, None], None
            return
        for end in (low, high):
            yield np.full((len(y), 1), end), None
        step = rows.step[-1]

        def allowed(target):
            if step > 0:
                target = low + np.round((target - low) / step) * step
            return np.clip(target, low, high)

        yield y[:, None], None
        yield allowed(y[:, None] + changes.along(self.aim.plane[None, :])), None
        for share in SHARES:
            for way in (-share, share):
                yield allowed(y[:, None] + way * (high - low)), 1

    def _aimed(self, pull: Pull, places: Matrix, block: slice, changes: _ColumnChanges):
        """The worth of changes, as a function of their gain of error and of their targets."""
        aim, error = self.aim, self.setting.error(pull.theta)
        squares = aim.away(places) ** 2
        others = squares.sum() - squares[block]
        risk = squares.mean() / aim.unit
        now = float(aim.worth(np.array(error), np.array(risk)))
        rows = places[block]
        predicted = (rows[:, :-1] @ aim.plane)[:, None] + changes.along(aim.plane[None, :])

        def worth(gain: Matrix, target: Matrix, count: int | None) -> Matrix:
            away = (target - predicted[:, :count]) ** 2
            risks = (others[:, None] + away) / (len(places) * aim.unit)
            return aim.worth(error + gain, risks) - now

        return worth


def _normal(places: Matrix) -> tuple[Matrix, Vector]:
    """What rows `(x, 1, y)` add to the normal equations."""
    Z = places[:, :-1]
    return Z.T @ Z, Z.T @ places[:, -1]
