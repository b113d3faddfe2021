"""Helper processes beside this one, which computes itself what they have not begun."""

import importlib
import queue
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import joblib
from joblib.externals.loky import get_reusable_executor
from threadpoolctl import threadpool_limits

PATIENCE = 2.0  # seconds that a process takes to start; shorter work is done in this one
FEW_CELLS = 40  # cells that take about as long, by the usual defenses on a few hundred rows
_IDLE = 60  # seconds without work after which a process ends

# One thread each: threads of the processes would fight for the processors.
_LIBRARIES = ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB", "NUMEXPR")
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in _LIBRARIES}
_PRELOADED = ("mithridate.bench.score", "mithridate.bench.limits")  # imported before there is work

Call = tuple[Callable[..., Any], tuple[Any, ...]]


def helpers() -> Any:
    """Give the processes beside this one, one for each other processor.

    Returns
    -------
    executor or None
        None where there is no other processor, or no process can be had.
    """
    others = joblib.effective_n_jobs(-1) - 1
    if others < 1:
        return None
    try:
        team = get_reusable_executor(max_workers=others, timeout=_IDLE, env=ONE_THREAD)
        for _ in range(others):
            team.submit(_prepared)
    except Exception:  # where helpers cannot start, this process does all of the work
        return None
    return team


def _prepared() -> None:
    """What a new process does while its first work is still made."""
    for name in _PRELOADED:
        importlib.import_module(name)


class Task:
    """A call that is made by a helper, or here if no helper has begun it.

    Parameters
    ----------
    call : tuple
        A function and its arguments.
    """

    def __init__(self, call: Call):
        self.call = call
        self._made: tuple[Any, Exception | None] | None = None
        self._ready = threading.Event()

    @property
    def done(self) -> bool:
        """Whether the call is finished."""
        return self._ready.is_set()

    def finish(self, made: tuple[Any, Exception | None] | None) -> None:
        """Take what a helper made; None where it ended, and the call is made once more."""
        self._made = made
        self._ready.set()

    def make(self) -> None:
        """Make the call here."""
        with threadpool_limits(1), warnings.catch_warnings():
            self.finish(_tried(*self.call))

    def result(self) -> Any:
        """The result, waited for if a helper computes it; an error of the call is raised."""
        self._ready.wait()
        if self._made is None:
            self.make()
        value, error = self._made or (None, None)
        if error is not None:
            raise error
        return value


def _tried(work: Callable[..., Any], given: tuple[Any, ...]) -> tuple[Any, Exception | None]:
    """What a call returns, or its error."""
    try:
        return work(*given), None
    except Exception as error:
        return None, error


class Side:
    """Where calls are made while this process computes something else.

    Parameters
    ----------
    started : bool
        Whether helpers begin at once. Else calls are made when their results are asked for, and
        helpers come if that takes long.
    """

    def __init__(self, started: bool):
        self.team: Any = None
        self._tasks: list[Task] = []
        self._waiting: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._feeders: list[threading.Thread] = []
        if started:
            self._start()

    def _start(self) -> None:
        """Starts helpers; for each a thread hands over the next call when one is finished."""
        self.team = helpers()
        others = 0 if self.team is None else joblib.effective_n_jobs(-1) - 1
        for _ in range(others):
            self._feeders.append(threading.Thread(target=self._feed, daemon=True))
            self._feeders[-1].start()

    def _feed(self) -> None:
        while (task := self._waiting.get()) is not None:
            try:
                task.finish(self.team.submit(_tried, *task.call).result())
            except Exception:  # the helper ended
                task.finish(None)

    def begin(self, calls: Iterable[Call]) -> list[Task]:
        """Hand over calls; those that were handed over first are made first."""
        tasks = [Task(call) for call in calls]
        self._tasks += tasks
        for task in tasks:
            self._waiting.put(task)
        return tasks

    def results(self, tasks: Sequence[Task]) -> Iterator[Any]:
        """Give the results, in order; this process makes what no helper has begun."""
        began, late = time.perf_counter(), self.team is not None
        for i, task in enumerate(tasks):
            if not late and time.perf_counter() - began > PATIENCE:
                late = True
                if len(tasks) - i > 1:
                    self._start()
            while not task.done and (own := self._next()) is not None:
                own.make()
            yield task.result()

    def _next(self) -> Task | None:
        """The first call that nobody has begun."""
        with suppress(queue.Empty):
            return self._waiting.get_nowait()
        return None

    def close(self) -> None:
        """Hand over no more calls."""
        for _ in self._feeders:
            self._waiting.put(None)
        self._feeders = []

    def end(self) -> None:
        """End the helpers, finished or not."""
        if self.team is not None:
            self.team.shutdown(wait=False, kill_workers=True)
        while self._next() is not None:
            pass
        self.close()
        for task in self._tasks:  # a helper that has ended returns nothing
            if not task.done:
                task.finish(None)


@contextmanager
def beside(cells: int) -> Iterator[Side]:
    """Begin processes if so many cells will need them; they end where the work does not.

    Parameters
    ----------
    cells : int
        How many cells are expected.

    Yields
    ------
    Side
        Where calls are made meanwhile.
    """
    side = Side(cells > FEW_CELLS)
    try:
        yield side
        side.close()
    except BaseException:
        side.end()
        raise
