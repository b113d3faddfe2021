"""A source that is off as a whole is named, though none of its rows need be."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

import mithridate
from mithridate.cleaning.shifts import Shift, shifts_of, shrunk


def orders(seed=0, n=300):
    """Revenue from quantity and price, of five vendors, with noise of 300."""
    rng = np.random.default_rng(seed)
    qty, price = rng.normal(5000.0, 1500.0, n), rng.uniform(1.0, 9.0, n)
    revenue = 2.0 * qty - 300.0 * price + rng.normal(0.0, 300.0, n)
    vendor = [f"v{k % 5}" for k in range(n)]
    return pd.DataFrame({"vendor": vendor, "qty": qty, "price": price, "revenue": revenue})


def test_a_source_that_is_off_is_named_with_its_interval():
    table = orders()
    table.loc[table.vendor == "v2", "revenue"] += 250.0  # less than the noise of a row
    found = mithridate.clean(table, target="revenue", groups="vendor", only="rows")
    assert found.mask.all()
    assert any(line.startswith("Off as a whole") and "'v2'" in line for line in found.summary)
    (off,) = found.groups[found.groups.off].to_dict("records")
    assert off["group"] == "v2"
    assert off["shift_low"] < 250.0 < off["shift_high"]


def test_rows_that_are_far_off_do_not_hide_their_source():
    sizes = []
    for size in (1e3, 1e5):
        table = orders(1, 600)
        table.loc[table.index[::25], "revenue"] += size  # a fifth of the rows of v0
        found = mithridate.clean(table, target="revenue", groups="vendor", only="rows")
        groups = found.groups.set_index("group")
        assert groups.off["v0"], size
        sizes.append(groups["shift"]["v0"])
    assert sizes[1] > 0.5 * sizes[0]


def test_honest_sources_are_named_as_seldom_as_is_said():
    """1 % of tables name any source; of 1,000 tables, 20 would be three deviations more."""
    named = 0
    for seed in range(1000):
        rng = np.random.default_rng(seed)
        found = shrunk(rng.integers(0, 8, 240), rng.standard_t(5, 240), 8)
        named += any(low > 0 or high < 0 for _, low, high in found.values())
    assert named <= 20


def test_an_interval_holds_the_shift_of_a_group_that_is_off():
    inside = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        codes = rng.integers(0, 6, 300)
        _, low, high = shrunk(codes, rng.normal(0.0, 1.0, 300) + (codes == 4), 6)[4]
        inside += low < 1.0 < high
    assert inside >= 190


def test_groups_of_a_few_rows_are_not_judged():
    codes = np.array([0] * 20 + [1] * 20 + [2] * 3)
    assert set(shrunk(codes, np.random.default_rng(0).normal(size=43), 3)) == {0, 1}


STEPS = np.array([-1.0, -1.0, 0.0, 1.0, 1.0])
CODES = np.repeat([0, 1, 2], 5)


def test_a_shift_by_hand():
    """Means 0, 0 and 3 of five values each, of variance 1: its own .2, between groups 2.8."""
    found = shrunk(CODES, np.concatenate([STEPS, STEPS, STEPS + 3.0]), 3)
    variance = 0.2 + 0.5 * np.pi / 15.0
    reach = 2.935199 * np.sqrt(variance)  # the quantile of 1 - .01 / 6
    np.testing.assert_allclose(found[0], (0.0, -reach, reach), atol=1e-6)
    want = 2.8 / (2.8 + variance) * 3.0, 3.0 - reach, 3.0 + reach
    np.testing.assert_allclose(found[2], want, rtol=1e-6)
    # What all rows have in common is no shift.
    again = shrunk(CODES, 7.0 + np.concatenate([STEPS, STEPS, STEPS + 3.0]), 3)
    np.testing.assert_allclose(again[2], want, rtol=1e-6)


def test_a_far_row_moves_its_source_by_three_scales_of_noise():
    y = np.concatenate([STEPS, STEPS, [50.0, 1.0, 0.0, -1.0, 0.0]])
    half = np.full(15, 2.57)  # an interval of 95 % around 0 where the noise is 1
    guard = SimpleNamespace(expected_=np.zeros(15), expected_low_=-half, expected_high_=half)
    groups = SimpleNamespace(names=["a", "b", "c"], codes=CODES)
    found = shifts_of(guard, y, 10.0, groups)["c"]
    y[10] = 3.0
    want = shrunk(CODES, y, 3)[2]
    np.testing.assert_allclose(found[1:], 10.0 * np.array(want))
    # Twice the noise lets it move its source twice as far, up or down; a row of none is not asked.
    guard.expected_low_, guard.expected_high_ = -2.0 * half, 2.0 * half
    for side in (1.0, -1.0):
        y[10] = side * 50.0
        found = shifts_of(guard, y, 1.0, groups)["c"]
        y[10] = side * 6.0
        np.testing.assert_allclose(found[1:], shrunk(CODES, y, 3)[2])
    guard.expected_low_[14] = guard.expected_high_[14] = 0.0
    assert "c" not in shifts_of(guard, y, 1.0, groups)


def test_a_shift_is_written_with_three_digits():
    off = Shift("v0", -12.344, -15.092, -10.02)
    assert off.off and off.side == "12.3 below (10 to 15.1)"
    assert off.between == "-12.3 (-15.1 to -10)"
    assert Shift("v1", 0.5, 0.25, 0.75).side == "0.5 above (0.25 to 0.75)"
    assert Shift("v1", 0.5, 0.25, 0.75).off and not Shift("v1", 0.5, 0.0, 0.75).off
