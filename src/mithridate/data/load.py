"""Opens every table: from a path, a data set's name or a dataframe."""

import difflib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from .._lookup import choices
from .._text import quote
from ..errors import InputError
from ..tables import read, targets
from ..tables.encode import encode
from ..tables.encoded import Encoded
from ..tables.frame import columns_of, index_notes, known, opened
from ..tables.names import column_name, column_names
from ..tables.place import SUFFIXES, is_file, place, stem
from ..tables.reading import ANY, Account, Reading
from ..tables.write import rows_of
from .dataset import AbstractDataset, fetched
from .sources import Fetched, Folder


def load(
    source: Any,
    target: str | None = None,
    *,
    drop: Sequence[str] = (),
    categorical: Sequence[str] = (),
    name: str | None = None,
    reading: Reading = ANY,
) -> Encoded:
    """Read and encode a CSV, TSV or Parquet file, a data set by name, or any dataframe.

    Rows without a target, and totals at the end, are set aside. The notes of the result say all
    that was done.

    Parameters
    ----------
    source : path-like, str or dataframe
        The table; a file may be given with its target as `file:path#target`.
    target : str, optional
        The column to predict; named data sets know theirs.
    drop : sequence of str
        Columns to leave out, beside those of a named data set.
    categorical : sequence of str
        Columns whose numbers are only codes, beside those of a named data set.
    name : str, optional
        What to call the table; by default the file's name without suffix.
    reading : Reading
        How to read a CSV file, where that is not to be found out.

    Returns
    -------
    Encoded
        The table as numbers.

    Raises
    ------
    InputError
        If it is no usable table.

    Examples
    --------
    >>> load("diabetes", drop=["s1", "s2"]).columns.names
    ('age', 'sex', 'bmi', 'bp', 's3', 's4', 's5', 's6')
    """
    opened = open(source, name, reading=reading).usable(target)
    return opened.encode(target, drop=drop, categorical=categorical)


@dataclass(frozen=True, eq=False)
class Opened:
    """A table before it is encoded, whatever it was given as.

    Parameters
    ----------
    frame : dataframe
        The table as it came: of a lazy one its rows, of a file an Arrow table.
    target : str or None
        The column to predict, where it is known.
    name : str
        What to call the table.
    notes : tuple of str
        How it was read, a sentence each.
    path : pathlib.Path, optional
        The file that it came from.
    unused : mapping of str to str
        Columns that a named data set leaves out, with the reason.
    coded : tuple of str
        Columns that a named data set knows to be only codes.
    reading : Reading
        What was asked of the reading of a file.
    account : Account
        How it was read, with the rows that were set aside.
    numbers : ndarray of int, shape (n,), optional
        The numbers of the other rows in the table as it came, from 1, where any were set aside.
    """

    frame: Any
    target: str | None
    name: str
    notes: tuple[str, ...] = ()
    path: Path | None = None
    unused: Mapping[str, str] = field(default_factory=dict)
    coded: tuple[str, ...] = ()
    reading: Reading = ANY
    account: Account = field(default_factory=Account)
    numbers: np.ndarray | None = None

    @cached_property
    def columns(self) -> dict[str, pa.ChunkedArray]:
        """The columns by name, as Arrow."""
        return columns_of(self.frame, self.name)

    def known(self, column: str, role: str) -> str:
        """Find a column by its name.

        Parameters
        ----------
        column : str
            The name.
        role : str
            What it is to be, for the error.

        Returns
        -------
        str
            The column, as the table spells it.

        Raises
        ------
        InputError
            If there is none of that name; it names the nearest.
        """
        return known(str(column), list(self.columns), self.name, role)

    def usable(self, target: str | None = None) -> "Opened":
        """Set aside the rows without a target, and totals.

        Parameters
        ----------
        target : str, optional
            The column to predict, if not the one that the table knows.

        Returns
        -------
        Opened
            The other rows.
        """
        target = column_name(target) or self.target
        if target not in self.columns:
            return self  # the error comes where columns are looked up
        why = targets.unusable(self.columns, target, self.reading.missing)
        usable = why == targets.USABLE
        if usable.all() or not usable.any():
            return self
        rows = np.arange(1, len(why) + 1) if self.numbers is None else self.numbers
        aside = targets.asides(why, rows)
        every = tuple(sorted((*self.account.aside, *aside), key=lambda one: one.row))
        notes = (*targets.sentences_on(aside, target, self.name), *self.notes)
        return replace(
            self,
            frame=rows_of(self.frame, usable),
            notes=notes,
            account=replace(self.account, aside=every, notes=notes),
            numbers=rows[usable],
        )

    def encode(
        self,
        target: str | None = None,
        *,
        drop: Sequence[str] = (),
        categorical: Sequence[str] = (),
    ) -> Encoded:
        """Turn the table into numbers.

        Rows without a target are an error: `usable` sets them aside.

        Parameters
        ----------
        target : str, optional
            The column to predict, if not the one that the table knows.
        drop : sequence of str
            Columns to leave out, beside those that the table knows.
        categorical : sequence of str
            Columns whose numbers are only codes, beside those that the table knows.

        Returns
        -------
        Encoded
            The table as numbers.

        Raises
        ------
        InputError
            If the target or the features cannot be used.
        """
        target, drop = column_name(target) or self.target, column_names(drop, "drop")
        unused = {c: w for c, w in self.unused.items() if c != target and c not in drop}
        return encode(
            self.frame,
            target,
            drop=drop,
            categorical=[*self.coded, *column_names(categorical, "categorical")],
            name=self.name,
            notes=self.notes,
            unused=unused,
            reading=self.reading,
        )


