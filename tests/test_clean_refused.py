"""What cannot be cleaned is refused in one sentence, and nothing is written."""

import pytest

from .planted import GOAL, planted
from .test_audit import call


@pytest.fixture(scope="module")
def frame():
    return planted()


CASES = {
    "unknown defense": (["good.csv", *GOAL, "--defense", "trimm"], "Did you mean 'trim'?"),
    "no module": (["good.csv", *GOAL, "--defense", "nowhere.at_all:Mine"], "cannot be imported"),
    "abstract": (["good.csv", *GOAL, "--defense", "mithridate.defenses:BaseDefense"], "abstract"),
    "no defense": (["good.csv", *GOAL, "--defense", "mithridate.defenses:Ridge"], "not a subclass"),
    "unknown option": (
        ["good.csv", *GOAL, "--option", "c3=1"], "it has estimator, only."),
    "option of no form": (["good.csv", *GOAL, "--option", "c2"], "like --option c2=1.5"),
    "option twice": (["good.csv", *GOAL, "--option", "c2=1", "--option", "c2=2"], "given twice"),
    "option in text": (
        ["good.csv", *GOAL, "--defense", "bayesclean", "--option", "c2=large"], "c2='large'"),
    "estimator in text": (["good.csv", *GOAL, "--option", "estimator=Lasso"], "does not work with"),
    "rate in two ways": (
        ["good.csv", *GOAL, "--option", "false_positive_rate=0.1", "--false-positive-rate", "0.1"],
        "leave one out"),
    "unknown groups": (["good.csv", *GOAL, "--groups", "wrd"], "is 'ward'"),
    "target as groups": (["good.csv", *GOAL, "--groups", "progression"], "cannot group"),
    "a group a row": (["good.csv", *GOAL, "--groups", "seen"], "differs in every row"),
    "report is a folder": (["good.csv", *GOAL, "-o", "busy.csv"], "'busy.report.html' is a folder"),
    "needs trusted": (["good.csv", *GOAL, "--defense", "duti"], "--trusted"),
    "no rate": (
        ["good.csv", *GOAL, "--defense", "trim", "--false-positive-rate", "0.1"], "takes no"),
    "no contamination": (["good.csv", *GOAL, "--contamination", "0.1"], "takes no contamination"),
    "rate of 2": (["good.csv", *GOAL, "--false-positive-rate", "2"], "at most 0.5"),
    "contamination of 1": (
        ["good.csv", *GOAL, "--defense", "trim", "--contamination", "1"], "[0, 1)"),
    "no target": (["good.csv"], "No target"),
    "wrong target": (["good.csv", "--target", "progresion"], "'progression'"),
    "text target": (["good.csv", "--target", "ward"], "text"),
    "missing file": (["nowhere.csv", *GOAL], "nowhere.csv"),
    "suffix": (["good.csv", *GOAL, "-o", "good.xlsx"], ".parquet"),
    "input": (["good.csv", *GOAL, "-o", "good.csv"], "never overwritten"),
    "quarantine is input": (["a.quarantine.csv", *GOAL, "-o", "a.csv"], "never overwritten"),
    "folder": (["good.csv", *GOAL, "-o", "folder.csv"], "folder"),
    "file in the way": (["good.csv", *GOAL, "-o", "good.csv/out.csv"], "cannot be written"),
    "trusted lacks": (["good.csv", *GOAL, "--trusted", "few.csv", "--defense", "duti"], "lack"),
    "trusted types": (["good.csv", *GOAL, "--trusted", "odd.csv", "--defense", "duti"], "'bmi'"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_bad_input_gets_one_sentence(name, frame, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in ("good.csv", "a.quarantine.csv"):
        frame.to_csv(path, index=False)
    frame[["age", "progression"]].to_csv("few.csv", index=False)
    frame.assign(bmi="x").to_csv("odd.csv", index=False)
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "busy.report.html").mkdir()
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    args, word = CASES[name]
    code, out, err = call("clean", *args)
    assert code == 1
    assert out == ""
    sentence = err.strip().splitlines()[-1]
    assert word in sentence
    assert "Traceback" not in err
    assert "foresee" not in err
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_a_module_that_breaks_is_named(frame, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "broken.py").write_text("1 / 0")
    frame.to_csv(tmp_path / "good.csv", index=False)
    code, _, err = call("clean", tmp_path / "good.csv", *GOAL, "--defense", "broken:Mine")
    assert code == 1
    assert "'broken:Mine' cannot be imported (division by zero)" in err
