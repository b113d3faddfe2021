"""DUTI: the Lasso it solves, and the published example."""

import warnings

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import LinearRegression
from sklearn.metrics import average_precision_score

from mithridate.defenses import Duti, Ridge, Trim
from mithridate.defenses.corrections import CorrectionPath
from mithridate.errors import InputError


def table(seed=0, n=60, d=3, moved=6):
    """Some targets moved; returns X, y, which, and trusted rows."""
    rng = np.random.default_rng(seed)
    coef, X = rng.normal(size=d), rng.random((n + 20, d))
    y = X @ coef + 0.05 * rng.normal(size=n + 20)
    wrong = np.arange(n) < moved
    return X[:n], np.where(wrong, y[:n] + 2.0, y[:n]), wrong, (X[n:], y[n:])


def sine(seed):
    """The published example: a bump of a sine flipped, and trusted rows at its edge."""
    rng = np.random.default_rng(seed)
    x = 2.0 * np.arange(1, 101) / 100
    clean = np.sin(2 * np.pi * x) + 0.1 * rng.normal(size=100)
    y = np.where((np.arange(100) >= 50) & (np.arange(100) < 90), -np.abs(clean), clean)
    known = np.array([0.9, 1.0, 1.1]) + 0.05 * rng.random(3)
    return x[:, None], y, y != clean, (known[:, None], np.sin(2 * np.pi * known))


@pytest.mark.parametrize(("trust", "least"), [(100.0, 0.917), (1.0, 0.917)])
def test_as_precise_as_the_published_code_on_its_example(trust, least):
    """Theirs, without their standardizing and intercept: .947, over ten draws."""
    precision = []
    for seed in range(10):
        X, y, wrong, trusted = sine(seed)
        duti = Duti(kernel="rbf", l2=3.8e-6, width=0.7, trust=trust, contamination=0.25)
        duti.fit(X, y, trusted=trusted)
        precision.append(average_precision_score(wrong, duti.scores_))
    assert np.mean(precision) >= least
    if trust == 100.0:
        assert np.mean(precision) == pytest.approx(0.947, abs=0.03)


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_objective_is_the_one_of_the_paper(kernel, weighted):
    """The quadratic part, written out with models that are fitted on corrected targets."""
    X, y, _, (X_known, y_known) = table(n=25)
    rng = np.random.default_rng(1)
    weight = rng.integers(1, 4, len(y)).astype(float) if weighted else np.ones(len(y))
    duti = Duti(kernel=kernel, l2=1e-2, width=0.8, trust=7.0)
    smoother = duti._smoother(X, X_known, weight)
    lasso = CorrectionPath.of(smoother, y, y_known, weight, 7.0)
    total = weight.sum()

    def kernel_of(a, b):
        return np.exp(-((a[:, None] - b[None]) ** 2).sum(axis=2) / (2 * 0.8**2))

    for _ in range(3):
        delta = rng.normal(size=len(y))
        if kernel == "linear":
            model = Ridge(1e-2).fit(X, y + delta, weight)
            at_known, at_rows = model.predict(X_known), model.predict(X)
        else:
            gram = kernel_of(X, X)
            alpha = np.linalg.solve(gram + np.diag(total * 1e-2 / weight), y + delta)
            at_known, at_rows = kernel_of(X_known, X) @ alpha, gram @ alpha
        expected = 7.0 * np.mean((at_known - y_known) ** 2)
        expected += weight @ (at_rows - y - delta) ** 2 / total
        fitted = np.sum((lasso.target - lasso.design @ (weight * delta)) ** 2)
        assert fitted == pytest.approx(expected)


def test_the_path_solves_the_lasso():
    X, y, _, trusted = table(n=25)
    duti = Duti(l2=1e-2)
    lasso = CorrectionPath.of(
        duti._smoother(X, trusted[0], np.ones(25)), y, trusted[1], np.ones(25), 1.0
    )
    assert not np.any(lasso.solve(1.001 * lasso.largest, np.zeros(25)))
    steps = lasso.corrections(5, budget=1.0)
    for t, delta in enumerate(steps, start=1):
        gamma = lasso.largest / 2**t  # of 1/2 ‖target - design δ‖² + γ ‖δ‖₁

        def loss(parts, gamma=gamma):
            residual = lasso.target - lasso.design @ (parts[:25] - parts[25:])
            return 0.5 * residual @ residual + gamma * parts.sum()

        best = minimize(loss, np.zeros(50), bounds=[(0, None)] * 50, tol=1e-12)
        found = loss(np.concatenate([np.maximum(delta, 0), np.maximum(-delta, 0)]))
        assert found <= best.fun * (1 + 1e-4)


