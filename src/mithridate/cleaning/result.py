"""What cleaning returns: a table cut in two, wherever it lies."""

import dataclasses
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Bool

from .. import report
from .._text import counted
from ..data import file_of
from ..defenses import BaseDefense
from ..errors import InputError
from ..tables.reading import Reading
from ..tables.source import QUARANTINE
from ..tables.verbatim import verbatim
from ..tables.write import (
    TEXT,
    Written,
    check_output,
    quarantine_of,
    report_of,
    rows_of,
    with_columns,
    write,
)


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """A table that was cleaned in memory: its frame, its file and what is put beside its rows."""

    frame: Any
    source: Path | None
    reading: Reading
    added: dict[str, pa.Array]
    page: report.Cleaning


@dataclasses.dataclass(frozen=True, eq=False)
class Cleaned:
    """A table cut in two: rows to keep, and rows to look at.

    Parameters
    ----------
    rows : int
        Rows of the table, n.
    bits : bytes
        A bit for each row, 1 where it is kept; `mask` has them as truth values. In passes the order
        is that of the files' names and of the rows in them.
    summary : list of str
        What was found, the most important first.
    notes : tuple of str
        How the table was read and turned into numbers.
    defense : BaseDefense
        The fitted defense, on features scaled to [0, 1].
    groups : dataframe, optional
        Where a column was named, a frame of the table's library with a row for each of its values:
        `rows`, `rejected`, their `share`, the `p_value` of so many by chance in any group, and
        whether it is `beyond_chance` (p < 0.01).
    read : tuple of str
        Those of the notes that say how the file was read, which come first.
    skipped : tuple of str
        Sentences on files that were left out.
    passes : tuple of (str, float)
        The passes over files that were made, each with its rows per second.
    out : Path, optional
        The folder of the kept rows, where passes wrote one.
    table : Table, optional
        The rows themselves, where the table was cleaned in memory.

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
    read: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    passes: tuple[tuple[str, float], ...] = ()
    out: Path | None = None
    table: Table | None = dataclasses.field(default=None, repr=False)

    @cached_property
    def mask(self) -> Bool[np.ndarray, " n"]:
        """Whether each row is kept."""
        return np.unpackbits(np.frombuffer(self.bits, np.uint8), count=self.rows).view(bool)

    @cached_property
    def kept(self) -> Any:
        """The kept rows as they came: library, order, types, index and all columns."""
        return rows_of(self._in_memory.frame, self.mask)

    @cached_property
    def quarantined(self) -> Any:
        """The rejected rows as they came, with eight columns on why.

        `mithridate_row`, its number in the table, from 1; `mithridate_score`, higher is more
        suspicious; `mithridate_residual`, distance of the target from what a model of the kept rows
        predicts, in σ; `mithridate_leverage`, near 1 where the model would follow the row anywhere;
        `mithridate_predictive_sd`, in units of the target; `mithridate_column_1`, `_2`, the columns
        that stand out most; `mithridate_reason`, all this in a sentence.
        """
        return with_columns(rows_of(self._in_memory.frame, ~self.mask), self._in_memory.added)

    @property
    def _in_memory(self) -> Table:
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
        frame, delimiter = table.frame, ","
        if path.suffix.lower() in TEXT and table.source is not None:
            frame, delimiter = verbatim(table.source, len(rejected), table.reading) or (
                frame,
                delimiter,
            )
        files = {path: rows_of(frame, self.mask)}
        bad, page = quarantine_of(path), report_of(path)
        if rejected.any():
            files[bad] = with_columns(rows_of(frame, rejected), table.added)
        if html:
            files[page] = report.cleaning_html(table.page)
        stale = tuple(p for p in (bad, page) if p not in files and p.exists())
        defused = write(files, delimiter)
        quarantined, page = (p if p in files else None for p in (bad, page))
        return Written(path, quarantined, page, defused, stale)

    def write_html(self, path: str | Path) -> None:
        """Write the report on a table in memory: one self-contained page, whole or not at all.

        Parameters
        ----------
        path : str or Path
            The HTML file.
        """
        write({Path(path): report.cleaning_html(self._in_memory.page)})

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
        rest = [note for note in self.notes if note not in self.read]
        short = f"Encoding: {counted(len(rest), 'note')} on columns; --verbose shows them."
        lines = [*self.read, *self.summary, *(rest if verbose else [short] * bool(rest))]
        lines += [f"Skipped: {sentence}" for sentence in self.skipped]
        if verbose:
            lines += [f"Pass over {what}: {rate:,.0f} rows/s." for what, rate in self.passes]
        if written is not None:
            return [*lines, *written.sentences]
        if self.out is not None:
            bad = self.out / QUARANTINE
            more = f"; rejected rows and reasons: {bad}" if bad.exists() else ""
            lines.append(f"Kept rows: {self.out}{more}")
        return lines
