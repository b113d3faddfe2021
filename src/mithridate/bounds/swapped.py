"""Poison that replaces clean rows, as damaging as is found: a lower limit of the worst case.

In turns the clean rows that go are chosen for the poison that comes, and the poison is changed for
the rows that are left.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from .moves import Pull
from .reached import Reached, improved, reached
from .setting import Setting
from .writable import Writable

Vector = Float[np.ndarray, " k"]
_MAX_TURNS = 3


class Swapped(NamedTuple):
    """Poison rows, the clean rows that they replace, and the error of the fit.

    Parameters
    ----------
    X, y : (k, d) and (k,) array
        The poison rows, in scaled units.
    error : float
        Mean squared error on the judged rows, in squared units of the target.
    gone : (k,) array of int
        The clean rows in whose places they stand.
    """

    X: Float[np.ndarray, "k d"]
    y: Vector
    error: float
    gone: Int[np.ndarray, " k"]


def swapped(
    setting: Setting,
    rows: Writable,
    poison: int,
    mine: Int[np.ndarray, " o"],
    *,
    planes: Sequence[Vector] = (),
    seed: int = 0,
) -> Swapped:
    """Search the most damaging poison that replaces rows.

    Parameters
    ----------
    setting : Setting
        Training and judged rows, each of weight 1.
    rows : Writable
        What the attacker may write.
    poison : int
        Number of rows that are replaced, fewer than there are.
    mine : (o,) array of int
        The clean rows that may be replaced: those that are the origins of `rows`, in that order.
    planes : sequence of (d + 1,) array
        Planes of a bound, as in `reached`.
    seed : int
        Of the search for poison.

    Returns
    -------
    Swapped
        Where columns are fixed or a row may move by a budget alone, each poison row is the row that
        it replaces, changed; with a budget nothing is found, and the rows stay as they are.

    Examples
    --------
    >>> X, y = np.linspace(0, 1, 20)[:, None], np.tile([0.0, 1.0], 10)
    >>> setting, rows = Setting(X, y, X, y, l2=1.0), Writable.box(X, y)
    >>> poison = swapped(setting, rows, 2, np.arange(20))
    >>> poison.error > setting.fit(0).error, len(set(poison.gone.tolist()))
    (True, 2)
    """
    if not rows.free.all() or np.isfinite(rows.budget):
        of = np.argsort(-_flipped(setting, rows, mine), kind="stable")[:poison]
        start = rows.origins[of]
        if not np.isfinite(rows.budget):
            start = np.where(rows.free, np.clip(start, rows.lower, rows.top), start)
        made = improved(_without(setting, mine[of]), rows, start[:, :-1], start[:, -1])
        return Swapped(*made, mine[of])
    best: Swapped | None = None
    made: Reached = reached(setting, rows, poison, planes=planes, tries=1, seed=seed)
    for _ in range(_MAX_TURNS):
        gone = _chosen(setting, made, mine)
        # The penalty is that of all rows: as many come as go.
        made = reached(
            _without(setting, gone), rows, poison, planes=planes, starts=[(made.X, made.y)],
            tries=0, seed=seed,
        )  # fmt: skip
        if best is not None and made.error <= best.error:
            break
        best = Swapped(*made, gone)
    assert best is not None
    return best


def _without(setting: Setting, removed: Int[np.ndarray, " k"]) -> Setting:
    """The setting without some of its training rows."""
    X, y = (np.delete(part, removed, axis=0) for part in (setting.Z[:, :-1], setting.v))
    return Setting(X, y, setting.M[:, :-1], setting.u, l2=setting.l2)


def _chosen(setting: Setting, made: Reached, allowed: Int[np.ndarray, " o"]) -> np.ndarray:
    """The rows without which this poison does most, one after another, each scored exactly."""
    poison = np.column_stack([made.X, np.ones(len(made.y))])
    fit, left = setting.fit(0), np.isin(np.arange(len(setting.v)), allowed)
    A, b, removed = fit.A + poison.T @ poison, fit.b + poison.T @ made.y, []
    for _ in made.y:
        pull = Pull.of(setting, A, b)
        image = setting.Z @ pull.inverse
        room = 1 - (setting.Z * image).sum(axis=1)
        step = (setting.Z @ pull.theta - setting.v) / room
        gain = step * (setting.Z @ pull.slope)
        gain += step**2 * ((setting.Z @ pull.curve) * setting.Z).sum(axis=1)
        one = int(np.argmax(np.where(left, gain, -np.inf)))
        z = setting.Z[one]
        A, b, left[one] = A - np.outer(z, z), b - setting.v[one] * z, False
        removed.append(one)
    return np.array(removed)


def _flipped(setting: Setting, rows: Writable, allowed: Int[np.ndarray, " o"]) -> Vector:
    """How much each row does alone with its target at the worse end, or gone."""
    fit = setting.fit(0)
    pull, Z = Pull.of(setting, fit.A, fit.b), setting.Z[allowed]
    slope, curve = Z @ pull.slope, ((Z @ pull.curve) * Z).sum(axis=1)
    ends = (rows.lower[-1], rows.top[-1])
    steps = [end - setting.v[allowed] for end in ends]
    if not rows.free[-1]:
        room = 1 - ((Z @ pull.inverse) * Z).sum(axis=1)
        steps = [(Z @ pull.theta - setting.v[allowed]) / room]
    return np.max([step * slope + step**2 * curve for step in steps], axis=0)
