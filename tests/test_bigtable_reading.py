"""In passes a table is read by the rules that hold in memory, decided once for all its files."""

import datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mithridate
from mithridate.data import Reading
from mithridate.errors import InputError

N = 90


@pytest.fixture(scope="module")
def columns():
    rng = np.random.default_rng(7)
    first = datetime.date(2023, 12, 20)
    days = [first + datetime.timedelta(days=int(k)) for k in rng.integers(0, 70, N)]
    level = np.round(rng.uniform(1, 9, N), 2)
    level[[3, 40, 77]] = -999
    level[[5, 61]] = -9999
    return {
        "day": [day.strftime("%d.%m.%Y") for day in days],
        "level": level,
        "sold": np.round(rng.uniform(5, 6, N) * 10),
        "y": np.round(np.arange(N) % 9 + rng.uniform(0, 1, N), 2),
    }


def both(columns, tmp_path, form, **options):
    """The same table as one file in memory and as three files in passes."""
    table, folder = pa.table(columns), tmp_path / "parts"
    folder.mkdir()
    whole = tmp_path / f"whole.{form}"
    parts = [(whole, table), *((folder / f"{i}.{form}", table.slice(30 * i, 30)) for i in range(3))]
    for path, part in parts:
        if form == "parquet":
            pq.write_table(part, path)
        else:
            rows = [table.column_names, *(map(str, r.values()) for r in part.to_pylist())]
            path.write_text("\n".join(";".join(row) for row in rows) + "\n")
    asked = {"target": "y", "defense": "antidote", **options}
    return mithridate.clean(whole, **asked), mithridate.clean(folder, **asked)


def same(one, other):
    assert sorted(one.notes) == sorted(other.notes)
    np.testing.assert_array_equal(one.mask, other.mask)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_dates_and_suspicious_numbers_are_told_alike(form, columns, tmp_path):
    one, other = both(columns, tmp_path, form, reading=Reading(dates="auto"))
    same(one, other)
    said = " ".join(one.notes)
    assert "Dates became days since 1970, month and weekday: 'day'." in said
    assert "may mean 'no value' (--missing takes them as such): 'level' (-9999 in 2 rows, " in said
    assert "-999 in 3 rows)" in said


def test_dates_of_a_type_are_those_of_the_text(columns):
    read = [datetime.datetime.strptime(day, "%d.%m.%Y") for day in columns["day"]]
    asked = {"target": "y", "defense": "antidote"}
    frame = pa.table(columns | {"day": read})
    typed = mithridate.clean(frame, reading=Reading(dates="auto"), **asked)
    text = mithridate.clean(pa.table(columns), reading=Reading(dates="dmy"), **asked)
    same(typed, text)


def test_words_for_no_value_hold_for_numbers_in_parquet_files(columns, tmp_path):
    one, other = both(columns, tmp_path, "parquet", reading=Reading(missing="-999"))
    same(one, other)
    assert "Missing numbers, imputed by the median: 'level' (3 rows)." in one.notes


def test_the_order_of_day_and_month_is_decided_over_all_files(columns, tmp_path):
    unsure = columns | {"day": [f"0{1 + k % 9}.05.2024" for k in range(N)]}
    with pytest.raises(InputError, match="--dates dmy or --dates mdy"):
        both(unsure, tmp_path, "csv", reading=Reading(dates="auto"))


@pytest.mark.parametrize("how", ["text", "sums"])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_total_at_the_end_of_a_file_is_set_aside(how, form, columns, tmp_path):
    last = {"sold": columns["sold"][:-1].sum(), "y": columns["y"][:-1].sum().round(2)}
    given = {"who": [*["a", "b", "c"] * 29, "a", "b", "Total" if how == "text" else "c"]}
    for name, total in last.items():
        given[name] = [*columns[name][:-1], total if how == "sums" else columns[name][-1]]
    folder = tmp_path / "one"
    folder.mkdir()
    table = pa.table(given)
    if form == "parquet":
        pq.write_table(table, folder / "t.parquet", row_group_size=25)
    else:
        rows = [table.column_names, *(map(str, r.values()) for r in table.to_pylist())]
        (folder / "t.csv").write_text("\n".join(",".join(row) for row in rows) + "\n")
    one = mithridate.clean(folder / f"t.{form}", target="y", defense="antidote")
    other = mithridate.clean(folder, target="y", defense="antidote")
    assert [(a.row, a.why) for a in other.aside] == [(N, "it is a total")]
    np.testing.assert_array_equal(one.mask, other.mask)


def test_a_last_row_that_is_large_is_no_total(columns, tmp_path):
    folder = tmp_path / "one"
    folder.mkdir()
    given = {n: [*v[:-1], 5 * max(v)] for n, v in columns.items() if n in ("sold", "y")}
    pq.write_table(pa.table(given), folder / "t.parquet")
    assert not mithridate.clean(folder, target="y", defense="antidote").aside
