"""The box in which defenses see features, against values by hand."""

import numpy as np
import pytest

from mithridate.defenses import BayesClean, Ridge
from mithridate.defenses.unitbox import UnitBox, own_units

FAR = np.array([10.0, 11.0, 12.0, 13.0, 14.0, 5000.0])
ONCE = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 7.0])
SAME = np.full(6, 3.0)
X = np.column_stack([FAR, ONCE, SAME])
# The median is 12 and the .7 quantile of the distances from it 2: robust deviations of 2 / 1.0364.
HIGH = 12.0 + 8.0 * 2.0 / 1.0364


@pytest.mark.parametrize("weight", [None, np.ones(6)])
def test_it_ends_where_values_do_or_eight_deviations_from_the_median(weight):
    box = UnitBox.of(X, weight)
    np.testing.assert_allclose(box.low, [10.0, 0.0, 3.0])
    np.testing.assert_allclose(box.high, [HIGH, 7.0, 3.0])
    np.testing.assert_allclose(UnitBox.of(0.01 * X, weight).high, 0.01 * box.high)


def test_a_weight_is_as_many_rows():
    counts = np.array([3, 1, 1, 1, 2, 1])
    one, other = UnitBox.of(X, counts.astype(float)), UnitBox.of(X.repeat(counts, axis=0))
    np.testing.assert_array_equal(one.low, other.low)
    np.testing.assert_array_equal(one.high, other.high)


def test_values_beyond_stay_beyond_or_are_at_the_end():
    box, span = UnitBox.of(X), HIGH - 10.0
    np.testing.assert_allclose(box.scaled(X)[[1, 5], 0], [1.0 / span, 4990.0 / span])
    np.testing.assert_allclose(box(X)[[1, 5], 0], [1.0 / span, 1.0])
    np.testing.assert_array_equal(box(X)[:, 1], ONCE / 7.0)
    np.testing.assert_array_equal(box.scaled(X)[:, 2], 0.0)
    small = UnitBox.of(0.01 * X)
    np.testing.assert_allclose(small.scaled(0.01 * X)[:, :2], box.scaled(X)[:, :2])


def test_a_model_of_scaled_rows_becomes_one_of_rows():
    box, y = UnitBox.of(X), np.arange(6.0)
    model = Ridge().fit(box.scaled(X), y)
    want = model.predict(box.scaled(X))
    np.testing.assert_allclose(box.unscale(model).predict(X), want, rtol=1e-9)
    assert model.coef_[2] == 0.0


def test_only_a_box_from_0_to_1_in_every_feature_is_the_unit():
    assert UnitBox(np.zeros(2), np.ones(2)).is_unit
    assert not UnitBox(np.zeros(2), np.array([1.0, 0.5])).is_unit
    assert not UnitBox(np.array([0.1, 0.0]), np.ones(2)).is_unit


def test_a_given_model_sees_the_features_as_they_came():
    assert own_units(Ridge(), X, None) is X
    np.testing.assert_array_equal(own_units(None, X, None), UnitBox.of(X).scaled(X))


def test_one_far_cell_hides_no_target_from_bayesclean():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 3))
    y = features @ [1.0, 2.0, -1.0] + 0.3 * rng.normal(size=200)
    y[:10] += 4.0
    features[50, 0] = 1e3
    assert not BayesClean().fit(features, y).inlier_mask_[:10].any()


@pytest.mark.parametrize("beyond", [-1e-3, -1e-12, 0.0, 1e-12, 1e-3])
def test_the_ends_of_long_columns_are_those_of_sorted_values(beyond):
    rng = np.random.default_rng(0)
    n = 5000
    columns = [rng.normal(size=n), rng.uniform(size=n), rng.standard_cauchy(n), rng.normal(size=n)]
    columns += [rng.integers(0, 2, n), np.full(n, 3.0), np.sort(rng.normal(size=n)), np.arange(n)]
    table = np.column_stack(columns) * 10.0 ** np.arange(-4, 4) + [0.0, 0.0, 0.0, 1e9, 0, 1, 0, 1e6]

    def ends(x):
        middle = np.sort(x)[n // 2 - 1]
        reach = 8.0 * np.sort(np.abs(x - middle))[int(0.7 * n) - 1] / 1.0364 or np.inf
        return max(x.min(), middle - reach), min(x.max(), middle + reach)

    for x in table[:, :2].T:  # a value next to the end of the reach, on either side of it
        x[x.argmax()] = 1e9
        x[x.argmax()] = ends(x)[1] * (1.0 + beyond)
    want = np.array([ends(x) for x in table.T])
    for layout in (table, np.asfortranarray(table)):
        np.testing.assert_array_equal(np.transpose(UnitBox.of(layout)), want)
