"""Times of the day and durations become hours, where all cells are of one form."""

import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import mithridate
from mithridate.auditing import poison
from mithridate.data import load
from mithridate.tables.times import times_in

N = 60
CLOCKS = [f"{6 + i % 15:02d}:{i * 7 % 60:02d}" for i in range(N)]


def written(path, cells, seed=0):
    rng = np.random.default_rng(seed)
    rows = [f"{cell};{rng.normal():.3f};{rng.normal():.3f}" for cell in cells]
    path.write_text("when;x;y\n" + "\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize(
    ("cells", "hours"),
    [
        (["1:30:00", "0:00:36.5"], [1.5, 36.5 / 3600]),
        (["PT1H30M", "P1DT36S"], [1.5, 24.01]),
        (["2h 15m", "90 min", "1 day, 3 hours"], [2.25, 1.5, 27]),
        (["14h30", "9h05"], [14.5, 9 + 5 / 60]),
        (["12:10 am", "1:30 PM"], [1 / 6, 13.5]),
        (["14:45 Uhr", "8:15 Uhr"], [14.75, 8.25]),
        (["1 days 02:30:00", "-1 day, 23:00:00"], [26.5, -1]),
        (["-0:30:00", "0:15:00"], [-0.5, 0.25]),
        (["12:45", "9:15"], [12.75, 9.25]),
    ],
)
def test_times_of_one_form_are_hours(cells, hours):
    assert times_in(cells).hours == pytest.approx(hours)


@pytest.mark.parametrize(
    "cells", [["90 min", "20 min"], ["12 kg"], ["5 m", "3 m"], ["1:3", "2:1"], ["12:75"], ["25 pm"]]
)
def test_what_is_no_time_is_none(cells):
    assert times_in(cells) is None


def test_order_and_ratios_do_not_depend_on_what_an_unclear_form_means(tmp_path):
    made = load(written(tmp_path / "t.csv", CLOCKS), "y")
    hours = np.array([int(c[:2]) + int(c[3:]) / 60 for c in CLOCKS])
    np.testing.assert_allclose(made.X[:, 0], hours)
    assert any("1:30 as 1.5: hours, or minutes where" in note for note in made.notes)
    assert made.columns.step[0] == pytest.approx(1 / 60)


def test_few_cells_that_are_no_times_are_missing_and_told(tmp_path):
    cells = ["closed", *CLOCKS[1:]]
    made = load(written(tmp_path / "t.csv", cells), "y")
    assert np.isnan(made.X[:, 0]).tolist() == [True] + [False] * (N - 1)
    assert any("no times were taken as missing: 'when' (1 cell: 'closed')" in n for n in made.notes)


def test_times_in_two_forms_are_left_out(tmp_path):
    cells = ["1:02:03", *CLOCKS[1:]]
    made = load(written(tmp_path / "t.csv", cells), "y")
    assert made.columns.column == ("x",)
    assert any(note.startswith("Left out as ") and "'when'" in note for note in made.notes)


def test_files_in_passes_have_the_same_times_as_one_in_memory(tmp_path):
    cells = ["closed", *CLOCKS[1:]]
    (tmp_path / "f").mkdir()
    whole = written(tmp_path / "t.csv", cells)
    lines = whole.read_text().splitlines()
    for i, part in enumerate((lines[1:31], lines[31:])):
        (tmp_path / "f" / f"{i}.csv").write_text("\n".join([lines[0], *part]) + "\n")
    one = mithridate.clean(whole, target="y", defense="antidote")
    many = mithridate.clean(tmp_path / "f", target="y", defense="antidote")
    np.testing.assert_array_equal(one.mask, many.mask)
    assert sorted(one.notes) == sorted(many.notes)


@pytest.mark.parametrize("library", ["pandas", "pyarrow"])
def test_types_of_times_are_hours(library):
    minutes = np.arange(N) * 7 % 50
    columns = {
        "took": [datetime.timedelta(minutes=int(m)) for m in minutes],
        "start": [datetime.time(int(m) % 24, int(m)) for m in minutes],
        "y": np.random.default_rng(1).normal(size=N),
    }
    frame = pd.DataFrame(columns) if library == "pandas" else pa.table(columns)
    made = load(frame, "y")
    np.testing.assert_allclose(made.X[:, 0], minutes / 60)
    np.testing.assert_allclose(made.X[:, 1], minutes % 24 + minutes / 60)
    again = mithridate.poison(frame, target="y", attack="random", ratio=0.1)
    taken = again.frame["took"] if library == "pandas" else again.frame["took"].to_pylist()
    assert set(taken) <= set(columns["took"])


def test_the_risk_told_is_that_of_the_rows_that_are_written(tmp_path, monkeypatch):
    path = written(tmp_path / "t.csv", CLOCKS)
    usual = mithridate.poison(path, target="y", attack="random", ratio=0.2)
    assert set(usual.frame["when"].to_pylist()) <= set(CLOCKS)

    def not_moved(rows, encoded, origin, kept):
        return np.column_stack([encoded.X, encoded.y])[origin]

    monkeypatch.setattr(poison, "rounded", not_moved)
    still = mithridate.poison(path, target="y", attack="random", ratio=0.2)
    assert 0.3 < still.risk < 2 < usual.risk
