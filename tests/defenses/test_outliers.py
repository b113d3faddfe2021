"""Any outlier detector is a defense."""

import numpy as np
import pytest
from sklearn.covariance import EllipticEnvelope
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

from mithridate.defenses import Outliers
from mithridate.errors import InputError


def table(seed=0, n=200, d=4):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    y = X @ np.ones(d) + 0.1 * rng.normal(size=n)
    X[:4] += 6.0 * rng.normal(size=(4, d))
    return X * [1.0, 1e3, 1e-3, 1.0], y


def standardized(X, y):
    order = np.argsort(y)
    z = np.column_stack([X, y])
    return order, ((z - z.mean(axis=0)) / z.std(axis=0))[order]


@pytest.mark.parametrize(
    "detector",
    [
        IsolationForest(random_state=3, contamination=0.4),
        EllipticEnvelope(random_state=0),
        LocalOutlierFactor(n_neighbors=15),
        LocalOutlierFactor(novelty=True),
        OneClassSVM(),
        make_pipeline(StandardScaler(), IsolationForest(random_state=0)),
    ],
    ids=lambda detector: type(detector).__name__,
)
def test_detectors_of_scikit_learn(detector):
    X, y = table()
    defense = Outliers(detector=detector, contamination=0.02).fit(X, y)
    assert (~defense.inlier_mask_[:4]).sum() >= 3 and defense.n_rejected_ == 4
    assert type(defense.detector_) is type(detector) and defense.detector_ is not detector


def test_scores_are_the_detectors_turned_round():
    X, y = table()
    order, z = standardized(X, y)
    forest = IsolationForest(random_state=0).fit(z)
    np.testing.assert_allclose(
        Outliers().fit(X, y).scores_[order], -forest.score_samples(z), rtol=1e-6
    )
    factor = LocalOutlierFactor().fit(z)
    np.testing.assert_allclose(
        Outliers(detector=LocalOutlierFactor()).fit(X, y).scores_[order],
        -factor.negative_outlier_factor_,
    )


def test_a_detector_by_its_dotted_path():
    X, y = table()
    named = Outliers(detector="sklearn.neighbors.LocalOutlierFactor").fit(X, y)
    np.testing.assert_array_equal(
        named.scores_, Outliers(detector=LocalOutlierFactor()).fit(X, y).scores_
    )


@pytest.mark.parametrize("name", ["knn.KNN", "ecod.ECOD"])
def test_detectors_of_pyod(name):
    module, _, cls = name.partition(".")
    models = pytest.importorskip(f"pyod.models.{module}", reason="PyOD is not installed")
    X, y = table()
    detector = getattr(models, cls)()
    defense = Outliers(detector=detector, contamination=0.02).fit(X, y)
    assert (~defense.inlier_mask_[:4]).sum() >= 3
    order, z = standardized(X, y)
    theirs = getattr(models, cls)().fit(z).decision_scores_
    np.testing.assert_allclose(defense.scores_[order], theirs)


class Verdicts:
    """A detector that has nothing but verdicts."""

    def fit_predict(self, Z):
        return np.where(np.abs(Z).max(axis=1) > 4.0, -1, 1)


def test_a_detector_that_only_gives_verdicts():
    X, y = table()
    defense = Outliers(detector=Verdicts(), contamination=0.015).fit(X, y)
    assert defense.n_rejected_ == 3 and not defense.inlier_mask_[:4].all()
    assert set(defense.scores_) == {-1.0, 1.0}


def test_weights_that_are_no_counts_weigh_in_the_model_alone():
    X, y = table()
    weight = np.linspace(0.5, 1.5, len(y))
    plain, weighted = Outliers().fit(X, y), Outliers().fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(weighted.scores_, plain.scores_)
    assert not np.array_equal(weighted.predict(X), plain.predict(X))


def test_what_is_no_detector_is_refused_in_a_sentence():
    with pytest.raises(InputError, match="give an outlier detector"):
        Outliers(detector=object()).fit(*table())
    with pytest.raises(InputError, match=r"'forest' cannot be made.*LocalOutlierFactor"):
        Outliers(detector="forest").fit(*table())


class Broken(Verdicts):
    def fit_predict(self, Z):
        return np.full(len(Z), np.nan)


def test_scores_that_are_not_finite_are_refused_in_a_sentence():
    with pytest.raises(InputError, match="Broken gave scores that are not finite"):
        Outliers(detector=Broken()).fit(*table())
