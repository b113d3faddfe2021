"""Old names work for one version, with one warning that says the new one."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

import mithridate
from mithridate import _retired
from mithridate.auditing.bound import Limit
from mithridate.bench import Spec
from mithridate.cli.app import app
from mithridate.errors import InputError


def test_modules_are_found_by_their_old_names():
    """All in one fresh process: a name warns where it is imported first, whatever is there."""
    code = f"""
import importlib, warnings
for old in {list(_retired.MODULES)!r}:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        module = importlib.import_module(f"mithridate.{{old}}")
    print(module.__name__, *(f"{{w.category.__mro__[1].__name__}}: {{w.message}}" for w in seen))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == [
        f"mithridate.{new} FutureWarning: mithridate.{old} is now mithridate.{new}; "
        "the old name goes in the next version."
        for old, new in _retired.MODULES.items()
    ]


def test_an_old_module_has_its_names():
    with pytest.warns(FutureWarning, match=r"mithridate\.table is now mithridate\.schema"):
        sys.modules.pop("mithridate.table", None)
        from mithridate.table import Row
    assert Row is mithridate.schema.Row


@pytest.mark.parametrize("door", [mithridate.audit, mithridate.poison])
def test_a_keyword_is_taken_by_its_old_name(door):
    with (
        pytest.warns(FutureWarning, match="model= is now victim=") as seen,
        pytest.raises(InputError, match="There is no 'rigde' among the victims"),
    ):
        door(model="rigde")
    assert [w.filename for w in seen] == [__file__]
    with pytest.raises(TypeError, match="takes model as victim; give one"):
        door(model="ridge", victim="ridge")


def test_the_poison_of_a_limit_has_its_old_name():
    limit = Limit(0.1, 1, 1.0, 1.0, 1.0, poison="rows", proof="proof")
    with pytest.warns(FutureWarning, match=r"Limit\.found is now Limit\.poison"):
        assert limit.found == "rows"


def test_a_threat_is_read_with_its_old_key():
    with pytest.warns(FutureWarning, match=r"'threat.rows' is now 'threat.placed'"):
        spec = Spec.parse('[threat]\nrows = "replaced"')
    assert spec.threat.placed == "replaced"
    assert Spec.parse(spec.dump()) == spec
    with pytest.raises(InputError, match=r"a key 'threat.rows' that means nothing"):
        Spec.parse('[threat]\nrows = "replaced"\nplaced = "replaced"')


@pytest.fixture
def asked(monkeypatch):
    """What the command line asks the doors for."""
    given = {}

    def door(*data, **how):
        given.update(how)
        raise InputError("no more is wanted")

    monkeypatch.setattr("mithridate.auditing.audit.audit", door)
    monkeypatch.setattr("mithridate.auditing.poison.poison", door)
    return given


@pytest.mark.parametrize("command", ["audit", "poison"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (["--model", "mlp"], ["--victim", "mlp"]),
        (["--model=mlp"], ["--victim=mlp"]),
        (["--freeze", "age,sex"], ["--frozen", "age,sex"]),
        (["--replace", "--seed", "3"], ["--placed", "replaced", "--seed", "3"]),
    ],
)
def test_an_option_is_taken_by_its_old_name(command, old, new, asked, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    runner.invoke(app, [command, *new])
    wanted = {**asked, "tell": None}
    asked.clear()
    name = old[0].partition("=")[0]
    with pytest.warns(FutureWarning, match=f"{name} is now --") as seen:
        runner.invoke(app, [command, *old])
    assert len(seen) == 1
    assert wanted["seed"] in (0, 3) and {**asked, "tell": None} == wanted


def test_a_name_after_two_dashes_or_as_a_value_is_nobodys_option(asked, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(app, ["poison", "--drop", "--model", "--", "--freeze"])
    assert "no more is wanted" in said.output
    assert asked["drop"] == ["--model"]


def test_an_old_and_a_new_name_are_one_option(asked):
    with pytest.warns(FutureWarning):
        said = CliRunner().invoke(app, ["poison", "--model", "mlp", "--victim", "ridge"])
    assert said.exit_code == 2 and "The option --victim is given twice" in said.output


def test_the_old_command_says_one_line_and_does_the_same(tmp_path):
    code = "from mithridate.cli import main; main()"
    line = [
        sys.executable,
        "-c",
        code,
        "attack",
        "--model",
        "rigde",
        "-o",
        tmp_path / "poisoned.csv",
    ]
    run = subprocess.run(line, capture_output=True, text=True, check=False)
    first, second, *said = run.stderr.splitlines()
    gone = "the old name goes in the next version."
    assert first == f"FutureWarning: mithridate attack is now mithridate poison; {gone}"
    assert second == f"FutureWarning: --model is now --victim; {gone}"
    assert "There is no 'rigde' among the victims" in said[-1]


def test_help_shows_new_names_alone():
    shown = CliRunner().invoke(app, ["--help"]).output
    assert " poison " in shown and " attack " not in shown
    for command in ("audit", "poison"):
        shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"}).output
        assert all(name in shown for name in ("--victim", "--frozen", "--placed"))
        assert not any(name in shown for name in ("--model", "--freeze", "--replace"))
