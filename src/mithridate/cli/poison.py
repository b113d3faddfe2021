"""`mithridate poison`: a poisoned copy of a table."""

from pathlib import Path
from typing import Annotated, Any

import typer

from .._progress import progress
from ..errors import InputError
from . import options as given
from .ending import end
from .terminal import sentences


@given.bundled
def poison(
    file: given.File = None,
    *,
    target: given.Target = None,
    risk_at_most: Annotated[
        float | None,
        typer.Option(
            help="Largest risk; 1 looks like an average clean row.", show_default="2, or alpha"
        ),
    ] = None,
    alpha: Annotated[
        float | None,
        typer.Option(help="In its place: 1 is aggressive, 0 is stealthy.", show_default="none"),
    ] = None,
    ratio: Annotated[
        float, typer.Option(help="Poison rows / (clean + poison rows), in (0, 1).")
    ] = 0.2,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="File to write, .csv or .parquet.")
    ] = Path("poisoned.parquet"),
    attack: Annotated[str, typer.Option(help="Attack.")] = "ascent",
    aim: Any,
    threat: Any,
    columns: Any,
    reading: Any,
    rows: Annotated[int, typer.Option(help="Rows that the attack is computed on.")] = 1000,
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
    asked: Any,
) -> None:
    """Write a poisoned copy of a table, in its own columns, with a column is_poison."""
    with sentences(f"Nothing was written to {str(out)!r}."):
        from .. import _files, data

        _files.check_folder(out.parent)
        source = data.file_of(file)
        if source is not None and out.exists() and source.exists() and out.samefile(source):
            raise InputError(f"{str(out)!r} is the table itself; give another file with --out.")
        from ..auditing import poison as door
        from ..bench import programs
        from ..tables.notes import leading

        programs.keep()
        door.check_suffix(out)
        with progress(asked.quiet) as tell:
            made = door.poison(
                file, target=target, alpha=alpha, risk_at_most=risk_at_most, ratio=ratio,
                attack=attack, rows=rows, seed=seed,
                threat=threat, reading=reading, tell=tell, **aim, **columns,
            )  # fmt: skip
            made.write(out)
    lines = [*leading(made.notes), *made.summary, f"Written: {out}"]
    end("poison", asked, lambda: _result(made), lines, files=[out])


def _result(made: Any) -> dict[str, Any]:
    """What was made, for programs."""
    names = ("summary", "rows", "nmse_clean", "nmse_poisoned", "risk", "far", "far_clean", "notes")
    return {name: getattr(made, name) for name in names}
