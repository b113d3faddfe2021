"""The processes that judge cells: begun early, left out for little work, ended with the run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mithridate.bench import processes
from mithridate.bench.processes import FEW_CELLS, Beside, beside, side_by_side

STOPPED = """
import os, time
from pathlib import Path
from mithridate.bench.processes import beside

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
    with beside([(divmod, (7, 2))], 1000) as meanwhile:
        assert meanwhile.made() == [(3, 1)]
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
    assert list(side_by_side(calls, started=False)) == wanted
    monkeypatch.setattr(processes, "PATIENCE", -1.0)
    assert list(side_by_side(calls, started=False)) == wanted
    assert list(side_by_side(calls, started=True)) == wanted


def test_little_work_starts_no_process(monkeypatch):
    monkeypatch.setattr(processes.joblib, "effective_n_jobs", lambda _: 2)
    monkeypatch.setattr(processes.joblib, "Parallel", pytest.fail)
    with beside([(divmod, (7, 2))], FEW_CELLS) as meanwhile:
        assert not meanwhile.started and meanwhile.made() == [(3, 1)]


def test_an_error_in_a_call_made_meanwhile_is_that_error():
    for started in (False, True):
        meanwhile = Beside([(divmod, (7, 2)), (divmod, (7, 0))], started)
        with pytest.raises(ZeroDivisionError):
            meanwhile.made()


def test_calls_are_made_here_where_no_process_can_be_had(monkeypatch):
    monkeypatch.setitem(processes.HOW, "n_jobs", "many")
    assert Beside([(divmod, (7, 2))], started=True).made() == [(3, 1)]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")
def test_processes_end_with_a_run_that_is_stopped():
    done = subprocess.run(
        [sys.executable, "-c", STOPPED], env={**os.environ, "LOKY_MAX_CPU_COUNT": "2"},
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert done.stdout.split() == ["2", "0"]
