"""One door to every table: a path, a bundled data set or a dataframe."""

import difflib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from . import _read
from ._base import Encoded
from ._bundled import AbstractDataset
from ._encode import encode
from ._words import listing, quote

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
    frame, known, stem, notes = _opened(source)
    target, name = target or known, name or stem
    return encode(frame, target, drop=drop, categorical=categorical, name=name, notes=notes)


def read(source: Any) -> Any:
    """The table that `load` encodes: of a file as Arrow, of a bundled data set as it comes.

    `decode` needs it to write rows that fit beneath. A dataframe is handed back as it is.

    >>> read("diabetes").shape
    (442, 11)
    """
    return _opened(source)[0]


def _opened(source: Any) -> tuple[Any, str | None, str, list[str]]:
    """The frame in a source, the target if known, the table's name, notes on how it was read."""
    if isinstance(source, str) and source in (bundled := _bundled()):
        source = bundled[source]()
    if isinstance(source, AbstractDataset):
        return source.read(), source.target, source.title(), []
    if not isinstance(source, (str, os.PathLike)):
        return source, None, "table", []
    path = Path(source)
    _check_bare(source, path)
    table, notes = _read.read(path)
    return table, None, _stem(path), notes


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


def _stem(path: Path) -> str:
    """The file's name without `.csv`, `.csv.gz` and the like; `results.2024` keeps its dot."""
    stem = path
    while stem.suffix.lower() in SUFFIXES:
        stem = stem.with_suffix("")
    return stem.name
