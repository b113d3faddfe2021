"""A result that a thread computes while this one does something else."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from ..passes.block import no_other_threads

LONG = 100_000  # numbers in a table from which on two threads gain by each other


class Meanwhile:
    """What `work` returns: from a thread where a table of so many `numbers` makes that pay.

    A thread that nobody waits for any more does not keep the process from ending.
    """

    def __init__(self, work: Callable[[], Any], numbers: int):
        self._work, self._made, self._error = work, None, None
        self._thread: threading.Thread | None = None
        if numbers >= LONG:
            self._thread = threading.Thread(target=self._make, daemon=True)
            self._thread.start()

    def alone(self) -> AbstractContextManager[Any]:
        """While it is open, neither thread starts others inside of a library."""
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
            # Warnings are the process's; a thread must not add its own to those of the other.
            with np.errstate(all="ignore"):
                self._made = self._work()
        except Exception as error:
            self._error = error
