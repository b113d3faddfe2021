"""Moments that follow a set of rows which changes by few rows at a time."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..moments import Moments
from .block import Block, Values, moments_of
from .masks import left

STEPS = 16
"""Changes after which all rows are summed again, since each change adds rounding."""

LEFT = 1e-2
"""Share of the scatter of a column; with less of it left, all rows are summed again."""


class Followed:
    """Moments of a set of rows of a table, brought up to date by the rows that left and came.

    They equal those of the plain sum to about 13 digits: all rows are summed again where little is
    left of the scatter, and after every few changes.

    Parameters
    ----------
    summed : callable
        Gives the moments of the rows with some weights, from all of these rows.
    """

    def __init__(self, summed: Callable[[Any], Moments]):
        self._summed = summed  # the moments of the rows with some weights, from all of these rows
        self.known: Moments | None = None
        self._most = np.zeros(0)
        self._steps = 0

    def of(self, weights: Any) -> Moments:
        """Give the moments of the set as it is now.

        Parameters
        ----------
        weights : object
            Those of the rows after the last change.

        Returns
        -------
        Moments
            The moments.
        """
        if self.known is None:
            self.known, self._steps = self._summed(weights), 0
            self._most = np.diag(self.known.scatter)
        return self.known

    def moved(self, gone: Moments, come: Moments) -> None:
        """Take note of a change of the set.

        Parameters
        ----------
        gone : Moments
            Moments of the rows that left.
        come : Moments
            Moments of the rows that came.
        """
        stayed = self.known
        if stayed is not None and gone.weight > 0:
            stayed = left(stayed, gone)
        self._steps += 1
        if stayed is None or self._steps > STEPS:
            self.known = None
            return
        now = stayed.merge(come)
        most = np.maximum(self._most, np.diag(now.scatter))
        small = np.minimum(np.diag(stayed.scatter), np.diag(now.scatter)) < LEFT * most
        self.known, self._most = None if small.any() else now, most


def changed(block: Block, before: Values, after: Values) -> tuple[Moments, Moments]:
    """Sum up what left a block when its weights became others, and what came.

    Parameters
    ----------
    block : Block
        The rows.
    before : array, shape (n,)
        Their weights.
    after : array, shape (n,)
        Their weights after the change.

    Returns
    -------
    tuple of two Moments
        Of what left, and of what came.
    """
    return _surplus(block, before, after), _surplus(block, after, before)


def _surplus(block: Block, more: Values, less: Values) -> Moments:
    rows = np.flatnonzero(more > less)
    if len(rows) > len(more) // 8:
        return moments_of(block.Z, np.maximum(more - less, 0.0))
    return moments_of(np.take(block.Z, rows, axis=1), (more - less)[rows])
