"""Every public name says what it takes, gives and raises, in sections that tools can read."""

import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest
from numpydoc.validate import validate

import mithridate.tables

METHODS = [
    "mithridate.bayes",
    "mithridate.cleaning",
    "mithridate.defenses",
    "mithridate.moments",
]
"""Rooms whose classes are methods: each has an example, and cites its source."""

ROOMS = [
    *METHODS,
    "mithridate.attack.attacks",
    "mithridate.attack.objective",
    "mithridate.attack.risks",
    "mithridate.attack.sample",
    "mithridate.attack.threat",
    "mithridate.attack.victims",
    "mithridate.bench",
    "mithridate.bounds",
    "mithridate.data",
    "mithridate.auditing.asked",
    "mithridate.auditing.bound",
    "mithridate.auditing.influence",
    "mithridate.auditing.regression",
    "mithridate.auditing.spelling",
]
"""Modules whose public names are checked; a room that is added here stays so."""

TABLES = Path(mithridate.tables.__file__).parent
UNFINISHED = {"digest", "numerals", "plan", "read", "reading", "source", "write"}
"""Modules of tables whose public names have no sections yet; one that has them leaves this list."""

ROOMS += [
    f"mithridate.tables.{path.stem}"
    for path in sorted(TABLES.glob("[a-z]*.py"))
    if path.stem not in {*UNFINISHED, "blocks"}  # the latter is constants
]

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


FACES = [f"mithridate.{name}" for name in FACE]


def wrong_in(names: list[str]) -> list[str]:
    """What is wrong with the docstrings of names, and of the members of classes among them."""
    parts = [part for name in names for part in documented(name)]
    return [
        f"{part} {code}: {text}"
        for part in parts
        for code, text in validate(part)["errors"]
        if code in CHECKED
    ]


@pytest.mark.parametrize("room", ROOMS)
def test_docstrings_have_their_sections(room):
    assert not wrong_in(public_names(room))


def test_docstrings_of_the_face_have_their_sections():
    assert not wrong_in(FACES)


@pytest.mark.parametrize("room", METHODS)
def test_a_class_has_an_example_and_a_source(room):
    for name in public_names(room):
        if inspect.isclass(loaded(name)):
            text = inspect.getdoc(loaded(name)) or ""
            assert "\nExamples\n--------\n>>> " in text, name
            cites = "\nReferences\n----------\n" in text
            assert cites != (name.rpartition(".")[2] in NO_SOURCE), name
