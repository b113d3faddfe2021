"""Takes one column of a table as the weights of its rows."""

import dataclasses

import numpy as np

from .._text import counted, quote
from ..errors import InputError
from .encoded import Encoded


def weighted_by(table: Encoded, column: str) -> Encoded:
    """Make a column of numbers the weights of the rows; it is no feature then.

    Parameters
    ----------
    table : Encoded
        The table, the column among its features.
    column : str
        The column, such as the time that a row was under observation (exposure).

    Returns
    -------
    Encoded
        The table without the column, and with `weights`.

    Raises
    ------
    InputError
        If it is no feature of numbers, or some of them are missing, negative or all 0.

    Examples
    --------
    >>> from mithridate.data import load
    >>> table = weighted_by(load("diabetes"), "age")
    >>> "age" in table.columns.names, table.weights[:3]
    (False, array([59., 48., 72.]))
    """
    kept = table.columns
    places = [j for j, name in enumerate(kept.source) if name == column and kept.group[j] < 0]
    if len(places) != 1:
        raise InputError(
            f"The weights {quote(column)} are no column of numbers that the table "
            f"{quote(table.name)} uses; name one."
        )
    weights, rest = table.X[:, places[0]], np.arange(len(kept.source)) != places[0]
    bad = int((~np.isfinite(weights) | (weights < 0)).sum())
    if bad or not weights.any():
        which = f"{counted(bad, 'row')} of the table" if bad else "every row of the table"
        what = "no weight, or one below 0" if bad else "the weight 0"
        raise InputError(
            f"In {quote(column)} {which} {'has' if bad == 1 or not bad else 'have'} {what}; give "
            "weights above 0."
        )
    columns = dataclasses.replace(
        kept,
        names=tuple(np.array(kept.names, object)[rest]),
        source=tuple(np.array(kept.source, object)[rest]),
        group=kept.group[rest],
        step=kept.step[np.append(rest, True)],
        column=tuple(np.array(kept.column, object)[rest]) if kept.column else (),
    )
    note = f"{quote(column)} weighs the rows, and is no feature."
    notes = (*table.notes, note)
    return dataclasses.replace(
        table, X=table.X[:, rest], columns=columns, notes=notes, weights=weights
    )
