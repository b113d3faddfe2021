"""A table in memory, cleaned: encoded, judged by a defense, and described."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .._text import quote
from ..data import Opened
from ..data import open as open_table
from ..defenses import BaseDefense
from ..errors import InputError
from ..passes.memory import InMemory
from ..tables.reading import Reading
from . import summary as sentences
from .cells import Cells, are_asked, cells_of
from .encoding import Encoding, beside, encoded, fit
from .findings import Judged, Rejected, with_aside
from .groups import Groups, framed
from .judging import encoded_by, target_for
from .meanwhile import Meanwhile
from .page import page_of
from .result import Cleaned, CleanedTable
from .saved import SavedModel, check_savable, learned_of
from .shifts import shifts_of

Tell = Callable[[str, int, int], Any]


def clean_in_memory(
    data: Any,
    guard: BaseDefense,
    *,
    target: str | None,
    options: Mapping[str, Any],
    trusted: Any,
    groups: str | None,
    drop: Sequence[str],
    categorical: Sequence[str],
    reading: Reading,
    model: SavedModel | None = None,
    save_model: str | Path | None = None,
    tell: Tell,
) -> Cleaned:
    """Cleans a frame, a file or a data set that memory holds."""
    _check_trusted(guard, trusted)
    tell("reading the table", 0, 0)
    whole = open_table(data, reading=reading)
    target = target if model is None else target_for(model, target, whole.target)
    table = whole.usable(target)
    sources = None if groups is None else Groups.of(table, groups, str(target or table.target))
    drop = [*drop, *([sources.column] if sources else [])]
    if model is None:
        encoding, notes = encoded(table, target, drop, categorical)
    else:
        encoding, notes = _by_model(model, guard, table, sources)
    both = None
    if trusted is not None:
        both = beside(_trusted(trusted, encoding.target, reading), table, encoding, categorical)
    used = both if both is not None and guard.uses_trusted else encoding
    check_savable(save_model, used.encoder)
    tell("looking for suspicious rows", 0, 0)
    meanwhile = _meanwhile(guard, encoding, table.numbers)
    with meanwhile.alone():
        warned = _fitted(guard, used, sources, options)
        tell("saying why", 0, 0)
        cells = meanwhile.result()
    rejected = _rejected(guard, used, table.numbers)
    shifts = {} if sources is None else shifts_of(guard, used.y, used.unit, sources)
    summary = sentences.sentences(
        guard, used, rejected, table.columns, sources, cells=cells, shifts=shifts
    )
    if both is not None and used is both:
        summary += sentences.few(both.Z.shape[1] - both.rows)
    elif both is not None:
        warned.append(f"{type(guard).__name__} cannot use trusted rows; it ignored them.")
    notes = (*notes, *warned, *(() if cells is None else cells.notes))
    texts = {"name": table.name, "summary": summary, "notes": notes}
    page = page_of(guard, used, rejected, sources, cells, shifts=shifts, **texts)
    mask = _over_all(guard.inlier_mask_, table)
    _save(save_model, guard, used, table)
    return Cleaned(
        rows=len(mask),
        bits=np.packbits(mask).tobytes(),
        aside=table.account.aside,
        summary=summary,
        notes=notes,
        read=table.notes,
        defense=guard,
        groups=sources and framed(sources.tallies(guard.inlier_mask_), shifts, table.frame),
        cells=None if cells is None else cells.framed(table.frame),
        table=_table(whole, table, rejected),
        page=page,
    )


def _table(whole: Opened, table: Opened, rejected: Rejected) -> CleanedTable:
    """What is needed to give the rows back; `whole` is the table with rows of no target too."""
    added = with_aside(rejected.added(), table.account.aside)
    aside = whole.account.aside
    return CleanedTable(whole.frame, whole.numbers, whole.path, whole.reading, added, aside)


def _meanwhile(guard: BaseDefense, encoding: Encoding, numbers: np.ndarray | None) -> Meanwhile:
    """The wrong cells, if they are asked for, looked for while rows are judged."""
    if not are_asked(guard):
        return Meanwhile(lambda: None, 0)
    return Meanwhile(partial(_cells, encoding, numbers), encoding.Z.size)


def _check_trusted(guard: BaseDefense, trusted: Any) -> None:
    if trusted is None and guard.needs_trusted:
        raise InputError(
            f"{type(guard).__name__} needs rows known to be clean: give them as a table of the "
            "same columns, with --trusted FILE or trusted=."
        )


def _by_model(
    model: SavedModel, guard: Any, table: Opened, sources: Groups | None
) -> tuple[Encoding, tuple[str, ...]]:
    """The table as a saved model sees it, by which the defense is to judge."""
    guard.learn_of(model.known)
    return encoded_by(model, table, None if sources is None else sources.column)


def _save(path: str | Path | None, guard: Any, encoding: Encoding, table: Opened) -> None:
    """Saves what was learned of a table, where a file for it was given."""
    if path is None:
        return
    rows, trusted = InMemory(encoding.X, encoding.y, None, encoding.blanks), None
    if encoding.Z.shape[1] > encoding.rows:
        beside = encoding.Z[:, encoding.rows :]
        trusted = np.ascontiguousarray(beside[:-1].T), beside[-1]
    known = learned_of(rows, guard, trusted)
    parts = encoding.encoder, encoding.columns, [*table.columns], known
    about = {"only": guard.only, "table": table.name, "rows": encoding.rows}
    SavedModel.of(*parts, **about).write(path)


def _cells(encoding: Encoding, numbers: np.ndarray | None) -> Cells:
    return cells_of(encoding.raw(np.arange(encoding.rows)), encoding.columns, numbers)


def _trusted(trusted: Any, target: str, reading: Reading) -> Opened:
    return open_table(trusted, "trusted", reading=reading).usable(target)


def _over_all(kept: np.ndarray, table: Opened) -> np.ndarray:
    """Whether each row of the table as it came is kept; one that was set aside is not."""
    if table.numbers is None:
        return kept
    every = np.zeros(len(kept) + len(table.account.aside), dtype=bool)
    every[table.numbers[kept] - 1] = True
    return every


def _rejected(guard: BaseDefense, encoding: Encoding, numbers: np.ndarray | None) -> Rejected:
    """The rejected rows in the table's own units."""
    records = guard.reason_records
    raw = encoding.raw(records["row"])
    return Rejected(
        columns=encoding.columns,
        target=encoding.target,
        unit=encoding.unit,
        values=raw[:-1].T,
        goal=raw[-1],
        records=records,
        expected=encoding.predicted(guard, records["row"]),
        defense=type(guard).__name__,
        threshold=float(guard.threshold_),
        numbers=numbers,
        judged=Judged.of(guard, records["row"], encoding.zero, encoding.unit),
    )


def _fitted(
    guard: BaseDefense, encoding: Encoding, sources: Groups | None, options: Mapping[str, Any]
) -> list[str]:
    """Fits the defense; an option that it cannot work with is a sentence."""
    try:
        return fit(guard, encoding, sources)
    except InputError:
        raise
    except (TypeError, ValueError) as error:
        if not options:
            raise
        shown = ", ".join(f"{key}={quote(value)}" for key, value in options.items())
        raise InputError(
            f"{type(guard).__name__} does not work with {shown} ({error}); give other options."
        ) from error
