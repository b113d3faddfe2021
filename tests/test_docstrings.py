"""Every public name says what it takes, gives and raises, in sections that tools can read."""

import importlib
import inspect
from typing import Any

import pytest
from numpydoc.validate import validate

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
]
"""Modules whose public names are checked; a room that is added here stays so."""

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


NAMES = [name for room in ROOMS for name in public_names(room)]
CLASSES = [name for name in NAMES if inspect.isclass(loaded(name))]


FACES = [f"mithridate.{name}" for name in FACE]


@pytest.mark.parametrize("name", [part for name in [*NAMES, *FACES] for part in documented(name)])
def test_a_docstring_has_its_sections(name):
    errors = [f"{code}: {text}" for code, text in validate(name)["errors"] if code in CHECKED]
    assert not errors


@pytest.mark.parametrize("name", [n for n in CLASSES if n.rpartition(".")[0] in METHODS])
def test_a_class_has_an_example_and_a_source(name):
    text = inspect.getdoc(loaded(name)) or ""
    assert "\nExamples\n--------\n>>> " in text
    cites = "\nReferences\n----------\n" in text
    assert cites != (name.rpartition(".")[2] in NO_SOURCE)
