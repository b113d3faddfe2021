"""Flagged rows that stay: on a curve, at a level of the target, at an end where it is cut off."""

from types import SimpleNamespace

import numpy as np
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


def test_two_rows_bear_each_other_out_where_a_prediction_comes_three_tenths_of_the_way():
    y, flagged = np.array([10.0, -10.0, 0.0]), np.array([True, True, False])
    among = np.array([3.1, -2.9, 5.0])
    assert borne_out(Errors(y, among), flagged).tolist() == [True, False, False]
    assert not borne_out(Errors(y, -among), flagged).any()
    alone = np.array([True, False, False])
    assert not borne_out(Errors(y, among), alone).any()
    # A source that is wrong as a whole: the others are predicted far better without it.
    assert borne_out(Errors(y, among, without=0.51), flagged).any()
    assert not borne_out(Errors(y, among, without=0.49), flagged).any()


def test_rows_are_needed_where_the_others_are_one_percent_worse_without_them():
    y, flagged = np.zeros(3), np.array([True, False, False])
    assert harmful(Errors(y, 0.0, without=1.011), flagged)
    assert not harmful(Errors(y, 0.0, without=1.009), flagged)


def test_more_than_fifteen_percent_are_no_errors(monkeypatch):
    table = SimpleNamespace(y=np.arange(100.0), weight=np.ones(100))
    first = np.arange(100)
    assert "16% of the rows look wrong, too many" in decided(table, first < 16).message
    monkeypatch.setattr(harm, "borne_out", lambda tried, flagged: np.zeros_like(flagged))
    for does_harm in (True, False):
        monkeypatch.setattr(harm, "harmful", lambda tried, wrong, answer=does_harm: answer)
        said = decided(table, first < 15)
        assert said.refused == does_harm and not said.spared.any()
        assert said.message == "" if not does_harm else "predicted worse" in said.message
    monkeypatch.setattr(harm, "borne_out", lambda tried, flagged: flagged & (first < 8))
    assert decided(table, first < 15).refused  # eight of fifteen are borne out
    monkeypatch.setattr(harm, "borne_out", lambda tried, flagged: flagged & (first < 7))
    some = decided(table, first < 15)
    assert not some.refused and some.spared.sum() == 7
    assert some.message == "Kept, since other such rows bear it out: 7 rows that looked wrong."
