"""Rows that are no data or have no target are set aside: counted, told first, written with why."""

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mithridate
from mithridate.data import load, open
from mithridate.tables.asides import totals
from mithridate.tables.sums import agrees, subtotals, sum_and_top

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
        ("---,:---:", ["---", ":---:"], "it is a line drawn beneath the header"),
    ],
)
def test_a_row_that_cannot_be_used_goes_to_the_quarantine(tmp_path, row, cells, why):
    rows = lines()
    rows.insert(30, row)
    found = mithridate.clean(written(tmp_path, rows), target="y", defense="antidote")
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
    found = mithridate.clean(
        written(tmp_path, [*plain, ",".join(sums)]), target="y", defense="antidote"
    )
    assert [(one.row, one.why) for one in found.aside] == [(N + 1, "it is a total")]
    frame = pd.read_csv(tmp_path / "t.csv")
    framed = mithridate.clean(frame, target="y", defense="antidote")
    assert set(framed.quarantined.index) >= {*BAD, N}
    assert np.array_equal(framed.mask, found.mask)
    alone = mithridate.clean(frame[:-1], target="y", defense="antidote")
    assert np.array_equal(alone.mask, framed.mask[:-1])


def test_rows_of_a_frame_without_a_target_are_set_aside():
    frame = pd.read_csv(io.StringIO("a,y\n" + "\n".join(lines())))
    frame.loc[[3, 7], "y"] = [np.nan, np.inf]
    found = mithridate.clean(frame, target="y", defense="antidote")
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


@pytest.fixture
def folder(tmp_path):
    """Two files of the same columns in another order, each with rows that are no data."""
    (tmp_path / "in").mkdir()
    for name in "ab":
        rows = lines()
        rows[3], rows[5], rows[7], rows[9] = "12.5,", ",", "1,2,extra", "n.d.,150"
        total = sum(float(row.split(",")[1] or 0) for row in lines())
        rows.append(f"Total,{total:.1f}")
        if name == "b":
            rows = [",".join([c[1], c[0], *c[2:]]) for c in (row.split(",") for row in rows)]
        head = "a,y" if name == "a" else "y,a"
        (tmp_path / "in" / f"{name}.csv").write_text("\n".join([head, *rows]) + "\n")
    return tmp_path


GONE = [4, 6, 8, N + 1]


def test_passes_set_the_same_rows_aside(folder):
    found = mithridate.clean(folder / "in", target="y", defense="huber", out=folder / "out")
    alone = mithridate.clean(folder / "in" / "a.csv", target="y", defense="huber")
    n = N + 1
    assert [one.row for one in found.aside] == [*GONE, *(n + row for row in GONE)]
    assert [one.why for one in found.aside[:4]] == [one.why for one in alone.aside]
    assert len(found.mask) == 2 * n
    assert set(np.flatnonzero(~found.mask) + 1) >= {21, 42, n + 21, n + 42, *GONE}
    for k, name in enumerate("ab"):
        gone = pq.read_table(folder / "out" / "quarantine" / f"{name}.parquet").to_pylist()
        numbers = [row["mithridate_row"] for row in gone]
        here = found.mask[k * n : (k + 1) * n]
        assert sorted(numbers) == (np.flatnonzero(~here) + 1 + k * n).tolist()
        assert pq.read_table(folder / "out" / f"{name}.parquet").num_rows == here.sum()
        by = {row["mithridate_row"] - k * n: row for row in gone}
        assert by[8]["a"] == 1.0 and "('extra')" in by[8]["mithridate_reason"]
        assert by[4]["mithridate_reason"] == "Set aside: its target is missing."
        assert by[21]["mithridate_score"] > 0


def test_passes_tell_how_files_were_read_first(folder):
    found = mithridate.clean(folder / "in", target="y", defense="huber")
    said = found.lines()
    assert said[0].startswith("Set aside in the table: 2 rows, since the target 'y' is missing")
    assert any("no numbers were taken as missing: 'a'" in line for line in said)
    assert set(found.read) <= set(found.notes)


def test_passes_over_parquet_set_rows_without_a_target_aside(tmp_path):
    (tmp_path / "in").mkdir()
    frame = pd.read_csv(io.StringIO("a,y\n" + "\n".join(lines())))
    frame.loc[[3, 7], "y"] = [np.nan, np.inf]
    frame.to_parquet(tmp_path / "in" / "x.parquet", row_group_size=7)
    (frame * 1.01).to_parquet(tmp_path / "in" / "y.parquet")
    found = mithridate.clean(tmp_path / "in", target="y", defense="huber", out=tmp_path / "out")
    assert [one.row for one in found.aside] == [4, 8, N + 4, N + 8]
    whole = pd.concat([frame, frame * 1.01], ignore_index=True)
    assert np.array_equal(found.mask, mithridate.clean(whole, target="y", defense="huber").mask)


