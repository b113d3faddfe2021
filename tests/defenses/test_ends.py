"""The ends of a range are told from errors by what is predicted for them."""

import numpy as np
import pytest

from mithridate.defenses.ends import ends


def genuine(y, predicted, r, flagged, w):
    """The flagged rows that are genuine ends of the range."""
    found = [end(y, predicted, r) for end in ends(y, predicted, r, flagged, w)]
    return flagged & np.logical_or.reduce([np.zeros(len(y), dtype=bool), *found])


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_ends_of_a_range_stay_and_what_leaps_beyond_them_does_not(sign):
    y = np.arange(-50.0, 51.0)
    top, last, middle = sign * y >= 46.0, 0 if sign < 0 else 100, 50

    def spared(moved):
        now = y.copy()
        for row, value in moved.items():
            now[row] = sign * value
        return genuine(now, 0.7 * y, now - 0.7 * y, top | (now != y), np.ones(101))

    without = top & (np.arange(101) != last)
    np.testing.assert_array_equal(spared({}), top)
    np.testing.assert_array_equal(spared({middle: 50.0}), top)
    np.testing.assert_array_equal(spared({last: 110.0}), without)
    np.testing.assert_array_equal(spared({last: -50.0}), without)


def test_a_row_of_weight_k_counts_as_k_rows():
    rng = np.random.default_rng(0)
    y, w = np.sort(rng.normal(size=80)), rng.integers(1, 5, 80)
    flagged = np.abs(y) > 1.0
    one = genuine(y, 0.6 * y, 0.4 * y, flagged, w.astype(float))
    other = genuine(*(v.repeat(w) for v in (y, 0.6 * y, 0.4 * y, flagged)), np.ones(w.sum()))
    np.testing.assert_array_equal(one.repeat(w), other)
    assert 0 < one.sum() < flagged.sum()
