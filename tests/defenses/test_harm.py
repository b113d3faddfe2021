"""Flagged rows that stay: on a curve, at a level of the target, at an end where it is cut off."""

from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from mithridate.defenses import TableErrors, TargetErrors, harm
from mithridate.defenses.harm import Tried, borne_out, decided, harmful, levels


def test_rows_where_models_fall_short_stay_and_errors_go():
    # LDL is computed from the other blood values by a formula that bends at high triglycerides.
    table = load_diabetes(scaled=False)
    X, y = table.data[:, [4, 6, 7, 8, 9]], table.data[:, 5].copy()
    wrong = np.arange(5, 442, 40)
    y[wrong] /= 10.0
    found = TargetErrors().fit(X, y)
    assert not found.inlier_mask_[wrong].any()
    assert (~found.inlier_mask_).sum() <= len(wrong) + 2
    assert "that looked wrong" in found.message_


def test_a_value_that_one_row_in_twenty_has_is_a_level():
    y = np.append(np.arange(95.0), np.full(5, 200.0))
    far = y > 93
    w = np.ones(100)
    assert levels(y, far, w).tolist() == (y == 200.0).tolist()
    assert not levels(y[:-1], far[:-1], w[:-1]).any()  # four rows are too few
    assert not levels(y, far & (np.arange(100) > 97), w).any()  # two of five are no majority
    w[-1] = 0.0
    assert not levels(y, far, w).any()
    half = np.arange(100) > 93  # three of six at 200: a half is no majority
    y[94:] = 200.0
    assert not levels(y, half & (np.arange(100) > 96), np.ones(100)).any()
    assert levels(y, half & (np.arange(100) > 95), np.ones(100)).sum() == 4


def test_errors_do_not_make_a_cut_off_target_a_group():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    right = np.maximum(X @ [3.0, 2.0, 1.0] + 4.0 + 0.3 * rng.normal(size=200), 0.0)
    y, wrong = right.copy(), rng.choice(200, 10, replace=False)
    y[wrong] = right[np.roll(wrong, 1)]
    found = TableErrors().fit(X, y)
    assert (~found.inlier_mask_ & (y == right)).sum() <= 2


class Said(Tried):
    """Predictions and errors that a test says, by whether all rows were used."""

    def __init__(self, y, among, apart=0.0, without=1.0, within=1.0, weight=None):
        self.table = SimpleNamespace(y=y, weight=np.ones(len(y)) if weight is None else weight)
        self.models = {"trees": None}
        self.among, self.apart, self.errors = among, apart, (without, within)

    def predicted(self, model, used):
        return np.full((2, len(used)), self.among if used.all() else self.apart)


class Errors(Said):
    def error(self, model, used, rows):
        return self.errors[int(np.any(used & ~rows))]


def test_an_error_is_the_mean_over_the_splits_of_weighted_squares():
    said = Said(np.array([1.0, 2.0]), 0.0, weight=np.array([1.0, 3.0]))
    said.predicted = lambda model, used: np.array([[0.0, 4.0], [2.0, 2.0]])
    both = np.array([True, True])
    assert said.error("trees", both, both) == 1.0 * 1.0 + 3.0 * 2.0
    assert said.error("trees", both, np.array([True, False])) == 1.0


def test_rows_bear_each_other_out_where_a_prediction_comes_three_tenths_of_the_way():
    y, flagged = np.array([10.0, -10.0, -10.0]), np.array([True, True, True])
    among = {3: [3.1, -2.9, -3.1], 2: [3.1, 0.0, -3.1]}
    assert borne_out(Steps(y, flagged, among, 0.0), flagged).tolist() == [True, False, True]
    against = {3: [-3.1, 2.9, 3.1]}
    assert not borne_out(Steps(y, flagged, against, 0.0), flagged).any()
    one = {3: [3.1, 0.0, 0.0]}
    assert borne_out(Steps(y, flagged, one, 0.0), flagged).tolist() == [True, False, False]
    alone = np.array([True, False, False])
    assert not borne_out(Steps(y, alone, {1: [9.0]}, 0.0), alone).any()
    higher = Steps(y + 5.0, flagged, {3: [2.9, 0.0, -3.1]}, 0.0)
    higher.apart = 5.0  # what counts is the way from there
    assert borne_out(higher, flagged).tolist() == [False, False, True]


class Steps(Errors):
    """Predictions of the flagged rows by how many of them were used, of others by a pull."""

    def __init__(self, y, flagged, steps, pull):
        super().__init__(y, 0.0)
        self.flagged, self.steps, self.pull = flagged, steps, pull

    def predicted(self, model, used):
        among = np.zeros(len(used))
        many = int((used & self.flagged).sum())
        among[self.flagged] = self.steps.get(many, 0.0)
        among[~self.flagged] = self.pull * (many > 0)
        return self.apart + np.stack([among, among])


