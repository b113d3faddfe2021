"""Least trimmed squares finds the plane of most rows, wherever the others are."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from mithridate.defenses import LeastTrimmedSquares
from mithridate.defenses.chance import truncated_variance
from mithridate.defenses.trimmed import TrimmedTable, best_set
from mithridate.errors import InputError
from mithridate.passes.rows import OrderedTable


def table(seed=0, n=300, d=5, share=0.3, shift=5.0, far=0.0):
    """Rows of which the first part has its own plane, and one column far away."""
    rng = np.random.default_rng(seed)
    X = rng.random((n, d))
    y = X @ np.arange(1.0, d + 1) + 0.1 * rng.normal(size=n)
    poison = np.arange(n) < round(share * n)
    X[poison, 0] += far
    y[poison] += shift
    return X, y, poison


@pytest.mark.parametrize("far", [0.0, 30.0, 1e3, 1e6])
@pytest.mark.parametrize("share", [0.1, 0.3])
def test_poison_on_a_plane_of_its_own_goes(share, far):
    X, y, poison = table(share=share, far=far)
    mask = LeastTrimmedSquares().fit(X, y).inlier_mask_
    assert not mask[poison].any()
    assert mask[~poison].mean() > 0.95


def test_the_set_is_at_least_as_good_as_the_true_one():
    X, y, poison = table(share=0.4)
    fitted = TrimmedTable.of(OrderedTable.of(X, y), 0.5)
    kept = best_set(fitted, 50, np.random.RandomState(0))
    assert kept.sum() == 150
    clean = (~poison)[np.argsort(y, kind="stable")].astype(float)
    truth = fitted.concentrated(clean, 50)[0]
    assert fitted.nearest(fitted.fit(kept))[0] <= truth * (1 + 1e-9)


def test_fits_by_columns_and_by_rows_are_one():
    rng = np.random.default_rng(0)
    X, y = rng.random((30, 12)), rng.random(30)
    fitted = TrimmedTable.of(OrderedTable.of(X, y), 0.5)
    weight = rng.random(30)
    weight[11:] = 0.0  # fewer rows than columns
    coef, intercept = fitted.fit(weight)
    Z, y, w = fitted.Z[:11], fitted.y[:11], weight[:11]
    residual = y - Z @ coef - intercept
    # The gradient of the penalized loss is zero in each coefficient and in the intercept.
    np.testing.assert_allclose((w * residual) @ Z, 1e-3 * w.sum() * coef, rtol=1e-7)
    assert abs(w @ residual) < 1e-12


def test_variance_of_what_is_cut_off():
    z = np.random.default_rng(0).normal(size=1_000_000)
    for within in (0.6745, 1.5, 2.5):
        assert truncated_variance(within) == pytest.approx(z[np.abs(z) <= within].var(), rel=5e-3)


def test_of_clean_gaussian_rows_those_beyond_the_cut_go():
    X, y, _ = table(n=8000, share=0.0)
    for cut, share in ((2.5, 0.0124), (2.0, 0.0455)):
        lts = LeastTrimmedSquares(cut=cut).fit(X, y)
        assert lts.n_rejected_ / len(y) == pytest.approx(share, rel=0.2)
        assert lts.threshold_ == cut and lts.message_ == ""


def test_nothing_depends_on_the_order_of_the_table():
    X, y, _ = table(share=0.4)
    weight = np.random.default_rng(1).random(len(y)) + 0.5
    order = np.random.default_rng(2).permutation(len(y))
    for w in (None, weight):
        one = LeastTrimmedSquares().fit(X, y, w)
        two = LeastTrimmedSquares().fit(X[order], y[order], None if w is None else w[order])
        np.testing.assert_array_equal(two.scores_, one.scores_[order])


def test_large_tables_are_searched_in_a_sample(monkeypatch):
    X, y, poison = table(n=2000)
    whole = LeastTrimmedSquares().fit(X, y)
    monkeypatch.setattr("mithridate.defenses.trimmed.SEARCHED_ROWS", 500)
    sampled = LeastTrimmedSquares().fit(X, y)
    np.testing.assert_array_equal(sampled.inlier_mask_, whole.inlier_mask_)
    assert not sampled.inlier_mask_[poison].any()


def test_a_target_that_is_mostly_one_value_is_spoken_of():
    X, y, _ = table(share=0.0)
    y[: len(y) * 6 // 10] = 0.0
    lts = LeastTrimmedSquares().fit(X, y)
    assert lts.n_rejected_ == (y != 0).sum()
    assert "lie on one plane exactly" in lts.summary()


def test_too_many_columns_are_spoken_of():
    X, y, _ = table(n=120, d=110, share=0.0)
    assert "give more rows or fewer columns" in LeastTrimmedSquares().fit(X, y).message_


def test_the_kept_rows_fit_the_estimator():
    X, y, _ = table()
    lts = LeastTrimmedSquares(LinearRegression()).fit(X, y)
    plain = LinearRegression().fit(X[lts.inlier_mask_], y[lts.inlier_mask_])
    np.testing.assert_array_equal(lts.predict(X), plain.predict(X))


@pytest.mark.parametrize(
    "wrong",
    [
        *({"keep": keep} for keep in (0.4, 1.0, None)),
        *({"starts": starts} for starts in (0, 2.5)),
        *({"cut": cut} for cut in (0.5, np.inf, np.nan, "2")),
    ],
)
def test_wrong_parameters_are_refused_in_a_sentence(wrong):
    X, y, _ = table()
    with pytest.raises(InputError, match=next(iter(wrong)) + "=.*give a"):
        LeastTrimmedSquares(**wrong).fit(X, y)
