"""What `clean` does if no defense is named: groups, then single rows, and mostly neither."""

import numpy as np
import pandas as pd
import pytest

import mithridate
from mithridate.defenses import Antidote, TableErrors
from mithridate.errors import InputError


def sales(seed=0, n=150):
    """Revenue from a quantity and a price, with noise of 300 and no error."""
    rng = np.random.default_rng(seed)
    qty, price = rng.normal(5000.0, 1500.0, n), rng.uniform(1.0, 9.0, n)
    revenue = 2.0 * qty - 300.0 * price + rng.normal(0.0, 300.0, n)
    return pd.DataFrame({"qty": qty, "price": price, "revenue": revenue})


@pytest.fixture(scope="module")
def wrong():
    """Ten targets of one vendor are off, another has a zero too many, and the last is a total."""
    table = sales(n=240).assign(vendor=np.resize(["ann", "bob", "cy"], 240))
    table.loc[table.index[::24], "revenue"] += 9000.0
    table.loc[100, "revenue"] = 10.0 * table.revenue[100]
    table.loc[240] = [table.qty.sum(), None, table.revenue.sum(), None]
    return table


@pytest.fixture(scope="module")
def found(wrong):
    return mithridate.clean(wrong, target="revenue", groups="vendor")


def test_the_wrong_rows_go_and_no_other(found):
    assert isinstance(found.defense, TableErrors)
    gone = [*range(0, 240, 24), 100, 240]
    np.testing.assert_array_equal(np.flatnonzero(~found.mask), sorted(gone))
    assert [one.row for one in found.aside] == [241]


def test_the_vendor_is_named(found):
    assert any("'ann' 10 of 80" in line and "beyond chance" in line for line in found.summary)


def test_the_quarantine_has_what_was_expected(wrong, found):
    rows = found.quarantined.loc[:239]
    expected = 2.0 * rows.qty - 300.0 * rows.price
    assert (rows.mithridate_expected_low < expected).all()
    assert (expected < rows.mithridate_expected_high).all()
    assert set(rows.mithridate_finding) <= {"group", "target"}
    assert rows.mithridate_reason[100].endswith("; ÷10 fits.")
    assert "÷10" not in rows.mithridate_reason[0]


def test_a_slipped_cell_of_a_feature_cannot_hide():
    table = sales(1)
    table.loc[90, "qty"] *= 1000.0
    found = mithridate.clean(table, target="revenue")
    assert np.flatnonzero(~found.mask).tolist() == [90]
    assert found.defense.scores_.argmax() == 90


def test_a_blank_is_no_reason():
    table = sales(2)
    table.loc[[3, 30, 60, 90, 120], "qty"] = np.nan
    found = mithridate.clean(table, target="revenue")
    assert found.mask.all()
    assert any(line.startswith("Most suspicious: row") for line in found.summary)


def test_a_target_that_is_mostly_zero_keeps_its_other_values():
    rng = np.random.default_rng(0)
    ill = rng.poisson(1.0, 600)
    visits = np.where(rng.random(600) < 0.1 + 0.05 * ill, 1 + rng.poisson(0.4, 600), 0)
    found = mithridate.clean(pd.DataFrame({"ill": ill, "visits": visits}), target="visits")
    assert found.mask.sum() >= 595
    assert any("of the targets are one value" in line for line in found.summary)


def test_ten_rows_are_enough_and_nine_are_not():
    x = np.resize([0.3, 2.7, 1.1, 4.9], 10)
    table = pd.DataFrame({"x": x, "y": 3.0 * x + np.resize([0.0, 0.1, -0.1], 10)})
    table.loc[4, "y"] = 500.0
    assert np.flatnonzero(~mithridate.clean(table, target="y").mask).tolist() == [4]
    with pytest.raises(InputError, match="9 rows, at least 10 are needed"):
        mithridate.clean(table[:9], target="y")


def test_with_a_rate_the_default_is_antidote():
    rated = mithridate.clean(sales(3), target="revenue", false_positive_rate=0.01)
    assert isinstance(rated.defense, Antidote)


def test_only_is_for_defenses_that_look_for_both():
    assert mithridate.clean(sales(3), target="revenue", only="groups").defense.only == "groups"
    with pytest.raises(InputError, match="takes no only"):
        mithridate.clean(sales(3), target="revenue", defense="trim", only="rows")
    with pytest.raises(InputError, match="'groups', 'rows'"):
        mithridate.clean(sales(3), target="revenue", only="columns")
