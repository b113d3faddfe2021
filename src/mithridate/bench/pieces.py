"""What poison is handed out as, in a module that loads no JAX: workers that judge need none."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..tables.encoded import Part

Tell = Callable[[str, int, int], Any]  # (stage, done, total); total 0: not known


def joined(train: Part, poison: Part) -> Part:
    """Clean rows and poison rows, of which each weighs as much as the mean clean row does."""
    X, y = np.vstack([train.X, poison.X]), np.append(train.y, poison.y)
    if train.w is None:
        return Part(X, y)
    return Part(X, y, np.append(train.w, np.full(len(poison.y), train.w.mean())))


def trained(model: Any, part: Part) -> Any:
    """The model, trained on the rows by their weights, if they have some."""
    if part.w is None:
        return model.fit(part.X, part.y)
    return model.fit(part.X, part.y, sample_weight=part.w)


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
