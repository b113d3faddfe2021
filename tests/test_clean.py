"""A table cut in two: what goes, what stays just as it came, and what a person is told."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_diabetes

import mithridate
from mithridate.cli import options
from mithridate.data import Reading
from mithridate.defenses import BayesClean, Trim
from mithridate.errors import InputError
from mithridate.tables import write

from .test_audit import call

HOSTILE = "=cmd|' /C calc'!A0\n<img src=x>"
ADDED = ["row", "score", "residual", "leverage", "predictive_sd", "column_1", "column_2", "reason"]
PLANTED = np.arange(7, 442, 29)  # 15 rows
GOAL = ["--target", "progression"]
RATED = [*GOAL, "--defense", "antidote"]  # the fastest; its rate is .01


def planted():
    """Diabetes with 15 gross errors of one ward, a gap, text and columns of many types."""
    X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    rng = np.random.default_rng(0)
    out = X.rename(columns={"s6": HOSTILE})
    out["ward"] = np.where(rng.random(442) < 0.2, "north", "south")
    out["code"] = [f"{i % 50:03d}" for i in range(442)]
    out["seen"] = pd.date_range("2024-01-01", periods=442)
    out["remark"] = ["=1+1" if i % 100 == 0 else f"n {i}" for i in range(442)]
    out["small"] = np.arange(442, dtype=np.int16) % 5
    out["progression"] = y
    out.loc[PLANTED, "progression"] = 900.0
    # A level of planted rows alone would explain them to the model.
    out.loc[np.r_[PLANTED, 1:442:9], "ward"] = "east"
    out.loc[5, "age"] = np.nan
    out.index = pd.Index(np.arange(442) * 2 + 1000, name="visit")
    return out


@pytest.fixture(scope="module")
def frame():
    return planted()


@pytest.fixture(scope="module")
def csv(frame, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "table.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def found(frame):
    return mithridate.clean(frame, target="progression", defense="antidote")


def test_gross_errors_go_and_most_others_stay(found):
    assert not found.mask[PLANTED].any()
    assert found.mask.sum() >= 442 - len(PLANTED) - 10
    assert found.defense.conspiracy_ and np.isnan(found.defense.false_positive_rate_)
    by_rate = mithridate.clean(found.kept, target="progression", defense="antidote")
    assert not by_rate.defense.conspiracy_ and by_rate.defense.false_positive_rate_ == 0.01


def test_kept_rows_are_as_they_came(frame, found):
    pd.testing.assert_frame_equal(found.kept, frame[found.mask])
    bare = found.quarantined[frame.columns]
    pd.testing.assert_frame_equal(bare, frame[~found.mask])


def test_the_quarantine_says_why(found):
    added = found.quarantined.iloc[:, -len(ADDED) :]
    assert list(added.columns) == [f"mithridate_{name}" for name in ADDED]
    assert added.mithridate_row.tolist() == (np.flatnonzero(~found.mask) + 1).tolist()
    planted = added[found.quarantined.progression == 900]
    assert (planted.mithridate_column_1 == "progression").all()
    assert (planted.mithridate_residual > 5).all()
    assert (planted.mithridate_score > found.defense.threshold_).all()
    assert planted.mithridate_leverage.between(0, 1).all()
    # In units of the target, whose noise is near 55.
    assert planted.mithridate_predictive_sd.between(30, 80).all()
    reason = planted.mithridate_reason.iloc[0]
    assert reason.startswith("The target 'progression' is 900, ")
    assert reason.endswith(".")


def test_a_row_with_a_usual_target_is_there_for_its_score(frame):
    """A residual of one σ is no reason, and is not given as one."""
    found = mithridate.clean(
        frame, target="progression", drop=["code"], defense="sever", contamination=0.3
    )
    rows = found.quarantined
    said = rows.mithridate_reason.str.contains("not unusual, but the score that Sever gave it is")
    odd = rows.mithridate_reason.str.contains("the mean of the kept rows|is rare|nearly all")
    assert said.any() and not odd[said].any()
    np.testing.assert_array_equal(said, (rows.mithridate_residual.abs() < 2) & ~odd)


def test_the_summary_names_the_source_and_the_cost(found):
    text = "\n".join(found.summary)
    n = int((~found.mask).sum())
    assert f"rejected {n} of 442 rows" in text
    assert "these rows pulled the model" in text
    assert "'progression' (the target) in 15" in text
    assert "Source: 'ward' is 'east' in 1" in text
    assert "median error" in text
    assert "If wrong" in text
    assert len(found.summary) <= 7


def test_no_source_is_named_by_chance(frame):
    wards = np.random.default_rng(3).permutation(frame.ward)
    mixed = mithridate.clean(frame.assign(ward=wards), target="progression", defense="antidote")
    assert not any(line.startswith("Source") for line in mixed.summary)


def test_a_left_out_column_can_be_the_source(frame):
    dropped = mithridate.clean(frame, target="progression", drop=["ward"], defense="antidote")
    assert any("'ward' is 'east'" in line for line in dropped.summary)


def test_nothing_found(frame, tmp_path):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(300, 3))
    clean = pd.DataFrame(X, columns=list("abc")).assign(y=X.sum(1) + rng.normal(size=300))
    found = mithridate.clean(clean, target="y", defense="antidote")
    assert found.mask.all()
    assert found.summary[0].startswith("Nothing found")
    assert "off the predicted" in found.summary[2]
    pd.testing.assert_frame_equal(found.kept, clean)
    assert len(found.quarantined) == 0
    (tmp_path / "out.quarantine.parquet").write_text("old")
    written = found.write(tmp_path / "out.parquet")
    assert written.quarantined is None
    assert "earlier run" in written.sentences[-1]
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["out.parquet", "out.quarantine.parquet"]
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out.parquet"), clean)


def test_polars_and_arrow_give_the_same(frame, found):
    polars = pl.from_pandas(frame).with_columns(pl.col("ward").cast(pl.Categorical))
    arrow = pa.Table.from_pandas(frame, preserve_index=False)
    for table, kind in ((polars, pl.DataFrame), (arrow, pa.Table), (polars.lazy(), pl.DataFrame)):
        other = mithridate.clean(table, target="progression", defense="antidote")
        assert isinstance(other.kept, kind)
        np.testing.assert_array_equal(other.mask, found.mask)
        whole = polars if kind is pl.DataFrame else arrow
        assert other.kept.equals(
            whole.filter(pa.array(found.mask) if kind is pa.Table else found.mask)
        )
        reasons = other.quarantined["mithridate_reason"]
        assert list(map(str, reasons)) == found.quarantined.mithridate_reason.tolist()


def test_parquet_keeps_types_metadata_and_index(frame, found, tmp_path):
    frame.to_parquet(tmp_path / "in.parquet")
    code, out, err = call("clean", tmp_path / "in.parquet", *RATED, "-o", tmp_path / "good.parquet")
    assert (code, "Traceback" in err) == (0, False)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "good.parquet"), frame[found.mask])
    whole, kept = (pq.read_schema(tmp_path / f"{n}.parquet") for n in ("in", "good"))
    assert kept.equals(whole, check_metadata=True)
    rejected = pd.read_parquet(tmp_path / "good.quarantine.parquet")
    pd.testing.assert_frame_equal(rejected[frame.columns], frame[~found.mask])
    assert len(out[out.index("Found: ") :].splitlines()) <= 10


def test_csv_cells_stay_as_they_are_spelled(tmp_path):
    rng = np.random.default_rng(0)
    lines = ["zip;weight;note;y"]
    for i in range(80):
        w = rng.random() * 90 + 10
        y = 900.0 if i == 11 else w + rng.random()
        lines.append(f"0{2000 + i % 9};{w:.3f}00;{'NA' if i % 2 else f'a;{i}'!r};{y:.2f}")
    lines = [line.replace("'a;", '"a;').replace("';", '";') for line in lines]
    lines = [line.replace("'NA\"", "NA").replace("'NA'", "NA") for line in lines]
    (tmp_path / "in.csv").write_text("\n".join(lines) + "\n")
    found = mithridate.clean(tmp_path / "in.csv", target="y", defense="antidote")
    found.write(tmp_path / "out.csv")
    kept = [lines[0], *(line for line, keep in zip(lines[1:], found.mask, strict=True) if keep)]
    assert not found.mask[11]
    assert (tmp_path / "out.csv").read_text().splitlines() == kept
    assert (tmp_path / "out.quarantine.csv").read_text().splitlines()[1].startswith(lines[12])


def test_csv_output_is_defused(frame, csv, tmp_path):
    code, out, _ = call("clean", csv, *RATED, "-o", tmp_path / "o.csv")
    assert code == 0
    cells = arrow_csv.read_csv(
        tmp_path / "o.csv", parse_options=arrow_csv.ParseOptions(newlines_in_values=True)
    )
    assert "'" + HOSTILE in cells.column_names
    remarks = set(cells["remark"].to_pylist())
    assert "'=1+1" in remarks
    assert not any(remark.startswith("=") for remark in remarks)
    assert "Defused: " in out
    assert len(out[out.index("Found: ") :].splitlines()) <= 10


def test_only_what_a_spreadsheet_executes_is_defused(tmp_path):
    risky = ["=1+1", "+1+1|x", "-2+3", "@SUM(A1)", "\tx", "\rx", "=HYPERLINK(1)", "-x"]
    plain = ["-5", "+1.5e-3", "-1,234.5", "a=b", "", "-inf", "-", "--", "+49 123", "'=x", "-3%"]
    table = pa.table({"text": risky + plain, "number": [-1.0] * (len(risky) + len(plain))})
    assert write.write({tmp_path / "t.csv": table}) == len(risky)
    text, number = pd.read_csv(
        tmp_path / "t.csv", keep_default_na=False, lineterminator=None
    ).T.values
    assert list(text) == [f"'{cell}" for cell in risky] + plain
    assert set(number) == {-1.0}


def test_written_floats_stay_floats_and_gaps_are_empty(tmp_path):
    table = pa.table(
        {"a": [1.0, None, float("nan"), 1e300, 0.1], "b": pa.array([1, 2, 3, 4, None])}
    )
    write.write({tmp_path / "t.csv": table})
    assert (tmp_path / "t.csv").read_text() == "a,b\n1.0,1\n,2\n,3\n1e+300,4\n0.1,\n"


def test_a_name_that_is_taken_gets_a_number(found):
    again = found.quarantined.assign(progression=np.arange(len(found.quarantined)) % 7 * 1.0)
    both = pd.concat([again] * 4)
    both.iloc[0, both.columns.get_loc("progression")] = 1e6
    twice = mithridate.clean(both, target="progression", defense="antidote").quarantined
    assert "mithridate_row (2)" in twice.columns


def test_trusted_rows_reach_a_defense_that_needs_them(frame, tmp_path):
    clean = frame.drop(frame.index[PLANTED])
    trusted, rest = clean.iloc[:80], pd.concat([clean.iloc[80:], frame.iloc[PLANTED]])
    given = {"target": "progression", "trusted": trusted.drop(columns=["seen", "remark"])}
    found = mithridate.clean(rest, defense="duti", contamination=0.05, **given)
    assert (~found.mask[-len(PLANTED) :]).sum() >= 12
    ignored = mithridate.clean(rest, defense="bayesclean", **given)
    assert any("cannot use trusted" in note for note in ignored.notes)
    assert not any("Only" in line for line in found.summary)
    few = mithridate.clean(rest, **(given | {"trusted": given["trusted"].iloc[:5]}))
    assert any(line.startswith("Only 5 trusted rows") for line in few.summary)


def test_a_defense_of_ones_own(frame):
    trim = Trim(contamination=0.05)
    found = mithridate.clean(frame, target="progression", defense=trim)
    assert (~found.mask).sum() == 22
    assert not hasattr(trim, "inlier_mask_")
    assert any("It rejects 5% of the rows" in line for line in found.summary)
    by_name = mithridate.clean(frame, target="progression", defense="trim", contamination=0.05)
    np.testing.assert_array_equal(found.mask, by_name.mask)


def test_options_are_those_of_the_class(frame, csv, tmp_path):
    by_hand = mithridate.clean(frame, target="progression", defense=BayesClean(c1=1, c2=1.5))
    given = ["--defense", "bayesclean", "--option", "c1=1", "--option", "c2 = 1.5"]
    given += ["-o", tmp_path / "o.parquet"]
    code, _, _ = call("clean", csv, *GOAL, *given)
    assert code == 0
    assert pq.read_metadata(tmp_path / "o.parquet").num_rows == by_hand.mask.sum()
    assert (
        by_hand.mask.sum()
        < mithridate.clean(frame, target="progression", defense="antidote").mask.sum()
    )
    # Nothing is added to what was chosen: the rate would have made the cuts count for nothing.
    options = {"c1": 1, "c2": 1.5}
    named = mithridate.clean(frame, target="progression", defense="bayesclean", options=options)
    assert named.defense.false_positive_rate is None
    with pytest.raises(InputError, match="c1 on the defense itself"):
        mithridate.clean(frame, target="progression", defense=BayesClean(), options={"c1": 1})


def test_words_of_options_are_what_they_say():
    given = ["a=1", "b=1.5", "c=1e-3", "d=True", "e=none", "f=rbf", "g=x=y"]
    values = {"a": 1, "b": 1.5, "c": 1e-3, "d": True, "e": None, "f": "rbf", "g": "x=y"}
    found = options.parameters(given)
    assert found == values
    assert type(found["a"]) is int


MINE = """
from mithridate.defenses import BaseDefense

