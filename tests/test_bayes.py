"""The evidence against scikit-learn and against its own definition; finite on hostile tables."""

import doctest

import numpy as np
import pytest
import sklearn
from scipy.stats import multivariate_normal
from sklearn.datasets import load_diabetes
from sklearn.linear_model import BayesianRidge
from sklearn.utils.fixes import parse_version

from mithridate import bayes
from mithridate.bayes import BayesianRegression
from mithridate.errors import InputError
from mithridate.moments import Moments

# Older ones count rows instead of weights, and do not center the rows that they predict.
RECENT = parse_version(sklearn.__version__) >= parse_version("1.9")


def regress(X, y, w=None):
    return BayesianRegression.of(Moments.of(X, y, np.ones(len(y)) if w is None else w))


def peer(X, y, w=None):
    flat = dict.fromkeys(("alpha_1", "alpha_2", "lambda_1", "lambda_2"), 0.0)
    return BayesianRidge(**flat, tol=1e-12, max_iter=3000).fit(X, y, w)


def diabetes(_rng):
    return load_diabetes(return_X_y=True)


def one_hot(rng, n=200):
    """Three full category sets beside numbers: the centered Gram is singular three times."""
    sets = [np.eye(k)[rng.integers(0, k, n)] for k in (5, 4, 12)]
    X = np.hstack([*sets, rng.random((n, 3))])
    return X, X @ rng.normal(size=X.shape[1]) + 0.5 * rng.normal(size=n)


def wide(rng):
    X = rng.normal(size=(60, 150))
    return X, X[:, :5].sum(axis=1) + 4.0 * rng.normal(size=60)


