"""Flagged rows that stay: on a curve, at a level of the target, at an end where it is cut off."""

import numpy as np
from sklearn.datasets import load_diabetes

from mithridate.defenses import TableErrors, TargetErrors
from mithridate.defenses.harm import levels


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
