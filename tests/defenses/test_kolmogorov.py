"""KolmogorovSmirnov: names the source that is off, and no other."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from scipy.stats import ks_2samp

from mithridate.defenses import KolmogorovSmirnov, Ridge
from mithridate.defenses.twosample import holm, p_values
from mithridate.errors import InputError


def table(seed=0, groups=4, size=60, d=3, known=40):
    """Clean rows of some sources, and trusted rows."""
    rng = np.random.default_rng(seed)
    n = groups * size
    X = rng.random((n + known, d))
    y = X @ np.arange(1.0, d + 1) + 0.1 * rng.normal(size=n + known)
    return X[:n], y[:n], np.repeat(list("abcdefghij"[:groups]), size), (X[n:], y[n:])


def test_names_the_source_whose_targets_are_off():
    X, y, source, trusted = table()
    y[source == "c"] += 0.25
    ks = KolmogorovSmirnov().fit(X, y, trusted=trusted, groups=source)
    np.testing.assert_array_equal(ks.inlier_mask_, source != "c")
    off = {name: one["columns"] for name, one in ks.groups_.items() if one["rejected"]}
    assert off == {"c": ["residual"]}
    assert "'c' differs in residual (p = " in ks.message_
    assert ks.groups_["c"]["rows"] == 60 and ks.groups_["c"]["p_value"] < 0.05
    expected = Ridge().fit(X[source != "c"], y[source != "c"])
    np.testing.assert_allclose(ks.predict(X), expected.predict(X), rtol=1e-12)


def test_names_the_column_that_is_off():
    X, y, source, trusted = table()
    X[source == "b", 1] **= 3
    frame = pd.DataFrame(X, columns=["age", "rooms", "tax"])
    known = pd.DataFrame(trusted[0], columns=frame.columns), trusted[1]
    ks = KolmogorovSmirnov().fit(frame, y, trusted=known, groups=pd.Series(source))
    assert ks.groups_["b"]["columns"][0] in ("rooms", "residual")
    assert "rooms" in ks.groups_["b"]["columns"] and "rooms" in ks.message_
    assert not any(ks.groups_[name]["rejected"] for name in "acd")


def test_scores_are_p_values_and_the_threshold_their_level():
    X, y, source, trusted = table()
    y[source == "a"] += 0.5
    ks = KolmogorovSmirnov(level=0.01).fit(X, y, trusted=trusted, groups=source)
    assert ks.threshold_ == pytest.approx(2.0)
    for name in "abcd":
        p = ks.groups_[name]["p_value"]
        np.testing.assert_allclose(ks.scores_[source == name], -np.log10(p), atol=1e-12)
        assert (p < 0.01) == ks.groups_[name]["rejected"]


def test_clean_groups_stay_as_often_as_the_level_says():
    found = [
        KolmogorovSmirnov(level=0.1).fit(X, y, trusted=trusted, groups=source).found_
        for X, y, source, trusted in (table(seed, size=30, d=2) for seed in range(150))
    ]
    assert np.mean(found) <= 0.15  # within two standard errors


def test_clean_rows_go_as_often_as_the_level_says():
    rejected = [
        1 - KolmogorovSmirnov(level=0.1).fit(X, y, trusted=trusted).inlier_mask_.mean()
        for X, y, _, trusted in (table(seed, d=2) for seed in range(60))
    ]
    assert 0.05 < np.mean(rejected) < 0.13


def test_without_groups_rows_are_judged_one_by_one():
    X, y, _, trusted = table()
    y[:20] += 3.0
    X[20:25, 0] = 9.0
    ks = KolmogorovSmirnov().fit(X, y, trusted=trusted)
    assert not ks.inlier_mask_[:25].any() and ks.inlier_mask_[25:].mean() > 0.85
    assert ks.groups_ == {} and ks.false_positive_rate_ == 0.05


def test_without_groups_it_says_what_is_off_in_the_whole_table():
    X, y, _, trusted = table()
    X[:, 2] = X[:, 2] ** 2
    message = KolmogorovSmirnov().fit(X, y, trusted=trusted).message_
    assert "The table as a whole differs" in message and "x2" in message
    assert "Name its groups" in message


def test_too_few_trusted_rows_for_single_rows_are_said():
    X, y, _, trusted = table(known=12)
    y[0] += 100.0
    ks = KolmogorovSmirnov().fit(X, y, trusted=trusted)
    assert ks.inlier_mask_.all() and "12 trusted rows are too few" in ks.message_
    assert "give 19" in ks.message_ and np.isnan(ks.threshold_)


def test_p_values_are_scipys():
    rng = np.random.default_rng(0)
    one, two = rng.normal(size=(80, 4)), rng.normal([0.0, 0.3, 1.0, 0.0], size=(30, 4))
    one[:, 3], two[:, 3] = np.round(one[:, 3]), np.round(two[:, 3])
    ours = p_values(one, np.ones(80), two)
    theirs = [ks_2samp(a, b, method="asymp").pvalue for a, b in zip(one.T, two.T, strict=True)]
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)
    weight = rng.integers(1, 4, 80).astype(float)
    repeated = one.repeat(weight.astype(int), axis=0)
    np.testing.assert_allclose(
        p_values(one, weight, two), p_values(repeated, np.ones(len(repeated)), two)
    )


def test_few_rows_cannot_give_a_tiny_p():
    for n, m in [(3, 4), (10, 12), (26, 30)]:
        one, two = np.arange(n, dtype=float)[:, None], 100.0 + np.arange(m)[:, None]
        exact = ks_2samp(one[:, 0], two[:, 0], method="exact").pvalue
        assert p_values(one, np.ones(n), two)[0] == pytest.approx(exact, rel=1e-6)


def test_correction_is_holms():
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03])), [0.03, 0.06, 0.06])
    np.testing.assert_allclose(holm(np.array([[0.5, 0.9], [0.001, 0.5]])), [[1, 1], [0.004, 1]])


def test_equal_rows_are_judged_alike_whatever_the_order():
    """A row is judged by models of other fifths of the table, which all rows equal to it leave."""
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 2, (60, 3)).astype(float), rng.integers(0, 2, 60).astype(float)
    trusted = rng.random((40, 3)), rng.random(40)
    scores = KolmogorovSmirnov().fit(X, y, trusted=trusted).scores_
    order = rng.permutation(60)
    other = KolmogorovSmirnov().fit(X[order], y[order], trusted=trusted).scores_
    np.testing.assert_allclose(other, scores[order], rtol=1e-9)
    _, row = np.unique(np.column_stack([X, y]), axis=0, return_inverse=True)
    for k in range(row.max() + 1):
        np.testing.assert_allclose(scores[row == k], scores[row == k][0], rtol=1e-9)


def test_a_single_group_is_judged_as_a_whole():
    X, y, _, trusted = table()
    ks = KolmogorovSmirnov().fit(X, y, trusted=trusted, groups=["all"] * len(y))
    assert not ks.groups_["all"]["rejected"] and ks.inlier_mask_.all()
    with pytest.raises(InputError, match=r"No group of rows is like .*'all' differs in"):
        KolmogorovSmirnov().fit(X + 0.5, y, trusted=trusted, groups=["all"] * len(y))


def test_groups_of_absent_rows_are_left_out():
    X, y, source, trusted = table()
    y[source == "c"] += 0.5
    weight = (source != "a").astype(float)
    ks = KolmogorovSmirnov().fit(X, y, weight, trusted=trusted, groups=source)
    assert set(ks.groups_) == {"b", "c", "d"}
    np.testing.assert_array_equal(ks.inlier_mask_, (source != "c") & (source != "a"))


@pytest.mark.parametrize("kind", [list, np.array, pd.Series, lambda s: pl.Series("source", s)])
def test_groups_may_come_as_any_column(kind):
    X, y, source, trusted = table()
    y[source == "c"] += 0.5
    signs = KolmogorovSmirnov().fit_predict(X, y, trusted=trusted, groups=kind(source))
    np.testing.assert_array_equal(signs == 1, source != "c")
    days = np.repeat(np.arange(4), 60)
    ks = KolmogorovSmirnov().fit(X, y, trusted=trusted, groups=kind(days))
    assert ks.groups_["2"]["rejected"]


def test_groups_are_routed():
    X, y, source, trusted = table()
    with sklearn.config_context(enable_metadata_routing=True):
        pipe = sklearn.pipeline.make_pipeline(
            sklearn.preprocessing.FunctionTransformer(),
            KolmogorovSmirnov().set_fit_request(groups=True, trusted=True),
        )
        assert set(pipe.fit(X, y, trusted=trusted, groups=source)[-1].groups_) == set("abcd")


def test_wrong_arguments_are_named():
    X, y, source, trusted = table()
    with pytest.raises(InputError, match="groups has 10 entries"):
        KolmogorovSmirnov().fit(X, y, trusted=trusted, groups=source[:10])
    with pytest.raises(InputError, match=r"KolmogorovSmirnov\(level=1.0\)"):
        KolmogorovSmirnov(level=1.0).fit(X, y, trusted=trusted)
