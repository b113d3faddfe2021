"""What may be written: boxes, lattices and categories."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mithridate.attack.sample import Sample
from mithridate.attack.threat import ThreatModel, edges, standing

from .conformance.worlds import sample, threat

pytestmark = pytest.mark.usefixtures("x64")


@eqx.filter_jit
def project(world, rows, start):
    return world.project(rows, start)


@eqx.filter_jit
def harden(world, rows, start):
    return world.harden(rows, start)


def clones(p):
    """The first clean rows, where slots may have started."""
    clean = sample()
    return Sample(clean.X[:p], clean.y[:p], jnp.ones(p))


@given(st.integers(20, 5000), st.lists(st.floats(0, 0.9), min_size=1, max_size=8))
def test_edges_make_the_ratios(n, ratios):
    counts = edges(n, ratios)
    assert counts[0] == 0
    assert list(counts) == sorted(counts)
    for p, ratio in zip(counts[1:], sorted(ratios), strict=True):
        assert abs(p - n * ratio / (1 - ratio)) <= 0.5


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_harden_gives_rows_that_could_be_real(seed):
    rng = np.random.default_rng(seed)
    world = threat(sample())
    wild = Sample(
        jnp.asarray(rng.normal(size=(15, 8))), jnp.asarray(rng.normal(size=15)), jnp.ones(15)
    )
    own = clones(15)
    hard = harden(world, wild, own)
    X = np.asarray(hard.X)
    assert set(np.unique(X[:, 3:])) <= {0.0, 1.0}
    np.testing.assert_array_equal(X[:, 3:6].sum(axis=1), 1)
    assert (X[:, 6:].sum(axis=1) <= 1).all()
    np.testing.assert_allclose(X[:, 2] * 4, np.round(X[:, 2] * 4), atol=1e-9)
    # Once real, a row stays as it is.
    np.testing.assert_allclose(harden(world, hard, own).X, X, atol=1e-12)


def test_harden_takes_the_nearest_level():
    world = threat(sample())
    row = [0.5, 0.5, 0.3, 0.2, 0.5, 0.3, 0.4, 0.3]
    hard = harden(world, Sample(jnp.array([row]), jnp.array([0.1]), jnp.ones(1)), clones(1))
    np.testing.assert_allclose(hard.X[0], [0.5, 0.5, 0.25, 0, 1, 0, 0, 0])
    row[6] = 0.6
    hard = harden(world, Sample(jnp.array([row]), jnp.array([0.1]), jnp.ones(1)), clones(1))
    np.testing.assert_allclose(hard.X[0, 6:], [1, 0])


def one(x, y):
    """One row with one feature for each of `x`."""
    return Sample(jnp.array([x]), jnp.array([y]), jnp.ones(1))


CORNERS = Sample(jnp.array([[0.0, 0.0], [5.0, 0.9]]), jnp.array([0.0, 5.0]), jnp.ones(2))


def test_a_row_goes_as_far_as_the_budget_on_the_way_to_where_it_was():
    for budget, want in ((1.0, (0.6, 0.8)), (5.0, (3.0, 4.0))):
        world = ThreatModel.around(CORNERS, (0, 1), budget=jnp.asarray(budget))
        moved = project(world, one([3.0, 0.0], 4.0), one([0.0, 0.0], 0.0))
        np.testing.assert_allclose((moved.X[0, 0], moved.y[0]), want, rtol=1e-12)
    near = ThreatModel.around(CORNERS, (0, 1), budget=jnp.asarray(0.2))
    moved = project(near, one([0.3, 0.0], 0.4), one([0.0, 0.0], 0.0))
    np.testing.assert_allclose((moved.X[0, 0], moved.y[0]), (0.12, 0.16), rtol=1e-12)


def test_the_last_point_of_a_lattice_is_in_the_box():
    corners = Sample(CORNERS.X.at[1, 1].set(0.75), CORNERS.y, CORNERS.w)
    world = ThreatModel.around(corners, (0, 1), step=jnp.array([0.0, 0.25, 0.0]))
    hard = harden(world, one([0.3, 0.8], 2.0), one([0.0, 0.0], 0.0))
    np.testing.assert_allclose(hard.X[0], [0.3, 0.75], rtol=1e-12)


def test_a_lattice_is_counted_from_the_lower_end_of_the_box():
    # From -1/8 on in steps of 1/4, the points are -1/8, 1/8 and 3/8: this is next to 0.3.
    corners = Sample(CORNERS.X.at[0, 1].set(-0.125), CORNERS.y, CORNERS.w)
    world = ThreatModel.around(corners, (0, 1), step=jnp.array([0.0, 0.25, 0.0]))
    hard = harden(world, one([0.3, 0.3], 2.0), one([0.0, -0.125], 0.0))
    np.testing.assert_allclose(hard.X[0], [0.3, 0.375], rtol=1e-12)


def test_slots_start_from_the_attackers_own_rows_alone():
    world = ThreatModel.around(CORNERS, (0, 1), own=jnp.array([True, False]))
    np.testing.assert_array_equal(world.offered(CORNERS).w, [1.0, 0.0])


def test_a_box_that_ends_between_two_points_of_the_lattice_ends_at_the_last():
    world = ThreatModel.around(CORNERS, (0, 1), step=jnp.array([0.0, 0.25, 0.0]))
    hard = harden(world, one([0.3, 0.88], 2.0), one([0.0, 0.0], 0.0))
    np.testing.assert_allclose(hard.X[0], [0.3, 0.75], rtol=1e-12)
    np.testing.assert_allclose(hard.y, 2.0)


def test_a_column_whose_rounding_oversteps_the_budget_stays():
    step, budget = jnp.array([0.25, 0.0, 0.0]), jnp.asarray(0.22)
    world = ThreatModel.around(CORNERS, (0, 1), step=step, budget=budget)
    hard = harden(world, one([0.2, 0.05], 0.05), one([0.0, 0.0], 0.0))
    np.testing.assert_allclose(hard.X[0], [0.0, 0.05], rtol=1e-12)
    np.testing.assert_allclose(hard.y, 0.05, rtol=1e-12)


def test_a_row_at_the_very_end_of_the_budget_keeps_its_lattice_point():
    step, budget = jnp.array([0.25, 0.0, 0.0]), jnp.asarray(1.25)
    world = ThreatModel.around(CORNERS, (0, 1), step=step, budget=budget)
    hard = harden(world, one([0.75, 0.0], 1.0), one([0.0, 0.0], 0.0))
    np.testing.assert_allclose((*hard.X[0], hard.y[0]), (0.75, 0.0, 1.0), rtol=1e-12)


def test_of_equal_levels_the_first_is_taken_and_the_target_stays():
    own, row = clones(1), [0.5, 0.5, 0.25, 0.4, 0.4, 0.2, 0.7, 0.7]
    hard = harden(threat(sample()), one(row, own.y[0]), own)
    np.testing.assert_array_equal(hard.X[0, 3:], [1, 0, 0, 1, 0])
    np.testing.assert_array_equal(hard.y, own.y)


def test_a_level_that_clean_rows_never_show_is_never_chosen():
    clean = sample()
    clean = Sample(clean.X.at[:, 4].set(0.0), clean.y, clean.w)
    row = jnp.array([[0.5, 0.5, 0.5, 0.1, 0.9, 0.2, 0.0, 0.0]])
    own = Sample(clean.X[:1], clean.y[:1], jnp.ones(1))
    hard = harden(threat(clean), Sample(row, jnp.array([0.1]), jnp.ones(1)), own)
    np.testing.assert_array_equal(hard.X[0, 3:6], [0, 0, 1])


def test_where_no_level_is_up_the_first_that_clean_rows_show_is_taken():
    clean = sample()
    clean = Sample(clean.X.at[:, 3].set(0.0).at[:, 4].set(1 - clean.X[:, 5]), clean.y, clean.w)
    row = jnp.array([[0.5, 0.5, 0.5, 0.9, 0.0, 0.0, 0.0, 0.0]])  # the first is never shown
    own = Sample(clean.X[:1], clean.y[:1], jnp.ones(1))
    hard = harden(threat(clean), Sample(row, jnp.array([0.1]), jnp.ones(1)), own)
    np.testing.assert_array_equal(hard.X[0, 3:6], [0, 1, 0])


def test_a_category_with_one_level_keeps_it():
    clean = sample()
    clean = Sample(clean.X.at[:, 3:6].set(jnp.array([1.0, 0, 0])), clean.y, clean.w)
    row = jnp.array([[0.5, 0.5, 0.5, 0.1, 0.9, 0.2, 0.0, 0.0]])
    own = Sample(clean.X[:1], clean.y[:1], jnp.ones(1))
    hard = harden(threat(clean), Sample(row, jnp.array([0.1]), jnp.ones(1)), own)
    np.testing.assert_array_equal(hard.X[0, 3:6], [1, 0, 0])


def test_around_is_the_bounding_box():
    clean = sample()
    box = ThreatModel.around(clean, (0, 3))
    np.testing.assert_array_equal(box.lower[:-1], clean.X.min(axis=0))
    assert box.capacity == 3


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.0, 2.0))
def test_frozen_columns_and_the_budget_hold(seed, budget):
    rng = np.random.default_rng(seed)
    free = jnp.asarray(rng.uniform(size=9) < 0.6)
    # A group is frozen as a whole: half a category cannot be moved.
    free = free.at[3:6].set(free[3]).at[6:8].set(free[6])
    world = threat(sample(), free=free, budget=jnp.asarray(budget))
    own = clones(15)
    wild = Sample(
        jnp.asarray(rng.normal(size=(15, 8))), jnp.asarray(rng.normal(size=15)), jnp.ones(15)
    )
    before = np.column_stack([own.X, own.y])
    for way in (project, harden):
        moved = way(world, wild, own)
        after = np.column_stack([moved.X, moved.y])
        np.testing.assert_array_equal(after[:, ~free], before[:, ~free])
        assert (np.linalg.norm(after - before, axis=1) <= budget * (1 + 1e-6) + 1e-12).all()
    assert set(np.unique(moved.X[:, 3:])) <= {0.0, 1.0}
    np.testing.assert_array_equal(moved.X[:, 3:6].sum(axis=1), 1)


def test_replaced_rows_are_gone():
    clean = sample()
    world = threat(clean, replaces=True)
    origin = jnp.array([3, 7, 3, 9])
    left = standing(clean, world, origin, 3)
    assert np.flatnonzero(np.asarray(left.w) == 0).tolist() == [3, 7]
    assert standing(clean, threat(clean), origin, 3).w.sum() == 40
    assert world.edges == (0, 4, 8, 12)
