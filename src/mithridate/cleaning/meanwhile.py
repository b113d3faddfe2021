"""A result that a thread computes while this one does something else."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from ..passes.block import no_other_threads

_MIN_NUMBERS = 100_000  # numbers in a table from which on a second thread saves time


class Meanwhile:
    """What `work` returns: from a thread where a table of so many `numbers` makes that pay.

    The thread does not keep the process from ending.
    """

    def __init__(self, work: Callable[[], Any], numbers: int):
        self._work, self._made, self._error = work, None, None
        self._thread: threading.Thread | None = None
        if numbers >= _MIN_NUMBERS:
            self._thread = threading.Thread(target=self._make, daemon=True)
            self._thread.start()

    def alone(self) -> AbstractContextManager[Any]:
        """A context in which neither thread starts further ones inside of a library."""
        return nullcontext() if self._thread is None else no_other_threads()

    def result(self) -> Any:
        """The result, or the error of the work."""
        if self._thread is None:
            return self._work()
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._made

    def _make(self) -> None:
        try:
            # Warnings are recorded for the whole process, so this thread must not add its own.
            with np.errstate(all="ignore"):
                self._made = self._work()
        except Exception as error:
            self._error = error