@pytest.mark.parametrize("table", [diabetes, one_hot])
def test_same_as_bayesian_ridge(table):
    X, y = table(np.random.default_rng(0))
    ours, theirs = regress(X, y), peer(X, y)
    np.testing.assert_allclose(ours.noise_precision, theirs.alpha_, rtol=1e-6)
    np.testing.assert_allclose(ours.prior_precision, theirs.lambda_, rtol=1e-6)
    np.testing.assert_allclose(ours.coef, theirs.coef_, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-6)
    np.testing.assert_allclose(ours.covariance, theirs.sigma_, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("table", [diabetes, one_hot])
def test_variance_is_theirs_plus_the_doubt_about_the_intercept(table):
    X, y = table(np.random.default_rng(0))
    ours, theirs = regress(X, y), peer(X, y)
    centered = X - X.mean(axis=0)
    doubt = np.einsum("ij,jk,ik->i", centered, theirs.sigma_, centered)
    intercept = 1.0 / (ours.noise_precision * len(y))
    np.testing.assert_allclose(ours.variance(X), 1 / theirs.alpha_ + doubt + intercept, rtol=1e-6)
    if RECENT:
        _, std = theirs.predict(X, return_std=True)
        np.testing.assert_allclose(ours.variance(X), std**2 + intercept, rtol=1e-6)
    z = np.abs(y - ours.predict(X)) / np.sqrt(ours.variance(X))
    np.testing.assert_allclose(ours.zscores(X, y), z)


@pytest.mark.parametrize("table", [diabetes, one_hot, wide])
def test_leverage_is_what_a_prediction_gains_when_its_target_does(table):
    X, y = table(np.random.default_rng(1))
    ours = regress(X, y)
    centered = X - X.mean(axis=0)
    ratio = ours.prior_precision / ours.noise_precision
    gram = centered.T @ centered + ratio * np.eye(X.shape[1])
    hat = centered @ np.linalg.solve(gram, centered.T) + 1.0 / len(y)
    np.testing.assert_allclose(hat @ y, ours.predict(X), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(ours.leverage(X), np.diag(hat), rtol=1e-6)


@pytest.mark.parametrize("table", [one_hot, wide])
def test_precisions_maximize_the_evidence(table):
    """By definition: the density of all targets together, with the coefficients integrated out."""
    X, y = table(np.random.default_rng(2))
    X, y = X - X.mean(axis=0), y - y.mean()

    def evidence(noise, prior):
        covariance = np.eye(len(y)) / noise + X @ X.T / prior
        return multivariate_normal.logpdf(y, cov=covariance)

    model = regress(X, y)
    noise, prior = model.noise_precision, model.prior_precision
    best = evidence(noise, prior)
    for step in (0.9, 1.1):
        assert evidence(step * noise, prior) < best
        assert evidence(noise, step * prior) < best


def test_one_update_is_mackays():
    X, y = diabetes(None)
    Z, t = X - X.mean(axis=0), y - y.mean()
    gram, start = Z.T @ Z, np.sum(Z**2) / len(y)
    s = np.linalg.eigvalsh(gram)
    coef = np.linalg.solve(gram + start * np.eye(len(s)), Z.T @ t)
    effective = np.sum(s / (s + start))
    noise = np.sum((t - Z @ coef) ** 2) / (len(y) - effective)
    model = BayesianRegression.of(Moments.of(X, y, np.ones(len(y))), max_iter=1)
    assert model.n_iter == 1
    ratio = model.prior_precision / model.noise_precision
    assert ratio == pytest.approx(effective * noise / (coef @ coef), rel=1e-9)


def test_weight_k_is_row_k_times():
    rng = np.random.default_rng(3)
    X, y = one_hot(rng)
    w = rng.integers(0, 4, len(y))
    ours, repeated = regress(X, y, w.astype(float)), regress(X.repeat(w, axis=0), y.repeat(w))
    np.testing.assert_allclose(ours.coef, repeated.coef, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(ours.variance(X), repeated.variance(X), rtol=1e-7)
    if RECENT:
        np.testing.assert_allclose(ours.prior_precision, peer(X, y, w).lambda_, rtol=1e-6)


def test_any_cut_of_the_table_gives_the_same():
    X, y = one_hot(np.random.default_rng(4))
    one = np.ones(len(y))
    cut = Moments.of(X[:70], y[:70], one[:70]).merge(Moments.of(X[70:], y[70:], one[70:]))
    np.testing.assert_allclose(BayesianRegression.of(cut).coef, regress(X, y).coef, atol=1e-8)


def test_units_of_the_target_do_not_matter():
    X, y = one_hot(np.random.default_rng(5))
    ours = regress(X, y)
    for unit, origin in ((-2e4, 3e5), (1e-4, -2e-3)):
        other = unit * y + origin
        scaled = regress(X, other)
        np.testing.assert_allclose(scaled.coef / unit, ours.coef, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(scaled.zscores(X, other), ours.zscores(X, y), rtol=1e-5)


def test_units_of_the_features_do_not_matter():
    X, y = one_hot(np.random.default_rng(5))
    ours, scaled = regress(X, y), regress(X * 1e-20, y)
    np.testing.assert_allclose(scaled.coef * 1e-20, ours.coef, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(scaled.zscores(X * 1e-20, y), ours.zscores(X, y), rtol=1e-6)


def _hostile(rng):
    X, y = one_hot(rng, n=80)
    yield "constant target", X, np.full(80, 3.3)
    yield "large constant target", X, np.full(80, 1e9 / 3)
    yield "zero target", X, np.zeros(80)
    yield "no noise", X, X @ rng.normal(size=X.shape[1]) + 7.0
    yield "no signal", X, rng.normal(size=80)
    yield "constant features", np.ones((80, 4)), y
    yield "more features than rows, no noise", X[:10], y[:10]
    yield "one row", X[:1], y[:1]
    yield "two equal rows", X[[0, 0]], y[[0, 0]]
    yield "features of very different size", X * np.logspace(-8, 8, X.shape[1]), y


@pytest.mark.parametrize(
    ("X", "y"), [pytest.param(X, y, id=n) for n, X, y in _hostile(np.random.default_rng(6))]
)
def test_finite_on_hostile_tables(X, y):
    with np.errstate(all="raise", under="ignore"):
        model = regress(X, y)
        far = model.variance(X + 3.0)
    for value in model[:-1]:
        assert np.isfinite(value).all()
    assert (far > 0).all() and np.isfinite(far).all()
    assert model.noise_precision > 0 and model.prior_precision > 0
    assert np.isfinite(model.zscores(X, y)).all()


def test_rounding_is_not_surprise():
    """On a table without noise every row is as expected, whatever its last digits are."""
    rng = np.random.default_rng(7)
    X, _ = one_hot(rng)
    for y in (X @ rng.normal(size=X.shape[1]), np.full(len(X), 1e9 / 3), np.zeros(len(X))):
        assert regress(X, y).zscores(X, y).max() < 0.1


def test_fractional_weights_below_the_rank_stay_finite():
    X, y = one_hot(np.random.default_rng(8))
    model = regress(X, y, np.full(len(y), 1e-3))
    assert np.isfinite(model.variance(X)).all() and np.isfinite(model.coef).all()


def test_nothing_to_regress_is_said():
    with pytest.raises(InputError, match="total weight"):
        regress(np.ones((3, 1)), np.ones(3), np.zeros(3))


def test_examples_in_the_docs_run():
    assert doctest.testmod(bayes).failed == 0
