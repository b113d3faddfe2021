"""A table cut in two: what goes, what stays just as it came, and what a person is told."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import mithridate

from .planted import PLANTED, planted

ADDED = ["row", "score", "residual", "leverage", "predictive_sd", "column_1", "column_2", "reason"]


@pytest.fixture(scope="module")
def frame():
    return planted()


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
