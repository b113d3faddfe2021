"""Numbers written the way the cells of a column are: as its type, its objects, its words."""

# pyright: reportAttributeAccessIssue=false
# (Arrow makes its compute functions at import, where a type checker cannot see them.)

import decimal
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float

from .cells import MISSING, TEXT
from .sheet import Fresh

FLOATS = {pa.float16(): np.float16, pa.float32(): np.float32}


def written(
    values: Float[np.ndarray, " k"],
    column: pa.ChunkedArray,
    bounds: tuple[int, int] | None,
    kinds: Sequence[type],
) -> Fresh:
    """Write finite numbers as cells that a column can hold, the nearest that it can.

    Parameters
    ----------
    values : array of float, shape (k,)
        The numbers.
    column : pyarrow.ChunkedArray
        The column.
    bounds : pair of int, optional
        The bounds of an integer type.
    kinds : sequence of type
        The Python types in a column of objects.

    Returns
    -------
    Fresh
        The cells.
    """
    kind = column.type
    text = any(is_text(kind) for is_text in TEXT) and not kinds
    if bounds is not None:
        return _whole(values, *bounds)
    if text or any(issubclass(k, str) for k in kinds):
        return _words(values, column)
    if kinds:
        return _objects(values, kinds)
    if pa.types.is_decimal(kind):
        return _decimals(values, kind.precision, kind.scale)
    narrow = FLOATS.get(kind)
    if narrow is None:
        return values
    limits = np.finfo(narrow)
    return values.clip(float(limits.min), float(limits.max)).astype(narrow)


def _whole(values: np.ndarray, low: int, high: int) -> list[int]:
    # As Python integers, because the limits of 64 bits and more are no floats.
    return [min(max(int(value), low), high) for value in np.rint(values).tolist()]


def _decimals(values: np.ndarray, precision: int, scale: int) -> list[Decimal]:
    with decimal.localcontext(prec=400):
        unit = Decimal(1).scaleb(-scale)
        top = (10**precision - 1) * unit
        exact = (Decimal(repr(value)).quantize(unit) for value in values.tolist())
        return [min(max(value, -top), top) for value in exact]


def _objects(values: np.ndarray, kinds: Sequence[type]) -> list[object]:
    """Python numbers, of the type that holds all the types there are."""
    if any(issubclass(kind, Decimal) for kind in kinds):
        return [Decimal(repr(value)) for value in values.tolist()]
    if all(issubclass(kind, (int, np.integer)) for kind in kinds):
        return [round(value) for value in values.tolist()]
    return values.tolist()


def _words(values: np.ndarray, column: pa.ChunkedArray) -> list[str]:
    """Numbers as text: with an exponent, with as many decimals, or as wide as all others are."""
    words = pc.unique(pc.utf8_trim_whitespace(column.cast(pa.large_string()))).to_pylist()
    known = [w for w in words if w and w not in MISSING and "inf" not in w.lower()]
    if any("e" in word.lower() for word in known):
        return [repr(value) for value in values.tolist()]
    least = min(len(word.partition(".")[2]) for word in known)
    padded = any(word[0] == "0" and word[1:2].isdigit() for word in known)
    width = min(map(len, known)) if padded else 0
    texts = (
        np.format_float_positional(value, trim="k" if least else "-", min_digits=least)
        for value in values + 0.0  # no "-0"
    )
    return [text.zfill(width) for text in texts]
