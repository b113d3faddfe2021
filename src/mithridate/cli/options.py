"""Options that several commands share, and what their text means."""

import functools
import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from ..errors import InputError
from . import ending
from .terminal import sentences

File = Annotated[
    str | None,
    typer.Argument(help="CSV or Parquet file, or a data set's name.", show_default="diabetes"),
]
Target = Annotated[str | None, typer.Option(help="Column to predict.")]
Victim = Annotated[
    str,
    typer.Option(
        help="Model that is attacked: ridge, linear, mlp, kernel or fourier; in an audit also hgb, "
        "forest, knn, svr or any regressor, as sklearn.module.Class, with parameters too, as "
        "'hgb(loss=poisson)'."
    ),
]
L2 = Annotated[
    float | None, typer.Option(help="Penalty on the mean loss.", show_default="the model's")
]
Normalizer = Annotated[
    str, typer.Option(help="Scale of damage and risk: ideal, incremental, anchored or raw.")
]
Risk = Annotated[
    str,
    typer.Option(
        help="What stealth means: residual, difference, gap, predictive, mahalanobis, neighbor, "
        "spectral, correction, strangeness or unexpected."
    ),
]
Feasible = Annotated[
    str,
    typer.Option(
        help="Whether rows stay possible: through (on the way), after (each batch) or never."
    ),
]
Writes = Annotated[str, typer.Option(help="What poison may write: both, features or target.")]
Frozen = Annotated[str, typer.Option(help="Columns that poison may not write, by comma.")]
Box = Annotated[
    str,
    typer.Option(help="Ranges for poison, as age=0:100,bmi=15:60.", show_default="the data's"),
]
Budget = Annotated[
    float | None,
    typer.Option(help="Farthest a row may move, in column ranges.", show_default="any"),
]
Surrogate = Annotated[
    int | None,
    typer.Option(help="Rows the attacker knows in place of yours.", show_default="all of yours"),
]
Placed = Annotated[
    str, typer.Option(help="Poison is added to the clean rows, or clean rows are replaced by it.")
]
Source = Annotated[
    list[str] | None,
    typer.Option(
        help="Poison comes as rows of this source alone, as vendor=v3; may be repeated.",
        show_default="rows of any kind",
    ),
]
Goal = Annotated[
    str,
    typer.Option(
        help="What poison is for: up, down, a condition on the rows that it is about, as "
        "'region == \"north\"', or 'up where region == \"north\"'.",
        show_default="large errors on all rows",
    ),
]
Drop = Annotated[str, typer.Option(help="Columns to leave out, by comma.")]
Categorical = Annotated[str, typer.Option(help="Columns whose numbers are only codes, by comma.")]
Delimiter = Annotated[str | None, typer.Option(help="What stands between cells, as ';'.")]
Decimal = Annotated[str | None, typer.Option(help="Decimal mark: . or ,")]
Thousands = Annotated[str | None, typer.Option(help="Mark between thousands, or '' for none.")]
Encoding = Annotated[str | None, typer.Option(help="Codec of the file, as cp1252.")]
Header = Annotated[
    bool | None,
    typer.Option("--header/--no-header", help="Whether the first row holds the names."),
]
Missing = Annotated[
    list[str] | None, typer.Option(help="A word for no value, as -999; may be repeated.")
]
Dates = Annotated[str, typer.Option(help="Make dates numbers, written as: auto, ymd, dmy or mdy.")]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document in place of sentences.")
]
Junit = Annotated[Path | None, typer.Option(help="File for the outcome of the gate, as JUnit XML.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]

# Each works for one version: what stands in its place is read instead.
RETIRED_COMMANDS = {"attack": "poison"}
RETIRED_OPTIONS = {
    "--model": ("--victim",),
    "--freeze": ("--frozen",),
    "--replace": ("--placed", "replaced"),
}


class Bundle(NamedTuple):
    """Options that belong together, each with type and default, and what is made of them."""

    options: Mapping[str, tuple[Any, Any]]
    make: Callable[..., Any]

    @property
    def parameters(self) -> list[inspect.Parameter]:
        """The options as parameters of a command."""
        only = inspect.Parameter.KEYWORD_ONLY
        each = self.options.items()
        return [inspect.Parameter(n, only, default=d, annotation=kind) for n, (kind, d) in each]

    def made_of(self, values: dict[str, Any]) -> Any:
        """What the values of its options make, which are taken out of all that were given."""
        given = {name: values.pop(name, usual) for name, (_, usual) in self.options.items()}
        return self.make(**given)


def bundled(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command all options of each bundle that one of its parameters is named after."""
    plain = inspect.signature(command).parameters
    own = {name: BUNDLES[name] for name in plain if name in BUNDLES}

    @functools.wraps(command)
    def run(*place: Any, **values: Any) -> None:
        with sentences("Nothing was written."):
            made = {name: bundle.made_of(values) for name, bundle in own.items()}
        command(*place, **values, **made)

    every = [
        parameter
        for name, one in plain.items()
        for parameter in (own[name].parameters if name in own else [one])
    ]
    run.__signature__ = inspect.Signature(every)  # pyright: ignore[reportAttributeAccessIssue]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in every}
    return run


def names(text: str) -> list[str]:
    """Names by comma.

    >>> names("age, bmi")
    ['age', 'bmi']
    """
    return [part.strip() for part in text.split(",") if part.strip()]


def numbers(text: str, option: str) -> list[float]:
    """Numbers by comma; an InputError names the option.

    >>> numbers("0.1,0.2", "--ratios")
    [0.1, 0.2]
    """
    try:
        return [float(part) for part in names(text)]
    except ValueError:
        raise InputError(
            f"{option} {text!r} is not a list of numbers; write it like 0.1,0.2,0.4."
        ) from None


def ranges(text: str) -> dict[str, list[float]]:
    """The lowest and highest value of columns.

    >>> ranges("age=0:100,bmi=15:60")
    {'age': [0.0, 100.0], 'bmi': [15.0, 60.0]}
    """
    try:
        pairs = [part.rsplit("=", 1) for part in names(text)]
        return {name: [float(end) for end in ends.split(":", 1)] for name, ends in pairs}
    except ValueError:
        raise InputError(
            f"--box {text!r} is not a list of ranges; write it like age=0:100,bmi=15:60."
        ) from None


def threat(
    writes: str,
    frozen: str,
    box: str,
    budget: float | None,
    surrogate: int | None,
    placed: str,
    *,
    source: list[str] | None,
    goal: str,
) -> dict[str, Any]:
    """The threat model as a spec writes it, without what was not given."""
    given = {"writes": writes, "frozen": names(frozen), "box": ranges(box), "budget": budget}
    given |= {"surrogate": surrogate, "placed": placed, "source": source, "goal": goal}
    return {key: value for key, value in given.items() if value not in (None, [], {}, "")}


def columns(drop: str, categorical: str) -> dict[str, list[str]]:
    """The columns to leave out, and those whose numbers are only codes."""
    return {"drop": names(drop), "categorical": names(categorical)}


def reading(missing: list[str] | None, **options: Any) -> Any:
    """How a file is read, as far as it was said."""
    from ..tables.reading import Reading

    return Reading(**options, missing=tuple(missing or ()))


def contamination(text: str) -> float | str:
    """`oracle` or a number; the spec refuses anything else in words.

    >>> contamination("0.1"), contamination("oracle")
    (0.1, 'oracle')
    """
    try:
        return float(text)
    except ValueError:
        return text


def parameters(given: list[str]) -> dict[str, Any]:
    """Parameters written key=value: numbers, true, false and none are so, all else is text.

    >>> parameters(["c2=1.5", "adjust=none"])
    {'c2': 1.5, 'adjust': None}
    """
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


BUNDLES = {
    "asked": Bundle({"as_json": (Json, False), "quiet": (Quiet, False)}, ending.output),
    "gated": Bundle(
        {"as_json": (Json, False), "junit": (Junit, None), "quiet": (Quiet, False)}, ending.output
    ),
    "reading": Bundle(
        {
            "delimiter": (Delimiter, None),
            "decimal": (Decimal, None),
            "thousands": (Thousands, None),
            "encoding": (Encoding, None),
            "header": (Header, None),
            "missing": (Missing, None),
            "dates": (Dates, ""),
        },
        reading,
    ),
    "threat": Bundle(
        {
            "writes": (Writes, "both"),
            "frozen": (Frozen, ""),
            "box": (Box, ""),
            "budget": (Budget, None),
            "surrogate": (Surrogate, None),
            "placed": (Placed, "added"),
            "source": (Source, None),
            "goal": (Goal, ""),
        },
        threat,
    ),
    "aim": Bundle(
        {
            "victim": (Victim, "ridge"),
            "l2": (L2, None),
            "normalizer": (Normalizer, "ideal"),
            "risk": (Risk, "residual"),
            "feasible": (Feasible, "through"),
        },
        dict,
    ),
    "columns": Bundle({"drop": (Drop, ""), "categorical": (Categorical, "")}, columns),
}
