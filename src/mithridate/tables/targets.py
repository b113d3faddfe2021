"""Rows of which nothing can be learned, since their target is no number."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from jaxtyping import Int

from .._text import counted, numbered, quote
from .asides import TOTALS, totals
from .cells import levels
from .digest import HUGE, Digest, kind_of, numbers, without
from .notes import titled
from .reading import Aside

USABLE = 0
REASONS = (
    "",
    "its target is missing",
    "its target is infinite",
    "its target is beyond 1e100",
    TOTALS,
)


def unusable(
    columns: Mapping[str, pa.ChunkedArray], target: str, gone: Sequence[str] = ()
) -> Int[np.ndarray, " n"]:
    """Say why rows of a table are of no use: for their target, or because they are totals.

    Parameters
    ----------
    columns : mapping of str to pyarrow.ChunkedArray
        The columns, by name.
    target : str
        The column to predict.
    gone : sequence of str
        Words that mean "no value".

    Returns
    -------
    array of int, shape (n,)
        Places in `REASONS`, 0 where a row can be used.
    """
    why = lacking(without(columns[target], gone))
    last = totals(pa.table(dict(columns)))
    why[last] = REASONS.index(TOTALS)
    return why


def lacking(column: pa.ChunkedArray | pa.Array) -> Int[np.ndarray, " n"]:
    """Say why the targets of rows are of no use.

    Parameters
    ----------
    column : pyarrow array
        The targets.

    Returns
    -------
    array of int, shape (n,)
        Places in `REASONS`, 0 where a target can be used.

    Examples
    --------
    >>> import pyarrow as pa
    >>> lacking(pa.chunked_array([[1.5, None, float("inf"), 2e200]])).tolist()
    [0, 1, 2, 3]
    """
    why = np.zeros(len(column), dtype=np.int8)
    kind = kind_of(column.type, False)
    if kind == "number":
        values = numbers(column)
        if not np.abs(values).max(initial=0.0) <= HUGE:
            why[np.abs(values) > HUGE] = 3
            why[np.isinf(values)] = 2
            why[np.isnan(values)] = 1
    elif kind in ("text", "category"):
        whole = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
        words = levels(whole)
        if words is not None:
            why[words.codes < 0] = 1
    return why


def has_gaps(digest: Digest) -> bool:
    """Say whether rows of a table may lack a target.

    Parameters
    ----------
    digest : Digest
        What was counted in the targets.

    Returns
    -------
    bool
        Whether some may.
    """
    if "words" in digest:
        return sum(digest["words"].values()) < digest["n"]
    return digest.get("missing", 0) + digest.get("odd", 0) > 0


def asides(why: Int[np.ndarray, " n"], rows: Int[np.ndarray, " n"]) -> list[Aside]:
    """List the rows of no use by their numbers.

    Parameters
    ----------
    why : array of int, shape (n,)
        Places in `REASONS`.
    rows : array of int, shape (n,)
        Numbers of the rows.

    Returns
    -------
    list of Aside
        The rows, each with its reason.
    """
    gone = np.flatnonzero(why)
    pairs = zip(rows[gone].tolist(), why[gone].tolist(), strict=True)
    return [Aside(row, REASONS[reason]) for row, reason in pairs]


def sentences_on(aside: list[Aside], target: str, name: str) -> list[str]:
    """Say which rows were set aside, a sentence for each reason.

    Parameters
    ----------
    aside : list of Aside
        The rows.
    target : str
        The column to predict.
    name : str
        What the table is called.

    Returns
    -------
    list of str
        The sentences.
    """
    rows: dict[str, list[int]] = {}
    for one in aside:
        rows.setdefault(one.why, []).append(one.row)
    return [
        f"Set aside in the {titled(name)}: {counted(len(some), 'row')}, since "
        f"{why.replace('its target', f'the target {quote(target)}')} ({numbered(some)})."
        for why, some in rows.items()
    ]
