"""Flagged rows that should stay: they confirm each other, or the other rows need them."""

from typing import NamedTuple

import numpy as np
import sklearn.linear_model
from jaxtyping import Bool, Float

from .._text import counted, percent
from ._crossfit import Canonical, boosting, crossfits

Mask = Bool[np.ndarray, " m"]

MANY = 0.15
"""Share of the rows beyond which "wrong" has no meaning that can be learned from the table."""

_SPLIT_SEEDS = 4, 5, 6  # several, since what trees gain from few rows depends on the split
_ONE_SPLIT_ROWS = 1 << 14  # rows from which on one split is enough
_PULL_SHARE = 0.3  # of the distance to its target by which others must move a row's prediction
_HARM_RATIO = 1.01  # squared error without the flagged rows over that with them: beyond, harm
_LEVEL_SHARE, _LEVEL_ROWS = 0.05, 5  # a target that so many rows have is a level or a code
_SPOILED_RATIO = 0.5  # the same ratio: below, the flagged rows spoil the model
_DENIED_ERRORS = 2.5  # standard errors by which the other rows must contradict the flagged ones


class Decision(NamedTuple):
    """The decision on flagged rows: which are spared (m,), whether all are, and a message."""

    spared: Mask
    refused: bool
    message: str


class Tried:
    """Predictions of the rows of a table by models that learned from some of the others.

    Where only the `drawn` of some `flagged` rows are learned from, these count for all of them. So
    trees see a table made as the whole one is: their leaves are counted in rows, whatever these
    weigh, and many rows of a small weight would only make leaves finer.
    """

    def __init__(self, table: Canonical, flagged: Mask, drawn: Mask | None = None):
        self.learned = np.ones_like(flagged) if drawn is None else ~flagged | drawn
        if drawn is not None:
            by = table.weight[flagged].sum() / table.weight[drawn].sum()
            table = table._replace(weight=np.where(drawn, by, 1.0) * table.weight)
        self.table = table
        self.splits = _SPLIT_SEEDS if len(table.y) <= _ONE_SPLIT_ROWS else _SPLIT_SEEDS[:1]
        self.models = {"ridge": sklearn.linear_model.Ridge(), "trees": boosting(len(table.y))}
        self._known: dict[tuple[str, bytes], Float[np.ndarray, "s m"]] = {}

    def predicted(self, model: str, used: Mask) -> Float[np.ndarray, "s m"]:
        """Predictions of each row by the used rows of other folds, one of each split."""
        key, table = (model, used.tobytes()), self.table
        if key not in self._known:  # `borne_out` and `harmful` ask for the same models
            used = used & self.learned
            fits = crossfits(self.models[model], table, table.y, self.splits, used)
            self._known[key] = np.stack([fit.predicted for fit in fits])
        return self._known[key]

    def error(self, model: str, used: Mask, rows: Mask) -> float:
        """Squared error of the rows, summed, mean over the splits."""
        squares = ((self.table.y - self.predicted(model, used)) ** 2).mean(axis=0)
        return float((self.table.weight * rows) @ squares)


def decided(table: Canonical, flagged: Mask, drawn: Mask | None = None) -> Decision:
    """Which of the flagged rows of a table stay, and whether rejecting the others does harm.

    Models learn from the `drawn` ones of the flagged rows, if not from all.
    """
    w = table.weight
    share = float(w[flagged].sum() / w.sum())
    if not flagged.any():
        return Decision(flagged, False, "")
    opening = f"{percent(share)} of the rows look wrong,"
    if share > MANY:
        reason = (
            "too many to be errors: there may be two populations, or a column is missing that "
            "tells them apart. None was rejected."
        )
        return Decision(np.zeros_like(flagged), True, f"{opening} {reason}")
    tried, level = Tried(table, flagged, drawn), levels(table.y, flagged, w)
    supported = borne_out(tried, flagged & ~level)
    spared = level | supported
    wrong = flagged & ~spared
    if not wrong.any() or w[supported].sum() > w[wrong].sum() or harmful(tried, wrong):
        reason = (
            "but what they say is borne out: they share a value, or they or the others are "
            "predicted worse without them. None was rejected."
        )
        return Decision(np.zeros_like(flagged), True, f"{opening} {reason}")
    if not spared.any():
        return Decision(spared, False, "")
    rows = counted(int(spared.sum()), "row")
    message = f"Kept, since other such rows bear it out: {rows} that looked wrong."
    return Decision(spared, False, message)


def borne_out(tried: Tried, flagged: Mask) -> Mask:
    """The flagged rows that other flagged rows confirm.

    Trained with the others, boosted trees predict the target of such a row closer by 30 % of its
    distance, which is half of its squared error. Errors do not predict each other, unless many came
    from one source and some lie beside each other by chance. These are not confirmed: fewer than
    half of them are when they alone are in training, or they move the predictions of rows that were
    not flagged away from their targets, or those are predicted far better without them.

    The movement is relative to the distance, so a larger error is not confirmed more easily.
    """
    none, others = np.zeros_like(flagged), ~flagged
    if flagged.sum() < 2:
        return none
    apart = tried.predicted("trees", others).mean(axis=0)
    r = tried.table.y - apart

    def pull(rows: Mask) -> Float[np.ndarray, " m"]:
        return tried.predicted("trees", others | rows).mean(axis=0) - apart

    def moved_by(rows: Mask) -> Mask:
        return rows & (pull(rows) * np.sign(r) > _PULL_SHARE * np.abs(r))

    supported = moved_by(flagged)
    if not supported.any():
        return none
    single = supported.sum() == 1
    pulled = pull(flagged if single else supported)
    without, within = (tried.error("trees", used, others) for used in (others, others | supported))
    if without < _SPOILED_RATIO * within:
        return none
    if denied(r[others], pulled[others], tried.table.weight[others]):
        return none
    return supported if single or 2 * moved_by(supported).sum() >= supported.sum() else none


def denied(
    r: Float[np.ndarray, " m"], pulled: Float[np.ndarray, " m"], w: Float[np.ndarray, " m"]
) -> bool:
    """Whether rows are surely not where flagged rows pull their predictions.

    Residuals `r` regressed on the pull have a slope of 1 where the pull is right and of 0 where
    it tells nothing. Below one half, rows are predicted worse with it.
    """
    half = r * pulled - 0.5 * pulled**2
    return bool(w @ half < -_DENIED_ERRORS * np.sqrt(w @ (w * half**2)))


def levels(y: Float[np.ndarray, " m"], flagged: Mask, w: Float[np.ndarray, " m"]) -> Mask:
    """The flagged rows of a target that one row in twenty shares, and that errors alone would have.

    Errors do not agree on a value; so it is a level of the target, or a code, for which the table
    has no column.
    """
    values, at = np.unique(y, return_inverse=True)
    total = np.bincount(at, weights=w, minlength=len(values))
    wrong = np.bincount(at, weights=w * flagged, minlength=len(values))
    common = total >= max(_LEVEL_SHARE * w.sum(), _LEVEL_ROWS)
    return flagged & (common & (wrong > 0.5 * total))[at]


def harmful(tried: Tried, flagged: Mask) -> bool:
    """Whether a ridge or boosted trees predict the other rows worse without the flagged ones."""
    every, others = np.ones_like(flagged), ~flagged
    return any(
        tried.error(model, others, others) > _HARM_RATIO * tried.error(model, every, others)
        for model in tried.models
    )
