"""The folder of an unfinished run, and how it becomes the output."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from .._text import quote
from ..errors import InputError
from ..passes.journal import Journal
from ..tables.source import Unreached, is_full


class Workshop:
    """A folder beside the output for unfinished work; a temporary one where nothing is kept.

    `rows` becomes the output by a rename, the last step; `folder` inside it holds all else.
    """

    def __init__(self, out: Path | None):
        self._passing = tempfile.TemporaryDirectory() if out is None else None
        self.kept = out is not None
        beside = out and out.absolute().parent / f".{out.name}.unfinished"
        self.rows = beside or Path(self._passing.name if self._passing else "")
        self.folder = self.rows / ".work"
        self._lock = FileLock(self.folder / "lock")

    def __enter__(self) -> "Workshop":
        return self

    def __exit__(self, *_: Any) -> None:
        self._lock.release(force=True)
        if self._passing:
            self._passing.cleanup()

    @contextmanager
    def attempt(self, key: str) -> Iterator[None]:
        """One attempt at a table, under a key that says what its results depend on.

        What it computed is thrown away where the table or the call is wrong, and kept where the
        same call may go on: after a failure between here and the files, or on a full disk.
        """
        try:
            self._open(key)
            yield
        except Unreached:
            raise
        except InputError:
            self._discard()
            raise
        except OSError as error:
            if is_full(error):
                raise self._full() from None
            raise

    def _open(self, key: str) -> None:
        """Starts a journal; what was computed under another key is thrown away."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.kept:
            self._claim()
        self.journal = Journal(self.folder / "state.json" if self.kept else None, key)
        if not self.journal.resumed:
            for path in (*self.rows.iterdir(), *self.folder.iterdir()):
                if path not in (self.folder, Path(self._lock.lock_file)):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _claim(self) -> None:
        try:
            with suppress(NotImplementedError):  # a file system without locks
                self._lock.acquire(timeout=0)
        except Timeout:
            raise Unreached(
                f"Another run is at work in {quote(self.rows, limit=200)}; wait for it, or give "
                "another output."
            ) from None

    def _discard(self) -> None:
        self._lock.release(force=True)
        shutil.rmtree(self.rows, ignore_errors=True)

    def _full(self) -> Unreached:
        """One sentence on a disk that has no more room."""
        if not self.kept:
            return Unreached(
                f"The disk of {quote(self.rows, limit=200)} has no room for temporary files; make "
                "room, or set TMPDIR to another folder."
            )
        return Unreached(
            f"The disk is full; what was done is kept in {quote(self.rows, limit=200)}: make room, "
            "and the same call goes on, or remove it."
        )

    def publish(self, out: Path) -> None:
        """Clears up, and renames what was written, all at once."""
        self.journal.forget()  # first, since the files that it lists are deleted next
        self._lock.release(force=True)  # Windows cannot rename a folder with an open lock
        shutil.rmtree(self.folder)
        self.rows.rename(out)
