"""Tables that people reported, rebuilt with made-up data, and what is right for each."""

import numpy as np
import pandas as pd
import pytest

import mithridate
from mithridate.defenses import Antidote, BayesClean, LeastTrimmedSquares


def sales(n, seed=0):
    """Revenue from a quantity and a price, with noise of 300, and no error."""
    rng = np.random.default_rng(seed)
    qty, price = rng.normal(5000.0, 1500.0, n), rng.uniform(1.0, 9.0, n)
    revenue = 2.0 * qty - 300.0 * price + rng.normal(0.0, 300.0, n)
    return pd.DataFrame({"qty": qty, "price": price, "revenue": revenue})


@pytest.mark.parametrize(
    "factor", [10.0, *(pytest.param(k, marks=pytest.mark.slow) for k in (200.0, 1e3, 1e4))]
)
def test_a_cell_that_slipped_by_any_power_of_ten_is_found(factor):
    table = sales(200)
    table.loc[150, "qty"] *= factor
    found = mithridate.clean(table, target="revenue")
    assert np.flatnonzero(~found.mask).tolist() == [150]
    assert found.defense.scores_.argmax() == 150


@pytest.mark.slow
def test_the_farther_the_rows_of_a_vendor_are_off_the_more_of_them_are_found():
    """19 of 1,000 rows; from 10 σ on all of them, and no other."""
    rng = np.random.default_rng(0)
    table = sales(1000).assign(vendor=[f"v{k % 5}" for k in range(1000)])
    bad = (np.arange(1000) % 5 == 0) & (rng.random(1000) < 0.15)
    right, before = table.revenue, 0
    for size in (1e3, 3e3, 9e3, 1e5):
        table["revenue"] = right + size * bad
        found = mithridate.clean(table, target="revenue", groups="vendor")
        gone = ~found.mask
        assert (gone & bad).sum() >= before
        before = (gone & bad).sum()
        if size >= 3e3:
            assert (gone == bad).all()
            assert any("'v0'" in line and "beyond chance" in line for line in found.summary)
            alone = mithridate.clean(table, target="revenue")
            assert (~alone.mask == bad).all()
            assert any("is 'v0' in 19 of the 19 rejected" in line for line in alone.summary)


@pytest.mark.parametrize("share", [0.3, pytest.param(0.01, marks=pytest.mark.slow)])
def test_no_row_goes_because_a_cell_of_it_is_blank(share):
    table = sales(300)
    table.loc[np.random.default_rng(1).random(300) < share, "qty"] = np.nan
    assert mithridate.clean(table, target="revenue", only="rows").mask.all()


@pytest.mark.parametrize(
    "defense", [BayesClean(), Antidote(false_positive_rate=0.01), LeastTrimmedSquares()]
)
def test_a_feature_in_other_units_gives_the_same_verdict(defense):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(200, 2))
    y = X @ [1.0, 2.0] + rng.normal(0.0, 0.3, 200)
    y[::20] += 4.0
    masks = [defense.fit(X * [s, 1.0], y).inlier_mask_ for s in (1.0, 1e-3, 1e6)]
    assert (masks[0] == masks[1]).all() and (masks[0] == masks[2]).all()
    assert not masks[0][::20].any()


def test_a_defense_that_looks_for_groups_says_that_one_row_is_none():
    x = 200.0 * np.random.default_rng(1).random(200)
    y = 2.0 * x + np.random.default_rng(0).normal(0.0, 1.0, 200)
    y[77] += 300.0
    groups = Antidote().fit(x[:, None], y)
    assert groups.inlier_mask_[77]
    assert "false_positive_rate" in groups.summary()
    found = mithridate.clean(pd.DataFrame({"x": x, "y": y}), target="y")
    assert np.flatnonzero(~found.mask).tolist() == [77]
