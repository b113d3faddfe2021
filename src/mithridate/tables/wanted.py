"""The use of the columns of a table: target, features, and those left out."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import pyarrow as pa

from .._text import listing, quote
from ..errors import InputError
from .digest import DATES, kind_of
from .frame import known
from .names import column_names
from .notes import Notes, titled
from .reading import ANY, Reading


class Wanted(NamedTuple):
    """How the columns are to be used; `kinds` are those of the columns not left out."""

    target: str
    kinds: dict[str, str]
    log: Notes
    name: str
    filled: str = "the median"
    dates: str = ""
    gone: tuple[str, ...] = ()

    @property
    def surveyed(self) -> dict[str, str]:
        """The columns that can be features or target, by name."""
        usual = ("number", "text", "category", *[DATES] * bool(self.dates))
        return {name: kind for name, kind in self.kinds.items() if kind in usual}


def wanted_columns(
    types: Mapping[str, pa.DataType],
    target: str | None,
    drop: Sequence[str],
    categorical: Sequence[str],
    *,
    name: str = "table",
    notes: Sequence[str] = (),
    unused: Mapping[str, str] = MappingProxyType({}),
    reading: Reading = ANY,
) -> Wanted:
    """Say what to survey.

    Parameters
    ----------
    types : mapping of str to pyarrow.DataType
        The Arrow type of each column.
    target : str, optional
        The column to predict.
    drop : sequence of str
        Columns to leave out.
    categorical : sequence of str
        Columns to take as categories, whatever they hold.
    name : str, default "table"
        What the table is called in sentences.
    notes : sequence of str, default ()
        What was done to the table before.
    unused : mapping of str to str, optional
        Columns that cannot be used, each with the reason.
    reading : Reading, default ANY
        How the file is read.

    Returns
    -------
    Wanted
        The columns as they are wanted.

    Raises
    ------
    InputError
        If a name is not there, or the target cannot be one.
    """
    names = list(types)
    target, dropped = _chosen(names, target, drop, name)
    coded = {known(str(column), names, name, "to take as a category") for column in categorical}
    log = Notes(notes)
    for column in dropped:
        log.add("Left out as you asked", column)
    for column, why in unused.items():
        log.add(f"Left out as {why}", column)
    kinds = {
        column: kind_of(kind, column in coded - {target})
        for column, kind in types.items()
        if column not in dropped and column not in unused
    }
    if kinds[target] not in ("number", "text", "category"):
        raise unusable(target, kinds[target])
    return Wanted(target, kinds, log, name, dates=reading.dates, gone=reading.missing)


def _chosen(
    names: Sequence[str], target: str | None, drop: Sequence[str], name: str
) -> tuple[str, list[str]]:
    """The target and the columns to leave out, as the table spells them."""
    if target is None:
        raise InputError(
            f"No target was given for the {titled(name)}; say which of its columns is to be "
            f"predicted: {listing([quote(n) for n in names])}."
        )
    target = known(str(target), names, name, "to predict")
    gone = column_names(drop, "drop")
    dropped = [known(column, names, name, "to leave out") for column in gone]
    if target in dropped:
        raise InputError(
            f"The target {quote(target)} is among the columns to leave out; take it off that list."
        )
    return target, list(dict.fromkeys(dropped))


def unusable(target: str, what: str) -> InputError:
    return InputError(f"The target {quote(target)} holds {what}; give a numeric column.")
