"""Strange files as people and programs export them: read as meant, or not at all."""

import numpy as np
import pyarrow as pa
import pytest

import mithridate
from mithridate.data import load, open
from mithridate.errors import InputError
from mithridate.tables.notes import leading

N = 40
A = [round(0.37 * k % 9 + 0.25, 2) for k in range(N)]
K = [k * 7 % 23 + 1 for k in range(N)]


def text_of(head, *columns, mark=","):
    rows = zip(*columns, strict=True)
    return "".join(mark.join(map(str, row)) + "\n" for row in [head, *rows])


def opened(tmp_path, text):
    (tmp_path / "t.csv").write_bytes(text.encode())
    return open(tmp_path / "t.csv")


def test_remarks_above_a_table_are_no_rows(tmp_path):
    text = "# station 5, level 3\n# until May\n" + text_of(["a", "k"], A, K)
    found = opened(tmp_path, text)
    assert list(found.columns) == ["a", "k"]
    assert found.columns["a"].to_pylist() == A
    assert "Set aside before the table in 't.csv': 2 remarks." in found.notes
    made = mithridate.clean(tmp_path / "t.csv", target="k", defense="huber")
    out = tmp_path / "o.csv"
    made.write(out)
    assert out.read_text().startswith("# station 5, level 3\n# until May\na,k\n")


@pytest.mark.parametrize(
    ("above", "names"),
    [("# made by hand\n#a,k\n", ["#a", "k"]), ("#,k\n", ["#", "k"])],
)
def test_names_may_stand_in_the_last_of_such_lines(above, names, tmp_path):
    found = opened(tmp_path, above + text_of(["a", "k"], A, K).partition("\n")[2])
    assert list(found.columns) == names
    assert found.columns["k"].to_pylist() == K


def test_data_that_begin_with_the_mark_of_a_remark_are_data(tmp_path):
    found = opened(tmp_path, text_of(["id", "k"], [f"#{k % 5}" for k in K], K))
    assert len(found.frame) == N


def test_a_row_between_blanks_that_lacks_a_cell_is_refused(tmp_path):
    lines = [f"{a:>8}{'' if k == 3 else k:>8}{k:>8}" for a, k in zip(A, K, strict=True)]
    text = "\n".join([f"{'a':>8}{'b':>8}{'k':>8}", *lines]) + "\n"
    with pytest.raises(InputError, match="which one is missing cannot be told"):
        opened(tmp_path, text)
    long = "\n".join([text.split("\n")[0], *(lines[:2] * 400), *lines]) + "\n"
    with pytest.raises(InputError, match="which one is missing cannot be told"):
        opened(tmp_path, long)


def test_text_between_blanks_may_stand_in_quotes_as_r_writes_it(tmp_path):
    words = [["north", "far south", 'the "old" east'][k % 3] for k in range(N)]
    cells = ['"' + word.replace('"', '\\"') + '"' for word in words]
    rows = zip([f'"row {i}"' for i in range(N)], A, cells, K, strict=True)
    text = "\n".join(['"a" "place" "k"', *(" ".join(map(str, row)) for row in rows)]) + "\n"
    found = opened(tmp_path, text)
    assert list(found.columns) == ["unnamed 1", "a", "place", "k"]
    assert found.columns["place"].to_pylist() == words
    assert found.columns["a"].to_pylist() == A
    assert found.columns["unnamed 1"].to_pylist()[7] == "row 7"
    assert found.columns["k"].to_pylist() == K


def test_digits_that_a_formula_keeps_as_text_are_codes(tmp_path):
    found = opened(tmp_path, text_of(["code", "k"], [f'"=""00{k % 7}"""' for k in K], K))
    assert found.columns["code"].to_pylist()[0] == f'="00{K[0] % 7}"'
    assert "codes with leading zeros" in " ".join(found.notes)
    made = mithridate.clean(tmp_path / "t.csv", target="k", defense="huber")
    made.write(tmp_path / "o.csv")
    assert f'"=""00{K[0] % 7}"""' in (tmp_path / "o.csv").read_text()  # it computes nothing


@pytest.mark.parametrize(
    ("cells", "value", "said"),
    [
        (["12.5*", "3.25**", "4.5"], 12.5, "without marks of footnotes"),
        (["12.5 [a]", "3.25 (p)", "4.5"], 12.5, "without marks of footnotes"),
        (["ca. 12.5", "~3.25", "4.5"], 12.5, "without words such as 'circa'"),
        (["12.5K", "3.25M", "4"], 12_500.0, "times the thousands, millions or billions"),
        (["(3)", "4.25"], -3.0, "brackets of negative numbers"),
        (['"=""12.5"""', '"=""3"""'], 12.5, "without the formulas around them"),
    ],
)
def test_what_stands_around_numbers_is_taken_off(cells, value, said, tmp_path):
    found = opened(tmp_path, text_of(["x", "k"], [cells[k % len(cells)] for k in range(N)], K))
    assert found.columns["x"].to_pylist()[0] == value
    assert any(said in note for note in found.notes)


@pytest.mark.parametrize(
    ("cells", "units"),
    [
        (["12K", "80"], "none, 'K'"),
        (["$12.50", "€3.25"], "'$', '€'"),
        (["80 ct", "12 €"], "'ct', '€'"),
    ],
)
def test_numbers_of_other_sizes_are_not_read_as_equal(cells, units, tmp_path):
    found = opened(tmp_path, text_of(["x", "k"], [cells[k % 2] for k in range(N)], K))
    assert found.columns["x"].to_pylist()[:2] == cells
    assert all(unit in " ".join(found.notes) for unit in units.split(", "))


def test_poison_beside_thousands_and_millions_is_spelled_as_some_cell_is(tmp_path):
    cells = [f"{k}K" if k % 2 else f"{k}M" for k in K]
    (tmp_path / "t.csv").write_text(text_of(["x", "a", "k"], cells, A, K))
    made = mithridate.poison(tmp_path / "t.csv", target="k", attack="random", ratio=0.1)
    made.write(tmp_path / "p.csv")
    poison = [x.split(",")[0] for x in (tmp_path / "p.csv").read_text().splitlines()[N + 1 :]]
    assert poison and set(poison) <= set(cells)
    again = open(tmp_path / "p.csv").columns["x"].to_pylist()
    np.testing.assert_allclose(again, made.frame["x"].to_pylist())


def test_marks_that_nothing_proves_are_told_early(tmp_path):
    found = opened(tmp_path, text_of(["x", "k"], [f"{k}.125" for k in K], K, mark=";"))
    (said,) = leading(found.notes)
    assert said.startswith("Read with a decimal point, which nothing in 't.csv' proves")


def test_levels_that_are_sums_of_others_are_named():
    part = ["north", "south", "subtotal"]
    frame = pa.table({"part": [part[k % 3] for k in range(N)], "k": K})
    said = "Suspicious text that may mark sums of other rows: 'part' ('subtotal' in 13 rows)."
    assert said in load(frame, "k").notes


def test_the_first_sheet_with_a_table_is_read_and_others_are_told(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["Read this first"])
    book.active.append(["The data follow"])
    for title in ("May", "June"):
        sheet = book.create_sheet(title)
        for row in [["a", "k"], *zip(A, K, strict=True)]:
            sheet.append(row)
    book.save(tmp_path / "t.xlsx")
    found = open(tmp_path / "t.xlsx")
    assert found.columns["a"].to_pylist() == A
    told = "Set aside in 't.xlsx': 1 sheet, since 'May' is the first that holds a table ('June')."
    assert told in found.notes
