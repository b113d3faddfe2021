"""The rows that a rule was learned from, recognized by their values."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ..passes.block import Block
from .base import Trusted

_HASH_FACTOR = np.uint64(0x9E3779B97F4A7C15)


class FitSample(NamedTuple):
    """All that a rule is learned from: the same sample gives the same rule, to the last bit.

    Parameters
    ----------
    sample, others : Block
        The two samples of a table, as its `Passes` give them.
    trusted : tuple (X, y), optional
        Rows known to be right.
    refused : bool
        Whether no single row of the table was rejected, since too many looked wrong.
    spared : array, shape (k, s), optional
        Rows of the table that were kept though they looked wrong, by columns.
    """

    sample: Block
    others: Block
    trusted: Trusted | None = None
    refused: bool = False
    spared: Float[np.ndarray, "k s"] | None = None


class Recall(NamedTuple):
    """Rows by their values, so that a model does not judge a row that it has learned from.

    `Z` (k, m) are the rows, `hashes` (m,) theirs in ascending `order` (m,).
    """

    Z: Float[np.ndarray, "k m"]
    hashes: np.ndarray
    order: Int[np.ndarray, " m"]

    @classmethod
    def of(cls, Z: Float[np.ndarray, "k m"]) -> "Recall":
        """Remember rows, given by their columns."""
        hashes = _hashed(Z)
        order = np.argsort(hashes, kind="stable")
        return cls(Z, hashes[order], order)

    def find(self, Z: Float[np.ndarray, "k n"]) -> Int[np.ndarray, " n"]:
        """The places of rows among those remembered, -1 of a row that is new."""
        if not len(self.order):
            return np.full(Z.shape[1], -1)
        first = np.searchsorted(self.hashes, _hashed(Z))
        place = self.order[np.minimum(first, len(self.order) - 1)]
        return np.where((self.Z[:, place] == Z).all(axis=0), place, -1)

    def find_numbered(
        self, Z: Float[np.ndarray, "k n"], rows: Int[np.ndarray, " n"], own: Int[np.ndarray, " m"]
    ) -> Int[np.ndarray, " n"]:
        """The same; of equal rows it is the one with the same number, if there is one.

        `rows` are the numbers of those to be found, `own` those of the ones remembered, ascending.
        """
        at = np.minimum(np.searchsorted(own, rows), len(own) - 1)
        places = np.where(own[at] == rows, at, -1)
        places[(self.Z[:, places] != Z).any(axis=0)] = -1
        left = np.flatnonzero(places < 0)
        if len(left):
            places[left] = self.find(Z[:, left])
        return places


def _hashed(Z: Float[np.ndarray, "k n"]) -> np.ndarray:
    """A number for each row; equal rows have equal ones, and others hardly ever."""
    mixed = np.zeros(Z.shape[1], dtype=np.uint64)
    for values in Z:
        bits = (values + 0.0).view(np.uint64)  # -0.0 becomes 0.0
        mixed = (mixed ^ bits) * _HASH_FACTOR
        mixed ^= mixed >> np.uint64(29)
    return mixed
