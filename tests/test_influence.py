"""`mithridate influence`: the rows that decide, in words, in files and on the command line."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from typer.testing import CliRunner

import mithridate
from mithridate.cli.app import app


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    """Rows in eight firms and five years, with an effect of `x` and one of each firm."""
    rng = np.random.default_rng(4)
    firm, year = np.repeat(np.arange(8), 10), np.tile(np.arange(5), 16)
    x = rng.normal(size=80) + 0.5 * firm
    y = 0.5 * x + 3 * np.cos(firm) + 0.2 * year + rng.normal(size=80)
    names = {"x": x, "z": rng.normal(size=80), "firm": [f"f{i}" for i in firm], "year": year}
    return pd.DataFrame({**names, "y": y})


@pytest.fixture(scope="module")
def found(panel) -> mithridate.Influence:
    return mithridate.influence(panel, target="y", column="x", fixed_effects=["firm", "year"])


def columns_of(panel: pd.DataFrame) -> np.ndarray:
    """The same regression with a column for each firm and year."""
    levels = pd.get_dummies(panel[["firm", "year"]].astype(str)).to_numpy(float)
    return np.column_stack([panel[["x", "z"]], levels[:, :-1]])


def test_the_coefficient_is_that_of_the_columns_of_all_effects(panel, found):
    Z = columns_of(panel)
    theta = np.linalg.lstsq(Z, panel["y"])[0]
    rest = panel["y"] - Z @ theta
    spread = np.linalg.inv(Z.T @ Z)[0, 0]
    assert found.value == pytest.approx(theta[0])
    assert found.t == pytest.approx(theta[0] / np.sqrt(rest @ rest / (80 - Z.shape[1]) * spread))
    assert found.regression.names == ("x", "z", "year=1", "year=2", "year=3", "year=4")


def test_each_removal_is_a_refit_without_the_rows_before_it(panel, found):
    table = found.table
    assert isinstance(table, pd.DataFrame)
    for goal, part in table.groupby("goal"):
        gone = np.array(part["row"]) - 1
        Z, y = columns_of(panel), panel["y"].to_numpy()
        kept = np.setdiff1d(np.arange(80), gone)
        last = np.linalg.lstsq(Z[kept], y[kept])[0][0]
        assert part["value"].iloc[-1] == pytest.approx(last)
        assert (part["target"].to_numpy() == y[gone]).all()
        assert list(part["removed"]) == list(range(1, len(part) + 1))
        ends = [found.value, *part["value"]]
        np.testing.assert_allclose(part["moved"], np.diff(ends))
        if goal == "sign":
            assert last < 0 < part["value"].iloc[-2]
        else:
            assert part["p"].iloc[-1] > 0.05 > part["p"].iloc[-2]


def test_the_findings_are_sentences(found):
    sign, significance = found.routes
    many = len(sign.rows)
    assert 1 <= sign.certified < many <= sign.first_order
    assert found.headlines[0] == (
        f"Without {many} rows of 80 ({many / 80:.0%}) the coefficient of 'x' turns its sign; "
        f"no {sign.certified} rows do that."
    )
    assert found.headlines[1].endswith("'x' is no longer significant at the 5 % level.")
    assert "where there is no effect" in found.headlines[2]
    assert "by least squares on 6 columns and 8 fixed effects." in found.headlines[3]
    assert len(significance.rows) < many


def test_noise_says_what_a_nil_effect_needs(found):
    assert found.noise.shape == (40,)
    assert found.noise.min() >= 1
    assert np.median(found.noise) < len(found.routes[0].rows)


def test_clusters_change_the_error_alone(panel, found):
    other = mithridate.influence(
        panel, target="y", column="x", fixed_effects=["firm", "year"], cluster="firm"
    )
    assert other.value == pytest.approx(found.value)
    assert other.t != pytest.approx(found.t, rel=1e-3)
    assert (other.routes[0].rows == found.routes[0].rows).all()


def test_rows_that_lack_a_value_are_left_out_and_counted_as_in_the_table(panel):
    lacking = pd.concat([panel.iloc[:1], panel]).reset_index(drop=True)
    lacking.loc[0, "z"] = np.nan
    whole = mithridate.influence(panel, target="y", column="x", drop=["firm", "year"])
    less = mithridate.influence(lacking, target="y", column="x", drop=["firm", "year"])
    assert less.value == pytest.approx(whole.value)
    assert (less.routes[0].rows == whole.routes[0].rows + 1).all()
    assert "Left out as they lack a value: 1 row." in less.regression.notes


def test_rows_are_chosen_by_the_values_of_columns(panel):
    halves = panel.assign(half=np.arange(80) % 2)
    given: Any = {"target": "y", "column": "x", "drop": ["firm", "year"]}
    chosen = mithridate.influence(halves, where={"half": 1}, **given)
    same = mithridate.influence(panel[1::2], **given)
    assert chosen.value == pytest.approx(same.value)
    assert (chosen.routes[0].rows == 2 * same.routes[0].rows).all()
    with pytest.raises(mithridate.InputError, match="16 rows are too few"):
        mithridate.influence(panel, where={"year": 2}, **{**given, "drop": ["firm"]})


@pytest.mark.parametrize("row", [None, 7])
def test_a_prediction_moves_by_what_was_asked(panel, row):
    part = panel[["x", "z", "y"]]
    found = mithridate.influence(part, target="y", row=row, change=0.5)
    route, Z = found.routes[0], np.column_stack([part[["x", "z"]], np.ones(80)])
    a, y = Z.mean(axis=0) if row is None else Z[row - 1], part["y"].to_numpy()
    assert found.value == pytest.approx(a @ np.linalg.lstsq(Z, y)[0])
    kept = np.setdiff1d(np.arange(80), route.rows - 1)
    now = a @ np.linalg.lstsq(Z[kept], y[kept])[0]
    assert abs(now - found.value) > 0.5 >= abs(route.values[-2] - found.value)
    assert 1 <= route.certified < len(route.rows)
    assert "moves by more than 0.5; no" in found.headlines[0]


def test_columns_that_others_determine_are_left_out(panel):
    double = panel.assign(twice=2 * panel["z"], place=panel["firm"] == "f1")
    found = mithridate.influence(double, target="y", column="x", fixed_effects=["firm"])
    assert found.regression.names == ("x", "z", "year")
    assert "Left out as others determine them: 'twice', 'place'." in found.regression.notes


@pytest.mark.parametrize(
    "given, words",
    [
        ({"column": "x", "row": 3}, "give one of them"),
        ({"column": "x", "level": 1.5}, "give one in"),
        ({"column": "x", "change": 2.0}, "asked of a prediction"),
        ({"change": -1.0}, "give a number above 0"),
        ({"fixed_effects": ["firm"]}, "name a column"),
        ({"column": "firm", "fixed_effects": ["firm"]}, "is a fixed effect"),
        ({"column": "w"}, "There is no coefficient of 'w'"),
        ({"column": "x", "where": {"firm": "f9"}}, "No row has 'f9'"),
        ({"column": "copy"}, "determine 'copy'"),
        ({"row": 900}, "Row 900 is not among"),
    ],
)
def test_what_cannot_be_answered_is_said_in_a_sentence(panel, given, words):
    with pytest.raises(mithridate.InputError, match=words):
        mithridate.influence(panel.assign(copy=panel["z"]), target="y", **given)


def test_rows_and_report_are_written_together(found, tmp_path):
    paths = found.write(tmp_path / "rows.csv", html=True)
    assert [path.name for path in paths] == ["rows.csv", "rows.report.html"]
    read = pd.read_csv(paths[0])
    assert list(read.columns) == found.arrow.column_names
    assert len(read) == len(found.arrow)
    page = paths[1].read_text(encoding="utf-8")
    assert found.headlines[0].replace("'", "&#39;") in page
    assert page.count("<tr>") == 2 + 2 + min(len(found.routes[0].rows), 50)
    found.write_html(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page


def test_a_hostile_name_stays_text(panel, tmp_path):
    name = "<img src=x onerror=alert(1)>"
    found = mithridate.influence(
        pa.Table.from_pandas(panel[["x", "y"]].rename(columns={"x": name})),
        target="y",
        column=name,
    )
    assert isinstance(found.table, pa.Table)
    assert "<img" not in found.html()


def test_the_command_prints_and_writes(panel, found, tmp_path):
    source, out = tmp_path / "panel.csv", tmp_path / "rows.parquet"
    panel.to_csv(source, index=False)
    line = ["influence", str(source), "--target", "y", "--column", "x"]
    line += ["--fixed-effects", "firm,year", "--output", str(out), "--report"]
    made = CliRunner().invoke(app, line)
    assert made.exit_code == 0, made.output
    assert made.output.splitlines()[:4] == found.headlines
    assert f"row {found.routes[0].rows[0]} removed" in made.output.replace("  ", " ")
    assert pd.read_parquet(out)["row"].tolist() == found.table["row"].tolist()
    assert (tmp_path / "rows.report.html").exists()
    made = CliRunner().invoke(app, [*line[:6], "--report"])
    assert made.exit_code == 1
    assert "name a file with --out" in made.output
    made = CliRunner().invoke(app, [*line[:6], "--where", "firm"])
    assert "write it like study=BIH" in made.output
