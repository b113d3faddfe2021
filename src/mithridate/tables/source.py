"""Parquet files as one long table: its rows, block by block, and what is wrong with a file."""

import errno
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from jaxtyping import Bool
from pyarrow import fs

from .._text import quote
from ..errors import InputError
from .blocks import BLOCK

NETWORK = {"aiohttp", "botocore", "google", "gcsfs", "azure", "requests", "urllib3"}
BATCH = 4 * BLOCK  # rows decoded at a time, of 64 columns at most; of more, no fewer than a block
FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


class BadFile(InputError):
    """A file that cannot be used, and why; it survives the way back from a worker.

    Parameters
    ----------
    name : str
        The file, by its path below the root.
    why : str
        What is wrong, as a part of a sentence.
    """

    def __init__(self, name: str, why: str):
        super().__init__(name, why)
        self.name, self.why = name, why

    @property
    def sentence(self) -> str:
        """What is wrong with it."""
        return f"The file {quote(self.name, limit=200)} {self.why}."

    def __str__(self) -> str:
        return f"{self.sentence[:-1]}; mend or remove it, or go on without it by --skip-bad-files."


class Unreached(InputError):
    """What is wrong with the connection to the files; what was computed so far stays valid."""


@dataclass(frozen=True)
class File:
    """A Parquet file, and the rows of each of its row groups.

    `used` has a bit for each row, 0 for those that are set aside; it is empty where none are. Rows
    are counted without them, in `every` with them.

    Parameters
    ----------
    name : str
        Its path below the root.
    size : int
        Bytes.
    changed : str
        When it was written to last.
    groups : tuple of int, default ()
        Rows of each row group, without those that are set aside.
    every : tuple of int, default ()
        Rows of each with them; empty where none are.
    used : bytes, optional
        A bit for each row, 0 for those that are set aside; empty where none are.
    """

    name: str
    size: int
    changed: str
    groups: tuple[int, ...] = ()
    every: tuple[int, ...] = ()
    used: bytes = b""

    @property
    def rows(self) -> int:
        return sum(self.groups)

    @property
    def length(self) -> int:
        """The rows with those that are set aside."""
        return sum(self.every or self.groups)

    @property
    def mask(self) -> Bool[np.ndarray, " n"]:
        """Whether each row is used."""
        if not self.used:
            return np.ones(self.length, dtype=bool)
        return np.unpackbits(np.frombuffer(self.used, np.uint8), count=self.length).view(bool)

    def using(self, mask: Bool[np.ndarray, " n"]) -> "File":
        """Leave rows out.

        Parameters
        ----------
        mask : array of bool, shape (n,)
            False where a row is left out.

        Returns
        -------
        File
            The same file without them.
        """
        every = self.every or self.groups
        edges = np.cumsum([0, *every])
        pairs = zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
        groups = tuple(int(mask[a:b].sum()) for a, b in pairs)
        return replace(self, groups=groups, every=every, used=np.packbits(mask).tobytes())


