"""What a witness proves, in a table so small that the largest value is found by hand."""

import numpy as np
import pytest

from mithridate.bounds import Setting, Witness, Writable, certified
from mithridate.bounds.certificate import (
    Term,
    certified_within,
    definite,
    farthest_surely,
    gamma,
)

# Two rows at x = 0 with targets 0, judged by one with target 1. The slope is 0; an intercept c has
# the error (1 - c)^2. With q = (0, 1/2) and mu = 1 the witness proves the largest value of
#     (1 - c)^2 - (c - 1/2) 2 c + k D^2 / 4 = 1 - c - c^2 + k D^2 / 4,
# which is 5/4 at c = -1/2, and D^2 / 4 = 25/16 where targets from -1 to 3 may be written.
ZERO = np.zeros((2, 1))
SETTING = Setting(ZERO, np.zeros(2), ZERO[:1], np.ones(1), l2=0.5)
ROWS = Writable.box(ZERO, np.zeros(2))._replace(lower=np.array([0.0, -1]), upper=np.array([0.0, 3]))
WITNESS = Witness(np.array([0.0, 0.5]), 1.0)


@pytest.mark.parametrize("k", [0, 1, 3])
def test_a_witness_proves_the_largest_value_of_a_parabola(k):
    told, value = certified(SETTING, ROWS, k, WITNESS), 1.25 + k * 25 / 16
    assert value <= told == pytest.approx(value, rel=1e-12)


def test_a_known_interval_lowers_it():
    # x = c - 1/2 from -1/4 to 3/4, times 1: (x + 1/4) (3/4 - x) = -c^2 + 3/2 c - 5/16. With the
    # first this is 41/16 - 5/16 + c / 2 - 2 c^2, whose largest value, at c = 1/8, is 73/32.
    inside = Term(np.array([0.0, 1.0]), 0.5, -0.25, 0.75, 1.0)
    told = certified(SETTING, ROWS, 1, WITNESS, [inside])
    assert 73 / 32 <= told == pytest.approx(73 / 32, rel=1e-12)
    assert certified(SETTING, ROWS, 1, WITNESS, [inside._replace(gamma=-1e-3)]) == np.inf
    assert certified(SETTING, ROWS, 1, WITNESS, [inside._replace(gamma=np.inf)]) == np.inf
    # Without weight it says nothing: 45/16.
    plain = certified(SETTING, ROWS, 1, WITNESS, [inside._replace(gamma=0.0)])
    assert plain == pytest.approx(45 / 16, rel=1e-12)


def test_a_reach_stands_for_poison():
    assert certified_within(SETTING, WITNESS, 25 / 16) == pytest.approx(45 / 16, rel=1e-12)
    # At mu = 1/2 the parabola is a line; raised by 1e-9 it is 1 - 3/2 c - 1e-9 c^2.
    raised = certified_within(SETTING, WITNESS._replace(mu=0.5), 0.0)
    assert raised == pytest.approx(2.25 / 4e-9, rel=1e-3)


def test_a_multiplier_is_raised_until_the_matrix_is_definite():
    # For c it is 2 mu - 1 and for the slope 3/2 mu: at 1/2 there is no room, raised by 1 % there is
    # .01 c^2. Then the value is 1 - 2 c + c^2 - 1.01 (c - 1/2) c + ... = 1 - 1.495 c - .01 c^2.
    half = WITNESS._replace(mu=0.5)
    assert certified(SETTING, ROWS, 0, half, raises=(0.0,)) == np.inf
    told = certified(SETTING, ROWS, 0, half, raises=(0.0, 0.01, 1.0))
    assert told == pytest.approx(1 + 1.495**2 / 0.04, rel=1e-9)


def test_an_eigenvalue_is_proved_to_half_of_it():
    assert definite(np.diag([2.0, 3.0]), 5.0) == 1.0
    assert definite(np.diag([2.0, -1e-9]), 5.0) is None
    # The slack is 4 eps (scale + 20 trace): beside it, half of the eigenvalue is no more than that.
    assert definite(np.eye(2), 0.9 * 0.5 / (4 * np.finfo(float).eps)) == 0.5
    assert definite(np.eye(2), 1.1 * 0.5 / (4 * np.finfo(float).eps)) is None


def test_what_rounding_may_have_taken_is_added():
    # The same table 10,000 higher. Of the numbers that are added up, the error has 2 B squared, and
    # the product 2 B times 2 B in each of two rows: 12 B^2 in all, a sum of 4 (2 + 1 + 2) + 40
    # terms. The interval adds 2 B times 2 B, and 20 terms.
    b, unit = 1e4, 2.0**-53
    high = Setting(ZERO, np.full(2, b), ZERO[:1], np.array([b + 1]), l2=0.5)
    rows = ROWS._replace(lower=np.array([0.0, b - 1]), upper=np.array([0.0, b + 3]))
    witness = Witness(np.array([0.0, b + 0.5]), 1.0)
    told = certified(high, rows, 0, witness)
    assert told - 1.25 == pytest.approx(2 * 60 * unit * 12 * b**2, rel=0.02)
    inside = Term(np.array([0.0, 1.0]), b + 0.5, -0.25, 0.75, 1.0)
    told = certified(high, rows, 0, witness, [inside])
    assert told - (73 / 32 - 25 / 16) == pytest.approx(2 * 80 * unit * 16 * b**2, rel=0.02)


def test_the_farthest_row_is_so_far_with_all_rounding():
    # y - 3 x - 1/2 is largest at (-2, 3): 17/2. All numbers together are 3 * 2 + B + 1/2 + B + 3,
    # in a sum of 20 + 4 * 2 terms.
    b, unit = 2.0**30, 2.0**-53
    rows = ROWS._replace(lower=np.array([-2.0, b - 1]), upper=np.array([1.0, b + 3]))
    told = farthest_surely(rows, np.array([3.0, b + 0.5]))
    assert told - 8.5 == pytest.approx(2 * 28 * unit * (2 * b + 9.5), rel=0.02)
    # Of a column the end that is farther from 0 counts, and what rows have where they are not free:
    # with b = 0 and from -1 to 1/4 these are 3 + 1/2 + 3, beside a residual of 3 + 3 - 1/2.
    rows = ROWS._replace(lower=np.array([-1.0, -1]), upper=np.array([0.25, 3]))
    told = farthest_surely(rows, np.array([3.0, 0.5]))
    assert told - 5.5 == pytest.approx(2 * 28 * unit * 6.5, rel=0.03, abs=0.0)
    rows = rows._replace(free=np.array([False, True]), origins=np.array([[-4.0, 0.0]]))
    told = farthest_surely(rows, np.array([3.0, 0.5]))
    assert told - 14.5 == pytest.approx(2 * 28 * unit * 15.5, rel=0.03, abs=0.0)


def test_rounding_of_sums_is_doubled():
    unit = 2.0**-53
    assert gamma(3) == pytest.approx(6 * unit / (1 - 3 * unit), rel=1e-15, abs=0.0)
    assert gamma(2.0**50) == pytest.approx(2 * 0.125 / 0.875)