def test_a_total_of_cells_that_were_rounded_each_is_set_aside(tmp_path):
    rng = np.random.default_rng(3)
    table = rng.normal([5000, 15000], [1500, 3000], (200, 2))
    rows = [f"{a:.2f},{y:.2f}" for a, y in (*table, table.sum(axis=0))]
    sums = np.array([row.split(",") for row in rows[:-1]], dtype=float).sum(axis=0)
    assert np.abs(sums - table.sum(axis=0).round(2)).max() > 0.01  # by more than the last rounding
    found = open(written(tmp_path, rows)).usable("y")
    assert [(one.row, one.why) for one in found.account.aside] == [(201, "it is a total")]


@pytest.mark.parametrize("unit", [1.0, 1e-4, 1e4])
def test_a_row_of_a_centered_table_is_no_total_in_any_units(unit):
    rng = np.random.default_rng(4)
    table = rng.normal(size=(50, 2))
    table[:-1] -= table[:-1].mean(axis=0)
    table[-1] = 0.004  # near the sums of the others, which are 0
    frame = pd.DataFrame(unit * table, columns=["a", "y"])
    assert not open(frame).usable("y").account.aside


def test_gaps_that_are_no_numbers_make_no_total():
    rng = np.random.default_rng(5)
    columns = {name: rng.normal(50, 5, 40) for name in "ay"}
    for column in columns.values():
        column[7] = np.nan
    found = open(pa.table(columns)).usable("y")
    assert [one.row for one in found.account.aside] == [8]


def test_infinite_numbers_of_both_signs_are_read(tmp_path):
    """Their sum is no number, however often it is taken."""
    rows = [
        f"{cell},{line}"
        for cell, line in zip(["inf", "-inf", *["2", "3"] * 29], lines(), strict=True)
    ]
    path = tmp_path / "t.csv"
    path.write_text("b,a,y\n" + "\n".join(rows) + "\n")
    assert "Infinite values taken as missing: 'b' (2 rows)." in load(path, "y").notes


def test_sums_of_long_integers_do_not_wrap_around():
    long = pa.chunked_array([[2**62] * 4 + [-(2**63)]])
    assert sum_and_top(long) == (2.0**63, 2.0**63)


def test_parts_of_a_table_that_text_calls_totals_are_set_aside():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"qty": rng.normal(5e3, 1.5e3, 60), "price": rng.uniform(1, 9, 60)})
    rows["paid"] = 2.0 * rows.qty - 300.0 * rows.price + rng.normal(0.0, 300.0, 60)
    rows.loc[[3, 33], "paid"] += 9e3
    rows["place"] = np.repeat(
        ["North", "South", "Total Wine"], [25, 25, 10]
    )  # a name, and no total
    parts = []
    for place, part in [*rows.groupby("place"), ("Grand", rows)]:
        last = part[["qty", "paid"]].sum().to_dict() | {"price": part.price.mean()}
        last = pd.DataFrame([last | {"place": f"{place} total"}])
        parts += [last] if place == "Grand" else [part, last]
    table = pd.concat(parts, ignore_index=True)
    found = mithridate.clean(table, target="paid", only="rows")
    assert found.mask.sum() == 58 and not found.mask[[3, 25, 34, 51, 62, 63]].any()
    # Text alone is no proof, and neither are numbers that are not all sums.
    table.loc[62, "qty"] += 1.0
    assert subtotals(pa.Table.from_pandas(table, preserve_index=False)) == [25, 51]


def test_a_mean_beside_sums_speaks_neither_for_nor_against_a_total():
    assert agrees(12.0, 12.0, 3.0, 8)
    assert agrees(1.5, 12.0, 3.0, 8) is None
    assert agrees(1.6, 12.0, 3.0, 8) is False
    table = pd.DataFrame({"a": [1.0, 2.0, 4.0, 8.0, 16.0], "b": [3.0, 5.0, 7.0, 2.0, 6.0]})
    table["y"] = [4.0, 9.0, 1.0, 7.0, 3.0]
    table.loc[5] = [31.0, 4.6, 24.0]
    assert totals(pa.Table.from_pandas(table, preserve_index=False)) == [5]
