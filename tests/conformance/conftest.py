"""What makes the laws of all defenses cheap to try."""

import functools

import pytest
from sklearn.ensemble import HistGradientBoostingRegressor, IsolationForest


@pytest.fixture
def few_trees(monkeypatch):
    """Five boosted trees for sixty, ten random ones for a hundred: laws hold for any number."""
    for forest, name, most in (
        (HistGradientBoostingRegressor, "max_iter", 5),
        (IsolationForest, "n_estimators", 10),
    ):
        monkeypatch.setattr(forest, "fit", shortened(forest.fit, name, most))


def shortened(fit, name, most):
    @functools.wraps(fit)
    def shorter(self, *args, **kwargs):
        setattr(self, name, min(getattr(self, name), most))
        return fit(self, *args, **kwargs)

    return shorter
