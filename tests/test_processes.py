"""The processes that judge cells: begun early, left out for little work, ended with the run."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mithridate.bench import processes
from mithridate.bench.processes import FEW_CELLS, begun, side_by_side

STOPPED = """
import os, time
from pathlib import Path
from mithridate.bench.processes import begun

def workers():
    found = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            told = (folder / "stat").read_text().rpartition(")")[2].split()
            named = "popen_loky" in (folder / "cmdline").read_text()
        except OSError:
            continue
        found += named and told[0] != "Z" and int(told[1]) == os.getpid()
    return found

try:
    with begun(1000) as starting:
        starting.join()
        print(workers())
        raise KeyboardInterrupt
except KeyboardInterrupt:
    pass
for _ in range(100):
    if workers() == 0:
        break
    time.sleep(0.1)
print(workers())
"""


def test_results_come_in_order_wherever_they_are_made(monkeypatch):
    calls = [(divmod, (i, 3)) for i in range(7)]
    wanted = [divmod(i, 3) for i in range(7)]
    assert list(side_by_side(calls, None)) == wanted
    monkeypatch.setattr(processes, "PATIENCE", -1.0)
    assert list(side_by_side(calls, None)) == wanted
    thread = threading.Thread(target=int)
    thread.start()
    assert list(side_by_side(calls, thread)) == wanted


def test_little_work_starts_no_process(monkeypatch):
    monkeypatch.setattr(processes.joblib, "effective_n_jobs", lambda _: 2)
    monkeypatch.setattr(processes, "_start", pytest.fail)
    with begun(FEW_CELLS) as starting:
        assert starting is None


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")
def test_processes_end_with_a_run_that_is_stopped():
    done = subprocess.run(
        [sys.executable, "-c", STOPPED], env={**os.environ, "LOKY_MAX_CPU_COUNT": "2"},
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert done.stdout.split() == ["2", "0"]
