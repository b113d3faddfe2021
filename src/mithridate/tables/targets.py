"""Rows of which nothing can be learned, since their target is no number."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from jaxtyping import Int

from .._text import counted, listing, quote
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
    """Why each row of a table is of no use: that of its target, or that it is a total.

    `gone` are words that mean "no value".
    """
    why = lacking(without(columns[target], gone))
    last = totals(pa.table(dict(columns)))
    why[last] = REASONS.index(TOTALS)
    return why


def lacking(column: pa.ChunkedArray | pa.Array) -> Int[np.ndarray, " n"]:
    """Why each row is of no use: a place in `REASONS`, 0 where the target can be used.

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
        found = levels(whole)
        if found is not None:
            why[found.codes < 0] = 1
    return why


def has_gaps(digest: Digest) -> bool:
    """Whether rows of a table may lack a target, by the digest of that."""
    if "words" in digest:
        return sum(digest["words"].values()) < digest["n"]
    return digest.get("missing", 0) + digest.get("odd", 0) > 0


def asides(why: Int[np.ndarray, " n"], rows: Int[np.ndarray, " n"]) -> list[Aside]:
    """The rows of no use by their numbers."""
    gone = np.flatnonzero(why)
    pairs = zip(rows[gone].tolist(), why[gone].tolist(), strict=True)
    return [Aside(row, REASONS[reason]) for row, reason in pairs]


def sentences_on(aside: list[Aside], target: str, name: str) -> list[str]:
    """A sentence for each reason."""
    rows: dict[str, list[str]] = {}
    for one in aside:
        rows.setdefault(one.why, []).append(str(one.row))
    return [
        f"Set aside in the {titled(name)}: {counted(len(some), 'row')}, since "
        f"{why.replace('its target', f'the target {quote(target)}')} (row {listing(some)})."
        for why, some in rows.items()
    ]
