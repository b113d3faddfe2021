"""What cleaning returns: a table cut in two, wherever it lies."""

import dataclasses
from functools import cached_property
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa
from jaxtyping import Bool

from .. import report
from .._documents import plain
from .._text import counted
from ..data import file_of
from ..defenses import BaseDefense
from ..errors import InputError
from ..tables.folder import QUARANTINE
from ..tables.notes import leading
from ..tables.reading import Aside, Reading
from ..tables.rows import typed
from ..tables.text import delimited
from ..tables.verbatim import verbatim
from ..tables.write import (
    TEXT,
    Written,
    cells_of,
    check_output,
    quarantine_of,
    report_of,
    rows_of,
    with_columns,
    write,
)


@dataclasses.dataclass(frozen=True, eq=False)
class CleanedTable:
    """A table that was cleaned in memory: its frame, its file and what is put beside its rows.

    `numbers` (n,) are those of the frame's rows in the file, from 1, where the reading of it set
    rows `aside`; `added` goes beside all rows that are not kept, by their numbers.
    """

    frame: Any
    numbers: np.ndarray | None
    source: Path | None
    reading: Reading
    added: dict[str, pa.Array]
    aside: tuple[Aside, ...]

    def kept(self, mask: Bool[np.ndarray, " n"]) -> Bool[np.ndarray, " r"]:
        """Whether each row of the frame is kept, from what is said of each row of the file."""
        return mask if self.numbers is None else mask[self.numbers - 1]

    def others(self, mask: Bool[np.ndarray, " n"]) -> Any:
        """The rows of the frame that are not kept, and those that reading it set aside."""
        rows = rows_of(self.frame, ~self.kept(mask))
        if self.numbers is None or not self.aside:
            return rows
        numbers = np.append(self.numbers[~self.kept(mask)], [one.row for one in self.aside])
        both = pa.concat_tables([rows, typed(self.aside, rows.schema)])
        return both.take(pa.array(np.argsort(numbers, kind="stable")))


