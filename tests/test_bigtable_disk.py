"""Disks that are full, folders that another run has, and what a person sees of a result."""

import errno
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest

import mithridate
from mithridate.cleaning import door
from mithridate.defenses import Trim
from mithridate.errors import InputError
from mithridate.passes import sample
from mithridate.tables import digest

from .test_audit import call
from .test_bigtable import cut, long_table
from .test_bigtable_files import contents


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "table").mkdir()
    return cut(long_table(3000), tmp_path / "table", [600, 1700], group=500)


@pytest.fixture
def texts(tmp_path):
    """The same as CSV, with a column of dates."""
    root, table = tmp_path / "texts", long_table(36_000)
    root.mkdir()
    seen = np.datetime64("2016-01-01T00:00:00") + np.arange(36_000)
    table = table.append_column("seen", pa.array(np.datetime_as_string(seen).tolist()))
    for i in range(3):
        arrow_csv.write_csv(table.slice(12_000 * i, 12_000), root / f"part-{i}.csv")
    return root


@pytest.fixture
def small_disk(monkeypatch):
    """A disk on which so many row groups have room; None: all."""
    left, write = [None], pq.ParquetWriter.write_table

    def limited(self, *given, **how):
        if left[0] is not None:
            left[0] -= 1
            if left[0] < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, *given, **how)

    monkeypatch.setattr(pq.ParquetWriter, "write_table", limited)
    return left


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("groups", [1, 4])
def test_where_a_disk_is_full_nothing_is_lost(groups, skip, folder, tmp_path, small_disk):
    whole, out = tmp_path / "whole", tmp_path / "out"
    mithridate.clean(folder, target="y", out=whole, defense="antidote")
    small_disk[0] = groups
    with pytest.raises(InputError, match=r"disk is full.*\.out\.unfinished.*goes on"):
        mithridate.clean(folder, target="y", out=out, skip_bad_files=skip, defense="antidote")
    assert not out.exists()
    small_disk[0] = None
    found = mithridate.clean(folder, target="y", out=out, skip_bad_files=skip, defense="antidote")
    assert not found.passes and not found.skipped
    assert contents(out) == contents(whole)


def test_a_full_disk_makes_no_csv_file_bad(texts, tmp_path, small_disk):
    want = mithridate.clean(texts, target="y", defense="antidote")
    small_disk[0] = 2
    with pytest.raises(InputError, match="TMPDIR"):
        mithridate.clean(texts, target="y", skip_bad_files=True, defense="antidote")
    small_disk[0] = 1
    with pytest.raises(InputError, match="disk is full"):
        mithridate.clean(
            texts, target="y", out=tmp_path / "out", skip_bad_files=True, defense="antidote"
        )
    small_disk[0] = None
    found = mithridate.clean(
        texts, target="y", out=tmp_path / "out", skip_bad_files=True, defense="antidote"
    )
    assert not found.skipped
    np.testing.assert_array_equal(found.mask, want.mask)


def test_no_room_for_temporary_files(folder, monkeypatch):
    def full(*given):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sample, "write", full)
    with pytest.raises(InputError, match=r"no room for temporary files.*TMPDIR"):
        mithridate.clean(folder, target="y", defense="antidote")


OTHER_RUN = """
import sys
from filelock import FileLock
lock = FileLock(sys.argv[1])
lock.acquire(timeout=0)
print("held", flush=True)
sys.stdin.read()
"""


def test_two_runs_have_no_folder_in_common(folder, tmp_path):
    work = tmp_path / ".out.unfinished" / ".work"
    work.mkdir(parents=True)
    command = [sys.executable, "-c", OTHER_RUN, str(work / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(InputError, match="Another run is at work"):
            mithridate.clean(folder, target="y", out=tmp_path / "out", defense="antidote")
        assert work.is_dir()
        other.stdin.close()
        other.wait()
    mithridate.clean(folder, target="y", out=tmp_path / "out", defense="antidote")
    assert not work.parent.exists()


def test_dates_in_text_are_left_out_however_many(texts, monkeypatch):
    want = mithridate.clean(texts, target="y", defense="antidote")
    monkeypatch.setattr(digest, "MOST_WORDS", 500)
    found = mithridate.clean(texts, target="y", defense="antidote")
    assert found.notes == want.notes
    assert any("dates" in note and "seen" in note for note in found.notes)
    np.testing.assert_array_equal(found.mask, want.mask)
    with pytest.raises(InputError, match="'seen' holds more than 500 different texts"):
        mithridate.clean(texts, target="y", categorical="seen", defense="antidote")


@pytest.mark.parametrize("odd", ["2016", "soon"])
def test_dates_and_something_else_are_too_many(odd, texts, monkeypatch):
    monkeypatch.setattr(digest, "MOST_WORDS", 500)
    path = texts / "part-2.csv"
    lines = path.read_text().splitlines()
    lines[-1] = ",".join([*lines[-1].split(",")[:-1], odd])
    path.write_text("\n".join(lines))
    with pytest.raises(InputError, match="more than 500 different texts"):
        mithridate.clean(texts, target="y", defense="antidote")


def test_what_is_shown_of_a_result_is_short(folder):
    found = mithridate.clean(folder, target="y", defense="antidote")
    assert "Found: Antidote" in repr(found) or "Nothing found" in repr(found)
    assert "bits" not in repr(found) and len(repr(found)) < 2000


def test_a_memory_that_is_too_little_is_refused(folder):
    with pytest.raises(InputError, match="memory=1000: give a whole number of bytes"):
        mithridate.clean(folder, target="y", memory=1000, defense="antidote")


def test_where_little_memory_is_free_it_is_tried_all_the_same(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(door, "free", lambda: 1 << 20)
    asked = ("--target", "y", "--defense", "antidote", "-o", tmp_path / "out")
    code, _, err = call("clean", folder, *asked)
    assert code == 0, err


def test_a_class_is_no_defense(folder):
    for table in (folder, long_table(100)):
        with pytest.raises(InputError, match=r"or a defense such as Trim\(\)"):
            mithridate.clean(table, target="y", defense=Trim)
