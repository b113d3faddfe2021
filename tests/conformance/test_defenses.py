"""What every exported defense promises; a new one is held to it without being named here."""

import pickle
import re
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from mithridate import defenses
from mithridate.defenses._frames import rows_of
from mithridate.errors import InputError
from mithridate.lookup import choices


class HelpsItself:
    """Takes rows that are likely clean for trusted where a test gives none."""

    def fit(self, X, y, sample_weight=None, *, trusted=None, **fit_params):
        if trusted is None:
            rows = likely_clean(X, y, sample_weight)
            trusted = rows_of(X, rows), rows_of(y, rows)
        return super().fit(X, y, sample_weight, trusted=trusted, **fit_params)


def likely_clean(X, y, sample_weight, most=60):
    """Rows that fit the others, the same ones however the table is sorted, weighted or scaled."""
    trim = defenses.Trim(contamination=0.2)
    trim.fit(X, y, sample_weight)  # refuses what any defense refuses
    table = np.column_stack([np.asarray(X, dtype=float), np.asarray(y, dtype=float)])
    weight = np.ones(len(table)) if sample_weight is None else np.asarray(sample_weight)
    present = np.flatnonzero(np.broadcast_to(weight, len(table)))
    _, first = np.unique(table[present], axis=0, return_index=True)
    rows = present[first] if len(first) > 1 else present
    scores = trim.fit(table[rows, :-1], table[rows, -1]).scores_
    rows = rows[scores <= 6.0 * np.median(scores)]
    return rows[:: max(1, len(rows) // most)]


def supplied(cls):
    """The defense; one that needs trusted rows, as one that helps itself to them."""
    if not cls.needs_trusted:
        return cls
    globals()[cls.__name__] = type(cls.__name__, (HelpsItself, cls), {"__module__": __name__})
    return globals()[cls.__name__]


EXPORTED = list(choices(defenses, defenses.BaseDefense).values())
DEFENSES = [supplied(cls) for cls in EXPORTED]

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
    [
        *(cls() for cls in DEFENSES),
        defenses.BayesClean(false_positive_rate=0.1),
        defenses.Ridge(),
    ],
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
    if cls.rejects_gross == 0:
        pytest.skip("rejects no rows: it defends in another way")
    X, y, moved = gross_table(seed)
    defense = told(cls, 0.1).fit(X, y)
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
    if not cls.scale_free:
        pytest.skip("cuts the table by a hash of its numbers, which the units change")
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
    named = frame({f"col{i}": column for i, column in enumerate(X.T)})
    series = pd.Series(y, index=range(1000, 1000 + len(y))) if frame is pd.DataFrame else y
    plain = told(cls, 0.1).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # such as "X does not have valid feature names"
        defense = told(cls, 0.1).fit(named, series)
        np.testing.assert_array_equal(defense.predict(named), plain.predict(X))
    assert defense.feature_names_in_.tolist() == [f"col{i}" for i in range(X.shape[1])]
    assert not hasattr(defense.estimator_, "feature_names_in_")
    np.testing.assert_array_equal(defense.inlier_mask_, plain.inlier_mask_)
    with pytest.raises(ValueError, match="feature names should match"):
        defense.predict(named[[*named.columns[1:], named.columns[0]]])
    assert not hasattr(defense.fit(X, y), "feature_names_in_")


@every_defense
def test_names_of_one_kind_of_frame_hold_for_the_other(cls):
    X, y, _ = gross_table()
    columns = {f"col{i}": column for i, column in enumerate(X.T)}
    other_names = {f"name{i}": column for i, column in enumerate(X.T)}
    expected = told(cls, 0.1).fit(X, y).predict(X)
    for fitted, other in [(pd.DataFrame, pl.DataFrame), (pl.DataFrame, pd.DataFrame)]:
        defense = told(cls, 0.1).fit(fitted(columns), pl.Series("price", y))
        np.testing.assert_array_equal(defense.predict(other(columns)), expected)
        with pytest.raises(ValueError, match="feature names should match"):
            defense.predict(other(other_names))


@every_defense
def test_any_regressor_can_be_defended(cls):
    X, y = gross_table()[:2] if cls.rejects_gross else clean_table()
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
@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_reasons_make_a_frame(cls, frame):
    X, y, _ = gross_table()
    named = frame({f"col{i}": column for i, column in enumerate(X.T)})
    series = pd.Series(y, name="price") if frame is pd.DataFrame else pl.Series("price", y)
    defense = told(cls, 0.1).fit(named, series)
    table = frame(defense.reasons_)
    assert len(table) == defense.n_rejected_
    assert set(table["first_column"]) | set(table["second_column"]) <= {*named.columns, "price"}


@every_defense
def test_reasons_count_absent_rows_in_the_positions(cls):
    X, y, _ = gross_table()
    w = np.ones(len(y))
    w[::3] = 0.0
    defense = told(cls, 0.1).fit(X, y, w)
    rejected = np.flatnonzero(~defense.inlier_mask_ & (w > 0))
    np.testing.assert_array_equal(defense.reasons_["row"], rejected)
    np.testing.assert_array_equal(defense.sample_indices_, np.flatnonzero(defense.inlier_mask_))
    without = told(cls, 0.1).fit(X[w > 0], y[w > 0]).reasons_
    np.testing.assert_allclose(defense.reasons_["residual"], without["residual"], atol=1e-3)


@every_defense
@pytest.mark.parametrize("table", [gross_table, clean_table])
def test_summary_says_how_many_and_how_sure(cls, table):
    X, y, *_ = table()
    defense = cls().fit(X, y)
    lines = defense.summary().splitlines()
    assert 2 <= len(lines) <= 10 and all(line.endswith(".") for line in lines)
    assert type(defense.found_) is bool and defense.found_ == (defense.n_rejected_ > 0)
    rate = defense.false_positive_rate_
    assert isinstance(rate, float) and (np.isnan(rate) or 0 < rate < 1)
    if defense.found_:
        assert re.search(rf"rejected {defense.n_rejected_} of {len(y)} rows", lines[0])
    else:
        assert lines[0].startswith("Nothing found")
        assert len(defense.reasons_) == 0 and defense.inlier_mask_.all()


@every_defense
def test_resampling_gives_rows_as_they_came(cls):
    X, y, _ = gross_table()
    frame = pd.DataFrame(X, columns=list("abcde"), index=[f"row {i}" for i in range(len(y))])
    frame = frame.astype({"a": np.float32}).assign(b=np.arange(len(y)) % 3)
    series = pd.Series(y, index=frame.index, name="price")
    defense = told(cls, 0.1)
    kept, target = defense.fit_resample(frame, series)
    pd.testing.assert_frame_equal(kept, frame[defense.inlier_mask_])
    pd.testing.assert_series_equal(target, series[defense.inlier_mask_])
    assert kept.index.tolist() == [f"row {i}" for i in defense.sample_indices_]

    polars, target = defense.fit_resample(pl.from_pandas(frame), pl.Series("price", y))
    assert polars.equals(pl.from_pandas(frame)[defense.sample_indices_])
    assert target.equals(pl.Series("price", y)[defense.sample_indices_])

    small, target = defense.fit_resample(X.astype(np.float32), y, sample_weight=np.ones(len(y)))
    assert small.dtype == np.float32 and len(small) == len(target) == len(defense.sample_indices_)
    rows, target = defense.fit_resample(X.tolist(), y.tolist())
    assert rows == X[defense.inlier_mask_].tolist() and target == y[defense.inlier_mask_].tolist()


@every_defense
@pytest.mark.parametrize("routing", [False, True])
def test_cleans_inside_a_pipeline_of_imbalanced_learn(cls, routing):
    pipeline = pytest.importorskip("imblearn.pipeline", reason="imbalanced-learn is not installed")
    X, y, _ = gross_table()
    frame = pd.DataFrame(X, columns=list("abcde"), index=range(1000, 1000 + len(y)))
    with sklearn.config_context(enable_metadata_routing=routing):
        defense = told(cls, 0.1, estimator=defenses.Ridge())
        pipe = pipeline.make_pipeline(MinMaxScaler(), defense, LinearRegression())
        grid = {f"{cls.__name__.lower()}__estimator__l2": [1e-4, 1e-2]}
        search = GridSearchCV(pipe, grid, cv=3).fit(frame, pd.Series(y, index=frame.index))
        best = search.best_estimator_
        # It cleans what is fitted, and lets what is predicted pass.
        assert best.predict(frame).shape == y.shape
        kept = best[1].sample_indices_
        model = LinearRegression().fit(best[0].transform(frame)[kept], y[kept])
        np.testing.assert_allclose(best.predict(frame), model.predict(best[0].transform(frame)))


@every_defense
def test_survives_skops(cls):
    sio = pytest.importorskip("skops.io", reason="skops is not installed")
    X, y, _ = gross_table()
    frame = pd.DataFrame(X, columns=list("abcde"))
    defense = told(cls, 0.1).fit(frame, y)
    stored = sio.dumps(defense)
    types = sio.get_untrusted_types(data=stored)
    again = sio.loads(stored, trusted=types)
    np.testing.assert_array_equal(again.predict(frame), defense.predict(frame))
    np.testing.assert_array_equal(again.reasons_, defense.reasons_)
    assert again.summary() == defense.summary()


@pytest.mark.parametrize("cls", EXPORTED, ids=lambda cls: cls.__name__)
def test_trusted_rows_are_used_or_refused_in_a_sentence(cls):
    X, y, _ = gross_table()
    clean = clean_table()
    trusted = clean[0][:40], clean[1][:40]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        defense = told(cls, 0.1).fit(X, y, trusted=trusted)
    said = [str(w.message) for w in caught if "trusted" in str(w.message)]
    assert len(defense.inlier_mask_) == len(y)
    if not (cls.uses_trusted or cls.needs_trusted):
        assert said == [f"{cls.__name__} cannot use trusted rows; it ignored them."]
        without = told(cls, 0.1).fit(X, y)
        np.testing.assert_array_equal(defense.inlier_mask_, without.inlier_mask_)
        return
    assert said == []
    with pytest.raises(InputError, match="pair"):
        told(cls, 0.1).fit(X, y, trusted=trusted[0])
    with pytest.raises(InputError, match="do not fit the table"):
        told(cls, 0.1).fit(X, y, trusted=(trusted[0][:, :2], trusted[1]))
    if cls.needs_trusted:
        with pytest.raises(InputError, match=r"trusted=\(X, y\)"):
            told(cls, 0.1).fit(X, y)


@every_defense
def test_weights_and_trusted_rows_are_routed(cls):
    X, y = clean_table()
    weight = np.random.default_rng(0).integers(1, 3, len(y))
    with sklearn.config_context(enable_metadata_routing=True), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*cannot use trusted rows")
        defense = told(cls, 0.1).set_fit_request(sample_weight=True, trusted=True)
        pipe = make_pipeline(MinMaxScaler().fit(X), defense)
        trusted = pipe[0].transform(X[:40]), y[:40]
        pipe.fit(X, y, sample_weight=weight, trusted=trusted)
        direct = told(cls, 0.1).fit(pipe[0].transform(X), y, weight, trusted=trusted)
    np.testing.assert_array_equal(pipe[-1].inlier_mask_, direct.inlier_mask_)
