"""One door to every table: a path, a bundled data set or a dataframe."""

import difflib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..errors import InputError
from ..words import listing, quote
from . import _read
from ._base import Encoded
from ._bundled import AbstractDataset
from ._encode import encode
from ._frame import columns_of, known, opened

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".pq", ".gz")


def load(
    source: Any,
    target: str | None = None,
    *,
    drop: Sequence[str] = (),
    categorical: Sequence[str] = (),
    name: str | None = None,
) -> Encoded:
    """Reads and encodes a CSV, TSV or Parquet file, a bundled data set, or any dataframe.

    `target` is the column to predict (bundled data sets know theirs), `drop` columns to leave
    out, `categorical` columns whose numbers are only codes, `name` what to call the table (the
    file's name without suffix by default). The notes of the result say all that was done. Raises
    `InputError` on anything that is no usable table.

    >>> load("diabetes", drop=["s1", "s2"]).columns.names
    ('age', 'sex', 'bmi', 'bp', 's3', 's4', 's5', 's6')
    """
    table = open(source, name)
    target, said = target or table.target, {"name": table.name, "notes": table.notes}
    return encode(table.frame, target, drop=drop, categorical=categorical, **said)


@dataclass(frozen=True, eq=False)
class Opened:
    """A table before it is encoded, whatever it was given as.

    `frame` is the dataframe as it came (of a lazy one, its rows; of a file, an Arrow table),
    `target` the column to predict where it is known, `name` what to call the table, `notes` how it
    was read, a sentence each, and `path` the file that it came from, if any.
    """

    frame: Any
    target: str | None
    name: str
    notes: tuple[str, ...] = ()
    path: Path | None = None

    @cached_property
    def columns(self) -> dict[str, pa.ChunkedArray]:
        """The columns by name, as Arrow."""
        return columns_of(self.frame, self.name)

    def known(self, column: str, role: str) -> str:
        """The column, if there is one of that name; else an error that names the nearest."""
        return known(str(column), list(self.columns), self.name, role)


def open(source: Any, name: str | None = None) -> Opened:
    """Opens a CSV, TSV or Parquet file, a bundled data set or any dataframe, without encoding it.

    `name` is what to call the table (the file's name without suffix by default). Raises
    `InputError` on anything that is no table with rows and columns.

    >>> diabetes = open("diabetes")
    >>> diabetes.frame.shape, diabetes.target, list(diabetes.columns)[:3]
    ((442, 11), 'progression', ['age', 'sex', 'bmi'])
    """
    if isinstance(source, str) and source in (bundled := _bundled()):
        source = bundled[source]()
    path, target, notes = None, None, ()
    if isinstance(source, AbstractDataset):
        frame, target, name = source.read(), source.target, name or source.title()
    elif isinstance(source, (str, os.PathLike)):
        path = Path(source)
        _check_bare(source, path)
        (frame, notes), name = _read.read(path), name or stem(path)
    else:
        frame, name = source, name or "table"
    return Opened(opened(frame, name).to_native(), target, name, tuple(notes), path)


def names() -> list[str]:
    """Names of the bundled data sets.

    >>> names()
    ['diabetes']
    """
    return sorted(_bundled())


def _bundled() -> dict[str, type[AbstractDataset]]:
    """Every data set that the package exports: an export line is all the registry there is."""
    from .. import datasets

    found = (getattr(datasets, name) for name in datasets.__all__)
    kinds = (kind for kind in found if isinstance(kind, type) and issubclass(kind, AbstractDataset))
    return {kind.title(): kind for kind in kinds if kind is not AbstractDataset}


def _check_bare(source: object, path: Path) -> None:
    """Takes a bare word that is no file for the name of a bundled data set that does not exist."""
    if not isinstance(source, str) or os.sep in source or path.suffix.lower() in SUFFIXES:
        return
    try:
        there = path.exists()
    except (OSError, ValueError):
        there = False
    if there:
        return
    near = difflib.get_close_matches(source[:60].lower(), names(), n=1)
    hint = f"did you mean {quote(near[0])}?" if near else "give the path of a CSV or Parquet file."
    raise InputError(
        f"{quote(source)} is neither a file nor a bundled data set "
        f"({listing([quote(n) for n in names()])}); {hint}"
    )


def stem(path: Path) -> str:
    """A file's name without `.csv`, `.csv.gz` and the like.

    >>> stem(Path("homes.csv.gz")), stem(Path("results.2024"))
    ('homes', 'results.2024')
    """
    while path.suffix.lower() in SUFFIXES:
        path = path.with_suffix("")
    return path.name
