"""What is refused, and how a stopped run goes on."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest

import mithridate
from mithridate import _cluster, cleaning
from mithridate.cleaning import door
from mithridate.cli import clean
from mithridate.cli.terminal import Stopped
from mithridate.errors import InputError
from mithridate.passes.journal import Journal

from .test_audit import call
from .test_bigtable import cut, long_table


@pytest.fixture(scope="module")
def table():
    """Types that cleaning does not read, and metadata, beside what it does."""
    rng = np.random.default_rng(3)
    n = 3000
    made = long_table(n).append_column("town", [rng.choice(["ulm", "bonn"], n).tolist()])
    made = made.append_column("code", [pa.array([f"{i:05}" for i in range(n)])])
    made = made.append_column("parts", [pa.array([[i, i + 1] for i in range(n)])])
    made = made.append_column("kind", [pa.array(rng.choice(["a", "b"], n)).dictionary_encode()])
    made = made.append_column("seen", [np.arange(n).astype("datetime64[s]")])
    return made.replace_schema_metadata({"made": "by hand"})


@pytest.fixture
def folder(table, tmp_path):
    root = tmp_path / "table"
    for year in (2023, 2024):
        (root / f"year={year}").mkdir(parents=True)
    cut(table.slice(0, 1700), root / "year=2023", [600], group=250)
    cut(table.slice(1700), root / "year=2024", [800], group=250)
    (root / "_SUCCESS").write_text("")
    return root


def contents(root):
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_a_table_without_rows_is_refused_before_any_pass(table, tmp_path):
    root = tmp_path / "table"
    root.mkdir()
    pq.write_table(table.slice(0, 0), root / "a.parquet")
    code, _, said = call("clean", root, "--target", "y", "-o", tmp_path / "out")
    assert code == 1
    assert "has 0 rows" in said and "pass 1" not in said
    assert {p.name for p in tmp_path.iterdir()} == {"table"}


@pytest.mark.parametrize(
    ("defense", "option", "word"),
    [
        ("trim", "contamination=1.5", "in [0, 1)"),
        ("trim", "max_iter=0", "1 or more"),
        ("huber", "epsilon=0.5", "1 or more"),
        ("bayesclean", "c1=2", "c1 <= c2"),
        ("bayesclean", "false_positive_rate=0.9", "at most 0.5"),
        ("antidote", "false_positive_rate=0.9", "at most 0.5"),
    ],
)
def test_settings_out_of_range_are_refused_before_any_pass(defense, option, word, folder, tmp_path):
    asked = ("--target", "y", "--defense", defense, "--option", option, "-o", tmp_path / "out")
    code, _, said = call("clean", folder, *asked)
    assert code == 1
    assert word in said and len(said.splitlines()) == 1


def test_who_stops_it_hears_that_it_can_go_on(folder, tmp_path, monkeypatch):
    def stopped(*given, **how):
        raise KeyboardInterrupt

    monkeypatch.setattr(cleaning, "clean", stopped)
    with pytest.raises(Stopped, match=r"kept in '\.out\.unfinished' beside it"):
        clean.clean(str(folder), target="y", out=tmp_path / "out", quiet=True)


def test_a_folder_that_is_not_there_is_said_before_its_output(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = call("clean", "nosuch/table", "--target", "y", "-o", "out")
    assert code == 1
    assert "nosuch/table" in err and "neither CSV nor Parquet by its name" not in err


def test_a_size_in_words_is_refused(folder):
    with pytest.raises(InputError, match="memory='2GB': give a whole number of bytes"):
        mithridate.clean(folder, target="y", memory="2GB", defense="antidote")


def broken(folder, how):
    path = folder / "year=2024" / "part-000.parquet"
    content = path.read_bytes()
    if how == "cut short":
        path.write_bytes(content[: len(content) // 2])
    elif how == "no Parquet":
        path.write_bytes(b"not a table")
    elif how == "pages":  # the footer is whole, so that only a pass finds out
        path.write_bytes(b"PAR1" + b"\xff" * (len(content) // 2) + content[len(content) // 2 + 4 :])
    elif how == "column":
        pq.write_table(pq.read_table(path, partitioning=None).drop_columns(["x2"]), path)
    elif how == "type":
        t = pq.read_table(path, partitioning=None)
        t = t.set_column(0, "x0", t["x0"].cast(pa.float32()))
        pq.write_table(t, path)


@pytest.mark.parametrize("how", ["cut short", "no Parquet", "pages", "column", "type"])
def test_a_bad_file_is_named_or_skipped(how, table, folder, tmp_path):
    broken(folder, how)
    out, name = tmp_path / "out", "year=2024/part-000.parquet"
    with pytest.raises(InputError, match=name) as error:
        mithridate.clean(folder, target="y", out=out, defense="antidote")
    assert "--skip-bad-files" in str(error.value)
    if how == "type":
        assert "'x0' (float, not double)" in str(error.value)
    assert {p.name for p in tmp_path.iterdir()} == {"table"}
    found = mithridate.clean(folder, target="y", out=out, skip_bad_files=True, defense="antidote")
    assert len(found.skipped) == 1 and name in found.skipped[0]
    assert "--skip-bad-files" not in found.skipped[0]
    rest = pa.concat_tables([table.slice(0, 1700), table.slice(2500)])
    np.testing.assert_array_equal(
        found.mask, mithridate.clean(rest, target="y", defense="antidote").mask
    )
    assert not (out / name).exists()
    assert any("Skipped" in line and name in line for line in found.lines())


@pytest.mark.parametrize("skip", [False, True])
def test_a_file_that_vanishes_is_named_or_skipped(skip, folder, tmp_path):
    lost = folder / "year=2023" / "part-001.parquet"

    def tell(stage, done, total):
        if stage.startswith("pass 3"):
            lost.unlink(missing_ok=True)

    if not skip:
        with pytest.raises(InputError, match=r"part-001.parquet' vanished"):
            mithridate.clean(
                folder, target="y", out=tmp_path / "out", tell=tell, defense="antidote"
            )
        assert {p.name for p in tmp_path.iterdir()} == {"table"}
        return
    found = mithridate.clean(
        folder, target="y", out=tmp_path / "out", tell=tell, skip_bad_files=True, defense="antidote"
    )
    assert len(found.mask) == 3000 - 1100


def test_a_file_that_changes_is_not_mixed_up(table, folder, tmp_path):
    def tell(stage, done, total):
        if stage == "writing" and done == total:
            pq.write_table(table, folder / "year=2024" / "part-001.parquet")

    with pytest.raises(InputError, match=r"part-001.parquet' changed"):
        mithridate.clean(folder, target="y", out=tmp_path / "out", tell=tell, defense="antidote")
    assert {p.name for p in tmp_path.iterdir()} == {"table"}


def test_a_csv_file_that_changes_is_not_mixed_up(tmp_path):
    root = tmp_path / "table"
    root.mkdir()
    arrow_csv.write_csv(long_table(200), root / "a.csv")

    def tell(stage, done, total):
        if stage.startswith("pass 2"):
            arrow_csv.write_csv(long_table(100), root / "a.csv")

    with pytest.raises(InputError, match=r"'a.csv' changed"):
        mithridate.clean(root, target="y", out=tmp_path / "out", tell=tell, defense="antidote")


def test_outputs_are_not_in_the_way_of_each_other(tmp_path):
    for name in ("a.csv", "a.tsv"):
        (tmp_path / name).write_text("x,y\n1,2\n")
    with pytest.raises(InputError, match=r"a\.tsv.*in the way.*a\.csv|a\.csv.*way.*a\.tsv"):
        mithridate.clean(tmp_path, target="y", defense="antidote")


def test_a_file_without_rows_stays(table, tmp_path):
    root = tmp_path / "table"
    root.mkdir()
    pq.write_table(table.slice(0, 500), root / "a.parquet")
    pq.write_table(table.slice(0, 0), root / "b.parquet")
    pq.write_table(table.slice(500), root / "c.parquet")
    found = mithridate.clean(root, target="y", out=tmp_path / "out", defense="antidote")
    np.testing.assert_array_equal(
        found.mask, mithridate.clean(table, target="y", defense="antidote").mask
    )
    assert pq.read_metadata(tmp_path / "out" / "b.parquet").num_rows == 0


class Stop(Exception):
    pass


@pytest.mark.parametrize("when", ["pass 1", "pass 5", "writing"])
def test_a_stopped_run_goes_on_where_it_was(when, folder, tmp_path):
    whole, out = tmp_path / "whole", tmp_path / "out"
    passes = mithridate.clean(folder, target="y", out=whole, defense="antidote").passes

    def tell(stage, done, total):
        if stage.startswith(when) and done:
            raise Stop

    with pytest.raises(Stop):
        mithridate.clean(folder, target="y", out=out, tell=tell, defense="antidote")
    assert not out.exists()
    assert (tmp_path / ".out.unfinished").is_dir()
    found = mithridate.clean(folder, target="y", out=out, defense="antidote")
    done = len(passes) if when == "writing" else int(when[-1]) - 1
    assert found.passes != passes and len(found.passes) == len(passes) - done
    assert contents(out) == contents(whole)
    assert not (tmp_path / ".out.unfinished").exists() and not (tmp_path / "out/.work").exists()


def test_what_was_computed_of_other_files_is_thrown_away(table, folder, tmp_path):
    out = tmp_path / "out"

    def tell(stage, done, total):
        if stage.startswith("pass 5"):
            raise Stop

    with pytest.raises(Stop):
        mithridate.clean(folder, target="y", out=out, tell=tell, defense="antidote")
    pq.write_table(table.slice(0, 500), folder / "year=2024" / "part-001.parquet")
    found = mithridate.clean(folder, target="y", out=out, defense="antidote")
    assert len(found.passes) == len(mithridate.clean(folder, target="y", defense="antidote").passes)
    assert len(found.mask) == 3000


def test_a_journal_keeps_every_digit(tmp_path):
    path, rng = tmp_path / "state.json", np.random.default_rng(0)
    result = (rng.normal(size=3), np.float64(0.1), {"a": 1, "b": None}, 2**70, float("inf"))
    Journal(path, "k").step("one", lambda: result)
    back = Journal(path, "k").step("one", lambda: pytest.fail("computed again"))
    np.testing.assert_array_equal(back[0], result[0])
    assert back[1:] == result[1:]
    assert Journal(path, "other").resumed == 0
    path.write_text(json.dumps({"key": "k"})[:5])
    assert Journal(path, "k").resumed == 0


KILLED = """
import sys, time
import mithridate
def tell(stage, done, total):
    print(stage, flush=True)
    time.sleep(0.02)
