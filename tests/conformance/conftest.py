"""What makes the laws of all defenses cheap to try."""

import functools

import pytest
from sklearn.ensemble import HistGradientBoostingRegressor


@pytest.fixture
def few_trees(monkeypatch):
    """Five boosted trees for sixty, for laws that hold for any number of them."""
    fit = HistGradientBoostingRegressor.fit

    @functools.wraps(fit)
    def shorter(self, *args, **kwargs):
        self.max_iter = min(self.max_iter, 5)
        return fit(self, *args, **kwargs)

    monkeypatch.setattr(HistGradientBoostingRegressor, "fit", shorter)
