"""The attack on a region: where the rows with the farthest expected targets lie side by side."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.neighbors import KNeighborsRegressor

from mithridate.attack.attacks import Flip, Region
from mithridate.attack.sample import Sample
from mithridate.attack.victims import Kernel
from mithridate.errors import InputError

from .conformance.worlds import problem

pytestmark = pytest.mark.usefixtures("x64")
KEY = jax.random.key(0)
MACHINE = Kernel("laplace", l2=3e-3)


def test_expected_targets_are_those_of_a_machine_that_did_not_see_the_row():
    clean = problem(n=20).clean
    fixed = MACHINE.digest(clean)  # scales and penalty are those of all rows
    K = np.asarray(MACHINE.between(fixed.Z, fixed.Z))
    y, penalty = np.asarray(clean.y - fixed.scaler.level), float(fixed.penalty)
    expected = np.asarray(jax.jit(Region()._expected)(clean))
    for row in range(20):
        rest = np.arange(20) != row
        dual = np.linalg.solve(K[np.ix_(rest, rest)] + penalty * np.eye(19), y[rest])
        assert expected[row] == pytest.approx(K[row, rest] @ dual + float(fixed.scaler.level))


def test_alpha_is_the_share_of_the_squared_way():
    world = problem()
    half, _ = jax.jit(Region())(world.at(jnp.asarray(0.25), world.extreme), KEY)
    full, trace = jax.jit(Region())(world, KEY)
    own = world.clean.y[trace.origin]
    np.testing.assert_allclose(half.y - own, 0.5 * (full.y - own), atol=1e-9)


def test_it_does_more_than_flip_where_targets_are_noisy():
    """Noise puts the farthest targets anywhere; the farthest expected ones are at one end."""
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(300, 1))
    y = X[:, 0] + rng.normal(size=300) * 0.6
    clean = Sample(jnp.asarray(X), jnp.asarray(y), jnp.ones(300))
    base = problem(n=20)
    threat = type(base.threat).around(clean, (0, 30))
    parts = Kernel(), threat, base.risk, base.normalizer
    world = type(base).of(clean, clean, *parts, key=KEY)

    def damage(attack):
        rows, _ = jax.jit(attack)(world, KEY)
        both = np.vstack([X, rows.X]), np.append(y, rows.y)
        return np.mean((KNeighborsRegressor(15).fit(*both).predict(X) - X[:, 0]) ** 2)

    assert damage(Region()) > 1.5 * damage(Flip())


def test_own_targets_alone_make_it_flip():
    world = problem()
    rows, trace = jax.jit(Region(own=1.0))(world, KEY)
    flipped, plain = jax.jit(Flip())(world, KEY)
    np.testing.assert_array_equal(trace.origin, plain.origin)
    np.testing.assert_allclose(rows.y, flipped.y, rtol=1e-12)
    with pytest.raises(InputError, match="is no share"):
        Region(own=1.5)
