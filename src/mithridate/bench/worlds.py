"""What an attacker knows and may write, of one split, under the threat model of a spec."""

import dataclasses
from typing import NamedTuple

import numpy as np

from ..bounds import Writable
from ..errors import InputError
from ..tables.encoded import Part, Split
from .goals import Goal, aimed_at, held_against, owned, pursued, spared, those
from .spec import ThreatSpec

_MIN_JUDGED = 20  # validation rows that an attacker must keep to measure its damage


class World(NamedTuple):
    """The attacker's side of a split, in scaled units, as NumPy.

    `known` are the rows it believes to be trained on, each counting `weight` times; `aimed` those
    it aims by. The other fields are those of `ThreatModel`; `lower upper step free` have the target
    last. `held` are the targets of the training rows (n,) from which the attack pushes predictions
    away, NaN for the rows that it is not about. `own` says from which of the known rows a slot may
    start; None: all.

    Parameters
    ----------
    known : Part
        The rows it believes to be trained on.
    weight : float
        How many times each of them counts.
    aimed : Part
        The rows it aims by.
    lower : array, shape (d + 1,)
        The least that it may write in each column, the target last.
    upper : array, shape (d + 1,)
        The most.
    step : array, shape (d + 1,)
        The spacing of the values of each column; 0: any value.
    free : array of bool, shape (d + 1,)
        Which columns it may write.
    budget : float
        How far a row may move.
    member : array of bool, shape (groups, d)
        Which features are the levels of each category.
    optional : array of bool, shape (groups,)
        Whether a row may have none of its levels.
    held : array, shape (n,)
        Targets of training rows from which predictions are pushed away, NaN for rows that the
        attack is not about.
    own : array of bool, optional
        From which of the known rows a slot may start; None: all.
    about : array of bool, optional
        Those of them that the goal is about, from which an attack starts that does not aim.
    push : {0, 1, -1}
        Whether predictions are to go up (1) or down (-1), or to be wrong (0).
    others : Part, optional
        Validation rows that the attack is not about, whose predictions are to stay.
    """

    known: Part
    weight: float
    aimed: Part
    lower: np.ndarray
    upper: np.ndarray
    step: np.ndarray
    free: np.ndarray
    budget: float
    member: np.ndarray
    optional: np.ndarray
    held: np.ndarray
    own: np.ndarray | None = None
    about: np.ndarray | None = None
    push: int = 0
    others: Part | None = None

    @property
    def most(self) -> int | None:
        """The most rows that the attacker's source can plausibly send: as many as it sent so far.

        None where it may send rows of any kind.
        """
        return None if self.own is None else int(np.sum(self.own) * self.weight)


def world(split: Split, target: str, threat: ThreatSpec) -> World:
    """Say what the attacker knows and may write of a split.

    Parameters
    ----------
    split : Split
        The split of a table.
    target : str
        The column that is predicted.
    threat : ThreatSpec
        The threat model.

    Returns
    -------
    World
        The attacker's side.

    Raises
    ------
    InputError
        If it names a column that the table does not have, or leaves none to write.
    """
    columns = split.columns
    sources = np.array([*columns.source, target])
    known, aimed = _knowledge(pursued(split, target, threat.goal), threat)
    own = owned(split, target, known, threat.source) if threat.source else None
    lower, upper = _box(_of_source(split, known, own), sources, threat)
    free = np.ones(len(sources), bool)
    if threat.writes != "both":
        free[-1:] = threat.writes == "target"
        free[:-1] = threat.writes == "features"
    for name in threat.frozen:
        free[_places(sources, name)] = False
    groups = 0 if threat.relaxed else len(columns.optional)
    if not free.any():
        raise InputError("The threat model leaves no column to write; free one.")
    return World(
        known=known,
        weight=len(split.train.y) / len(known.y),
        aimed=aimed_at(split, aimed, threat.goal),
        lower=lower,
        upper=upper,
        step=np.zeros_like(split.step) if threat.relaxed else split.step,
        free=free,
        budget=np.inf if threat.budget is None else threat.budget,
        member=columns.group[None, :] == np.arange(groups)[:, None],
        optional=columns.optional[:groups],
        held=held_against(split, target, threat.goal),
        own=own,
        about=_about(split, target, known, own, threat.goal),
        push={"up": 1, "down": -1}.get(Goal.of(threat.goal).push, 0),
        others=spared(split, target, threat.goal),
    )


