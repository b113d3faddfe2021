"""TORRENT is hard thresholding around least squares, whatever model it defends."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from mithridate.defenses import Ridge, Torrent, Trim
from mithridate.errors import InputError


def table(seed=0, n=150, d=6, share=0.2):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    y = X @ rng.normal(size=d) + 0.1 * rng.normal(size=n)
    y[: round(share * n)] += rng.normal(size=round(share * n)) * 4.0
    return X, y


def written_out(X, y, contamination):
    """As the paper has it: no intercept, no penalty, from all rows to a fixed point."""
    keep, rows = len(y) - round(contamination * len(y)), np.arange(len(y))
    for _ in range(100):
        residual = np.abs(y - X @ np.linalg.lstsq(X[rows], y[rows])[0])
        new = np.sort(np.argsort(residual, kind="stable")[:keep])
        if np.array_equal(new, rows):
            break
        rows = new
    return rows


@pytest.mark.parametrize("contamination", [0.0, 0.1, 0.2, 0.35])
@pytest.mark.parametrize("seed", range(3))
def test_same_as_the_paper_written_out(seed, contamination):
    X, y = table(seed)
    torrent = Torrent(contamination=contamination, fit_intercept=False).fit(X, y)
    rows = np.flatnonzero(torrent.inlier_mask_)
    np.testing.assert_array_equal(rows, written_out(X, y, contamination))


@pytest.mark.parametrize("intercept", [True, False])
def test_is_trims_fixed_point_around_least_squares(intercept):
    X, y = table()
    least_squares = LinearRegression(fit_intercept=intercept)
    torrent = Torrent(contamination=0.2, fit_intercept=intercept).fit(X, y)
    trim = Trim(least_squares, contamination=0.2, tol=0.0).fit(X, y)
    np.testing.assert_array_equal(torrent.inlier_mask_, trim.inlier_mask_)
    np.testing.assert_allclose(torrent.scores_, trim.scores_, atol=1e-10)


def test_finds_the_corrupted_rows_and_fits_the_model_on_the_others():
    X, y = table(share=0.2)
    torrent = Torrent(Ridge(l2=0.5), contamination=0.2).fit(X, y)
    assert (~torrent.inlier_mask_[:30]).mean() > 0.9
    kept = torrent.inlier_mask_
    expected = Ridge(l2=0.5).fit(X[kept], y[kept])
    # Its moments are those of all rows without the rejected ones: the last digits may differ.
    np.testing.assert_allclose(torrent.predict(X), expected.predict(X), rtol=1e-12)


def test_where_every_row_is_fitted_no_row_stands_out():
    X, y = table(n=20, d=30)
    torrent = Torrent().fit(X, y)
    assert torrent.inlier_mask_.all() and "fits every row" in torrent.message_
    assert not torrent.scores_.any() and torrent.threshold_ == 0.0


def test_a_row_that_is_fitted_exactly_does_not_speak_for_the_others():
    """Of three symmetric rows the middle one has no residual, in any unit of the target."""
    X = np.array([[-1.0], [-0.5], [0.0], [0.5], [1.0]])
    for unit in (1e-7, 1.0, 1e7):
        y = unit * np.array([-0.9, -0.6, 0.0, 0.6, 0.9])
        torrent = Torrent(contamination=0.4).fit(X, y)
        assert torrent.message_ == "" and torrent.inlier_mask_.sum() == 3
    # The middle row is the mean, too: it is the largest distance from it that rounding is held to.
    exact = Torrent().fit(X, 0.7e-7 * X[:, 0] + 0.1)
    assert exact.n_iter_ == 1 and "fits every row" in exact.message_
    # Residuals of 1.2e-10 are rounding beside a distance of 1, whatever the middle row is.
    nearly = X[:, 0] + 1e-10 * np.array([1.0, -1.0, 0.0, 1.0, -1.0])
    assert "fits every row" in Torrent().fit(X, nearly).message_


def test_targets_far_from_zero_are_not_taken_for_fitted_exactly():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 2))
    torrent = Torrent().fit(X, 1e6 + 1e-4 * X[:, 0] + 1e-5 * rng.normal(size=50))
    assert torrent.message_ == "" and torrent.inlier_mask_.sum() == 45


def test_weight_at_the_cut_is_split():
    """Of a row of weight 3 at the cut, as many copies stay as of three equal rows."""
    X, y = np.zeros((4, 1)), np.array([0.0, 0.1, -0.1, 5.0])
    w, rows = np.full(4, 3), np.arange(4).repeat(3)
    for contamination in (2 / 12, 4 / 12):
        for model in (None, LinearRegression()):
            torrent = Torrent(model, contamination=contamination)
            weighted = torrent.fit(X, y, sample_weight=w).predict(X)
            repeated = torrent.fit(X[rows], y[rows]).predict(X)
            np.testing.assert_allclose(weighted, repeated, atol=1e-12)
    # One copy of the last row stays, so that the mean is (3·1 + 7) / 10 = 1: that of the first.
    torrent = Torrent(LinearRegression(), contamination=2 / 12)
    torrent.fit(X, np.array([1.0, 0.0, 0.0, 7.0]), sample_weight=w)
    assert torrent.scores_[0] == 0.0
    np.testing.assert_allclose(torrent.predict(X), 1.0, rtol=1e-12)


def test_says_when_it_did_not_settle():
    X, y = table(share=0.35)
    assert "after 1 refits" in Torrent(contamination=0.3, max_iter=1).fit(X, y).message_
    with pytest.raises(InputError, match=r"Torrent\(max_iter=0\)"):
        Torrent(max_iter=0).fit(X, y)
    with pytest.raises(InputError, match=r"Torrent\(max_iter=2.5\)"):
        Torrent(max_iter=2.5).fit(X, y)
