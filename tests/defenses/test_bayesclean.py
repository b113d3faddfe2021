"""BayesClean's three sets, its rule on the second, and what it admits in words."""

import numpy as np
import pytest
from scipy.stats import binom, norm, t
from sklearn.datasets import load_diabetes
from sklearn.linear_model import BayesianRidge
from threadpoolctl import threadpool_limits

from mithridate.bayes import BayesianRegression
from mithridate.defenses import BayesClean, chance
from mithridate.errors import InputError
from mithridate.moments import Moments


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
    X = (X - X.min(axis=0)) / np.ptp(X, axis=0)
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


def one_hot(rng, n):
    sets = [np.eye(k)[rng.integers(0, k, n)] for k in (5, 4, 12)]
    return np.hstack([*sets, rng.random((n, 3))])


@pytest.mark.parametrize(
    ("n", "d", "noise"),
    [
        (60, 5, 0.3),
        pytest.param(300, 10, 0.3, marks=pytest.mark.slow),  # as below, and scales change nothing
        (300, 10, 30.0),
        (200, 60, 0.3),
        (300, 0, 1.0),
    ],
)
def test_the_share_of_clean_rows_beyond_the_cut_is_the_rate(n, d, noise):
    rng, tables, rates = np.random.default_rng(0), 6000 // n + 60, (0.01, 0.05, 0.2)
    beyond, rejected, found = np.zeros((3, len(rates), tables))
    for i in range(tables):
        X = rng.random((n, d)) if d else one_hot(rng, n)
        y = X @ rng.normal(size=X.shape[1]) + noise * rng.normal(size=n)
        for k, rate in enumerate(rates):
            with threadpool_limits(1):
                clean = BayesClean(false_positive_rate=rate).fit(X, y)
            beyond[k, i] = np.mean(clean.scores_ > clean.cuts_[0])
            rejected[k, i], found[k, i] = clean.n_rejected_ / n, clean.found_
    share = beyond.mean(axis=1) / rates
    assert (share >= 0.5).all() and (share <= 1.25).all()
    # Most tables lose nothing, so the mean over tables is far below the rate.
    assert (rejected.mean(axis=1) <= 0.5 * np.array(rates)).all()
    assert (found.mean(axis=1) <= 0.12).all()  # 5 % within the doubt of so few tables


