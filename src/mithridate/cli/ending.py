"""How a command ends: what it prints, for people or programs, and with which exit code."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import typer

from .._documents import Case
from .terminal import OVER_LIMIT, printable, sentences, unread


class Output(NamedTuple):
    """What a person asked to be printed and written, beside the files of the command."""

    as_json: bool = False
    junit: Path | None = None
    quiet: bool = False


def output(as_json: bool, quiet: bool, junit: Path | None = None) -> Output:
    """The same, checked before any work."""
    from .. import _files

    if junit is not None:
        _files.check_folder(junit.parent)
    return Output(as_json, junit, quiet)


def end(
    command: str,
    asked: Output,
    result: Callable[[], Any],
    lines: Sequence[str],
    *,
    say: Callable[[], None] | None = None,
    files: Iterable[Path | None] = (),
    gates: Sequence[Case] = (),
) -> None:
    """Print what was found, as one document or as lines, and leave with 2 if a gate failed.

    `say` prints the lines where it takes more than to print them.
    """
    with unread():
        if asked.as_json:
            from .. import __version__
            from .._documents import document

            written = [path for path in files if path is not None]
            typer.echo(document(command, __version__, gates, written, result()))
        elif not asked.quiet and say is not None:
            say()
        elif not asked.quiet:
            typer.echo("".join(printable(line) + "\n" for line in lines), nl=False)
    if asked.junit is not None:
        _write_junit(asked.junit, command, gates, lines)
    failures = [gate.failure for gate in gates if gate.failure is not None]
    for failure in failures:
        typer.echo(printable(failure), err=True)
    if failures:
        raise typer.Exit(OVER_LIMIT)


def _write_junit(path: Path, command: str, gates: Sequence[Case], lines: Sequence[str]) -> None:
    from .. import _files
    from .._documents import junit

    text = junit(f"mithridate {command}", gates, lines)
    with sentences("The other files are written."):
        try:
            _files.write_atomically(path, lambda to: to.write_text(text, encoding="utf-8"))
        except OSError as error:
            raise _files.unwritable(path.parent, error) from None
