"""What every exported defense promises; a new one is held to it without being named here."""

import pickle
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from mithridate import defenses
from mithridate.bench.names import choices
from mithridate.errors import InputError

DEFENSES = list(choices(defenses, defenses.BaseDefense).values())

EXPECTED_FAILURES = {
    "Huber": {
        "check_sample_weight_equivalence_on_dense_data": "L-BFGS stops at a relative change of "
        "1e-9 of the loss, too early for equality to 1e-7 where the table has more columns than "
        "rows; scikit-learn names the same failure for HuberRegressor."
    }
}

every_defense = pytest.mark.parametrize("cls", DEFENSES, ids=lambda cls: cls.__name__)


def told(cls, ratio, **params):
    """A defense that knows the ratio, where it is one that must be told."""
    return cls(contamination=ratio, **params) if cls.needs_contamination else cls(**params)


def clean_table(seed=0, n=300, d=5):
    rng = np.random.default_rng(seed)
    coef, X = rng.normal(size=d), rng.random((n, d))
    return X, X @ coef + 0.1 * rng.normal(size=n)


def gross_table(seed=0, n=300):
    """A tenth of the targets moved by 20 standard deviations."""
    X, y = clean_table(seed, n)
    moved = np.zeros(n, dtype=bool)
    moved[np.random.default_rng(seed + 100).permutation(n)[: n // 10]] = True
    return X, np.where(moved, y + 20.0 * y.std(), y), moved


@parametrize_with_checks(
    [*(cls() for cls in DEFENSES), defenses.Ridge()],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES.get(type(estimator).__name__, {}),
)
def test_scikit_learn_estimator(estimator, check):
    check(estimator)


@every_defense
def test_permuting_rows_permutes_the_mask(cls):
    X, y, _ = gross_table()
    order = np.random.default_rng(1).permutation(len(y))
    mask = told(cls, 0.1).fit(X, y).inlier_mask_
    np.testing.assert_array_equal(told(cls, 0.1).fit(X[order], y[order]).inlier_mask_, mask[order])


@every_defense
@pytest.mark.parametrize("seed", range(3))
def test_gross_outliers_go(cls, seed):
    X, y, moved = gross_table(seed)
    defense = told(cls, 0.1).fit(X, y)
    assert (~defense.inlier_mask_[moved]).mean() >= 0.95
    assert defense.scores_[moved].min() > np.median(defense.scores_)
    # And it was worth it: the model is near the one that never saw them.
    X_new, y_new = clean_table(seed, n=1000)
    undefended = defenses.Ridge().fit(X, y)
    assert np.mean((defense.predict(X_new) - y_new) ** 2) < 0.1 * np.mean(
        (undefended.predict(X_new) - y_new) ** 2
    )


@every_defense
@pytest.mark.parametrize("d", [3, 30])
@pytest.mark.parametrize("seed", range(3))
def test_clean_data_mostly_stays(cls, d, seed):
    X, y = clean_table(seed, d=d)
    kept = cls().fit(X, y).inlier_mask_.mean()
    assert kept >= cls.keeps_clean


@every_defense
def test_says_what_it_did(cls):
    X, y, _ = gross_table()
    defense = told(cls, 0.1).fit(X, y)
    n = len(y)
    assert defense.inlier_mask_.shape == (n,) and defense.inlier_mask_.dtype == bool
    assert defense.scores_.shape == (n,) and np.isfinite(defense.scores_).all()
    assert defense.n_rejected_ == (~defense.inlier_mask_).sum()
    assert isinstance(defense.message_, str) and isinstance(defense.threshold_, float)
    if cls.needs_contamination:
        assert defense.contamination_ == 0.1
    else:
        assert defense.contamination_ == defense.n_rejected_ / n
    if not np.isnan(defense.threshold_):
        np.testing.assert_array_equal(defense.inlier_mask_, defense.scores_ <= defense.threshold_)
    signs = clone(defense).fit_predict(X, y)
    np.testing.assert_array_equal(signs == 1, defense.inlier_mask_)
    assert set(signs) <= {1, -1}


@every_defense
def test_units_of_the_target_do_not_matter(cls):
    X, y, _ = gross_table()
    defense, scaled = told(cls, 0.1).fit(X, y), told(cls, 0.1).fit(X, 2.5e4 * y - 1e6)
    np.testing.assert_array_equal(scaled.inlier_mask_, defense.inlier_mask_)
    expected = 2.5e4 * defense.predict(X) - 1e6
    np.testing.assert_allclose(scaled.predict(X), expected, rtol=1e-4)


@every_defense
def test_weight_k_is_row_k_times(cls):
    X, y, _ = gross_table()
    w = np.random.default_rng(2).integers(0, 4, len(y))
    rows = np.arange(len(y)).repeat(w)
    weighted = told(cls, 0.1).fit(X, y, sample_weight=w)
    repeated = told(cls, 0.1).fit(X[rows], y[rows])
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), atol=2e-4)
    kept = np.zeros(len(y), dtype=bool)
    kept[rows[repeated.inlier_mask_]] = True
    np.testing.assert_array_equal(weighted.inlier_mask_, kept)


