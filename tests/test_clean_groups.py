"""Where rejected rows come from: the column that says so, hostile names and chance."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy.stats import fisher_exact, hypergeom
from sklearn.datasets import load_diabetes

import mithridate
from mithridate import data
from mithridate.cleaning.groups import CountsOf, Groups, added, tallied
from mithridate.defenses import BayesClean
from mithridate.errors import InputError

from .test_audit import call

GOAL = "progression"
BAD = np.arange(3, 400, 16)  # 25 rows
HOSTILE = [
    "<script>document.documentElement.dataset.pwned='group'</script>",
    "=cmd|' /C calc'!A0",
    "x1",  # what a defense calls a feature
    "v" * 5000,
    "v" * 4999 + "w",
    "名前🙂\u202e",
    'it\'s "both" \\',
]


@pytest.fixture(scope="module")
def frame():
    """Diabetes with 25 gross errors, all from one of three vendors, and a gap among them."""
    X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    rng = np.random.default_rng(0)
    out = X.assign(vendor=rng.choice(["north", "south"], 442), **{GOAL: y})
    out.loc[BAD, [GOAL, "vendor"]] = [900.0, "east"]
    out.loc[np.arange(1, 400, 16), "vendor"] = "east"
    out.loc[[200, 210, 220], "vendor"] = None
    return out


@pytest.fixture(scope="module")
def found(frame):
    return mithridate.clean(frame, target=GOAL, groups="vendor", defense="antidote")


def test_the_groups_are_no_feature(frame, found):
    dropped = mithridate.clean(frame, target=GOAL, drop=["vendor"], defense="antidote")
    np.testing.assert_array_equal(found.mask, dropped.mask)
    assert "Left out as you asked: 'vendor'." in found.notes
    twice = mithridate.clean(frame, target=GOAL, groups="vendor", drop="vendor", defense="antidote")
    np.testing.assert_array_equal(twice.mask, dropped.mask)
    assert "vendor" in found.kept.columns


def test_every_group_is_counted(frame, found):
    table = found.groups.set_index("group")
    assert isinstance(found.groups, pd.DataFrame)
    named = frame.vendor.fillna("(missing)")
    assert table["rows"].to_dict() == named.value_counts().to_dict()
    lost = named[~found.mask].value_counts()
    assert table.rejected[table.rejected > 0].to_dict() == lost.to_dict()
    np.testing.assert_allclose(table.share, table.rejected / table["rows"])
    assert table.beyond_chance.to_dict() == {
        "east": True,
        "north": False,
        "south": False,
        "(missing)": False,
    }
    assert found.groups.group[0] == "east"


def test_chance_is_that_of_fishers_exact_test(found):
    n, k = len(found.mask), int((~found.mask).sum())
    for group in found.groups.itertuples():
        inside = [group.rejected, group.rows - group.rejected]
        outside = [k - group.rejected, n - k - inside[1]]
        p = fisher_exact([inside, outside], alternative="greater").pvalue
        assert group.p_value == pytest.approx(min(1.0, 4 * p), rel=1e-6, abs=0)


def test_the_summary_speaks_of_the_groups_first(found):
    (line,) = [text for text in found.summary if text.startswith("Source")]
    group = found.groups.iloc[0]
    start = f"Source: rejected rows by 'vendor': 'east' {group.rejected} of {group.rows} ("
    assert line.startswith(start)
    assert line.count("beyond chance") == 1
    assert "'(missing)' 0 of 3 (0%)" in line


def test_another_source_is_named_where_the_groups_are_none(frame):
    wards = np.where(frame.vendor == "east", "ward 9", "ward 1")
    other = frame.assign(ward=wards, vendor=np.random.default_rng(3).choice(list("abc"), 442))
    found = mithridate.clean(other, target=GOAL, groups="vendor", drop=["ward"], defense="antidote")
    (line,) = [text for text in found.summary if text.startswith("Source")]
    assert "; none beyond chance. But 'ward' is 'ward 9' in " in line
    assert not found.groups.beyond_chance.any()


def test_chance_names_a_group_in_one_table_of_a_hundred():
    rng = np.random.default_rng(0)
    groups = Groups("g", [str(i) for i in range(12)], rng.integers(0, 12, 600))
    named = 0
    for _ in range(1000):
        kept = np.ones(600, dtype=bool)
        kept[rng.choice(600, 40, replace=False)] = False
        named += any(tally.beyond for tally in groups.tallies(kept))
    # Of 1000 with probability 0.01 each, more than 22 are seen once in 3000 times.
    assert named <= 22


def test_kolmogorov_judges_the_groups(frame, tmp_path):
    trusted = frame.drop(index=BAD).iloc[:120]
    rest = frame.drop(index=trusted.index)
    given = {"defense": "kolmogorovsmirnov", "trusted": trusted, "groups": "vendor"}
    found = mithridate.clean(rest, target=GOAL, **given)
    assert set(rest.vendor[~found.mask]) == {"east"}
    assert (rest.vendor[found.mask] != "east").all()
    assert found.defense.groups_["east"]["rejected"]
    assert "(missing)" in found.defense.groups_
    assert "'east' differs in residual" in found.summary[-1]
    trusted.drop(columns="vendor").to_csv(tmp_path / "good.csv", index=False)
    rest.to_csv(tmp_path / "rest.csv", index=False)
    code, out, _ = call(
        "clean", tmp_path / "rest.csv", "--target", GOAL, "--trusted", tmp_path / "good.csv",
        "--defense", "kolmogorovsmirnov", "--groups", "vendor", "-o", tmp_path / "o.csv",
    )  # fmt: skip
    assert code == 0
    assert f"rejected {int((~found.mask).sum())} of" in out
    assert len(out.splitlines()) <= 10


def test_where_no_group_is_clean_the_columns_have_their_names(frame):
    trusted = frame.drop(index=BAD).iloc[:120].assign(bmi=lambda f: f.bmi + 40)
    with pytest.raises(InputError, match="differs in 'bmi'"):
        mithridate.clean(
            frame.iloc[120:], target=GOAL, groups="vendor", trusted=trusted,
            defense="kolmogorovsmirnov",
        )  # fmt: skip


def test_every_library_gives_the_same(frame, found):
    polars = pl.from_pandas(frame).with_columns(pl.col("vendor").cast(pl.Categorical))
    for table, kind in (
        (polars, pl.DataFrame),
        (polars.lazy(), pl.DataFrame),
        (pa.Table.from_pandas(frame, preserve_index=False), pa.Table),
    ):
        other = mithridate.clean(table, target=GOAL, groups="vendor", defense="antidote")
        assert isinstance(other.groups, kind)
        for name in ("group", "rows", "rejected", "p_value"):
            np.testing.assert_array_equal(other.groups[name], found.groups[name])


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([2020, 2021, None], ["2020", "2021", "(missing)"]),
        ([2020.0, 2021.5, float("nan")], ["2020", "2021.5", "(missing)"]),
        ([True, False, True], ["true", "false", "true"]),
        (pd.to_datetime(["2024-01-01", None]), ["2024-01-01", "(missing)"]),
        ([" a", "a", "(missing)"], ["a", "a", "(missing)"]),
        (["(missing)", "", "b"], ["(missing)", "(missing)", "b"]),
    ],
)  # fmt: skip
def test_groups_of_any_type(values, names):
    table = data.open(pd.DataFrame({"g": [*values] * (12 // len(values)), "y": range(12)}))
    groups = Groups.of(table, "g", "y")
    assert [groups.names[code] for code in groups.codes] == names * (12 // len(names))
    assert len(set(groups.names)) == len(groups.names) == len(set(names))


def test_one_group_is_no_error(frame):
    found = mithridate.clean(
        frame.assign(vendor="only"), target=GOAL, groups="vendor", defense="antidote"
    )
    assert found.groups.p_value.tolist() == [1.0]
    assert not found.groups.beyond_chance.any()


def test_lists_cannot_be_groups(frame):
    table = pa.Table.from_pandas(frame, preserve_index=False)
    table = table.append_column("bag", pa.array([[1]] * 442))
    with pytest.raises(InputError, match="'bag' is of type list"):
        mithridate.clean(table, target=GOAL, groups="bag", defense="antidote")


class Told(BayesClean):
    """Takes groups, and repeats them in its message, as a defense of anyone's might."""

    def fit(self, X, y, sample_weight=None, *, trusted=None, groups=None):
        super().fit(X, y, sample_weight, trusted=trusted)
        self.labels_ = groups
        self.message_ = f"{sorted(set(groups))!r} and {self.feature_names_in_[1]}, x99."
        return self


