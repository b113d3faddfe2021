"""Writes docs/reference/errors.md, every sentence of an error, from the code that raises them."""

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "src" / "mithridate"
RAISED = {"InputError", "BrokenPromise"}
GAP = "…"
MOST = 3  # words that a sentence must have more of; the rest are parts that others begin
ROOMS = {  # a room: what it is called here, and what to do first
    "tables": (
        "Reading and writing a table",
        "The file, sheet, column or cell is named. Open the file there. If it was read "
        "in a wrong way, say how it is to be read: [read a strange "
        "file](../how-to/strange-files.md).",
    ),
    "data": (
        "Finding a table",
        "`mithridate list datasets` shows the names that are known; a path is taken "
        "from the folder that you are in.",
    ),
    "cleaning": (
        "Cleaning",
        "`mithridate clean --help` has the options; [cleaning](../cleaning.md) says "
        "what each needs.",
    ),
    "defenses": (
        "Defenses",
        "A parameter is out of its range, or the rows are too few. "
        "[Defenses](defenses.md) has the parameters.",
    ),
    "passes": (
        "Tables larger than memory",
        "[Larger tables](../how-to/large-tables.md) says which defenses and options "
        "work in passes.",
    ),
    "attack": (
        "Attacks and models",
        "A parameter of an attack, a model or a risk, or what a class of your own "
        "returned: [write an attack](../how-to/write-an-attack.md).",
    ),
    "bounds": (
        "Bounds",
        "[Bounds](../bounds.md) says for which models and columns they hold.",
    ),
    "bench": (
        "Audits and studies",
        "A value of the command, of a spec or of a study. [Spec keys](spec-keys.md) has "
        "all of them. An error in a TOML file names the key, what it holds and what it "
        "should.",
    ),
    "auditing": (
        "Audit, poison and influence",
        "`mithridate audit --help`, `mithridate poison --help` and `mithridate "
        "influence --help` have the options.",
    ),
    "report": (
        "Reports",
        "The folder must be one that `audit` or `bench` wrote.",
    ),
    "cli": (
        "The command line",
        "`mithridate COMMAND --help` has the options of each command.",
    ),
    "": (
        "Names, files and clusters",
        "A class, a file or a cluster that was named.",
    ),
}
TOP = """# Errors

Every error that you can mend is one sentence: what was given, what is wanted, and what to do. The
command line prints it and exits with 1; in Python it is a `mithridate.errors.InputError`, which is
a `ValueError`, and a `BrokenPromise` where it is about a class of your own. Here are those of
Mithridate's own code, by what you were doing; `…` stands for a name or a number of yours. Made by
`python docs/make_errors.py`."""


def sentences() -> dict[str, list[str]]:
    """The sentences of each room, in the order of the alphabet."""
    by_room: dict[str, list[str]] = {room: [] for room in ROOMS}
    for path in sorted(SOURCE.rglob("*.py")):
        room = path.relative_to(SOURCE).parts[0]
        room = room if room in ROOMS else ""
        for text in _raised_texts(ast.parse(path.read_text(encoding="utf-8"))):
            if len(text.split()) > MOST and text not in by_room[room]:
                by_room[room].append(text)
    return {room: sorted(text, key=str.lower) for room, text in by_room.items()}


def _raised_texts(tree: ast.AST) -> Iterator[str]:
    """What is given to the errors, and the `words` of constraints, which become errors."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name in RAISED and node.args:
            yield from _texts(node.args[0])
        yield from (text for k in node.keywords if k.arg == "words" for text in _texts(k.value))


def _texts(node: ast.expr) -> Iterator[str]:
    """The text of an expression with a gap for each value; of a choice, both."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(p.value if isinstance(p, ast.Constant) else GAP for p in parts)
        case ast.IfExp(body=one, orelse=other):
            yield from _texts(one)
            yield from _texts(other)
        case ast.BinOp(left=one, right=other):
            yield next(_texts(one), GAP) + next(_texts(other), GAP)


def page() -> str:
    """The page as Markdown."""
    lines = [TOP]
    for room, texts in sentences().items():
        title, first = ROOMS[room]
        if texts:
            shown = (one.replace("\n", " ").replace("|", "\\|") for one in texts)
            lines += ["", f"## {title}", "", first, "", *(f"- {_plain(one)}" for one in shown)]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Text in which Markdown sees no marks of its own."""
    return "".join(f"\\{sign}" if sign in "*_<>[]`" else sign for sign in text)


if __name__ == "__main__":
    place = Path(__file__).parent / "reference" / "errors.md"
    place.write_text(page(), encoding="utf-8")
