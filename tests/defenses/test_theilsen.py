"""The Theil-Sen defense is scikit-learn's regressor, on y over its spread."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, TheilSenRegressor

from mithridate.defenses import TheilSen
from mithridate.errors import InputError


def table(seed=0, n=80, d=3):
    rng = np.random.default_rng(seed)
    X = rng.random((n, d))
    y = X @ rng.normal(size=d) * 3 + 0.1 * rng.normal(size=n)
    y[: n // 10] += 4.0
    return X, y


@pytest.mark.parametrize("seed", range(3))
def test_is_scikit_learns(seed):
    X, y = table(seed)
    X = (X - X.min(axis=0)) / np.ptp(X, axis=0)  # their fit depends on the units of the features
    ours = TheilSen(max_subpopulation=500, random_state=seed).fit(X, y)
    order = np.argsort(y)
    theirs = TheilSenRegressor(max_subpopulation=500, random_state=seed)
    spread = np.median(np.abs(y - np.median(y)))
    theirs.fit(X[order], (y[order] - np.median(y)) / spread)
    np.testing.assert_allclose(
        ours.predict(X), theirs.predict(X) * spread + np.median(y), rtol=1e-12
    )
    # And it is the same in the units of y, once their tolerance is tight.
    theirs.set_params(tol=1e-9, max_iter=10_000).fit(X[order], y[order])
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), atol=5e-3)
    assert ours.breakdown_ == theirs.breakdown_


def test_flags_rows_by_the_robust_scale_of_their_residuals():
    X, y = table()
    defense = TheilSen(cut=2.5).fit(X, y)
    residual = np.abs(y - defense.predict(X))
    np.testing.assert_allclose(
        defense.scores_, residual / (1.4826 * np.sort(residual)[39]), rtol=1e-9
    )
    np.testing.assert_array_equal(defense.inlier_mask_, defense.scores_ <= 2.5)
    assert not defense.inlier_mask_[:8].any()


@pytest.mark.parametrize(("d", "subsets"), [(2, 10_000), (60, 220), (200, 50)])
def test_fewer_subsets_where_there_are_many_columns(d, subsets):
    assert TheilSen()._subsets(d) == subsets


def test_with_more_columns_than_rows_it_is_least_squares():
    X, y = table(n=20, d=40)
    np.testing.assert_allclose(
        TheilSen().fit(X, y).predict(X), LinearRegression().fit(X, y).predict(X), atol=1e-8
    )


def test_says_when_it_did_not_converge(monkeypatch):
    fit = TheilSenRegressor.fit
    monkeypatch.setattr(
        TheilSenRegressor, "fit", lambda self, X, y: fit(self.set_params(max_iter=1, tol=0), X, y)
    )
    assert "still moving" in TheilSen(max_subpopulation=50).fit(*table()).message_


def test_weights_count_rows():
    X, y = table()
    with pytest.raises(InputError, match="whole numbers"):
        TheilSen().fit(X, y, sample_weight=np.linspace(0.5, 1.5, len(y)))
    plain = TheilSen(max_subpopulation=200).fit(X, y)
    equal = TheilSen(max_subpopulation=200).fit(X, y, sample_weight=np.full(len(y), 0.3))
    np.testing.assert_array_equal(equal.predict(X), plain.predict(X))


def test_wrong_cut_is_named():
    with pytest.raises(InputError, match=r"TheilSen\(cut=0\)"):
        TheilSen(cut=0).fit(*table())