def _about(
    split: Split, target: str, known: Part, own: np.ndarray | None, goal: str
) -> np.ndarray | None:
    """The attacker's rows that the goal is about; all of its rows, where they are none."""
    asked = Goal.of(goal).rows
    if not asked:
        return own
    meets = those(split, target, known, asked)
    meets = meets if own is None else meets & own
    return meets if meets.any() else own


def _of_source(split: Split, known: Part, own: np.ndarray | None) -> Split:
    """The split with the box of the attacker's own rows, where it has some of its own."""
    if own is None:
        return split
    rows = np.column_stack([known.X, known.y])[own]
    return dataclasses.replace(split, lower=rows.min(axis=0), upper=rows.max(axis=0))


def _knowledge(split: Split, threat: ThreatSpec) -> tuple[Part, Part]:
    """White-box: the training rows themselves. Gray-box: as many others as the spec says."""
    if threat.surrogate is None:
        return split.train, split.validation
    if threat.placed == "replaced":
        raise InputError(
            "An attacker that knows only a surrogate sample cannot say which rows it replaces; "
            "let it add rows, or drop the surrogate."
        )
    given, m = split.validation, threat.surrogate
    most = len(given.y) - _MIN_JUDGED
    if m > most:
        raise InputError(
            f"A surrogate of {m} rows was asked for, but of the {len(given.y)} validation rows "
            f"at most {max(most, 0)} can be given away; ask for fewer, or give a longer table."
        )
    rows = np.arange(len(given.y))
    return given.take(rows < m), given.take(rows >= m)


def _box(split: Split, sources: np.ndarray, threat: ThreatSpec) -> tuple[np.ndarray, np.ndarray]:
    """The box of the training rows, with the ranges that the spec gives in the table's units."""
    lower, upper = split.lower.copy(), split.upper.copy()
    for name, given in threat.box.items():
        places = _places(sources, name)
        if len(places) > 1 or (
            places[0] < len(sources) - 1 and split.columns.group[places[0]] >= 0
        ):
            raise InputError(f"{name!r} is a category and has no range; take it out of the box.")
        i = places[0]
        low, high = ((value - split.shift[i]) / split.scale[i] for value in given)
        step = split.step[i]
        if step > 0:  # the lattice is counted from the lower end, which must be on it
            low, high = np.ceil(low / step - 1e-9) * step, np.floor(high / step + 1e-9) * step
        if low > high:
            raise InputError(f"The range given for {name!r} holds no value; give a wider one.")
        lower[i], upper[i] = low, high
    return lower, upper


def _places(sources: np.ndarray, name: str) -> np.ndarray:
    places = np.flatnonzero(sources == name)
    if not places.size:
        known = ", ".join(repr(str(s)) for s in dict.fromkeys(sources.tolist()))
        raise InputError(
            f"The threat model names {name!r}, which is no feature; there are {known[:300]}."
        )
    return places


def writable(world: World) -> Writable:
    """Say which rows an attacker may write in its world.

    Parameters
    ----------
    world : World
        The world.

    Returns
    -------
    Writable
        The rows, as the bounds want them.
    """
    origins = np.column_stack([world.known.X, world.known.y])
    origins = origins if world.own is None else origins[world.own]
    lower, upper = world.lower, world.upper
    if np.isfinite(world.budget):
        # On its way back to an origin outside a given range a row may stop outside as well.
        lower = np.minimum(lower, origins.min(axis=0))
        upper = np.maximum(upper, origins.max(axis=0))
    made = Writable(
        lower, upper, world.step, world.free, float(world.budget), world.member, world.optional,
        origins,
    )  # fmt: skip
    return made.check()