@pytest.mark.parametrize("others, pull, r, denies", [
    (6, 5.0, 0.0, False),  # 2.4 standard errors
    (7, 5.0, 0.0, True),  # 2.6: they are not where the flagged rows pull them
    (50, 5.0, 5.0, False),  # they are
    (50, 5.0, 2.6, False),
    (50, 5.0, 2.4, True),  # nearer to where they were
])  # fmt: skip
def test_flagged_rows_bear_nothing_out_that_other_rows_deny(others, pull, r, denies):
    y = np.append([10.0, 10.0], np.full(others, r))
    said = Steps(y, np.arange(len(y)) < 2, {2: [9.0, 9.0]}, pull)
    assert borne_out(said, said.flagged).any() != denies
    w = np.full(others, 0.5)
    assert harm.denied(y[2:], np.full(others, pull), w) == denies  # whatever weights amount to
    assert not harm.denied(y[2:], np.full(others, pull), 1.0 * (np.arange(others) < 6))


def test_rows_that_are_borne_out_by_chance_do_not_bear_each_other_out():
    y, first = np.full(6, 10.0), np.arange(6)
    far = {6: [4.0, 4.0, 4.0, 4.0, 0.0, 0.0]}
    half = Steps(y, first >= 0, far | {4: [4.0, 4.0, 0.0, 0.0, 0.0, 0.0]}, 0.0)
    assert borne_out(half, half.flagged).tolist() == (first < 4).tolist()
    chance = Steps(y, first >= 0, far | {4: [4.0, 0.0, 0.0, 0.0, 0.0, 0.0]}, 0.0)
    assert not borne_out(chance, chance.flagged).any()


@pytest.mark.parametrize(("without", "borne"), [(1.9, False), (2.0, True), (2.1, True)])
def test_rows_without_which_the_others_are_twice_as_near_bear_nothing_out(without, borne):
    said = Steps(np.array([10.0, 10.0, 0.0]), np.arange(3) < 2, {2: [4.0, 4.0]}, 0.0)
    said.errors = without, 4.0
    assert borne_out(said, said.flagged).tolist() == [borne, borne, False]


def test_rows_are_needed_where_the_others_are_one_percent_worse_without_them():
    y, flagged = np.zeros(3), np.array([True, False, False])
    assert harmful(Errors(y, 0.0, without=1.011), flagged)
    assert not harmful(Errors(y, 0.0, without=1.009), flagged)
    assert not harmful(Errors(y, 0.0, without=2.01, within=2.0), flagged)
    either = Errors(y, 0.0)  # one of two models is enough
    either.models = {"ridge": None, "trees": None}
    either.error = lambda model, used, rows: 2.0 if model == "trees" and not used.all() else 1.0
    assert harmful(either, flagged)


class Weighed(NamedTuple):
    y: np.ndarray
    weight: np.ndarray


def test_drawn_rows_count_for_all_flagged_ones_and_long_tables_are_split_once():
    flagged, drawn = np.arange(4) > 0, np.arange(4) == 1
    tried = Tried(Weighed(np.zeros(4), np.array([1.0, 2, 3, 2])), flagged, drawn)
    assert tried.table.weight.tolist() == [1.0, 7.0, 3.0, 2.0]  # 2 + 3 + 2 for the 2 of one
    assert tried.learned.tolist() == [True, True, False, False]
    assert len(tried.splits) == 3
    for n, splits in ((1 << 14, 3), ((1 << 14) + 1, 1)):
        long = Tried(Weighed(np.zeros(n), np.ones(n)), np.zeros(n, bool))
        assert len(long.splits) == splits and long.learned.all()


def test_more_than_fifteen_percent_are_no_errors(monkeypatch):
    table = SimpleNamespace(y=np.arange(100.0), weight=np.ones(100))
    first = np.arange(100)
    assert "16% of the rows look wrong, too many" in decided(table, first < 16).message
    assert decided(table, first < 16).refused and not decided(table, first < 16).spared.any()
    assert not decided(table, first < 0).refused and decided(table, first < 0).message == ""
    monkeypatch.setattr(harm, "borne_out", lambda tried, flagged: np.zeros_like(flagged))
    for does_harm in (True, False):
        monkeypatch.setattr(harm, "harmful", lambda tried, wrong, answer=does_harm: answer)
        said = decided(table, first < 15)
        assert said.refused == does_harm and not said.spared.any()
        assert said.message == "" if not does_harm else "predicted worse" in said.message
    monkeypatch.setattr(harm, "borne_out", lambda tried, flagged: flagged & (first < 8))
    assert decided(table, first < 15).refused  # eight of fifteen are borne out
    monkeypatch.setattr(harm, "borne_out", lambda tried, flagged: flagged & (first < 7))
    assert not decided(table, first < 14).refused  # a half
    monkeypatch.setattr(harm, "borne_out", lambda tried, flagged: flagged & (first < 7))
    some = decided(table, first < 15)
    assert not some.refused and some.spared.sum() == 7
    assert some.message == "Kept, since other such rows bear it out: 7 rows that looked wrong."
