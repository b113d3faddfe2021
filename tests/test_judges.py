"""The model that poison is judged on."""

import sys
import types

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import HistGradientBoostingRegressor

from mithridate import data
from mithridate.bench import Spec, run
from mithridate.bench.judges import judge, split_for
from mithridate.errors import InputError


def test_ridge_is_judged_with_its_own_penalty():
    name, model = judge(Spec.of({"victim": {"use": "ridge", "l2": 0.25}}))
    assert name == "ridge"
    assert model.l2 == 0.25
    assert judge(Spec.of({"victim": {"use": "linear", "l2": 0.5}}))[1].l2 == 0.5


def test_a_network_is_judged_trained_to_convergence():
    _, model = judge(Spec.of({"victim": {"use": "mlp", "widths": [8, 4], "activation": "relu"}}))
    network = model.regressor.steps[-1][1]
    assert tuple(network.hidden_layer_sizes) == (8, 4)
    assert network.activation == "relu"
    split = data.load("diabetes").split(0)
    fitted = model.fit(split.train.X, split.train.y)
    error = np.mean((fitted.predict(split.test.X) - split.test.y) ** 2)
    assert error < 0.8 * np.var(split.test.y)
    assert fitted.regressor_[-1].n_iter_ < 500


def test_any_regressor_can_be_the_judge():
    name, model = judge(Spec.of({"judge": "sklearn.ensemble.HistGradientBoostingRegressor"}))
    assert name == "sklearn.ensemble.HistGradientBoostingRegressor"
    assert model.random_state == 0


@pytest.mark.parametrize(
    "path", ["nothing", "no.such.Thing", "sklearn.svm.SVC", "sklearn.svm.Nope", "os.path.join"]
)
def test_what_is_no_regressor_is_refused(path):
    with pytest.raises(InputError, match="judge"):
        judge(Spec.of({"judge": path}))


@pytest.mark.parametrize("use", ["hgb(loss=poisson, max_iter=9)", "hgb(loss='gamma', max_iter=9)"])
def test_a_loss_of_ratios_is_trained_as_in_the_units_of_the_table(use):
    table, spec = data.load("diabetes"), Spec.of({"judge": use, "data": {"rows": 100}})
    split, model = split_for(table, spec, 0), judge(spec)[1]
    own = table.y[split.rows]
    plain = model.fit(split.train.X, own).predict(split.test.X)
    scaled = model.fit(split.train.X, split.train.y).predict(split.test.X)
    assert split.shift[-1] == 0
    np.testing.assert_allclose(scaled * split.scale[-1], plain, rtol=1e-6)
    assert (split.lower[-1], split.upper[-1]) == (split.train.y.min(), split.train.y.max())


def test_other_losses_leave_the_target_its_range():
    spec = Spec.of({"judge": "hgb(loss=quantile, quantile=0.9)", "data": {"rows": 100}})
    assert judge(spec)[1].quantile == 0.9
    assert split_for(data.load("diabetes"), spec, 0).lower[-1] == 0


@pytest.mark.parametrize(
    ("use", "said"),
    [
        ("hgb(loss=poisson", "no regressor|cannot be made"),
        ("hgb(poisson)", "cannot be read"),
        ("hgb(loss=)", "cannot be read"),
        ("hgb(losses=poisson)", "has no parameter 'losses'"),
    ],
)
def test_parameters_that_mean_nothing_are_refused(use, said):
    with pytest.raises(InputError, match=said):
        judge(Spec.of({"judge": use}))


def test_a_loss_that_the_targets_do_not_allow_is_refused_in_one_sentence():
    spec = {"judge": "hgb(loss=gamma)", "ratios": [0.1]}
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(200, 2)).round(2), columns=["x", "y"])
    table = {"source": "frame", "target": "y", "rows": 60}
    with pytest.raises(InputError, match="cannot be trained on this table"):
        run(Spec.of(spec | {"data": table}), frame)


@pytest.mark.parametrize(
    ("use", "path"),
    [("lightgbm", "lightgbm.LGBMRegressor"), ("xgboost(n_jobs=2)", "xgboost.XGBRegressor")],
)
def test_packages_that_are_installed_are_found_by_their_names(monkeypatch, use, path):
    package, _, name = path.partition(".")

    class StandIn(RegressorMixin, BaseEstimator):
        def __init__(self, n_jobs=None, random_state=None):
            self.n_jobs, self.random_state = n_jobs, random_state

    module = types.ModuleType(package)
    setattr(module, name, StandIn)
    monkeypatch.setitem(sys.modules, package, module)
    found, model = judge(Spec.of({"judge": use}))
    assert (found, type(model)) == (use, StandIn)
    assert (model.n_jobs, model.random_state) == (2 if "(" in use else 1, 0)
    monkeypatch.setitem(sys.modules, package, None)  # as where it is not installed
    with pytest.raises(InputError, match=package):
        judge(Spec.of({"judge": use}))


@pytest.fixture(scope="module")
def claims():
    """Policies with claims a year, and the years that each was observed."""
    rng = np.random.default_rng(0)
    age, power = rng.uniform(18, 80, 300).round(1), rng.integers(4, 13, 300)
    years = rng.uniform(0.1, 1, 300).round(2)
    rate = np.exp(1 - age / 40 + power / 8)
    claims = rng.poisson(rate * years) / years
    return pd.DataFrame({"age": age, "power": power, "years": years, "claims": claims})


POISSON = "hgb(loss=poisson, max_iter=9)"


def test_exposure_weighs_rows_in_training_and_in_errors(claims):
    table = {"source": "frame", "target": "claims", "weights": "years", "rows": 100}
    attacks = [{"use": "portfolio", "alphas": [1], "members": ["flip"]}]
    spec = {"judge": POISSON, "data": table, "attacks": attacks, "ratios": [0.1], "seeds": 1}
    found = run(Spec.of(spec | {"defenses": [{"use": "trim"}]}), claims)
    rows = found.table.to_pylist()

    split = split_for(Spec.of(spec).data.load(claims), Spec.of(spec), 0)
    assert split.columns.names == ("age", "power")
    model = HistGradientBoostingRegressor(loss="poisson", max_iter=9, random_state=0)
    model.fit(split.train.X, split.train.y, sample_weight=claims.years[split.rows])
    said, test = model.predict(split.test.X), split.test
    unit = np.cov(test.y, aweights=test.w, ddof=0)
    by_hand = np.average((test.y - said) ** 2, weights=test.w) / unit
    assert rows[0]["nmse_clean"] == pytest.approx(by_hand)
    assert {row["status"] for row in rows} == {"ok"}
    assert max(row["nmse_poisoned"] for row in rows) > rows[0]["nmse_clean"]
    assert split.train.w.mean() == pytest.approx(1)
    assert "weighs as much as the mean clean row" in Spec.of(spec).words()["writes"]


@pytest.mark.parametrize(
    ("judge", "weights", "said"),
    [
        (None, "years", "only a regressor takes"),
        (POISSON, "miles", "'miles' are no column of numbers"),
        (POISSON, "less", r"2 rows of the table have no weight, or one below 0"),
        ("knn", "years", "takes no weights"),
    ],
)
def test_weights_that_cannot_be_are_refused_in_a_sentence(claims, judge, weights, said):
    frame = claims.assign(less=claims.years.where(claims.index > 1, -1.0))
    table = {"source": "frame", "target": "claims", "weights": weights, "rows": 100}
    with pytest.raises(InputError, match=said):
        run(Spec.of({"judge": judge, "data": table, "seeds": 1}), frame)
