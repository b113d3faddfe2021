"""The finishing step of an attack on ridge: its rows moved one by one, each move scored exactly."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from ..attack.risks import Residual
from ..attack.victims import Ridge
from ..bounds import Reached, Setting, Witness, Writable, improved, prove, reached
from ..tables.encoded import Part
from .sweep import Attacker
from .worlds import World, writable

PIECES = 2  # into which a bound is split, for the rows that it points at
AGGRESSIVE = 1.0  # the alpha at which damage is all that counts


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
    """Better poison at alpha = 1, by the places of alpha and seed and the number of rows."""
    made = {}
    with threadpool_limits(1):
        for i, world in enumerate(worlds):
            known, aimed, l2 = world.known, world.aimed, float(attacker.victim.l2)  # pyright: ignore
            weight = np.full(len(known.y), world.weight)
            setting = Setting(known.X, known.y, aimed.X, aimed.y, l2=l2, weight=weight)
            rows, witness = writable(world), None
            for a, alpha in enumerate(ran.alphas):
                for p in counts if alpha == AGGRESSIVE else ():
                    began, piece = time.perf_counter(), ran.piece(a, i, p)
                    better, witness = _better(setting, rows, piece.rows, p, witness)
                    took = time.perf_counter() - began
                    made[a, i, p] = piece._replace(
                        rows=Part(better.X, better.y),
                        risk=_risk(setting, better.X, better.y),
                        seconds=piece.seconds + took,
                    )
    return made


def _better(
    setting: Setting, rows: Writable, poison: Part, p: int, start: Witness | None
) -> tuple[Reached, Witness | None]:
    """The rows moved one by one, or others that do more; and a witness for the next number."""
    if not rows.free.all() or np.isfinite(rows.budget):  # a row must stay near where it started
        return improved(setting, rows, poison.X, poison.y, seed=p), None
    upper = prove(setting, rows, p, start, pieces=PIECES)
    begun = [(poison.X, poison.y)]
    made = reached(
        setting, rows, p, planes=upper.planes, starts=begun, tries=1, upper=upper.bound, seed=p
    )
    return made, upper.witness


def _risk(setting: Setting, X: np.ndarray, y: np.ndarray) -> float:
    """The risk `Residual` of rows."""
    theta = setting.fit(0).theta
    own = float(np.average((setting.v - setting.Z @ theta) ** 2, weights=setting.w))
    squares = (y - X @ theta[:-1] - theta[-1]) ** 2
    return float(np.mean(squares)) / (own if own > 0 else 1.0)
