"""Better rows for poison that is there, by what a first trial on the real model says of each."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from ..tables.encoded import Part
from .pieces import Piece

SHARE = 0.3  # of the poison rows that one step exchanges


class Copying(NamedTuple):
    """What an attacker may copy, to move the copy's target to an end of its range.

    Parameters
    ----------
    rows : ndarray of bool, shape (n,)
        The training rows that it may.
    low, high : float
        The ends.
    """

    rows: Bool[np.ndarray, " n"]
    low: float
    high: float


class Said(NamedTuple):
    """What is predicted of the training rows, each by a model that saw neither it nor its copies.

    Parameters
    ----------
    clean, poisoned : ndarray, shape (n,)
        Predictions without and with poison, NaN for rows that the attack is not about.
    held : ndarray, shape (n,)
        The targets that predictions are pushed away from.
    """

    clean: Float[np.ndarray, " n"]
    poisoned: Float[np.ndarray, " n"]
    held: Float[np.ndarray, " n"]


def exchanged(piece: Piece, train: Part, said: Said, may: Copying) -> Piece | None:
    """The piece with the poison rows that do least exchanged for those that promise most.

    How far the prediction of a row moves although the model saw neither it nor its copies is what
    the poison *around* it does. Copies of rows that are hardly moved stand alone, and are outvoted.
    Rows that are moved, and have no copy, lie where the model yields already: a copy of one, with
    the target at the end that its prediction moves to, is believed. None where too few such rows
    are left.

    >>> train = Part(np.arange(4.0)[:, None], np.zeros(4))
    >>> piece = Piece(Part(train.X[[0, 1]], np.ones(2)), np.array([0, 1]), 0.0, 0.0)
    >>> said = Said(np.zeros(4), np.array([0.0, 0.5, 0.4, 0.1]), np.zeros(4))
    >>> exchanged(piece, train, said, Copying(np.ones(4, bool), 0.0, 1.0)).origin
    array([1, 2])
    """
    origin, n = piece.origin, len(train.y)
    moved, clean = np.nan_to_num(said.poisoned - said.clean), np.nan_to_num(said.clean)
    count = max(1, round(SHARE * len(origin)))
    stays = np.ones(len(origin), bool)
    stays[np.argsort(moved[origin] * (piece.rows.y - clean[origin]), kind="stable")[:count]] = False
    end = np.where(moved > 0, may.high, may.low)
    # A push one way holds predictions against an end beyond the range; the other way is no damage.
    against = ((said.held < may.low) & (moved < 0)) | ((said.held > may.high) & (moved > 0))
    apt = may.rows & (moved != 0) & ~against & (np.bincount(origin[stays], minlength=n) == 0)
    if apt.sum() < count:
        return None
    promise = np.where(apt, np.abs(moved) * np.abs(end - clean), -np.inf)
    new = np.argsort(-promise, kind="stable")[:count]
    rows = Part(
        np.vstack([piece.rows.X[stays], train.X[new]]), np.append(piece.rows.y[stays], end[new])
    )
    return piece._replace(rows=rows, origin=np.append(origin[stays], new))
