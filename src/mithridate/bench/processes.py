"""Processes that compute side by side, started while something else is computed."""

import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import joblib
from joblib.externals.loky import get_reusable_executor
from threadpoolctl import threadpool_limits

# A process takes two seconds to start. Work that takes no longer is done in this one.
PATIENCE = 2.0
FEW_CELLS = 40  # of which it takes about so long, by the usual defenses on a few hundred rows

# Workers are processes with one BLAS thread each: threads of both kinds would fight. No memory
# maps: a stopped run would leave their files behind.
HOW: dict[str, Any] = {"n_jobs": -1, "max_nbytes": None}

Call = tuple[Callable[..., Any], tuple[Any, ...]]


class Beside:
    """Calls that other processes make meanwhile, or this one when their results are asked for."""

    def __init__(self, calls: Sequence[Call], started: bool):
        self.calls, self.started = calls, started
        self._made: list[tuple[Any, Exception | None]] | None = None
        self._thread = threading.Thread(target=self._make, daemon=True)
        if started:
            self._thread.start()

    def made(self) -> list[Any]:
        """The results, in order; the first error is raised."""
        if self.started:
            self._thread.join()
        if self._made is None:  # not started, or no process could be had
            self._made = [_tried(*call) for call in self.calls]
        for _, error in self._made:
            if error is not None:
                raise error
        return [one for one, _ in self._made]

    def _make(self) -> None:
        try:
            made: Any = joblib.Parallel(**HOW)(joblib.delayed(_tried)(*one) for one in self.calls)
            self._made = made
        except Exception:  # whoever asks for the results computes them, and is told what is wrong
            self._made = None


def _tried(work: Callable[..., Any], given: tuple[Any, ...]) -> tuple[Any, Exception | None]:
    """What a call returns, or its error: raised in a process, that would end the others too."""
    try:
        return work(*given), None
    except Exception as error:
        return None, error


@contextmanager
def beside(calls: Sequence[Call], cells: int) -> Iterator[Beside]:
    """Calls that are made meanwhile, by processes if so many cells will need these later.

    Where what is computed meanwhile fails or is stopped, they end.
    """
    started = cells > FEW_CELLS and joblib.effective_n_jobs(-1) > 1
    try:
        yield Beside(calls, started)
    except BaseException:
        if started:
            get_reusable_executor(kill_workers=True).shutdown(wait=False, kill_workers=True)
        raise


def side_by_side(calls: Sequence[Call], started: bool) -> Iterator[Any]:
    """The results of calls, in order; made by processes if there are some or the work is long."""
    left = iter(calls)
    if not started:
        yield from _here(left)
    jobs = [joblib.delayed(work)(*given) for work, given in left]
    if jobs:
        yield from joblib.Parallel(**HOW, return_as="generator")(jobs)


def _here(calls: Iterable[Call]) -> Iterator[Any]:
    """The results of as many calls as this process makes before its patience ends."""
    began = time.perf_counter()
    for work, given in calls:
        with threadpool_limits(1), warnings.catch_warnings():
            made = work(*given)
        yield made
        if time.perf_counter() - began > PATIENCE:
            return
