"""What long work shows on standard error while it goes on."""

import time

import pytest

import mithridate
from mithridate import _progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is set."""
    now = [100.0]
    monkeypatch.setattr(_progress.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(_progress, "AFTER", 0.05)


def test_a_log_has_the_speed_and_the_time_left_of_the_running_stage(clock, capsys):
    with mithridate.progress() as tell:
        tell("pass 1: columns", 0, 4_000_000)
        clock[0] += 40
        tell("pass 1: columns", 1_000_000, 4_000_000)
        tell("pass 2: moments", 0, 4_000_000)
        clock[0] += 40
        tell("pass 2: moments", 400_000, 4_000_000)
        clock[0] += 40
        tell("pass 2: moments", 3_000_000, 4_000_000)
    assert capsys.readouterr().err.splitlines() == [
        "pass 1: columns",
        "pass 1: columns: 1,000,000 of 4,000,000, 25,000/s, about 2 min left",
        "pass 2: moments",
        "pass 2: moments: 400,000 of 4,000,000, 10,000/s, about 6 min left",
        "pass 2: moments: 3,000,000 of 4,000,000, 37,500/s, less than a minute left",
    ]


def test_a_log_has_no_line_for_each_of_hundreds_of_passes(clock, capsys):
    with mithridate.progress() as tell:
        for k in range(300):
            tell(f"pass {k}: moments", 0, 100)
            clock[0] += 1
        tell("writing", 0, 100)
    lines = capsys.readouterr().err.splitlines()
    # The first 20, ten of the 280 seconds that follow, and the stage of a new kind.
    assert len(lines) == 20 + 9 + 1
    assert lines[-1] == "writing"


def test_work_that_is_soon_done_shows_no_bar(terminal, capsys):
    with mithridate.progress() as tell:
        tell("reading the table", 0, 0)
    time.sleep(0.1)
    assert capsys.readouterr().err == ""


def test_longer_work_shows_a_bar_for_each_stage(terminal, capsys):
    with mithridate.progress() as tell:
        tell("reading the table", 0, 0)
        time.sleep(0.15)
        tell("pass 1: columns", 0, 40_000)
        time.sleep(0.01)
        tell("pass 1: columns", 30_000, 40_000)
    shown = capsys.readouterr().err.rsplit("reading the table", 1)[1]
    assert "100%" not in shown and "/s" in shown and "pass 1: columns" in shown


def test_bars_of_long_ago_leave_the_screen(terminal, capsys):
    with mithridate.progress() as tell:
        time.sleep(0.15)
        for k in range(30):
            tell(f"pass {k}: moments", 0, 100)
    last = capsys.readouterr().err.rsplit("pass 10: moments", 1)[1]
    assert "pass 9:" not in last and "pass 29:" in last


def test_quiet_work_shows_nothing(terminal, capsys):
    with mithridate.progress(quiet=True) as tell:
        time.sleep(0.1)
        tell("reading the table", 0, 0)
    assert capsys.readouterr().err == ""


def test_the_bars_are_gone_after_an_error(terminal, capsys):
    with pytest.raises(ZeroDivisionError), mithridate.progress() as tell:
        tell("reading the table", 0, 0)
        time.sleep(0.1)
        raise ZeroDivisionError
    capsys.readouterr()
    time.sleep(0.2)
    assert capsys.readouterr().err == ""
