"""Quotes that nothing closes swallow no rows; text of several lines stays one cell."""

import gzip

import numpy as np
import pytest

import mithridate
from mithridate.data import open
from mithridate.errors import InputError

LONG = 40_000  # lines, more than are looked at to tell how a file is laid out


def lines(n, odd=(), even=()):
    """Rows of a name, a feature and a target; `odd` rows open a quote, `even` ones close theirs."""
    names = [
        f'"film {i}' if i in odd else f'"film" {i}' if i in even else f"f{i}" for i in range(n)
    ]
    x = [round(0.37 * i % 9 + 0.25, 2) for i in range(n)]
    return [f"{name}\t{x[i]}\t{2 * x[i] + i % 5:.2f}" for i, name in enumerate(names)]


def written(path, rows):
    text = ("name\tx\ty\n" + "\n".join(rows) + "\n").encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


@pytest.mark.parametrize("end", [(), (12,)])
def test_a_quote_that_is_never_closed_swallows_no_row(tmp_path, end):
    rows = lines(60, odd=(7, *end), even=(9, 20))
    found = open(written(tmp_path / "t.tsv", rows))
    assert found.columns["name"].to_pylist() == [row.split("\t")[0] for row in rows]
    assert found.frame.num_rows == 60
    assert "Quotes in 't.tsv' were read as text: that in row 8 is never closed." in found.notes
    made = mithridate.clean(tmp_path / "t.tsv", target="y", defense="huber")
    made.write(tmp_path / "o.tsv")
    kept = (tmp_path / "o.tsv").read_text().splitlines()[1:]
    assert kept == [row for row, is_kept in zip(rows, made.mask, strict=True) if is_kept]


@pytest.mark.parametrize("name", ["t.tsv", "t.tsv.gz"])
def test_nor_does_one_far_from_the_beginning(tmp_path, name):
    rows = lines(LONG, odd=(LONG - 9,), even=(LONG - 5,))
    path = written(tmp_path / name, rows)
    found = open(path)
    assert found.frame.num_rows == LONG
    assert found.columns["name"].to_pylist()[-9] == f'"film {LONG - 9}'
    assert f"that in row {LONG - 8:,} is never closed." in " ".join(found.notes)


def test_in_passes_the_same_rows_are_read(tmp_path):
    rows = lines(90, odd=(61,), even=(64,))
    whole = mithridate.clean(written(tmp_path / "t.tsv", rows), target="y", defense="huber")
    (tmp_path / "parts").mkdir()
    for i in range(3):
        written(tmp_path / "parts" / f"{i}.tsv", rows[30 * i : 30 * i + 30])
    parts = mithridate.clean(tmp_path / "parts", target="y", defense="huber")
    np.testing.assert_array_equal(parts.mask, whole.mask)
    assert len(parts.mask) == 90


def test_a_quote_within_a_cell_opens_none(tmp_path):
    rows = [f'"f{i}"\t5" pipe\t{i % 7}' for i in range(40)]
    found = open(written(tmp_path / "t.tsv", rows))
    assert found.columns["name"].to_pylist()[3] == "f3"
    assert found.columns["x"].to_pylist()[3] == '5" pipe'
    assert found.notes == ()


def test_text_of_several_lines_stays_one_cell(tmp_path):
    rows = lines(40)
    rows[5] = '"one, two\nthree"\t3.5\t7.0'
    found = open(written(tmp_path / "t.tsv", rows))
    assert found.columns["name"].to_pylist()[5] == "one, two\nthree"
    assert found.frame.num_rows == 40


def test_where_text_stands_in_quotes_the_row_that_lacks_one_is_named(tmp_path):
    rows = [f'"f{i}"\t{row.partition(chr(9))[2]}' for i, row in enumerate(lines(40))]
    rows[11] = rows[11].replace('1"', "1")
    with pytest.raises(InputError, match="nothing closes in row 12 "):
        open(written(tmp_path / "t.tsv", rows))
