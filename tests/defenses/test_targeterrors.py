"""TargetErrors: no harm, monotone, free of units and orders, and what it says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsRegressor

from mithridate.defenses import TargetErrors
from mithridate.defenses.errormixture import Mixture
from mithridate.errors import InputError

few = settings(max_examples=2, deadline=None, derandomize=True)
once = settings(max_examples=1, deadline=None, derandomize=True)  # itself of many fits
seeds = st.integers(0, 1000)


def features(rng, n, d=3):
    return rng.normal(size=(n, d)) * 10.0 ** rng.integers(-3, 4, d)


def signal(X):
    Z = X / X.std(axis=0)
    return Z[:, 0] + np.abs(Z[:, 1])


HONEST = {
    "gaussian": lambda rng, f: f + 0.3 * rng.normal(size=len(f)),
    "heavy tails": lambda rng, f: f + 0.3 * rng.standard_t(3, size=len(f)),
    "skewed": lambda rng, f: f + 0.3 * rng.exponential(size=len(f)),
    "heteroscedastic": lambda rng, f: f + 0.2 * np.exp(f / 2.0) * rng.normal(size=len(f)),
    "log-normal": lambda rng, f: np.exp(f + 0.4 * rng.normal(size=len(f))),
    "counts": lambda rng, f: rng.poisson(np.exp(f / 2.0)).astype(float),
    "mostly zero": lambda rng, f: np.where(
        rng.random(len(f)) < 0.2, 1.0 + rng.poisson(1, len(f)), 0
    ),
    "two values": lambda rng, f: (f + rng.normal(size=len(f)) > 0.5).astype(float),
    "only noise": lambda rng, f: rng.normal(size=len(f)),
}


def table(seed, kind="gaussian", n=150):
    rng = np.random.default_rng(seed)
    X = features(rng, n)
    return X, HONEST[kind](rng, signal(X))


def loses_hardly_a_row(kind, seed):
    X, y = table(seed, kind)
    assert TargetErrors().fit(X, y).n_rejected_ <= 0.01 * len(y)


@pytest.mark.parametrize("kind", HONEST)
@once
@given(seed=seeds)
def test_an_honest_table_loses_hardly_a_row(kind, seed):
    loses_hardly_a_row(kind, seed)


@pytest.mark.slow
@pytest.mark.parametrize("kind", HONEST)
@settings(max_examples=10, deadline=None, derandomize=True)
@given(seed=seeds)
def test_ten_honest_tables_lose_hardly_a_row(kind, seed):
    loses_hardly_a_row(kind, seed)


@pytest.mark.parametrize(
    "kind", ["gaussian", "log-normal", pytest.param("counts", marks=pytest.mark.slow)]
)
@once
@given(seed=seeds)
def test_a_bigger_error_is_never_harder_to_find(kind, seed):
    X, y = table(seed, kind, n=100)
    row, spread = int(np.argsort(y)[len(y) // 2]), y.std()
    before = -np.inf, False
    for size in (4.0, 12.0, 1e7):
        wrong = y.copy()
        wrong[row] += size * spread
        found = TargetErrors().fit(X, wrong)
        now = found.scores_[row], not found.inlier_mask_[row]
        assert now >= before, f"{size} standard deviations"
        assert found.scores_.argmax() == row
        before = now
    assert before[1]


@few
@given(seed=seeds, size=st.sampled_from([0.0, 10.0]))
def test_units_and_orders_change_nothing(seed, size):
    X, y = table(seed, n=60)
    y[::20] += size
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(len(y)), rng.permutation(X.shape[1])
    scale, shift = 10.0 ** rng.uniform(-6, 6, X.shape[1]), rng.normal(size=X.shape[1])
    moved = X * scale + shift * (X * scale).std(axis=0)
    one = TargetErrors().fit(X, y)
    other = TargetErrors().fit(moved[rows][:, columns], 1e3 * y[rows] - 7e3)
    np.testing.assert_allclose(other.scores_, one.scores_[rows], atol=1e-6)
    np.testing.assert_array_equal(other.inlier_mask_, one.inlier_mask_[rows])
    np.testing.assert_allclose(
        other.expected_, 1e3 * one.expected_[rows] - 7e3, rtol=1e-6, atol=1e-3
    )


def test_constant_columns_change_nothing():
    X, y = table(0, n=80)
    padded = np.column_stack([np.full(80, 3.3), X, np.zeros(80)])
    one, other = TargetErrors().fit(X, y), TargetErrors().fit(padded, y)
    np.testing.assert_array_equal(one.scores_, other.scores_)


@pytest.mark.parametrize("n", [10, 15, 30])
@few
@given(seed=seeds)
def test_short_tables_are_judged(n, seed):
    X = np.random.default_rng(seed).random((n, 1))
    y = 3.0 * X[:, 0] + 0.05 * np.random.default_rng(seed + 1).normal(size=n)
    y[4] += 50.0
    found = TargetErrors().fit(X, y)
    assert np.flatnonzero(~found.inlier_mask_).tolist() == [4]


def test_copies_of_a_wrong_row_do_not_vouch_for_it():
    X, y = table(1)
    y[7] += 15.0
    rows = np.append(np.arange(len(y)), [7, 7, 7])
    found = TargetErrors().fit(X[rows], y[rows])
    np.testing.assert_array_equal(np.flatnonzero(~found.inlier_mask_), [7, 150, 151, 152])


def test_errors_of_many_sizes_are_found_and_what_fits_is_said():
    X, y = table(2, n=400)
    wrong, bad = y.copy(), np.arange(5, 400, 25)
    wrong[bad] += np.resize([6.0, -6.0, 60.0, -6e5], len(bad))
    found = TargetErrors().fit(X, wrong)
    np.testing.assert_array_equal(np.flatnonzero(~found.inlier_mask_), bad)
    assert np.abs(found.expected_ - y)[bad].max() < 2.5
    assert found.share_ == pytest.approx(len(bad) / 400, abs=0.02)


@pytest.mark.parametrize("every", [4, 5, 6])
def test_two_populations_are_not_errors(every):
    X, y = table(3)
    found = TargetErrors().fit(X, np.where(np.arange(len(y)) % every == 0, y + 30.0, y))
    assert found.n_rejected_ == 0
    # Of a quarter, the scale of noise itself is that of two populations, and no row stands out.
    assert ("two populations" in found.message_) == (every > 4)


def test_how_many_honest_rows_are_flagged_is_calibrated():
    rng, n = np.random.default_rng(0), 200_000
    scale = rng.uniform(0.5, 2.0, n)
    r = scale * rng.standard_t(5, n)
    found = Mixture(error=3.0, unit=1.0, share=0.05, high=0.5)
    cut = TargetErrors().fit(*table(0)).threshold_
    flagged = (found.odds(r, scale, np.zeros(n)) > cut).sum()
    some = slice(None, None, 100)
    said = 100 * found.chance(scale[some], (0.0, 0.0), cut).sum()
    assert flagged > 100
    assert said == pytest.approx(flagged, rel=0.1)


@pytest.mark.slow
def test_as_many_honest_rows_are_flagged_as_is_said():
    said, flagged = 0.0, 0
    for kind in ("gaussian", "heavy tails", "heteroscedastic", "log-normal"):
        for seed in range(20):
            found = TargetErrors().fit(*table(seed, kind, n=200))
            said, flagged = said + found.chance_, flagged + (found.scores_ > np.log(3.0)).sum()
    # Two standard deviations of a Poisson count of what is said, and the draws of the count itself.
    assert abs(flagged - said) <= 2.0 * np.sqrt(said + 1.0) + 2.0


def test_intervals_of_a_left_skewed_target_have_their_ends_in_order():
    X, y = table(1, "log-normal")
    found = TargetErrors().fit(X, -y)
    assert (found.expected_low_ < found.expected_).all()
    assert (found.expected_ < found.expected_high_).all()
    assert ((found.expected_low_ <= -y) & (-y <= found.expected_high_)).mean() > 0.9


def test_intervals_go_on_beyond_the_largest_target_unless_it_is_cut_off():
    X = np.linspace(0.0, 1.0, 60)[:, None]
    y = 10.0 * X[:, 0] + np.resize([0.0, 0.2, -0.2], 60)
    cut = TargetErrors().fit(X, np.minimum(y, 8.0))
    assert cut.expected_high_.max() == 8.0
    y[-3:] = 2.0  # what is expected there, no other row has
    free = TargetErrors().fit(X, y)
    assert free.expected_[-1] > y.max()
    assert (free.expected_high_ - free.expected_low_).min() > 0.1


def judged(x, y):
    """What is found in a table of one feature, and the widths of its intervals."""
    found = TargetErrors().fit(x[:, None], y)
    return found, found.expected_high_ - found.expected_low_


def test_a_target_on_a_lattice_is_known_no_better_than_its_step():
    # Even numbers, each of three rows, exactly on a line: what is left is a rounding by up to 1
    # either way, of standard deviation 2 / sqrt(12), and 2.57 of it either way hold 95 % of honest
    # targets, or seven tenths of that where noise has no tails.
    x = np.arange(20.0).repeat(3)
    _, width = judged(x, 2.0 * x)
    assert 0.7 <= width.min() / (2 * 2.57 * 2 / np.sqrt(12)) < 1.1


def test_intervals_are_as_wide_as_the_noise_and_end_where_the_target_is_cut_off():
    rng = np.random.default_rng(0)
    x = rng.permutation(80) / 80
    found, width = judged(x, np.maximum(10.0 * x + 0.2 * rng.normal(size=80), 2.0))
    # 1.96 standard deviations either way, and what 80 rows leave in doubt.
    assert 0.95 < np.median(width[x > 0.3]) / (2 * 1.96 * 0.2) < 2.0
    assert found.expected_low_.min() == 2.0 and found.expected_low_[x > 0.9].min() > 8.0


def test_skewed_noise_reaches_farther_on_its_long_side():
    rng = np.random.default_rng(0)
    x = rng.permutation(160) / 160
    y = 20.0 * x + np.exp(rng.normal(size=160))
    found, width = judged(x, y)
    above = y > found.expected_
    assert np.quantile(width[above], 0.1) > 1.25 * np.quantile(width[~above], 0.9)
    assert 1e-4 < found.chance_ / 160 < 1e-2  # that an honest row is an error at three to one


def test_what_a_lattice_takes_off_large_targets_is_nothing():
    # Whole numbers that grow by the exponential: of those over a thousand, a rounding is a
    # thousandth.
    x = np.linspace(0.0, 9.0, 40).repeat(3)
    y = np.round(np.exp(x))
    _, width = judged(x, y)
    assert (width / y)[y > 1000].max() < 0.8


def test_three_other_values_say_how_large_they_are_where_most_are_one():
    y = np.zeros(40)
    y[:3] = [5.0, 6.0, 8.0]
    found, _ = judged(np.random.default_rng(0).random(40), y)
    assert (found.scores_ < np.log(3.0)).all()


def test_a_step_is_predicted_by_trees_alone():
    # A line through it is off by 10 / 4 on average, and half of a line by half of that.
    x = np.linspace(0.0, 1.0, 60)
    y = 10.0 * (x > 0.5) + 0.1 * np.random.default_rng(0).normal(size=60)
    found, _ = judged(x, y)
    assert np.median(np.abs(found.expected_ - y)) < 0.3


def test_rows_that_explain_each_other_stay():
    X, y = table(4, n=300)
    bend = X[:, 0] > np.quantile(X[:, 0], 0.96)
    found = TargetErrors().fit(X, y + 40.0 * bend * (X[:, 0] / X[bend, 0].min()) ** 2)
    assert found.inlier_mask_[bend].all()


def test_limits_are_said():
    X, y = table(5, n=30)
    assert "columns for 30 rows" in TargetErrors().fit(np.tile(X, 6), y).message_
    tied = TargetErrors().fit(*table(5, "mostly zero"))
    assert "of the targets are one value" in tied.message_
    assert "equal" in TargetErrors().fit(X, np.full(30, 2.0)).message_


@pytest.mark.parametrize(
    ("columns", "equal", "said"),
    [
        (10, 10, ["10 columns for 20 rows"]),  # half as many columns as rows, and no majority
        (9, 11, ["55% of the targets are one value"]),
    ],
)
def test_half_as_many_columns_and_more_than_half_of_one_value_are_limits(columns, equal, said):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, columns)), rng.normal(size=20)
    y[:equal] = 0.0
    message = TargetErrors().fit(X, y).message_
    for words in ("columns for 20 rows", "of the targets are one value"):
        assert (words in message) == any(words in one for one in said)
    assert all(one in message for one in said)


def test_equal_targets_are_all_expected():
    found = TargetErrors().fit(np.arange(30.0)[:, None], np.full(30, 2.0))
    assert not found.scores_.any() and found.inlier_mask_.all()
    assert found.threshold_ == pytest.approx(1.0986, abs=1e-4)  # log 3
    assert (found.expected_ == 2.0).all() and (found.expected_low_ == 2.0).all()
    assert (found.expected_high_ == 2.0).all()
    assert found.share_ == found.chance_ == 0.0
    assert found.how_sure(30) == (
        "In an honest table like this, hardly any of the 30 rows would be flagged by chance."
    )
    for chance, words in ((0.04, "hardly any"), (0.07, "about 0.1"), (9.4, "9.4"), (10.4, "10")):
        found.chance_ = chance
        assert f"{words} of the 9,999 rows" in found.how_sure(9999)


def test_another_estimator_is_heard():
    rng = np.random.default_rng(0)
    X = rng.random((300, 2))
    y = np.sin(40.0 * X[:, 0]) + 0.02 * rng.normal(size=300)
    neighbors = KNeighborsRegressor(3)
    plain, heard = TargetErrors().fit(X[:, :1], y), TargetErrors(neighbors).fit(X[:, :1], y)
    error = [np.mean((found.expected_ - y) ** 2) for found in (plain, heard)]
    assert error[1] < 0.9 * error[0]
    assert isinstance(heard.estimator_, KNeighborsRegressor)


def test_a_blank_is_no_reason():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2)) * [1500.0, 1.0]
    y = 2.0 * X[:, 0] - 300.0 * X[:, 1] + 300.0 * rng.normal(size=300)
    blank = np.zeros(X.shape, dtype=bool)
    blank[::60, 0] = True
    filled = np.where(blank, 0.0, X)
    told = TargetErrors().fit(filled, y, blanks=blank)
    assert told.n_rejected_ == 0
    plain = TargetErrors().fit(filled, y)
    assert told.scores_[blank[:, 0]].max() < plain.scores_[blank[:, 0]].max() - 1.0
    with pytest.raises(InputError, match="one truth value for each cell"):
        TargetErrors().fit(filled, y, blanks=blank[:, 0])


def test_trusted_rows_say_what_noise_is():
    X, y = table(6, n=120)
    row = int(np.argsort(y)[60])
    y[row] += 2.5
    rng = np.random.default_rng(1)
    like = rng.normal(size=(240, 3)) * X.std(axis=0)
    known = like, signal(like) + 0.9 * rng.normal(size=240)
    assert not TargetErrors().fit(X, y).inlier_mask_[row]
    assert TargetErrors().fit(X, y, trusted=known).inlier_mask_.all()
