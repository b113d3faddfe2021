"""The model that poison is judged on."""

import numpy as np
import pytest

from mithridate import data
from mithridate.bench import Spec
from mithridate.bench.judges import judge
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
