"""The Huber defense is scikit-learn's regressor, its penalty matched to the ridge it defends."""

from collections import Counter

import numpy as np
import pytest
from sklearn.linear_model import HuberRegressor, LinearRegression

from mithridate.defenses import Huber, Ridge
from mithridate.defenses.weights import median
from mithridate.errors import InputError
from mithridate.passes.memory import InMemory


def table(seed=0, n=200, d=8):
    rng = np.random.default_rng(seed)
    coef, X = rng.normal(size=d), rng.random((n, d))
    y = X @ coef + 0.1 * rng.normal(size=n)
    y[: n // 10] += 5.0
    return X, y


@pytest.mark.parametrize("alpha", [1e-5, 0.1, 3])
def test_with_a_number_it_is_exactly_scikit_learns(alpha):
    X, y = table()
    for weight in (None, np.random.default_rng(1).random(len(y)) + 0.5):
        ours = Huber(alpha=alpha).fit(X, y, sample_weight=weight)
        theirs = HuberRegressor(alpha=alpha, max_iter=1000).fit(X, y, sample_weight=weight)
        np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
        np.testing.assert_array_equal(ours.inlier_mask_, ~theirs.outliers_)
        assert isinstance(ours.estimator_, HuberRegressor)
        assert ours.n_iter_ == theirs.n_iter_


def test_scores_are_residuals_in_units_of_the_scale():
    X, y = table()
    huber = Huber(alpha=0.1, epsilon=1.5).fit(X, y)
    scores = np.abs(y - huber.predict(X)) / huber.estimator_.scale_
    np.testing.assert_allclose(huber.scores_, scores)
    assert huber.threshold_ == 1.5


def test_matched_model_is_the_one_its_alpha_says():
    """In other units and from another start it was computed, but it is the same minimum."""
    X, y = table()
    huber = Huber(Ridge(l2=1e-2)).fit(X, y)
    theirs = HuberRegressor(alpha=huber.estimator_.alpha, max_iter=10_000, tol=1e-8).fit(X, y)
    np.testing.assert_allclose(huber.predict(X), theirs.predict(X), atol=1e-4)
    assert huber.estimator_.scale_ == pytest.approx(theirs.scale_, rel=1e-3)
    assert not huber.estimator_.warm_start


def sigma_of(huber, l2, n):
    """The σ by which the matched penalty was divided."""
    return l2 * n / huber.estimator_.alpha


def test_matched_alpha_divides_by_the_scale_of_the_ridge_residuals():
    rng = np.random.default_rng(2)
    X = rng.random((300, 4))
    y = X.sum(axis=1) + 0.1 * rng.standard_t(30, size=300)
    for l2 in (1e-3, 1e-1):
        residual = y - Ridge(l2).fit(X, y).predict(X)
        huber = Huber(Ridge(l2), epsilon=3.0).fit(X, y)
        mad = 1.4826 * np.median(np.abs(residual))
        assert sigma_of(huber, l2, 300) == pytest.approx(mad, rel=0.1)


def test_scale_that_poison_inflated_is_not_used():
    """It would weaken the penalty just where it is needed."""
    X, y = table(n=300, d=120)
    y[:90] += 5.0
    residual = y - Ridge().fit(X, y).predict(X)
    huber = Huber().fit(X, y)
    sigma = sigma_of(huber, 1e-3, 300)
    assert sigma < 0.75 * 1.4826 * np.median(np.abs(residual))
    # One refit, not a fixed point: nearly where the penalized loss stands still, not exactly.
    square, length = (y - huber.predict(X)) ** 2, np.sum(huber.estimator_.coef_**2)
    bounded = np.minimum(square / sigma**2, huber.epsilon**2).mean()
    assert bounded + 1e-3 * length / sigma**2 == pytest.approx(1.0, rel=0.2)


@pytest.mark.parametrize("l2", [1e-4, 1e-2, 1.0])
def test_without_outliers_it_shrinks_as_the_ridge(l2):
    rng = np.random.default_rng(3)
    X = rng.random((400, 5))
    y = X @ rng.normal(size=5) + 0.1 * rng.normal(size=400)
    ridge, huber = Ridge(l2).fit(X, y), Huber(Ridge(l2), epsilon=50.0).fit(X, y)
    difference = np.linalg.norm(huber.estimator_.coef_ - ridge.coef_)
    assert difference < 0.1 * np.linalg.norm(ridge.coef_)


@pytest.mark.parametrize("d", [90, 275])
def test_does_not_collapse_where_it_could_interpolate(d):
    """Scale zero would make the matched alpha infinite and the model a constant."""
    rng = np.random.default_rng(4)
    X = rng.random((80, d))
    y = X[:, :3].sum(axis=1) + 0.05 * rng.normal(size=80)
    huber = Huber().fit(X, y)
    assert np.corrcoef(huber.predict(X), y)[0, 1] > 0.9
    assert np.isfinite(huber.estimator_.alpha)


def test_says_when_it_did_not_converge():
    X, y = table()
    huber = Huber(alpha=0.0, max_iter=2).fit(X, y)
    assert "stopped at 2 steps" in huber.message_
    assert Huber().fit(X, y).message_ == ""


def test_says_when_there_is_no_penalty_to_match():
    X, y = table()
    huber = Huber(LinearRegression()).fit(X, y)
    assert "LinearRegression has no l2" in huber.message_
    assert huber.estimator_.alpha == HuberRegressor().alpha


class Breakdown:
    """Lets the optimizer fail a number of times."""

    def __init__(self, monkeypatch, times):
        fit, self.left = HuberRegressor.fit, times

        def broken(model, *args, **kwargs):
            self.left -= 1
            if self.left >= 0:
                raise ValueError("HuberRegressor convergence failed: ABNORMAL")
            return fit(model, *args, **kwargs)

        monkeypatch.setattr(HuberRegressor, "fit", broken)


def test_a_breakdown_of_the_optimizer_is_answered_in_other_units(monkeypatch):
    X, y = table()
    expected = HuberRegressor(alpha=0.1, max_iter=1000).fit(X, y)
    Breakdown(monkeypatch, times=1)
    huber = Huber(alpha=0.1).fit(X, y)
    np.testing.assert_allclose(huber.predict(X), expected.predict(X), atol=1e-3)
    assert huber.estimator_.alpha == pytest.approx(0.1)


@pytest.mark.parametrize("alpha", [None, 0.1])
def test_a_second_breakdown_is_an_error_not_a_wrong_model(monkeypatch, alpha):
    Breakdown(monkeypatch, times=2)
    with pytest.raises(InputError, match=r"Huber found no fit \(.*ABNORMAL"):
        Huber(alpha=alpha).fit(*table())


@pytest.mark.parametrize(
    "wrong", [{"epsilon": 0.9}, {"epsilon": "a"}, {"alpha": -1.0}, {"max_iter": 0}]
)
def test_wrong_parameters_are_named(wrong):
    with pytest.raises(InputError, match=f"Huber\\({next(iter(wrong))}="):
        Huber(**wrong).fit(*table())


def test_weighted_median_counts_rows():
    rng = np.random.default_rng(5)
    for _ in range(50):
        values, weight = rng.normal(size=9), rng.integers(1, 5, 9)
        assert median(values, weight.astype(float)) == median(values.repeat(weight), None)
    assert median(np.array([3.0, 1.0, 2.0]), None) == 2.0


class Counted(InMemory):
    """A table in memory that counts its passes by what they are for."""

    def __init__(self, X, y):
        super().__init__(X, y, None)
        self.passes = Counter()

    def reduce(self, what, fold):
        self.passes[what] += 1
        return super().reduce(what, fold)


@pytest.mark.parametrize(
    ("n", "d", "l2", "more"),
    [(200, 8, 1e-2, 0), (120, 30, 1e-2, 0), (60, 24, 1e-1, 12)],  # the last takes a step more
)
def test_in_passes_it_is_the_fit_in_memory(n, d, l2, more):
    X, y = table(n=n, d=d)
    y[:more] += 5.0
    huber, streamed, rows = Huber(Ridge(l2)).fit(X, y), Huber(Ridge(l2)), Counted(X, y)
    verdict = streamed.decide(rows)
    np.testing.assert_allclose(rows.values(verdict.score), huber.scores_, rtol=1e-5, atol=1e-5)
    assert streamed.threshold_ == huber.threshold_ and streamed.message_ == ""
    assert rows.passes["scale"] <= 4  # Newton's steps; plain updates take more
    assert rows.passes["optimizer"] <= 170