@every_defense
def test_absent_rows_change_nothing(cls):
    X, y, _ = gross_table()
    w = np.ones(len(y))
    w[::3] = 0.0
    absent, without = told(cls, 0.1).fit(X, y, w), told(cls, 0.1).fit(X[w > 0], y[w > 0])
    np.testing.assert_array_equal(absent.inlier_mask_[w > 0], without.inlier_mask_)
    np.testing.assert_allclose(absent.predict(X), without.predict(X), atol=1e-6)
    assert not absent.inlier_mask_[w == 0].any() and np.isnan(absent.scores_[w == 0]).all()
    assert absent.n_rejected_ == without.n_rejected_


@every_defense
def test_works_inside_scikit_learn(cls):
    X, y = clean_table()
    pipeline = make_pipeline(MinMaxScaler(), told(cls, 0.1, estimator=defenses.Ridge()))
    assert cross_val_score(pipeline, X, y, cv=3).min() > 0.5
    search = GridSearchCV(pipeline, {f"{cls.__name__.lower()}__estimator__l2": [1e-4, 10.0]}, cv=3)
    search.fit(X, y)
    assert search.best_params_ == {f"{cls.__name__.lower()}__estimator__l2": 1e-4}
    fitted = search.best_estimator_
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict(X), fitted.predict(X))
    assert clone(fitted[-1]).get_params()["estimator__l2"] == 1e-4


@every_defense
@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_frames_keep_their_names(cls, frame):
    X, y, _ = gross_table()
    named = frame({f"x{i}": column for i, column in enumerate(X.T)})
    if not hasattr(MinMaxScaler().fit(named), "feature_names_in_"):
        pytest.skip("this scikit-learn reads no names from such a frame")
    series = pd.Series(y, index=range(1000, 1000 + len(y))) if frame is pd.DataFrame else y
    plain = told(cls, 0.1).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # such as "X does not have valid feature names"
        defense = told(cls, 0.1).fit(named, series)
        np.testing.assert_array_equal(defense.predict(named), plain.predict(X))
    assert defense.feature_names_in_.tolist() == [f"x{i}" for i in range(X.shape[1])]
    assert not hasattr(defense.estimator_, "feature_names_in_")
    np.testing.assert_array_equal(defense.inlier_mask_, plain.inlier_mask_)


@every_defense
def test_any_regressor_can_be_defended(cls):
    X, y, _ = gross_table()
    defense = told(cls, 0.1, estimator=LinearRegression()).fit(X, y)
    assert defense.score(*clean_table()) > 0.5


def _hostile():
    X, y = clean_table(n=40)
    yield "constant target", X, np.full(40, 3.3)
    yield "no noise", X, X @ np.arange(5.0)
    yield "two-valued target", X, np.arange(40) % 2.0
    yield "more columns than rows", np.random.default_rng(0).random((40, 90)), y
    yield "constant columns", np.ones((40, 3)), y
    yield "one-hot columns", np.eye(4)[np.arange(40) % 4], y
    yield "equal rows", X[np.zeros(40, dtype=int)], y[np.zeros(40, dtype=int)]
    yield "features far from 0", X + 1e6, y


@every_defense
@pytest.mark.parametrize(("X", "y"), [pytest.param(X, y, id=name) for name, X, y in _hostile()])
def test_finite_on_hostile_tables(cls, X, y):
    defense = cls().fit(X, y)
    assert np.isfinite(defense.predict(X)).all() and np.isfinite(defense.scores_).all()
    assert defense.inlier_mask_.sum() >= 2


@every_defense
@pytest.mark.parametrize("wrong", [-0.1, 1.0, 1.5, float("nan"), "auto", None, True])
def test_contamination_is_a_share(cls, wrong):
    if not cls.needs_contamination:
        pytest.skip("takes no contamination")
    with pytest.raises(InputError, match=r"contamination=.*\[0, 1\)"):
        cls(contamination=wrong).fit(*clean_table(n=20))


@pytest.mark.parametrize(
    ("weight", "sentence"),
    [
        (np.ones(7), "one number for each"),
        (-np.ones(20), "not negative"),
        (np.zeros(20), "zero for every row"),
        (np.full(20, np.nan), "finite"),
    ],
)
@every_defense
def test_wrong_weights_are_refused(cls, weight, sentence):
    with pytest.raises(InputError, match=sentence):
        cls().fit(*clean_table(n=20), sample_weight=weight)


def test_no_defense_loads_jax():
    code = "import sys, mithridate.defenses; sys.exit(any(m.startswith('jax.') or m == 'jax' "
    code += "for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
