"""The main job through its public doors: Python and the command line, on small real tables."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_diabetes

import mithridate
import mithridate.auditing.audit as door
from mithridate.cli import app
from mithridate.errors import InputError

DOCS = Path(__file__).parents[1] / "docs"
HOSTILE = "<img src=x onerror=alert(1)>"
QUICK = ["--seeds", "1", "--ratios", "0.1,0.2", "--alphas", "1,0.3", "--rows", "120"]
TIMES = ["attack_seconds", "fit_seconds"]


@pytest.fixture(scope="session")
def frame():
    """Diabetes in its own units, with a category, a gap and a hostile column name."""
    X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    out = X.rename(columns={"bmi": HOSTILE})
    out["ward"] = np.where(out.index % 3 == 0, "north", "south")
    out.loc[5, "age"] = np.nan
    return out.assign(progression=y)


@pytest.fixture(scope="session")
def csv(frame, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "table.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def made(csv, tmp_path_factory):
    """One audit through the command line: what it wrote, and what was computed for it."""
    out, results, audit = tmp_path_factory.mktemp("out") / "report", [], door.audit

    def kept(*args, **options):
        results.append(audit(*args, **options))
        return results[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(door, "audit", kept)
        code, _, _ = call("audit", csv, "--target", "progression", "--out", out, *QUICK, "--quiet")
    assert code == 0
    return out, results[0]


@pytest.fixture(scope="session")
def audited(made):
    """The folder of that audit, for tests that only look at it."""
    return made[0]


@pytest.fixture
def again(made, monkeypatch):
    """The command line with that audit for the next one: for what it says and writes of it."""
    monkeypatch.setattr(door, "audit", lambda *_, **__: made[1])


def call(*args):
    """Exit code, standard output and standard error of the command line, in this process."""
    import contextlib
    import io

    out, err = io.StringIO(), io.StringIO()
    before, sys.argv = sys.argv, ["mithridate", *map(str, args)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                app.main()
                code = 0
            except SystemExit as stop:
                code = stop.code or 0
    finally:
        sys.argv = before
    return code, out.getvalue(), err.getvalue()


def stable(folder):
    return pq.read_table(folder / "results.parquet").drop_columns(TIMES)


def test_it_writes_a_report_a_table_and_a_spec(audited):
    names = {p.name for p in audited.iterdir()}
    assert names == {
        "trace.parquet",
        "report.html",
        "results.parquet",
        "looks.parquet",
        "moved.parquet",
        "spec.toml",
    }
    assert (audited / "report.html").stat().st_size < 1_000_000


def test_every_cell_is_in_the_table_once(audited):
    rows = stable(audited).to_pandas()
    # Unpoisoned, then two alphas of the ascent and two controls, at two ratios; four defenses,
    # none, and the oracle.
    assert len(rows) == (1 + 4 * 2) * 6
    assert not rows.duplicated(["attack", "alpha", "ratio", "seed", "defense"]).any()
    assert (rows.status == "ok").all(), rows.message.unique()


def test_figures_keep_their_definitions(audited):
    rows = stable(audited).to_pandas()
    gain = (rows.nmse_poisoned - rows.nmse_defended) / rows.nmse_poisoned
    np.testing.assert_allclose(rows.gain, gain, atol=1e-12)
    oracle = rows[rows.defense == "oracle"]
    np.testing.assert_allclose(oracle.nmse_defended, oracle.nmse_clean)
    np.testing.assert_allclose(oracle.gain, oracle.gain_oracle)
    none = rows[rows.defense == "none"]
    assert (none.gain == 0).all()
    assert (none.kept == 1).all()
    ratio = rows.n_poison / (rows.n_poison + rows.n_train)
    np.testing.assert_allclose(ratio, rows.ratio, atol=0.005)
    assert rows[rows.defense == "trim"].contamination.unique().tolist() == ["oracle"]
    assert rows[rows.defense == "bayesclean"].contamination.isna().all()


def test_alpha_trades_damage_for_stealth(audited):
    rows = stable(audited).to_pandas().query("attack == 'ascent' and defense == 'none'")
    bold, shy = (rows[rows.alpha == alpha] for alpha in (1.0, 0.3))
    assert (bold.nmse_poisoned.to_numpy() > shy.nmse_poisoned.to_numpy()).all()
    assert (bold.risk.to_numpy() > shy.risk.to_numpy()).all()


def test_the_spec_gives_the_same_table_again(audited, tmp_path):
    code, _, err = call("audit", "--spec", audited / "spec.toml", "--out", tmp_path, "--quiet")
    assert (code, err) == (0, "")
    assert stable(tmp_path).equals(stable(audited))


def test_a_spec_whose_data_changed_says_so(audited, frame, tmp_path):
    moved = tmp_path / "other.csv"
    frame.assign(age=1 + np.arange(len(frame)) % 7).to_csv(moved, index=False)
    text = (audited / "spec.toml").read_text().splitlines()
    changed = [f'source = "{moved}"' if line.startswith("source") else line for line in text]
    (tmp_path / "spec.toml").write_text("\n".join(changed))
    code, _, err = call("audit", "--spec", tmp_path / "spec.toml", "--out", tmp_path / "o")
    assert code == 1
    assert "changed" in err


def test_a_frame_gives_the_table_of_the_file(frame, audited):
    found = mithridate.audit(
        pl.from_pandas(frame), target="progression", alphas=[1, 0.3], ratios=[0.1, 0.2], seeds=1,
        rows=120,
    )  # fmt: skip
    assert isinstance(found.table, pl.DataFrame)
    want = stable(audited).to_pandas().nmse_poisoned
    np.testing.assert_allclose(found.table["nmse_poisoned"], want, rtol=1e-9)


def test_the_report_is_drawn_again(audited, tmp_path):
    code, text, _ = call("report", audited, "-o", tmp_path / "again")
    assert code == 0, text
    assert (tmp_path / "again" / "report.html").stat().st_size > 10_000


def test_headlines_reach_the_terminal(again, csv, tmp_path):
    code, out, _ = call("audit", csv, "--target", "progression", "--out", tmp_path, *QUICK)
    assert code == 0
    lines = [line for line in out.splitlines() if line.startswith("•")]
    assert 3 <= len(lines) <= 15
    assert "report.html" in out


def test_max_damage_is_a_gate(again, csv, tmp_path):
    args = ["audit", csv, "--target", "progression", "--out", tmp_path, *QUICK, "--quiet"]
    code, _, err = call(*args, "--max-damage", "1.01")
    assert code == 2
    assert "times the clean one" in err
    code, text, _ = call(*args, "--max-damage", "1000", "--json")
    told = json.loads(text)
    assert code == told["code"] == 0 and not told["gates"][0]["failed"]
    schema = DOCS / "reference" / "output.schema.json"
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(told, json.loads(schema.read_text(encoding="utf-8")))
    assert told["result"]["worst"]["times"] > 1.01
    gains = {one["defense"]: one for one in told["result"]["defenses"]}
    assert gains["oracle"]["mean_gain"] > gains["trim"]["mean_gain"]


def broken(tmp_path, frame):
    """A bad input for each sentence: arguments, and a word that the sentence must have."""
    text = frame.assign(progression="x")
    constant = frame.assign(progression=1.0)
    tables = {"text": text, "constant": constant,
              "few": frame.head(12), "bare": frame[["progression"]].assign(same=1)}  # fmt: skip
    for name, table in tables.items():
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    frame.to_csv(tmp_path / "good.csv", index=False)
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "header.csv").write_text("a,b\n")
    (tmp_path / "picture.csv").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" * 9)
    (tmp_path / "picture.parquet").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" * 9)
    (tmp_path / "file").write_text("in the way")
    goal = ["--target", "progression"]
    return {
        "missing file": (["nowhere.csv", *goal], "nowhere.csv"),
        "folder": ([".", *goal], "folder"),
        "picture": (["picture.csv", *goal], "picture.csv"),
        "picture as parquet": (["picture.parquet", *goal], "picture.parquet"),
        "empty": (["empty.csv", *goal], "empty"),
        "header only": (["header.csv", "--target", "b"], "row"),
        "no target": (["good.csv"], "target"),
        "unknown target": (["good.csv", "--target", "progresion"], "progression"),
        "text target": (["text.csv", *goal], "text"),
        "constant target": (["constant.csv", *goal], "every row"),
        "too few rows": (["few.csv", *goal], "12"),
        "no features": (["bare.csv", *goal], "column"),
        "ratio of 1": (["good.csv", *goal, "--ratios", "0.1,1"], "[0, 1)"),
        "negative ratio": (["good.csv", *goal, "--ratios", "-0.1"], "[0, 1)"),
        "ratio nan": (["good.csv", *goal, "--ratios", "nan"], "[0, 1)"),
        "tiny ratio": (["good.csv", *goal, "--ratios", "0.0001"], "less than one row"),
        "ratio words": (["good.csv", *goal, "--ratios", "few"], "numbers"),
        "alpha of 2": (["good.csv", *goal, "--alphas", "2"], "[0, 1]"),
        "no alpha": (["good.csv", *goal, "--alphas", ""], "alphas"),
        "no seeds": (["good.csv", *goal, "--seeds", "0"], "seeds"),
        "seeds word": (["good.csv", *goal, "--seeds", "many"], "seeds"),
        "unknown defense": (["good.csv", *goal, "--defenses", "trimm"], "trim"),
        "unknown model": (["good.csv", *goal, "--victim", "rigde"], "ridge"),
        "unknown normalizer": (["good.csv", *goal, "--normalizer", "x"], "anchored"),
        "negative l2": (["good.csv", *goal, "--l2", "-1"], "l2"),
        "contamination": (["good.csv", *goal, "--contamination", "lots"], "oracle"),
        "contamination of 1": (["good.csv", *goal, "--contamination", "1"], "[0, 1)"),
        "unknown drop": (["good.csv", *goal, "--drop", "agee"], "age"),
        "unknown option": (["good.csv", "--tarhet", "x"], "--tar"),
        "missing spec": (["--spec", "none.toml"], "none.toml"),
        "folder in the way": (["good.csv", *goal, "--out", "file/report"], "file"),
        "file in the way": (["good.csv", *goal, "--out", "file"], "file"),
    }


CASES = [
    "missing file", "folder", "picture", "picture as parquet", "empty", "header only",
    "no target", "unknown target", "text target", "constant target",
    "too few rows", "no features", "ratio of 1", "negative ratio", "ratio nan",
    "tiny ratio", "ratio words", "alpha of 2", "no alpha", "no seeds", "seeds word",
    "unknown defense", "unknown model", "unknown normalizer", "negative l2", "contamination",
    "contamination of 1", "unknown drop", "unknown option", "missing spec", "folder in the way",
    "file in the way",
]  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_bad_input_gets_one_sentence(name, frame, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cases = broken(tmp_path, frame)
    assert sorted(cases) == sorted(CASES)
    args, word = cases[name]
    before = sorted(tmp_path.rglob("*"))
    code, out, err = call("audit", *args)
    assert code == 1
    assert out == ""
    sentence = err.strip().splitlines()[-1]
    assert word in sentence
    assert "Traceback" not in err
    assert "foresee" not in err
    assert sorted(tmp_path.rglob("*")) == before


def test_rows_without_a_target_are_set_aside_and_told(frame):
    gaps = frame.progression.where(frame.index != 3).mask(frame.index == 5, np.inf)
    found = mithridate.audit(
        frame.assign(progression=gaps), target="progression", seeds=1, ratios=[0], rows=60,
        defenses=["trim"],
    )  # fmt: skip
    assert isinstance(found.table, pd.DataFrame)
    assert any("(row 4)" in note or "(rows 4" in note for note in found.to_dict()["notes"])
    assert any("row 6" in note or "and 6" in note for note in found.to_dict()["notes"])


def test_a_thing_that_is_no_table_is_refused():
    with pytest.raises(InputError, match="not a table"):
        mithridate.audit([1, 2, 3], target="x")


@pytest.mark.parametrize(
    ("command", "options", "twice"),
    [
        ("clean", ["--drop", "age", "--drop=sex"], "--drop"),
        ("clean", ["-o", "a.csv", "--out", "b.csv"], "--out"),
        ("audit", ["--ratios", "0.1", "--quiet", "--ratios", "0.2"], "--ratios"),
        ("bench", ["--only", "ridge", "--only", "network"], "--only"),
    ],
)
def test_no_value_is_lost_unsaid(command, options, twice, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = call(command, "diabetes", *options)
    assert code == 1 and out == ""
    assert f"The option {twice} is given twice" in err and len(err.splitlines()) == 1
    assert not [*tmp_path.iterdir()]


def test_a_value_that_looks_like_an_option_is_a_value(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ["--option", "c1=0.5", "--option", "c2=1", "--drop", "--drop"]
    code, _, err = call("clean", "diabetes", "--defense", "bayesclean", *options)
    assert code == 1
    assert "no column '--drop'" in err


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_is_answered_at_once_and_says_what_was_kept(csv, tmp_path, which):
    command = [sys.executable, "-c", "from mithridate.cli import main; main()", "audit", str(csv)]
    command += ["--target", "progression", "--out", str(tmp_path / "report"), "--seeds", "40"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "attacking" in line or "compiling" in line:
            break
    time.sleep(0.5)
    began = time.monotonic()
    os.kill(process.pid, which)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Nothing was written" in err
    assert "Traceback" not in err
    assert time.monotonic() - began < 20
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize("seconds", [0.5, 2.0])
def test_no_helper_outlives_a_command_that_was_stopped(csv, seconds):
    command = [sys.executable, "-c", "from mithridate.cli import main; main()", "audit", str(csv)]
    command += ["--target", "progression", "--json", "--seeds", "40"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    two = {**os.environ, "LOKY_MAX_CPU_COUNT": "2"}
    process = subprocess.Popen(command, text=True, env=two, **pipes)
    process.stderr.readline()  # the table is read
    time.sleep(seconds)
    os.kill(process.pid, signal.SIGTERM)
    process.communicate(timeout=30)  # a helper would hold the pipes open for a minute
    assert process.returncode == 1


def test_help_names_the_options():
    code, out, _ = call("audit", "--help")
    assert code == 0
    for option in ("--target", "--alphas", "--ratios", "--max-damage", "--out", "--quiet"):
        assert option in out
    assert Path("mithridate-report").name in out


@pytest.mark.parametrize("limit", ["nan", "-1", "0", "inf"])
def test_a_senseless_limit_is_refused_before_the_work(limit, tmp_path):
    code, _, err = call("audit", "--max-damage", limit, "--out", tmp_path / "o")
    assert code == 1
    assert "no limit" in err


def test_a_bundled_name_means_the_bundled_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "diabetes").mkdir()
    found = mithridate.audit("diabetes", seeds=1, ratios=0, defenses="trim", rows=80)
    assert found.spec.data.source == "diabetes"
    assert len(found.results.table) == 3


def test_doubled_things_are_refused():
    with pytest.raises(InputError, match="'trim' is listed twice"):
        mithridate.audit(defenses=["trim", "trim"])
    with pytest.raises(InputError, match="listed twice"):
        mithridate.audit(alphas=[1, 1])


def test_a_folder_in_the_place_of_a_file_leaves_nothing_half_written(again, csv, tmp_path):
    (tmp_path / "report.html").mkdir()
    code, _, err = call("audit", csv, "--target", "progression", "--out", tmp_path, *QUICK, "-q")
    assert code == 1
    assert "report.html" in err
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_output_that_nobody_reads_loses_nothing(csv, tmp_path):
    command = f"{sys.executable} -c 'from mithridate.cli import main; main()' audit {csv}"
    options = f"--target progression --out {tmp_path}/r --seeds 1 --ratios 0 --rows 60"
    done = subprocess.run(
        f"{command} {options} > /dev/full", shell=True, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "r" / "report.html").exists()
