"""Every exported defense among other libraries: scikit-learn, frames, imbalanced-learn, skops."""

import pickle
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
from sklearn.utils.estimator_checks import estimator_checks_generator

from mithridate import defenses

from .defended import DEFENSES, clean_table, every_defense, gross_table, light, told

# What other libraries ask of a defense does not hang on how many trees it grows.
pytestmark = pytest.mark.usefixtures("few_trees")

EXPECTED_FAILURES = {
    "Huber": {
        "check_sample_weight_equivalence_on_dense_data": "L-BFGS stops at a relative change of "
        "1e-9 of the loss, too early for equality to 1e-7 where the table has more columns than "
        "rows; scikit-learn names the same failure for HuberRegressor."
    }
}


# How arrays come in, which is nothing to the rule of a defense: it sees them as `fit` made them.
# Each `fit` is checked with one class that has it; with the others too when slow tests are run.
ARRAYS = {
    "check_dtype_object",
    "check_estimators_dtypes",
    "check_estimators_nan_inf",
    "check_f_contiguous_array_estimator",
    "check_fit_score_takes_y",
    "check_n_features_in",
    "check_n_features_in_after_fitting",
    "check_readonly_memmap_input",
    "check_regressor_data_not_an_array",
    "check_regressors_int",
    "check_sample_weights_list",
    "check_sample_weights_not_an_array",
    "check_sample_weights_not_overwritten",
    "check_sample_weights_pandas_series",
    "check_supervised_y_2d",
}


def checks():
    """Every check of scikit-learn for every estimator."""
    first = {}
    for cls in (*DEFENSES, defenses.Ridge):
        first.setdefault(cls.fit, cls)
    alone = defenses.BayesClean(false_positive_rate=0.1), defenses.Ridge()
    for estimator in (*(light(cls) for cls in DEFENSES), *alone):
        name = type(estimator).__name__
        fails = EXPECTED_FAILURES.get(name)
        made = estimator_checks_generator(estimator, expected_failed_checks=fails, mark="xfail")
        for one in made:
            _, check = pair = getattr(one, "values", one)
            again = first[type(estimator).fit] is not type(estimator)
            # The same on rows that cannot be written to says more, and runs.
            said = check.func.__name__ == "check_regressors_train" and not check.keywords
            said = said or (again and check.func.__name__ in ARRAYS)
            slow = [pytest.mark.slow] if said else []
            marks, known = (*getattr(one, "marks", ()), *slow), f"{name}-{check.func.__name__}"
            yield pytest.param(*pair, marks=marks, id=known)


@pytest.mark.parametrize(("estimator", "check"), checks())
def test_scikit_learn_estimator(estimator, check):
    check(estimator)


@every_defense
def test_works_inside_scikit_learn(cls):
    X, y = clean_table(n=200)
    pipeline = make_pipeline(MinMaxScaler(), told(cls, 0.1, estimator=defenses.Ridge()))
    assert cross_val_score(pipeline, X, y, cv=2).min() > 0.5
    search = GridSearchCV(pipeline, {f"{cls.__name__.lower()}__estimator__l2": [1e-4, 10.0]}, cv=2)
    search.fit(X, y)
    assert search.best_params_ == {f"{cls.__name__.lower()}__estimator__l2": 1e-4}
    fitted = search.best_estimator_
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict(X), fitted.predict(X))
    assert clone(fitted[-1]).get_params()["estimator__l2"] == 1e-4


@every_defense
def test_weights_and_trusted_rows_are_routed(cls):
    X, y = clean_table(n=150)
    weight = np.random.default_rng(0).integers(1, 3, len(y))
    with sklearn.config_context(enable_metadata_routing=True), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*cannot use trusted rows")
        defense = told(cls, 0.1).set_fit_request(sample_weight=True, trusted=True)
        pipe = make_pipeline(MinMaxScaler().fit(X), defense)
        trusted = pipe[0].transform(X[:40]), y[:40]
        pipe.fit(X, y, sample_weight=weight, trusted=trusted)
        direct = told(cls, 0.1).fit(pipe[0].transform(X), y, weight, trusted=trusted)
    np.testing.assert_array_equal(pipe[-1].inlier_mask_, direct.inlier_mask_)


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
    for kind, other in [(pd.DataFrame, pl.DataFrame), (pl.DataFrame, pd.DataFrame)]:
        defense = told(cls, 0.1).fit(kind(columns), pl.Series("price", y))
        np.testing.assert_array_equal(defense.predict(other(columns)), expected)
        with pytest.raises(ValueError, match="feature names should match"):
            defense.predict(other(other_names))


@every_defense
@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_reasons_make_a_frame(cls, frame):
    X, y, _ = gross_table(n=100)
    named = frame({f"col{i}": column for i, column in enumerate(X.T)})
    series = pd.Series(y, name="price") if frame is pd.DataFrame else pl.Series("price", y)
    defense = told(cls, 0.1).fit(named, series)
    table = frame(defense.reasons_)
    assert len(table) == defense.n_rejected_
    assert set(table["first_column"]) | set(table["second_column"]) <= {*named.columns, "price"}


@every_defense
def test_resampling_gives_rows_as_they_came(cls):
    X, y, _ = gross_table(n=100)
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
    X, y, _ = gross_table(n=100)
    frame = pd.DataFrame(X, columns=list("abcde"), index=range(1000, 1000 + len(y)))
    with sklearn.config_context(enable_metadata_routing=routing):
        defense = told(cls, 0.1, estimator=defenses.Ridge())
        pipe = pipeline.make_pipeline(MinMaxScaler(), defense, LinearRegression())
        grid = {f"{cls.__name__.lower()}__estimator__l2": [1e-4, 1e-2]}
        search = GridSearchCV(pipe, grid, cv=2).fit(frame, pd.Series(y, index=frame.index))
        best = search.best_estimator_
        # It cleans what is fitted, and lets what is predicted pass.
        assert best.predict(frame).shape == y.shape
        kept = best[1].sample_indices_
        model = LinearRegression().fit(best[0].transform(frame)[kept], y[kept])
        np.testing.assert_allclose(best.predict(frame), model.predict(best[0].transform(frame)))


@every_defense
def test_survives_skops(cls):
    sio = pytest.importorskip("skops.io", reason="skops is not installed")
    X, y, _ = gross_table(n=100)
    frame = pd.DataFrame(X, columns=list("abcde"))
    defense = told(cls, 0.1).fit(frame, y)
    stored = sio.dumps(defense)
    types = sio.get_untrusted_types(data=stored)
    again = sio.loads(stored, trusted=types)
    np.testing.assert_array_equal(again.predict(frame), defense.predict(frame))
    np.testing.assert_array_equal(again.reasons_, defense.reasons_)
    assert again.summary() == defense.summary()
