"""A table in memory as numbers: one block, surveyed, planned and encoded as any other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa

from .._text import counted, quote
from .digest import Ordered, Survey
from .encoded import Columns, Encoded, check_judged, check_rows
from .encoder import Encoder
from .frame import columns_of
from .lattice import spacing
from .notes import Notes
from .onehot import RecognizedGroup, recognize
from .plan import lacking, planned, target_of
from .reading import ANY, Reading
from .wanted import Wanted, wanted_columns

NOTHING: Mapping[str, str] = MappingProxyType({})
FILLED = "the median of the training part"


def encode(
    frame: Any,
    target: str | None,
    *,
    drop: Sequence[str] = (),
    categorical: Sequence[str] = (),
    name: str = "table",
    notes: Sequence[str] = (),
    unused: Mapping[str, str] = NOTHING,
    reading: Reading = ANY,
) -> Encoded:
    """Turn a dataframe into numbers.

    Parameters
    ----------
    frame : dataframe
        A pandas, polars, pyarrow or other dataframe; it is only read.
    target : str or None
        The column to predict.
    drop : sequence of str
        Columns to leave out.
    categorical : sequence of str
        Columns whose numbers are only codes.
    name : str
        What the table is called in errors.
    notes : sequence of str
        Sentences to put before the notes of the encoding.
    unused : mapping of str to str
        Columns that are left out though nobody asked for it, with the reason.
    reading : Reading
        Whether dates become numbers, and which words mean "no value".

    Returns
    -------
    Encoded
        The numbers in the table's own units, NaN where one is missing.

    Raises
    ------
    InputError
        If the target or the features cannot be used; one sentence.

    Examples
    --------
    >>> import pyarrow as pa
    >>> frame = pa.table({"age": [1.5, 2.0] * 20, "home": ["own", "rent"] * 20, "pay": range(40)})
    >>> encoded = encode(frame, "pay", drop=["age"])
    >>> encoded.columns.names
    ('home=own', 'home=rent')
    >>> encoded.notes
    ("Left out as you asked: 'age'.", "Encoded one-hot: 'home' (2 levels).")
    """
    table = columns_of(frame, name)
    types = {column: cells.type for column, cells in table.items()}
    wanted = wanted_columns(
        types, target, drop, categorical, name=name, notes=notes, unused=unused, reading=reading
    )
    encoder, Z, columns = _filled(table, wanted._replace(filled=FILLED), scaled=False)
    parts = {at: column.parts for column, at in encoder.places()}
    step = [known or spacing(Z[j], parts.get(j, 0)) for j, known in enumerate(columns.step)]
    columns = replace(columns, step=np.array(step))
    by_time, ordered = _by_time(encoder, Z)
    sentences = (*ordered, *wanted.log.sentences())
    return Encoded(name, wanted.target, Z[:-1].T, Z[-1], columns, sentences, by_time=by_time)


def _by_time(encoder: Encoder, Z: np.ndarray) -> tuple[int, list[str]]:
    """Whether rows are in the order of the one column of dates, 1, or the reverse, -1; or 0."""
    dated = [(at, c.name) for c, at in encoder.places() if c.dated and not c.names]
    if len(dated) != 1:
        return 0, []
    ((at, name),) = dated
    steps = np.diff(Z[at])
    if np.isnan(steps).any() or not steps.any() or ((steps < 0).any() and (steps > 0).any()):
        return 0, []
    return (1 if steps.max() > 0 else -1), [f"Split by time, in the order of {quote(name)}."]


def scaled(
    table: Mapping[str, pa.ChunkedArray], wanted: Wanted
) -> tuple[Encoder, np.ndarray, Columns]:
    """Encode a table whose numbers are scaled by the ranges of its columns.

    The spacing of the columns that are not one-hot is not looked for: it is given as 0.

    Parameters
    ----------
    table : mapping of str to pyarrow.ChunkedArray
        The columns, by name.
    wanted : Wanted
        The columns as a person wants them used.

    Returns
    -------
    tuple of Encoder, array of float, shape (d + 1, n), and Columns
        The encoder, the numbers with nothing missing, the target last, and what the features are.
    """
    return _filled(table, wanted, scaled=True)


def _filled(
    table: Mapping[str, pa.ChunkedArray], wanted: Wanted, *, scaled: bool
) -> tuple[Encoder, np.ndarray, Columns]:
    """The encoder, the numbers (d + 1, n), and what they are, but for the spacing of values.

    Numbers in their own units keep their gaps, so only `scaled` ones need medians.
    """
    digests = Survey(wanted.surveyed, wanted.gone)((0, table))  # a table in memory is one block
    questions = _AnswersInMemory(table)
    goal = target_of(wanted, digests, questions)
    check = check_judged if scaled else check_rows
    check(len(table[wanted.target]), wanted.name)
    medians = questions.medians(lacking(wanted, digests)) if scaled else {}
    encoder = planned(wanted, goal, digests, medians, questions)
    Z = np.empty((encoder.width, len(table[wanted.target])))
    encoder.fill(table, Z, scaled=scaled)
    return encoder, Z, _described(encoder, _recognized(encoder, Z, wanted.log))


class _AnswersInMemory:
    """What only another look at a column can answer, where all of it is at hand."""

    def __init__(self, table: Mapping[str, pa.ChunkedArray]):
        self.table = table

    def all_differ(self, name: str) -> bool:
        values = self.table[name].to_numpy()
        return np.unique(values).size == values.size

    def counts_up(self, name: str, raw: Callable[[Any], np.ndarray]) -> bool:
        return bool(Ordered(name, raw)((0, self.table))[name]["step"])

    def medians(self, columns: Mapping[str, tuple[Any, int]]) -> dict[str, float]:
        """Medians of the numbers of columns, each given as how to read it."""
        middles = {}
        for name, (raw, _) in columns.items():
            values = raw(self.table)
            middles[name] = float(np.median(values[~np.isnan(values)]))
        return middles

    def first_unknown(self, raw: Callable[[Any], np.ndarray]) -> int:
        return int(np.isnan(raw(self.table)).argmax())


def _recognized(encoder: Encoder, Z: np.ndarray, log: Notes) -> list[RecognizedGroup]:
    """One-hot groups that the table came with."""
    binary = {}
    for column, at in encoder.places():
        if not column.names:
            one = Z[at] == 1
            if (one | (Z[at] == 0)).all():
                binary[column.name] = one
    groups = recognize(binary)
    for group in groups:
        detail = counted(len(group.members), "column")
        log.add("Recognized as one-hot already", group.prefix, detail)
    return groups


def _described(encoder: Encoder, groups: Sequence[RecognizedGroup]) -> Columns:
    """What each feature is: its group, made or recognized; the spacing of one-hot columns is 1."""
    made, member = encoder.about(), {c: group for group in groups for c in group.members}
    keys = [
        ("found", member[name].members[0]) if name in member else ("made", g) if g >= 0 else None
        for name, g in zip(made.column, made.group.tolist(), strict=True)
    ]
    order = list(dict.fromkeys(key for key in keys if key is not None))
    optional = {("found", group.members[0]): group.optional for group in groups}
    hot = np.array([*(key is not None for key in keys), False])
    return replace(
        made,
        source=tuple(member[name].prefix if name in member else name for name in made.column),
        group=np.array([-1 if key is None else order.index(key) for key in keys]),
        optional=np.array([optional.get(key, False) for key in order], dtype=bool),
        step=hot.astype(float),
    )
