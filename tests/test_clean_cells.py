"""Single wrong cells: named with the value that would fit, and no row rejected for them."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import mithridate
from mithridate.cleaning.cells import Cells, cells_of
from mithridate.data import load
from mithridate.defenses import CellErrors
from mithridate.errors import InputError

from .test_audit import call
from .test_clean_default import sales


@pytest.fixture(scope="module")
def slipped():
    """Sales whose weight goes with the quantity; three weights have a zero too many."""
    table = sales(3)
    rng = np.random.default_rng(0)
    table.insert(0, "weight", (table.qty * 0.5 + rng.normal(0.0, 60.0, len(table))).round(1))
    table.loc[[10, 60, 110], "weight"] *= 10.0
    return table


@pytest.fixture(scope="module")
def found(slipped):
    return mithridate.clean(slipped, target="revenue", only="cells")


def test_the_cells_are_listed_with_what_would_fit(slipped, found):
    wrong = found.cells[found.cells.flagged]
    assert sorted(wrong.row) == [11, 61, 111]
    assert set(wrong.column) == {"weight"}
    assert wrong.value.tolist() == slipped.weight[wrong.row - 1].tolist()
    assert wrong.expected.between(wrong.expected_low, wrong.expected_high).all()
    assert wrong.reason.str.endswith("; ÷10 fits.").all()


def test_no_row_is_rejected_for_its_cells(slipped, found):
    assert found.mask.all()
    assert len(found.kept) == len(slipped)
    assert found.summary[0].startswith("Cells: 3 of 450 look wrong; no row is rejected for a cell")


def test_the_next_most_suspicious_are_ranked_below(found):
    others = found.cells[~found.cells.flagged]
    assert len(found.cells) == 15  # a tenth of the rows
    assert (np.diff(others.score) <= 0).all()


def test_the_command_writes_the_cells_beside_the_rows(slipped, tmp_path):
    slipped.to_csv(tmp_path / "sales.csv", index=False)
    code, out, _ = call(
        "clean", f"{tmp_path}/sales.csv", "--target", "revenue", "--only", "cells",
        "--json", "--report", "-o", str(tmp_path / "done.csv"),
    )  # fmt: skip
    assert code == 0
    document = json.loads(out)
    assert str(tmp_path / "done.cells.csv") in document["files"]
    assert [cell["row"] for cell in document["result"]["cells"] if cell["flagged"]]
    written = pd.read_csv(tmp_path / "done.cells.csv")
    assert sorted(written.row) == [11, 61, 111]
    page = (tmp_path / "done.report.html").read_text(encoding="utf-8")
    assert "Cells that look wrong" in page
    assert "÷10 fits" in page


def test_the_list_is_a_frame_of_the_library_of_the_table(slipped):
    cells = mithridate.clean(pl.from_pandas(slipped), target="revenue", only="cells").cells
    assert isinstance(cells, pl.DataFrame)


def test_a_named_defense_judges_rows_alone(slipped):
    assert mithridate.clean(slipped, target="revenue", defense="trim").cells is None


def test_rows_set_aside_leave_the_numbers_of_the_file(slipped):
    table = slipped.copy()
    table.loc[5, "revenue"] = np.nan
    wrong = mithridate.clean(table, target="revenue", only="cells").cells
    assert sorted(wrong[wrong.flagged].row) == [11, 61, 111]


def test_another_word_is_refused(slipped):
    with pytest.raises(InputError, match="'groups', 'rows', 'cells' or None"):
        mithridate.clean(slipped, target="revenue", only="columns")


def test_the_list_is_by_score_of_columns_that_are_judged(slipped):
    """One of the columns is of grades, and one of categories; a gap is in a third."""
    table = slipped[["weight", "qty", "revenue"]].copy()
    table.insert(0, "grade", np.arange(len(table)) % 3 + 1.0)
    table["place"] = np.array(["north", "south"])[np.arange(len(table)) // 7 % 2]
    columns = load(table, "revenue").columns
    names = [columns.column[j] for j in range(len(columns.column))]
    X = np.column_stack([
        table[name] if name != "place" else table.place == columns.names[j].partition("=")[2]
        for j, name in enumerate(names)
    ]).astype(float)  # fmt: skip
    X[20, names.index("qty")] = np.nan
    found = cells_of(np.vstack([X.T, table.revenue]), columns, None)
    numbers = [names.index(name) for name in ("grade", "weight", "qty")]
    rule = CellErrors(sorted(numbers)).fit(X, table.revenue.to_numpy())
    scores = np.sort(rule.scores_[np.isfinite(rule.scores_)])[::-1]
    assert found.judged == len(scores) == 2 * len(table) - 1
    np.testing.assert_allclose(found.rows["score"].to_numpy(), scores[: found.rows.num_rows])
    assert found.notes == (
        "Cells not judged one by one: 'grade' (it has 3 different values, as codes and grades do).",
    )


def test_a_sentence_counts_cells_and_names_the_column_with_most_first():
    def said(columns):
        lines = {
            "row": [4] * len(columns),
            "column": columns,
            "reason": ["far off."] * len(columns),
            "flagged": [True] * len(columns),
        }
        return Cells(pa.table(lines), 450, "Sure.", ()).sentence

    assert said(["a"]) == (
        "Cells: 1 of 450 looks wrong; no row is rejected for a cell: 'a' 1. First: row 4, far off. "
        "Sure."
    )
    assert "3 of 450 look wrong; no row is rejected for a cell: 'b' 2, 'a' 1." in said([*"abb"])
