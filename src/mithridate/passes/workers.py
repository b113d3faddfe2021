"""The numbers of a table in files of the workers of a cluster, each where a worker made them."""

import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from .._machine import free
from ..errors import InputError
from ..tables.source import Source
from .scratch import SHARE, Numbers, stored

_MARK = "mithridate-"  # the names of the folders begin with it

_task = threading.local()  # `file` is the one of the span that a thread works on, `start` its row


def worker() -> Any:
    """Find the worker of the cluster that runs this task.

    Returns
    -------
    distributed.Worker or None
        The worker; None where there is none.
    """
    try:
        from distributed import get_worker

        return get_worker()
    except (ImportError, ValueError):
        return None


@dataclass(frozen=True)
class WorkerScratch:
    """A table whose spans are kept as numbers by the workers that made them.

    Each worker keeps those that it read in the first pass in its own folder, as long as there is
    room for them. Where a span comes to another worker, or was not kept, it is decoded again.

    Parameters
    ----------
    source : Source
        The files.
    width : int
        Columns of numbers, the target among them.
    name : str
        A name that no other run has.
    """

    source: Source
    width: int
    name: str

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.source.rows

    def blocks(self, columns: Sequence[str], start: int, stop: int) -> Iterator[tuple[int, Any]]:
        here = worker()
        file = None if here is None else _folder(here, self.name) / f"{start}-{stop}"
        if file is not None and file.exists():
            with _at_work(file, "rb", start):
                yield from stored(start, stop)
        elif file is not None and _has_room(file.parent, 8 * self.width * (stop - start)):
            fresh = file.with_suffix(f".{threading.get_ident()}")  # the same span may come twice
            try:
                with _at_work(fresh, "wb", start):
                    yield from self.source.blocks(columns, start, stop)
                    kept = _task.file is not None
                if kept:
                    fresh.replace(file)
            finally:
                fresh.unlink(missing_ok=True)
        else:
            yield from self.source.blocks(columns, start, stop)

    def write(self, start: int, Z: Numbers) -> None:
        file = getattr(_task, "file", None)
        if file is None:
            return
        try:
            whole = file.write(Z.data) == Z.nbytes
        except OSError:
            whole = False
        if not whole:  # then the span is not kept
            _task.file = None

    def read(self, start: int, Z: Numbers) -> None:
        _task.file.seek(8 * self.width * (start - _task.start))
        if _task.file.readinto(Z.data.cast("B")) < Z.nbytes:
            raise InputError("The unfinished work of a worker was cut short; start again.")


def forget(name: str, dask_worker: Any) -> None:
    """Remove what a worker kept of a run.

    Parameters
    ----------
    name : str
        The name of the run.
    dask_worker : distributed.Worker
        The worker, which Dask gives to what `Client.run` calls.
    """
    shutil.rmtree(_folder(dask_worker, name), ignore_errors=True)


def _folder(here: Any, name: str) -> Path:
    return Path(here.local_directory) / f"{_MARK}{name}"


@contextmanager
def _at_work(path: Path, mode: Literal["rb", "wb"], start: int) -> Iterator[None]:
    """Opens the file of the span that this thread works on."""
    with path.open(mode, buffering=0) as file:
        _task.file, _task.start = file, start
        try:
            yield
        finally:
            _task.file = None


def _has_room(folder: Path, size: int) -> bool:
    """Whether so many bytes more may be kept by the workers of this machine; makes the folder."""
    try:
        folder.mkdir(exist_ok=True)
        others = folder.parent.parent.glob(f"*/{_MARK}*/*")
        held = sum(file.stat().st_size for file in others)
        room = min(free(), shutil.disk_usage(folder).free + held)
    except OSError:  # no folder can be made, or a file is gone meanwhile
        return False
    return held + size <= room // SHARE