@dataclasses.dataclass(frozen=True, eq=False)
class Cleaned:
    """A table cut in two: rows to keep, and rows to look at.

    Parameters
    ----------
    rows : int
        Rows of the table, n.
    bits : bytes
        A bit for each row, 1 where it is kept; `mask` has them as truth values. In passes the order
        is that of the files' names and of the rows in them. Rows set aside count, and are not kept.
    summary : list of str
        What was found, the most important first.
    notes : tuple of str
        How the table was read and turned into numbers.
    defense : BaseDefense
        The fitted defense, on features scaled to [0, 1].
    groups : dataframe, optional
        Where a column was named, a frame of the table's library with a row for each of its values:
        `rows`, `rejected`, their `share`, the `p_value` of so many by chance in any group,
        whether it is `beyond_chance` (p < 0.01), by how much its targets are off as a whole
        (`shift`, shrunk; `shift_low`, `shift_high` at 99 % for all groups together), and whether
        that is `off`; the last four only where the defense says what it expects.
    cells : dataframe, optional
        Where cells were judged one by one, a frame of the table's library with a row for each cell
        that looks wrong, and below these the next most suspicious: `row`, from 1, `column`,
        `value`, the value that would fit (`expected`) and where 95 % of honest ones lie
        (`expected_low`, `expected_high`), `score` (log odds that it is wrong), `flagged`, and the
        `reason`. No row is rejected for its cells.
    read : tuple of str
        Those of the notes that say how the file was read, which come first.
    aside : tuple of Aside
        Rows that were not judged, such as totals or rows without a target, and why.
    skipped : tuple of str
        Sentences on files that were left out.
    passes : tuple of (str, float)
        The passes over files that were made, each with its rows per second.
    out : Path, optional
        The folder of the kept rows, where passes wrote one.
    table : CleanedTable, optional
        The rows themselves, where the table was cleaned in memory.
    page : report.Cleaning, optional
        What the report says; in passes only where it was asked for.

    Examples
    --------
    >>> import numpy as np
    >>> from mithridate.defenses import Trim
    >>> cleaned = Cleaned(3, np.packbits([True, False, True]).tobytes(), [], (), Trim())
    >>> cleaned.mask
    array([ True, False,  True])
    """

    rows: int
    bits: bytes = dataclasses.field(repr=False)
    summary: list[str]
    notes: tuple[str, ...]
    defense: BaseDefense
    groups: Any = None
    cells: Any = None
    read: tuple[str, ...] = ()
    aside: tuple[Aside, ...] = ()
    skipped: tuple[str, ...] = ()
    passes: tuple[tuple[str, float], ...] = ()
    out: Path | None = None
    table: CleanedTable | None = dataclasses.field(default=None, repr=False)
    page: report.Cleaning | None = dataclasses.field(default=None, repr=False)

    @cached_property
    def mask(self) -> Bool[np.ndarray, " n"]:
        """Whether each row is kept."""
        return np.unpackbits(np.frombuffer(self.bits, np.uint8), count=self.rows).view(bool)

    @cached_property
    def kept(self) -> Any:
        """The kept rows as they came: library, order, types, index and all columns."""
        return rows_of(self._in_memory.frame, self._in_memory.kept(self.mask))

    @cached_property
    def quarantined(self) -> Any:
        """The rejected rows as they came, and those set aside, with columns on why.

        `mithridate_row`, its number in the table, from 1; `mithridate_score`, higher is more
        suspicious; `mithridate_residual`, distance of the target from what a model of the kept rows
        predicts, in σ; `mithridate_leverage`, near 1 where the model would follow the row anywhere;
        `mithridate_predictive_sd`, in units of the target; `mithridate_column_1`, `_2`, the columns
        that stand out most; `mithridate_reason`, all this in a sentence.
        """
        return with_columns(self._in_memory.others(self.mask), self._in_memory.added)

    @property
    def _in_memory(self) -> CleanedTable:
        if self.table is None:
            where = "give out= to have them written" if self.out is None else f"see {self.out}"
            raise InputError(
                f"The table was cleaned in passes, so its rows are not in memory; {where}."
            )
        return self.table

    def write(self, path: str | Path, *, html: bool = False) -> Written:
        """Write the kept rows of a table in memory, and the rejected ones beside them.

        Parameters
        ----------
        path : str or Path
            A CSV or Parquet file. Of a CSV file the cells are copied as they are spelled; those
            that a spreadsheet would execute get an apostrophe. The index of a pandas frame goes
            into Parquet alone.
        html : bool
            Whether to write the report too.

        Returns
        -------
        Written
            Where all of it is; it is all of the files or none.

        Raises
        ------
        InputError
            If the path cannot be written, is an input, or the table was cleaned in passes.
        """
        table, path, rejected = self._in_memory, Path(path), ~self.mask
        check_output(path, file_of(table.source))
        bad, page, listed = quarantine_of(path), report_of(path), cells_of(path)
        files: dict[Path, Any] = self._spelled(path, table, rejected)
        if not files:
            files[path] = self.kept
            if rejected.any():
                files[bad] = self.quarantined
        if html:
            files[page] = self._html
        wrong = self.wrong_cells
        if wrong is not None:
            files[listed] = wrong
        stale = tuple(p for p in (bad, page, listed) if p not in files and p.exists())
        defused = write(files)
        quarantined, page, listed = (p if p in files else None for p in (bad, page, listed))
        return Written(path, quarantined, page, defused, stale, listed)

    @property
    def wrong_cells(self) -> Any:
        """The cells that look wrong, or None where none does or none was judged."""
        if self.cells is None:
            return None
        rows = nw.from_native(self.cells, eager_only=True)
        rows = rows.filter(rows["flagged"]).drop("flagged")
        return rows.to_native() if len(rows) else None

    def _spelled(
        self, path: Path, table: CleanedTable, rejected: Bool[np.ndarray, " n"]
    ) -> dict[Path, Any]:
        """What goes into each text file, where the rows come from such a file themselves."""
        suffix, source = path.suffix.lower(), table.source
        if source is None or suffix not in TEXT:
            return {}
        cells = verbatim(source, len(rejected), table.reading)
        if cells is None:
            return {}
        style = (
            cells.style if suffix == ".csv" else dataclasses.replace(cells.style, delimiter="\t")
        )
        if style.delimiter == cells.layout.delimiter:
            files = {path: cells.copied(~rejected)}
        else:
            files = {path: delimited(rows_of(cells.rows, ~rejected), style)}
        if rejected.any():
            others = with_columns(rows_of(cells.rows, rejected), table.added)
            files[quarantine_of(path)] = delimited(others, style)
        return files

    def write_html(self, path: str | Path) -> None:
        """Write the report: one self-contained page, whole or not at all.

        Parameters
        ----------
        path : str or Path
            The HTML file.

        Raises
        ------
        InputError
            If the path cannot be written, or the table was cleaned in passes without `html=True`.
        """
        write({Path(path): self._html})

    @property
    def _html(self) -> str:
        if self.page is None:
            raise InputError(
                "The table was cleaned in passes without a report; give clean(…, html=True)."
            )
        return report.cleaning_html(self.page)

    def to_dict(self) -> dict[str, Any]:
        """Give all that was found as values that JSON can hold.

        Returns
        -------
        dict
            `rows`, `kept`, `rejected` and `aside` (counts), `defense`, `summary`, `read`, `notes`,
            `skipped`, `groups` (a list with a dict a group, or None), `cells` (the same of cells;
            None where they were not judged), and `quarantine`, a list with
            a dict for each row that is not kept: `row`, from 1, `score`, `residual`, `leverage`,
            `predictive_sd`, `column_1`, `column_2`, `reason`; None for a table cleaned in passes.

        Examples
        --------
        >>> import pyarrow as pa
        >>> from mithridate import clean
        >>> x = [float(i % 19) for i in range(60)]
        >>> y = [2 * a + i % 7 / 7 for i, a in enumerate(x)]
        >>> found = clean(pa.table({"x": x, "y": [*y[:59], 99.0]}), target="y", defense="antidote")
        >>> found.to_dict()["rejected"], found.to_dict()["quarantine"][0]["row"]
        (1, 60)
        """
        return plain(
            {
                "rows": self.rows,
                "kept": int(self.mask.sum()),
                "rejected": self.rejected,
                "aside": len(self.aside),
                "defense": type(self.defense).__name__.lower(),
                "summary": self.summary,
                "read": self.read,
                "notes": self.notes,
                "skipped": self.skipped,
                "groups": None if self.groups is None else _dicts(self.groups),
                "cells": None if self.cells is None else _dicts(self.cells),
                "quarantine": self._quarantine(),
            }
        )

    @property
    def rejected(self) -> int:
        """How many rows were judged and rejected; those set aside are not among them."""
        return self.rows - int(self.mask.sum()) - len(self.aside)

    def _quarantine(self) -> list[dict[str, Any]] | None:
        """What is put beside each row that is not kept, without the prefix of the columns."""
        if self.table is None:
            return None
        names = [name.removeprefix("mithridate_") for name in self.table.added]
        columns = [array.to_pylist() for array in self.table.added.values()]
        return [dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True)]

    def _repr_html_(self) -> str:
        rows = self._quarantine() or []
        return report.notebook(
            f"{self.rejected:,} of {counted(self.rows, 'row')} rejected",
            self.summary,
            ("row", "score", "reason"),
            [(r["row"], r["score"], r["reason"]) for r in rows],
        )

    def lines(self, written: Written | None = None, verbose: bool = False) -> list[str]:
        """Say what the terminal shows: ten lines at most, if not all notes are asked for.

        Parameters
        ----------
        written : Written, optional
            What `write` returned.
        verbose : bool
            Whether to say all notes and passes.

        Returns
        -------
        list of str
            The lines.
        """
        first = leading(self.notes, self.read)
        rest = [note for note in self.notes if note not in first]
        short = f"Encoding: {counted(len(rest), 'note')} on columns; --verbose shows them."
        lines = [*first, *self.summary, *(rest if verbose else [short] * bool(rest))]
        lines += [f"Skipped: {sentence}" for sentence in self.skipped]
        if verbose:
            lines += [f"Pass over {what}: {rate:,.0f} rows/s." for what, rate in self.passes]
        if written is not None:
            return [*lines, *written.sentences]
        if self.out is not None:
            bad = self.out / QUARANTINE
            more = f"; rejected rows and reasons: {bad}" if bad.exists() else ""
            listed = beside_folder(self.out)
            more += f"; cells that look wrong: {listed}" if listed.exists() else ""
            page = beside_folder(self.out, "report.html")
            more += f"; report: {page}" if self.page is not None else ""
            lines.append(f"Kept rows: {self.out}{more}")
        return lines


def beside_folder(out: Path, what: str = "cells.csv") -> Path:
    """Where the list of wrong cells goes, or the report, beside a folder of kept rows.

    >>> beside_folder(Path("homes.cleaned")).name
    'homes.cleaned.cells.csv'
    """
    return out.with_name(f"{out.name}.{what}")


def write_beside(out: Path, result: Cleaned) -> None:
    """Writes the wrong cells and the report beside the folder of kept rows, where there are any."""
    page = None if result.page is None else report.cleaning_html(result.page)
    beside = {beside_folder(out): result.wrong_cells, beside_folder(out, "report.html"): page}
    files = {path: what for path, what in beside.items() if what is not None}
    if files:
        write(files)


def _dicts(frame: Any) -> list[dict[str, Any]]:
    """The rows of a frame as dicts."""
    return nw.from_native(frame, eager_only=True).rows(named=True)
