"""Rows that are no data or have no target are set aside: counted, told first, written with why."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mithridate
from mithridate.data import load, open

N = 60
BAD = [20, 41]


def lines(seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    a = rng.normal(50, 10, N).round(1)
    y = (3 * a + rng.normal(0, 1, N)).round(1)
    y[BAD] += 500
    return [f"{p},{q}" for p, q in zip(a, y, strict=True)]


def written(tmp_path: Path, rows: list[str]) -> Path:
    path = tmp_path / "t.csv"
    path.write_text("a,y\n" + "\n".join(rows) + "\n")
    return path


def quarantine(tmp_path: Path) -> dict[int, dict[str, str]]:
    with (tmp_path / "o.quarantine.csv").open() as file:
        return {int(row["mithridate_row"]): row for row in csv.DictReader(file)}


@pytest.mark.parametrize(
    ("row", "cells", "why"),
    [
        ("12.5,", ["12.5", ""], "its target is missing"),
        ("12.5", ["12.5", ""], "its target is missing"),
        ("12.5,n.d.", ["12.5", "n.d."], "its target is missing"),
        (",", ["", ""], "all of its cells are empty"),
        ("1,2,3;4", ["1", "2"], "it has more cells than the header ('3;4')"),
        ("a,y", ["a", "y"], "it repeats the header"),
    ],
)
def test_a_row_that_cannot_be_used_goes_to_the_quarantine(tmp_path, row, cells, why):
    rows = lines()
    rows.insert(30, row)
    found = mithridate.clean(written(tmp_path, rows), target="y")
    found.write(tmp_path / "o.csv")
    gone = quarantine(tmp_path)
    assert set(gone) >= {21, 31, 43}
    assert [gone[31]["a"], gone[31]["y"]] == cells
    assert gone[31]["mithridate_reason"] == f"Set aside: {why}."
    assert gone[31]["mithridate_score"] == ""
    assert found.lines()[0].startswith("Set aside in ")
    assert "(row 31)" in found.lines()[0]
    assert [one.row for one in found.aside] == [31]
    assert len(found.mask) == N + 1
    assert sorted(gone) == (np.flatnonzero(~found.mask) + 1).tolist()
    assert found.quarantined["mithridate_row"].to_pylist() == sorted(gone)
    assert found.kept.num_rows + len(gone) == N + 1
    assert (tmp_path / "o.csv").read_text().splitlines()[1:] == [
        rows[i] for i in np.flatnonzero(found.mask)
    ]


def test_a_total_is_set_aside_and_hides_no_errors(tmp_path):
    plain = lines()
    table = np.array([row.split(",") for row in plain], dtype=float)
    sums = [f"{total:.1f}" for total in table.sum(axis=0)]
    found = mithridate.clean(written(tmp_path, [*plain, ",".join(sums)]), target="y")
    assert [(one.row, one.why) for one in found.aside] == [(N + 1, "it is a total")]
    frame = pd.read_csv(tmp_path / "t.csv")
    framed = mithridate.clean(frame, target="y")
    assert set(framed.quarantined.index) >= {*BAD, N}
    assert np.array_equal(framed.mask, found.mask)
    alone = mithridate.clean(frame[:-1], target="y")
    assert np.array_equal(alone.mask, framed.mask[:-1])


def test_rows_of_a_frame_without_a_target_are_set_aside():
    frame = pd.read_csv(pd.io.common.StringIO("a,y\n" + "\n".join(lines())))
    frame.loc[[3, 7], "y"] = [np.nan, np.inf]
    found = mithridate.clean(frame, target="y")
    assert [one.row for one in found.aside] == [4, 8]
    assert found.quarantined.loc[[3, 7], "mithridate_reason"].tolist() == [
        "Set aside: its target is missing.",
        "Set aside: its target is infinite.",
    ]
    assert not found.mask[[3, 7]].any()
    assert set(found.kept.index) | set(found.quarantined.index) == set(frame.index)


def test_an_audit_and_an_attack_use_the_rows_with_a_target(tmp_path):
    rows = lines()
    rows[5], rows[9] = "1,", ","
    path = written(tmp_path, rows)
    encoded = load(path, "y")
    assert len(encoded.y) == N - 2
    assert any("since the target 'y' is missing (row 6)" in note for note in encoded.notes)
    assert open(path).usable("y").numbers.tolist() == [
        i for i in range(1, N + 1) if i not in (6, 10)
    ]