class Farthest(BaseDefense):
    def __init__(self, estimator=None, *, k=3):
        super().__init__(estimator)
        self.k = k

    def _find_inliers(self, X, y, sample_weight):
        self.scores_ = abs(y - y.mean())
        return self.scores_ < sorted(self.scores_)[-self.k]
"""


def test_a_defense_from_anywhere(csv, tmp_path, monkeypatch):
    (tmp_path / "their_own.py").write_text(MINE)
    monkeypatch.syspath_prepend(tmp_path)
    given = ["--defense", "their_own:Farthest", "--option", "k=4", "-o", tmp_path / "o.csv"]
    code, out, _ = call("clean", csv, *GOAL, *given)
    assert code == 0
    read = out[: out.index("Found: Farthest rejected ")]
    assert "leading zeros" in read
    (tmp_path / "failing.py").write_text(
        "from mithridate.defenses import BaseDefense\n\n\nclass Mine(BaseDefense):\n"
        "    def _find_inliers(self, X, y, sample_weight):\n        return X.nothing()\n"
    )
    code, _, err = call("clean", csv, *GOAL, "--defense", "failing:Mine")
    assert code == 1
    assert "Code that is not Mithridate's failed at failing.py:6 (AttributeError: " in err


def test_neither_file_is_written_if_one_fails(frame, found, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", fail)
    with pytest.raises(InputError, match="no space left"):
        found.write(tmp_path / "out.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_changed_meanwhile_is_not_mixed_up(csv, tmp_path):
    path = tmp_path / "in.csv"
    path.write_bytes(csv.read_bytes())
    found = mithridate.clean(path, target="progression", defense="antidote")
    path.write_bytes(csv.read_bytes()[:20_000].rpartition(b"\n")[0])
    with pytest.raises(InputError, match="changed since"):
        found.write(tmp_path / "o.csv")
    path.unlink()
    with pytest.raises(InputError, match="changed since"):
        found.write(tmp_path / "o.csv")
    assert list(tmp_path.iterdir()) == []


def test_files_land_in_the_current_folder_by_default(csv, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = call("clean", csv, *RATED, "--verbose")
    assert code == 0
    assert {p.name for p in tmp_path.iterdir()} == {"table.cleaned.csv", "table.quarantine.csv"}
    assert "imputed by the median: 'age' (1 row)." in out
    code, out, _ = call("clean", csv, *RATED, "-o", "q.tsv", "--quiet")
    assert (code, out) == (0, "")
    assert "\t" in (tmp_path / "q.tsv").read_text().splitlines()[0]


def test_what_a_defense_warns_of_has_the_names_of_columns(frame):
    plain = frame.drop(columns=["ward", "code", "seen", "remark"])
    trusted = plain.iloc[:150].assign(bmi=lambda f: f["bmi"] + 30)
    found = mithridate.clean(
        plain.iloc[150:], target="progression", defense="kolmogorovsmirnov", trusted=trusted
    )
    assert "'bmi'" in found.summary[-1]


def test_how_a_file_is_read_can_be_said_and_is_told_first(tmp_path):
    rng = np.random.default_rng(3)
    x, y = rng.random(60), rng.random(60)
    rows = [f"{a:.3f};{2 * a + b / 9:.3f}".replace(".", ",") for a, b in zip(x, y, strict=True)]
    path, out = tmp_path / "sensors.csv", tmp_path / "kept.csv"
    path.write_text("\n".join(["x;y", *rows[:-1], "-999;1,5"]))
    given = ["--delimiter", ";", "--decimal", ",", "--missing", "-999"]
    code, said, _ = call("clean", path, "--target", "y", *given, "-o", out)
    assert code == 0
    assert said.splitlines()[0] == "Numbers in 'sensors.csv' were read with a decimal comma."
    kept = out.read_text().splitlines()
    assert kept[0] == "x;y" and set(kept[1:]) <= {*rows, "-999;1,5"}
    found = mithridate.clean(
        path, target="y", reading=Reading(decimal=",", missing=("-999",)), defense="antidote"
    )
    assert any("imputed by the median: 'x' (1 row)" in note for note in found.notes)


def test_a_folder_is_read_as_was_said(tmp_path):
    folder = tmp_path / "table"
    folder.mkdir()
    lines = [f"{i % 13},{3 * (i % 13) + i % 7}" for i in range(80)]
    (folder / "a.csv").write_text("\n".join(["x,y", *lines[:-1], "gone,4"]))
    found = mithridate.clean(
        folder, target="y", reading=Reading(missing=("gone",)), defense="antidote"
    )
    assert any("imputed by the median: 'x' (1 row)" in note for note in found.notes)


def test_max_rejected_is_a_gate(csv, tmp_path):
    out = tmp_path / "kept.csv"
    args = ("clean", csv, *GOAL, "--defense", "trim", "--contamination", "0.05", "-o", out)
    code, _, err = call(*args, "--max-rejected", "0.01")
    assert code == 2 and "Over the limit: rejected 22 of 442 rows (5%), more than 1%." in err
    assert out.exists() and write.quarantine_of(out).exists()  # people want to look at them
    assert call(*args, "--max-rejected", "0.05")[0] == 0
    code, _, err = call(*args, "--max-rejected", "5")
    assert code == 1 and "--max-rejected 5 is no share of the rows; give one in [0, 1)." in err


def test_check_says_the_same_and_writes_nothing(csv, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    args = ("clean", csv, *GOAL, "--defense", "trim", "--contamination", "0.05")
    code, said, err = call(*args, "--check", "--max-rejected", "0.01")
    assert code == 2 and "rejected 22 of 442 rows" in said and "Over the limit" in err
    assert not list(tmp_path.iterdir())
    for more in (("-o", "kept.csv"), ("--report",)):
        code, _, err = call(*args, "--check", *more)
        assert code == 1 and err == "--check writes nothing; leave --out and --report out.\n"
