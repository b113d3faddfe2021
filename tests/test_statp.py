"""The statistical attack: what it draws and what it answers."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.linear_model import Ridge as SklearnRidge

from mithridate.attack.attacks import StatP

from .conformance.worlds import problem

pytestmark = pytest.mark.usefixtures("x64")
KEY = jax.random.key(3)
attack = eqx.filter_jit(StatP())


def test_targets_are_the_far_end_of_the_clean_prediction():
    world = problem(n=200)
    poison, _ = attack(world, KEY)
    n, clean = len(world.clean.y), world.clean
    model = SklearnRidge(alpha=n * world.victim.l2).fit(clean.X, clean.y)
    low, high = world.threat.lower[-1], world.threat.upper[-1]
    want = np.where(model.predict(poison.X) <= (low + high) / 2, high, low)
    np.testing.assert_array_equal(poison.y, want)
    np.testing.assert_array_equal(np.unique(want), [low, high])


def test_numbers_go_to_corners_as_often_as_the_normal_law_says():
    world = problem(n=2000)
    X = np.asarray(attack(world, KEY)[0].X)
    clean, low, high = (np.asarray(a) for a in (world.clean.X, *_box(world)))
    middle = (low + high) / 2
    for j in range(3):
        assert set(np.unique(X[:, j])) == {low[j], high[j]}
        sd = np.sqrt(clean[:, j].var() + 0.01 * (high - low)[j] ** 2)
        far = (middle[j] - clean[:, j].mean()) / sd
        share = 0.5 * (1 - jax.scipy.special.erf(far / np.sqrt(2)))
        assert abs((X[:, j] == high[j]).mean() - share) < 4 * np.sqrt(0.25 / len(X))


def test_levels_are_drawn_without_favor():
    # Rounded to 0 and 1 before the largest is taken, most rows would go to one end of the group.
    X = np.asarray(attack(problem(n=2000), KEY)[0].X)
    assert (X[:, 3:6].mean(axis=0) > 0.2).all()


def test_frozen_columns_stay_and_the_answer_is_to_the_row_as_it_is():
    free = jnp.array([True, True, True, False, False, False, True, True, True])
    world = problem(free=free)
    poison, trace = attack(world, KEY)
    np.testing.assert_array_equal(poison.X[:, 3:6], world.clean.X[trace.origin, 3:6])


def test_constant_columns_are_no_obstacle():
    world = problem()
    flat = world.clean.X.at[:, 0].set(0.25)
    threat = eqx.tree_at(
        lambda t: (t.lower, t.upper),
        world.threat,
        (world.threat.lower.at[0].set(0.25), world.threat.upper.at[0].set(0.25)),
    )
    world = eqx.tree_at(lambda w: (w.clean.X, w.threat), world, (flat, threat))
    poison, _ = attack(world, KEY)
    np.testing.assert_array_equal(poison.X[:, 0], 0.25)
    assert np.isfinite(poison.X).all()


def _box(world):
    return world.threat.lower[:-1], world.threat.upper[:-1]