def test_finds_moved_targets_and_keeps_the_rest():
    X, y, wrong, trusted = table()
    duti = Duti(contamination=0.1).fit(X, y, trusted=trusted)
    np.testing.assert_array_equal(duti.inlier_mask_, ~wrong)
    expected = Ridge().fit(X[~wrong], y[~wrong]).predict(X)
    np.testing.assert_allclose(duti.predict(X), expected, rtol=1e-12, atol=1e-14)
    assert duti.scores_[wrong].min() > duti.threshold_ >= duti.scores_[~wrong].max()


def test_trusted_rows_turn_a_majority_that_agrees():
    """Where poison decides the fit on all rows, TRIM keeps it; trusted rows tell which is which."""
    rng = np.random.default_rng(0)
    coef, X = np.array([2.0, -1.0, 1.0]), rng.random((400, 3))
    y = X @ coef + 0.05 * rng.normal(size=400)
    poison = np.arange(300) < 100
    X[:100] = np.clip((coef > 0) + 0.2 * rng.normal(size=(100, 3)), 0, 1)
    y[:100] = y[100:300].min()
    share = poison.mean()
    trim = Trim(contamination=share).fit(X[:300], y[:300])
    duti = Duti(contamination=share).fit(X[:300], y[:300], trusted=(X[300:330], y[300:330]))
    assert trim.inlier_mask_[poison].mean() > 0.5 and duti.inlier_mask_[poison].mean() < 0.1


def test_relabeling_keeps_the_rows_with_their_targets_corrected():
    X, y, wrong, trusted = table()
    duti = Duti(contamination=0.1, relabel=True).fit(X, y, trusted=trusted)
    assert not duti.inlier_mask_[wrong].any() and (duti.corrections_[wrong] < -0.5).all()
    mended = np.where(wrong, y + duti.corrections_, y)
    np.testing.assert_array_equal(duti.predict(X), Ridge().fit(X, mended).predict(X))
    clean = Ridge().fit(X[~wrong], y[~wrong]).predict(X)
    attacked = Ridge().fit(X, y).predict(X)
    assert np.mean((duti.predict(X) - clean) ** 2) < 0.5 * np.mean((attacked - clean) ** 2)


def test_a_row_that_was_never_corrected_is_not_rejected():
    X, _, _, trusted = table()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        duti = Duti().fit(X, np.full(len(X), 2.0), trusted=(trusted[0], np.full(20, 2.0)))
    assert duti.inlier_mask_.all() and "already agrees" in duti.message_ and not duti.found_


def test_the_penalty_is_that_of_the_estimator_or_the_default():
    X, y, _, trusted = table()
    for estimator, l2 in [(Ridge(0.3), 0.3), (LinearRegression(), 1e-3), (None, 1e-3)]:
        told = Duti(l2=l2).fit(X, y, trusted=trusted)
        np.testing.assert_array_equal(
            Duti(estimator).fit(X, y, trusted=trusted).scores_, told.scores_
        )


@pytest.mark.parametrize(
    "wrong", [{"kernel": "poly"}, {"halvings": 0}, {"width": 0.0}, {"trust": -1.0}, {"l2": 0.0}]
)
def test_wrong_parameters_are_named(wrong):
    X, y, _, trusted = table()
    with pytest.raises(InputError, match=rf"Duti\({next(iter(wrong))}="):
        Duti(**wrong).fit(X, y, trusted=trusted)


def test_a_row_that_was_never_corrected_scores_less_than_one_and_is_kept():
    """With one step a score is 1 and a share for rows corrected in it, and a share for others."""
    X, y, _, trusted = table()
    duti = Duti(contamination=0.5, halvings=1).fit(X, y, trusted=trusted)
    corrected = duti.corrections_ != 0
    assert 1 < corrected.sum() < 30
    np.testing.assert_array_equal(duti.scores_ > 1.0, corrected)
    assert duti.scores_.max() < 2.0 and duti.inlier_mask_[~corrected].all()
    assert not duti.inlier_mask_[corrected].any()
    size = np.abs(duti.corrections_[corrected])
    shares = duti.scores_[corrected] - 1.0
    np.testing.assert_allclose(shares / shares.max(), size / size.max())
    large = Duti(contamination=0.5, halvings=1)
    large.fit(X, 1e6 * y, trusted=(trusted[0], 1e6 * trusted[1]))
    np.testing.assert_allclose(large.scores_, duti.scores_, rtol=1e-6)
