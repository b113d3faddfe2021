"""How well every exported defense defends, at least; as it comes, with nothing made smaller."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from mithridate import defenses

from .defended import clean_table, every_defense, gross_table, told

SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))]


@every_defense
@pytest.mark.parametrize("seed", SEEDS)
def test_gross_outliers_go(cls, seed):
    if cls.rejects_gross == 0:
        pytest.skip("promises to reject no gross errors: it defends in another way")
    X, y, moved = gross_table(seed)
    defense = (cls(contamination=0.1) if cls.needs_contamination else cls()).fit(X, y)
    assert (~defense.inlier_mask_[moved]).mean() >= cls.rejects_gross
    assert defense.scores_[moved].min() > np.median(defense.scores_)
    # And it was worth it: the model is near the one that never saw them.
    X_new, y_new = clean_table(seed, n=1000)
    undefended = defenses.Ridge().fit(X, y)
    left = 1 - cls.rejects_gross + 0.05
    assert np.mean((defense.predict(X_new) - y_new) ** 2) < left * np.mean(
        (undefended.predict(X_new) - y_new) ** 2
    )


@every_defense
@pytest.mark.parametrize("d", [3, 30])
@pytest.mark.parametrize("seed", SEEDS)
def test_clean_data_mostly_stays(cls, d, seed):
    X, y = clean_table(seed, d=d)
    kept = cls().fit(X, y).inlier_mask_.mean()
    assert kept >= cls.keeps_clean


@every_defense
def test_a_reason_for_every_rejected_row(cls):
    X, y, moved = gross_table()
    X[np.flatnonzero(moved)[0], 2] += 30.0
    defense = told(cls, 0.1).fit(X, y)
    reasons, mask = defense.reasons_, defense.inlier_mask_
    np.testing.assert_array_equal(reasons["row"], np.flatnonzero(~mask))
    np.testing.assert_array_equal(reasons["score"], defense.scores_[~mask])
    residual = y - defense.predict(X)
    sigma = np.sqrt(np.mean(residual[mask] ** 2))
    np.testing.assert_allclose(reasons["residual"], residual[~mask] / sigma, rtol=1e-6)
    assert ((reasons["leverage"] > 0) & (reasons["leverage"] < 1)).all()
    assert ((reasons["predictive_sigma"] > 0) & np.isfinite(reasons["predictive_sigma"])).all()
    assert (np.abs(reasons["first_sigma"]) >= np.abs(reasons["second_sigma"])).all()
    for reason in reasons[moved[~mask]]:
        columns = {reason["first_column"], reason["second_column"]}
        assert "y" in columns and (reason["row"] != moved.argmax() or "x2" in columns)


@every_defense
def test_any_regressor_can_be_defended(cls):
    X, y = gross_table()[:2] if cls.rejects_gross else clean_table()
    defense = told(cls, 0.1, estimator=LinearRegression()).fit(X, y)
    assert defense.score(*clean_table()) > 0.5
