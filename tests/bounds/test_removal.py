"""So many rows suffice, and so many do not: against brute force and a published study."""

import itertools

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from mithridate.bounds import (
    Effect,
    State,
    TTest,
    certified_rows,
    first_order,
    greedy_flip,
    insignificant,
    unmoved,
)
from mithridate.errors import InputError


def table(seed: int, n: int = 9, slope: float = 1.0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return np.column_stack([x, np.ones(n)]), slope * x + rng.normal(size=n)


def slope_without(Z, y, gone):
    kept = np.setdiff1d(np.arange(len(y)), gone)
    return np.linalg.lstsq(Z[kept], y[kept])[0][0]


def turns(Z, y, k):
    """Whether any k rows turn the sign, by trying all sets."""
    sign = np.sign(slope_without(Z, y, []))
    sets = itertools.combinations(range(len(y)), k)
    return any(sign * slope_without(Z, y, list(gone)) <= 0 for gone in sets)


@pytest.mark.parametrize("seed", range(40))
def test_no_set_of_certified_rows_turns_the_sign(seed):
    Z, y = table(seed, slope=0.5 + 0.1 * seed)
    for k in range(1, min(certified_rows(Z, y, 0), 4) + 1):
        assert not turns(Z, y, k)


def test_something_is_certified():
    assert sum(certified_rows(*table(s, slope=0.5 + 0.1 * s), 0) for s in range(40)) >= 20


@pytest.mark.parametrize("seed", range(20))
def test_greedy_rows_turn_it_and_one_less_does_not(seed):
    Z, y = table(seed, n=30, slope=0.4)
    sign, gone = np.sign(slope_without(Z, y, [])), greedy_flip(Z, y, 0)
    assert len(gone) > certified_rows(Z, y, 0)
    assert sign * slope_without(Z, y, gone) < 0
    assert sign * slope_without(Z, y, gone[:-1]) >= 0


def grouped(seed: int, sizes=(5, 4, 3), slope: float = 3.0):
    """Rows in groups with intercepts of their own, and the design with a column for each."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    x = rng.normal(size=len(groups)) + groups
    y = slope * x + 5 * rng.normal(size=len(sizes))[groups] + rng.normal(size=len(groups))
    return x[:, None], y, groups, np.column_stack([x, groups[:, None] == np.arange(len(sizes))])


def slope_of(Z, y, gone):
    """The slope without some rows, where whole groups may be gone; NaN where none is left."""
    kept = np.setdiff1d(np.arange(len(y)), gone)
    Z = Z[kept][:, Z[kept].any(axis=0)]
    full = np.linalg.matrix_rank(Z) == Z.shape[1]
    return np.linalg.lstsq(Z, y[kept])[0][0] if full else np.nan


@pytest.mark.parametrize("seed", range(12))
def test_absorbed_groups_give_the_slope_of_their_columns(seed):
    x, y, groups, Z = grouped(seed, slope=0.5)
    assert Effect.of(x, y, [1.0], groups).value == pytest.approx(slope_of(Z, y, []))
    gone = greedy_flip(x, y, 0, groups=groups)
    assert len(gone) == 0 or slope_of(Z, y, gone) * slope_of(Z, y, []) < 0
    rows = np.delete(np.arange(len(y)), 2)
    state = State.of(Effect.of(x, y, [1.0], groups), rows)
    assert state.value == pytest.approx(slope_of(Z, y, [2]))
    after = [slope_of(Z, y, [2, row]) for row in rows]
    np.testing.assert_allclose(state.without(), after)


@pytest.mark.parametrize("seed", range(12))
def test_no_set_of_certified_rows_turns_the_sign_within_groups(seed):
    x, y, groups, Z = grouped(seed, slope=2.0 + seed / 2)
    sign, k = np.sign(slope_of(Z, y, [])), certified_rows(x, y, 0, groups=groups)
    for gone in itertools.combinations(range(len(y)), min(k, 3)):
        assert not sign * slope_of(Z, y, gone) <= 0


def test_something_is_certified_within_groups():
    assert sum(certified_rows(*grouped(s)[:2], 0, groups=grouped(s)[2]) for s in range(12)) >= 15


def test_the_fall_of_a_prediction_is_certified_in_both_directions():
    Z, y = table(3, n=9)
    effect = Effect.of(Z, y, Z[4])
    for fall in (0.6, -0.6):
        k = unmoved(effect, fall)
        assert k >= 1
        for gone in itertools.combinations(range(9), k):
            kept = np.setdiff1d(np.arange(9), gone)
            now = Z[4] @ np.linalg.lstsq(Z[kept], y[kept])[0]
            assert np.sign(fall) * (effect.value - now) < abs(fall)


def test_the_t_value_is_that_of_the_textbook():
    Z, y = table(1, n=30)
    effect, rest = Effect.of(Z, y, [1.0, 0.0]), y - Z @ np.linalg.lstsq(Z, y)[0]
    inverse = np.linalg.inv(Z.T @ Z)
    state, plain = State.of(effect, np.arange(30)), TTest(None, 0.05)
    by_hand = effect.value / np.sqrt(rest @ rest / 28 * inverse[0, 0])
    assert plain.t(state) == pytest.approx(by_hand)
    clusters = np.arange(30) // 3
    scores = np.array([Z[clusters == c].T @ rest[clusters == c] for c in range(10)])
    middle = inverse @ scores.T @ scores @ inverse
    by_hand = effect.value / np.sqrt(middle[0, 0] * 10 / 9 * 29 / 28)
    assert TTest(clusters, 0.05).t(state) == pytest.approx(by_hand)


@pytest.mark.parametrize("clusters", [None, np.arange(30) // 3])
def test_rows_are_removed_until_the_coefficient_is_not_significant(clusters):
    Z, y = table(2, n=30, slope=1.0)
    effect, judge = Effect.of(Z, y, [1.0, 0.0]), TTest(clusters, 0.05)
    path = insignificant(effect, judge)
    assert path.reached
    assert len(path.rows) >= 2
    assert [judge.significant(state) for state in path.states] == [True] * len(path.rows) + [False]
    first = [judge.t(State.of(effect, np.delete(np.arange(30), i))) for i in range(30)]
    # Exactly the best row; with clusters one of the best, since their score is no exact one.
    place = 0 if clusters is None else 2
    assert np.abs(judge.t(path.states[1])) <= np.sort(np.abs(first))[place] + 1e-9


def test_the_first_order_rows_are_refitted():
    x = np.array([0.0, 1.0, 2.0, 3.0, 10.0])
    Z, y = np.column_stack([x, np.ones(5)]), np.array([0.3, 0.2, 0.1, 0.0, 5.0])
    assert len(greedy_flip(Z, y, 0)) == 1
    effect = Effect.of(Z, y, [1.0, 0.0])
    assert first_order(effect, effect.value) == 1
    order = np.argsort(-effect.alpha * effect.residual)
    assert order[0] == 4


def test_columns_that_depend_on_one_another_are_refused():
    with pytest.raises(InputError, match="depend on one another"):
        greedy_flip(np.ones((5, 2)), np.arange(5.0), 0)


def test_the_voting_rights_study(shared):
    rows = pd.read_csv(shared / "data" / "influence" / "vra.csv")
    Z = pd.get_dummies(rows[["state", "year"]].astype(str), drop_first=True).to_numpy(float)
    given = rows[["vra2_x_post1965", "st_census_urban_perc"]].to_numpy(float)
    Z, y = np.column_stack([given, np.ones(len(rows)), Z]), rows["st_icpsr_MI_rate_black"]
    assert Z.shape == (504, 47)
    effect = Effect.of(Z, y, np.eye(47)[0])
    assert len(greedy_flip(Z, y, 0)) == 29
    assert first_order(effect, effect.value) == 33
    assert certified_rows(Z, y, 0) == 13


@pytest.mark.slow
def test_the_night_lights_study(shared):
    rows = pd.read_csv(shared / "data" / "influence" / "nightlights.csv")
    years = pd.get_dummies(rows["year"].astype(str), drop_first=True).to_numpy(float)
    given = rows[["lndn13_fiw", "fiw", "fiw2", "lndn13"]].to_numpy(float)
    Z, y = np.column_stack([given, years]), rows["lngdp14"].to_numpy(float)
    groups = pd.factorize(rows["countrycode"])[0]
    effect = Effect.of(Z, y, np.eye(Z.shape[1])[0], groups)
    assert len(greedy_flip(Z, y, 0, groups=groups)) == 110
    assert first_order(effect, effect.value) == 136
    assert certified_rows(Z, y, 0, groups=groups) == 29


TRIALS = {"BIH": 13, "MON": 15, "ETH": 1, "MEX": 1, "MOR": 11, "PHI": 9, "IND": 6}


@pytest.mark.parametrize("study, rows", TRIALS.items())
def test_the_microcredit_trials(shared, study, rows):
    table = pd.read_csv(shared / "data" / "influence" / "microcredit.csv")
    part = table[table["study"] == study].dropna()
    Z, y = np.column_stack([part["D"], np.ones(len(part))]), np.asarray(part["y"], float)
    assert len(greedy_flip(Z, y, 0)) == rows
    if len(y) < 3000:  # pairs of more rows take seconds
        assert rows - 3 <= certified_rows(Z, y, 0) < rows


def test_the_p_value_is_that_of_a_line():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=30), rng.normal(size=30)
    effect = Effect.of(np.column_stack([x, np.ones(30)]), y + 0.3 * x, np.array([1.0, 0.0]))
    test, line = TTest(None, 0.05), scipy.stats.linregress(x, y + 0.3 * x)
    state = State.of(effect, np.arange(30))
    assert test.t(state) == pytest.approx(line.slope / line.stderr)
    assert test.p(state) == pytest.approx(line.pvalue)
    assert test.significant(state) == (line.pvalue < 0.05)


def mean_of(*y):
    """The mean of some targets, as a fit on a column of ones, and its state on all rows."""
    effect = Effect.of(np.ones((len(y), 1)), np.array(y, float), [1.0])
    return effect, State.of(effect, np.arange(len(y)))


def test_the_smallest_tests_have_the_p_values_of_one_and_two_degrees_of_freedom():
    # Mean 2, residuals -2 and 2: variance 8 / 1 / 2 = 4, so t = 1; half of a Cauchy is beyond.
    _, pair = mean_of(0, 4)
    plain = TTest(None, 0.05)
    assert plain.t(pair) == pytest.approx(1.0) and plain.p(pair) == pytest.approx(0.5)
    # A cluster each: scores -1 and 1, factor 2 / 1 * 1 / 1, variance 4 again.
    assert TTest(np.array([0, 1]), 0.05).t(pair) == pytest.approx(1.0)
    # Mean 2, scores (y - 2) / 4: -1/2, -1/2, 0 and 1. Two clusters: sums -1 and 1, factor
    # 2 / 1 * 3 / 3, variance 4, t = 1, one degree of freedom.
    _, four = mean_of(0, 0, 2, 6)
    two = TTest(np.array([0, 0, 1, 1]), 0.05)
    assert two.t(four) == pytest.approx(1.0) and two.p(four) == pytest.approx(0.5)
    # Three: sums -1, 0 and 1, factor 3 / 2, variance 3, t^2 = 4 / 3; P = 1 - t / sqrt(2 + t^2).
    three = TTest(np.array([0, 0, 1, 2]), 0.05)
    assert three.p(four) == pytest.approx(1 - np.sqrt(0.4))


def test_the_score_of_a_row_is_the_t_value_of_the_others():
    # Of 0, 0 and 2: mean 2/3, variance (8/3) / 2 / 3 = 4/9; of 0, 2 and 6: 8/3 and 28/9.
    _, four = mean_of(0, 0, 2, 6)
    after = TTest(None, 0.05).without(four)
    np.testing.assert_allclose(after[[3, 0]], [1.0, 8 / np.sqrt(28)])


def test_the_score_of_a_row_in_a_cluster_is_that_of_its_own_sum_without_it():
    _, four = mean_of(0, 0, 2, 6)
    after = TTest(np.array([0, 0, 1, 1]), 0.05).without(four)
    # Of sums -1 and 1, leaving out row 0 makes -1 + (1/2) / (3/4) = -1/3 of the first, and row 3
    # 1 - 1 / (3/4) = -1/3 of the second: variance (1 + 1/9) 2 = 20/9 beside means 8/3 and 2/3.
    np.testing.assert_allclose(after[[0, 3]], [4 / np.sqrt(5), 1 / np.sqrt(5)])


def test_where_too_few_rows_may_go_none_is_named():
    # Mean 1; without one 4 it is 1/4, without both -1.
    Z, y = np.ones((5, 1)), np.array([-1.0, -1.0, -1.0, 4.0, 4.0])
    assert greedy_flip(Z, y, 0).tolist() == [3, 4]
    assert greedy_flip(Z, y, 0, most=1).tolist() == []
