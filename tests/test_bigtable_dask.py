"""On a Dask cluster a table is cut as on one machine, and a small one is not sent there."""

import numpy as np
import pytest

import mithridate
from mithridate.errors import InputError
from mithridate.passes import engine, memory

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
