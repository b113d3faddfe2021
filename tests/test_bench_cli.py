"""`mithridate bench` and `mithridate report`, as a person types them."""

import pytest
from typer.testing import CliRunner

from mithridate import schema
from mithridate.bench.study import text_of
from mithridate.cli.app import app

from .test_documents import checked, documented

SPEC = """
title = "tiny"
seeds = 1
ratios = [0.2]
data = [{ source = "diabetes", rows = 60 }]
attacks = ["flip"]
defenses = ["trim"]
"""


def said(*words):
    """Exit code, and all that was printed."""
    result = CliRunner().invoke(app, list(words))
    return result.exit_code, result.output


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.toml").write_text(SPEC)
    return tmp_path


def test_the_shipped_specs_are_listed():
    code, text = said("bench", "--list")
    assert code == 0
    assert all(name in text for name in ("smoke", "paper", "adaptive"))


def test_a_shipped_spec_is_shown_as_it_is():
    assert said("bench", "smoke", "--show") == (0, text_of("smoke"))


def test_a_study_ends_in_a_table_and_pages(here):
    code, text = said("bench", "spec.toml", "-o", "results", "--jobs", "1")
    assert code == 0, text
    assert "2 parts." in text and "results/report.html" in text
    rows = schema.gather(here / "results").to_pylist()
    assert {row["defense"] for row in rows} == {"none", "oracle", "trim"}
    code, text = said("bench", "spec.toml", "-o", "results", "--jobs", "1")
    assert code == 0 and "2 of them from an earlier run" in text
    code, text = said("bench", "spec.toml", "-o", "results", "--jobs", "1", "--json", "-q")
    found = checked(text, documented())
    assert code == 0 and found["result"] == {"parts": 2, "computed": 0, "failed": 0}
    assert "results/report.html" in found["files"]
    (here / "results" / "report.html").unlink()
    code, text = said("report", "results", "-o", "pages", "--json", "-q")
    assert code == 0 and (here / "pages" / "report.html").read_text().startswith("<!doctype html>")
    found = checked(text, documented())
    assert found["command"] == "report" and "pages/report.html" in found["files"]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["bench"], "Name a spec"),
        (["bench", "smok"], "neither a file nor one of the shipped specs"),
        (["bench", "absent.toml"], "cannot be read"),
        (["bench", "spec.toml", "--jobs", "0"], "no number of processes"),
        (["bench", "spec.toml", "--scale", "small"], "no scale 'small'"),
        (["bench", "spec.toml", "--only", "x"], "no experiment 'x'"),
        (["bench", "spec.toml", "-o", "spec.toml"], "cannot be written"),
        (["report", "absent"], "holds no results"),
        (["report", "."], "holds no results"),
        (["list", "poems"], "There is no list of 'poems'"),
    ],
)
def test_bad_input_gets_one_sentence(here, words, wanted):
    before = sorted(p.name for p in here.iterdir())
    code, text = said(*words)
    assert code == 1
    assert wanted in text and len(text.strip().splitlines()) == 1
    assert sorted(p.name for p in here.iterdir()) == before
