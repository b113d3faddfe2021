"""What the site has beside the pages of this folder: generated references, and pages of the root.

A page says `<!-- generated: NAME -->` where a reference goes; read as a file, as on GitHub, it is
a comment, and the page says in a sentence where else the same can be found.
"""

import inspect
import posixpath
import re
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import typer
from pydantic import BaseModel

ROOT = Path(__file__).parent.parent
PAGES = {  # files of the root that are pages of the site too
    "ARCHITECTURE.md": "project/architecture.md",
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "SECURITY.md": "project/security.md",
}
WORDS = {"NoneType": "nothing", "Reading": "table"}
MARKER = re.compile(r"<!-- generated: ([a-z ]+) -->")
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages of the root."""
    from mkdocs.structure.files import File

    for name, uri in PAGES.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, uri, content=relinked(text, "", uri)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Fill in the generated references, and point links out of this folder to pages of the site."""
    uri = page.file.src_uri
    if uri in PAGES.values():
        return markdown
    filled = MARKER.sub(lambda match: GENERATED[match[1]](), markdown)
    return relinked(filled, posixpath.join("docs", posixpath.dirname(uri)), uri)


def relinked(text: str, folder: str, uri: str) -> str:
    """The text of a file in `folder` of the repository, its links as page `uri` has them.

    A link to a file that the site does not have becomes its text.

    >>> relinked("[rooms](../ARCHITECTURE.md#x), [code](../src/a.py)", "docs", "start.md")
    '[rooms](project/architecture.md#x), code'
    >>> relinked("[words](docs/glossary.md)", "", "project/architecture.md")
    '[words](../glossary.md)'
    """

    def replace(match: re.Match[str]) -> str:
        picture, label, path, anchor = match[1], match[2], match[3], match[4] or ""
        if "://" in path or path.startswith("mailto:"):
            return match[0]
        place = posixpath.normpath(posixpath.join(folder, path))
        inside = place.removeprefix("docs/")
        if place in PAGES:
            inside = PAGES[place]
        elif inside == place or not (ROOT / place).exists():
            return label if inside == place else match[0]
        way = posixpath.relpath(inside, posixpath.dirname(uri) or ".")
        return f"{picture}[{label}]({way}{anchor})"

    pieces, last = [], 0
    for block in FENCE.finditer(text):  # what is code stays as it is
        pieces += [LINK.sub(replace, text[last : block.start()]), block[0]]
        last = block.end()
    return "".join([*pieces, LINK.sub(replace, text[last:])])


class Option(NamedTuple):
    """An option or argument of a command, read from its signature."""

    names: tuple[str, ...]
    value: str
    meaning: str
    usual: str


def command_line() -> str:
    """Every command with its arguments and options, from its signature."""
    lines = []
    for name, command in commands().items():
        known = options(command)
        places = [o for o in known if not o.names[0].startswith("-")]
        shown = [o.names[0] if o.usual == "required" else f"[{o.names[0]}]" for o in places]
        lines += [f"## mithridate {name}", "", _sentence(command.__doc__ or ""), "", "```text"]
        lines += [" ".join(["mithridate", name, *shown, "[OPTIONS]"]), "```", ""]
        lines += ["| option | meaning | default |", "|---|---|---|"]
        for o in known:
            written = ", ".join(f"`{one}{o.value}`" for one in o.names)
            lines.append(f"| {written} | {_cell(o.meaning)} | {_cell(o.usual)} |")
        lines.append("")
    return "\n".join(lines)


def commands() -> dict[str, Callable[..., Any]]:
    """The commands that are shown to people, by name."""
    from mithridate.cli.app import app

    return {
        str(one.name): one.callback
        for one in app.registered_commands
        if one.callback is not None and not one.hidden
    }


def options(command: Callable[..., Any]) -> list[Option]:
    """What a command can be given, in the order of its help."""
    return [_option(one) for one in inspect.signature(command).parameters.values()]


def _option(given: inspect.Parameter) -> Option:
    """How a parameter of a command is written, what it means, and what it is if nobody says."""
    kind, info = typing.get_args(given.annotation)
    value, default = _value(kind), given.default
    if isinstance(info, typer.models.ArgumentInfo):
        names, value = (given.name.upper(),), ""
    else:
        # Where the annotation is made, typer keeps the first name as the default.
        declared = (info.default, *(info.param_decls or ()))
        names = tuple(n for one in declared if isinstance(one, str) for n in one.split("/"))
        names = names or ("--" + given.name.replace("_", "-"),)
    nothing = default in (None, "", inspect.Parameter.empty) or default is False
    usual = "" if nothing else f"`{default}`"
    if isinstance(info.show_default, str):
        usual = info.show_default
    if default is inspect.Parameter.empty:
        usual = "required"
    return Option(names, value, _sentence(info.help or ""), usual)


def _value(kind: Any) -> str:
    """What is written after an option: the kind of its value, or nothing after a flag."""
    several = [one for one in typing.get_args(kind) if one is not type(None)]
    kind = several[0] if several else kind
    if kind is bool:
        return ""
    words = {int: "NUMBER", float: "NUMBER", Path: "PATH"}
    return " " + words.get(kind, "TEXT")


def _sentence(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def spec_keys() -> str:
    """Every key of a spec and of a study, from the models that check them."""
    from mithridate.bench import Spec, Study
    from mithridate.bench.spec import AttackSpec, DataSpec, DefenseSpec, ThreatSpec, VictimSpec
    from mithridate.bench.study import Experiment

    parts = {
        "A spec": Spec,
        "A study": Study,
        "[[experiments]]": Experiment,
        "data": DataSpec,
        "victim, victims": VictimSpec,
        "threat, threats": ThreatSpec,
        "attacks": AttackSpec,
        "defenses": DefenseSpec,
    }
    return "\n".join(_keys(title, kind) for title, kind in parts.items())


def _keys(title: str, kind: type[BaseModel]) -> str:
    """A table of the keys of one part."""
    about = re.split(r"\n\n +(?:Examples\n|>>>)", kind.__doc__ or "")[0]
    about = "\n\n".join(_sentence(part) for part in about.split("\n\n"))
    lines = [f"## `{title}`" if title.startswith("[") else f"## {title}", "", about, ""]
    lines += ["| key | type | default |", "|---|---|---|"]
    for name, field in kind.model_fields.items():
        usual = str(_plain(field.get_default(call_default_factory=True)))
        default = "required" if field.is_required() else f"`{usual}`" if usual else ""
        lines.append(f"| `{name}` | {_cell(_kind(field.annotation))} | {_cell(default)} |")
    return "\n".join([*lines, ""])


def _plain(value: Any) -> Any:
    """A default as a spec would write it, without what is a default itself."""
    if value is None:
        return ""
    if isinstance(value, BaseModel):
        return value.model_dump(exclude_unset=True) or getattr(value, "use", {})
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _kind(annotation: Any) -> str:
    """A type in words.

    >>> _kind(list[float]), _kind(str | None)
    ('list of float', 'str or nothing')
    """
    origin, given = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _kind(given[0])
    if origin is typing.Literal:
        return " or ".join(f"`{one!r}`" for one in given)
    if origin in (list, tuple):
        return f"{origin.__name__} of {_kind(given[0])}"
    if origin is dict:
        return f"table of {_kind(given[1])}"
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_kind(one) for one in given)
    name = getattr(annotation, "__name__", str(annotation))
    return WORDS.get(name, "table" if name.endswith(("Spec", "Experiment")) else name)


GENERATED: dict[str, Callable[[], str]] = {"command line": command_line, "spec keys": spec_keys}
