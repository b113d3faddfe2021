"""A table as a set of rows: the order of its own, weights as counts, and the lowest scores."""

import numpy as np
import pytest

from mithridate.passes.rows import OrderedTable, are_counts, lowest


def table(n=40):
    rng = np.random.default_rng(0)
    return rng.integers(0, 3, (n, 4)).astype(float), rng.integers(0, 2, n).astype(float)


def test_the_list_does_not_depend_on_the_order_of_the_table():
    X, y = table()
    order = np.random.default_rng(1).permutation(len(y))
    one, two = OrderedTable.of(X, y), OrderedTable.of(X[order], y[order])
    np.testing.assert_array_equal(one.X, two.X)
    np.testing.assert_array_equal(one.y, two.y)
    np.testing.assert_array_equal(X[one.rows], one.X)


def test_the_list_does_not_depend_on_the_unit_of_the_target():
    X, y = table()
    np.testing.assert_array_equal(
        OrderedTable.of(X, y).rows, OrderedTable.of(X, 3e4 * y - 1e6).rows
    )


def test_a_row_of_weight_k_is_listed_k_times():
    X, y = table()
    weight = np.random.default_rng(2).integers(1, 4, len(y)).astype(float)
    rows = np.arange(len(y)).repeat(weight.astype(int))
    weighted, repeated = OrderedTable.of(X, y, weight), OrderedTable.of(X[rows], y[rows])
    np.testing.assert_array_equal(weighted.X, repeated.X)
    assert weighted.weight is None
    np.testing.assert_array_equal(weighted.back(weighted.y), y)


def test_weights_that_are_no_counts_stay_weights():
    X, y = table()
    weight = np.linspace(0.5, 1.5, len(y))
    listed = OrderedTable.of(X, y, weight)
    np.testing.assert_array_equal(listed.weight, weight[listed.rows])
    assert not are_counts(np.array([1.0, 1.5])) and not are_counts(np.array([1.0, 1e6]))


@pytest.mark.parametrize("contamination", [0.0, 0.1, 0.25, 0.5])
def test_lowest_of_weights_is_lowest_of_repeated_rows(contamination):
    rng = np.random.default_rng(3)
    scores, weight = rng.random(12), rng.integers(1, 4, 12).astype(float)
    rows = np.arange(12).repeat(weight.astype(int))
    repeated = lowest(scores[rows], None, contamination)
    np.testing.assert_allclose(
        lowest(scores, weight, contamination), np.bincount(rows, repeated, 12)
    )
    assert repeated.sum() == len(rows) - round(contamination * len(rows))


def test_lowest_does_not_round_weights_that_are_no_counts():
    scores = np.arange(10.0)
    assert lowest(scores, np.full(10, 0.01), 0.25).sum() == pytest.approx(0.075)
