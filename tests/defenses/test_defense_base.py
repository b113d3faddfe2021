"""The template: what it checks of a subclass; finding defenses by name; the ridge."""

import doctest
import importlib
import pickle
import pkgutil
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.linear_model import Ridge as SummedRidge

from mithridate import defenses
from mithridate.defenses import BaseDefense, Ridge, Trim
from mithridate.defenses import reasons as reasons_module
from mithridate.defenses.frames import name_of, rows_of, validated
from mithridate.errors import InputError


class Written(BaseDefense):
    """Returns what it is told to, as a careless subclass would."""

    def __init__(self, estimator=None, answer=None, scored=True):
        super().__init__(estimator)
        self.answer = answer
        self.scored = scored

    def _find_inliers(self, X, y, sample_weight):
        if self.scored:
            self.scores_ = np.zeros(len(y))
        return self.answer(len(y))


X, Y = np.random.default_rng(0).random((12, 2)), np.arange(12.0)


@pytest.mark.parametrize(
    ("defense", "error", "sentence"),
    [
        (Written(answer=np.ones), TypeError, "boolean array"),
        (Written(answer=lambda n: [True] * n), TypeError, "boolean array"),
        (Written(answer=lambda n: np.ones(n - 1, bool)), TypeError, "boolean array"),
        (Written(answer=lambda n: np.ones(n, bool), scored=False), TypeError, "must set scores_"),
        (Written(answer=lambda n: np.zeros(n, bool)), InputError, "would keep 0 of 12 rows"),
        (Written(answer=lambda n: np.arange(n) == 3), InputError, "would keep 1 of 12 rows"),
    ],
)
def test_what_a_subclass_returns_is_checked(defense, error, sentence):
    with pytest.raises(error, match=sentence):
        defense.fit(X, Y)


def test_defaults_where_the_hook_says_nothing():
    defense = Written(answer=lambda n: np.arange(n) % 3 > 0).fit(X, Y)
    assert np.isnan(defense.threshold_) and defense.message_ == ""
    assert defense.n_rejected_ == 4 and defense.contamination_ == pytest.approx(1 / 3)
    kept = Ridge().fit(X[np.arange(12) % 3 > 0], Y[np.arange(12) % 3 > 0])
    np.testing.assert_array_equal(defense.predict(X), kept.predict(X))


def test_the_given_estimator_is_not_touched():
    given = Ridge(l2=0.5)
    defense = Trim(given).fit(X, Y)
    assert not hasattr(given, "coef_") and defense.estimator_.l2 == 0.5


@pytest.mark.parametrize("shape", [(50, 4), (20, 60)])
@pytest.mark.parametrize("weighted", [False, True])
def test_ridge_is_scikit_learns_with_n_times_the_penalty(shape, weighted):
    rng = np.random.default_rng(1)
    features, target = rng.random(shape), rng.random(shape[0])
    weight = rng.random(shape[0]) if weighted else None
    total = shape[0] if weight is None else weight.sum()
    ours = Ridge(l2=1e-2).fit(features, target, weight)
    theirs = SummedRidge(alpha=1e-2 * total).fit(features, target, weight)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-8)
    assert ours.intercept_ == pytest.approx(theirs.intercept_)


def test_ridge_without_penalty_takes_the_smallest_solution():
    rng = np.random.default_rng(2)
    features = np.eye(4)[rng.integers(0, 4, 40)]
    target = features @ np.array([1.0, 2.0, 3.0, 6.0])
    ridge = Ridge(l2=0.0).fit(features, target)
    np.testing.assert_allclose(ridge.predict(features), target)
    np.testing.assert_allclose(ridge.coef_, [-2, -1, 0, 3], atol=1e-9)


@pytest.mark.parametrize("l2", [-1.0, float("inf"), float("nan"), "a", None])
def test_ridge_names_a_wrong_penalty(l2):
    with pytest.raises(InputError, match="l2 must be"):
        Ridge(l2=l2).fit(X, Y)


def test_examples_in_the_docs_run():
    files = [f"mithridate.defenses.{m.name}" for m in pkgutil.iter_modules(defenses.__path__)]
    ran = [doctest.testmod(importlib.import_module(f)) for f in ["mithridate.defenses", *files]]
    assert sum(r.failed for r in ran) == 0 and sum(r.attempted for r in ran) > 10


