"""Laws of every victim."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from mithridate.attack import victims
from mithridate.attack.sample import Sample

from .worlds import exported, name, sample

VICTIMS = exported(victims, victims.AbstractVictim)
pytestmark = [pytest.mark.usefixtures("x64"), pytest.mark.parametrize("victim", VICTIMS, ids=name)]
KEY = jax.random.key(0)


@eqx.filter_jit
def fitted(victim, fixed, moving):
    return victim.fit(victim.digest(fixed), moving, KEY)


def predict(victim, fixed, moving):
    return victim.predict(fitted(victim, fixed, moving), sample(seed=7).X)


def test_absent_rows_change_nothing(victim):
    clean, poison = sample(), sample(9, seed=2)
    absent = Sample(jnp.full((5, 8), 9.0), jnp.full(5, -9.0), jnp.zeros(5))
    want = predict(victim, clean, poison)
    got = predict(victim, clean + absent, poison + absent)
    np.testing.assert_allclose(got, want, atol=1e-10)


def test_weight_k_is_the_row_k_times(victim):
    clean, poison = sample(), sample(3, seed=2)
    want = predict(victim, clean, poison + poison + poison)
    # Beside absent rows, so that both have the shape of one program.
    heavy = poison.weighing(jnp.full(3, 3.0)) + sample(6).weighing(jnp.zeros(6))
    np.testing.assert_allclose(predict(victim, clean, heavy), want, atol=1e-9)


def test_a_row_counts_the_same_whether_it_stays_or_moves(victim):
    clean, poison = sample(), sample(9, seed=2)
    nothing = poison.weighing(jnp.zeros(9))
    want = predict(victim, clean, poison)
    params = eqx.filter_jit(
        lambda: victim.fit(victim.digest_poisoned(clean, poison), nothing, KEY)
    )()
    np.testing.assert_allclose(victim.predict(params, sample(seed=7).X), want, atol=1e-9)


def test_loss_is_the_mean_squared_error_of_predict(victim):
    clean, poison, judged = sample(), sample(9, seed=2), sample(30, seed=3)
    params = fitted(victim, clean, poison)
    want = jnp.mean((victim.predict(params, judged.X) - judged.y) ** 2)
    np.testing.assert_allclose(victim.loss(params, victim.digest(judged)), want, rtol=1e-9)


def test_hypergradient_is_finite_differences(victim):
    # A victim that goes back through its last steps alone is exact only if these are all.
    given = {"truncate": None, "steps": 100} if hasattr(victim, "truncate") else {}
    # One that rounds what it keeps has the gradient of its soft form.
    given |= {"soft": True} if hasattr(victim, "soft") else {}
    victim = dataclasses.replace(victim, **given)
    # Where no partial sum of the weights is that of the clean rows: TRIM's cut has a kink there.
    clean, poison = (part.weighing(1 + part.X[:, 0]) for part in (sample(), sample(9, seed=2)))
    fixed = victim.digest(clean)
    judged = victim.digest(sample(30, seed=3))

    def damage(X, y, w):
        poison = Sample(jnp.asarray(X), jnp.asarray(y), jnp.asarray(w))
        return victim.loss(victim.fit(fixed, poison, KEY), judged)

    check_grads(jax.jit(damage), (poison.X, poison.y, poison.w), order=1, modes=["rev"], rtol=1e-5)
