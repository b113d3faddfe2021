"""How the command line speaks: one sentence for what went wrong, bars for what takes time."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from .errors import InputError

FAILED = 1


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
    """A bar for each stage with the time left; on a log file, a line for each stage."""
    if quiet:
        yield lambda stage, done, total: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True, highlight=False)
    seen: dict[str, Any] = {}
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(),
               TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in seen:
                for task in seen.values():
                    bars.update(task, total=1, completed=1)
                seen[stage] = bars.add_task(stage, total=total or None)
                if not console.is_terminal:
                    console.print(stage, markup=False)
            if total:
                bars.update(seen[stage], completed=done, total=total)

        yield tell
