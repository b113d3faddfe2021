"""The numbers of a table in a file, once they were made: to read them back costs less than to."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..defenses._passes import BLOCK, Block, Kernel, room
from ..errors import InputError
from ..machine import free

SHARE = 2  # of the free memory, and of the room on the disk, one part of so many


class Stored(NamedTuple):
    """Stands for a block of which only the number of rows is known here."""

    num_rows: int


class Scratch(ExitStack):
    """Blocks of rows by columns, `Z` (d + 1, n), in a file without a name that no crash leaves.

    The system holds it in memory as it holds the files of the table, as long as it has some to
    spare. So a table of more numbers than that gets no file, and stays to be decoded.
    """

    def __init__(self, folder: Path, width: int, rows: int):
        super().__init__()
        self.width, self.rows = width, rows
        self._there = np.zeros(-(-rows // BLOCK), dtype=bool)
        size = 8 * width * rows
        spare = min(free(), shutil.disk_usage(folder).free) // SHARE
        usable = hasattr(os, "preadv") and size <= spare
        self._file: Any = None
        if usable:
            file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
            self._file = self.enter_context(file)

    @property
    def whole(self) -> bool:
        """Whether every block is there to be read."""
        return bool(self._there.all())

    def write(self, start: int, Z: np.ndarray) -> None:
        """Writes a block; what a full disk does not take is not there."""
        if self._file is None:
            return
        try:
            size = os.pwrite(self._file.fileno(), Z.data, 8 * self.width * start)
        except OSError:
            return
        self._there[start // BLOCK] = size == Z.nbytes

    def read(self, start: int, n: int) -> np.ndarray:
        """The numbers of a block, in memory that the next one gets."""
        Z = room("block", self.width * n).reshape(self.width, n)
        size = os.preadv(self._file.fileno(), [Z.data], 8 * self.width * start)
        if size < Z.nbytes:
            raise InputError("The unfinished work on the disk was cut short; start again.")
        return Z

    def blocks(self, columns: Sequence[str], start: int, stop: int) -> Iterator[tuple[int, Stored]]:
        """The blocks from a row to another, to be read by whoever works on them."""
        for at in range(start, stop, BLOCK):
            yield at, Stored(min(BLOCK, stop - at))


@dataclass(frozen=True, eq=False)
class Recalled:
    """What a kernel makes of a block that was stored."""

    scratch: Scratch
    kernel: Kernel

    def __call__(self, block: tuple[int, Stored]) -> Any:
        start, stored = block
        Z = self.scratch.read(start, stored.num_rows)
        return self.kernel(Block(start, Z, np.ones(stored.num_rows)))