def rejecting(rows, n, **params):
    """A defense that rejects these rows."""
    return Written(answer=lambda _: ~np.isin(np.arange(n), rows), **params)


def table(n=200, d=4, seed=0):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, d))
    return features, features @ np.arange(1.0, d + 1.0) + 0.5 * rng.normal(size=n)


def test_reasons_written_out():
    features, target = table()
    target[3] += 2.0 * (40.0 - features[3, 1]) + 5.0
    features[3, 1], target[7] = 40.0, 90.0
    defense = rejecting([3, 7, 9], 200, estimator=LinearRegression()).fit(features, target)
    kept = ~np.isin(np.arange(200), [3, 7, 9])
    model = LinearRegression().fit(features[kept], target[kept])
    residual = target - model.predict(features)
    sigma = np.sqrt(np.mean(residual[kept] ** 2))
    reasons = defense.reasons_
    assert reasons["row"].tolist() == [3, 7, 9] and reasons["score"].tolist() == [0.0, 0.0, 0.0]
    np.testing.assert_allclose(reasons["residual"], residual[[3, 7, 9]] / sigma)

    # With as much signal as here the prior weighs nothing, so the leverage is that of least squares
    # on the kept rows and the one row.
    for reason in reasons:
        rows = np.append(np.flatnonzero(kept), reason["row"])
        design = np.column_stack([np.ones(len(rows)), features[rows]])
        hat = design @ np.linalg.pinv(design)
        assert reason["leverage"] == pytest.approx(hat[-1, -1], rel=1e-3)
        noise = np.sqrt(np.sum(residual[kept] ** 2) / (kept.sum() - 4))
        spread = noise / np.sqrt(1 - hat[-1, -1])
        assert reason["predictive_sigma"] == pytest.approx(spread, rel=1e-3)

    z = (features - features[kept].mean(axis=0)) / features[kept].std(axis=0)
    assert reasons["first_column"].tolist()[0] == "x1" and reasons["second_column"][0] == "y"
    assert reasons["first_sigma"][0] == pytest.approx(z[3, 1])
    assert reasons["first_column"][1] == "y"
    assert reasons["first_sigma"][1] == pytest.approx(reasons["residual"][1])
    stands_out = np.append(z[9], reasons["residual"][2])
    first, second = np.argsort(-np.abs(stands_out))[:2]
    names = ["x0", "x1", "x2", "x3", "y"]
    assert (reasons["first_column"][2], reasons["second_column"][2]) == (
        names[first],
        names[second],
    )
    assert reasons["second_sigma"][2] == pytest.approx(stands_out[second])


def test_reasons_are_those_at_the_time_of_the_fit_whenever_they_are_asked_for():
    features, target = table()
    target[3] = 90.0
    asked, late = (Trim(contamination=0.05).fit(features, target) for _ in range(2))
    reasons = asked.reasons_
    kept = pickle.loads(pickle.dumps(late))
    features[:], target[:] = 0.0, 0.0
    late.estimator_.coef_[:] = 0.0
    late.scores_[:] = 0.0
    np.testing.assert_array_equal(late.reasons_, reasons)
    np.testing.assert_array_equal(kept.reasons_, reasons)
    assert late.reason_records is late.reason_records


def test_a_second_fit_forgets_the_names_of_the_first():
    frame = pd.DataFrame(X, columns=["a", "b"])
    defense = Trim().fit(frame, Y)
    assert defense.feature_names_in_.tolist() == ["a", "b"]
    assert not hasattr(defense.fit(X, Y), "feature_names_in_")
    assert defense.fit(X[:, :1], Y).n_features_in_ == 1


def test_finite_values_with_an_infinite_sum_are_accepted_and_infinite_ones_are_not():
    large = np.full((12, 2), 1e308)
    assert validated(Ridge(), large, Y, reset=True, dtype=np.float64)[0] is large
    for wrong in (np.inf, np.nan):
        features, target = X.copy(), Y.copy()
        features[3, 1] = target[3] = wrong
        with pytest.raises(ValueError, match="X contains"):
            Trim().fit(features, Y)
        with pytest.raises(ValueError, match="y contains"):
            Trim().fit(X, target)


