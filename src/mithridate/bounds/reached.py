"""Poison that does nearly the damage of the bound: a lower limit of the worst case.

Rows are taken from the proof of a bound, or placed greedily, then changed row by row until that
gains hardly anything (`sweeps`; `exchange` where other things than the error count).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from .exchange import Aim, Exchange
from .moves import Moves, Pull, Rest, climbed, ended
from .planted import planted
from .setting import Fit, Setting
from .sweeps import Sweeps
from .writable import Writable

Vector = Float[np.ndarray, " k"]
Matrix = Float[np.ndarray, "k k"]
_MAX_GROUPS = 24  # groups of equal rows that the search begins with
_STARTS = 6  # origins from which a group is searched
_MAX_PLANES = 2  # of a bound that give starts
_ONE_START_SHARE = 0.95  # of the bound: from here on no other start is tried
_FINISHED_SHARE = 0.995  # of the bound: from here on rows are not changed any more
_MAX_ORIGINS = 2000  # origins to try at most, where columns are fixed


class Reached(NamedTuple):
    """Poison rows that may be written, and the error of the fit with them.

    Parameters
    ----------
    X, y : (k, d) and (k,) array
        The rows, in scaled units.
    error : float
        Mean squared error on the judged rows, in squared units of the target.
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
    starts: Sequence[tuple[np.ndarray, Vector]] = (),
    tries: int = 3,
    upper: float = np.inf,
    seed: int = 0,
) -> Reached:
    """Search the most damaging poison: rows in the box, on the lattice, one level a group.

    Parameters
    ----------
    setting : Setting
        Training and judged rows.
    rows : Writable
        What the attacker may write.
    poison : int
        Number of poison rows.
    planes : sequence of (d + 1,) array
        Planes such as the `q` of a bound. The search begins with the rows that they point at,
        since the worst poison of a tight bound lies there.
    starts : sequence of ((k, d) and (k,) array)
        Poison from which the search begins as well.
    tries : int
        How many starts are rows placed greedily, and how many starts, the best after a first sweep,
        are followed to their end; one at least. One is placed too where the others stay farther
        than 5 % from the bound.
    upper : float
        A bound on the error: no other start is followed within 5 % of it, and no row is changed
        within half a percent.
    seed : int
        Of the rows that the search begins with; the same seed gives the same rows.

    Returns
    -------
    Reached
        Rows with which the error is at least `error`, the best of all: a better attack may exist.

    Examples
    --------
    >>> X, y = np.array([[0.0], [1.0]]), np.zeros(2)
    >>> setting = Setting(X, y, X, y, l2=1.0)
    >>> wide = Writable.box(X, y)._replace(lower=np.array([0, -1.0]), upper=np.ones(2))
    >>> round(reached(setting, wide, 1).error, 3)
    0.111
    """
    rng, fit = np.random.default_rng(seed), setting.fit(poison)
    sweeps, swept = Sweeps(setting, fit, Moves(rows)), []

    def begun():
        for q in planes[:_MAX_PLANES]:
            yield planted(rows, q, poison, rng)
        for X, y in starts:
            yield np.column_stack([X, np.ones(len(y)), y])
        for _ in range(max(tries, 1) if np.isfinite(upper) else tries):
            yield _placed(setting, rows, fit, rng)

    for start in begun():
        near = sweeps.error(start) >= _FINISHED_SHARE * upper
        swept.append(start if near else sweeps.once(start))
        if sweeps.error(swept[-1]) >= _ONE_START_SHARE * upper:
            break
    if not swept:
        raise ValueError("give planes, starts or tries")
    swept.sort(key=sweeps.error, reverse=True)
    best = swept[0]
    for places in swept[: max(tries, 1)]:
        best = max(best, sweeps.improved(places, _FINISHED_SHARE * upper), key=sweeps.error)
        if sweeps.error(best) >= _ONE_START_SHARE * upper:
            break
    return _reached(setting, fit, best)


def improved(
    setting: Setting,
    rows: Writable,
    X: Float[np.ndarray, "k d"],
    y: Vector,
    aim: Aim | None = None,
) -> Reached:
    """Poison rows changed coordinate by coordinate, as long as that grows the error.

    Parameters
    ----------
    setting : Setting
        Training and judged rows.
    rows : Writable
        What the attacker may write; the rows given are of this kind.
    X, y : (k, d) and (k,) array
        The poison to begin with, in scaled units.
    aim : Aim, optional
        What is to grow in place of the error.

    Returns
    -------
    Reached
        With an error, or what is sought in its place, that is no smaller than that of the rows
        given. Each row keeps what it may not write; with a budget all rows stay as they are.
    """
    places, fit, moves = np.column_stack([X, np.ones(len(y)), y]), setting.fit(len(y)), Moves(rows)
    if aim is None:
        return _reached(setting, fit, Sweeps(setting, fit, moves).improved(places))
    return _reached(setting, fit, Exchange(setting, fit, moves, aim).improved(places))


def _placed(setting: Setting, rows: Writable, fit: Fit, rng) -> np.ndarray:
    """Rows placed greedily, a group of equal ones at a time."""
    poison = int(fit.poison)
    places = np.empty((poison, setting.Z.shape[1] + 1))
    hessian, cross, moves = fit.A.copy(), fit.b.copy(), Moves(rows)
    chunks = np.diff(np.round(np.linspace(0, poison, min(poison, _MAX_GROUPS) + 1))).astype(int)
    first = 0
    for chunk in chunks:
        rest = Rest.of(Pull.of(setting, hessian, cross))
        starts = _starts(rows, moves, rest, chunk, rng)
        z = max((climbed(moves, rest, one, chunk) for one in starts), key=lambda one: one[0])[1]
        places[first : first + chunk], first = z, first + chunk
        hessian += chunk * np.outer(z[:-1], z[:-1])
        cross += chunk * z[-1] * z[:-1]
    return places


def _reached(setting: Setting, fit: Fit, places: np.ndarray) -> Reached:
    theta = np.linalg.solve(
        fit.A + places[:, :-1].T @ places[:, :-1], fit.b + places[:, :-1].T @ places[:, -1]
    )
    return Reached(places[:, :-2].copy(), places[:, -1].copy(), setting.error(theta))


def _starts(rows: Writable, moves: Moves, rest: Rest, chunk: int, rng) -> list[Vector]:
    """Rows from which a place is sought: origins moved into what may be written."""
    count = len(rows.origins)
    some = rng.permutation(count)[:_MAX_ORIGINS]
    pool = _feasible(rows, rows.origins[some])
    if rows.free.all() and not np.isfinite(rows.budget):
        return [ended(moves, rest, z, chunk) for z in pool[:_STARTS]]
    # Where columns are fixed the choice of the origin is most of the attack.
    starts = [ended(moves, rest, z, chunk) for z in pool]
    worth = [rest.gain(z, chunk) for z in starts]
    return [starts[i] for i in np.argsort(worth)[::-1][:_STARTS]]


def _feasible(rows: Writable, origins: np.ndarray) -> np.ndarray:
    """The origins as rows `(x, 1, y)` inside the box, where columns may be written at all."""
    z = origins
    if not np.isfinite(rows.budget):
        z = np.where(rows.free, np.clip(origins, rows.lower, rows.top), origins)
    return np.insert(z, z.shape[1] - 1, 1.0, axis=1)
