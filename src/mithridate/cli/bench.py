"""`mithridate bench` and `mithridate report`: a study computed, and what its table says."""

import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from .._text import counted
from ..errors import InputError
from .terminal import printable, progress, sentences, unread

FOLDER = Path("results")
AUDIT = ("results.parquet", "looks.parquet", "moved.parquet")  # what its report is drawn from


def bench(
    spec: Annotated[
        str | None, typer.Argument(help="TOML file, or the name of a shipped spec.")
    ] = None,
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
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Run a study: attacks x defenses x tables x seeds, in parts that a stopped run keeps."""
    if listed:
        _say_shipped()
        return
    with sentences(f"The parts that were done are in {str(out)!r}; the same command goes on."):
        if spec is None:
            raise InputError("Name a spec: a TOML file, or one that 'mithridate bench --list' has.")
        if show:
            from ..bench.study import text_of

            typer.echo(text_of(spec), nl=False)
            return
        ran = _run(spec, out, scale, only, jobs, dask, quiet)
        lines = [_summary(ran)]
        lines += [f"Written: {path}" for path in _written(ran.table, out)]
    with unread():
        for line in lines if not quiet else []:
            typer.echo(printable(line))


def report(
    results: Annotated[Path, typer.Argument(help="Folder that a bench or an audit wrote.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder to write to.", show_default="the same"),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Draw the pages of a study, or of an audit, from its table alone."""
    folder = out or results
    with sentences(f"Nothing was written to {str(folder)!r}."):
        from .. import _files, schema

        _files.check_folder(folder)
        found = None if _audited(results) else schema.gather(results)
        with progress(quiet) as tell:
            tell("drawing the pages", 0, 0)
            paths = _redrawn(results, folder) if found is None else _written(found, folder)
    with unread():
        for path in paths if not quiet else []:
            typer.echo(printable(f"Written: {path}"))


def _run(
    spec: str, out: Path, scale: str | None, only: str, jobs: int, dask: str | None, quiet: bool
) -> Any:
    from .. import _files

    _files.check_folder(out)
    if jobs == 0 or jobs < -1:
        raise InputError(f"--jobs {jobs} is no number of processes; give 1 or more, or -1.")
    from ..bench.harness import bench as compute
    from ..bench.study import Study

    names = [name.strip() for name in only.split(",") if name.strip()]
    study = Study.load(spec, scale, names)
    # Joblib replaces a worker that has grown; nobody needs to act on that.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
    with progress(quiet) as tell:
        return compute(study, out, jobs=jobs, dask=dask, tell=tell)


def _summary(ran: Any) -> str:
    there = ran.parts - ran.computed
    rest = f", {there} of them from an earlier run" if there else ""
    failed = f"; {ran.failed} hold failed cells, as rows that say why" if ran.failed else ""
    return f"{counted(ran.parts, 'part')}{rest}{failed}."


def _written(results: Any, folder: Path) -> list[Path]:
    from .. import _files
    from .. import report as pages

    try:
        folder.mkdir(parents=True, exist_ok=True)
        return pages.write_study(results, folder)
    except OSError as error:
        raise _files.unwritable(folder, error) from None


def _audited(results: Path) -> bool:
    """Whether the folder is an audit's."""
    return not (results / "parts").exists() and all((results / n).is_file() for n in AUDIT)


def _redrawn(results: Path, folder: Path) -> list[Path]:
    """The report of an audit, from its tables."""
    from .. import report as pages
    from .. import schema

    try:
        folder.mkdir(parents=True, exist_ok=True)
        pages.write_html(folder / "report.html", *(schema.read(results / n) for n in AUDIT))
    except (OSError, ValueError) as error:
        raise InputError(f"The audit in {str(results)!r} cannot be drawn ({error}).") from None
    return [folder / "report.html"]


def _say_shipped() -> None:
    from rich.console import Console
    from rich.table import Table

    from ..bench.study import shipped

    with unread():
        rows = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for name, about in shipped().items():
            rows.add_row(name, about)
        Console(highlight=False).print(rows)