def test_hostile_names_stay_names(frame):
    rng = np.random.default_rng(1)
    hostile = frame.assign(vendor=rng.choice(HOSTILE, 442))
    found = mithridate.clean(
        hostile, target=GOAL, groups="vendor", defense=Told(false_positive_rate=0.01)
    )
    assert set(found.groups.group) == set(HOSTILE) == set(hostile.vendor)
    # The defense is told short names, as many as there are.
    labels = found.defense.labels_
    assert len(set(labels)) == len(HOSTILE)
    assert max(map(len, labels)) <= 60
    codes = pd.factorize(hostile.vendor)[0]
    assert len(set(zip(labels, codes, strict=True))) == len(HOSTILE)
    # A vendor called x1 is no feature; a feature goes by its name.
    assert "'x1'" in found.summary[-1]
    assert found.summary[-1].endswith("and sex, x99.")
    for line in found.summary:
        assert line.isprintable()
        assert len(line) < 700


def test_counts_of_parts_of_a_long_table_add_up():
    """Rows 3 to 7 of a table, whose kept rows are bits; a gap is a level of its own."""
    kept = np.array([1, 1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1], dtype=bool)
    names = pa.chunked_array([["a", "b", None, "a", "b"]])
    counts = CountsOf("where", np.packbits(kept).tobytes())((3, pa.table({"where": names})))
    assert {name: n.tolist() for name, n in counts.items()} == {
        "a": [2, 2], "b": [2, 0], "(missing)": [1, 0]
    }  # fmt: skip
    other = {"a": np.array([5, 1]), "c": np.array([4, 0])}
    both = {name: n.tolist() for name, n in added(counts, other).items()}
    assert both == {"a": [7, 3], "b": [2, 0], "(missing)": [1, 0], "c": [4, 0]}
    later = CountsOf("where", np.packbits(kept).tobytes())((9, pa.table({"where": names[:3]})))
    assert {name: n.tolist() for name, n in later.items()} == {
        "a": [1, 1], "b": [1, 0], "(missing)": [1, 0]
    }  # fmt: skip


def test_so_many_names_are_no_sources(monkeypatch):
    monkeypatch.setattr("mithridate.cleaning.groups.MAX_NAMED", 2)
    one = {name: np.array([1, 0]) for name in "ab"}
    assert set(added(dict(one), {"b": np.array([1, 0])})) == {"a", "b"}
    with pytest.raises(InputError, match="more than 2 different values"):
        added(one, {"c": np.array([1, 0])})


def test_the_worst_group_is_first_by_chance_and_then_by_share():
    every, here = np.array([20, 100, 100, 10]), np.array([0, 2, 2, 8])
    tallies = tallied(["none", "y", "z", "x"], every, here)
    assert [t.name for t in tallies] == ["x", "y", "z", "none"]
    # Of 12 rejected among 230 rows: the chance that 10 rows hold 8 or more of them, four times.
    assert tallies[0].p == pytest.approx(4 * hypergeom.sf(7, 230, 12, 10), rel=1e-9)
