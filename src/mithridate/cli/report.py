"""`mithridate report`: the pages of a study or of an audit, drawn from its table alone."""

from pathlib import Path
from typing import Annotated, Any

import typer

from .._progress import progress
from ..errors import InputError
from . import options as given
from .ending import end
from .terminal import sentences

AUDIT = ("results.parquet", "looks.parquet", "moved.parquet")  # what its report is drawn from


@given.bundled
def report(
    results: Annotated[Path, typer.Argument(help="Folder that a bench or an audit wrote.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder to write to.", show_default="the same"),
    ] = None,
    *,
    asked: Any,
) -> None:
    """Draw the pages of a study, or of an audit, from its table alone."""
    folder = out or results
    with sentences(f"Nothing was written to {str(folder)!r}."):
        from .. import _files, schema

        _files.check_folder(folder)
        gathered = None if _is_audit(results) else schema.gather(results)
        with progress(asked.quiet) as tell:
            tell("drawing the pages", 0, 0)
            paths = (
                _write_audit(results, folder) if gathered is None else write_study(gathered, folder)
            )
    end("report", asked, dict, [f"Written: {path}" for path in paths], files=paths)


def write_study(results: Any, folder: Path) -> list[Path]:
    """Writes the pages of a study into a folder, and says which they are."""
    from .. import _files
    from ..bench.paper import study_pages
    from ..report import write_pages

    try:
        folder.mkdir(parents=True, exist_ok=True)
        return write_pages(study_pages(results), folder)
    except OSError as error:
        raise _files.unwritable(folder, error) from None


def _is_audit(results: Path) -> bool:
    return not (results / "parts").exists() and all((results / n).is_file() for n in AUDIT)


def _write_audit(results: Path, folder: Path) -> list[Path]:
    """Writes the report of an audit, from its tables."""
    from .. import report as pages
    from .. import schema

    try:
        folder.mkdir(parents=True, exist_ok=True)
        pages.write_html(folder / "report.html", *(schema.read(results / n) for n in AUDIT))
    except KeyError as error:
        raise InputError(
            f"The audit in {str(results)!r} is of another version of mithridate: it has no column "
            f"{error}. Repeat it with 'mithridate audit --spec {results / 'spec.toml'}'."
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"The audit in {str(results)!r} cannot be drawn ({error}).") from None
    return [folder / "report.html"]
