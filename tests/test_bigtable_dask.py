"""On a Dask cluster a table is cut as on one machine, and a small one is not sent there."""

from pathlib import Path

import numpy as np
import pytest

import mithridate
from mithridate.errors import InputError
from mithridate.passes import engine, memory
from mithridate.passes import workers as of_workers
from mithridate.passes.workers import WorkerScratch
from mithridate.tables.source import Source

from .test_audit import call
from .test_bigtable import DEFENSES, cut, long_table, short_spans  # noqa: F401
from .test_bigtable_files import broken, contents, folder, table  # noqa: F401

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def client():
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": False}
    with distributed.Client(**options, dashboard_address=None) as client:
        yield client


@pytest.mark.parametrize("how", DEFENSES)
def test_a_cluster_keeps_the_same_rows(how, client, short_spans, tmp_path):  # noqa: F811
    cut(long_table(90_000), tmp_path, [1, 777, 20_000, 40_001], group=7000)
    want = mithridate.clean(tmp_path, target="y", **DEFENSES[how])
    got = mithridate.clean(tmp_path, target="y", client=client, **DEFENSES[how])
    np.testing.assert_array_equal(got.mask, want.mask)
    assert not got.mask.all()


def kept_by(client):
    """Files that workers keep."""
    folders = client.run(lambda dask_worker: dask_worker.local_directory).values()
    return [file for place in folders for file in Path(place).glob("mithridate-*")]


def decoded(client, path, monkeypatch):
    """How many spans of a table with three were decoded, and blocks read that were kept."""
    spans, blocks = [], []
    decode, read = Source.blocks, WorkerScratch.read
    monkeypatch.setattr(Source, "blocks", lambda *g: spans.append(g[2]) or decode(*g))
    monkeypatch.setattr(WorkerScratch, "read", lambda *g: blocks.append(g[1]) or read(*g))
    want = mithridate.clean(path, target="y", defense="bayesclean")
    spans.clear()
    got = mithridate.clean(path, target="y", client=client, defense="bayesclean")
    np.testing.assert_array_equal(got.mask, want.mask)
    passes = len(got.passes)
    monkeypatch.undo()
    return len(spans), len(blocks), passes


def test_workers_decode_a_table_once_for_all_passes_over_its_numbers(
    client,
    short_spans,  # noqa: F811
    tmp_path,
    monkeypatch,
):
    cut(long_table(90_000), tmp_path, [1, 777, 20_000, 40_001], group=7000)
    spans, blocks, passes = decoded(client, tmp_path, monkeypatch)
    # Three spans in three passes: over the columns, for their medians, and the first one over their
    # numbers. Then the six blocks of 16,384 rows are read in each of the others.
    assert spans == 3 * 3 and passes > 4
    assert blocks == 6 * (passes - 3)
    assert not kept_by(client)


def test_workers_without_room_decode_in_every_pass(
    client,
    short_spans,  # noqa: F811
    tmp_path,
    monkeypatch,
):
    cut(long_table(90_000), tmp_path, [20_000], group=7000)
    monkeypatch.setattr(of_workers, "free", lambda: 10**6)
    spans, blocks, passes = decoded(client, tmp_path, monkeypatch)
    assert spans == 3 * passes and blocks == 0


def test_a_cluster_writes_the_same_files(client, short_spans, tmp_path):  # noqa: F811
    root = tmp_path / "table"
    root.mkdir()
    cut(long_table(40_000), root, [10_000, 20_003], group=5000)
    mithridate.clean(root, target="y", out=tmp_path / "here", defense="antidote")
    mithridate.clean(root, target="y", out=tmp_path / "there", client=client, defense="antidote")
    here, there = contents(tmp_path / "here"), contents(tmp_path / "there")
    assert len(here) == 6
    assert here == there


def test_a_bad_file_is_named_from_a_worker(client, folder, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(engine, "SPAN", 500)
    broken(folder, "pages")
    with pytest.raises(InputError, match=r"year=2024/part-000.parquet' .*damaged"):
        mithridate.clean(
            folder, target="y", out=tmp_path / "out", client=client, defense="antidote"
        )
    assert {p.name for p in tmp_path.iterdir()} == {"table"}


def test_a_small_table_stays_here(client, tmp_path, monkeypatch):
    cut(long_table(500), tmp_path, [100])
    monkeypatch.setattr(client, "submit", lambda *_, **__: pytest.fail("sent to the cluster"))
    mithridate.clean(tmp_path, target="y", client=client, defense="antidote")


def test_the_command_takes_an_address(folder, tmp_path):  # noqa: F811
    options = {"n_workers": 1, "threads_per_worker": 1, "processes": True}
    with distributed.LocalCluster(**options, dashboard_address=None) as cluster:
        given = ["--dask", cluster.scheduler_address, "-o", tmp_path / "out"]
        given += ["--defense", "antidote"]
        code, said, err = call("clean", folder, "--target", "y", *given)
    assert code == 0, err
    assert any(line.startswith("Found: ") for line in said.splitlines())


@pytest.mark.slow
def test_two_workers_and_one_keep_the_same_rows_of_a_long_table(tmp_path):
    """Of more rows than one worker reads, with nothing made smaller for the test."""
    root = tmp_path / "table"
    root.mkdir()
    cut(long_table(memory.SPAN + 100_000), root, [1_000_000, 2_000_003], group=1 << 17)
    want, masks = mithridate.clean(root, target="y", defense="antidote").mask, []
    for workers in (1, 2):
        options = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None}
        with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
            submit, sent = client.submit, []
            client.submit = lambda *given, to=submit, sent=sent, **how: (
                sent.append(1) or to(*given, **how)
            )
            masks.append(mithridate.clean(root, target="y", client=client, defense="antidote").mask)
            assert len(sent) >= 2 * 6
    for mask in masks:
        np.testing.assert_array_equal(mask, want)
    assert not want.all()
