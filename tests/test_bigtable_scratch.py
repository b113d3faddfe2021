"""The numbers of a table in a file: what it has room for is decoded once, and no bit changes."""

import errno
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mithridate
from mithridate.errors import InputError
from mithridate.passes import scratch
from mithridate.passes.memory import BLOCK
from mithridate.tables import encoder
from mithridate.tables.folder import find_files, surveyed

from .test_bigtable import DEFENSES, cut, long_table

ROWS = 70_000  # five blocks, the last one short
WIDTH = 5


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "table").mkdir()
    return cut(long_table(ROWS), tmp_path / "table", [1, 30_000], group=9000)


@pytest.fixture
def encoded(monkeypatch):
    """How many rows each block had that was encoded, in the order in which this was done."""
    seen, encode = [], encoder.Encoder.__call__

    def told(self, table, *given, **how):
        seen.append(table.num_rows)
        return encode(self, table, *given, **how)

    monkeypatch.setattr(encoder.Encoder, "__call__", told)
    return seen


def room_for(blocks, monkeypatch):
    spare = blocks * 8 * WIDTH * BLOCK * scratch.SHARE
    monkeypatch.setattr(scratch, "free", lambda: spare)


@pytest.mark.parametrize("how", DEFENSES)
@pytest.mark.parametrize("blocks", [1, 3, 5])
def test_what_there_is_room_for_is_decoded_once(blocks, how, folder, encoded, monkeypatch):
    room_for(0, monkeypatch)
    want = mithridate.clean(folder, target="y", **DEFENSES[how])
    often = sum(encoded)
    encoded.clear()
    room_for(blocks, monkeypatch)
    got = mithridate.clean(folder, target="y", **DEFENSES[how])
    np.testing.assert_array_equal(got.mask, want.mask)
    assert got.defense.threshold_ == want.defense.threshold_
    assert got.summary == want.summary
    assert [what for what, _ in got.passes] == [what for what, _ in want.passes]
    # Columns and medians are passes over the files, and the sample is encoded apart.
    times = len(want.passes) - 2
    kept, sample = min(blocks * BLOCK, ROWS), often - times * ROWS
    assert sample in (0, 65_536)
    assert sum(encoded) == ROWS + (times - 1) * (ROWS - kept) + sample


@pytest.mark.parametrize("broken", ["full", "short", "no preadv", "no name"])
def test_a_disk_that_takes_no_more_costs_time_alone(broken, folder, encoded, monkeypatch):
    room_for(0, monkeypatch)
    want = mithridate.clean(folder, target="y", defense="bayesclean")
    often = sum(encoded)
    encoded.clear()
    room_for(5, monkeypatch)
    written, write = [], os.pwrite

    def full(file, data, at):
        written.append(at)
        if len(written) != 3:
            return write(file, data, at)
        if broken == "full":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, memoryview(data)[:-1], at)

    def refused(**how):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "pwrite", full)
    if broken == "no preadv":
        monkeypatch.delattr(os, "preadv")
    if broken == "no name":
        monkeypatch.setattr(scratch.tempfile, "TemporaryFile", refused)
    got = mithridate.clean(folder, target="y", defense="bayesclean")
    np.testing.assert_array_equal(got.mask, want.mask)
    # A block cut short is written whole in the pass after.
    assert sum(encoded) == (often if broken != "short" else often - 3 * ROWS)
    assert len(written) == {"full": 3, "short": 10}.get(broken, 0)


def test_nobody_sees_the_file(folder, tmp_path):
    seen = set()

    def tell(stage, done, total):
        seen.update(path.stem for path in (tmp_path / ".out.unfinished/.work").glob("*"))

    mithridate.clean(folder, target="y", out=tmp_path / "out", tell=tell, defense="antidote")
    assert seen == {"state", "sample-0", "mask-0", "lock"}
    assert {path.name for path in tmp_path.iterdir()} == {"table", "out"}


def test_a_file_that_vanishes_when_it_is_not_read_any_more_is_missed(folder):
    def tell(stage, done, total):
        if stage.startswith("pass 6"):
            (folder / "part-001.parquet").unlink(missing_ok=True)

    with pytest.raises(InputError, match=r"part-001.parquet' vanished"):
        mithridate.clean(folder, target="y", tell=tell, defense="antidote")


def test_a_file_cut_short_is_told(folder, tmp_path):
    here, _ = surveyed(*find_files(str(folder)), False)
    with scratch.Scratch(here, 2, tmp_path) as stored:
        Z = np.ones((2, BLOCK))
        stored.write(0, Z)
        read = np.empty_like(Z)
        stored.read(0, read)
        np.testing.assert_array_equal(read, Z)
        os.ftruncate(stored._file, 100)
        with pytest.raises(InputError, match="cut short"):
            stored.read(0, read)


def test_a_part_of_a_file_has_its_rows_in_the_order_of_the_file(tmp_path):
    rows = pa.table({"x": np.arange(140.0), "y": np.arange(140.0)})
    pq.write_table(rows, tmp_path / "twenty.parquet", row_group_size=7)
    here, _ = surveyed(*find_files(str(tmp_path)), False)
    for start, stop in [(0, 140), (42, 140), (45, 139), (50, 64), (110, 140), (139, 140)]:
        batches = here.batches(here.files[0], ["y"], start, stop)
        read = np.concatenate([batch["y"].to_numpy() for batch in batches])
        np.testing.assert_array_equal(read, np.arange(start, stop))
