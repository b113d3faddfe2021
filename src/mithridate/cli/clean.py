"""`mithridate clean`: in memory, or in passes over files where memory does not hold the table."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from .._documents import Case
from .._machine import LEAST_MEMORY, free
from .._progress import progress
from .._text import counted, percent, quote
from ..errors import InputError
from . import options as given
from .ending import end
from .terminal import sentences

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)I?B?\s*", re.IGNORECASE)


@given.bundled
def clean(
    file: Annotated[
        list[str], typer.Argument(help="CSV or Parquet files, a folder or URL, a data set.")
    ],
    *,
    target: given.Target = None,
    defense: Annotated[
        str | None,
        typer.Option(
            help="Defense that judges the rows, or module:Class.", show_default="tableerrors"
        ),
    ] = None,
    only: Annotated[
        str | None, typer.Option(help="Look only for: groups, rows or cells.", show_default="all")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="Its parameter, as c2=1.5; may be repeated.")
    ] = None,
    contamination: Annotated[float | None, typer.Option(help="Poison / all rows, if told.")] = None,
    false_positive_rate: Annotated[float | None, typer.Option(help="Clean rows lost.")] = None,
    trusted: Annotated[Path | None, typer.Option(help="File of rows known to be clean.")] = None,
    groups: Annotated[
        str | None, typer.Option(help="Column that says where a row comes from.")
    ] = None,
    columns: Any,
    reading: Any,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File, or folder.")] = None,
    max_rejected: Annotated[
        float | None, typer.Option(help="Exit with 2 if a larger share of the rows is rejected.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing, only say what is found.")
    ] = False,
    memory: Annotated[str, typer.Option(help="Stream beyond it, as 2GB; or half the free.")] = "",
    dask: Annotated[str, typer.Option(help="Address of a Dask scheduler.")] = "",
    skip_bad_files: Annotated[bool, typer.Option("--skip-bad-files", help="Go on.")] = False,
    model: Annotated[
        Path | None, typer.Option(help="Judge by this file, saved of another table.")
    ] = None,
    save_model: Annotated[
        Path | None, typer.Option(help="Save what is learned, to judge others by.")
    ] = None,
    report: Annotated[bool, typer.Option("--report", help="Write an HTML page too.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Print all notes too.")] = False,
    gated: Any,
) -> None:
    """Write the rows worth keeping, and beside them the suspicious ones with reasons."""
    from ..cleaning import in_passes
    from ..tables.folder import table_name

    with sentences("Nothing was written."), progress(gated.quiet) as tell:
        _check_limit(max_rejected)
        if check and (out is not None or report):
            raise InputError("--check writes nothing; leave --out and --report out.")
        settings = {
            "defense": defense, "options": given.parameters(option or []), "tell": tell,
            "contamination": contamination, "false_positive_rate": false_positive_rate,
            "reading": reading, "only": only, "model": model, "save_model": save_model, **columns,
        }  # fmt: skip
        budget, table = _bytes(memory) if memory else None, file[0] if len(file) == 1 else file
        settings |= {"target": target, "trusted": trusted, "groups": groups, "memory": budget}
        if dask or isinstance(table, list) or in_passes(table, budget):
            settings |= {"skip_bad_files": skip_bad_files, "html": report}
            settings["memory"] = budget or max(free() // 2, LEAST_MEMORY)
            where = None if check else out or Path(f"{table_name(table)}.cleaned")
            result, written = _clean_in_passes(table, where, dask, settings), None
        else:
            result, written = _clean_in_memory(table, out, report, check, settings)
        lines = result.lines(written, verbose)
        if save_model is not None:
            lines.append(f"Model: {save_model}")
    files = [result.out]
    if written is not None:
        files = [written.kept, written.quarantined, written.cells, written.report]
    gates = [Case("rejected rows", _over(result, max_rejected))]
    end("clean", gated, result.to_dict, lines, files=files, gates=gates)


def _check_limit(limit: float | None) -> None:
    if limit is not None and not 0 <= limit < 1:
        raise InputError(f"--max-rejected {limit:g} is no share of the rows; give one in [0, 1).")


def _over(result: Any, limit: float | None) -> str | None:
    """What --max-rejected says where more rows were rejected; all is written all the same."""
    if limit is None or result.rejected <= limit * result.rows:
        return None
    return (
        f"Over the limit: rejected {result.rejected:,} of {counted(result.rows, 'row')} "
        f"({percent(result.rejected / result.rows)}), more than {percent(limit)}."
    )


def _clean_in_memory(
    file: str, out: Path | None, html: bool, check: bool, settings: Mapping[str, Any]
) -> tuple[Any, Any]:
    """The cleaned table, and what was written of it: nothing, if it is only checked."""
    from .. import cleaning
    from ..data import file_of, names
    from ..tables import write

    if check:
        return cleaning.clean(file, **settings), None
    out, trusted = out or write.output_for(file), settings["trusted"]
    path = None if file in names() else file_of(file)
    if path is None or path.exists():  # a missing file is reported first
        out = write.check_output(out, file_of(file), file_of(trusted))
    result = cleaning.clean(file, **settings)
    return result, result.write(out, html=html)


def _clean_in_passes(
    file: str | list[str], out: Path | None, dask: str, settings: Mapping[str, Any]
) -> Any:
    """The cleaned table, which is in the folder `out` then; nothing is written if it is None."""
    from .. import _cluster, cleaning

    unfinished = "Nothing was written."
    if out is not None:
        unfinished = (
            f"{str(out)!r} is not there yet; what was done is kept in '.{out.name}.unfinished' "
            "beside it, and the same command goes on."
        )
    client = _cluster.connect(dask) if dask else None
    try:
        with sentences(unfinished):
            return cleaning.clean(file, out=out, client=client, **settings)
    finally:
        if client is not None:
            client.close()


def _bytes(text: str) -> int:
    """A size as people write it.

    >>> _bytes("2GB"), _bytes("1.5 g")
    (2147483648, 1610612736)
    """
    match = SIZE.fullmatch(text)
    if match is None:
        raise InputError(f"--memory {quote(text)} is no size; write it like 2GB or 800MB.")
    size = int(float(match[1]) * UNITS[match[2].upper()])
    if size < LEAST_MEMORY:
        raise InputError(
            f"--memory {quote(text)} is too little: cleaning in passes takes about "
            f"{LEAST_MEMORY >> 20}MB for 30 columns, however long the table is."
        )
    return size
