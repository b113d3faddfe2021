"""DeepBayesClean: networks that did not see a row judge it, by BayesClean's rule."""

import numpy as np
import pytest
from scipy.stats import norm

from mithridate.defenses import BayesClean, DeepBayesClean
from mithridate.defenses.ensemble import DistinctRows
from mithridate.errors import InputError


def curved(seed=0, n=120, poison=24):
    """A bowl, and rows whose targets were moved to the far end of its range."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (n, 2))
    y = (X**2).sum(axis=1) + 0.05 * rng.normal(size=n)
    y[:poison] = np.where(y[:poison] < np.median(y), y.max(), y.min())
    return X, y, np.arange(n) < poison


def test_finds_what_a_line_cannot():
    X, y, moved = curved()
    deep, line = DeepBayesClean(networks=8).fit(X, y), BayesClean().fit(X, y)
    assert (~deep.inlier_mask_[moved]).mean() >= 0.9
    assert deep.inlier_mask_[~moved].mean() >= 0.75
    assert line.inlier_mask_[~moved].mean() < deep.inlier_mask_[~moved].mean() - 0.1


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("poison", [0, 24])
def test_the_rule_written_out(seed, poison):
    X, y, _ = curved(seed, poison=poison)
    deep = DeepBayesClean(networks=4, c1=0.6, c2=1.2).fit(X, y)
    z = deep.scores_
    np.testing.assert_array_equal(deep.sets_, np.digitize(z, [0.6, 1.2], right=True) + 1)
    fires = np.mean(z > 0.6) > 2 * norm.sf(0.6)
    assert deep.threshold_ == (0.6 if fires else 1.2)
    np.testing.assert_array_equal(deep.inlier_mask_, z <= deep.threshold_)


def test_no_network_judges_a_row_that_it_saw(monkeypatch):
    """Every network is seen to be trained on a quarter of the pool, and its word there is NaN."""
    X, y, _ = curved(n=40)
    table, seen = DistinctRows.of(X, y, None), []
    trained = DistinctRows.trained

    def watched(self, part, penalty, seed):
        seen.append(part)
        return trained(self, part, penalty, seed)

    monkeypatch.setattr(DistinctRows, "trained", watched)
    pool = np.arange(5, 37)
    found = table.unseen(pool, 4, 30.0, 8, np.random.RandomState(0))
    for part, predictions in zip(seen, found, strict=True):
        np.testing.assert_array_equal(np.flatnonzero(np.isnan(predictions)), np.sort(part))
        assert len(part) == 8
    np.testing.assert_array_equal(np.sort(np.concatenate(seen[:4])), pool)
    np.testing.assert_array_equal(np.sort(np.concatenate(seen[4:])), pool)


def test_the_score_written_out():
    X, y, _ = curved(n=6, poison=1)
    table = DistinctRows.of(X, y, None)
    found = np.random.default_rng(0).normal(size=(5, 6))
    found[0, 2] = np.nan
    mean, spread = np.nanmedian(found, axis=0), np.nanvar(found, axis=0)
    square = (table.y - mean) ** 2
    noise = max(square.mean() - spread.mean(), 0.1 * square.mean())
    np.testing.assert_allclose(table.scores(found), np.sqrt(square / (spread + noise)), rtol=1e-6)


def test_equal_rows_share_their_score():
    X, y, _ = curved(n=60, poison=6)
    twice = np.r_[np.arange(60), np.arange(30)]
    deep = DeepBayesClean(networks=4).fit(X[twice], y[twice])
    np.testing.assert_array_equal(deep.scores_[60:], deep.scores_[:30])
    weighted = DeepBayesClean(networks=4).fit(X, y, np.r_[np.full(30, 2.0), np.ones(30)])
    np.testing.assert_array_equal(weighted.scores_, deep.scores_[:60])


def test_weights_that_are_no_counts():
    X, y, _ = curved(n=60, poison=6)
    whole, half = (DeepBayesClean(networks=4).fit(X, y, np.full(60, w)) for w in (1.0, 0.5))
    np.testing.assert_allclose(half.scores_, whole.scores_, rtol=1e-3)
    heavy = np.where(np.arange(60) < 30, 1.5, 0.5)
    assert not np.allclose(DeepBayesClean(networks=4).fit(X, y, heavy).scores_, whole.scores_)


def test_the_same_seed_gives_the_same_and_another_does_not():
    X, y, _ = curved(n=60, poison=6)
    scores = [DeepBayesClean(networks=4, random_state=s).fit(X, y).scores_ for s in (0, 0, 1)]
    np.testing.assert_array_equal(scores[0], scores[1])
    assert not np.allclose(scores[0], scores[2])


@pytest.mark.parametrize("networks", [3, 4.5, "many", None])
def test_too_few_networks_are_refused(networks):
    with pytest.raises(InputError, match=r"networks=.*4 or more"):
        DeepBayesClean(networks=networks).fit(*curved(n=20, poison=2)[:2])


def test_cuts_in_order():
    with pytest.raises(InputError, match=r"DeepBayesClean\(c1=2.0.*0 <= c1 <= c2"):
        DeepBayesClean(c1=2.0).fit(*curved(n=20, poison=2)[:2])
