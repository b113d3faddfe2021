"""Where a run keeps what is unfinished, and how it becomes the output."""

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from .._machine import alone
from .._text import quote
from ..passes.journal import Journal
from ..tables.source import Unreached


class Workshop:
    """A folder beside the output for what is unfinished; a passing one where nothing is kept.

    `rows` is what the output will be, `folder` inside it all else: so a rename is the last act.
    """

    def __init__(self, out: Path | None):
        self._passing = tempfile.TemporaryDirectory() if out is None else None
        self.kept, self._alone = out is not None, ExitStack()
        beside = out and out.absolute().parent / f".{out.name}.unfinished"
        self.rows = beside or Path(self._passing.name if self._passing else "")
        self.folder = self.rows / ".work"

    def __enter__(self) -> "Workshop":
        return self

    def __exit__(self, *_: Any) -> None:
        self._alone.close()
        if self._passing:
            self._passing.cleanup()

    def open(self, key: str) -> None:
        """Starts a journal; what was computed under another key is thrown away."""
        self.rows.mkdir(parents=True, exist_ok=True)
        if self.kept:
            self._claim()
        self.journal = Journal(self.folder / "state.json" if self.kept else None, key)
        if not self.journal.resumed:
            for path in self.rows.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.folder.mkdir(parents=True, exist_ok=True)

    def _claim(self) -> None:
        if not self._alone.enter_context(alone(self.rows)):
            raise Unreached(
                f"Another run is at work in {quote(self.rows, limit=200)}; wait for it, or give "
                "another output."
            )

    def discard(self) -> None:
        self._alone.close()
        shutil.rmtree(self.rows, ignore_errors=True)

    def full(self) -> Unreached:
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
        self.journal.forget()  # first: it tells of what goes now
        shutil.rmtree(self.folder)
        self.rows.rename(out)
