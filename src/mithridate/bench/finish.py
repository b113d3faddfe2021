"""The finishing step of an attack on ridge: its rows changed one by one, all scored exactly.

At alpha = 1 the error is what grows; below, what the attack itself weighs, `alpha L̃ - (1 - alpha)
R̃`, against the same reference.
"""

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from ..attack.objective import AbstractNormalizer, Reference, Terms
from ..attack.risks import Residual
from ..attack.victims import Ridge
from ..bounds import Aim, Reached, Setting, Witness, Writable, improved, prove, reached
from ..tables.encoded import Part
from .sweep import Attacker
from .worlds import World, writable

_PIECES = 2  # parts of the proof of a bound, whose worst rows are starting points here
_AGGRESSIVE = 1.0  # the alpha at which damage alone counts


def finishes(attacker: Attacker, replaces: bool) -> bool:
    """Whether the step applies: ridge, whose moves are scored exactly, and rows that are added.

    The rows must be possible ones, and the risk one that is known without the attack's own code.
    """
    usual = type(attacker.victim) is Ridge and type(attacker.risk) is Residual
    positive = usual and float(np.asarray(attacker.victim.l2)) > 0  # pyright: ignore
    attack = attacker.attack
    return bool(positive and attack.steered and not replaces and not attack.relaxed)


def finished(
    ran: Any, attacker: Attacker, worlds: Sequence[World], counts: Sequence[int]
) -> dict[tuple[int, int, int], Any]:
    """Better poison, by the places of alpha and seed and the number of rows."""
    finished_pieces = {}
    with threadpool_limits(1):
        for i, world in enumerate(worlds):
            known, aimed, l2 = world.known, world.aimed, float(attacker.victim.l2)  # pyright: ignore
            weight = np.full(len(known.y), world.weight)
            setting = Setting(known.X, known.y, aimed.X, aimed.y, l2=l2, weight=weight)
            finish = _Finish(setting, writable(world))
            for a, alpha in enumerate(ran.alphas):
                for p in counts:
                    began, piece = time.perf_counter(), ran.piece(a, i, p)
                    weighed = None
                    if alpha < _AGGRESSIVE:
                        weighed = scale(attacker.normalizer, ran.reference(a, i, p), alpha)
                        if weighed is None:
                            continue
                    better = finish(piece.rows, weighed)
                    finished_pieces[a, i, p] = piece._replace(
                        rows=Part(better.X, better.y),
                        risk=finish.risk(better),
                        seconds=piece.seconds + time.perf_counter() - began,
                    )
    return finished_pieces


def scale(normalizer: AbstractNormalizer, reference: Reference, alpha: float):
    """What an attack weighs, as a function of errors and risks; None for a normalizer of its own.

    It is `Problem.gain` for NumPy: the anchors of a batch are numbers.
    """
    if type(normalizer).__call__ is not AbstractNormalizer.__call__:
        return None
    ends: Any = [[float(one) for one in end] for end in normalizer.anchors(reference)]
    low, high = (Terms(*end) for end in ends)
    span = Terms(high.damage - low.damage, high.risk - low.risk)
    # Equinox is slow at binding a method, so it is done once.
    bend = partial(type(normalizer).bent, normalizer)

    def worth(error: np.ndarray, risk: np.ndarray) -> np.ndarray:
        damage = (error - low.damage) / (span.damage or np.inf)
        seen = (risk - low.risk) / (span.risk or 1.0)
        bent = bend(Terms(damage, seen))  # pyright: ignore[reportArgumentType]
        return np.asarray(alpha * bent.damage - (1 - alpha) * bent.risk)

    return worth


class _Finish:
    """The step for one split, from few rows to many."""

    def __init__(self, setting: Setting, rows: Writable):
        self.setting, self.rows = setting, rows
        self.plane = setting.fit(0).theta
        clean_error = np.average((setting.v - setting.Z @ self.plane) ** 2, weights=setting.w)
        self.clean_error = float(clean_error) if clean_error > 0 else 1.0
        self.witness: Witness | None = None
        self.fewer: Reached | None = None

    def __call__(self, poison: Part, worth: Any) -> Reached:
        setting, rows, p = self.setting, self.rows, len(poison.y)
        if worth is not None:
            aim = Aim(worth, self.plane, self.clean_error)
            return improved(setting, rows, poison.X, poison.y, aim)
        if not rows.free.all() or np.isfinite(rows.budget):  # a row keeps what it started from
            return improved(setting, rows, poison.X, poison.y)
        upper = prove(setting, rows, p, self.witness, pieces=_PIECES)
        starts = [(poison.X, poison.y)]
        if self.fewer is not None:  # the best of fewer rows, in the same shares
            fewer = self.fewer
            starts.insert(0, (np.resize(fewer.X, poison.X.shape), np.resize(fewer.y, p)))
        options = {"planes": upper.planes, "starts": starts, "upper": upper.bound}
        best = reached(setting, rows, p, **options, tries=0, seed=p)
        self.witness, self.fewer = upper.witness, best
        return best

    def risk(self, reached_rows: Reached) -> float:
        """The risk `Residual` of rows."""
        places = np.column_stack([reached_rows.X, np.ones(len(reached_rows.y)), reached_rows.y])
        return Aim(np.subtract, self.plane, self.clean_error).risk(places)
