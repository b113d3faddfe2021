"""Refits by rows that came and went keep exactly the rows of a plain loop that sums all of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mithridate.defenses import LeastTrimmedSquares, Ridge, Sever, Torrent, Trim
from mithridate.moments import Moments
from mithridate.passes.block import Block, by_columns, moments_of
from mithridate.passes.follow import LEFT, STEPS, Followed, changed
from mithridate.passes.rows import lowest


def plain_refits(X, y, model, contamination, tol, rounds=400):
    """Fit on the kept rows, all of them, and sort: as TRIM and TORRENT are written."""
    n, kept, last = len(y), np.arange(len(y)), np.inf
    for _ in range(rounds):
        square = (y - model.fit(X[kept], y[kept]).predict(X)) ** 2
        previous = kept
        kept = np.sort(np.argsort(square, kind="stable")[: n - round(contamination * n)])
        loss = square[kept].sum()
        if np.array_equal(previous, kept) or last - loss <= tol * last < np.inf:
            break
        last = loss
    return np.isin(np.arange(n), kept)


def drawn(seed, n, d, far):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) * 10.0 ** rng.integers(-3, 4, size=d) + rng.normal(size=d)
    y = X @ rng.normal(size=d) / np.abs(X).max() + rng.normal(size=n)
    some = rng.permutation(n)[: n // 5]
    y[some] += far * np.abs(rng.normal(size=len(some)))
    return X, y


cases = given(
    seed=st.integers(0, 10**6),
    n=st.integers(20, 200),
    d=st.integers(1, 6),
    far=st.sampled_from([0.0, 1.0, 5.0, 1e3]),
    contamination=st.sampled_from([0.0, 0.05, 0.2, 0.45]),
)


@cases
@settings(max_examples=15, deadline=None)
def test_the_rows_are_those_of_the_plain_loops(seed, n, d, far, contamination):
    X, y = drawn(seed, n, d, far)
    trim = Trim(Ridge(1e-3), contamination=contamination).fit(X, y)
    plain = plain_refits(X, y, Ridge(1e-3), contamination, trim.tol)
    np.testing.assert_array_equal(trim.inlier_mask_, plain)
    torrent = Torrent(contamination=contamination).fit(X, y)
    plain = plain_refits(X, y, Ridge(0.0), contamination, 0.0, rounds=100)
    np.testing.assert_array_equal(torrent.inlier_mask_, plain)


def test_the_model_is_that_of_the_kept_rows():
    X, y = drawn(1, 200, 4, 3.0)
    for defense in (Trim(), Torrent(), Sever(), LeastTrimmedSquares()):
        kept = defense.fit(X, y).inlier_mask_
        expected = Ridge().fit(X[kept], y[kept])
        np.testing.assert_allclose(defense.estimator_.coef_, expected.coef_, rtol=1e-10)
        np.testing.assert_allclose(defense.estimator_.intercept_, expected.intercept_, rtol=1e-10)


@given(seed=st.integers(0, 10**6), far=st.sampled_from([0.0, 1e2, 1e5, 1e9]))
@settings(max_examples=15, deadline=None)
def test_moments_follow_the_rows(seed, far):
    rng = np.random.default_rng(seed)
    X, y = drawn(seed, 60, 3, far)
    block = Block(0, by_columns(X, y), np.ones(60))
    sums = []

    def summed(weights) -> Moments:
        sums.append(weights)
        return moments_of(block.Z, weights)

    followed, weights = Followed(summed), np.ones(60)
    for _ in range(2 * STEPS):
        got, expected = followed.of(weights), moments_of(block.Z, weights)
        np.testing.assert_allclose(got.weight, expected.weight, rtol=1e-12)
        unit = np.sqrt(np.diag(expected.scatter))
        difference = np.abs(got.scatter - expected.scatter) / np.outer(unit, unit)
        assert difference.max() < 1e-14 * STEPS / LEFT
        before, weights = weights, weights.copy()
        some = rng.integers(60, size=rng.integers(0, 20))
        weights[some] = rng.choice([0.0, 0.5, 1.0, 2.0], size=len(some))
        followed.moved(*changed(block, before, weights))
    assert 2 <= len(sums) < 2 * STEPS  # now and then afresh, not always


@pytest.mark.parametrize("weight", [None, np.ones(9), np.array([1.0, 2.0] * 4 + [0.5])])
def test_the_lowest_scores_are_those_of_a_stable_sort(weight):
    scores = np.array([3.0, 1.0, 2.0, 1.0, 3.0, np.inf, 2.0, 2.0, 0.0])
    for contamination in (0.0, 0.1, 0.3, 0.5, 0.9):
        given_ = np.ones(9) if weight is None else weight
        budget, expected = given_.sum(), np.zeros(9)
        gone = contamination * budget
        budget -= round(gone) if (given_ == np.floor(given_)).all() else gone
        for row in np.argsort(scores, kind="stable"):
            expected[row] = min(given_[row], max(budget, 0.0))
            budget -= expected[row]
        np.testing.assert_allclose(lowest(scores, weight, contamination), expected, atol=1e-12)
