"""`mithridate audit`: how bad poison could get for a table, and which defense helps or hurts."""

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .._documents import Case
from .._progress import progress
from .._text import counted
from ..errors import InputError
from . import options as given
from .ending import end
from .terminal import printable, sentences

if TYPE_CHECKING:  # heavy imports wait until a command needs them: --help must be quick
    from ..auditing.audit import Audit

MOST_LINES = 15  # printed on the terminal; the report has all
_CONTROLS = 2  # attacks without alpha, with which the strongest is compared


@given.bundled
def audit(
    file: given.File = None,
    *,
    target: given.Target = None,
    aim: Any,
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
    ] = "0.05,0.1,0.2,0.3,0.4",
    seeds: Annotated[int, typer.Option(help="How many splits and attacks.")] = 3,
    defenses: Annotated[
        str, typer.Option(help="Defenses to judge.")
    ] = "trim,huber,bayesclean,antidote",
    contamination: Annotated[
        str, typer.Option(help="What defenses that need it are told: oracle or a number.")
    ] = "oracle",
    threat: Any,
    columns: Any,
    reading: Any,
    weights: Annotated[
        str | None,
        typer.Option(
            help="Column that weighs the rows, such as exposure, if the victim is a regressor."
        ),
    ] = None,
    rows: Annotated[int, typer.Option(help="Clean rows to train on, at most.")] = 300,
    out: Annotated[Path, typer.Option(help="Folder for the report.")] = Path("mithridate-report"),
    max_damage: Annotated[
        float | None,
        typer.Option(
            help="Exit with 2 if the worst NMSE is more than this many times the clean one."
        ),
    ] = None,
    by: Annotated[
        str,
        typer.Option(
            help="What --max-damage goes by: attack, the worst found, or bound, what none exceeds."
        ),
    ] = "attack",
    seed: Annotated[int, typer.Option(help="First seed.")] = 0,
    spec: Annotated[
        Path | None,
        typer.Option(
            help="Repeat this spec.toml; beside it only --out, --max-damage, --by and -q count."
        ),
    ] = None,
    gated: Any,
) -> None:
    """Find out how bad poisoned rows could get for a table, and which defense helps or hurts."""
    with sentences(f"Nothing was written to {str(out)!r}."):
        from .. import _files
        from ..bench import processes

        _files.check_folder(out)
        if max_damage is not None and not 0 < max_damage < float("inf"):
            raise InputError(f"--max-damage {max_damage:g} is no limit; give a number above 0.")
        if by not in ("attack", "bound"):
            raise InputError(f"--by {by!r} is neither attack nor bound; give one of them.")
        if spec is not None and (file is not None or target is not None):
            raise InputError("A spec names its own table; leave the file and --target out.")
        alpha, ratio = given.numbers(alphas, "--alphas"), given.numbers(ratios, "--ratios")
        many = seeds * (1 + len(ratio) * (len(alpha) + _CONTROLS))
        usual = spec is None and aim["victim"] == "ridge"
        # Started before the imports below, so that helpers import at the same time.
        with progress(gated.quiet) as tell, processes.beside(many if usual else 0):
            from ..auditing import audit
            from ..bench import Spec, programs

            programs.keep()
            if spec is not None:
                result = audit.audit_spec(Spec.load(spec), tell=tell)
            else:
                result = audit.audit(
                    file, target=target, judge=judge, seeds=seeds, rows=rows, seed=seed,
                    alphas=alpha, ratios=ratio, defenses=given.names(defenses),
                    contamination=given.contamination(contamination), threat=threat,
                    reading=reading, weights=weights, tell=tell, **aim, **columns,
                )  # fmt: skip
            tell("writing the report", 0, 0)
            files = result.save(out)
    gates = [Case("worst error", (_unproved if by == "bound" else _over)(result, max_damage))]
    say = functools.partial(_print, result, out)
    end("audit", gated, result.to_dict, result.headlines, say=say, files=files, gates=gates)


def _unproved(result: "Audit", limit: float | None) -> str | None:
    """What --max-damage says by the bound, unless it proves that no poison is beyond the limit."""
    if limit is None or result.limit <= limit:
        return None
    proved = f"it is proved that none exceeds {result.limit:.2f} times the clean NMSE, but"
    if result.limit == float("inf"):
        proved = "nothing is proved of the audited ratios, so"
    return f"Over the limit: {proved} {limit:g} is not proved."


def _over(result: "Audit", limit: float | None) -> str | None:
    """What --max-damage says where the worst cell is beyond the limit."""
    if limit is None or result.worst[0] <= limit:
        return None
    times, cell = result.worst
    alpha = "" if cell["alpha"] is None else f" at alpha {cell['alpha']:g}"
    return (
        f"Over the limit: the worst audited NMSE is {times:.2f} times the clean one, more than "
        f"{limit:g} ({cell['attack']}{alpha}, ratio {cell['ratio']:g}, seed {cell['seed']})."
    )


def _print(result: "Audit", out: Path) -> None:
    """Prints the first headlines, and where the report is."""
    from rich.console import Console
    from rich.text import Text

    from .. import schema
    from ..tables.notes import leading

    console, left = Console(highlight=False), MOST_LINES - 2
    notes = schema.about(result.results.table)["notes"]
    first = leading(notes)
    lines, shown = [*first, *result.headlines], 0
    for line in lines:
        # Text, because a column name is data and must not be read as markup.
        text = Text("• ").append(printable(line))
        # Off a terminal a finding is one line, for grep and for whatever shows it next.
        left -= len(text.wrap(console, console.width)) if console.is_terminal else 1
        if left < 0:
            break
        console.print(text, soft_wrap=not console.is_terminal)
        shown += 1
    console.print(Text(_rest(len(lines) - shown, len(notes))))
    console.print(Text(f"Report: {out / 'report.html'}", style="bold"), soft_wrap=True)


def _rest(findings: int, notes: int) -> str:
    """What the report has beside the lines that were printed.

    >>> _rest(0, 1)
    'The report has 1 note on how the table was read.'
    >>> _rest(3, 0)
    'The report has 3 more findings.'
    """
    more = [counted(findings, "more finding")] * (findings > 0)
    more += [f"{counted(notes, 'note')} on how the table was read"] * (notes > 0)
    return f"The report has {' and '.join(more) or 'the figures'}."
