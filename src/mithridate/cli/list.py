"""`mithridate list`: the names that can be given, and whether data sets are available."""

import importlib
import inspect
import re
from typing import Annotated

import typer

from .._text import quote
from ..errors import InputError
from . import options as given
from .ending import Output, end
from .terminal import printable, sentences, unread

CLASSES = {
    "attacks": ("..attack.attacks", "AbstractAttack"),
    "defenses": ("..defenses", "BaseDefense"),
    "risks": ("..attack.risks", "AbstractRisk"),
    "victims": ("..attack.victims", "AbstractVictim"),
}
"""Where the classes of a kind are, and what all of them are."""

KINDS = ("datasets", *CLASSES)
Rows = list[tuple[str, ...]]


def listing(what: str) -> Rows:
    """The rows of a list, its header first.

    >>> listing("datasets")[0]
    ('name', 'size', 'target', 'licence', 'source', 'at hand')
    >>> "difference" in [row[0] for row in listing("risks")]
    True
    """
    if what not in KINDS:
        raise InputError(f"There is no list of {quote(what)}; name one of {', '.join(KINDS)}.")
    return _datasets() if what == "datasets" else _classes(what)


def _datasets() -> Rows:
    """Size, target, licence and source of each data set; the source is that which comes next."""
    from .. import data

    rows: Rows = [("name", "size", "target", "licence", "source", "at hand")]
    for name, kind in sorted(data.known_sets().items()):
        hand, size = kind.at_hand(), kind.size()
        source = hand or kind.places()[-1]
        shown = "unreadable" if size is None else f"{size[0]:,} x {size[1]}"
        known = (name, shown, kind.target, kind.licence, source.label)
        rows.append((*known, "yes" if hand else "no"))
    return rows


def _classes(what: str) -> Rows:
    """The names of the exported classes, and the first sentence on each."""
    from .. import _lookup

    # Of defenses nothing else is loaded: who only cleans may have no JAX.
    folder, base = CLASSES[what]
    module = importlib.import_module(folder, __package__)
    classes = sorted(_lookup.choices(module, getattr(module, base)).items())
    return [("name", "what it is"), *((name, _first(kind)) for name, kind in classes)]


def _first(kind: type) -> str:
    """The first sentence of a docstring, on one line."""
    text = " ".join((inspect.getdoc(kind) or "").partition("\n\n")[0].split())
    return re.split(r"(?<=\.)(?<!\bal\.) ", text, maxsplit=1)[0]


def show(
    what: Annotated[str, typer.Argument(help=f"One of {', '.join(KINDS)}.")] = KINDS[0],
    as_json: given.Json = False,
) -> None:
    """List what can be named: data sets and where they come from, attacks, defenses and so on."""
    with sentences("Nothing was written."):
        header, *rows = listing(what)
    if as_json:
        records = [dict(zip(header, row, strict=True)) for row in rows]
        end("list", Output(as_json=True), lambda: records, [])
        return
    with unread():
        _print(header, rows)
        if header[-1] == "at hand" and any(row[-1] == "no" for row in rows):
            typer.echo("One that is not at hand says how to get it when it is used.", err=True)


def _print(header: tuple[str, ...], rows: Rows) -> None:
    """A table on a terminal; elsewhere lines whose cells are two blanks apart or more."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        widths = [max(map(len, cells)) for cells in zip(header, *rows, strict=True)]
        for row in (header, *rows):
            cells = (printable(c).ljust(width) for c, width in zip(row, widths, strict=True))
            typer.echo("  ".join(cells).rstrip())
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in header:
        table.add_column(name, justify="right" if name == "size" else "left")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    console.print(table)
