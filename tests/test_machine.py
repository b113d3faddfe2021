"""What the machine has to spare, and what a container leaves of it."""

import os
from pathlib import Path

import pytest

from mithridate import _machine

GIB = 1 << 30


def limited(folder, most, used=3 * GIB, cached=GIB):
    (folder / "memory.max").write_text(f"{most}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\ninactive_file {cached}\nactive_file 7\n")


def test_there_is_memory_and_a_processor():
    assert _machine.cores() >= 1
    assert _machine.free() > 1 << 20


@pytest.mark.parametrize(("most", "left"), [(4 * GIB, 2 * GIB), (GIB, 0), ("max", None)])
def test_a_container_leaves_what_its_limit_says(most, left, tmp_path, monkeypatch):
    monkeypatch.setattr(_machine, "GROUP", tmp_path)
    unlimited = _machine.free()
    limited(tmp_path, most)
    found = _machine.free()
    assert found == left if left is not None else found == pytest.approx(unlimited, rel=0.5)


def test_a_system_that_says_nothing(monkeypatch):
    def absent(path, *given, **how):
        raise OSError

    monkeypatch.setattr(Path, "read_text", absent)
    assert _machine.free() == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    monkeypatch.delattr(os, "sysconf")
    assert _machine.free() == _machine.UNKNOWN
