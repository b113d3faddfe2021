"""`mithridate attack`: a poisoned copy of a table."""

from pathlib import Path
from typing import Annotated

import typer

from .._progress import progress
from ..errors import InputError
from . import options as given
from .terminal import printable, sentences


def attack(
    file: given.File = None,
    target: given.Target = None,
    alpha: Annotated[float, typer.Option(help="1 is aggressive, 0 is stealthy.")] = 0.3,
    ratio: Annotated[
        float, typer.Option(help="Poison rows / (clean + poison rows), in (0, 1).")
    ] = 0.2,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="File to write, .csv or .parquet.")
    ] = Path("poisoned.parquet"),
    attack: Annotated[str, typer.Option(help="Attack.")] = "ascent",
    risk: given.Risk = "residual",
    normalizer: given.Normalizer = "ideal",
    victim: Annotated[
        str, typer.Option("--victim", "--model", help="Model that is attacked.")
    ] = "ridge",
    writes: given.Writes = "both",
    freeze: given.Freeze = "",
    box: given.Box = "",
    budget: given.Budget = None,
    surrogate: given.Surrogate = None,
    replace: given.Replace = False,
    drop: given.Drop = "",
    categorical: given.Categorical = "",
    rows: Annotated[int, typer.Option(help="Rows that the attack is computed on.")] = 1000,
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
    quiet: given.Quiet = False,
) -> None:
    """Write a poisoned copy of a table, in its own columns, with a column is_poison."""
    with sentences(f"Nothing was written to {str(out)!r}."):
        from .. import _files, data

        _files.check_folder(out.parent)
        source = data.file_of(file)
        if source is not None and out.exists() and source.exists() and out.samefile(source):
            raise InputError(f"{str(out)!r} is the table itself; give another file with --out.")
        from ..auditing.poison import check_suffix, poison

        check_suffix(out)
        with progress(quiet) as tell:
            made = poison(
                file, target=target, alpha=alpha, ratio=ratio, attack=attack, risk=risk,
                normalizer=normalizer, model=victim, rows=rows, seed=seed, tell=tell,
                threat=given.threat(writes, freeze, box, budget, surrogate, replace),
                drop=given.names(drop), categorical=given.names(categorical),
            )  # fmt: skip
            made.write(out)
        if not quiet:
            for line in [*made.summary, f"Written: {out}"]:
                typer.echo(printable(line))
