"""A table in memory as a defense sees it: features and target by their ranges, with their names."""

import inspect
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Int

from ..data.load import Opened
from ..defenses import BaseDefense
from ..tables.encode import scaled
from ..tables.encoded import Columns
from ..tables.encoder import Encoder
from ..tables.wanted import wanted_columns
from ..tables.write import stacked
from .groups import Groups

Cells = Mapping[str, pa.ChunkedArray]


class Encoding(NamedTuple):
    """The numbers of a table; the first `rows` of `Z` (d + 1, n) are its own, others are trusted.

    Nothing is missing in `Z`, and all of it lies in [0, 1] by the ranges of its columns, the target
    last; `cells` are the columns as they came.
    """

    cells: Cells
    encoder: Encoder
    Z: Float[np.ndarray, "k n"]
    columns: Columns
    rows: int

    @property
    def target(self) -> str:
        return self.encoder.target.name

    @property
    def zero(self) -> float:
        return self.encoder.target.low

    @property
    def unit(self) -> float:
        return self.encoder.target.high - self.encoder.target.low

    @property
    def X(self) -> Float[np.ndarray, "n d"]:
        return self.Z[:-1, : self.rows].T

    @property
    def y(self) -> Float[np.ndarray, " n"]:
        return self.Z[-1, : self.rows]

    def features(self, rows: Any) -> pa.Table:
        """Features of these rows, by name; those of a slice are not copied."""
        arrays = [pa.array(np.ascontiguousarray(values[rows])) for values in self.Z[:-1]]
        # Lone surrogates are legal in Python and not in Arrow.
        names = [n.encode("utf-8", "replace").decode() for n in self.columns.names]
        return pa.Table.from_arrays(arrays, names=names)

    def raw(self, rows: Int[np.ndarray, " r"]) -> Float[np.ndarray, "k r"]:
        """These rows of the table in its own units, NaN where a number is missing."""
        taken = {name: self.cells[name].take(pa.array(rows)) for name in self.encoder.needed}
        out = np.empty((len(self.Z), len(rows)))
        self.encoder.fill(taken, out, scaled=False)
        return out

    @property
    def blanks(self) -> Bool[np.ndarray, "n d"]:
        """Which numbers of the features are missing in the table; `Z` has them filled."""
        missing = np.zeros((self.rows, len(self.Z) - 1), dtype=bool)
        for column, at in self.encoder.places()[:-1]:
            if not column.names:
                missing[:, at] = np.isnan(column.raw(self.cells)[: self.rows])
        return missing

    def predicted(self, guard: BaseDefense, rows: Int[np.ndarray, " r"]) -> np.ndarray:
        """The target (r,) by the model of the kept rows, in its own units."""
        if not len(rows):
            return np.zeros(0)
        return guard.predict(self.features(rows)) * self.unit + self.zero


def encoded(
    table: Opened, target: str | None, drop: Sequence[str], categorical: Sequence[str]
) -> tuple[Encoding, tuple[str, ...]]:
    """A table as numbers, and the notes on how it became so."""
    target = target or table.target
    unused = {c: why for c, why in table.unused.items() if c != target and c not in drop}
    types = {name: cells.type for name, cells in table.columns.items()}
    coded = [*table.coded, *categorical]
    wanted = wanted_columns(
        types,
        target,
        drop,
        coded,
        name=table.name,
        notes=table.notes,
        unused=unused,
        reading=table.reading,
    )
    encoder, Z, columns = scaled(table.columns, wanted)
    return Encoding(table.columns, encoder, Z, columns, Z.shape[1]), wanted.log.sentences()


def beside(trusted: Opened, table: Opened, alone: Encoding, categorical: Sequence[str]) -> Encoding:
    """The table with the trusted rows beneath it, encoded together so that levels agree."""
    used = list(dict.fromkeys([*alone.columns.column, alone.target]))
    coded = [c for c in (*table.coded, *categorical) if c in used]
    both = stacked(table.columns, trusted.columns, used)
    cells = dict(zip(used, both.columns, strict=True))
    types = {name: column.type for name, column in cells.items()}
    name = f"{table.name} with trusted rows"
    wanted = wanted_columns(types, alone.target, (), coded, name=name, reading=table.reading)
    encoder, Z, columns = scaled(cells, wanted)
    return Encoding(cells, encoder, Z, columns, alone.rows)


def fit(guard: BaseDefense, encoding: Encoding, groups: Groups | None) -> list[str]:
    """Fits the defense on all that it takes; what it warned of, in words."""
    rows, given = encoding.rows, {}
    if encoding.Z.shape[1] > rows:
        after = slice(rows, None)
        given["trusted"] = (encoding.features(after), encoding.Z[-1, after])
    if groups is not None and "groups" in inspect.signature(guard.fit).parameters:
        given["groups"] = groups.labels
    if "blanks" in inspect.signature(guard.fit).parameters:
        given["blanks"] = encoding.blanks
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        guard.fit(encoding.features(slice(rows)), encoding.y, **given)
    return list({str(w.message): 0 for w in caught if issubclass(w.category, UserWarning)})
