"""The RANSAC defense is scikit-learn's regressor, on the table in an order of its own."""

import numpy as np
import pytest
import sklearn
from sklearn.linear_model import LinearRegression, RANSACRegressor

from mithridate.defenses import Ransac, Ridge
from mithridate.errors import InputError


def table(seed=0, n=120, d=4):
    rng = np.random.default_rng(seed)
    X = rng.random((n, d))
    y = X @ rng.normal(size=d) * 3 + 0.1 * rng.normal(size=n)
    y[: n // 5] += 4.0
    return X, y


@pytest.mark.parametrize("estimator", [Ridge(1e-2), LinearRegression()])
@pytest.mark.parametrize("seed", range(3))
def test_is_exactly_scikit_learns(estimator, seed):
    X, y = table(seed)
    ours = Ransac(estimator, min_samples=7, random_state=seed).fit(X, y)
    order = np.argsort(y)
    theirs = RANSACRegressor(estimator, min_samples=7, random_state=seed).fit(X[order], y[order])
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    np.testing.assert_array_equal(ours.inlier_mask_[order], theirs.inlier_mask_)
    assert isinstance(ours.estimator_, RANSACRegressor)
    assert ours.n_trials_ == theirs.n_trials_
    np.testing.assert_array_equal(ours.scores_, np.abs(y - ours.predict(X)))


def test_weights_that_are_no_counts_weigh_in_the_fits():
    X, y = table()
    weight, order = np.linspace(0.5, 1.5, len(y)), np.argsort(y)
    theirs = RANSACRegressor(Ridge(), min_samples=5, random_state=0)
    theirs.fit(X[order], y[order], sample_weight=weight[order])
    for routing in (False, True):
        with sklearn.config_context(enable_metadata_routing=routing):
            ours = Ransac(Ridge(), min_samples=5).fit(X, y, sample_weight=weight)
        np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


@pytest.mark.parametrize(("shape", "rows"), [((120, 4), 5), ((120, 60), 12), ((10, 4), 2)])
def test_few_rows_a_trial_where_there_are_many_columns(shape, rows):
    rng = np.random.default_rng(0)
    ransac = Ransac().fit(rng.random(shape), rng.random(shape[0]))
    assert ransac.estimator_.min_samples == rows


def test_a_target_that_is_mostly_one_value_has_a_threshold():
    X, y = table()
    y[: len(y) * 2 // 3] = 0.0
    assert np.median(np.abs(y - np.median(y))) == 0
    assert Ransac().fit(X, y).estimator_.residual_threshold == pytest.approx(np.abs(y).mean())


def test_what_scikit_learn_refuses_is_a_sentence():
    with pytest.raises(InputError, match="Ransac found no model"):
        Ransac(residual_threshold=1e-12, max_trials=3).fit(*table())
    with pytest.raises(InputError, match="Ransac found no model"):
        Ransac(min_samples=1000).fit(*table())