@dataclass(frozen=True, eq=False)
class Source:
    """Parquet files of one schema, beneath each other in the order of their names.

    Parameters
    ----------
    system : pyarrow.fs.FileSystem
        Where the files are.
    root : str
        The folder in it.
    files : tuple of File
        The files.
    schema : pyarrow.Schema
        Their schema.
    """

    system: fs.FileSystem
    root: str
    files: tuple[File, ...]
    schema: pa.Schema

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    def path(self, file: File) -> str:
        return f"{self.root}/{file.name}" if self.root else file.name

    def blocks(
        self, columns: Sequence[str], start: int, stop: int
    ) -> Iterator[tuple[int, pa.Table]]:
        """Read the rows block by block.

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
        tuple of int and pyarrow.Table
            The first row of a block, and its rows.
        """
        held: list[pa.RecordBatch] = []
        count, at = 0, start
        for batch in self._between(columns, start, stop):
            rest = batch
            while len(rest):
                part = rest.slice(0, BLOCK - count)
                rest, count = rest.slice(len(part)), count + len(part)
                held.append(part)
                if count == BLOCK:
                    yield at, pa.Table.from_batches(held)
                    held, at, count = [], at + count, 0
        if held:
            yield at, pa.Table.from_batches(held)

    def _between(self, columns: Sequence[str], start: int, stop: int) -> Iterator[pa.RecordBatch]:
        first = 0
        for file in self.files:
            if first < stop and first + file.rows > start:
                yield from self.batches(file, columns, start - first, stop - first)
            first += file.rows

    def batches(
        self, file: File, columns: Sequence[str], start: int = 0, stop: int | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Read rows of one file, where they are in it.

        Parameters
        ----------
        file : File
            The file.
        columns : sequence of str
            The columns to read.
        start : int, default 0
            The first row.
        stop : int, optional
            The row after the last; None: all that follow.

        Yields
        ------
        pyarrow.RecordBatch
            Some of the rows.

        Raises
        ------
        BadFile
            If it has fewer rows than before.
        """
        stop, at, groups, skip = file.rows if stop is None else stop, 0, [], 0
        for i, rows in enumerate(file.groups):
            if at < stop and at + rows > start:
                skip = skip if groups else max(start - at, 0)
                groups.append(i)
            at += rows
        if not groups:
            return
        left = min(stop, file.rows) - max(start, 0)
        for batch in _read(self, file, groups, columns):
            part = batch.slice(skip, left)
            skip, left = max(skip - len(batch), 0), left - len(part)
            if len(part):
                yield part
        if left:
            raise BadFile(file.name, "changed while it was read")

    def check_unchanged(self) -> None:
        """Refuse a result of files that were written to meanwhile.

        Raises
        ------
        BadFile
            If one was.
        """
        for file in self.files:
            try:
                info = self.system.get_file_info(self.path(file))
            except Exception as error:
                raise trouble(file.name, error, "cannot be looked at") from None
            if info.type == fs.FileType.NotFound:
                raise BadFile(file.name, "vanished")
            if (info.size, str(info.mtime)) != (file.size, file.changed):
                raise BadFile(file.name, "changed while it was read")


def _read(
    source: Source, file: File, groups: Sequence[int], columns: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    try:
        path, parquet = source.path(file), ds.ParquetFileFormat(pre_buffer=False)
        fragment = parquet.make_fragment(path, source.system)
        if len(groups) < len(file.groups):
            # Not `row_groups` of `make_fragment`, which reads from the eighth on in another order.
            fragment = fragment.subset(row_group_ids=list(groups))
        batches = fragment.to_batches(
            schema=source.schema,
            columns=list(columns),
            batch_size=max(64 * BATCH // max(len(columns), 64), BLOCK),
            batch_readahead=2,
        )
        yield from _used(batches, file, groups) if file.used else batches
    except Exception as error:
        raise trouble(file.name, error, "is no whole Parquet file, or a damaged one") from None


def _used(
    batches: Iterator[pa.RecordBatch], file: File, groups: Sequence[int]
) -> Iterator[pa.RecordBatch]:
    """The rows of row groups that are used."""
    every, mask = np.cumsum([0, *file.every]), file.mask
    left = np.concatenate([mask[every[i] : every[i + 1]] for i in groups])
    at = 0
    for batch in batches:
        part = left[at : at + len(batch)]
        at += len(batch)
        yield batch if part.all() else batch.filter(pa.array(part))


def trouble(name: str, error: Exception, why: str) -> Exception:
    """What to raise instead of an error met while a file was read."""
    if isinstance(error, FileNotFoundError):
        return BadFile(name, "vanished")
    if _away(error):
        return unreached(name, error)
    if is_full(error):
        return error
    return BadFile(name, why) if isinstance(error, (OSError, pa.ArrowException)) else error


def is_full(error: Exception) -> bool:
    """Tell whether a disk had no more room for what was to be written.

    Parameters
    ----------
    error : Exception
        The error met.

    Returns
    -------
    bool
        Whether that was it.
    """
    return isinstance(error, OSError) and error.errno in FULL


def unreached(path: str, error: Exception) -> Unreached:
    """One sentence on a place that does not answer, or not to us."""
    return Unreached(
        f"{quote(path, limit=200)} cannot be reached ({' '.join(str(error).split())[:300]}); check "
        "the address, the network and the credentials."
    )


def _away(error: Exception) -> bool:
    """Whether an error is one of the network or the storage rather than of the file."""
    library = type(error).__module__.partition(".")[0]
    if isinstance(error, (ConnectionError, TimeoutError)) or library in NETWORK:
        return True
    return isinstance(error, OSError) and "AWS Error" in str(error)
