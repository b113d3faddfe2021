"""Rows as a set: what does not depend on how a table was sorted, or whether rows are weighted."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int


class OrderedTable(NamedTuple):
    """A table in an order of its own, each row as often as it counts.

    A random method that draws from this list draws the same rows however the table was sorted, and
    takes a row of weight k for k equal rows. The order is by target, then by the features from the
    first, so that it does not change with the unit of the target either.

    Shapes: `rows` (m,), the row of the table at each place of the list; `X` (m, d); `y` (m,);
    `weight` (m,), or None where the list itself says how often each row counts.

    Parameters
    ----------
    rows : array of int, shape (m,)
        The row of the table at each place of the list.
    X : array, shape (m, d)
        The features there.
    y : array, shape (m,)
        The target there.
    weight : array, shape (m,), optional
        How much each counts; None where the list itself says how often each row counts.
    """

    rows: Int[np.ndarray, " m"]
    X: Float[np.ndarray, "m d"]
    y: Float[np.ndarray, " m"]
    weight: Float[np.ndarray, " m"] | None

    @classmethod
    def of(
        cls,
        X: Float[np.ndarray, "n d"],
        y: Float[np.ndarray, " n"],
        weight: Float[np.ndarray, " n"] | None = None,
    ) -> "OrderedTable":
        """List the rows of a table; weights that are no counts of rows stay weights.

        Parameters
        ----------
        X : array, shape (n, d)
            The features.
        y : array, shape (n,)
            The target.
        weight : array, shape (n,), optional
            How much each row counts; None: each once.

        Returns
        -------
        OrderedTable
            The list.
        """
        order = np.argsort(y, kind="stable")
        if (y[order][1:] == y[order][:-1]).any():
            order = np.lexsort((*X.T[::-1], y))
        if weight is not None and not are_counts(weight):
            return cls(order, X[order], y[order], weight[order])
        if weight is not None:
            order = order.repeat(weight[order].astype(int))
        return cls(order, X[order], y[order], None)

    def back(self, values: np.ndarray) -> np.ndarray:
        """Put values of the places of the list back where the rows of the table are.

        Parameters
        ----------
        values : array, shape (m,)
            The values.

        Returns
        -------
        array, shape (n,)
            The same by rows.
        """
        spread = np.empty(int(self.rows.max()) + 1, dtype=values.dtype)
        spread[self.rows] = values  # equal rows have equal values
        return spread


def are_counts(weight: Float[np.ndarray, " n"]) -> bool:
    """Tell whether weights are whole numbers, and few enough rows to write them out.

    Parameters
    ----------
    weight : array, shape (n,)
        The weights.

    Returns
    -------
    bool
        Whether they are.
    """
    return bool((weight == np.floor(weight)).all() and weight.sum() <= max(1000, 20 * len(weight)))


def lowest(
    scores: Float[np.ndarray, " n"], weight: Float[np.ndarray, " n"] | None, contamination: float
) -> Float[np.ndarray, " n"]:
    """Keep the rows with the lowest scores, until they fill `1 - contamination` of the weight.

    Equal scores go by row order; the row at the cut is kept with the part of its weight that fits.

    Parameters
    ----------
    scores : array, shape (n,)
        The scores.
    weight : array, shape (n,), optional
        How much each row counts; None: each once.
    contamination : float
        The share that is not kept.

    Returns
    -------
    array, shape (n,)
        The weight with which each row is kept.
    """
    weight = np.ones(len(scores)) if weight is None else weight
    rejected = contamination * weight.sum()
    if (weight == np.floor(weight)).all():
        rejected = round(rejected)  # whole rows are never cut
    budget = float(weight.sum() - rejected)
    if (weight == 1.0).all() and not np.isnan(scores).any():
        return _lowest(scores, int(budget)).astype(np.float64)
    order = np.argsort(scores, kind="stable")
    before = np.cumsum(weight[order]) - weight[order]
    # What rounding leaves of the budget is no weight of a row.
    room = np.where(budget - before > 1e-12 * budget, budget - before, 0.0)
    kept = np.empty_like(weight)
    kept[order] = np.minimum(room, weight[order])
    return kept


def dealt(rows: Int[np.ndarray, " n"], seed: int, k: Any) -> Int[np.ndarray, " n"]:
    """Draw whole numbers for rows, by the numbers of the rows alone (SplitMix64).

    Parameters
    ----------
    rows : array of int, shape (n,)
        The numbers of the rows.
    seed : int
        Another seed, other numbers.
    k : int or array of int, shape (n,)
        What they are to be below.

    Returns
    -------
    array of int, shape (n,)
        The numbers.

    Examples
    --------
    >>> dealt(np.arange(4), 0, 5), dealt(np.array([2]), 0, 5)
    (array([0, 0, 4, 4]), array([4]))
    """
    step, first, second = (
        np.uint64(c) for c in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
    )
    z = (rows.astype(np.uint64) + np.uint64((seed << 48) + 1)) * step
    z = (z ^ (z >> np.uint64(30))) * first
    z = (z ^ (z >> np.uint64(27))) * second
    return ((z ^ (z >> np.uint64(31))) % np.asarray(k).astype(np.uint64)).astype(np.int64)


def _lowest(scores: Float[np.ndarray, " n"], count: int) -> Bool[np.ndarray, " n"]:
    """Which rows have the lowest scores, without sorting the others; equal ones go by row order."""
    if count < 1:
        return np.zeros(len(scores), dtype=bool)
    cut = np.partition(scores, count - 1)[count - 1]
    kept = scores < cut
    kept[np.flatnonzero(scores == cut)[: count - np.count_nonzero(kept)]] = True
    return kept
