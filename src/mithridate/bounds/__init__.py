"""What poison can do at most to a ridge regression, and which rows of a table decide.

The module docstrings state the theorems; `docs/bounds.md` has the proofs.
"""

from .certificate import certified as certified
from .counts import safe_rows as safe_rows
from .dual import Witness as Witness
from .dual import search as search
from .intervals import Ball as Ball
from .intervals import highest as highest
from .intervals import moved as moved
from .pieces import Proof as Proof
from .pieces import prove as prove
from .pieces import proved as proved
from .pieces import refined as refined
from .reached import Reached as Reached
from .reached import reached as reached
from .removal import Effect as Effect
from .removal import Judge as Judge
from .removal import Path as Path
from .removal import State as State
from .removal import first_order as first_order
from .removal import greedy as greedy
from .removal import greedy_flip as greedy_flip
from .removal import insignificant as insignificant
from .setting import Setting as Setting
from .unmoved import certified_rows as certified_rows
from .unmoved import unmoved as unmoved
from .writable import Writable as Writable
from .writable import farthest as farthest
