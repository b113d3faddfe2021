"""A class of someone else's that does not return what it must is blamed by name."""

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin

from mithridate import data
from mithridate.attack.attacks import AbstractAttack
from mithridate.attack.sample import Sample
from mithridate.bench import Spec, run
from mithridate.bench.judges import judge
from mithridate.bench.pieces import prediction, trained
from mithridate.bench.poisoning import batches, poison_of
from mithridate.bench.worlds import world
from mithridate.defenses import BaseDefense
from mithridate.errors import InputError
from mithridate.tables.encoded import Part


class NaNs(AbstractAttack):
    def _write(self, problem, start, origin, key):
        return Sample(start.X, start.y.at[1].set(jnp.nan), start.w), None


class Short(AbstractAttack):
    def _write(self, problem, start, origin, key):
        return Sample(start.X[:-1], start.y[:-1], start.w[:-1]), None


class Bare(AbstractAttack):
    def _write(self, problem, start, origin, key):
        return start


class Nothing(AbstractAttack):
    def _write(self, problem, start, origin, key):
        pass


class Mask(BaseDefense):
    def _find_inliers(self, X, y, sample_weight):
        return np.ones(3, bool)


@pytest.mark.parametrize(
    ("attack", "said"),
    [
        (NaNs, r"NaNs\._write must return finite numbers; of the 7 poison rows .*, 1 hold others"),
        (Bare, r"Bare\._write must return a pair of a Sample and a Path or None; .* a Sample\."),
        (Nothing, r"Nothing\._write must return a pair .* returned a NoneType\."),
        (Short, r"Short\._write .* targets of shape \(7,\); it returned .* and \(6,\)"),
    ],
)
def test_an_attack(attack, said):
    spec = Spec.of({"attacks": [f"{__name__}:{attack.__name__}"], "ratios": [0.1]})
    split = data.load("diabetes").split(0, 60)
    cut = batches(spec, 60)
    with pytest.raises(InputError, match=said):
        poison_of(spec.attacks[0], spec, [world(split, "y", spec.threat)], [0], cut, None)


def test_a_defense():
    X = np.arange(40.0).reshape(20, 2)
    with pytest.raises(InputError, match=r"Mask\._find_inliers .* 20 rows; it .* shape \(3,\)"):
        Mask().fit(X, X[:, 0])


class Spoils(BaseDefense):
    def _find_inliers(self, X, y, sample_weight):
        X[:], y[:] = 0.0, 0.0
        self.scores_ = np.zeros(len(y))
        return np.ones(len(y), bool)


class Unsure(BaseDefense):
    def _find_inliers(self, X, y, sample_weight):
        self.scores_ = np.full(len(y), np.nan)
        return np.ones(len(y), bool)


def test_a_defense_that_writes_into_the_rows_is_named_and_they_are_put_back():
    X = np.arange(40.0).reshape(20, 2)
    y = X[:, 0].copy()
    with pytest.raises(InputError, match=r"Spoils\._find_inliers must leave the rows"):
        Spoils().fit(X, y)
    np.testing.assert_array_equal(X, np.arange(40.0).reshape(20, 2))
    np.testing.assert_array_equal(y, X[:, 0])


def test_a_defense_whose_scores_are_no_numbers_is_named():
    X = np.arange(40.0).reshape(20, 2)
    with pytest.raises(InputError, match=r"Unsure\._find_inliers must set scores_ to numbers"):
        Unsure().fit(X, X[:, 0])


def test_a_defense_that_spoils_rows_leaves_the_figures_of_the_others():
    def gains(*defenses):
        spec = {"data": {"rows": 60}, "seeds": 1, "ratios": [0.2], "attacks": ["flip"]}
        rows = run(Spec.of({**spec, "defenses": [*defenses, "huber"]})).table.to_pylist()
        by_name = {name: [r for r in rows if r["defense"] == name] for name in ("huber", *defenses)}
        assert all(r["status"] == "failed" for name in defenses for r in by_name[name])
        return [row["gain"] for row in by_name["huber"]]

    assert gains(f"{__name__}:Spoils") == gains()


class Model(RegressorMixin, BaseEstimator):
    """Its name says what it does wrong."""

    def fit(self, X, y):
        self.mean_ = y.mean()
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


class Column(Model):
    def predict(self, X):
        return super().predict(X)[:, None]


class Words(Model):
    def predict(self, X):
        return np.array(["high"] * len(X))


class Silent(Model):
    def fit(self, X, y):
        super().fit(X, y)


class Overwrites(Model):
    def fit(self, X, y):
        super().fit(X, y)
        X[:], y[:] = 0.0, 0.0
        return self

    def predict(self, X):
        X[:] = 0.0
        return super().predict(X)


class Plain:
    def fit(self, X, y):
        return self


ROWS = Part(np.arange(12.0).reshape(6, 2), np.arange(6.0))


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (Column, r"Column\.predict must return one number for each of 6 rows; .* shape \(6, 1\)"),
        (Words, r"Words\.predict must return one number for each of 6 rows; .* shape \(6,\)"),
        (Silent, r"Silent\.fit must return the model itself; it returned a NoneType"),
    ],
)
def test_a_model(model, said):
    with pytest.raises(InputError, match=said):
        prediction(trained(model(), ROWS), ROWS.X)


def test_a_model_that_writes_into_its_rows_writes_into_copies():
    before = ROWS.X.copy(), ROWS.y.copy()
    prediction(trained(Overwrites(), ROWS), ROWS.X)
    np.testing.assert_array_equal(ROWS.X, before[0])
    np.testing.assert_array_equal(ROWS.y, before[1])


def test_a_class_that_is_no_regressor_is_refused():
    with pytest.raises(InputError, match="no regressor of scikit-learn's kind"):
        judge(Spec.of({"judge": f"{__name__}.Plain"}))
