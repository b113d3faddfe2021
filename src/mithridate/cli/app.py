"""The command line: parses, calls, prints; the work is done elsewhere."""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import __version__
from ..errors import InputError
from . import bench, catalog
from .terminal import FAILED, Once, Stopped, printable, progress, sentences, unread

if TYPE_CHECKING:  # heavy imports wait until a command needs them: --help must be quick
    from ..auditing.audit import Audit

TOO_BAD = 2  # exit code of --max-damage
MOST_LINES = 15  # what a busy person reads

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


def _numbers(text: str, what: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise InputError(
            f"{what} {text!r} is not a list of numbers; write it like 0.1,0.2,0.4."
        ) from None


def _names(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _threat(
    writes: str, freeze: str, box: str, budget: float | None, surrogate: int | None, replace: bool
) -> dict[str, Any]:
    """The threat model as a spec writes it, with what was left out left out."""
    given = {"writes": writes, "frozen": _names(freeze), "box": _ranges(box), "budget": budget}
    given |= {"surrogate": surrogate, "rows": "replaced" if replace else "added"}
    return {key: value for key, value in given.items() if value not in (None, [], {})}


def _ranges(text: str) -> dict[str, list[float]]:
    try:
        pairs = [part.rsplit("=", 1) for part in _names(text)]
        return {name: [float(end) for end in ends.split(":", 1)] for name, ends in pairs}
    except ValueError:
        raise InputError(
            f"--box {text!r} is not a list of ranges; write it like age=0:100,bmi=15:60."
        ) from None


def _told(text: str) -> float | str:
    """`oracle` or a number; anything else is left for the spec to refuse in words."""
    try:
        return float(text)
    except ValueError:
        return text


@app.command(cls=Once)
def audit(
    file: Annotated[
        str | None,
        typer.Argument(help="CSV or Parquet file, or a data set's name.", show_default="diabetes"),
    ] = None,
    target: Annotated[str | None, typer.Option(help="Column to predict.")] = None,
    model: Annotated[
        str, typer.Option(help="Model that is attacked: ridge, linear or mlp.")
    ] = "ridge",
    l2: Annotated[
        float | None, typer.Option(help="Penalty on the mean loss.", show_default="the model's")
    ] = None,
    judge: Annotated[
        str | None,
        typer.Option(
            help="Regressor to train on the result, such as sklearn.svm.SVR.",
            show_default="the model's own kind",
        ),
    ] = None,
    alphas: Annotated[
        str, typer.Option(help="1 is aggressive, 0 is stealthy.")
    ] = "1,0.6,0.3,0.1,0.03",
    ratios: Annotated[
        str, typer.Option(help="Poison rows / (clean + poison rows), each in [0, 1).")
    ] = "0.05,0.1,0.15,0.2,0.25,0.3,0.35,0.4",
    seeds: Annotated[int, typer.Option(help="How many splits and attacks.")] = 3,
    defenses: Annotated[str, typer.Option(help="Defenses to judge.")] = "trim,huber,bayesclean",
    contamination: Annotated[
        str, typer.Option(help="What defenses that need it are told: oracle or a number.")
    ] = "oracle",
    normalizer: Annotated[
        str, typer.Option(help="Scale of damage and risk: ideal, incremental, anchored or raw.")
    ] = "ideal",
    risk: Annotated[
        str,
        typer.Option(
            help="What stealth means: residual, predictive, mahalanobis, neighbor, spectral."
        ),
    ] = "residual",
    drop: Annotated[str, typer.Option(help="Columns to leave out, by comma.")] = "",
    categorical: Annotated[
        str, typer.Option(help="Columns whose numbers are only codes, by comma.")
    ] = "",
    writes: Annotated[
        str, typer.Option(help="What poison may write: both, features or target.")
    ] = "both",
    freeze: Annotated[str, typer.Option(help="Columns that poison may not write.")] = "",
    box: Annotated[
        str,
        typer.Option(help="Ranges for poison, as age=0:100,bmi=15:60.", show_default="the data's"),
    ] = "",
    budget: Annotated[
        float | None,
        typer.Option(help="Farthest a row may move, in column ranges.", show_default="any"),
    ] = None,
    surrogate: Annotated[
        int | None,
        typer.Option(
            help="Rows the attacker knows in place of yours.", show_default="all of yours"
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Poison replaces rows; by default it is added.")
    ] = False,
    rows: Annotated[int, typer.Option(help="Clean rows to train on, at most.")] = 300,
    out: Annotated[Path, typer.Option(help="Folder for the report.")] = Path("mithridate-report"),
    max_damage: Annotated[
        float | None,
        typer.Option(
            help="Exit with 2 if the worst NMSE is more than this many times the clean one."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="First seed.")] = 0,
    spec: Annotated[
        Path | None,
        typer.Option(
            help="Repeat this spec.toml; beside it only --out, --max-damage and -q count."
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Find out how bad poisoned rows could get for a table, and which defense helps or hurts."""
    with sentences(f"Nothing was written to {str(out)!r}."):
        from .. import _files

        _files.check_folder(out)
        if max_damage is not None and not 0 < max_damage < float("inf"):
            raise InputError(f"--max-damage {max_damage:g} is no limit; give a number above 0.")
        if spec is not None and (file is not None or target is not None):
            raise InputError("A spec names its own table; leave the file and --target out.")
        from ..auditing import audit
        from ..bench import Spec

        with progress(quiet) as tell:
            if spec is not None:
                found = audit.audit_spec(Spec.load(spec), tell=tell)
            else:
                found = audit.audit(
                    file, target=target, model=model, l2=l2, judge=judge, seeds=seeds, rows=rows,
                    alphas=_numbers(alphas, "--alphas"), ratios=_numbers(ratios, "--ratios"),
                    defenses=_names(defenses), contamination=_told(contamination), seed=seed,
                    threat=_threat(writes, freeze, box, budget, surrogate, replace),
                    normalizer=normalizer, risk=risk, drop=_names(drop),
                    categorical=_names(categorical), tell=tell,
                )  # fmt: skip
            tell("writing the report", 0, 0)
            found.save(out)
        if not quiet:
            with unread():
                _say(found, out)
        _gate(found, max_damage)


@app.command(cls=Once)
def attack(
    file: Annotated[
        str | None,
        typer.Argument(help="CSV or Parquet file, or a data set's name.", show_default="diabetes"),
    ] = None,
    target: Annotated[str | None, typer.Option(help="Column to predict.")] = None,
    alpha: Annotated[float, typer.Option(help="1 is aggressive, 0 is stealthy.")] = 0.3,
    ratio: Annotated[
        float, typer.Option(help="Poison rows / (clean + poison rows), in (0, 1).")
    ] = 0.2,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="File to write, .csv or .parquet.")
    ] = Path("poisoned.parquet"),
    attack: Annotated[str, typer.Option(help="Attack.")] = "ascent",
    risk: Annotated[str, typer.Option(help="What the attack keeps low.")] = "residual",
    normalizer: Annotated[str, typer.Option(help="Scale of damage and risk.")] = "ideal",
    victim: Annotated[
        str, typer.Option("--victim", "--model", help="Model that is attacked.")
    ] = "ridge",
    writes: Annotated[str, typer.Option(help="both, features or target.")] = "both",
    freeze: Annotated[str, typer.Option(help="Columns that poison may not write.")] = "",
    box: Annotated[str, typer.Option(help="Ranges for poison, as age=0:100.")] = "",
    budget: Annotated[float | None, typer.Option(help="Farthest a row may move.")] = None,
    surrogate: Annotated[int | None, typer.Option(help="Rows the attacker knows.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Poison replaces rows.")] = False,
    drop: Annotated[str, typer.Option(help="Columns that the attack leaves out.")] = "",
    categorical: Annotated[str, typer.Option(help="Columns that are only codes.")] = "",
    rows: Annotated[int, typer.Option(help="Rows that the attack is computed on.")] = 1000,
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
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
                threat=_threat(writes, freeze, box, budget, surrogate, replace),
                drop=_names(drop), categorical=_names(categorical),
            )  # fmt: skip
            made.write(out)
        if not quiet:
            for line in [*made.summary, f"Written: {out}"]:
                typer.echo(printable(line))


@app.command(cls=Once)
def clean(
    file: Annotated[str, typer.Argument(help="CSV or Parquet, a folder or URL, a data set.")],
    target: Annotated[str | None, typer.Option(help="Column to predict.")] = None,
    defense: Annotated[
        str, typer.Option(help="Defense that judges the rows, or module:Class.")
    ] = "antidote",
    option: Annotated[
        list[str] | None, typer.Option(help="Its parameter, as c2=1.5; may be repeated.")
    ] = None,
    contamination: Annotated[float | None, typer.Option(help="Poison / all rows, if told.")] = None,
    false_positive_rate: Annotated[float | None, typer.Option(help="Clean rows lost.")] = None,
    trusted: Annotated[Path | None, typer.Option(help="File of rows known to be clean.")] = None,
    groups: Annotated[
        str | None, typer.Option(help="Column that says where a row comes from.")
    ] = None,
    drop: Annotated[str, typer.Option(help="Columns to leave out, by comma.")] = "",
    categorical: Annotated[str, typer.Option(help="Columns that are only codes.")] = "",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File, or folder.")] = None,
    memory: Annotated[str, typer.Option(help="Stream beyond it, as 2GB; or half the free.")] = "",
    dask: Annotated[str, typer.Option(help="Address of a Dask scheduler.")] = "",
    skip_bad_files: Annotated[bool, typer.Option("--skip-bad-files", help="Go on.")] = False,
    report: Annotated[bool, typer.Option("--report", help="Write an HTML page too.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Print all notes too.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Write the rows worth keeping, and beside them the suspicious ones with reasons."""
    with sentences("Nothing was written."), progress(quiet) as tell:
        options = _options(option or [])
        from . import clean

        lines = clean.run(
            file, out, trusted, groups, report, clean.Big(memory, dask, skip_bad_files),
            verbose, target=target, defense=defense, options=options, contamination=contamination,
            false_positive_rate=false_positive_rate, drop=_names(drop),
            categorical=_names(categorical), tell=tell,
        )  # fmt: skip
    with unread():
        typer.echo("".join(printable(line) + "\n" for line in lines if not quiet), nl=False)


app.command("list", cls=Once)(catalog.show)
app.command("bench", cls=Once)(bench.bench)
app.command("report", cls=Once)(bench.report)


def _options(given: list[str]) -> dict[str, Any]:
    """Parameters written key=value: numbers, true, false and none are so, all else is text."""
    options: dict[str, Any] = {}
    for one in given:
        key, equals, text = (part.strip() for part in one.partition("="))
        if not (key and equals):
            raise InputError(f"--option {one!r} is not key=value; write it like --option c2=1.5.")
        if key in options:
            raise InputError(f"--option {key} is given twice; give it once.")
        options[key] = _value(text)
    return options


def _value(text: str) -> Any:
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for number in (int, float):
        with suppress(ValueError):
            return number(text)
    return text


def _gate(found: "Audit", limit: float | None) -> None:
    if limit is None or found.worst[0] <= limit:
        return
    times, cell = found.worst
    alpha = "" if cell["alpha"] is None else f" at alpha {cell['alpha']:g}"
    typer.echo(
        f"Over the limit: the worst audited NMSE is {times:.2f} times the clean one, more than "
        f"{limit:g} ({cell['attack']}{alpha}, ratio {cell['ratio']:g}, seed {cell['seed']}).",
        err=True,
    )
    raise typer.Exit(TOO_BAD)


def _say(found: "Audit", out: Path) -> None:
    from rich.console import Console
    from rich.text import Text

    from .. import schema

    console, left = Console(highlight=False), MOST_LINES - 2
    lines, shown = found.headlines, 0
    for line in lines:
        # Text, because a column name is data and must not be read as markup.
        text = Text("• ").append(printable(line))
        left -= len(text.wrap(console, console.width))
        if left < 0:
            break
        console.print(text)
        shown += 1
    notes = len(schema.about(found.results.table)["notes"])
    rest = f"{len(lines) - shown} more findings and " if shown < len(lines) else ""
    console.print(Text(f"{rest}{notes} notes on how the table was read are in the report."))
    console.print(Text(f"Report: {out / 'report.html'}", style="bold"), soft_wrap=True)


def main() -> None:
    """Entry point: every error a person can mend is one sentence, never a traceback."""
    code: Any = FAILED
    with suppress(ValueError):  # only the main thread may say what a signal does
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = app(standalone_mode=False)
    except (KeyboardInterrupt, Stopped) as stop:
        _leave(str(stop) or "Stopped. Nothing was written.")
    except Exception as error:
        _explain(error)
    sys.exit(code if isinstance(code, int) else 0)


def _explain(error: Exception) -> None:
    """One sentence on an error that no command foresaw."""
    usage = getattr(error, "format_message", None)
    if usage is not None:  # the parser's, from whichever of its modules
        typer.echo(f"{usage()} Try 'mithridate --help'.", err=True)
        return
    if os.environ.get("MITHRIDATE_DEBUG"):
        raise error
    what = printable(f"{type(error).__name__}: {error}")[:300]
    typer.echo(
        f"Mithridate failed in a way it did not foresee ({what}); nothing was written. "
        "Set MITHRIDATE_DEBUG=1 to see where, and please report it.",
        err=True,
    )


def _leave(sentence: str) -> None:
    """Ends the process at once: a thread inside compiled code would abort an orderly exit."""
    typer.echo(sentence, err=True)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(FAILED)