def open(source: Any, name: str | None = None, *, reading: Reading = ANY) -> Opened:
    """Open a CSV, TSV or Parquet file, a data set by name or any dataframe, without encoding it.

    Parameters
    ----------
    source : path-like, str or dataframe
        The table; a file may be given with its target as `file:path#target`.
    name : str, optional
        What to call the table; by default the file's name without suffix.
    reading : Reading
        How to read a CSV file, where that is not to be found out.

    Returns
    -------
    Opened
        The table as it came, and what is known of it.

    Raises
    ------
    InputError
        If it is no table with rows and columns, or one that can be read in two ways.

    Examples
    --------
    >>> diabetes = open("diabetes")
    >>> diabetes.frame.shape, diabetes.target, list(diabetes.columns)[:3]
    ((442, 11), 'progression', ['age', 'sex', 'bmi'])
    """
    if isinstance(source, str) and source in (sets := known_sets()):
        source = sets[source]()
    if isinstance(source, AbstractDataset):
        return replace(_named(source, fetched(source), name or source.title()), reading=reading)
    if not isinstance(source, (str, os.PathLike)):
        name = name or "table"
        native, notes = opened(source, name).to_native(), index_notes(source)
        account = Account(notes=notes)
        return Opened(native, None, name, notes, reading=reading, account=account)
    where = place(source)
    path, target = where or (Path(source), None)
    if where is None:
        _check_bare(source, path)
    content, name = read.read(path, reading), name or stem(path)
    frame, account = opened(content.table, name).to_native(), content.account
    return Opened(
        frame,
        target,
        name,
        account.notes,
        path,
        reading=reading,
        account=account,
        numbers=content.numbers,
    )


def _named(dataset: AbstractDataset, content: Fetched, name: str) -> Opened:
    """A named data set; of what it knows of its columns, what holds for those that are there."""
    table = opened(content.frame, name)
    there = {str(column) for column in table.columns}
    unused = {**dataset.drop, **content.unused}
    return Opened(
        table.to_native(),
        dataset.target,
        name,
        content.notes,
        content.path,
        {column: why for column, why in unused.items() if column in there},
        tuple(column for column in dataset.categorical if column in there),
    )


def file_of(source: Any) -> Path | None:
    """Find the file that a table would be read from.

    Parameters
    ----------
    source : path-like, str or dataframe
        What `open` takes.

    Returns
    -------
    pathlib.Path or None
        A path, that of `file:`, or the file of a named data set; None where there is no file.
    """
    if isinstance(source, str) and source in (sets := known_sets()):
        hand = sets[source].at_hand()
        return hand.file() if isinstance(hand, Folder) else None
    if not isinstance(source, (str, os.PathLike)):
        return None
    where = place(source)
    return Path(source) if where is None else where.path


def names() -> list[str]:
    """List the data sets that can be opened by name, if they are available.

    Returns
    -------
    list of str
        Their names.

    Examples
    --------
    >>> names()[:4]
    ['ames', 'appliances', 'boston', 'davis']
    """
    return sorted(known_sets())


def known_sets() -> dict[str, type[AbstractDataset]]:
    """Look up the data sets by name, all that the package exports: there is no other registry.

    Returns
    -------
    dict of str to type
        Their classes.
    """
    from .. import data

    kinds = choices(data, AbstractDataset).values()
    return {kind.title(): kind for kind in kinds if kind is not AbstractDataset}


def _check_bare(source: object, path: Path) -> None:
    """Takes a bare word that is no file for the name of a data set that does not exist."""
    if not isinstance(source, str):
        return
    file, mark, _ = source.rpartition("#")
    if mark and is_file(file) and not is_file(source):
        wanted = f"file:{source}"
        raise InputError(
            f"There is no file {quote(source)}; if the target follows '#', write {quote(wanted)}."
        )
    if os.sep in source or path.suffix.lower() in SUFFIXES:
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
        f"{quote(source)} is neither a file nor the name of a data set ({', '.join(names())}); "
        f"{hint}"
    )
