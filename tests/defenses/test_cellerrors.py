"""Single cells that the other cells of their rows contradict."""

import numpy as np
import pytest
from scipy.special import ndtri

from mithridate.defenses import CellErrors


def houses(seed=0, n=240):
    """Four columns that go together, on very different scales, and a target; no error."""
    rng = np.random.default_rng(seed)
    area = np.exp(rng.normal(7.0, 0.4, n))
    rooms = area / 300.0 + rng.normal(4.0, 0.8, n)
    tax = 0.02 * area * np.exp(rng.normal(0.0, 0.1, n))
    year = rng.integers(1900, 2020, n).astype(float)
    return np.column_stack([area, rooms, tax, year]), 100.0 * area + rng.normal(0.0, 9e3, n)


@pytest.fixture(scope="module")
def slipped():
    X, y = houses()
    X[::24, 0] *= 10.0
    X[5, 2] /= 100.0
    return X, CellErrors().fit(X, y)


def test_slips_are_found_and_named(slipped):
    _, found = slipped
    assert np.flatnonzero(found.flagged_[:, 0]).tolist() == [*range(0, 240, 24)]
    assert (found.slips_[::24, 0] == 1).all()
    assert found.flagged_[5].tolist() == [False, False, True, False]
    assert found.slips_[5, 2] == -2


def test_the_value_that_would_fit_is_in_its_interval(slipped):
    X, found = slipped
    right = X[::24, 0] / 10.0
    inside = (found.expected_low_[::24, 0] < right) & (right < found.expected_high_[::24, 0])
    assert inside.sum() >= 9  # of 10, where 95 % are to be
    assert (found.expected_low_ <= found.expected_)[np.isfinite(found.expected_)].all()


def test_as_many_honest_cells_are_flagged_as_is_said():
    said, flagged = 0.0, 0
    for seed in range(4):
        rng = np.random.default_rng(seed)
        X = 50.0 + rng.standard_t(4, (400, 6))
        found = CellErrors().fit(X)
        said, flagged = said + found.chance_, flagged + found.flagged_.sum()
    # Two standard deviations of a Poisson count of what is said, and the draws of the count itself.
    assert abs(flagged - said) <= 2.0 * np.sqrt(said + 1.0) + 2.0


def test_units_and_orders_change_nothing(slipped):
    X, y = houses(1)
    X[3, 1] *= 10.0
    rng = np.random.default_rng(0)
    rows, columns = rng.permutation(len(y)), rng.permutation(4)
    one = CellErrors().fit(X, y)
    other = CellErrors().fit((X * [1e-3, 7.0, 1e4, 0.3])[rows][:, columns], 5.0 * y[rows] - 3.0)
    np.testing.assert_allclose(other.scores_, one.scores_[rows][:, columns], atol=1e-6)
    np.testing.assert_array_equal(other.flagged_, one.flagged_[rows][:, columns])


def test_a_gap_is_not_judged_and_is_no_reason():
    X, y = houses(2)
    X[::9, 0] = np.nan
    found = CellErrors().fit(X, y)
    assert np.isnan(found.scores_[::9, 0]).all()
    assert not found.flagged_.any()


def test_a_far_value_is_extreme_though_nothing_goes_with_it():
    rng = np.random.default_rng(0)
    X = rng.normal(10.0, 1.0, (200, 2))
    X[4, 1] = 9000.0
    found = CellErrors().fit(X)
    assert found.extreme_.sum() == 1
    assert found.extreme_[4, 1]
    assert found.flagged_[4, 1]


def test_codes_and_constants_are_skipped_with_a_reason():
    X, y = houses(3)
    X[:, 1], X[:, 2] = np.arange(240) % 4, 1.0
    found = CellErrors().fit(X, y)
    assert found.skipped_[1] == "it has 4 different values, as codes and grades do"
    assert found.skipped_[2] == "its values are all the same, to 16 digits"
    assert np.isnan(found.scores_[:, 1:3]).all()


def test_values_that_many_rows_share_are_not_flagged():
    X, y = houses(4)
    X[:60, 2] = 0.0  # no tax, in a quarter of the rows
    found = CellErrors().fit(X, y)
    assert not found.flagged_[:60, 2].any()


def test_a_wrong_target_makes_no_cell_wrong():
    X, y = houses(5)
    y[7] *= 10.0
    assert not CellErrors().fit(X, y).flagged_.any()


def pair(n, seed=0):
    """Two columns that say nearly the same."""
    rng = np.random.default_rng(seed)
    both = rng.normal(size=n)
    X = np.column_stack([50 + 10 * both + rng.normal(size=n), 20 + 4 * both])
    X[:, 1] += 0.4 * rng.normal(size=n)
    return X, rng


@pytest.mark.parametrize(("rows", "errors", "flagged"), [(300, 9, 9), (300, 10, 0), (60, 4, 0)])
def test_more_than_three_percent_and_three_are_another_population(rows, errors, flagged):
    X, rng = pair(rows)
    X[np.argsort(X[:, 1])[:errors], 0] = X[:, 0].max() - rng.random(errors)
    assert CellErrors().fit(X).flagged_.sum() == flagged


