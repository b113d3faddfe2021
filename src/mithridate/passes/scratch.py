"""The numbers of a table in a file, which are faster to read than the table is to decode."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from jaxtyping import Float

from .._machine import free
from ..errors import InputError
from ..tables.blocks import BLOCK
from ..tables.source import Source

SHARE = 8
"""An eighth of the free memory, and of the free disk, is used. With more, a system begins to write
to the disk and makes the process wait: Linux from about 15 %."""

Numbers = Float[np.ndarray, "k n"]


class Stored(NamedTuple):
    """Stands for a block that is in the scratch, and has so many rows."""

    num_rows: int


class Blocks(Protocol):
    """Rows that are read from front to back, in blocks (start, table)."""

    @property
    def rows(self) -> int:
        """How many there are."""
        ...

    def blocks(self, columns: Sequence[str], start: int, stop: int) -> Iterator[tuple[int, Any]]:
        """Read rows block by block; of blocks that are kept only how long they are.

        Parameters
        ----------
        columns : sequence of str
            The columns to read.
        start : int
            The first row, where a block begins.
        stop : int
            The row after the last.

        Yields
        ------
        tuple of int and (pyarrow.Table or Stored)
            The first row of a block, and its rows.
        """
        ...


class Store(Blocks, Protocol):
    """A table whose numbers are kept, once a pass has made them."""

    def write(self, start: int, Z: Numbers) -> None:
        """Keep a block where there is room for it, and as long as the disk takes it.

        Parameters
        ----------
        start : int
            Its first row.
        Z : array, shape (k, n)
            Its numbers.
        """
        ...

    def read(self, start: int, Z: Numbers) -> None:
        """Fill in the numbers of a block that was kept.

        Parameters
        ----------
        start : int
            Its first row.
        Z : array, shape (k, n)
            Where they go.

        Raises
        ------
        InputError
            If the file was cut short.
        """
        ...


def stored(start: int, stop: int) -> Iterator[tuple[int, Stored]]:
    """Stand for the blocks of rows that are kept.

    Parameters
    ----------
    start : int
        The first row, where a block begins.
    stop : int
        The row after the last.

    Yields
    ------
    tuple of int and Stored
        The first row of a block, and how long it is.
    """
    for at in range(start, stop, BLOCK):
        yield at, Stored(min(BLOCK, stop - at))


class Scratch(ExitStack):
    """A table whose first blocks are kept as numbers, once a pass has made them.

    They go to a file that the system holds in its memory as it does the files of the table. It has
    no name, so that nothing is left when the process ends.

    Parameters
    ----------
    source : Source
        The files.
    width : int
        Columns of numbers, the target among them.
    folder : path
        Where the file is to be.
    """

    def __init__(self, source: Source, width: int, folder: Path):
        super().__init__()
        spare = min(free(), shutil.disk_usage(folder).free) // SHARE
        blocks = min(-(-source.rows // BLOCK), spare // (8 * width * BLOCK))
        self.source, self.rows, self.width = source, source.rows, width
        self._there = np.zeros(0, dtype=bool)
        if blocks and hasattr(os, "preadv"):
            with suppress(OSError):  # a folder where no file can be without a name
                file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
                self._file = self.enter_context(file).fileno()
                self._there = np.zeros(blocks, dtype=bool)

    def write(self, start: int, Z: Numbers) -> None:
        there, block = self._there, start // BLOCK
        if block >= len(there):
            return
        try:
            there[block] = os.pwrite(self._file, Z.data, 8 * self.width * start) == Z.nbytes
        except OSError:  # the disk takes none, so no more are kept
            self._there = there[:0]

    def read(self, start: int, Z: Numbers) -> None:
        if os.preadv(self._file, [Z.data], 8 * self.width * start) < Z.nbytes:
            raise InputError("The unfinished work on the disk was cut short; start again.")

    def blocks(self, columns: Sequence[str], start: int, stop: int) -> Iterator[tuple[int, Any]]:
        kept = min(len(self._there) * BLOCK, stop) if self._there.all() else start
        yield from stored(start, kept)
        yield from self.source.blocks(columns, max(start, kept), stop)
