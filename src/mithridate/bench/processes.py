"""The processes that judge cells side by side, started while something else is computed."""

import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import joblib
from joblib.externals.loky import get_reusable_executor
from threadpoolctl import threadpool_limits

from .score import score

# A process takes two seconds to start. Work that takes no longer is done in this one.
PATIENCE = 2.0
FEW_CELLS = 40  # of which it takes about so long, by the usual defenses on a few hundred rows

# Workers are processes with one BLAS thread each: threads of both kinds would fight. No memory
# maps: a stopped run would leave their files behind.
HOW: dict[str, Any] = {"n_jobs": -1, "max_nbytes": None}

Call = tuple[Callable[..., Any], tuple[Any, ...]]


@contextmanager
def begun(cells: int) -> Iterator[threading.Thread | None]:
    """Start the processes if so many cells will need them; the thread ends when they are there.

    Where what is computed meanwhile fails or is stopped, they end.
    """
    if cells <= FEW_CELLS or joblib.effective_n_jobs(-1) == 1:
        yield None
        return
    thread = threading.Thread(target=_start, daemon=True)
    thread.start()
    try:
        yield thread
    except BaseException:
        get_reusable_executor(kill_workers=True).shutdown(wait=False, kill_workers=True)
        raise


def _start() -> None:
    with suppress(Exception):  # whoever hands them work next is told what is wrong
        joblib.Parallel(**HOW)(joblib.delayed(_ready)() for _ in range(joblib.effective_n_jobs(-1)))


def _ready() -> str:
    """What a process does first: its import brings all that is needed to judge."""
    return score.__name__


def side_by_side(calls: Sequence[Call], starting: threading.Thread | None) -> Iterator[Any]:
    """The results of calls, in order; made by processes if some were begun or the work is long."""
    left = iter(calls)
    if starting is None:
        yield from _here(left)
    else:
        starting.join()
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
