"""What the command line prints: plain lines, and one sentence on an error."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from ..errors import InputError

FAILED = 1  # exit code of bad input
OVER_LIMIT = 2  # exit code of --max-damage and --max-rejected


def printable(text: str) -> str:
    """The text without control characters, which could drive the terminal.

    >>> printable("red\\x1b[31m")
    'red [31m'
    """
    return "".join(c if c.isprintable() else " " for c in text)


@contextmanager
def unread() -> Iterator[None]:
    """Continues where the output is closed, as by `head`: the files are written all the same."""
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, AttributeError, ValueError):
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115


class Stopped(Exception):
    """A run stopped by Ctrl-C, with a sentence on what was kept."""


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
