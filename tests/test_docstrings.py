"""Every public name says what it takes, gives and raises, in sections that tools can read."""

import ast
import importlib
import inspect
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from numpydoc.validate import validate

from . import test_architecture

METHODS = [
    "mithridate.bayes",
    "mithridate.cleaning",
    "mithridate.defenses",
    "mithridate.moments",
]
"""Rooms whose classes are methods: each has an example, and cites its source."""

MODULES = [
    *METHODS,
    "mithridate.attack.objective",
    "mithridate.attack.sample",
    "mithridate.attack.threat",
    "mithridate.errors",
    "mithridate.schema",
]
"""Modules that users import by name, beside what packages export."""

FACE = [
    *("audit", "bound", "influence", "poison", "progress", "InputError"),
    *("Audit", "Bound", "Influence", "auditing.bound.Limit", "auditing.poison.Poisoned"),
]
"""Names of the package itself, or of what they return."""

NO_SOURCE = {"BaseDefense", "Cleaned", "TrustedOnly"}
"""Classes that follow no published method, and so cite none."""

CHECKED = {
    "GL06": "unknown section",
    "GL07": "sections in the wrong order",
    "SS01": "no summary",
    "SS03": "the summary has no period",
    "SS05": "the summary begins with a verb in the third person",
    "SS06": "the summary has more than one line",
    "PR01": "a parameter is missing",
    "PR02": "a parameter does not exist",
    "PR03": "parameters in the wrong order",
    "PR04": "a parameter has no type",
    "PR07": "a parameter has no description",
    "PR08": "the description of a parameter has no capital letter",
    "PR09": "the description of a parameter has no period",
    "RT01": "no section Returns",
    "RT03": "what is returned has no description",
    "YD01": "no section Yields",
}


ROOT = Path(__file__).parents[1] / "src" / "mithridate"


def loaded(name: str) -> Any:
    """The class or function of a dotted name."""
    room, _, last = name.rpartition(".")
    return getattr(importlib.import_module(room), last)


def public_names(room: str) -> list[str]:
    """Dotted names of the classes and functions that a module exports."""
    module = importlib.import_module(room)
    found = getattr(module, "__all__", None)
    if found is None:
        found = [
            name
            for name, value in vars(module).items()
            if (inspect.isclass(value) or inspect.isfunction(value))
            and f"{value.__module__}.".startswith(f"{room}.")
            and not name.startswith("_")
        ]
    else:  # constants have no docstring of their own
        found = [name for name in found if callable(getattr(module, name))]
    assert found, f"{room} exports nothing"
    return [f"{room}.{name}" for name in found]


def documented(name: str) -> list[str]:
    """The name itself and, of a class, the public methods and properties that it defines."""
    value = loaded(name)
    if not inspect.isclass(value):
        return [name]
    kinds = (classmethod, staticmethod, property)
    members = [
        f"{name}.{member}"
        for member, what in vars(value).items()
        if not member.startswith("_") and (inspect.isfunction(what) or isinstance(what, kinds))
    ]
    return [name, *members]


def exported() -> set[str]:
    """What the package, its folders and the modules above export, and what the reference shows."""
    folders = [path.parent.relative_to(ROOT.parent) for path in ROOT.rglob("__init__.py")]
    rooms = {".".join(folder.parts) for folder in folders} - {"mithridate"}
    empty = {f"mithridate.{room}" for room in ("attack", "auditing", "passes", "tables")}
    names = {name for room in (rooms | {*MODULES}) - empty for name in public_names(room)}
    pages = (ROOT.parents[1] / "docs").rglob("*.md")
    shown = (re.findall(r"^::: (mithridate[\w.]+)", page.read_text(), re.M) for page in pages)
    return names.union({f"mithridate.{name}" for name in FACE}, *shown)


def shared() -> set[str]:
    """What a room takes from another: classes, functions, and those of modules that it imports."""
    taken = []
    for path in ROOT.rglob("*.py"):
        room = path.relative_to(ROOT).parts[0]
        for name in test_architecture.imports(path):
            top, there, *_ = [*name.split("."), ""]
            if top == "mithridate" and there != room and not there.startswith("_") and there:
                taken += used_of(loaded(name), name.rpartition(".")[2], path)
    ours = [one for one in taken if inspect.isclass(one) or inspect.isfunction(one)]
    ours = [one for one in ours if one.__module__.startswith("mithridate.")]
    return {f"{one.__module__}.{one.__name__}" for one in ours}


def used_of(what: Any, own: str, path: Path) -> list[Any]:
    """The thing itself; of a module, what the file at a path uses of it."""
    if not inspect.ismodule(what):
        return [what]
    nodes = ast.walk(test_architecture.tree_of(path))
    used = [node for node in nodes if isinstance(node, ast.Attribute)]
    return [getattr(what, n.attr, None) for n in used if ast.unparse(n.value) == own]


def has_none_to_document(part: str) -> bool:
    """Whether a class is a protocol, or a row of results, whose columns carry their meaning."""
    what = loaded(part) if part.rpartition(".")[2][0].isupper() else None
    fields = getattr(what, "__dataclass_fields__", {}).values()
    meant = bool(fields) and all(field.metadata.get("meaning") for field in fields)
    return meant or getattr(what, "_is_protocol", False)


def wrong_in(names: Collection[str]) -> list[str]:
    """What is wrong with the docstrings of names, and of the members of classes among them."""
    parts = [part for name in sorted(names) for part in documented(name)]
    return [
        f"{part} {code}: {text}"
        for part in parts
        for code, text in validate(part)["errors"]
        if code in CHECKED and not (code == "PR01" and has_none_to_document(part))
    ]


def test_what_users_import_has_its_sections():
    names = exported()
    assert {"mithridate.clean", "mithridate.defenses.Trim", "mithridate.schema.Row"} <= names
    assert not wrong_in(names)


def test_what_rooms_take_from_each_other_has_its_sections():
    names = shared()
    assert {"mithridate.passes.fold.Fold", "mithridate.tables.write.write"} <= names
    assert not wrong_in(names - exported())


@pytest.mark.parametrize("room", METHODS)
def test_a_class_has_an_example_and_a_source(room):
    for name in public_names(room):
        if inspect.isclass(loaded(name)):
            text = inspect.getdoc(loaded(name)) or ""
            assert "\nExamples\n--------\n>>> " in text, name
            cites = "\nReferences\n----------\n" in text
            assert cites != (name.rpartition(".")[2] in NO_SOURCE), name
