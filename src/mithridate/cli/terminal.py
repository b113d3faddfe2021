"""How the command line speaks: one sentence for what went wrong, bars for what takes time."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from ..errors import InputError

Tell = Callable[[str, int, int], Any]  # stage, done, total
FAILED = 1
HOUR = 3600.0  # of a stage that say how fast it goes: a part may take minutes
MANY = 10_000  # of what is counted, from which on it is told how many a second
STAGES = 20  # of a run that are shown one by one
EVERY = 30.0  # seconds between the lines of a long stage in a log


def printable(text: str) -> str:
    """The text without control characters, which could drive the terminal."""
    return "".join(c if c.isprintable() else " " for c in text)


@contextmanager
def unread() -> Iterator[None]:
    """Goes on where nobody reads what is printed: the files are written all the same."""
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, AttributeError, ValueError):
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115


class Stopped(Exception):
    """Ctrl-C, with what was kept."""


@contextmanager
def sentences(kept: str) -> Iterator[None]:
    """Turns what a person can mend into one sentence and exit code 1."""
    try:
        yield
    except InputError as error:
        typer.echo(printable(str(error)), err=True)
        raise typer.Exit(FAILED) from None
    except KeyboardInterrupt:
        raise Stopped(f"Stopped. {kept}") from None


@contextmanager
def progress(quiet: bool) -> Iterator[Callable[[str, int, int], Any]]:
    """A bar for each stage with the time left; on a log file, lines now and then."""
    if quiet:
        yield lambda stage, done, total: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        ProgressColumn,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield _log(lambda line: console.print(line, markup=False, soft_wrap=True))
        return
    seen: dict[str, Any] = {}

    class Speed(ProgressColumn):
        def render(self, task: Any) -> Text:
            # On average: what comes in large pieces has no speed from one to the next.
            seconds = (task.finished_time if task.finished else task.elapsed) or 0.0
            done = task.completed - task.fields["first"]
            shown = seconds > 0 and done > 0 and (task.total or 0) >= MANY
            return Text(_speed(done / seconds) if shown else "")

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(),
               Speed(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, console=console, speed_estimate_period=HOUR) as bars:

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in seen:
                for task in seen.values():
                    bars.update(task, total=1, completed=1)
                seen[stage] = bars.add_task(stage, total=total or None, completed=done, first=done)
                if len(seen) > STAGES:  # a rule that takes hundreds of passes fills no screen
                    bars.update([*seen.values()][-STAGES - 1], visible=False)
            if total:
                bars.update(seen[stage], completed=done, total=total)

        yield tell


def _log(say: Callable[[str], Any]) -> Callable[[str, int, int], Any]:
    """A line when a stage begins and, while it lasts, one with the time left every half minute.

    After `STAGES` of them it has to be half a minute since the last line for a new one, if one of
    its kind was told already: "pass 30: moments" is of the kind of "pass 2: moments".
    """
    began: dict[str, tuple[float, int]] = {}
    kinds: set[str] = set()
    last = 0.0

    def tell(stage: str, done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if stage not in began:
            began[stage] = now, done
            kind = stage.rpartition(": ")[2]
            if len(began) <= STAGES or kind not in kinds or now - last >= EVERY:
                last = now
                say(stage)
            kinds.add(kind)
        elif total and now - last >= EVERY:
            start, first = began[stage]
            last, each = now, (now - start) / max(done - first, 1)
            fast = f", {_speed(1.0 / each)}" if total >= MANY else ""
            left = each * (total - done) / 60
            say(f"{stage}: {done:,} of {total:,}{fast}, about {left:.0f} min left")

    return tell


def _speed(each_second: float) -> str:
    return f"{each_second:,.0f}/s"
