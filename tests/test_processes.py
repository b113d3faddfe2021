"""The processes that judge cells: begun early, left out for little work, ended with the run."""

import os
import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace

import pytest

from mithridate.bench import processes
from mithridate.bench.processes import FEW_CELLS, Side, beside

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
    with beside(1000) as side:
        assert [*side.results(side.begin([(divmod, (7, 2))]))] == [(3, 1)]
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


CALLS = [(divmod, (i, 3)) for i in range(7)]
MADE = [divmod(i, 3) for i in range(7)]


def results(side, calls=CALLS):
    return [*side.results(side.begin(calls))]


@pytest.fixture
def one_helper(monkeypatch):
    """A machine of two processors, whatever this one has."""
    monkeypatch.setattr(processes.joblib, "effective_n_jobs", lambda _: 2)


def test_results_come_in_order_wherever_they_are_made(monkeypatch, one_helper):
    assert results(Side(started=False)) == MADE
    assert results(Side(started=True)) == MADE
    monkeypatch.setattr(processes, "PATIENCE", -1.0)
    assert results(Side(started=False)) == MADE


def test_this_process_makes_what_no_helper_has_begun():
    side = Side(started=False)
    side.team = SimpleNamespace(submit=lambda *_: Future())  # helpers that never begin
    assert results(side) == MADE


def test_little_work_starts_no_process(monkeypatch):
    monkeypatch.setattr(processes, "helpers", pytest.fail)
    with beside(FEW_CELLS) as side:
        assert results(side) == MADE


def test_an_error_in_a_call_is_that_error(one_helper):
    for started in (False, True):
        with pytest.raises(ZeroDivisionError):
            results(Side(started), [(divmod, (7, 2)), (divmod, (7, 0))])


def test_calls_are_made_here_where_no_process_can_be_had(monkeypatch, one_helper):
    def refused(**_):
        raise OSError("no semaphores")

    monkeypatch.setattr(processes, "get_reusable_executor", refused)
    side = Side(started=True)
    assert side.team is None and results(side) == MADE


def test_calls_are_made_here_where_the_helpers_have_ended(one_helper):
    side = Side(started=True)
    tasks = side.begin(CALLS)
    side.end()
    assert [*side.results(tasks)] == MADE


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")
def test_processes_end_with_a_run_that_is_stopped():
    done = subprocess.run(
        [sys.executable, "-c", STOPPED], env={**os.environ, "LOKY_MAX_CPU_COUNT": "2"},
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert done.stdout.split() == ["1", "0"]
