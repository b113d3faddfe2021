"""A study is computed in parts: stopped, killed, spread or merged, it ends in one table."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from mithridate import _cluster, schema
from mithridate.bench.harness import bench
from mithridate.bench.study import Study
from mithridate.defenses import Trim
from mithridate.errors import InputError

# All with one thread, as the tests are: with more, the last digits of a sum may differ.
SPEC = """
title = "tiny"
seeds = 3
ratios = [0.1, 0.3]
data = [{ source = "diabetes", rows = 80 }]
attacks = ["flip", "random"]
defenses = ["trim", "bayesclean"]
"""
PARTS = 9  # (unpoisoned, flip, random) x seeds
KILLS = (3,)  # parts that are there when the run is killed, a moment later


def figures(folder):
    """The table of a folder without what two runs may differ in."""
    return schema.gather(folder).drop_columns(list(schema.TIMES))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    ran = bench(Study.parse(SPEC), folder, jobs=1)
    assert (ran.parts, ran.computed, ran.failed) == (PARTS, PARTS, 0)
    return folder


def test_the_table_holds_every_cell_once(undisturbed):
    rows, keys = figures(undisturbed).to_pylist(), schema.keys()
    # none, oracle and two defenses; 3 unpoisoned, 2 attacks x 2 ratios x 3 seeds
    assert len(rows) == 4 * (3 + 12)
    assert len({tuple(row[key] for key in keys) for row in rows}) == len(rows)
    assert {row["status"] for row in rows} == {"ok"}
    assert {row["part"] for row in rows} == {p.stem for p in (undisturbed / "parts").iterdir()}


def test_resuming_adds_nothing(undisturbed, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(undisturbed, folder)
    before = {p.name: p.stat().st_mtime_ns for p in (folder / "parts").iterdir()}
    assert bench(Study.parse(SPEC), folder, jobs=1).computed == 0
    assert {p.name: p.stat().st_mtime_ns for p in (folder / "parts").iterdir()} == before


def test_a_damaged_part_is_computed_again(undisturbed, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(undisturbed, folder)
    parts = sorted((folder / "parts").iterdir())
    parts[0].write_bytes(parts[0].read_bytes()[:100])
    parts[1].unlink()
    assert bench(Study.parse(SPEC), folder, jobs=1).computed == 2
    assert figures(folder).equals(figures(undisturbed))


def test_killed_at_random_moments_it_ends_in_the_same_table(undisturbed, tmp_path):
    (tmp_path / "spec.toml").write_text(SPEC)
    command = [sys.executable, "-c", "from mithridate.cli import main; main()"]
    command += ["bench", "spec.toml", "-o", "results", "--jobs", "2", "-q"]
    moments = random.Random(7)
    for there in KILLS:
        process = subprocess.Popen(command, cwd=tmp_path, start_new_session=True)
        until = time.monotonic() + 120
        while len([*tmp_path.glob("results/parts/*.parquet")]) < there:
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 0.3))
        os.killpg(process.pid, signal.SIGKILL)  # its workers too
        process.wait()
    left = bench(Study.parse(SPEC), tmp_path / "results", jobs=1).computed
    assert 0 < left <= PARTS - KILLS[-1]
    assert figures(tmp_path / "results").equals(figures(undisturbed))


def test_two_folders_merge_by_copying_their_parts(undisturbed, tmp_path):
    halves = [
        SPEC.replace("seeds = 3", "seeds = 2"),
        SPEC.replace("seeds = 3", "seed = 2\nseeds = 1"),
    ]
    for name, text in zip(("one", "two"), halves, strict=True):
        bench(Study.parse(text), tmp_path / name, jobs=1)
    shutil.copytree(tmp_path / "two" / "parts", tmp_path / "one" / "parts", dirs_exist_ok=True)
    assert figures(tmp_path / "one").equals(figures(undisturbed))


def test_dask_gives_the_same_table(undisturbed, tmp_path):
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    here = distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None)
    with here:
        ran = bench(Study.parse(SPEC), tmp_path, dask=here.scheduler_address)
    assert ran.computed == PARTS
    assert figures(tmp_path).equals(figures(undisturbed))


def test_two_processes_give_the_same_table(undisturbed, tmp_path):
    assert bench(Study.parse(SPEC), tmp_path, jobs=2).computed == PARTS
    assert figures(tmp_path).equals(figures(undisturbed))


class Broken(Trim):
    """A defense that fails on poisoned rows alone."""

    def _find_inliers(self, X, y, sample_weight):
        if self.contamination > 0:
            raise RuntimeError("no\nidea")
        return super()._find_inliers(X, y, sample_weight)


def test_a_failed_cell_is_a_row_and_the_run_goes_on(tmp_path):
    text = SPEC.replace('"trim"', f'"{__name__}:Broken"').replace("seeds = 3", "seeds = 1")
    ran = bench(Study.parse(text), tmp_path, jobs=1)
    failed = [r for r in ran.table.to_pylist() if r["status"] == "failed"]
    assert {r["message"] for r in failed} == {"RuntimeError: no idea"}
    assert len(failed) == 4
    assert (ran.computed, ran.failed) == (3, 2)
    assert {r["gain"] for r in failed} == {None}


def test_an_attack_that_fails_is_rows_too(tmp_path):
    text = SPEC.replace("seeds = 3", "seeds = 1").replace("0.1, 0.3", "0.001, 0.3")
    ran = bench(Study.parse(text), tmp_path, jobs=1)
    assert (ran.parts, ran.failed) == (3, 2)
    failed = [r for r in ran.table.to_pylist() if r["status"] == "failed"]
    assert sorted((r["attack"], r["ratio"]) for r in failed) == [
        ("flip", 0.001), ("flip", 0.3), ("random", 0.001), ("random", 0.3)
    ]  # fmt: skip
    assert "less than one row" in failed[0]["message"]


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ('"trim"', '"trimm"', "Did you mean 'trim'"),
        ('"trim"', '{ use = "trim", c2 = 1 }', "no option 'c2'"),
        ('"flip"', '"flop"', "Did you mean 'flip'"),
        ('"flip"', '{ use = "flip", nonsense = 1 }', "no option 'nonsense'"),
        ('"flip"', '{ use = "ascent", against = "trimm" }', "Did you mean 'trim'"),
        ('"flip"', '{ use = "ascent", risk = "rezidual" }', "Did you mean 'residual'"),
    ],
)
def test_a_wrong_name_stops_before_any_work(tmp_path, old, new, wanted):
    with pytest.raises(InputError, match=wanted):
        bench(Study.parse(SPEC.replace(old, new)), tmp_path / "results", jobs=1)
    assert not (tmp_path / "results").exists()


def test_a_table_that_cannot_be_had_stops_before_any_work(tmp_path):
    with pytest.raises(InputError):
        bench(Study.parse('data = ["absent.csv"]'), tmp_path / "results", jobs=1)
    assert not (tmp_path / "results").exists()


def test_a_cluster_that_does_not_answer(tmp_path, monkeypatch):
    pytest.importorskip("distributed", reason="Dask is not installed")
    monkeypatch.setattr(_cluster, "PATIENCE", 1)
    with pytest.raises(InputError, match="No Dask scheduler answers"):
        bench(Study.parse(SPEC), tmp_path, dask="tcp://127.0.0.1:9")


def test_a_cluster_without_workers(tmp_path):
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    options = {"n_workers": 0, "processes": False, "dashboard_address": None}
    with distributed.LocalCluster(**options) as here:
        wanted = f"cluster at '{here.scheduler_address}' has no workers"
        with pytest.raises(InputError, match=wanted):
            bench(Study.parse(SPEC), tmp_path, dask=here.scheduler_address)


def test_a_folder_without_results(tmp_path):
    with pytest.raises(InputError, match="holds no results"):
        schema.gather(tmp_path)
