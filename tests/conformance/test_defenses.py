"""Laws that every exported defense obeys; a new one is held to them without being named here."""

import re
import warnings

import numpy as np
import pytest
from sklearn.base import clone

from mithridate.errors import InputError

from .defended import EXPORTED, clean_table, every_defense, fitted, gross_table, light, told

# These laws hold whatever a defense finds, and for any number of trees.
pytestmark = pytest.mark.usefixtures("few_trees")


@every_defense
def test_permuting_rows_permutes_the_mask(cls):
    X, y, _ = gross_table()
    order = np.random.default_rng(1).permutation(len(y))
    mask = fitted(cls).inlier_mask_
    np.testing.assert_array_equal(told(cls, 0.1).fit(X[order], y[order]).inlier_mask_, mask[order])


@every_defense
def test_says_what_it_did(cls):
    X, y, _ = gross_table()
    defense, n = fitted(cls), len(y)
    assert defense.inlier_mask_.shape == (n,) and defense.inlier_mask_.dtype == bool
    assert defense.scores_.shape == (n,) and np.isfinite(defense.scores_).all()
    assert defense.n_rejected_ == (~defense.inlier_mask_).sum()
    assert isinstance(defense.message_, str) and isinstance(defense.threshold_, float)
    if cls.needs_contamination:
        assert defense.contamination_ == 0.1
    else:
        assert defense.contamination_ == defense.n_rejected_ / n
    if not np.isnan(defense.threshold_):
        np.testing.assert_array_equal(defense.inlier_mask_, defense.scores_ <= defense.threshold_)
    signs = clone(defense).fit_predict(X, y)
    np.testing.assert_array_equal(signs == 1, defense.inlier_mask_)
    assert set(signs) <= {1, -1}


@every_defense
def test_units_of_the_target_do_not_matter(cls):
    if not cls.scale_free:
        pytest.skip("cuts the table by a hash of its numbers, which the units change")
    X, y, _ = gross_table()
    defense, scaled = fitted(cls), told(cls, 0.1).fit(X, 2.5e4 * y - 1e6)
    np.testing.assert_array_equal(scaled.inlier_mask_, defense.inlier_mask_)
    expected = 2.5e4 * defense.predict(X) - 1e6
    np.testing.assert_allclose(scaled.predict(X), expected, rtol=1e-4)


@every_defense
def test_units_of_the_features_do_not_matter(cls):
    if not cls.features_scale_free:
        pytest.skip("as published for features of one range, or fits the given model alone")
    X, y, _ = gross_table()
    unit = 10.0 ** np.arange(-2, 3)
    defense, scaled = fitted(cls), told(cls, 0.1).fit(X * unit - unit, y)
    np.testing.assert_array_equal(scaled.inlier_mask_, defense.inlier_mask_)
    np.testing.assert_allclose(scaled.scores_, defense.scores_, rtol=1e-4, atol=1e-6)


@every_defense
def test_a_row_that_is_farther_off_is_no_less_suspicious(cls):
    if cls.rejects_gross == 0:
        pytest.skip("promises to reject no gross errors: it defends in another way")
    X, y, moved = gross_table()
    row, farther = int(np.flatnonzero(moved)[0]), y.copy()
    farther[row] += 20.0 * (y[row] - np.median(y))
    before, now = fitted(cls), told(cls, 0.1).fit(X, farther)
    assert before.inlier_mask_[row] >= now.inlier_mask_[row]
    ranks = [(found.scores_ > found.scores_[row]).sum() for found in (before, now)]
    assert ranks[1] <= ranks[0]


@every_defense
def test_weight_k_is_row_k_times(cls):
    X, y, _ = gross_table()
    w = np.random.default_rng(2).integers(0, 4, len(y))
    rows = np.arange(len(y)).repeat(w)
    weighted = told(cls, 0.1).fit(X, y, sample_weight=w)
    repeated = told(cls, 0.1).fit(X[rows], y[rows])
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), atol=2e-4)
    kept = np.zeros(len(y), dtype=bool)
    kept[rows[repeated.inlier_mask_]] = True
    np.testing.assert_array_equal(weighted.inlier_mask_, kept)


@every_defense
def test_absent_rows_change_nothing(cls):
    X, y, _ = gross_table()
    w = np.ones(len(y))
    w[::3] = 0.0
    absent, without = told(cls, 0.1).fit(X, y, w), told(cls, 0.1).fit(X[w > 0], y[w > 0])
    np.testing.assert_array_equal(absent.inlier_mask_[w > 0], without.inlier_mask_)
    np.testing.assert_allclose(absent.predict(X), without.predict(X), atol=1e-6)
    assert not absent.inlier_mask_[w == 0].any() and np.isnan(absent.scores_[w == 0]).all()
    assert absent.n_rejected_ == without.n_rejected_


