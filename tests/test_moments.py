"""Moments do not depend on where a table is cut, on its units, or on the library."""

from functools import reduce

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from mithridate.moments import Moments


def table(n, d, seed, far=0.0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) + far
    return X, X @ rng.normal(size=d) + rng.normal(size=n), rng.uniform(0.1, 2, size=n)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 20), min_size=1, max_size=6), st.integers(0, 10**6))
def test_any_cut_gives_the_same(sizes, seed):
    X, y, w = table(sum(sizes), 3, seed, far=1e4)
    cuts = np.cumsum(sizes)[:-1]
    pieces = zip(*(np.split(a, cuts) for a in (X, y, w)), strict=True)
    got = reduce(Moments.merge, (Moments.of(*piece) for piece in pieces))
    for g, e in zip(got, Moments.of(X, y, w), strict=True):
        np.testing.assert_allclose(g, e, rtol=1e-8, atol=1e-8)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_merging_commutes(seed):
    one, two = Moments.of(*table(7, 3, seed)), Moments.of(*table(12, 3, seed + 1))
    for a, b in zip(one.merge(two), two.merge(one), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def test_weights_may_be_shares():
    """Rows that weigh less than one in all are merged as any others are."""
    X, y, w = table(19, 3, seed=4)
    w /= 2 * w.sum()
    merged = Moments.of(X[:7], y[:7], w[:7]).merge(Moments.of(X[7:], y[7:], w[7:]))
    for got, want in zip(merged, Moments.of(X, y, w), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12)


def test_a_billion_rows_lose_no_digits():
    # The moments of a table repeated 2³⁰ times, by doubling: as a stream of chunks would give.
    X, y, w = table(50, 3, seed=0, far=1e3)
    once = Moments.of(X, y, w)
    many = once
    for _ in range(30):
        many = many.merge(many)
    np.testing.assert_allclose(many.scatter / many.weight, once.scatter / once.weight, rtol=1e-12)
    np.testing.assert_allclose(many.ridge(1e-3)[0], once.ridge(1e-3)[0], rtol=1e-10)


def test_ridge_is_scikit_learn():
    X, y, w = table(60, 4, seed=3)
    want = Ridge(alpha=0.7 * w.sum()).fit(X, y, sample_weight=w)
    coef, intercept = Moments.of(X, y, w).ridge(0.7)
    np.testing.assert_allclose(coef, want.coef_, rtol=1e-9)
    np.testing.assert_allclose(intercept, want.intercept_, rtol=1e-9)


def test_mse_is_that_of_the_predictions():
    X, y, w = table(60, 4, seed=3)
    moments = Moments.of(X, y, w)
    coef, intercept = moments.ridge(0.1)
    for shift in (0.0, 3.0):  # of the mean residual, which a fit leaves at 0
        want = np.average((y - X @ coef - intercept - shift) ** 2, weights=w)
        np.testing.assert_allclose(moments.mse(coef, intercept + shift), want, rtol=1e-10)


def test_numpy_and_jax_agree():
    X, y, w = table(60, 4, seed=3)
    with jax.enable_x64(True):
        ours = Moments.of(*map(jnp.asarray, (X, y, w))).ridge(0.1)
        np.testing.assert_allclose(ours[0], Moments.of(X, y, w).ridge(0.1)[0], rtol=1e-9)
