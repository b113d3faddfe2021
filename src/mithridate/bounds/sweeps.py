"""Poison rows that change one after another, each as far as changing it gains anything.

A row is taken out of the fit, changed coordinate by coordinate, every change scored exactly, and
put back: two rank-one updates. So the error never falls. (Coordinate exchange: see `exchange`.)

Change by change a row that holds levels seldom gets past a worse one. The worst poison has few rows
that differ, so a row is also changed from the copy of that other row which would add the most.
"""

from typing import Self

import numpy as np
from jaxtyping import Float

from .moves import PoisonedFit, Pull, Rest, climbed

Vector = Float[np.ndarray, " r"]
Matrix = Float[np.ndarray, "r k"]
_MAX_SWEEPS = 20  # of each kind; five are usual
_MIN_GAIN = 1e-3  # of the error: a sweep that gains less is the last
_MAX_STEPS = 4  # changes of one row inside the box in one sweep, since they are small and many


class Sweeps(PoisonedFit):
    """Poison of a fit, changed row by row."""

    @property
    def copied(self) -> bool:
        """Whether a row may become a copy of another: none keeps anything that it started from."""
        return bool(self.moves.rows.free.all())

    def error(self, places: Matrix) -> float:
        """Compute the error of the fit with poison rows `(x, 1, y)`."""
        return self.setting.error(self.pull(places).theta)

    def once(self, places: Matrix, *, fine: bool = False) -> Matrix:
        """Change every row once: its numbers to ends of the box, or if `fine` to values inside."""
        if self.moves.near:
            return places
        places, pull = places.copy(), self.pull(places)
        copies = None if fine or not self.copied else Copies.of(places, pull)
        for i, row in enumerate(places):
            rest = Rest.of(pull, row)
            changed = self._changed(rest, row, fine, copies)
            if changed is not row:
                places[i] = changed
                pull = rest.joined(changed)
                if copies:
                    copies.follow(i, rest, pull)
        return places

    def _changed(self, rest: Rest, row: Vector, fine: bool, copies: "Copies | None") -> Vector:
        """The row changed as far as that gains anything, or the copy of another; or itself."""
        options = [climbed(self.moves, rest, row, 1, fine=fine, steps=_MAX_STEPS if fine else None)]
        if copies and (other := copies.best(rest, row)) is not None:
            options.append(climbed(self.moves, rest, other, 1))
        return max(options, key=lambda one: one[0])[1]

    def improved(self, places: Matrix, enough: float = np.inf) -> Matrix:
        """Rows `(x, 1, y)` with an error no less than that of those given, until it is `enough`."""
        if self.moves.near:
            return places
        error = self.error(places)
        for fine in (False, True):
            for _ in range(_MAX_SWEEPS):
                if error >= enough:
                    return places
                tried = self.once(places, fine=fine)
                new_error = self.error(tried)
                gain = new_error - error
                if gain > 0:
                    places, error = tried, new_error
                if gain <= _MIN_GAIN * error:
                    break
        return places


class Copies:
    """What a copy of each poison row would add to a fit, followed while rows change.

    It costs two rank-one updates a change, O(d) for a row.

    Parameters
    ----------
    places : (r, k + 1) array
        The rows `(x, 1, y)`, which are changed where they lie.
    squares : two (r,) arrays
        `zᵀKz` and `zᵀKSKz` of each row `z = (x, 1)`.
    """

    def __init__(self, places: Matrix, squares: tuple[Vector, Vector]):
        self.places, self.squares = places, squares

    @classmethod
    def of(cls, places: Matrix, pull: Pull) -> Self:
        """Those of the rows of a fit.

        Parameters
        ----------
        places : (r, k + 1) array
            The rows `(x, 1, y)`.
        pull : Pull
            The fit with all of them.

        Returns
        -------
        Copies
            It looks at `places` itself.
        """
        Z = places[:, :-1]
        leverage, curve = (np.sum(Z @ K * Z, axis=1) for K in (pull.inverse, pull.curve))
        return cls(places, (leverage, curve))

    def best(self, rest: Rest, row: Vector) -> Vector | None:
        """The other row of which a copy adds the most to a fit without one row.

        Parameters
        ----------
        rest : Rest
            The fit without the row.
        row : (k + 1,) array
            That row.

        Returns
        -------
        (k + 1,) array or None
            The copy; None where none adds more than the row itself does.
        """
        Z, y = self.places[:, :-1], self.places[:, -1]
        leverage, curve = self._without(rest)
        t = (y - Z @ rest.theta) / (1 + leverage)
        gain = t * (Z @ rest.slope) + t**2 * curve
        at = int(gain.argmax())
        return None if gain[at] <= rest.gain(row, 1) else self.places[at].copy()

    def follow(self, i: int, rest: Rest, pull: Pull) -> None:
        """Take note that a row was changed.

        Parameters
        ----------
        i : int
            Its place.
        rest : Rest
            The fit without it.
        pull : Pull
            The fit with it as it is now.
        """
        Z, z = self.places[:, :-1], self.places[i, :-1]
        leverage, curve = self._without(rest)
        with_row = Rest.of(pull, self.places[i])
        along, bent = Z @ with_row.u, Z @ with_row.v
        leverage, curve = leverage + with_row.force * along**2, curve + 2 * along * bent
        leverage[i], curve[i] = z @ pull.inverse @ z, z @ pull.curve @ z
        self.squares = leverage, curve

    def _without(self, rest: Rest) -> tuple[Vector, Vector]:
        Z = self.places[:, :-1]
        along, bent = Z @ rest.u, Z @ rest.v
        return self.squares[0] - rest.force * along**2, self.squares[1] - 2 * along * bent
