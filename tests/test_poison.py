"""Poison in the table's own columns, through Python and the command line."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_diabetes

import mithridate
from mithridate.errors import InputError

from .test_audit import call


@pytest.fixture(scope="module")
def frame():
    X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    out = X.assign(ward=np.where(X.index % 3 == 0, "north", "south"), progression=y.astype(int))
    out.insert(0, "patient_id", [f"p{i}" for i in range(len(out))])
    return out


def test_poison_comes_in_the_tables_columns_and_types(frame):
    made = mithridate.poison(frame, target="progression", ratio=0.2, alpha=1)
    got = made.frame
    assert list(got.columns) == [*frame.columns, "is_poison"]
    assert (got.dtypes[:-1] == frame.dtypes).all()
    poison = got[got.is_poison]
    assert len(poison) / len(got) == pytest.approx(0.2, abs=0.002)
    pd.testing.assert_frame_equal(got[~got.is_poison].drop(columns="is_poison"), frame)
    assert set(poison.ward) <= {"north", "south"}
    assert set(poison.patient_id) <= set(frame.patient_id)
    for name in ("age", "bmi", "progression"):
        assert poison[name].between(frame[name].min(), frame[name].max()).all()


def test_alpha_makes_it_less_visible_and_less_harmful(frame):
    bold, shy = (mithridate.poison(frame, target="progression", alpha=a) for a in (1, 0.1))
    assert bold.nmse_poisoned > shy.nmse_poisoned
    assert bold.risk > shy.risk
    assert bold.far > shy.far


def test_polars_stays_polars(frame):
    made = mithridate.poison(pl.from_pandas(frame), target="progression", ratio=0.05)
    assert isinstance(made.frame, pl.DataFrame)


def test_rows_can_be_replaced(frame):
    made = mithridate.poison(frame, target="progression", ratio=0.1, threat={"placed": "replaced"})
    assert len(made.frame) == len(frame)
    assert made.frame.is_poison.sum() == round(0.1 * len(frame))


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_the_command_line_writes_it(frame, tmp_path, suffix):
    frame.to_csv(tmp_path / "in.csv", index=False)
    out = tmp_path / f"out.{suffix}"
    code, said, _ = call(
        "poison", tmp_path / "in.csv", "--target", "progression", "--ratio", "0.1", "-o", out
    )
    assert code == 0
    assert "poison rows" in said
    got = pd.read_csv(out) if suffix == "csv" else pq.read_table(out).to_pandas()
    assert got.is_poison.sum() == 49


def test_bad_input_gets_one_sentence(frame, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame.to_csv("in.csv", index=False)
    frame.assign(is_poison=0).to_csv("marked.csv", index=False)
    goal = ["in.csv", "--target", "progression"]
    cases = {
        "in.csv": [*goal, "-o", "in.csv"],
        "parquet": [*goal, "-o", "out.xlsx"],
        "is_poison": ["marked.csv", "--target", "progression"],
        "Ratio 0": [*goal, "--ratio", "0"],
        "[0, 1]": [*goal, "--alpha", "3"],
        "ascent": [*goal, "--attack", "assent"],
        "residual": [*goal, "--risk", "residuel"],
        "cannot be written": [*goal, "-o", "in.csv/out.csv"],
    }
    before = sorted(tmp_path.rglob("*"))
    for word, args in cases.items():
        code, out, err = call("poison", *args)
        assert (code, out) == (1, ""), word
        assert word in err.splitlines()[-1]
        assert "foresee" not in err
    assert sorted(tmp_path.rglob("*")) == before


def test_too_many_replaced_rows_are_refused(frame):
    with pytest.raises(InputError, match="smaller ratio"):
        mithridate.poison(frame, target="progression", ratio=0.9, threat={"placed": "replaced"})
