"""Further ways in which people write numbers and codes, and what is told of them."""

from pathlib import Path

import pytest

from mithridate.data import open
from mithridate.tables.notes import leading


def read(tmp_path: Path, cells: list[str], rows: int = 60):
    path = tmp_path / "t.csv"
    path.write_text(
        "a;b;y\n" + "".join(f"{cells[i % len(cells)]};{i % 7};{i % 11}\n" for i in range(rows))
    )
    return open(path)


@pytest.mark.parametrize(
    ("cells", "value", "said"),
    [
        (["1,28,000.50", "2,000.25"], 128_000.5, "marks between thousands"),
        (["5.5-", "3.5"], -5.5, "signs at their end"),
        (["12,34,567.5", "1.25"], 1_234_567.5, "marks between thousands"),
    ],
)
def test_numbers_written_in_other_ways(tmp_path, cells, value, said):
    opened = read(tmp_path, cells)
    assert opened.columns["a"].to_pylist()[0] == value
    assert any(said in note for note in opened.notes)


def test_text_with_different_units_is_told(tmp_path):
    opened = read(tmp_path, ["8 g", "1 kg", "30 g"])
    assert opened.columns["a"].to_pylist()[0] == "8 g"
    assert any("units, which differ: 'a' ('g', 'kg')" in note for note in opened.notes)


def test_numbers_of_too_many_digits_are_codes(tmp_path):
    opened = read(tmp_path, [str(2**64 - 1 - i) for i in range(5)])
    assert opened.columns["a"].to_pylist()[0] == str(2**64 - 1)
    assert any("too many digits: 'a'" in note for note in opened.notes)


def test_columns_that_are_not_used_are_told_first(tmp_path):
    opened = read(tmp_path, [f"2024-01-{i + 1:02d}" for i in range(28)])
    notes = opened.encode("y").notes
    assert leading(["Encoded one-hot: 'x'.", *notes])[0] == "Left out as dates or times: 'a'."
    assert leading(["Left out as you asked: 'x'."]) == []