@pytest.mark.parametrize(("far", "extreme"), [(3, 3), (4, 0)])
def test_more_than_one_percent_far_values_are_a_tail(far, extreme):
    X = np.random.default_rng(0).normal(10.0, 1.0, (300, 2))
    X[:far, 1] = 9000.0 + 777.0 * np.arange(far)
    assert CellErrors().fit(X).extreme_.sum() == extreme


@pytest.mark.parametrize(
    ("first", "second", "judged"), [(24, 8, False), (24, 9, True), (23, 1, True)]
)
def test_a_value_of_a_tenth_and_three_times_the_next_is_not_judged(first, second, judged):
    X, _ = pair(240)
    X[:first, 0], X[first : first + second, 0] = 0.0, 1.0
    scores = CellErrors().fit(X).scores_[:, 0]
    assert np.isfinite(scores[:first]).tolist() == [judged] * first
    assert np.isfinite(scores[first:]).all()


def test_thirty_rows_beside_the_commonest_value_are_needed():
    for rows, judged in [(40, 30), (39, 0)]:
        X, _ = pair(rows)
        X[:10, 0] = 0.0
        found = CellErrors().fit(X)
        assert np.isfinite(found.scores_[:, 0]).sum() == judged
        assert found.skipped_ == ({} if judged else {0: "nearly all of its values are one"})


def test_gaps_do_not_depend_on_where_a_column_begins():
    X, _ = pair(240)
    X[::9, 0] = np.nan
    one, other = CellErrors().fit(X), CellErrors().fit(X + np.array([1000.0, -500.0]))
    np.testing.assert_allclose(other.scores_, one.scores_, atol=1e-3)


def test_only_the_columns_that_are_asked_for_are_judged():
    found = CellErrors(columns=[0]).fit(pair(240)[0])
    assert np.isnan(found.scores_).all(axis=0).tolist() == [False, True]
    assert found.skipped_ == {}


def test_intervals_are_those_of_the_noise_given_the_other_columns():
    """The noise follows from the covariance: 100 everywhere, and 1, 4 and 9 on its diagonal."""
    rng, own = np.random.default_rng(0), np.array([1.0, 2.0, 3.0])
    X = 500 + 10 * rng.normal(size=(800, 1)) + own * rng.normal(size=(800, 3))
    deviation = np.diag(np.linalg.inv(100 + np.diag(own**2))) ** -0.5
    found = CellErrors().fit(X)
    width = (found.expected_high_ - found.expected_low_).mean(axis=0)
    np.testing.assert_allclose(width, 2 * 1.96 * deviation, rtol=0.25)
    inside = (found.expected_low_ < X) & (found.expected_high_ > X)
    assert 0.94 <= inside.mean() <= 0.985
    assert found.chance_ < 0.5 and not found.flagged_.any()


def test_what_is_expected_of_a_cell_does_not_follow_the_cell():
    """The first row has a leverage of a quarter; yet only the pull on the others is left."""
    rng = np.random.default_rng(0)
    both = rng.normal(size=60)
    both[0] = 3.9
    X = 500 + np.column_stack([10 * both + rng.normal(size=60), 4 * both])
    X[:, 1] += 0.4 * rng.normal(size=60)
    moved = X.copy()
    moved[0, 0] += 0.6
    change = CellErrors().fit(moved).expected_[0, 0] - CellErrors().fit(X).expected_[0, 0]
    assert abs(change) < 0.09


@pytest.mark.parametrize(("far", "extreme"), [(9.8, False), (10.2, True)])
def test_a_value_is_extreme_beyond_ten_deviations(far, extreme):
    """Quantiles of a unit Gaussian, whose robust deviation is 1."""
    rng, z = np.random.default_rng(0), ndtri((np.arange(300) + 0.5) / 300)
    X = 50 + np.column_stack([rng.permutation(z), rng.permutation(z)])
    X[7, 0] = 50 + far
    found = CellErrors().fit(X)
    assert found.extreme_[7, 0] == extreme and found.extreme_.sum() == extreme


def test_heavy_tails_are_expected_to_flag_honest_cells():
    rng = np.random.default_rng(3)
    X = 500 + 10 * rng.normal(size=300)[:, None]
    X = X + np.column_stack([rng.standard_t(1.6, 300) * own for own in (1.0, 2.0, 3.0)])
    assert 0.2 < CellErrors().fit(X).chance_ < 5.0


def test_a_column_without_any_value_is_skipped():
    X, y = houses(6)
    X[:, 2] = np.nan
    found = CellErrors().fit(X, y)
    assert found.skipped_ == {2: "it has too few values"}
    assert np.isfinite(found.scores_[:, [0, 1, 3]]).all()


def test_a_value_that_many_rows_share_is_no_gap_to_the_other_columns():
    """It stays what it is when the row is judged again: six deviations up, not unknown."""
    rng = np.random.default_rng(0)
    both = rng.normal(size=(240, 1))
    X = 100 + 10 * (both + 0.3 * rng.normal(size=(240, 8)))
    X[:12, 1] = 160.0  # one row in twenty
    blank = X.copy()
    blank[:12, 1] = np.nan
    there, gone = (CellErrors().fit(table).expected_[:12, 0] for table in (X, blank))
    assert (there - gone).mean() > 0.4
