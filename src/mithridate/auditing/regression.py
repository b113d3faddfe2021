"""A table as a least-squares regression in its own units, with fixed effects and clusters."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int

from .._text import counted, listing, quote
from ..data import open as open_table
from ..errors import InputError
from ..tables.encoded import LEAST_ROWS, Encoded
from ..tables.names import column_name, column_names
from ..tables.reading import ANY, Reading
from ..tables.write import rows_of

# The share of a column that is left beyond the others, below which it says nothing.
_DEPENDENT_SHARE = 1e-8


@dataclasses.dataclass(frozen=True, eq=False)
class Regression:
    """Rows of a table ready for least squares.

    Parameters
    ----------
    Z : (n, k) array
        The columns, in the table's units; an intercept last, unless groups are absorbed.
    y : (n,) array
        The target.
    groups : (n,) array of int or None
        The level of the fixed effect that is absorbed.
    clusters : (n,) array of int or None
        The cluster of each row.
    rows : (n,) array of int
        Their numbers in the table, counted from 1 without the header.
    names : tuple of str
        Names of the columns of `Z`, the intercept "(intercept)".
    title, target : str
        Names of the table and of its target.
    notes : tuple of str
        What was done to the table, a sentence each.
    """

    Z: Float[np.ndarray, "n k"]
    y: Float[np.ndarray, " n"]
    groups: Int[np.ndarray, " n"] | None
    clusters: Int[np.ndarray, " n"] | None
    rows: Int[np.ndarray, " n"]
    names: tuple[str, ...]
    title: str
    target: str
    notes: tuple[str, ...]


def regression(
    data: Any,
    target: str | None,
    *,
    column: str | None = None,
    fixed_effects: Sequence[str] = (),
    cluster: str | None = None,
    where: Mapping[str, Any] | None = None,
    drop: Sequence[str] = (),
    categorical: Sequence[str] = (),
    reading: Reading = ANY,
) -> Regression:
    """Read a table as a regression of its target on all other columns.

    Rows that lack a value are left out. Of a category set one level is left out, and so are columns
    that others determine. The fixed effect of most levels is absorbed; others become columns.

    Parameters
    ----------
    data : path-like, str or frame
        The table.
    target : str or None
        The column to predict.
    column : str, optional
        The column whose coefficient is asked about.
    fixed_effects : sequence of str
        Columns whose levels have an effect of their own.
    cluster : str, optional
        The column that says which rows go together.
    where : mapping of str to object, optional
        Values that rows must have to be used.
    drop : sequence of str
        Columns to leave out.
    categorical : sequence of str
        Columns of numbers that are codes.
    reading : Reading
        What was said of the file.

    Returns
    -------
    Regression
        The rows.

    Raises
    ------
    InputError
        If the table cannot be read so.
    """
    opened = open_table("diabetes" if data is None else data, reading=reading)
    target, drop = column_name(target), column_names(drop, "drop")
    fixed_effects = column_names(fixed_effects, "fixed_effects")
    effects = [opened.known(one, "for a fixed effect") for one in fixed_effects]
    if cluster is not None:
        cluster = opened.known(cluster, "for the clusters")
    if column is not None and column in effects:
        raise InputError(
            f"The column {quote(column)} is a fixed effect, which has a coefficient for each level "
            "and none of its own; name another column."
        )
    wanted = {opened.known(name, "to choose rows by"): v for name, v in (where or {}).items()}
    apart = [*dict.fromkeys([*effects, *([] if cluster in (None, target) else [cluster]), *wanted])]
    apart = [str(name) for name in apart if name not in (column, target)]
    rows, notes = _chosen(opened.columns, wanted, [*drop])
    if rows.sum() < LEAST_ROWS:
        raise _too_few(int(rows.sum()))
    kept = dataclasses.replace(opened, frame=rows_of(opened.frame, rows))
    encoded = kept.encode(target, drop=[*drop, *apart], categorical=categorical)
    rows = np.flatnonzero(rows)
    whole = ~(np.isnan(encoded.X).any(axis=1) | np.isnan(encoded.y))
    labels = {name: _labels(kept.columns[str(name)]) for name in {*effects, cluster} - {None}}
    alone = _alone([labels[name] for name in effects], whole)
    use = whole & ~alone
    lacking = len(rows) - int(whole.sum())
    if lacking:
        notes.append(f"Left out as they lack a value: {counted(lacking, 'row')}.")
    if alone.any():
        notes.append(
            f"Left out as the only ones of their group: {counted(int(alone.sum()), 'row')}."
        )
    Z, names, groups = _design(encoded, effects, labels, use, column)
    if use.sum() < Z.shape[1] + 2:
        raise _too_few(int(use.sum()))
    Z, names, dependent = _independent(Z, names, groups, column)
    if dependent:
        notes.append(f"Left out as others determine them: {listing(list(map(quote, dependent)))}.")
    clusters = None if cluster is None else _dense(labels[cluster][use])
    every = (*encoded.notes, *notes)
    return Regression(
        Z, encoded.y[use], groups, clusters, rows[use] + 1, tuple(names), encoded.name,
        encoded.target, every,
    )  # fmt: skip


def _too_few(rows: int) -> InputError:
    return InputError(
        f"{counted(rows, 'row')} are too few for a regression on these columns; at least "
        f"{LEAST_ROWS} are needed, and more than columns: give more rows or drop columns."
    )


def _chosen(
    columns: Mapping[str, pa.ChunkedArray], wanted: Mapping[str, Any], drop: Sequence[str]
) -> tuple[np.ndarray, list[str]]:
    """The rows that are asked for and that lack no value of a column that is used."""
    n = len(next(iter(columns.values())))
    rows, notes = np.ones(n, bool), []
    for name, value in wanted.items():
        rows &= np.array([str(cell) == str(value) for cell in columns[name].to_pylist()])
        if not rows.any():
            raise InputError(f"No row has {quote(value)} in {quote(name)}; give a value it has.")
    if wanted:
        notes.append(f"Used as you asked: {counted(int(rows.sum()), 'row')} of {n:,}.")
    known = np.ones(n, bool)
    for name, cells in columns.items():
        if name not in drop and cells.null_count:
            known &= np.asarray(cells.is_valid())
    lacking = int((rows & ~known).sum())
    # A column that is empty almost everywhere is for the encoder to leave out.
    if lacking <= rows.sum() / 2:
        rows &= known
        if lacking:
            notes.append(f"Left out as they lack a value: {counted(lacking, 'row')}.")
    return rows, notes


def _labels(cells: pa.ChunkedArray) -> np.ndarray:
    return np.array(["" if cell is None else str(cell) for cell in cells.to_pylist()])


def _dense(labels: np.ndarray) -> np.ndarray:
    return np.unique(labels, return_inverse=True)[1].astype(int)


def _alone(labels: Sequence[np.ndarray], whole: np.ndarray) -> np.ndarray:
    """Rows that are the only one of a level, again and again until there is none."""
    removed = np.zeros(len(whole), bool)
    while True:
        use, before = whole & ~removed, int(removed.sum())
        for label in labels:
            level = _dense(label)
            count = np.bincount(level[use], minlength=level.max() + 1)
            removed |= use & (count[level] == 1)
        if removed.sum() == before:
            return removed


def _design(
    encoded: Encoded,
    effects: Sequence[str],
    labels: Mapping[str, np.ndarray],
    use: np.ndarray,
    column: str | None,
) -> tuple[np.ndarray, list[str], np.ndarray | None]:
    """The columns, their names and the groups that are absorbed."""
    taken = np.ones(len(encoded.columns.names), bool)
    for g, optional in enumerate(encoded.columns.optional):
        level = np.flatnonzero(encoded.columns.group == g)
        spare = [j for j in level if encoded.columns.names[j] != column]
        if not optional and spare:
            taken[spare[0]] = False
    Z = [encoded.X[use][:, taken]]
    names = [name for name, kept in zip(encoded.columns.names, taken, strict=True) if kept]
    if column is not None and column not in names:
        raise InputError(
            f"There is no coefficient of {quote(column)}; give one of "
            f"{listing([quote(name) for name in names])}."
        )
    dense = {name: _dense(labels[name][use]) for name in effects}
    order = sorted(dense, key=lambda name: -int(dense[name].max(initial=0)))
    for name in order[1:]:
        levels = np.unique(labels[name][use])[1:]
        Z.append((labels[name][use][:, None] == levels).astype(float))
        names += [f"{name}={level}" for level in levels]
    if not order:
        Z.append(np.ones((int(use.sum()), 1)))
        names.append("(intercept)")
    return np.hstack(Z), names, dense[order[0]] if order else None


def _independent(
    Z: np.ndarray, names: list[str], groups: np.ndarray | None, column: str | None
) -> tuple[np.ndarray, list[str], list[str]]:
    """The columns that others do not determine, and the names of those that they do."""
    from ..bounds import within

    # The intercept first and the column that is asked about last: it must say something of its own.
    order = sorted(
        range(len(names)), key=lambda j: (names[j] == column, names[j] != "(intercept)", j)
    )
    rows = within(Z[:, order], groups)
    size = np.linalg.norm(Z[:, order], axis=0)
    diagonal = np.abs(np.diag(np.linalg.qr(rows, mode="r")))
    poor = diagonal <= _DEPENDENT_SHARE * np.maximum(size, np.finfo(float).tiny)
    dependent = {order[j] for j in np.flatnonzero(poor)}
    if column is not None and names.index(column) in dependent:
        raise InputError(
            f"The other columns determine {quote(column)}, so that it has no coefficient of its "
            "own; drop some of them."
        )
    kept = [j for j in range(len(names)) if j not in dependent]
    return Z[:, kept], [names[j] for j in kept], [names[j] for j in sorted(dependent)]
