"""The command line, assembled: the commands, and what happens to an error."""

import multiprocessing
import os
import signal
import sys
import sysconfig
import traceback
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import __version__
from .._retired import RetiredName
from . import audit, bench, clean, influence, poison, report
from . import list as listing
from .command import Command
from .terminal import FAILED, Stopped, printable

_USUAL_WARNING = warnings.formatwarning
LEFT_OUT = ("jax", "jaxlib", "equinox")
"""Packages that cleaning does not need, two fifths of the installation; they may be missing."""

app = typer.Typer(
    name="mithridate",
    help="Poison a copy of your regression data, see what would happen, clean the real data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def _top(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False):
    if version:
        typer.echo(f"mithridate {__version__}")
        raise typer.Exit


app.command("audit", cls=Command)(audit.audit)
app.command("poison", cls=Command)(poison.poison)
app.command("attack", cls=Command, hidden=True)(poison.poison)
app.command("clean", cls=Command)(clean.clean)
app.command("influence", cls=Command)(influence.influence)
app.command("list", cls=Command)(listing.show)
app.command("bench", cls=Command)(bench.bench)
app.command("report", cls=Command)(report.report)


def main() -> None:
    """Entry point: every error a person can mend is one sentence, never a traceback."""
    code: Any = FAILED
    warnings.formatwarning = _warning
    # After a run that was stopped, multiprocessing would print warnings of its own.
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker:UserWarning")
    with suppress(ValueError):  # only the main thread may say what a signal does
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = app(standalone_mode=False)
    except (KeyboardInterrupt, Stopped) as stop:
        _leave(str(stop) or "Stopped. Nothing was written.")
    except Exception as error:
        _explain(error)
    sys.exit(code if isinstance(code, int) else 0)


def _warning(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> str:
    """A warning of a retired name as one line, without the line of code that Python shows."""
    if issubclass(category, RetiredName):
        return f"FutureWarning: {message}\n"
    return _USUAL_WARNING(message, category, *place, **more)


def _explain(error: Exception) -> None:
    """One sentence on an error that no command foresaw."""
    usage = getattr(error, "format_message", None)
    if usage is not None:  # the parser's, from whichever of its modules
        typer.echo(f"{usage()} Try 'mithridate --help'.", err=True)
        return
    if os.environ.get("MITHRIDATE_DEBUG"):
        raise error
    if isinstance(error, ModuleNotFoundError) and error.name in LEFT_OUT:
        typer.echo(
            f"This command makes poison, for which it needs {error.name}, which is not installed: "
            "pip install jax equinox. To clean a table takes neither.",
            err=True,
        )
        return
    what = printable(f"{type(error).__name__}: {error}")[:300]
    place = _elsewhere(error)
    if place is not None:
        typer.echo(
            f"Code that is not Mithridate's failed at {printable(place)} ({what}); nothing was "
            "written. Set MITHRIDATE_DEBUG=1 to see how it came there.",
            err=True,
        )
        return
    typer.echo(
        f"Mithridate failed in a way it did not foresee ({what}); nothing was written. "
        "Set MITHRIDATE_DEBUG=1 to see where, and please report it.",
        err=True,
    )


def _elsewhere(error: Exception) -> str | None:
    """The line that failed, if it is in a person's own class and not in ours or a library's."""
    own = Path(__file__).resolve().parents[1]
    libraries = [Path(folder).resolve() for folder in sysconfig.get_paths().values()]
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename).resolve()
        if file.is_relative_to(own):
            return None
        if file.is_file() and not any(file.is_relative_to(folder) for folder in libraries):
            return f"{file.name}:{frame.lineno}"
    return None


def _leave(sentence: str) -> None:
    """Ends the process at once: a thread inside compiled code would abort an orderly exit."""
    typer.echo(sentence, err=True)
    _end_helpers()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(FAILED)


def _end_helpers() -> None:
    """Ends the processes that compute beside this one, if there are any.

    They would wait a minute for work, and hold the output open for whoever reads it to its end. The
    pool does not know those that it is just starting, so the system is asked where it can be.
    """
    processes = {child.pid for child in multiprocessing.active_children() if child.pid}
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            # Trackers end by themselves, after they have removed what the others leave.
            if (
                parent == os.getpid()
                and b"resource_tracker" not in (place / "cmdline").read_bytes()
            ):
                processes.add(int(place.name))
    for process in processes:
        with suppress(OSError):
            os.kill(process, signal.SIGTERM)
