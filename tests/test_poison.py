"""Poison in the table's own columns, through Python and the command line."""

import jax.numpy as jnp
import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_diabetes

import mithridate
from mithridate.attack.attacks import AbstractAttack
from mithridate.attack.attacks.base import clones
from mithridate.attack.sample import Sample
from mithridate.data.load import load
from mithridate.errors import InputError

from .test_audit import call


@pytest.fixture(scope="module")
def frame():
    X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    out = X.assign(ward=np.where(X.index % 3 == 0, "north", "south"), progression=y.astype(int))
    out.insert(0, "patient_id", [f"p{i}" for i in range(len(out))])
    return out


@pytest.fixture(scope="module")
def bold(frame):
    return mithridate.poison(frame, target="progression", ratio=0.2, alpha=1)


def test_poison_comes_in_the_tables_columns_and_types(frame, bold):
    got = bold.frame
    assert list(got.columns) == [*frame.columns, "is_poison"]
    assert (got.dtypes[:-1] == frame.dtypes).all()
    poison = got[got.is_poison]
    assert len(poison) / len(got) == pytest.approx(0.2, abs=0.002)
    pd.testing.assert_frame_equal(got[~got.is_poison].drop(columns="is_poison"), frame)
    assert set(poison.ward) <= {"north", "south"}
    assert poison.patient_id.tolist() == [f"p{i}" for i in range(len(frame), len(got))]
    for name in ("age", "bmi", "progression"):
        assert poison[name].between(frame[name].min(), frame[name].max()).all()


def test_alpha_makes_it_less_visible_and_less_harmful(frame, bold):
    shy = mithridate.poison(frame, target="progression", ratio=0.2, alpha=0.1)
    assert bold.nmse_poisoned > shy.nmse_poisoned
    assert bold.risk > shy.risk
    assert bold.far > shy.far


RANGE = pd.RangeIndex(5, 605, 6), 605
LABELS = {
    "range": RANGE,
    "integers": (pd.Index([*range(10, 109), 7], name="id"), 109),
    "dates": (pd.date_range("2020-01-01", periods=100), pd.Timestamp("2020-04-09 00:00:01")),
    "text": (pd.Index(["poison 1", *(f"r{i}" for i in range(99))]), "poison 2"),
    "levels": (pd.MultiIndex.from_product([["a", "b"], range(50)]), ("a", "poison 1")),
}


@pytest.mark.parametrize(
    ("index", "first", "placed"),
    [*((*pair, "added") for pair in LABELS.values()), (*RANGE, "replaced")],
    ids=[*LABELS, "replaced"],
)
def test_poison_rows_have_labels_of_their_own(index, first, placed):
    frame = pd.DataFrame({"x": np.arange(100) % 7, "y": np.arange(100.0)}, index=index)
    threat = {"placed": placed}
    got = mithridate.poison(frame, target="y", attack="flip", ratio=0.1, threat=threat).frame
    assert got.index.is_unique and got.index.names == index.names
    assert got.index[got.is_poison.argmax()] == first
    clean = got[~got.is_poison].drop(columns="is_poison")
    pd.testing.assert_frame_equal(
        clean, frame.loc[clean.index], check_index_type=False, check_freq=False
    )
    assert not set(got.index[got.is_poison]) & set(index)


def test_a_table_whose_labels_repeat_is_poisoned_all_the_same():
    frame = pd.DataFrame({"x": np.arange(100) % 7, "y": np.arange(100.0)}, index=[0] * 100)
    got = mithridate.poison(frame, target="y", attack="flip", ratio=0.1).frame
    assert set(got.index) == {0} and got.is_poison.sum() == 11


def test_polars_stays_polars(frame):
    given = {"target": "progression", "ratio": 0.05, "attack": "flip"}
    made = mithridate.poison(pl.from_pandas(frame), **given)
    assert isinstance(made.frame, pl.DataFrame)


class Ones(AbstractAttack):
    """Writes 1 over the target of rows where it is 0."""

    def _start(self, problem, key):
        origin = jnp.argsort(problem.clean.y)[: problem.threat.capacity]
        return clones(problem, origin), origin

    def _write(self, problem, start, origin, key):
        return Sample(start.X, jnp.ones_like(start.y), start.w), None


@pytest.mark.parametrize("placed", ["added", "replaced"])
def test_the_effect_of_rows_that_are_added_or_take_the_place_of_others(placed):
    table = pd.DataFrame({"x": np.arange(200.0) % 7, "y": np.arange(200) % 4 == 0}).astype(float)
    made = mithridate.poison(
        table, target="y", attack=f"{__name__}:Ones", ratio=0.2, l2=1e9, threat={"placed": placed}
    )
    # So large a penalty leaves the mean of the targets that train, which are 0 and 1.
    split = load(table, "y").split(0, 1000)
    n, ones, test = len(split.train.y), split.train.y.sum(), split.test.y
    p = n // 4 if placed == "added" else n // 5
    mean = (ones + p) / (n + p if placed == "added" else n)
    want = np.mean((test - mean) ** 2) / np.var(test)
    assert n % 20 == 0
    assert made.nmse_poisoned == pytest.approx(want, rel=1e-6)


def test_rows_can_be_replaced(frame):
    given = {"target": "progression", "ratio": 0.1, "attack": "flip"}
    made = mithridate.poison(frame, **given, threat={"placed": "replaced"})
    assert len(made.frame) == len(frame)
    assert made.frame.is_poison.sum() == round(0.1 * len(frame))


@pytest.mark.parametrize(("suffix", "attack"), [("csv", "ascent"), ("parquet", "flip")])
def test_the_command_line_writes_it(frame, tmp_path, suffix, attack):
    frame.to_csv(tmp_path / "in.csv", index=False)
    out = tmp_path / f"out.{suffix}"
    given = ["--target", "progression", "--ratio", "0.2", "--attack", attack, "-o", out]
    code, said, _ = call("poison", tmp_path / "in.csv", *given)
    assert code == 0
    assert "poison rows" in said
    got = pd.read_csv(out) if suffix == "csv" else pq.read_table(out).to_pandas()
    assert got.is_poison.sum() == 110


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
