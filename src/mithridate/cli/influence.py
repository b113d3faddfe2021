"""`mithridate influence`: how few rows change a conclusion, and how few do not."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import InputError
from . import options as given
from .ending import end
from .terminal import sentences

MOST_ROWS = 10  # of the table on the terminal


@given.bundled
def influence(
    file: given.File = None,
    *,
    target: given.Target = None,
    column: Annotated[
        str | None, typer.Option(help="Column whose coefficient is asked about; or NAME=LEVEL.")
    ] = None,
    row: Annotated[
        int | None, typer.Option(help="Row whose prediction is asked about, counted from 1.")
    ] = None,
    fixed_effects: Annotated[
        str, typer.Option(help="Columns each of whose values has its own intercept, by comma.")
    ] = "",
    cluster: Annotated[
        str | None, typer.Option(help="Column whose values are clusters of the standard error.")
    ] = None,
    change: Annotated[
        float | None,
        typer.Option(
            help="By how much the prediction is to move.", show_default="a tenth of the range"
        ),
    ] = None,
    level: Annotated[float, typer.Option(help="Level of significance.")] = 0.05,
    where: Annotated[
        list[str] | None,
        typer.Option(help="Use the rows with this value, as study=BIH; may be repeated."),
    ] = None,
    columns: Any,
    reading: Any,
    out: Annotated[
        Path | None,
        typer.Option("--out", "--output", "-o", help="File for the rows, .csv or .parquet."),
    ] = None,
    report: Annotated[bool, typer.Option("--report", help="Write an HTML page too.")] = False,
    asked: Any,
) -> None:
    """Find how few rows change a conclusion when they are left out, and prove how few do not."""
    with sentences("Nothing was written."):
        from ..auditing.influence import influence
        from ..data import file_of, names
        from ..tables.write import check_output

        if report and out is None:
            raise InputError("The report is written beside the rows; name a file with --out.")
        if out is not None:
            check_output(out, None if file is None or file in names() else file_of(file))
        result = influence(
            file, target=target, column=column, row=row, cluster=cluster, change=change,
            fixed_effects=given.names(fixed_effects), level=level, where=_where(where or []),
            reading=reading, **columns,
        )  # fmt: skip
        written = [] if out is None else result.write(out, html=report)
    lines = [*result.headlines, *_rows(result), *(f"Written: {path}" for path in written)]
    end("influence", asked, lambda: _result(result), lines, files=written)


def _result(made: Any) -> dict[str, Any]:
    """What was found, for programs."""
    about = {"what": made.what, "value": made.value, "t": made.t, "p": made.p}
    return {"headlines": made.headlines, **about, "rows": made.arrow.to_pylist()}


def _where(given: list[str]) -> dict[str, str]:
    pairs = [one.partition("=") for one in given]
    for one, (name, equals, _) in zip(given, pairs, strict=True):
        if not (name.strip() and equals):
            raise InputError(f"--where {one!r} is not COLUMN=VALUE; write it like study=BIH.")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _rows(made: Any) -> list[str]:
    """The first rows of the table, as lines."""
    route = made.routes[0]
    if not len(route.rows):
        return []
    wide = max(len(f"{row:,}") for row in route.rows[:MOST_ROWS])
    steps = zip(route.rows[:MOST_ROWS], route.values[1:], strict=False)
    lines = [f"  row {row:>{wide},} removed: {value:.4g}" for row, value in steps]
    more = len(route.rows) - MOST_ROWS
    return [*lines, *([f"  and {more:,} more rows"] if more > 0 else [])]
