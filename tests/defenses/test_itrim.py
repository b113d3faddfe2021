"""ITRIM finds how much to trim by the elbow of the loss."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import Ridge as SummedRidge

from mithridate.defenses import ITrim, Trim
from mithridate.errors import InputError

PEERS = Path(__file__).resolve().parents[3] / "shared" / "peers"


def table(seed=0, n=300, d=5, share=0.0):
    rng = np.random.default_rng(seed)
    X = rng.random((n, d))
    y = X @ rng.normal(size=d) + 0.05 * rng.normal(size=n)
    poisoned = rng.permutation(n)[: round(share * n)]
    y[poisoned] = np.where(y[poisoned] > y.mean(), y.min(), y.max())
    return X, y


def house(run, m):
    path = PEERS / f"manipml_house_ridge_{run}.npz"
    if not path.exists():
        pytest.skip(f"the arrays of the published code are not at {path}")
    with np.load(path) as data:
        X, y, test = data["trnx"], data["trny"], (data["tstx"], data["tsty"])
        if m:
            X, y = np.vstack([X, data[f"px_{m}"]]), np.concatenate([y, data[f"py_{m}"]])
    return X, y, test


@pytest.mark.parametrize("share", [0.0, 0.04, 0.08, 0.12])
def test_is_trim_at_the_contamination_it_finds(share):
    X, y = table(share=share)
    itrim = ITrim().fit(X, y)
    assert itrim.estimate_ == pytest.approx(share, abs=0.021)
    trim = Trim(contamination=itrim.estimate_).fit(X, y)
    np.testing.assert_array_equal(itrim.inlier_mask_, trim.inlier_mask_)
    np.testing.assert_array_equal(itrim.predict(X), trim.predict(X))
    assert itrim.contamination_ == pytest.approx(itrim.estimate_, abs=0.5 / len(y))


@pytest.mark.parametrize("run", ["bflip", "inflip"])
@pytest.mark.parametrize(("m", "estimate"), [(0, 0.0), (13, 0.04), (26, 0.08), (41, 0.12)])
def test_finds_the_poison_of_the_published_attack(run, m, estimate):
    X, y, (X_test, y_test) = house(run, m)
    itrim = ITrim(SummedRidge(0.1)).fit(X, y)
    assert itrim.estimate_ == estimate
    mse = np.mean((itrim.predict(X_test) - y_test) ** 2)
    attacked = np.mean((SummedRidge(0.1).fit(X, y).predict(X_test) - y_test) ** 2)
    assert mse == pytest.approx(0.00301, abs=1e-5) if m < 41 else mse < 0.1 * attacked
    assert itrim.inlier_mask_[300:].sum() <= 2


def test_the_path_stops_one_step_after_the_elbow():
    X, y = table(share=0.06)
    itrim = ITrim(elbow=2e-3).fit(X, y)
    tried, loss = itrim.path_.T
    np.testing.assert_allclose(tried, 0.02 * np.arange(len(tried)), atol=1e-12)
    gains = -np.diff(loss)
    assert (gains[:-1] > 2e-3 * np.ptp(y) ** 2).all() and gains[-1] <= 2e-3 * np.ptp(y) ** 2
    assert itrim.estimate_ == tried[-2]


def test_nothing_found_is_an_answer():
    X, y = table()
    itrim = ITrim().fit(X, y)
    assert itrim.inlier_mask_.all() and itrim.estimate_ == 0.0 and not itrim.found_


def test_says_when_it_would_have_gone_on():
    X, y = table(share=0.3)
    itrim = ITrim().fit(X, y)
    assert itrim.estimate_ == 0.14 and "still gained" in itrim.message_
    assert ITrim(max_contamination=0.0).fit(X, y).estimate_ == 0.0


def test_the_last_step_of_the_grid_is_the_bound():
    X, y = table(share=0.4)
    assert ITrim(max_contamination=0.05, step=0.02).fit(X, y).path_[:, 0].tolist() == [
        0.0, 0.02, 0.04, 0.05,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "wrong", [{"max_contamination": 1.0}, {"step": 0.0}, {"step": "a"}, {"elbow": -1.0}]
)
def test_wrong_parameters_are_named(wrong):
    with pytest.raises(InputError, match=rf"ITrim\({next(iter(wrong))}="):
        ITrim(**wrong).fit(*table())
