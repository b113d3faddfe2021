"""Poison rows that change one after another, each as far as changing it gains anything.

A row is taken out of the fit, changed coordinate by coordinate, every change scored exactly, and
put back: two rank-one updates. So the error never falls. (Coordinate exchange: see `exchange`.)
"""

import numpy as np
from jaxtyping import Float

from .moves import PoisonedFit, Rest, climbed

Matrix = Float[np.ndarray, "r k"]
_MAX_SWEEPS = 20  # of each kind; five are usual
_MIN_GAIN = 1e-3  # of the error: a sweep that gains less is the last
_MAX_STEPS = 4  # changes of one row inside the box in one sweep, since they are small and many


class Sweeps(PoisonedFit):
    """Poison of a fit, changed row by row."""

    def error(self, places: Matrix) -> float:
        """Compute the error of the fit with poison rows `(x, 1, y)`."""
        return self.setting.error(self.pull(places).theta)

    def once(self, places: Matrix, *, fine: bool = False) -> Matrix:
        """Change every row once: its numbers to ends of the box, or if `fine` to values inside."""
        if self.moves.near:
            return places
        places, pull = places.copy(), self.pull(places)
        for i, row in enumerate(places):
            rest = Rest.of(pull, row)
            changed = climbed(
                self.moves, rest, row, 1, fine=fine, steps=_MAX_STEPS if fine else None
            )[1]
            if changed is not row:
                places[i] = changed
                pull = rest.joined(changed)
        return places

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
