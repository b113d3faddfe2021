"""Regressions on sets of rows of one table, which a search makes many of."""

import numpy as np

from ..bayes import BayesianRegression
from ..moments import Moments
from ..passes.block import Block, moments_of
from ..passes.follow import Followed, changed
from .base import Mask

LONG = 2000
"""Rows from which on sums that follow the rows that come and go are quicker than new ones."""

FEW = 0.25  # of the rows: where more come and go, all are summed


class Fits:
    """Regressions on sets of rows of a block, each made once.

    A search goes from set to set, so that the sums of a long table can follow the few rows that
    come and go.

    Parameters
    ----------
    block : Block
        The rows.

    Attributes
    ----------
    made : int
        How many regressions were made.

    Examples
    --------
    >>> block = Block(0, np.array([[0.0, 1.0, 2.0, 3.0], [0.1, 1.0, 2.1, 9.0]]), np.ones(4))
    >>> fits = Fits(block)
    >>> line = fits.of(np.array([True, True, True, False]))
    >>> fits.of(np.array([True, True, True, False])) is line, fits.made
    (True, 1)
    """

    def __init__(self, block: Block):
        self._block = block
        self._known: dict[bytes, BayesianRegression] = {}
        self._followed = Followed(self._summed)
        self._before: np.ndarray | None = None  # the weights of the rows that were fitted last

    @property
    def made(self) -> int:
        return len(self._known)

    def of(self, mask: Mask) -> BayesianRegression:
        """Fit the rows of a mask.

        Parameters
        ----------
        mask : array of bool, shape (n,)
            The rows.

        Returns
        -------
        BayesianRegression
            The regression on them, as precise as a search needs it.
        """
        name = np.packbits(mask).tobytes()
        if name not in self._known:
            self._known[name] = regression(self._moments(self._block.weight * mask))
        return self._known[name]

    def _moments(self, weights: np.ndarray) -> Moments:
        if len(weights) < LONG:
            return self._summed(weights)
        before, self._before = self._before, weights
        if before is not None and np.count_nonzero(before != weights) <= FEW * len(weights):
            self._followed.moved(*changed(self._block, before, weights))
        else:
            self._followed = Followed(self._summed)
        return self._followed.of(weights)

    def _summed(self, weights: np.ndarray) -> Moments:
        return moments_of(self._block.Z, weights)


def regression(moments: Moments) -> BayesianRegression:
    """A regression on the way of a search, not its result: precise to a hundredth of a penalty."""
    return BayesianRegression.of(moments, max_iter=50, tol=1e-2)
