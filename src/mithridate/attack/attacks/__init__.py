"""Attacks: pure functions from a problem and a key to poison rows."""

from ._ascent import Ascent as Ascent
from ._flip import Flip as Flip
from ._greedy import Greedy as Greedy
from ._optp import OptP as OptP
from ._random import Random as Random
from ._region import Region as Region
from ._staged import Staged as Staged
from ._statp import StatP as StatP
from .base import AbstractAttack as AbstractAttack
from .base import Path as Path
from .base import Trace as Trace
