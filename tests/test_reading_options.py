"""How a file is read can be said to every command, and is kept in the spec of a run."""

import pytest
from typer.testing import CliRunner

from mithridate.auditing import audit as audits
from mithridate.auditing import poison as poisons
from mithridate.bench import Spec
from mithridate.cli.app import app
from mithridate.data import Reading
from mithridate.errors import InputError

SAID = ["--delimiter", ";", "--decimal", ",", "--missing", "-999", "--missing", "n.d."]
MEANT = Reading(delimiter=";", decimal=",", missing=("-999", "n.d."))


class Seen(Exception):
    """The door was reached."""


@pytest.mark.parametrize(("command", "door"), [("audit", audits), ("poison", poisons)])
def test_a_command_hands_the_reading_on(command, door, monkeypatch, tmp_path):
    seen = {}

    def instead(*_, **given):
        seen.update(given)
        raise Seen

    monkeypatch.setattr(door, command, instead)
    monkeypatch.chdir(tmp_path)
    found = CliRunner().invoke(app, [command, "a.csv", *SAID, "--box", "a=0:1", "--drop", "b"])
    assert isinstance(found.exception, Seen)
    assert seen["reading"] == MEANT
    assert seen["threat"]["box"] == {"a": [0.0, 1.0]}
    assert seen["drop"] == ["b"]
    assert seen["victim"] == "ridge"


@pytest.mark.parametrize("command", ["audit", "poison", "clean"])
def test_a_reading_that_cannot_be_is_one_sentence(command):
    found = CliRunner().invoke(app, [command, "a.csv", "--decimal", ",", "--thousands", ","])
    assert found.exit_code == 1
    assert "give two different ones" in found.output


def test_a_spec_keeps_how_its_table_is_read(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a;y\n" + "".join(f"{i * 7 % 31 + 1}.000;{i % 7},5\n" for i in range(60)))
    given = {"source": str(path), "target": "y", "reading": {"decimal": ",", "thousands": "."}}
    spec = Spec.of({"data": given})
    again = Spec.parse(spec.dump())
    assert again == spec
    assert again.data.load().X[:, 0].max() == 31_000


@pytest.mark.parametrize(
    ("reading", "words"),
    [({"decimals": ","}, "'decimals'"), ({"decimal": "x"}, "decimal is 'x'"), (3, "'3'")],
)
def test_a_spec_refuses_a_reading_that_means_nothing(reading, words):
    with pytest.raises(InputError, match=words):
        Spec.of({"data": {"source": "diabetes", "reading": reading}})
