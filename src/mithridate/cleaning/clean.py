"""`clean` and what it returns."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Bool
from sklearn.base import clone as copied

from .. import _lookup, defenses, report
from .._text import counted, listing, quote
from ..data import file_of
from ..data import open as open_table
from ..defenses import BaseDefense
from ..errors import InputError
from ..tables import write as tables_write
from ..tables.verbatim import verbatim
from . import summary as sentences
from .findings import Found
from .groups import Groups, framed
from .page import page_of
from .view import View, beside, fit

Tell = Callable[[str, int, int], Any]
DEFAULTS = {"contamination": 0.1, "false_positive_rate": 0.01}


@dataclasses.dataclass(frozen=True, eq=False)
class Cleaned:
    """A table cut in two; `mask` (n,) is True for kept rows, `summary` says what was found.

    `defense` is the fitted defense, on features scaled to [0, 1]; `notes` say how the table was
    turned into numbers. `groups`, where a column was named, is a frame of the table's library with
    a row for each of its values: `rows`, `rejected`, their `share`, the `p_value` of so many by
    chance in any group, and whether it is `beyond_chance` (p < 0.01).
    """

    mask: Bool[np.ndarray, " n"]
    summary: list[str]
    notes: tuple[str, ...]
    defense: BaseDefense
    groups: Any
    _frame: Any = dataclasses.field(repr=False)
    _source: Path | None = dataclasses.field(repr=False)
    _reasons: dict[str, pa.Array] = dataclasses.field(repr=False)
    _page: report.Cleaning = dataclasses.field(repr=False)

    @cached_property
    def kept(self) -> Any:
        """The kept rows as they came: library, order, types, index and all columns."""
        return tables_write.rows_of(self._frame, self.mask)

    @cached_property
    def quarantined(self) -> Any:
        """The rejected rows as they came, with eight columns on why.

        `mithridate_row`, its number in the table, from 1; `mithridate_score`, higher is more
        suspicious; `mithridate_residual`, distance of the target from what a model of the kept rows
        predicts, in σ; `mithridate_leverage`, near 1 where the model would follow the row anywhere;
        `mithridate_predictive_sd`, in units of the target; `mithridate_column_1`, `_2`, the columns
        that stand out most; `mithridate_reason`, all this in a sentence.
        """
        return tables_write.with_columns(
            tables_write.rows_of(self._frame, ~self.mask), self._reasons
        )

    def write(self, path: str | Path, *, html: bool = False) -> tables_write.Written:
        """Writes the kept rows to a CSV or Parquet file and the rejected ones beside it.

        With `html` the report goes there too; it is all of them or none. Of a CSV file the cells
        are copied as they are spelled. Cells that a spreadsheet would execute get an apostrophe;
        the index of a pandas frame goes into Parquet alone.
        """
        path, rejected = Path(path), ~self.mask
        tables_write.check_output(path, file_of(self._source))
        frame, delimiter = self._frame, ","
        if path.suffix.lower() in tables_write.TEXT and self._source is not None:
            spelled = verbatim(self._source, len(rejected))
            frame, delimiter = spelled or (frame, delimiter)
        files = {path: tables_write.rows_of(frame, self.mask)}
        bad, page = tables_write.quarantine_of(path), tables_write.report_of(path)
        if rejected.any():
            files[bad] = tables_write.with_columns(
                tables_write.rows_of(frame, rejected), self._reasons
            )
        if html:
            files[page] = report.cleaning_html(self._page)
        stale = tuple(p for p in (bad, page) if p not in files and p.exists())
        defused = tables_write.write(files, delimiter)
        quarantined, page = (p if p in files else None for p in (bad, page))
        return tables_write.Written(path, quarantined, page, defused, stale)

    def write_html(self, path: str | Path) -> None:
        """Writes the report, one self-contained page, atomically."""
        tables_write.write({Path(path): report.cleaning_html(self._page)})

    def lines(self, written: tables_write.Written, verbose: bool = False) -> list[str]:
        """What the terminal shows: ten lines at most, if not all notes are asked for."""
        said = f"Encoding: {counted(len(self.notes), 'note')} on columns; --verbose shows them."
        notes = self.notes if verbose else [said] * bool(self.notes)
        return [*self.summary, *notes, *written.sentences]


def clean(
    data: Any,
    *,
    target: str | None = None,
    defense: str | BaseDefense = "antidote",
    options: Mapping[str, Any] | None = None,
    contamination: float | None = None,
    false_positive_rate: float | None = None,
    trusted: Any = None,
    groups: str | None = None,
    drop: Sequence[str] = (),
    categorical: Sequence[str] = (),
    tell: Tell | None = None,
) -> Cleaned:
    """Rejects suspicious rows of a table, and says which and why; or finds nothing.

    Parameters:

    - `data`: a pandas, polars or pyarrow frame, a path to CSV or Parquet (`file:path#target` says
      both), or the name of a data set; `target`: the column to predict;
    - `defense`: by name, as `module:Class` from anywhere, or an instance (its parameters are then
      its own); `options`: parameters for one that is named, the others being as the class has them;
    - `contamination`: poison / (clean + poison) rows, for a defense that must be told (0.1);
      `false_positive_rate`: share of clean rows that may be rejected, for one that takes it (0.01,
      unless there are `options`);
    - `trusted`: rows known to be clean, a frame or path with the same columns;
    - `groups`: the column that says where a row comes from (a source, day, vendor): no feature, but
      given to a defense that judges groups, and told of in the summary;
    - `drop`: columns to leave out; `categorical`: columns whose numbers are only codes;
    - `tell(stage, done, total)` is called as the work goes on.

    Raises `mithridate.errors.InputError` (a ValueError) with one sentence where the input is bad.

    >>> import pyarrow as pa
    >>> x = [float(i % 19) for i in range(60)]
    >>> y = [2 * a + i % 7 / 7 for i, a in enumerate(x)]
    >>> found = clean(pa.table({"x": x, "y": [*y[:59], 99.0]}), target="y")
    >>> found.kept.num_rows, found.quarantined["mithridate_row"].to_pylist()
    (59, [60])
    """
    tell = tell or (lambda stage, done, total: None)
    guard = chosen(defense, options or {}, contamination, false_positive_rate)
    if trusted is None and guard.needs_trusted:
        raise InputError(
            f"{type(guard).__name__} needs rows known to be clean: give them as a table of the "
            "same columns, with --trusted FILE or trusted=."
        )
    tell("reading the table", 0, 0)
    table = open_table(data)
    target = target or table.target
    sources = None if groups is None else Groups.of(table, groups, str(target))
    drop = [drop] if isinstance(drop, str) else [*drop]
    drop += [sources.column] if sources else []
    encoded = table.encode(target, drop=drop, categorical=categorical)
    known = None if trusted is None else beside(trusted, table, encoded, categorical)
    tell("looking for suspicious rows", 0, 0)
    joint = known if known is not None and guard.uses_trusted else encoded
    view = View.of(joint, len(encoded.y))
    said = _fitted(guard, view, sources, options or {})
    if known is not None and joint is encoded:
        said.append(f"{type(guard).__name__} cannot use trusted rows; it ignored them.")
    tell("saying why", 0, 0)
    found = Found.of(guard, view, guard.reasons_)
    summary = sentences.sentences(found, table.columns, sources)
    if known is not None and joint is known:
        summary += sentences.few(len(known.y) - len(encoded.y))
    notes = (*(n.replace(" of the training part:", ":", 1) for n in encoded.notes), *said)
    tallies = None if sources is None else sources.tallies(guard.inlier_mask_)
    return Cleaned(
        mask=guard.inlier_mask_,
        summary=summary,
        notes=notes,
        defense=guard,
        groups=None if tallies is None else framed(tallies, table.frame),
        _frame=table.frame,
        _source=table.path,
        _reasons=found.columns(),
        _page=page_of(found, table.name, summary, notes, sources),
    )


def chosen(
    use: str | BaseDefense, options: Mapping[str, Any], contamination: Any, rate: Any
) -> BaseDefense:
    """The defense by name, with the options that it takes; an InputError otherwise."""
    guard = _made(use, options, contamination, rate)
    guard.check_parameters()  # before a long table is read
    return guard


def _made(
    use: str | BaseDefense, options: Mapping[str, Any], contamination: Any, rate: Any
) -> BaseDefense:
    given = {"contamination": contamination, "false_positive_rate": rate}
    told = {key: value for key, value in given.items() if value is not None}
    if isinstance(use, BaseDefense):
        if told or options:
            raise InputError(f"Set {listing([*told, *options])} on the defense itself.")
        return copied(use)  # pyright: ignore[reportReturnType]
    if not isinstance(use, str):
        raise InputError(
            f"defense={use!r}: give a name such as 'trim', or a defense such as Trim()."
        )
    takes = _lookup.options(_lookup.find(use, defenses, BaseDefense))
    for option in told:
        shown = option.replace("_", "-")
        if option not in takes:
            raise InputError(
                f"The defense {quote(use)} takes no {shown}; leave it out, or take one that does: "
                f"{', '.join(_takers(option))}."
            )
        if option in options:
            raise InputError(f"The option {option} is given as {shown} too; leave one out.")
    # Some parameters exclude each other, so nothing is added to what a person chose.
    usual = {} if options else {o: value for o, value in DEFAULTS.items() if o in takes}
    return _lookup.build(use, usual | told | dict(options), defenses, BaseDefense)


def _takers(option: str) -> list[str]:
    known = _lookup.choices(defenses, BaseDefense)
    return [name for name, kind in known.items() if option in _lookup.options(kind)]


def _fitted(
    guard: BaseDefense, view: View, sources: Groups | None, options: Mapping[str, Any]
) -> list[str]:
    """Fits the defense; an option that it cannot work with is a sentence."""
    try:
        return fit(guard, view, sources)
    except InputError as error:
        raise InputError(sentences.called(str(error), view.encoded.columns.names)) from None
    except (TypeError, ValueError) as error:
        if not options:
            raise
        shown = ", ".join(f"{key}={quote(value)}" for key, value in options.items())
        raise InputError(
            f"{type(guard).__name__} does not work with {shown} ({error}); give other options."
        ) from error