def test_the_rule_of_the_rate_written_out():
    X, y = table(n=200)
    X = (X - X.min(axis=0)) / np.ptp(X, axis=0)
    y[:12] += 1.5
    clean = BayesClean(false_positive_rate=0.02).fit(X, y)
    n, one = len(y), np.ones(len(y))

    first = BayesianRegression.of(Moments.of(X, y, one))
    left_out = np.abs(y - first.predict(X)) / np.sqrt(1 - first.leverage(X))
    near = left_out.argsort()[: int(np.ceil(n * (0.5 + (first.effective + 1) / (2 * n))))]
    second = BayesianRegression.of(Moments.of(X[near], y[near], one[near]))
    sign = np.where(np.isin(np.arange(n), near), -1.0, 1.0)
    z = np.abs(y - second.predict(X)) / np.sqrt(1 + sign * second.leverage(X))
    z *= norm.ppf(0.75) / np.sort(z)[n // 2 - 1]
    np.testing.assert_allclose(clean.scores_, z, rtol=1e-6)

    c1, c2 = clean.cuts_
    assert norm.ppf(0.99) < c1 < 1.1 * norm.ppf(0.99) and c1 < c2
    # A median is worth 37 % of its degrees of freedom, one of which the noise takes.
    middle = norm.ppf(0.75)
    worth = 2.0 * (2.0 * middle * norm.pdf(middle)) ** 2 * (n - first.effective - 1.0)
    beyond = np.array([0.02, chance.TEST_LEVEL / n]) / 2.0
    np.testing.assert_allclose((c1, c2), t.isf(beyond, worth), rtol=1e-9)
    np.testing.assert_array_equal(clean.sets_, np.digitize(z, [c1, c2], right=True) + 1)
    assert clean.threshold_ == c1 and clean.false_positive_rate_ == 0.02
    assert not clean.inlier_mask_[:12].any() and clean.inlier_mask_[12:].mean() > 0.97


def test_a_single_gross_row_goes_and_the_flagged_ones_stay():
    X, y = table()
    y[5] += 10.0
    clean = BayesClean(false_positive_rate=0.05).fit(X, y)
    assert np.flatnonzero(~clean.inlier_mask_).tolist() == [5] and clean.found_
    assert clean.threshold_ == clean.cuts_[1] and (clean.sets_ == 2).any()


def test_nothing_found_is_said():
    clean = BayesClean(false_positive_rate=0.01).fit(*table())
    assert not clean.found_ and clean.inlier_mask_.all() and clean.message_ == ""
    assert clean.summary().startswith("Nothing found") and "rate is 1%" in clean.summary()


def test_chance_is_binomial_where_the_scale_is_known(monkeypatch):
    for count in (1, 3, 8):
        monkeypatch.setattr(chance, "_EFFICIENCY", np.inf)
        monkeypatch.setattr(chance, "_MEDIAN", np.inf)
        expected = binom.sf(count - 1, 300, 0.01)
        assert chance.tail_probability(count, 300, 0.01) == pytest.approx(expected)
        monkeypatch.undo()
        assert chance.tail_probability(count, 300, 0.01) > 0.9 * expected
    assert chance.tail_probability(0, 300, 0.01) == 1.0


def planted(seed, ratio, n=300):
    """Rows of the diabetes table, some with a target at the far end of its range."""
    X, y = load_diabetes(return_X_y=True)
    rows = np.random.default_rng(seed).permutation(len(y))[:n]
    far = np.where(y < np.median(y), y.max(), y.min())
    moved = np.arange(n) < round(ratio * n)
    return X[rows], np.where(moved, far[rows], y[rows]), moved


@pytest.mark.parametrize(
    ("rate", "rejected"),
    [
        (None, (0.99, 0.99, 0.99, 1.0)),
        (0.01, (0.58, 0.51, 0.27, 0.03)),
        (0.1, (0.11, 0.02, 0.63, 0.63)),
    ],
)
def test_what_a_rate_costs_in_power(rate, rejected):
    """The figures of the docstring."""
    for ratio, expected in zip((0.05, 0.1, 0.2, 0.3), rejected, strict=True):
        true, false = [], []
        for seed in range(10):
            X, y, moved = planted(seed, ratio)
            gone = ~BayesClean(false_positive_rate=rate).fit(X, y).inlier_mask_
            true.append(gone[moved].mean())
            false.append(gone[~moved].mean())
        assert np.mean(true) == pytest.approx(expected, abs=0.01)
        assert 0.16 <= np.mean(false) <= 0.41 if rate is None else np.mean(false) <= 0.01


def test_as_many_columns_as_rows_is_said():
    X, y = table(n=60, d=60)
    assert (
        "false-positive rate is not kept to"
        in BayesClean(false_positive_rate=0.01).fit(X, y).message_
    )


@pytest.mark.parametrize("rate", [0, -0.1, 0.6, float("nan"), "auto", 1])
def test_a_rate_is_a_share(rate):
    with pytest.raises(InputError, match=r"false_positive_rate=.*at most 0\.5"):
        BayesClean(false_positive_rate=rate).fit(*table())


def test_rows_without_noise_are_no_surprise():
    X, _ = table()
    for y in (X @ np.arange(6.0), np.full(300, 3.3)):
        assert not BayesClean(false_positive_rate=0.1).fit(X, y).found_
    y = X @ np.arange(6.0)
    y[5] += 0.1
    assert np.flatnonzero(~BayesClean(false_positive_rate=0.1).fit(X, y).inlier_mask_).tolist() == [
        5
    ]


def test_with_a_rate_it_keeps_the_laws_of_every_defense():
    X, y = table()
    y[:20] += 2.0
    rng, w = np.random.default_rng(1), np.random.default_rng(2).integers(0, 4, len(y))
    fit = BayesClean(false_positive_rate=0.05).fit
    mask = fit(X, y).inlier_mask_.copy()
    assert not mask[:20].any()
    np.testing.assert_array_equal(fit(X, 2e4 * y - 1e6).inlier_mask_, mask)
    order = rng.permutation(len(y))
    np.testing.assert_array_equal(fit(X[order], y[order]).inlier_mask_, mask[order])
    weighted = fit(X, y, w).inlier_mask_.copy()
    rows = np.arange(len(y)).repeat(w)
    repeated = fit(X[rows], y[rows])
    np.testing.assert_array_equal(weighted[rows], repeated.inlier_mask_)


def test_more_rejected_rows_than_the_rate_promises_are_said():
    X, y = table()
    kept = BayesClean(false_positive_rate=0.01).fit(X, y)
    assert kept.how_sure(len(y)).endswith("heavier tails more.")
    y[:12] += 5.0
    found = BayesClean(false_positive_rate=0.01).fit(X, y)
    assert found.n_rejected_ >= 12
    share = f"{100 * found.n_rejected_ / len(y):.1f}".rstrip("0").rstrip(".")
    assert f"It rejected {share}% of this one" in found.how_sure(len(y))
