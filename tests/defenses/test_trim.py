"""TRIM against a loop written out, and against the figures of the published code."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import Ridge as SummedRidge
from sklearn.neighbors import KNeighborsRegressor

from mithridate.defenses import Ridge, Trim
from mithridate.errors import InputError

PEERS = Path(__file__).resolve().parents[3] / "shared" / "peers"


TOLERANCES = 0.01, 0.05  # between which squares, but not sizes nor cubes, take another step


def table(seed, n=120, d=6):
    rng = np.random.default_rng(seed)
    coef, X = rng.normal(size=d), rng.random((n, d))
    y = X @ coef + 0.2 * rng.normal(size=n)
    y[: n // 5] = np.round(1 - y[: n // 5])
    return X, y


def brute(X, y, l2, contamination, tol=1e-5):
    """Refit by refit; returns the sets that were kept, first to last."""
    n_keep = len(y) - round(contamination * len(y))
    index, last, seen = np.arange(len(y)), np.inf, []
    while True:
        model = SummedRidge(alpha=l2 * len(index)).fit(X[index], y[index])
        loss = (y - model.predict(X)) ** 2
        new = np.sort(sorted(range(len(y)), key=lambda i: (loss[i], i))[:n_keep])
        seen.append(new)
        total = loss[new].sum()
        if np.array_equal(new, index) or (last < np.inf and last - total <= tol * last):
            return seen
        index, last = new, total


@pytest.mark.parametrize("contamination", [0.0, 0.05, 0.2, 0.37])
@pytest.mark.parametrize("seed", range(4))
def test_same_as_the_loop_written_out(seed, contamination):
    X, y = table(seed)
    seen = brute(X, y, 1e-3, contamination)
    trim = Trim(Ridge(1e-3), contamination=contamination).fit(X, y)
    np.testing.assert_array_equal(np.flatnonzero(trim.inlier_mask_), seen[-1])
    assert trim.n_iter_ == len(seen)
    final = SummedRidge(alpha=1e-3 * len(seen[-1])).fit(X[seen[-1]], y[seen[-1]])
    np.testing.assert_allclose(trim.predict(X), final.predict(X), rtol=1e-9)


@pytest.mark.parametrize(
    ("run", "poison_kept", "test_mse"), [("bflip", 5, 0.0110), ("inflip", 9, 0.0234)]
)
def test_same_as_the_published_code(run, poison_kept, test_mse):
    path = PEERS / f"manipml_house_ridge_{run}.npz"
    if not path.exists():
        pytest.skip(f"the arrays of the published code are not at {path}")
    with np.load(path) as data:
        X = np.vstack([data["trnx"], data["px_75"]])
        y = np.concatenate([data["trny"], data["py_75"]])
        test = data["tstx"], data["tsty"]
    trim = Trim(SummedRidge(0.1), contamination=75 / 375).fit(X, y)
    assert trim.inlier_mask_[300:].sum() == poison_kept
    assert trim.inlier_mask_.sum() == 300
    assert np.mean((trim.predict(test[0]) - test[1]) ** 2) == pytest.approx(test_mse, abs=5e-5)


def test_equal_residuals_go_by_row_order():
    """Symmetric targets: the mean stays 0 while rows go two by two."""
    X, y = np.zeros((10, 1)), np.array([1.0, -1.0] * 5)
    assert Trim(contamination=0.4, max_iter=1).fit(X, y).inlier_mask_.nonzero()[0].tolist() == [
        *range(6)
    ]


def test_scores_and_threshold_are_those_of_the_last_choice():
    X, y = table(0)
    trim = Trim(contamination=0.2).fit(X, y)
    assert trim.threshold_ == trim.scores_[trim.inlier_mask_].max()
    assert trim.threshold_ < trim.scores_[~trim.inlier_mask_].min()


def test_weight_at_the_cut_is_split():
    """Of a row of weight 3 at the cut, as many copies stay as of three equal rows."""
    X, y = np.zeros((4, 1)), np.array([0.0, 0.1, -0.1, 5.0])
    w = np.array([3, 3, 3, 3])
    rows = np.arange(4).repeat(w)
    for contamination in (1 / 12, 2 / 12, 3 / 12, 4 / 12):
        for model in (None, SummedRidge(1e-3)):
            trim = Trim(model, contamination=contamination)
            weighted = trim.fit(X, y, sample_weight=w).predict(X)
            repeated = trim.fit(X[rows], y[rows]).predict(X)
            np.testing.assert_allclose(weighted, repeated, atol=1e-12)


def test_weights_that_are_no_counts_are_not_rounded():
    X, y = table(1)
    for unit in (1.0, 0.01):
        trim = Trim(contamination=0.2).fit(X, y, sample_weight=np.full(len(y), unit))
        assert trim.inlier_mask_.sum() == 96


def test_defends_a_model_that_is_not_linear():
    X, y = table(2)
    trim = Trim(KNeighborsRegressor(15), contamination=0.2).fit(X, y)
    assert isinstance(trim.estimator_, KNeighborsRegressor)
    assert trim.estimator_.n_samples_fit_ == 96


def test_says_when_it_did_not_settle():
    X, y = table(3)
    assert "after 1 refits" in Trim(contamination=0.3, max_iter=1).fit(X, y).message_
    assert Trim(contamination=0.3).fit(X, y).message_ == ""
    with pytest.raises(InputError, match="max_iter=0"):
        Trim(max_iter=0).fit(X, y)


def test_too_few_rows_left_is_said():
    X, y = table(4, n=10)
    with pytest.raises(InputError, match="would keep 1 of 10 rows"):
        Trim(contamination=0.9).fit(X, y)


def test_an_estimator_without_weights_is_named():
    X, y = table(5)
    with pytest.raises(InputError, match="KNeighborsRegressor takes no sample_weight"):
        Trim(KNeighborsRegressor()).fit(X, y, sample_weight=np.ones(len(y)))


def test_the_search_stops_when_the_loss_falls_by_less_than_its_tolerance():
    """Any fall is at most the whole loss, so tol=1 stops at the second refit."""
    rng = np.random.default_rng(0)
    X = rng.random((300, 3))
    y = X.sum(axis=1) + rng.normal(size=300)
    exact = Trim(contamination=0.2, tol=0.0).fit(X, y)
    early = Trim(contamination=0.2, tol=1.0).fit(X, y)
    assert exact.n_iter_ > 2 and early.n_iter_ == 2
    X, y = table(3)
    steps = [len(brute(X, y, 1e-3, 0.37, tol)) for tol in TOLERANCES]
    ridge = Ridge(1e-3)
    assert [Trim(ridge, contamination=0.37, tol=t).fit(X, y).n_iter_ for t in TOLERANCES] == steps


def test_units_of_the_features_do_not_matter_to_its_own_ridge():
    """Its penalty is in robust units of each column; a ridge that was given is taken as it is."""
    X, y = table(0)
    units = np.array([1e3, 1e-3, 1.0, 10.0, 0.1, 1.0])
    own, given = Trim(contamination=0.2), Trim(Ridge(1e-2), contamination=0.2)
    np.testing.assert_allclose(own.fit(X * units, y).scores_, own.fit(X, y).scores_, rtol=1e-6)
    plain = given.fit(X, y).scores_
    assert np.abs(given.fit(X * units, y).scores_ - plain).max() > 1e-3


def test_the_threshold_is_the_largest_score_kept_in_any_block():
    rng = np.random.default_rng(0)
    y = rng.normal(size=17_000)  # two blocks; the second is short
    y[5] = 9.0
    trim = Trim(contamination=0.0).fit(np.zeros((len(y), 1)), y)
    assert trim.threshold_ == pytest.approx(9.0 - y.mean(), rel=1e-12)