def test_reasons_do_not_depend_on_how_the_rows_are_cut(monkeypatch):
    features, target = table(n=500)
    rows = np.arange(0, 500, 7)
    whole = rejecting(rows, 500).fit(features, target).reasons_
    monkeypatch.setattr(reasons_module, "_BLOCK", 16)
    parts = rejecting(rows, 500).fit(features, target).reasons_
    assert (whole["first_column"] == parts["first_column"]).all()
    for name in ("residual", "leverage", "predictive_sigma", "first_sigma"):
        np.testing.assert_allclose(parts[name], whole[name], rtol=1e-6)


def test_reasons_of_weighted_rows_are_those_of_repeated_ones():
    features, target = table()
    weight = np.random.default_rng(1).integers(1, 4, 200)
    rows = np.arange(200).repeat(weight)
    once = rejecting([5, 6], 200).fit(features, target, weight).reasons_
    place = np.flatnonzero(np.isin(rows, [5, 6]))
    often = rejecting(place, len(rows)).fit(features[rows], target[rows]).reasons_
    often = often[np.searchsorted(rows[place], [5, 6])]
    for name in ("residual", "leverage", "predictive_sigma", "first_sigma", "second_sigma"):
        np.testing.assert_allclose(once[name], often[name], rtol=1e-6)


def test_what_differs_from_a_constant_stands_out_infinitely():
    features, target = table()
    features[:, 2], features[:, 3] = 1e6 / 3, 0.0
    features[5, 2] += 1.0
    features[6, 3] = -1e-3
    reasons = rejecting([5, 6, 7], 200).fit(features, target).reasons_
    assert reasons["first_column"].tolist()[:2] == ["x2", "x3"]
    assert reasons["first_sigma"].tolist()[:2] == [np.inf, -np.inf]
    assert np.isfinite(reasons["first_sigma"][2])


def test_a_table_without_noise_has_finite_reasons():
    features, _ = table()
    reasons = rejecting([5, 6], 200).fit(features, features.sum(axis=1)).reasons_
    for name in ("residual", "leverage", "predictive_sigma", "first_sigma"):
        assert np.isfinite(reasons[name]).all()


def test_very_wide_tables_cost_no_eigendecomposition(monkeypatch):
    features, target = table()
    narrow = rejecting([5, 6], 200).fit(features, target).reasons_
    monkeypatch.setattr(reasons_module, "_MANY_COLUMNS", 3)
    wide = rejecting([5, 6], 200).fit(features, target).reasons_
    assert np.isnan(wide["leverage"]).all() and np.isnan(wide["predictive_sigma"]).all()
    assert (wide["first_column"] == narrow["first_column"]).all()
    np.testing.assert_allclose(wide["first_sigma"], narrow["first_sigma"])


def test_sigma_from_some_of_many_rows(monkeypatch):
    features, target = table(n=3000)
    exact = rejecting([5, 6], 3000).fit(features, target).reasons_["residual"]
    monkeypatch.setattr(reasons_module, "_MANY_ROWS", 1000)
    some = rejecting([5, 6], 3000).fit(features, target).reasons_["residual"]
    np.testing.assert_allclose(some, exact, rtol=0.1)
    assert (some != exact).all()


def test_no_training_rows_are_stored():
    features, target = table(n=2000, d=50)
    defense = Trim(contamination=0.3).fit(features, target)
    assert len(pickle.dumps(defense)) < 0.2 * features.nbytes


@pytest.mark.parametrize("what", ["reasons_", "sample_indices_", "summary"])
def test_nothing_to_tell_before_the_fit(what):
    assert not hasattr(Trim(), what) or what == "summary"
    with pytest.raises(AttributeError, match="not fitted yet"):
        Trim().summary() if what == "summary" else getattr(Trim(), what)


def test_summary_names_what_stands_out():
    features, target = table()
    features[:9, 1] += 30.0
    target[4:9] += 500.0
    frame = pd.DataFrame(features, columns=["age", "bmi", "bp", "ldl"])
    defense = rejecting(range(9), 200).fit(frame, pd.Series(target, name="price"))
    lines = defense.summary().splitlines()
    assert lines[0] == "Written rejected 9 of 200 rows (4.5%)."
    assert "bmi in 9, price in 9" in lines[1] or "price in 9, bmi in 9" in lines[1]
    assert "median" in lines[2] and "row" in lines[3] and "up to 10% may be rejected" in lines[4]


