"""The ascent's own choices: where a batch begins, and the last climb of all rows together."""

import os
import subprocess
import sys
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mithridate.attack.attacks import Ascent
from mithridate.attack.objective import Incremental, Problem, Raw
from mithridate.attack.risks import Residual
from mithridate.attack.sample import Sample
from mithridate.attack.threat import ThreatModel, edges
from mithridate.attack.victims import AbstractVictim, Ridge
from mithridate.data.load import load
from mithridate.errors import InputError

from .conformance.worlds import problem

pytestmark = pytest.mark.usefixtures("x64")
KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def diabetes():
    with jax.enable_x64(True):
        split = load("diabetes").split(0)
        clean, aimed = (
            Sample(jnp.asarray(part.X), jnp.asarray(part.y), jnp.ones(len(part.y)))
            for part in (split.train, split.validation)
        )
        cuts = edges(len(clean.y), [0.1, 0.2, 0.3])
        threat = ThreatModel.around(clean, cuts, step=jnp.asarray(split.step))
        return Problem.of(clean, aimed, Ridge(), threat, Residual(), Incremental(), key=KEY)


@eqx.filter_jit
def attacked(attack, world):
    return attack(world, KEY)


def run(world, **options):
    return attacked(Ascent(**options), world)


def damages(problem, **options):
    return np.asarray(run(problem, **options)[1].ends.damage)


def test_a_batch_that_may_begin_anywhere_does_more_damage(diabetes):
    assert damages(diabetes)[-1] > 1.02 * damages(diabetes, starts=["clones"])[-1]


@pytest.mark.parametrize("start", ["clones", "top", "bottom"])
def test_one_start_is_where_its_name_says(start):
    world = problem()
    poison, trace = run(world, steps=1, rate=0.0, starts=[start])
    low, high = world.threat.lower[-1], world.threat.upper[-1]
    want = {"clones": world.clean.y[trace.origin], "top": high, "bottom": low}[start]
    np.testing.assert_array_equal(poison.X, world.clean.X[trace.origin])
    np.testing.assert_array_equal(poison.y, np.broadcast_to(want, poison.y.shape))


def test_a_frozen_target_stays_where_it_was():
    world = problem(free=jnp.arange(9) < 8)
    poison, trace = run(world)
    np.testing.assert_array_equal(poison.y, world.clean.y[trace.origin])
    assert np.abs(poison.X - world.clean.X[trace.origin]).max() > 0.05


def test_never_feasible_is_a_threat_without_groups_and_lattices():
    poison, trace = run(problem(), feasible="never")
    free = problem(step=jnp.zeros(9), member=jnp.zeros((0, 8), bool), optional=jnp.zeros(0, bool))
    want, ends = run(free)
    np.testing.assert_allclose(poison.X, want.X, atol=1e-12)
    np.testing.assert_allclose(trace.ends.damage, ends.ends.damage, rtol=1e-12)


def test_feasible_after_hardens_what_a_free_ascent_of_one_batch_reached():
    world = problem(ratios=(0.2,))
    free, trace = run(world, feasible="never")
    start = Sample(world.clean.X[trace.origin], world.clean.y[trace.origin], free.w)
    want = world.threat.harden(free, start)
    poison, _ = run(world, feasible="after")
    np.testing.assert_allclose(poison.X, want.X, atol=1e-12)
    np.testing.assert_allclose(poison.y, want.y, atol=1e-12)
    # The ascent through hardened rows goes another way.
    assert np.abs(run(world)[0].X - want.X).max() > 0.05


def test_feasible_after_lets_a_batch_answer_the_hardened_rows_of_the_last():
    # In the box alone, the second batch would follow the fractional rows of the first.
    whole, _ = run(problem(ratios=(0.1, 0.2)), feasible="after")
    free, trace = run(problem(ratios=(0.1, 0.2)), feasible="never")
    world = problem(ratios=(0.1, 0.2))
    start = Sample(world.clean.X[trace.origin], world.clean.y[trace.origin], free.w)
    late = world.threat.harden(free, start)
    first = world.threat.edges[1]
    np.testing.assert_allclose(whole.X[:first], late.X[:first], atol=1e-12)
    assert np.abs(whole.X[first:] - late.X[first:]).max() > 1e-3


def test_where_all_columns_are_continuous_feasibility_makes_no_difference():
    free = {"step": jnp.zeros(9), "member": jnp.zeros((0, 8), bool), "optional": jnp.zeros(0, bool)}
    through, after = (run(problem(**free), feasible=f)[0] for f in ("through", "after"))
    np.testing.assert_allclose(through.X, after.X, atol=1e-12)


def test_unknown_feasibility_is_refused():
    with pytest.raises(InputError, match="through, after, never"):
        Ascent(feasible="later")


class Mean(AbstractVictim):
    """Predicts the mean moving target, which is its loss; past `WALL` nothing can be computed."""

    def fit(self, fixed, moving, key):
        return jnp.sum(moving.w * moving.y) / jnp.maximum(jnp.sum(moving.w), 1)

    def predict(self, params, X):
        return params + jnp.zeros(X.shape[0])

    def loss(self, params, fixed):
        return jnp.where(params > WALL, jnp.nan, params)


WALL = 0.15


def test_an_exploding_gradient_halves_the_step():
    # The row with target 1 is absent, so that the one slot starts at 0 and climbs towards 1.
    clean = Sample(jnp.zeros((2, 1)), jnp.array([0.0, 1.0]), jnp.array([1.0, 0.0]))
    threat = ThreatModel.around(clean, (0, 1))
    world = Problem.of(clean, clean, Mean(), threat, Residual(), Raw(), key=KEY)
    poison, _ = run(world, steps=4, rate=0.4, starts=["clones"])
    # Steps .4, .4 (1 + cos 45°)/2, .2, .4 (1 - cos 45°)/2: the first leads past the wall, the next
    # round goes back to 0, and the last two are taken by half.
    np.testing.assert_allclose(poison.y, 0.1 + 0.1 * (1 - np.sqrt(0.5)), rtol=1e-12)


def test_polish_gains_what_the_order_of_batches_lost(diabetes):
    assert damages(diabetes, polish=60)[-1] > damages(diabetes)[-1]
    assert Ascent().greedy and not Ascent(polish=60).greedy


@pytest.mark.parametrize("starts", [[], ["middle"], ["top", "clone"]])
def test_unknown_starts_are_refused(starts):
    with pytest.raises(InputError, match="clones, top, bottom"):
        Ascent(starts=starts)


PERSON = """
import jax
jax.config.update("jax_enable_x64", True)
from tests.test_ascent import problem, run
print(*run(problem(ratios=(0.1, 0.2)), starts=["clones"])[1].ends.damage.tolist())
"""


def test_the_optimizations_of_xla_change_digits_alone():
    """The tests compile without them, a person with them."""
    env = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    said = subprocess.run(
        [sys.executable, "-c", PERSON], cwd=Path(__file__).parents[1],
        env=env, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    damage = damages(problem(ratios=(0.1, 0.2)), starts=["clones"])
    np.testing.assert_allclose([float(word) for word in said.split()], damage, rtol=1e-6)
