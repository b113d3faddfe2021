"""Laws of every attack."""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mithridate.attack import attacks
from mithridate.attack.objective import Ideal, Raw

from .worlds import exported, name, problem

# An attack that keeps its rows possible in more than one way is tested in each.
ATTACKS = exported(attacks, attacks.AbstractAttack)
ATTACKS += [attacks.Ascent(feasible="after"), attacks.Ascent(feasible="never")]
# The laws hold for any number of steps. A long ascent amplifies the rounding in which the programs
# for one world and for many differ.
ATTACKS = [replace(one, steps=5) if hasattr(one, "steps") else one for one in ATTACKS]


def label(attack):
    """Class name and, where it is not the default, how rows are kept possible."""
    feasible = getattr(attack, "feasible", "through")
    return name(attack) if feasible == "through" else f"{name(attack)}-{feasible}"


pytestmark = pytest.mark.usefixtures("x64")
every_attack = pytest.mark.parametrize("attack", ATTACKS, ids=label)
# What is never feasible runs the program of a threat without groups (see `test_ascent`), and the
# laws that take another compilation of it say nothing new.
every_program = pytest.mark.parametrize("attack", ATTACKS[:-1], ids=label)
every_class = pytest.mark.parametrize("attack", ATTACKS[:-2], ids=label)
KEY = jax.random.key(3)


def number(value):
    """A number typed as those of `problem` are, so that its compiled program serves again."""
    return jnp.asarray(value, jnp.float64)


@eqx.filter_jit
def run(attack, world, key=KEY):
    return attack(world, key)


@eqx.filter_jit
def all_of(attack, worlds, keys):
    return jax.lax.map(lambda one: attack(*one), (worlds, keys))


# A program each, where operation by operation would be dozens of them.
@eqx.filter_jit
def ends(world, poison, origin):
    return world.ends(poison, origin)


@eqx.filter_jit
def untouched(world):
    return world.untouched()


@every_attack
def test_rows_stay_in_the_box_and_could_be_real(attack):
    world = problem()
    poison, _ = run(attack, world)
    threat = world.threat
    z = np.concatenate([poison.X, poison.y[:, None]], axis=1)
    assert (z >= np.asarray(threat.lower) - 1e-12).all()
    assert (z <= np.asarray(threat.upper) + 1e-12).all()
    if attack.relaxed:
        # Some row lies between the levels of a group: it is not possible, as the attack says.
        assert ((z[:, 3:6] > 0.01) & (z[:, 3:6] < 0.99)).any()
        return
    assert set(np.unique(z[:, 3:8])) <= {0.0, 1.0}
    np.testing.assert_array_equal(z[:, 3:6].sum(axis=1), 1)
    assert (z[:, 6:8].sum(axis=1) <= 1).all()
    lattice = (z[:, 2] - threat.lower[2]) / 0.25
    np.testing.assert_allclose(lattice, np.round(lattice), atol=1e-9)


@every_attack
def test_it_writes_its_slots_and_no_more(attack):
    world = problem()
    poison, trace = run(attack, world)
    assert poison.y.shape == (world.threat.capacity,)
    np.testing.assert_array_equal(poison.w, 1)
    assert trace.ends.damage.shape == (len(world.threat.edges) - 1,)
    assert np.isfinite(trace.ends.damage).all()
    assert np.isfinite(trace.ends.risk).all()


@every_attack
def test_it_is_deterministic_in_its_key(attack):
    one, _ = run(attack, problem())
    two, _ = run(attack, problem())
    np.testing.assert_array_equal(one.X, two.X)
    np.testing.assert_array_equal(one.y, two.y)


@every_program
def test_a_small_budget_is_a_prefix_of_a_large_one(attack):
    if not getattr(attack, "greedy", True):
        pytest.skip("moves all slots together, so each ratio is a run of its own")
    large, _ = run(attack, problem(ratios=(0.1, 0.2, 0.3)))
    small, _ = run(attack, problem(ratios=(0.1, 0.2)))
    p = small.y.shape[0]
    np.testing.assert_allclose(large.X[:p], small.X, atol=1e-6)
    np.testing.assert_allclose(large.y[:p], small.y, atol=1e-6)


@every_class
def test_batched_is_one_by_one(attack):
    worlds = [problem(), problem()]
    worlds[1] = worlds[1].at(number(0.3), worlds[1].extreme)
    stacked, keys = jax.tree.map(lambda *leaves: jnp.stack(leaves), *[(w, KEY) for w in worlds])
    together, _ = all_of(attack, stacked, keys)
    for i in range(2):
        alone, _ = run(attack, worlds[i])
        np.testing.assert_allclose(together.X[i], alone.X, atol=1e-6)


@every_attack
def test_ends_are_what_the_prefixes_do(attack):
    world = problem()
    poison, trace = run(attack, world)
    want = ends(world, poison, trace.origin)
    np.testing.assert_allclose(trace.ends.damage, want.damage, rtol=1e-7)
    np.testing.assert_allclose(trace.ends.risk, want.risk, rtol=1e-7)


@every_attack
def test_it_does_damage_at_alpha_1(attack):
    world = problem()
    _, trace = run(attack, world)
    assert trace.ends.damage[-1] > untouched(world).damage


@every_attack
def test_frozen_columns_and_the_budget_hold(attack):
    free = jnp.ones(9, bool).at[jnp.array([0, 3, 4, 5])].set(False)
    world = problem(free=free, budget=number(0.8))
    poison, trace = run(attack, world)
    start = world.clean.X[trace.origin], world.clean.y[trace.origin]
    np.testing.assert_array_equal(
        poison.X[:, np.array([0, 3, 4, 5])], start[0][:, np.array([0, 3, 4, 5])]
    )
    moved = np.column_stack([poison.X - start[0], poison.y - start[1]])
    assert (np.linalg.norm(moved, axis=1) <= 0.8 * (1 + 1e-6)).all()


@every_program
def test_rows_may_replace_clean_ones(attack):
    world = problem(replaces=True)
    poison, trace = run(attack, world)
    assert poison.y.shape == (12,)
    assert np.isfinite(trace.ends.damage).all()
    want = ends(world, poison, trace.origin)
    np.testing.assert_allclose(trace.ends.damage, want.damage, rtol=1e-7)
    if attack.greedy:
        assert len(set(np.asarray(trace.origin).tolist())) == 12


@pytest.mark.slow
@pytest.mark.parametrize("attack", [one for one in ATTACKS[:-2] if one.steered], ids=label)
def test_at_alpha_1_a_normalizer_changes_nothing(attack):
    """So the run that others refer to stands for that alpha."""
    plain = problem(normalizer=Raw(), ratios=(0.1, 0.2))
    run = eqx.filter_jit(attack)
    poison, trace = run(plain, KEY)
    ideal = problem(normalizer=Ideal(), ratios=(0.1, 0.2)).at(number(1), trace.ends)
    scaled, _ = run(ideal, KEY)
    np.testing.assert_allclose(scaled.X, poison.X, atol=1e-9)
    np.testing.assert_allclose(scaled.y, poison.y, atol=1e-9)
