"""`mithridate bench`: a study, computed in parts."""

import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from .._progress import Tell, progress
from .._text import counted
from ..errors import InputError
from . import options as given
from . import report
from .ending import end
from .terminal import sentences, unread

FOLDER = Path("results")


@given.bundled
def bench(
    spec: Annotated[
        str | None, typer.Argument(help="TOML file, or the name of a shipped spec.")
    ] = None,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.")] = FOLDER,
    scale: Annotated[
        str | None, typer.Option(help="A scale that the spec has, such as small.")
    ] = None,
    only: Annotated[str, typer.Option(help="Experiments to run, by comma.")] = "",
    jobs: Annotated[int, typer.Option(help="Processes side by side; -1 is one a core.")] = -1,
    dask: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler, as tcp://host:8786.")
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Print the spec and do nothing.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="Name the shipped specs.")] = False,
    asked: Any,
) -> None:
    """Run a study: attacks x defenses x tables x seeds, in parts that a stopped run keeps."""
    if listed:
        _print_shipped()
        return
    with sentences(f"The parts that were done are in {str(out)!r}; the same command goes on."):
        if spec is None:
            raise InputError("Name a spec: a TOML file, or one that 'mithridate bench --list' has.")
        from .. import _files
        from ..bench.study import Study, text_of

        if show:
            typer.echo(text_of(spec), nl=False)
            return
        _files.check_folder(out)
        if jobs == 0 or jobs < -1:
            raise InputError(f"--jobs {jobs} is no number of processes; give 1 or more, or -1.")
        study = Study.load(spec, scale, given.names(only))
        with progress(asked.quiet) as tell:
            ran = _run(study, out, jobs, dask, tell)
        files = report.write_study(ran.table, out)
    counts = {"parts": ran.parts, "computed": ran.computed, "failed": ran.failed}
    lines = [_summary(ran), *(f"Written: {path}" for path in files)]
    end("bench", asked, lambda: counts, lines, files=files)


def _run(study: Any, out: Path, jobs: int, dask: str | None, tell: Tell) -> Any:
    from ..bench.harness import bench as compute

    # Joblib replaces a worker whose memory has grown, which needs no action.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
    return compute(study, out, jobs=jobs, dask=dask, tell=tell)


def _summary(ran: Any) -> str:
    there = ran.parts - ran.computed
    rest = f", {there} of them from an earlier run" if there else ""
    failed = f"; {ran.failed} hold failed cells, as rows that say why" if ran.failed else ""
    return f"{counted(ran.parts, 'part')}{rest}{failed}."


def _print_shipped() -> None:
    from rich.console import Console
    from rich.table import Table

    from ..bench.study import shipped

    with unread():
        rows = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for name, about in shipped().items():
            rows.add_row(name, about)
        Console(highlight=False).print(rows)
