"""A table judged by a saved model: its numbers by that model, and what the model does not know."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from .._text import counted, listing, quote
from ..data.load import Opened
from ..errors import InputError
from ..tables.digest import Digest, Survey, kind_of
from ..tables.encoded import check_judged
from .encoding import Encoding
from .findings import figure
from .saved import SavedModel

_SHOWN = 3  # new values of a column that are named


def target_for(model: SavedModel, *given: str | None) -> str:
    """The target of a model; an InputError where another one is given."""
    name = model.encoder.target.name
    for target in given:
        if target is not None and target != name:
            raise InputError(
                f"The target {quote(target)} is given, and the model of {quote(model.table)} "
                f"judges {quote(name)}; leave the target out, or save a model for it."
            )
    return name


def encoded_by(
    model: SavedModel, table: Opened, source: str | None
) -> tuple[Encoding, tuple[str, ...]]:
    """Another table as the numbers of a model, and the notes on it; `source` groups its rows."""
    cells, encoder = table.columns, model.encoder
    kinds = kinds_for(model, {name: column.type for name, column in cells.items()})
    digests = Survey(kinds, encoder.target.gone)((0, cells))
    n = len(cells[encoder.target.name])
    check_judged(n, table.name)
    Z = np.empty((encoder.width, n))
    encoder.fill(cells, Z, scaled=True)
    notes = novelties(model, [*cells], digests, source)
    return Encoding(cells, encoder, Z, model.columns, n), (*table.notes, *notes)


def kinds_for(model: SavedModel, types: Mapping[str, pa.DataType]) -> dict[str, str]:
    """What each column that the model needs is counted as; an InputError where one cannot be."""
    lacking = [quote(name) for name in model.encoder.needed if name not in types]
    if lacking:
        raise InputError(
            f"The table lacks {listing(lacking)}, which the model of {quote(model.table)} needs; "
            "give a table with the columns of that one."
        )
    kinds = {}
    for column in model.encoder.columns:
        kind = kind_of(types[column.name], bool(column.names))
        if not column.names and kind != "number":
            raise InputError(
                f"The column {quote(column.name)} holds {kind}, and numbers in the table of the "
                f"model, {quote(model.table)}; make them numbers there."
            )
        kinds[column.name] = kind
    return kinds


def novelties(
    model: SavedModel, names: Sequence[str], digests: Mapping[str, Digest], source: str | None
) -> list[str]:
    """Sentences on new columns, new values and new ranges, which the model does not know."""
    new = [quote(name) for name in names if name not in (*model.names, source)]
    sentences = [model.sentence]
    if new:
        shown = listing(new)
        sentences.append(f"New columns, which the model does not know and leaves out: {shown}.")
    words = [_words(c, digests[c.name]["words"]) for c in model.encoder.columns if c.names]
    if any(words):
        shown = listing([one for one in words if one])
        sentences.append(f"New values, which the model takes as none of those it knows: {shown}.")
    ends = [_beyond(c, digests[c.name]) for c in model.encoder.columns if not c.names]
    if any(ends):
        shown = listing([one for one in ends if one])
        sentences.append(f"Beyond all that the model has learned of: {shown}.")
    return sentences


def _words(column: Any, words: Mapping[str, int]) -> str:
    """The values of a column of levels that are new, with their rows."""
    new = {word: n for word, n in words.items() if word not in column.known}
    if not new:
        return ""
    order = sorted(new, key=lambda word: (-new[word], word))
    shown = [quote(word) for word in order[:_SHOWN]]
    if len(order) > _SHOWN:
        shown.append(f"{len(order) - _SHOWN:,} more")
    return f"{quote(column.shown)} ({listing(shown)} in {counted(sum(new.values()), 'row')})"


def _beyond(column: Any, digest: Digest) -> str:
    """The ends of a column of numbers, where they lie beyond those that the model knows."""
    low, high = digest["low"], digest["high"]
    least, most = column.low + column.base, column.high + column.base
    if (low >= least and high <= most) or low > high:
        return ""
    here, there = (f"{figure(a)} to {figure(b)}" for a, b in ((low, high), (least, most)))
    return f"{quote(column.shown)} ({here}; the model: {there})"
