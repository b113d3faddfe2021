"""The progress of long work: bars on a terminal or in a notebook, lines in a log."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Tell = Callable[[str, int, int], Any]  # stage, units finished, units in all (0 where unknown)

AFTER = 2.0  # seconds before bars appear: shorter work shows none
_MIN_COUNTED = 10_000  # units of a stage from which on their number per second is shown
_MAX_STAGES = 20  # stages that are shown one by one: cleaning in passes has hundreds of them
_LINE_SECONDS = 30.0  # seconds between two lines of a long stage in a log
SPEED_PERIOD = 3600.0  # seconds over which the time left is estimated: one unit may take minutes


def silent(stage: str, finished: int, total: int) -> None:
    """A `Tell` that shows nothing."""


@contextmanager
def progress(quiet: bool = False) -> Iterator[Tell]:
    """Show on standard error how far long work has come, and how long it will still take.

    On a terminal and in a notebook each stage of the work has a bar, once the work has taken two
    seconds. Where standard error is a file, a line says when a stage begins, and while it lasts
    another one follows every half minute.

    Parameters
    ----------
    quiet : bool, default False
        Show nothing.

    Yields
    ------
    callable
        What `audit`, `clean` and `poison` take as `tell`: a function of the stage (str), the units
        of work that are done (int) and those that there are (int, 0 where it is not known).

    Examples
    --------
    >>> import mithridate
    >>> with mithridate.progress() as tell:
    ...     cleaned = mithridate.clean("diabetes", tell=tell)
    """
    if quiet:
        yield silent
        return
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    if not (console.is_terminal or console.is_jupyter):
        yield _LogLines(lambda line: console.print(line, markup=False, soft_wrap=True))
        return
    bars = _Bars(console)
    try:
        yield bars
    finally:
        bars.stop()


class _Bars:
    """A bar for each stage, with its speed and the time left."""

    def __init__(self, console: Any) -> None:
        from rich.progress import (
            BarColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._shown = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            speed_estimate_period=SPEED_PERIOD,
        )
        self._stages: dict[str, Any] = {}  # the bar of each stage, when it began, and at which unit
        self._timer = threading.Timer(AFTER, self._shown.start)
        self._timer.daemon = True
        self._timer.start()

    def __call__(self, stage: str, finished: int, total: int) -> None:
        if stage not in self._stages:
            self._begin(stage, finished, total)
        bar, began, first = self._stages[stage]
        if total:
            # The average over the stage, since units may be reported in large pieces.
            seconds = time.monotonic() - began
            known = seconds > 0 and finished > first and total >= _MIN_COUNTED
            speed = _speed((finished - first) / seconds) if known else ""
            self._shown.update(bar, completed=finished, total=total, speed=speed)

    def _begin(self, stage: str, finished: int, total: int) -> None:
        """A bar for the stage; the one before it is filled, and old ones are hidden."""
        bars = [bar for bar, _, _ in self._stages.values()]
        if bars:
            self._shown.update(bars[-1], total=1, completed=1)
        if len(bars) >= _MAX_STAGES:
            self._shown.update(bars[-_MAX_STAGES], visible=False)
        bar = self._shown.add_task(stage, total=total or None, completed=finished, speed="")
        self._stages[stage] = bar, time.monotonic(), finished

    def stop(self) -> None:
        """Leaves the bars as they are; none appears any more."""
        self._timer.cancel()
        self._timer.join()
        if self._shown.live.is_started:
            self._shown.stop()


class _LogLines:
    """A line when a stage begins and, while it lasts, one with the time left every half minute.

    After `STAGES` of them a stage of a known kind gets a line only if the last line is half a
    minute old: "pass 30: moments" is of the kind of "pass 2: moments".
    """

    def __init__(self, write: Callable[[str], Any]) -> None:
        self._write = write
        self._stages: dict[str, tuple[float, int]] = {}  # when each began, and at which unit
        self._kinds: set[str] = set()
        self._last = 0.0

    def __call__(self, stage: str, finished: int, total: int) -> None:
        now = time.monotonic()
        late = now - self._last >= _LINE_SECONDS
        if stage not in self._stages:
            self._stages[stage] = now, finished
            kind = stage.rpartition(": ")[2]
            if len(self._stages) <= _MAX_STAGES or kind not in self._kinds or late:
                self._say(stage, now)
            self._kinds.add(kind)
        elif total and late:
            began, first = self._stages[stage]
            each = (now - began) / max(finished - first, 1)
            speed = f", {_speed(1.0 / each)}" if total >= _MIN_COUNTED else ""
            left = _left(each * (total - finished))
            self._say(f"{stage}: {finished:,} of {total:,}{speed}, {left} left", now)

    def _say(self, line: str, now: float) -> None:
        self._last = now
        self._write(line)


def _left(seconds: float) -> str:
    """A time in the words of a person who waits.

    >>> _left(20.0), _left(85.0)
    ('less than a minute', 'about 1 min')
    """
    return "less than a minute" if seconds < 60 else f"about {seconds / 60:.0f} min"


def _speed(each_second: float) -> str:
    return f"{each_second:,.0f}/s"
