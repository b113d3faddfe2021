"""The template: what it checks of a subclass; finding defenses by name; the ridge."""

import doctest
import importlib
import pkgutil

import numpy as np
import pytest
from sklearn.linear_model import Ridge as SummedRidge

from mithridate import defenses
from mithridate.defenses import BaseDefense, Ridge, Trim
from mithridate.errors import InputError


class Written(BaseDefense):
    """Returns what it is told to, as a careless subclass would."""

    def __init__(self, estimator=None, answer=None, scored=True):
        super().__init__(estimator)
        self.answer = answer
        self.scored = scored

    def _find_inliers(self, X, y, sample_weight):
        if self.scored:
            self.scores_ = np.zeros(len(y))
        return self.answer(len(y))


X, Y = np.random.default_rng(0).random((12, 2)), np.arange(12.0)


@pytest.mark.parametrize(
    ("defense", "error", "sentence"),
    [
        (Written(answer=np.ones), TypeError, "boolean array"),
        (Written(answer=lambda n: [True] * n), TypeError, "boolean array"),
        (Written(answer=lambda n: np.ones(n - 1, bool)), TypeError, "boolean array"),
        (Written(answer=lambda n: np.ones(n, bool), scored=False), TypeError, "must set scores_"),
        (Written(answer=lambda n: np.zeros(n, bool)), InputError, "would keep 0 of 12 rows"),
        (Written(answer=lambda n: np.arange(n) == 3), InputError, "would keep 1 of 12 rows"),
    ],
)
def test_what_a_subclass_returns_is_checked(defense, error, sentence):
    with pytest.raises(error, match=sentence):
        defense.fit(X, Y)


def test_defaults_where_the_hook_says_nothing():
    defense = Written(answer=lambda n: np.arange(n) % 3 > 0).fit(X, Y)
    assert np.isnan(defense.threshold_) and defense.message_ == ""
    assert defense.n_rejected_ == 4 and defense.contamination_ == pytest.approx(1 / 3)
    kept = Ridge().fit(X[np.arange(12) % 3 > 0], Y[np.arange(12) % 3 > 0])
    np.testing.assert_array_equal(defense.predict(X), kept.predict(X))


def test_the_given_estimator_is_not_touched():
    given = Ridge(l2=0.5)
    defense = Trim(given).fit(X, Y)
    assert not hasattr(given, "coef_") and defense.estimator_.l2 == 0.5


@pytest.mark.parametrize("shape", [(50, 4), (20, 60)])
@pytest.mark.parametrize("weighted", [False, True])
def test_ridge_is_scikit_learns_with_n_times_the_penalty(shape, weighted):
    rng = np.random.default_rng(1)
    features, target = rng.random(shape), rng.random(shape[0])
    weight = rng.random(shape[0]) if weighted else None
    total = shape[0] if weight is None else weight.sum()
    ours = Ridge(l2=1e-2).fit(features, target, weight)
    theirs = SummedRidge(alpha=1e-2 * total).fit(features, target, weight)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-8)
    assert ours.intercept_ == pytest.approx(theirs.intercept_)


def test_ridge_without_penalty_takes_the_smallest_solution():
    rng = np.random.default_rng(2)
    features = np.eye(4)[rng.integers(0, 4, 40)]
    target = features @ np.array([1.0, 2.0, 3.0, 6.0])
    ridge = Ridge(l2=0.0).fit(features, target)
    np.testing.assert_allclose(ridge.predict(features), target)
    np.testing.assert_allclose(ridge.coef_, [-2, -1, 0, 3], atol=1e-9)


@pytest.mark.parametrize("l2", [-1.0, float("inf"), float("nan"), "a", None])
def test_ridge_names_a_wrong_penalty(l2):
    with pytest.raises(InputError, match="l2 must be"):
        Ridge(l2=l2).fit(X, Y)


def test_examples_in_the_docs_run():
    files = [f"mithridate.defenses.{m.name}" for m in pkgutil.iter_modules(defenses.__path__)]
    ran = [doctest.testmod(importlib.import_module(f)) for f in ["mithridate.defenses", *files]]
    assert sum(r.failed for r in ran) == 0 and sum(r.attempted for r in ran) > 10
