"""BayesClean's three sets, its rule on the second, and what it admits in words."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.linear_model import BayesianRidge

from mithridate.defenses import BayesClean
from mithridate.errors import InputError


def table(seed=0, n=300, d=6, noise="gaussian"):
    rng = np.random.default_rng(seed)
    coef, X = rng.normal(size=d), rng.random((n, d))
    drawn = {
        "gaussian": rng.normal(size=n),
        # Flat, then steep: more mass beyond c1 than a Gaussian of that variance has.
        "uniform": rng.uniform(-1.7, 1.7, size=n),
        # Peaked: less mass beyond c1.
        "laplace": rng.laplace(size=n),
    }
    return X, X @ coef + 0.2 * drawn[noise]


@pytest.mark.parametrize("noise", ["uniform", "laplace"])
def test_the_rule_written_out(noise):
    X, y = table(noise=noise)
    flat = dict.fromkeys(("alpha_1", "alpha_2", "lambda_1", "lambda_2"), 0.0)
    peer = BayesianRidge(**flat, tol=1e-12, max_iter=3000).fit(X, y)
    centered = X - X.mean(axis=0)
    doubt = np.einsum("ij,jk,ik->i", centered, peer.sigma_, centered)
    z = np.abs(y - peer.predict(X)) / np.sqrt((1 + 1 / len(y)) / peer.alpha_ + doubt)
    fires = np.mean(z > 0.67) > 2 * norm.sf(0.67)
    assert fires == (noise == "uniform")

    clean = BayesClean().fit(X, y)
    np.testing.assert_allclose(clean.scores_, z, rtol=1e-6)
    np.testing.assert_array_equal(clean.sets_, np.digitize(z, [0.67, 1.0], right=True) + 1)
    kept = (1,) if fires else (1, 2)
    np.testing.assert_array_equal(clean.inlier_mask_, np.isin(clean.sets_, kept))
    assert clean.threshold_ == (0.67 if fires else 1.0)


def test_admits_that_clean_rows_go():
    X, y = table()
    clean = BayesClean().fit(X, y)
    assert 0.2 < clean.contamination_ < 0.6
    assert "residuals look Gaussian" in clean.message_


def test_says_nothing_of_the_kind_when_poison_went():
    X, y = table()
    y[:60] += 4.0
    clean = BayesClean().fit(X, y)
    assert not clean.inlier_mask_[:60].any()
    assert clean.message_ == ""


def test_a_two_valued_target_keeps_rows_to_fit():
    """All z lie beyond c1 there, and the rule on the second set would reject every row."""
    X = np.random.default_rng(0).random((40, 3))
    y = np.arange(40) % 2.0
    clean = BayesClean().fit(X, y)
    assert (clean.scores_ > 0.67).mean() > 0.95
    assert clean.inlier_mask_.sum() >= 2


def test_warns_when_most_rows_go():
    rng = np.random.default_rng(0)
    X, y = rng.random((200, 3)), rng.choice([-1.0, 1.0], size=200)
    y[:20] = 0.0
    clean = BayesClean().fit(X, y)
    assert clean.contamination_ > 2 / 3
    assert "more than poison would explain" in clean.message_


def test_too_few_rows_left_is_said():
    X, y = table()
    with pytest.raises(InputError, match="would keep 0 of 300 rows"):
        BayesClean(c1=0.0, c2=0.0).fit(X, y)


@pytest.mark.parametrize("cuts", [(1.0, 0.5), (-1.0, 1.0), (0.5, float("nan")), ("a", 1.0)])
def test_cuts_in_order(cuts):
    with pytest.raises(InputError, match="0 <= c1 <= c2"):
        BayesClean(c1=cuts[0], c2=cuts[1]).fit(*table())


def test_absent_rows_are_in_no_set():
    X, y = table()
    w = np.ones(len(y))
    w[:7] = 0.0
    clean = BayesClean().fit(X, y, sample_weight=w)
    assert (clean.sets_[:7] == 0).all() and set(clean.sets_[7:]) == {1, 2, 3}
