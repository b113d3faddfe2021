"""What the attacker wants, in numbers that can be checked by hand or by least squares."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mithridate.attack import objective
from mithridate.attack.held import Held
from mithridate.attack.objective import BEYOND, Problem, Raw, Terms
from mithridate.attack.sample import Sample
from mithridate.attack.tolerance import HELD
from mithridate.attack.victims import Ridge

from .conformance.worlds import problem, reference, sample

pytestmark = pytest.mark.usefixtures("x64")


def terms(damage, risk):
    return Terms(jnp.asarray(damage), jnp.asarray(risk))


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("Raw", (0.5, 10.0)),
        ("Incremental", (0.5 / 0.3, 10.0 / 40.0)),
        ("Anchored", (0.2 / 0.6, 10.0 / 40.0)),
        ("Ideal", (1.0 - (4.0 / 7.0) ** 2, 0.25**2)),
    ],
)
def test_each_normalizer_by_hand(name, want):
    """Damage is .2 before any poison, .3 before the batch, .9 after the alpha = 1 attack."""
    got = getattr(objective, name)()(terms(0.5, 10.0), reference())
    np.testing.assert_allclose(got, want, rtol=1e-12)


class Between(objective.AbstractNormalizer):
    """Damage from 1 to 3, and risk from 2 to 6."""

    def anchors(self, reference):
        return terms(1.0, 2.0), terms(3.0, 6.0)


def test_both_terms_are_shares_of_the_way_between_anchors():
    np.testing.assert_allclose(Between()(terms(2.0, 5.0), reference()), (0.5, 0.75), rtol=1e-12)


def test_beyond_all_the_damage_more_is_still_more():
    """Half as much again as the alpha = 1 attack did: 1 and .5 squared, not 1 less it."""
    got = objective.Ideal()(terms(0.2 + 1.5 * 0.7, 0.0), reference())
    np.testing.assert_allclose(got, (1.25, 0.0), atol=1e-12)


def test_where_there_is_no_damage_to_do_only_stealth_counts():
    nothing = reference(untouched=(0.3, 0.0), previous=(0.3, 0.0), extreme=(0.3, 0.0))
    got = objective.Anchored()(terms(0.5, 2.0), nothing)
    np.testing.assert_allclose(got, (0.0, 2.0))
    slope = jax.grad(lambda d: sum(objective.Anchored()(terms(d, 2.0), nothing)))(0.5)
    assert slope == 0.0  # a division by zero would make it NaN


def test_the_gain_weighs_damage_against_risk_up_to_a_limit():
    asked = SimpleNamespace(normalizer=Raw(), alpha=jnp.asarray(0.25), limit=None)

    def gain(limit=None):
        asked.limit = limit
        return float(Problem.gain(asked, terms(0.5, 10.0), reference()))

    assert gain() == 0.25 * 0.5 - 0.75 * 10.0
    assert gain(10.0) == gain()
    assert gain(9.999) == -1e10  # whatever the damage
    assert gain(9.999) < gain(10.0) - 1e9


def ridge(X, y, l2=1e-3):
    """Slopes and constant of the ridge fit, whose penalty grows with the rows."""
    center, mean = X.mean(axis=0), y.mean()
    gram = (X - center).T @ (X - center) + l2 * len(y) * np.eye(X.shape[1])
    slopes = np.linalg.solve(gram, (X - center).T @ (y - mean))
    return lambda Z: mean + (Z - center) @ slopes


def test_damage_and_risk_of_each_batch_are_those_of_least_squares():
    world = problem()
    every = (sample(), sample(seed=1), sample(17, seed=2))
    (X, y), (V, v), (P, p) = ((np.asarray(s.X), np.asarray(s.y)) for s in every)
    assert world.alpha == 1.0 and world.extreme.risk.tolist() == [1.0, 1.0, 1.0]
    assert world.threat.edges == (0, 4, 10, 17)
    got = jax.jit(Problem.ends)(world, every[2], jnp.arange(17))
    model = ridge(X, y)
    for k, edge in enumerate((4, 10, 17)):
        both = ridge(np.concatenate([X, P[:edge]]), np.concatenate([y, p[:edge]]))
        np.testing.assert_allclose(got.damage[k], np.mean((v - both(V)) ** 2), rtol=1e-9)
        risk = np.mean((p[:edge] - model(P[:edge])) ** 2) / np.mean((y - model(X)) ** 2)
        np.testing.assert_allclose(got.risk[k], risk, rtol=1e-9)
    before = jax.jit(Problem.untouched)(world)
    np.testing.assert_allclose(before.damage, np.mean((v - model(V)) ** 2), rtol=1e-9)
    assert before.risk == 0.0
    other = world.at(jnp.asarray(0.3), terms(np.full(3, 2.0), np.full(3, 3.0)))
    assert other.alpha == 0.3 and other.extreme.damage.tolist() == [2.0] * 3
    assert other.reference().alpha == 1.0 and isinstance(other.reference().normalizer, Raw)
    assert other.within(jnp.asarray(4.0)).limit == 4.0 and other.limit is None


def test_others_that_are_moved_too_far_cost_more_than_any_damage():
    others, poison = sample(20, seed=3), sample(4, seed=2)
    ways = poison, Sample(poison.X, poison.y + 3, poison.w)
    free, held = problem(), problem(others=others)
    weighed = jax.jit(
        lambda world, rows: world.reference().weighed(
            world.victim.digest(world.clean), rows, rows, reference()
        )
    )
    X, y, P, Z, z = map(np.asarray, (free.clean.X, free.clean.y, poison.X, others.X, others.y))
    clean = ridge(X, y)
    for poison in ways:
        both = ridge(np.concatenate([X, P]), np.concatenate([y, np.asarray(poison.y)]))
        growth = np.mean((both(Z) - clean(Z)) ** 2) / np.mean((z - clean(Z)) ** 2)
        assert (growth > HELD) == (poison is ways[1])
        (gain, terms), (less, same) = weighed(free, poison), weighed(held, poison)
        np.testing.assert_allclose(less, float(gain) - BEYOND * max(growth - HELD, 0), rtol=1e-9)
        np.testing.assert_allclose(same, terms)


def test_another_model_is_held_to_the_same_predictions():
    clean, others, key = sample(), sample(20, seed=3), jax.random.key(0)

    @jax.jit
    def grown():
        held = Held.of(others, clean, Ridge(0.1), key).through(Ridge(1e-3))
        params = Ridge(1e-3).fit(Ridge().digest(clean), clean.absent(), key)
        return held.growth(Ridge(1e-3), params)

    X, y, Z, z = map(np.asarray, (clean.X, clean.y, others.X, others.y))
    first, second = ridge(X, y, 0.1), ridge(X, y)
    want = np.mean((second(Z) - first(Z)) ** 2) / np.mean((z - first(Z)) ** 2)
    np.testing.assert_allclose(grown(), want, rtol=1e-9)
