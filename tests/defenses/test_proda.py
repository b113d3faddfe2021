"""Proda against its loop written out."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from mithridate.defenses import Proda, Ridge
from mithridate.errors import InputError


def table(seed=0, n=100, d=5):
    rng = np.random.default_rng(seed)
    X = rng.random((n, d))
    y = X @ rng.normal(size=d) + 0.1 * rng.normal(size=n)
    y[: n // 5] += 2.0
    return X, y


def written_out(X, y, estimator, contamination, subset, draws, seed):
    """The rows of the best draw and all residuals; the table is sorted by its target first."""
    order = np.argsort(y)
    X, y, random = X[order], y[order], np.random.RandomState(seed)
    best, keep = (np.inf, order, y), len(y) - round(contamination * len(y))
    for _ in range(draws):
        rows = random.choice(len(y), subset, replace=False)
        residual = np.abs(y - estimator.fit(X[rows], y[rows]).predict(X))
        agree = np.argsort(residual, kind="stable")[:keep]
        loss = np.mean((y[agree] - estimator.fit(X[agree], y[agree]).predict(X[agree])) ** 2)
        if loss < best[0]:
            best = loss, order[agree], residual[np.argsort(order)]
    return np.sort(best[1]), best[2]


@pytest.mark.parametrize("estimator", [Ridge(1e-2), LinearRegression()])
@pytest.mark.parametrize("seed", range(3))
def test_same_as_the_loop_written_out(estimator, seed):
    X, y = table(seed)
    proda = Proda(estimator, contamination=0.2, expected=30, random_state=seed).fit(X, y)
    rows, _ = written_out(X, y, estimator, 0.2, 20, 30, seed)
    np.testing.assert_array_equal(np.flatnonzero(proda.inlier_mask_), rows)
    one = Proda(estimator, contamination=0.2, expected=1, random_state=seed).fit(X, y)
    _, residual = written_out(X, y, estimator, 0.2, 20, 1, seed)
    np.testing.assert_allclose(one.scores_, residual, rtol=1e-6)


def test_finds_what_trim_from_all_rows_finds_and_more():
    X, y = table()
    proda = Proda(contamination=0.2).fit(X, y)
    assert not proda.inlier_mask_[:20].any()
    assert proda.threshold_ == proda.scores_[proda.inlier_mask_].max()


@pytest.mark.parametrize(
    ("contamination", "subset", "draws"), [(0.0, 20, 200), (0.5, 1, 400), (0.2, 20, 200)]
)
def test_number_of_draws_is_the_published_formula(contamination, subset, draws):
    proda = Proda(contamination=contamination, subset=subset).fit(*table(n=40))
    assert proda.n_subsets_ == draws


class Long(Ridge):
    """A ridge of somebody else's, which is fitted as any other estimator is."""


@pytest.mark.parametrize("shape", [(40, 6), (20, 60)])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_short_way_to_a_ridge_is_the_ridge(shape, weighted):
    rng = np.random.default_rng(0)
    X, y = rng.random(shape), rng.random(shape[0])
    weight = rng.random(shape[0]) + 0.5 if weighted else None
    short, long = (
        Proda(ridge, contamination=0.2, subset=8, expected=5).fit(X, y, sample_weight=weight)
        for ridge in (Ridge(1e-3), Long(1e-3))
    )
    np.testing.assert_allclose(short.scores_, long.scores_, rtol=1e-6)
    np.testing.assert_array_equal(short.inlier_mask_, long.inlier_mask_)


def test_a_ridge_without_a_penalty_has_the_solution_of_smallest_norm_in_each_draw():
    X, y = table(n=30)  # three rows say nothing of some of the five slopes
    short, long = (
        Proda(ridge, contamination=0.2, subset=3, expected=5).fit(X, y)
        for ridge in (Ridge(0.0), Long(0.0))
    )
    np.testing.assert_allclose(short.scores_, long.scores_, rtol=1e-6, atol=1e-12)


def test_only_the_kept_rows_are_summed_for_a_ridge_of_its_own(monkeypatch):
    made, solve = [], Ridge.solve
    monkeypatch.setattr(Ridge, "solve", lambda self, sums: made.append(1) or solve(self, sums))
    Proda(expected=5).fit(*table(n=30))
    assert len(made) == 1  # two for each of five draws would be ten more


def test_weights_that_are_no_counts_are_chances():
    X, y = table()
    plain = Proda(contamination=0.2).fit(X, y)
    equal = Proda(contamination=0.2).fit(X, y, sample_weight=np.full(len(y), 0.3))
    np.testing.assert_array_equal(equal.inlier_mask_, plain.inlier_mask_)
    weighted = Proda(contamination=0.2).fit(X, y, sample_weight=np.linspace(0.5, 1.5, len(y)))
    assert not weighted.inlier_mask_[:20].any()


def test_weight_at_the_cut_is_split():
    """Of a row of weight 3 at the cut, as many copies stay as of three equal rows."""
    X, y = np.zeros((4, 1)), np.array([0.0, 0.1, -0.1, 5.0])
    w, rows = np.full(4, 3), np.arange(4).repeat(3)
    for contamination in (2 / 12, 4 / 12):
        weighted = Proda(contamination=contamination).fit(X, y, sample_weight=w)
        repeated = Proda(contamination=contamination).fit(X[rows], y[rows])
        np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), atol=1e-12)


@pytest.mark.parametrize("wrong", [{"subset": 0}, {"expected": 0.5}, {"expected": 1.5}])
def test_wrong_parameters_are_named(wrong):
    with pytest.raises(InputError, match=rf"Proda\({next(iter(wrong))}="):
        Proda(**wrong).fit(*table())


def test_the_loss_of_a_draw_counts_rows_by_their_weight():
    """By weights of 1.9 and .1 two rows 1.2 apart vary by .068, two of weight 1 by .25."""
    y, weight = np.array([0.0, 1.0, 10.0, 11.2]), np.array([1.0, 1.0, 1.9, 0.1])
    proda = Proda(contamination=0.5, subset=1).fit(np.zeros((4, 1)), y, sample_weight=weight)
    assert proda.inlier_mask_.tolist() == [False, False, True, True]
