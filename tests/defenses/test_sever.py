"""SEVER against its loop written out with a full SVD, and on its own synthetic example."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge as SummedRidge
from sklearn.neighbors import KNeighborsRegressor

from mithridate.defenses import Ridge, Sever, Trim
from mithridate.errors import InputError


def table(seed=0, n=120, d=6):
    rng = np.random.default_rng(seed)
    X = rng.random((n, d))
    y = X @ rng.normal(size=d) + 0.2 * rng.normal(size=n)
    y[: n // 10] += 3.0
    return X, y


def written_out(X, y, l2, contamination, rounds=4):
    """Round by round, with the singular vector of all gradients; returns the rows left."""
    rows = np.arange(len(y))
    for _ in range(rounds):
        residual = y[rows] - Ridge(l2).fit(X[rows], y[rows]).predict(X[rows])
        gradient = residual[:, None] * np.column_stack(
            [np.ones(len(rows)), X[rows] - X[rows].mean(0)]
        )
        gradient -= gradient.mean(axis=0)
        direction = np.linalg.svd(gradient, full_matrices=False)[2][0]
        removed = int(np.ceil(contamination / 2 * len(rows)))
        rows = np.sort(rows[np.argsort(np.abs(gradient @ direction))[: len(rows) - removed]])
    return rows


@pytest.mark.parametrize("shape", [(120, 6), (60, 90)])
@pytest.mark.parametrize("contamination", [0.05, 0.1, 0.3])
@pytest.mark.parametrize("seed", range(3))
def test_same_as_the_loop_written_out(seed, contamination, shape):
    X, y = table(seed, *shape)
    sever = Sever(Ridge(1e-2), contamination=contamination).fit(X, y)
    rows = written_out(X, y, 1e-2, contamination)
    np.testing.assert_array_equal(np.flatnonzero(sever.inlier_mask_), rows)
    expected = Ridge(1e-2).fit(X[rows], y[rows])
    np.testing.assert_allclose(sever.predict(X), expected.predict(X))


def test_scores_are_of_the_last_round_that_a_row_was_in():
    X, y = table()
    sever = Sever(contamination=0.2).fit(X, y)
    assert sever.threshold_ == 1.0 and sever.n_iter_ == 4
    assert sever.scores_[sever.inlier_mask_].max() <= 1.0 < sever.scores_[~sever.inlier_mask_].min()
    one = Sever(contamination=0.2, rounds=1).fit(X, y)
    assert (~one.inlier_mask_).sum() == 12
    np.testing.assert_array_equal(sever.scores_[~one.inlier_mask_], one.scores_[~one.inlier_mask_])


def test_equal_rows_go_or_stay_together():
    X, y = table()
    rows = np.arange(len(y)).repeat(3)
    mask = Sever().fit(X[rows], y[rows]).inlier_mask_.reshape(-1, 3)
    assert (mask.all(axis=1) | ~mask.any(axis=1)).all()


def test_nothing_told_nothing_removed():
    assert Sever(contamination=0.0).fit(*table()).inlier_mask_.all()


def test_defends_a_model_that_is_not_linear():
    X, y = table()
    sever = Sever(KNeighborsRegressor(15)).fit(X, y)
    assert isinstance(sever.estimator_, KNeighborsRegressor)
    assert (~sever.inlier_mask_[:12]).mean() > 0.9


def test_the_gradient_of_any_estimator_is_that_of_its_residuals():
    X, y = table()
    ours = Sever(Ridge(1e-2), contamination=0.2).fit(X, y)
    theirs = Sever(SummedRidge(1e-2 * len(y)), contamination=0.2, rounds=1).fit(X, y)
    once = Sever(Ridge(1e-2), contamination=0.2, rounds=1).fit(X, y)
    np.testing.assert_allclose(theirs.scores_, once.scores_, rtol=1e-9)
    assert ours.n_iter_ == 4


def test_a_row_of_weight_two_is_two_rows_in_a_wide_table_too():
    X, y = table(n=20, d=30)
    w = np.where(np.arange(20) % 3, 1, 2)
    rows = np.arange(20).repeat(w)
    weighted = Sever(contamination=0.1, rounds=1).fit(X, y, sample_weight=w)
    repeated = Sever(contamination=0.1, rounds=1).fit(X[rows], y[rows])
    np.testing.assert_allclose(weighted.scores_[rows], repeated.scores_, rtol=1e-6)


def test_rows_are_rounded_up_only_where_weights_are_counts():
    """A tenth of ten rows is half a row a round: one of ten, and less than the last of weights."""
    X, y = np.zeros((10, 1)), np.append(np.arange(9) / 100, 5.0)
    for weight, kept in [(np.ones(10), 9), (np.append(np.ones(9), 0.9), 10)]:
        sever = Sever(contamination=0.1, rounds=1).fit(X, y, sample_weight=weight)
        assert sever.inlier_mask_.sum() == kept


def test_where_every_row_is_fitted_there_is_no_scale():
    rng = np.random.default_rng(0)
    sever = Sever(KNeighborsRegressor(1)).fit(rng.normal(size=(20, 2)), rng.normal(size=20))
    assert sever.inlier_mask_.all() and not sever.scores_.any()


def test_wrong_rounds_are_named():
    with pytest.raises(InputError, match=r"Sever\(rounds=0\)"):
        Sever(rounds=0).fit(*table())
    with pytest.raises(InputError, match=r"Sever\(rounds=1.5\)"):
        Sever(rounds=1.5).fit(*table())


def synthetic(seed, d=500, n=5000, n_test=500, share=0.1):
    """The example of the published code: poison that makes the gradient vanish at 0."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n + n_test, d))
    y = X @ rng.normal(size=d) / np.sqrt(d) + 0.1 * rng.normal(size=n + n_test) + 5.0
    clean, n_bad, s = (X[:n], y[:n]), int(share * n), 4.5 - (100 * share - 2) / 6
    direction = clean[1] @ clean[0] / n_bad
    noise = np.linalg.norm(direction) / (10 * np.sqrt(d)) * rng.normal(size=(n_bad, d))
    X_all = np.vstack([clean[0], (direction + noise) / s])
    y_all = np.concatenate([clean[1], np.full(n_bad, -s)])
    return X_all, y_all, X[n:], y[n:]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_same_as_the_published_code_on_its_synthetic_example(seed):
    """Theirs: attacked 2.638, defended .0114, medians of three draws."""
    X, y, X_test, y_test = synthetic(seed)

    def mse(model):
        return np.mean((model.predict(X_test) - y_test) ** 2)

    ridge = Ridge(l2=0.1 / len(y))
    sever = Sever(ridge, contamination=0.1).fit(X, y)
    assert mse(ridge.fit(X, y)) == pytest.approx(2.6, abs=0.6)
    assert mse(sever) == pytest.approx(0.0114, abs=0.0015)
    assert not sever.inlier_mask_[5000:].any()
    assert mse(Trim(ridge, contamination=0.1, max_iter=3).fit(X, y)) > 1.0


def test_says_what_it_rejects_in_all_its_rounds():
    X, y = table()
    defense = Sever(contamination=0.1).fit(X, y)
    assert "rejects 5% of the rows that are left" in defense.summary()
    assert "in each of 4 rounds: at most about 19% in all" in defense.summary()
    assert defense.n_rejected_ == 24  # 19% of 120, each round rounded up to a whole row