def _hostile():
    X, y = clean_table(n=40)
    yield "constant target", X, np.full(40, 3.3)
    yield "no noise", X, X @ np.arange(5.0)
    yield "two-valued target", X, np.arange(40) % 2.0
    yield "more columns than rows", np.random.default_rng(0).random((40, 90)), y
    yield "constant columns", np.ones((40, 3)), y
    yield "one-hot columns", np.eye(4)[np.arange(40) % 4], y
    yield "equal rows", X[np.zeros(40, dtype=int)], y[np.zeros(40, dtype=int)]
    yield "features far from 0", X + 1e6, y


@every_defense
@pytest.mark.parametrize(("X", "y"), [pytest.param(X, y, id=name) for name, X, y in _hostile()])
def test_finite_on_hostile_tables(cls, X, y):
    defense = light(cls).fit(X, y)
    assert np.isfinite(defense.predict(X)).all() and np.isfinite(defense.scores_).all()
    assert defense.inlier_mask_.sum() >= 2


@every_defense
@pytest.mark.parametrize("wrong", [-0.1, 1.0, 1.5, float("nan"), "auto", None, True])
def test_contamination_is_a_share(cls, wrong):
    if not cls.needs_contamination:
        pytest.skip("takes no contamination")
    with pytest.raises(InputError, match=r"contamination=.*\[0, 1\)"):
        cls(contamination=wrong).fit(*clean_table(n=20))


@pytest.mark.parametrize(
    ("weight", "sentence"),
    [
        (np.ones(7), "one number for each"),
        (-np.ones(20), "not negative"),
        (np.zeros(20), "zero for every row"),
        (np.full(20, np.nan), "finite"),
    ],
)
@every_defense
def test_wrong_weights_are_refused(cls, weight, sentence):
    with pytest.raises(InputError, match=sentence):
        cls().fit(*clean_table(n=20), sample_weight=weight)


@every_defense
def test_reasons_count_absent_rows_in_the_positions(cls):
    X, y, _ = gross_table()
    w = np.ones(len(y))
    w[::3] = 0.0
    defense = told(cls, 0.1).fit(X, y, w)
    rejected = np.flatnonzero(~defense.inlier_mask_ & (w > 0))
    np.testing.assert_array_equal(defense.reasons_["row"], rejected)
    np.testing.assert_array_equal(defense.sample_indices_, np.flatnonzero(defense.inlier_mask_))
    without = told(cls, 0.1).fit(X[w > 0], y[w > 0]).reasons_
    np.testing.assert_allclose(defense.reasons_["residual"], without["residual"], atol=1e-3)


@every_defense
@pytest.mark.parametrize("table", [gross_table, clean_table])
def test_summary_says_how_many_and_how_sure(cls, table):
    X, y, *_ = table()
    defense = light(cls).fit(X, y)
    lines = defense.summary().splitlines()
    assert 2 <= len(lines) <= 10 and all(line.endswith(".") for line in lines)
    assert type(defense.found_) is bool and defense.found_ == (defense.n_rejected_ > 0)
    rate = defense.false_positive_rate_
    assert isinstance(rate, float) and (np.isnan(rate) or 0 < rate < 1)
    if defense.found_:
        assert re.search(rf"rejected {defense.n_rejected_} of {len(y)} rows", lines[0])
    else:
        assert lines[0].startswith("Nothing found")
        assert len(defense.reasons_) == 0 and defense.inlier_mask_.all()


@pytest.mark.parametrize("cls", EXPORTED, ids=lambda cls: cls.__name__)
def test_trusted_rows_are_used_or_refused_in_a_sentence(cls):
    X, y, _ = gross_table()
    clean = clean_table()
    trusted = clean[0][:40], clean[1][:40]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        defense = told(cls, 0.1).fit(X, y, trusted=trusted)
    said = [str(w.message) for w in caught if "trusted" in str(w.message)]
    assert len(defense.inlier_mask_) == len(y)
    if not (cls.uses_trusted or cls.needs_trusted):
        assert said == [f"{cls.__name__} cannot use trusted rows; it ignored them."]
        np.testing.assert_array_equal(defense.inlier_mask_, fitted(cls).inlier_mask_)
        return
    assert said == []
    with pytest.raises(InputError, match="pair"):
        told(cls, 0.1).fit(X, y, trusted=trusted[0])
    with pytest.raises(InputError, match="do not fit the table"):
        told(cls, 0.1).fit(X, y, trusted=(trusted[0][:, :2], trusted[1]))
    if cls.needs_trusted:
        with pytest.raises(InputError, match=r"trusted=\(X, y\)"):
            told(cls, 0.1).fit(X, y)