def test_summary_where_nothing_was_found_and_where_a_share_was_told():
    features, target = table()
    lines = rejecting([], 200).fit(features, target).summary().splitlines()
    assert lines[0] == "Nothing found: Written rejected none of 200 rows."
    told = Trim(contamination=0.05).fit(features, target).summary()
    assert "It rejects 5% of the rows" in told
    close = rejecting([int(np.abs(features).sum(axis=1).argmin())], 200).fit(features, target)
    assert "In none of them does a column stand out by 3 σ" in close.summary()


class Trusting(Written):
    """Uses trusted rows, and remembers them."""

    uses_trusted = True

    def _find_inliers(self, X, y, sample_weight, trusted=None):
        self.given_ = trusted
        return super()._find_inliers(X, y, sample_weight)


class Needy(Trusting):
    needs_trusted = True


def test_trusted_rows_reach_the_hook_as_arrays():
    everything = lambda n: np.ones(n, bool)  # noqa: E731
    frame = pl.DataFrame({"a": X[:, 0], "b": X[:, 1]})
    defense = Needy(answer=everything).fit(frame, Y, trusted=(frame[:3], Y[:3].tolist()))
    np.testing.assert_array_equal(defense.given_[0], X[:3])
    np.testing.assert_array_equal(defense.given_[1], Y[:3])
    assert Trusting(answer=everything).fit(X, Y).given_ is None
    signs = Trusting(answer=everything).fit_predict(X, Y, trusted=(X, Y))
    assert signs.tolist() == [1] * 12


@pytest.mark.parametrize(
    ("trusted", "sentence"),
    [
        (None, r"needs rows known to be clean: pass trusted=\(X, y\)"),
        (X, r"of type ndarray; give a pair"),
        ((X, Y, Y), "of type tuple; give a pair"),
        ((X[:, :1], Y), "do not fit the table"),
        ((X, Y[:3]), "do not fit the table"),
        ((X * np.nan, Y), "do not fit the table"),
    ],
)
def test_wrong_trusted_rows_are_refused(trusted, sentence):
    with pytest.raises(InputError, match=sentence):
        Needy(answer=lambda n: np.ones(n, bool)).fit(X, Y, trusted=trusted)


def test_who_cannot_use_trusted_rows_says_so_where_it_was_called():
    with pytest.warns(UserWarning, match="Trim cannot use trusted rows; it ignored them") as said:
        Trim().fit(X, Y, trusted=(X, Y))
    assert said[0].filename == __file__


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (pl.DataFrame({"a": [1, 2, 3]}), pl.DataFrame({"a": [1, 3]})),
        (pl.Series("a", [1, 2, 3]), pl.Series("a", [1, 3])),
    ],
)
def test_rows_of_polars(data, expected):
    assert rows_of(data, np.array([0, 2])).equals(expected)


def test_rows_of_the_rest():
    rows = np.array([0, 2])
    frame = pd.DataFrame({"a": [1, 2, 3], "b": pd.Categorical(["u", "v", "u"])}, index=list("xyz"))
    pd.testing.assert_frame_equal(rows_of(frame, rows), frame.iloc[[0, 2]])
    assert rows_of(np.arange(3, dtype=np.int8), rows).dtype == np.int8
    assert rows_of(((1, 2), (3, 4), (5, 6)), rows) == [(1, 2), (5, 6)]


def test_name_of_a_target():
    assert name_of(pd.Series([1], name="price")) == name_of(pl.Series("price", [1])) == "price"
    for unnamed in (pd.Series([1]), pd.Series([1], name=3), pl.Series([1]), [1], np.ones(1)):
        assert name_of(unnamed) == "y"


def test_other_frames_are_read_as_arrays_are():
    pa = pytest.importorskip("pyarrow")
    frame = pa.table({"a": X[:, 0], "b": X[:, 1]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ridge = Ridge().fit(frame, Y)
        np.testing.assert_array_equal(ridge.predict(frame), Ridge().fit(X, Y).predict(X))
    assert ridge.feature_names_in_.tolist() == ["a", "b"]
    with pytest.raises(InputError, match=r"'a', 'c'.*Ridge was fitted with 'a', 'b'"):
        ridge.predict(frame.rename_columns(["a", "c"]))
