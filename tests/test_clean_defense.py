"""Which defense cleans: by name with its options, an object, a class from anywhere."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import mithridate
from mithridate.cli import options
from mithridate.defenses import BayesClean, Trim
from mithridate.errors import InputError

from .planted import GOAL, PLANTED, planted
from .test_audit import call


@pytest.fixture(scope="module")
def frame():
    return planted()


@pytest.fixture(scope="module")
def csv(frame, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "table.csv"
    frame.to_csv(path, index=False)
    return path


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


def test_what_a_defense_warns_of_has_the_names_of_columns(frame):
    plain = frame.drop(columns=["ward", "code", "seen", "remark"])
    trusted = plain.iloc[:150].assign(bmi=lambda f: f["bmi"] + 30)
    found = mithridate.clean(
        plain.iloc[150:], target="progression", defense="kolmogorovsmirnov", trusted=trusted
    )
    assert "'bmi'" in found.summary[-1]
