"""What a person sees of the package: in an editor, at a prompt, and by `help`."""

import ast
import inspect
import pydoc
import subprocess
import sys
import typing

import pytest

import mithridate
from mithridate import _retired

DOORS = ["audit", "clean", "influence", "poison", "progress"]


def test_the_prompt_completes_public_names_alone():
    shown = dir(mithridate)
    assert shown == sorted(mithridate.__all__)
    assert not [name for name in shown if name.startswith("_") and name != "__version__"]
    assert not set(shown) & set(_retired.MODULES)
    for name in shown:
        assert getattr(mithridate, name) is not None


def test_a_name_that_is_not_there_is_no_name_of_the_package():
    with pytest.raises(AttributeError, match="has no attribute 'celan'"):
        mithridate.celan  # noqa: B018
    with pytest.raises(ImportError, match="celan"):
        from mithridate import celan  # noqa: F401


def test_help_shows_the_face():
    text = pydoc.plain(pydoc.render_doc(mithridate))
    for name in DOORS:
        assert f"    {name}(" in text
    assert "class Audit" in text and "class Cleaned" in text and "class InputError" in text


@pytest.mark.parametrize("name", DOORS)
def test_a_door_has_a_signature_with_types(name):
    door = getattr(mithridate, name)
    hints = typing.get_type_hints(door)
    parameters = inspect.signature(door).parameters
    assert set(hints) == {*parameters, "return"}
    kinds = [p.kind for p in parameters.values()]
    # The table is given by place, all else by name.
    assert kinds[1:] == [inspect.Parameter.KEYWORD_ONLY] * (len(kinds) - 1)
    told = inspect.getdoc(door) or ""
    for parameter in parameters:
        assert parameter in told


@pytest.mark.parametrize(
    ("name", "answer"),
    [("audit", "Audit"), ("clean", "Cleaned"), ("influence", "Influence"), ("poison", "Poisoned")],
)
def test_a_door_says_what_it_returns(name, answer):
    assert typing.get_type_hints(getattr(mithridate, name))["return"].__name__ == answer


def test_editors_read_every_public_name():
    # Type checkers read the imports under TYPE_CHECKING, people run the lazy ones: one face.
    tree = ast.parse(inspect.getsource(mithridate))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    read = [alias.name for node in block.body for alias in node.names]
    assert sorted([*read, "__version__"]) == mithridate.__all__


def test_importing_the_face_loads_nothing_heavy():
    heavy = ("jax", "sklearn", "pyarrow", "numpy", "pydantic", "rich")
    code = f"import mithridate, sys; print(*({set(heavy)!r} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


def test_what_is_not_there_is_said_as_of_any_module():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        mithridate.nothing  # noqa: B018


def test_python_m_is_the_command():
    run = [sys.executable, "-m", "mithridate", "--version"]
    answer = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert answer == f"mithridate {mithridate.__version__}\n"
