"""Poison from the proof of a bound: rows that lie as far from its plane as rows can.

Where the bound is tight, its worst poison is made of such rows, and smoothing gives their shares:
of the rows above and below the plane, of a value between two ends that are equally far, of the
levels of a group, of origins. Whole rows come as near to these shares as their number allows.
"""

import numpy as np
from jaxtyping import Float

from .distance import FarthestSide, LargestResidual
from .dual import HEATS
from .writable import Writable

Vector = Float[np.ndarray, " k"]
_STEP_SLACK = 1e-6  # of a step of a lattice, for rounding


def planted(rows: Writable, q: Vector, poison: int, rng: np.random.Generator) -> np.ndarray:
    """The rows `(x, 1, y)`, one a line, that a plane `q` (d + 1,) of a bound points at.

    Parameters
    ----------
    rows : Writable
        What the attacker may write.
    q : (d + 1,) array
        A plane as `dual.search` finds it.
    poison : int
        How many rows.
    rng : numpy.random.Generator
        Joins levels, origins and values by chance.

    Returns
    -------
    (poison, d + 2) array
        Rows that may be written.
    """
    distance, heat = LargestResidual(rows), HEATS[-1] * rows.unit
    sides = distance.sides(q, heat)
    above = 1 / (1 + np.exp(np.clip((sides[1].value - sides[0].value) / heat, -700, 700)))
    many = round(poison * float(above))
    made = [
        _of_side(distance, side, count, end, rng)
        for side, count, end in zip(
            sides, (many, poison - many), (rows.top[-1], rows.lower[-1]), strict=True
        )
    ]
    return np.insert(np.vstack(made), made[0].shape[1] - 1, 1.0, axis=1)


def _of_side(
    distance: LargestResidual, side: FarthestSide, count: int, end: float, rng
) -> np.ndarray:
    """`count` rows `(x, y)` in the shares of a side."""
    rows, mean = distance.rows, np.delete(side.row, -2)
    if distance.near:
        origin = _dealt(side.shares.origin, count, rng)
        return rows.origins[origin] + _whole(rows, side.shares.delta[origin])
    made = np.tile(mean, (count, 1))
    for j in np.flatnonzero((distance.half > 0) & (rows.step > 0)):
        place = (mean[j] - rows.lower[j]) / rows.step[j]
        first = np.floor(place + _STEP_SLACK)
        over = max(place - first, 0.0)
        more = _dealt(np.array([1 - over, over]), count, rng) if over > _STEP_SLACK else 0
        made[:, j] = np.minimum(rows.lower[j] + (first + more) * rows.step[j], rows.top[j])
    for group in range(len(distance.starts)):
        at = distance.group == group
        places = distance.places[at]
        made[:, places[places < len(mean)]] = 0.0
        held = places[_dealt(side.shares.level[at], count, rng)]
        some = held < len(mean)
        made[np.flatnonzero(some), held[some]] = 1.0
    if distance.kept.size:
        made[:, distance.kept] = distance.fixed[_dealt(side.shares.origin, count, rng)]
    if rows.free[-1]:
        made[:, -1] = end
    return made


def _whole(rows: Writable, delta: np.ndarray) -> np.ndarray:
    """Moves within a budget, where lattices are shortened to whole steps and levels stay."""
    spacing = np.where(rows.step > 0, rows.step, 1.0)
    shorter = np.trunc(delta / spacing + np.sign(delta) * _STEP_SLACK) * spacing
    moved = np.where(rows.step > 0, shorter, delta)
    moved[:, :-1][:, rows.member.any(axis=0)] = 0.0
    return moved


def _dealt(share: Vector, count: int, rng) -> np.ndarray:
    """Places in these shares, as nearly as `count` of them can be, in random order."""
    wanted = share / share.sum() * count
    times = np.floor(wanted + _STEP_SLACK).astype(int)
    rest = np.argsort(times - wanted, kind="stable")[: max(count - times.sum(), 0)]
    times[rest] += 1
    return rng.permutation(np.repeat(np.arange(len(share)), times))[:count]
