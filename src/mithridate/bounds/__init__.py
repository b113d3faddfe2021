"""What poison can do at most to ridge and Huber regression, and which rows of a table decide.

The module docstrings state the theorems; `docs/bounds.md` has the proofs.
"""

from .certificate import certified
from .counts import safe_rows
from .distance import farthest
from .dual import Witness, search
from .effect import Effect, State, within
from .exchange import Aim
from .huber import HuberFits, HuberProof, HuberWitness
from .huberloss import huber
from .intervals import Ball, highest, moved
from .moves import Changes, Pull
from .pieces import Proof, prove, proved, refined
from .reached import Reached, improved, reached
from .removal import (
    RemovalPath,
    TTest,
    first_order,
    greedy,
    greedy_flip,
    insignificant,
    rows_in_noise,
)
from .replaced import Replacing
from .setting import Setting
from .swapped import Swapped, swapped
from .unmoved import certified_rows, falls_at_most, unmoved
from .writable import Writable

__all__ = [
    "Aim",
    "Ball",
    "Changes",
    "Effect",
    "HuberFits",
    "HuberProof",
    "HuberWitness",
    "Proof",
    "Pull",
    "Reached",
    "RemovalPath",
    "Replacing",
    "Setting",
    "State",
    "Swapped",
    "TTest",
    "Witness",
    "Writable",
    "certified",
    "certified_rows",
    "falls_at_most",
    "farthest",
    "first_order",
    "greedy",
    "greedy_flip",
    "highest",
    "huber",
    "improved",
    "insignificant",
    "moved",
    "prove",
    "proved",
    "reached",
    "refined",
    "rows_in_noise",
    "safe_rows",
    "search",
    "swapped",
    "unmoved",
    "within",
]
