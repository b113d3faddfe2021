"""What poison is handed out as, in a module that loads no JAX: workers that judge need none."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..tables.encoded import Part

Tell = Callable[[str, int, int], Any]  # (stage, done, total); total 0: not known


class Batches(NamedTuple):
    """Ratios to judge, the numbers of rows that make them, and the edges of the batches."""

    ratios: list[float]
    counts: list[int]
    edges: tuple[int, ...]


class Piece(NamedTuple):
    """The poison of one cell: rows, where they started, risk, and seconds of its attack.

    `member` names the attack where it is one of a portfolio.
    """

    rows: Part
    origin: np.ndarray
    risk: float
    seconds: float
    member: str = ""