mithridate.clean(sys.argv[1], target="y", out=sys.argv[2], tell=tell, defense="antidote")
"""


def test_killed_at_random_moments_it_ends_the_same(folder, tmp_path):
    whole, out = tmp_path / "whole", tmp_path / "out"
    mithridate.clean(folder, target="y", out=whole, defense="antidote")
    rng = np.random.default_rng(int(time.time()))
    for _ in range(2):
        command = [sys.executable, "-c", KILLED, str(folder), str(out)]
        run = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert run.stdout is not None
        run.stdout.readline()
        time.sleep(rng.uniform(0, 0.6))
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
        run.stdout.close()
        if out.exists():
            break
    else:
        mithridate.clean(folder, target="y", out=out, defense="antidote")
    assert contents(out) == contents(whole)
    assert {p.name for p in tmp_path.iterdir()} == {"table", "whole", "out"}


def test_the_command_takes_a_folder(folder, tmp_path):
    asked = ("--target", "y", "--defense", "antidote", "-o", tmp_path / "out")
    code, said, _ = call("clean", folder, *asked, "--verbose")
    assert code == 0
    assert said.startswith("Left out as ")
    assert "\nFound: Antidote rejected " in said
    assert "rows/s" in said
    assert (tmp_path / "out" / "quarantine").is_dir()
    code, _, err = call("clean", folder, *asked)
    assert code == 1 and "is there already" in err


def test_a_file_larger_than_the_budget_is_streamed(table, tmp_path, monkeypatch):
    path, out = tmp_path / "table.parquet", tmp_path / "out"
    pq.write_table(table, path)
    for module in (clean, door):
        monkeypatch.setattr(module, "LEAST_MEMORY", 0)
    asked = ("clean", path, "--target", "y", "--defense", "antidote", "-o")
    code, _, err = call(*asked, out, "--memory", "100KB")
    assert code == 0, err
    kept = pq.read_table(out / "table.parquet")
    assert len(kept) == mithridate.clean(path, target="y", defense="antidote").mask.sum()
    code, _, _ = call(*asked, tmp_path / "o.parquet")
    assert code == 0
    assert len(pq.read_table(tmp_path / "o.parquet")) == len(kept)


def test_a_table_in_passes_is_only_checked(table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pq.write_table(table, tmp_path / "a.parquet")
    pq.write_table(table, tmp_path / "b.parquet")
    before = contents(tmp_path)
    asked = ("--target", "y", "--defense", "bayesclean", "--check")
    code, said, err = call("clean", "a.parquet", "b.parquet", *asked)
    assert code == 0, err
    assert "by file: 'a.parquet'" in said and "Kept rows" not in said
    assert contents(tmp_path) == before


CASES = {
    "no folder": (["nowhere/", "--target", "y"], "'nowhere/'"),
    "no target": (["table"], "No target"),
    "wrong target": (["table", "--target", "z"], "no column 'z'"),
    "text target": (["table", "--target", "town"], "text such as"),
    "dates as target": (["table", "--target", "seen"], "dates or times"),
    "memory": (["table", "--target", "y", "--dask", "tcp://127.0.0.1:1", "--memory", "x"], "2GB"),
    "little memory": (["table", "--target", "y", "--memory", "1MB"], "too little"),
    "no cluster": (["table", "--target", "y", "--dask", "tcp://127.0.0.1:1"], "No Dask scheduler"),
    "groups": (["table", "--target", "y", "--groups", "twn"], "is 'town'"),
    "check": (["table", "--target", "y", "--check", "--report"], "--check writes nothing"),
    "inside": (["table", "--target", "y", "-o", "table/out"], "inside the table"),
    "empty": (["bare", "--target", "y"], "no Parquet or CSV"),
    "defense": (["table", "--target", "y", "--defense", "ransac"], "bayesclean"),
    "kinds": (["both", "--target", "y"], "both CSV and Parquet"),
    "all bad": (["bad", "--target", "y", "--skip-bad-files"], "'a.parquet'"),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_gets_one_sentence(name, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_cluster, "PATIENCE", 1)
    for other in ("bare", "both", "bad"):
        (tmp_path / other).mkdir()
    (tmp_path / "both" / "a.csv").write_text("a,b\n1,2\n")
    (tmp_path / "bad" / "a.parquet").write_text("PAR1")
    pq.write_table(pa.table({"y": [1.0]}), tmp_path / "both" / "b.parquet")
    before = contents(tmp_path)
    args, word = CASES[name]
    code, out, err = call("clean", *args)
    assert code == 1
    assert out == ""
    assert word in err.strip().splitlines()[-1]
    assert "Traceback" not in err and "foresee" not in err
    assert contents(tmp_path) == before


def test_a_filesystem_that_fsspec_knows(table, tmp_path):
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    for i in range(2):
        with memory.open(f"/big/part-{i}.parquet", "wb") as file:
            pq.write_table(table.slice(1500 * i, 1500), file)
    try:
        found = mithridate.clean(
            "memory://big", target="y", out=tmp_path / "out", defense="antidote"
        )
    finally:
        memory.rm("/big", recursive=True)
    np.testing.assert_array_equal(
        found.mask, mithridate.clean(table, target="y", defense="antidote").mask
    )
    assert (tmp_path / "out" / "part-1.parquet").exists()


@pytest.mark.parametrize(
    "scheme, word", [("https", "pip install aiohttp"), ("abfs", "install that")]
)
def test_an_address_whose_library_is_missing_names_it(scheme, word, monkeypatch):
    fsspec = pytest.importorskip("fsspec")

    def refuse(path):
        raise ImportError("needs something else")

    monkeypatch.setattr(fsspec.core, "url_to_fs", refuse)
    with pytest.raises(InputError, match=rf"\(needs something else\); {word}\."):
        mithridate.clean(f"{scheme}://example.org/homes.parquet", target="y")
