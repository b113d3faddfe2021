"""Training by gradient steps: converges to what it should, at any width, in little memory."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mithridate.attack.sample import Sample
from mithridate.attack.victims import MLP, Linear, Ridge

from .conformance.worlds import sample

pytestmark = pytest.mark.usefixtures("x64")
KEY = jax.random.key(0)


@eqx.filter_jit
def slope(victim, poison):
    """Hypergradient of the validation loss in the poison."""
    fixed, judged = victim.digest(sample()), victim.digest(sample(30, seed=3))

    def damage(X, y):
        return victim.loss(victim.fit(fixed, Sample(X, y, poison.w), KEY), judged)

    return jax.grad(damage, argnums=(0, 1))(poison.X, poison.y)


@eqx.filter_jit
def fitted(victim, clean, moving):
    return victim.fit(clean, moving, KEY)


def cosine(a, b):
    a, b = (jnp.concatenate([leaf.ravel() for leaf in jax.tree.leaves(t)]) for t in (a, b))
    return float(a @ b / jnp.linalg.norm(a) / jnp.linalg.norm(b))


def test_linear_approaches_ridges_hypergradient():
    poison, l2 = sample(9, seed=2), 0.01
    want = slope(Ridge(l2), poison)
    cosines = [cosine(slope(Linear(steps=t, l2=l2), poison), want) for t in (10, 100, 2000)]
    assert cosines == sorted(cosines)
    got = slope(Linear(steps=2000, l2=l2), poison)
    for g, w in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-4, atol=1e-8)


def test_truncation_keeps_the_parameters_and_approaches_the_gradient():
    poison = sample(9, seed=2)
    full = slope(MLP(steps=80, truncate=None), poison)
    cosines = [cosine(slope(MLP(steps=80, truncate=k), poison), full) for k in (5, 40, 80)]
    assert cosines == sorted(cosines)
    assert cosines[-1] == pytest.approx(1)
    a, b = (fitted(MLP(steps=80, truncate=k), sample(), poison) for k in (None, 5))
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-10), a, b)


@pytest.mark.parametrize("rate", [0.3, 30.0, 3e4])
@pytest.mark.parametrize("victim", [Linear, MLP])
def test_training_never_gives_nan(victim, rate):
    poison = sample(9, seed=2)
    far = Sample(1e3 * poison.X, 1e3 * poison.y, poison.w)
    got = slope(victim(rate=rate, steps=60), far)
    params = fitted(victim(rate=rate, steps=60), sample(), far)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(params))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(got)) or rate > 1


@pytest.mark.parametrize("d", [1, 100])
def test_one_rate_suits_any_width(d):
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(200, d))
    y = X @ rng.normal(size=d) / np.sqrt(d)
    rows = Sample(jnp.asarray(X), jnp.asarray(y), jnp.ones(200))
    for victim in (Linear(), MLP()):
        params = fitted(victim, rows, rows)
        assert victim.loss(params, rows) < 0.35 * np.var(y)


def test_a_random_share_of_rows_trains_too():
    whole, part = (fitted(MLP(share=s), sample(), sample(9, 2)) for s in (1.0, 0.5))
    judged = sample(30, seed=3)
    loss = [float(MLP().loss(params, judged)) for params in (whole, part)]
    assert loss[1] < 2 * loss[0]
    assert loss[0] != loss[1]


def test_relu_differs_from_tanh_and_nonsense_is_refused():
    a, b = (fitted(MLP(activation=name), sample(), sample(9, 2)) for name in ("relu", "tanh"))
    assert not np.allclose(a[0][0], b[0][0])
    with pytest.raises(ValueError, match="tanh"):
        MLP(activation="softly")


def test_memory_does_not_grow_with_activations():
    rng = np.random.default_rng(0)
    X, y = rng.uniform(size=(500, 13)), rng.uniform(size=500)
    rows = Sample(jnp.asarray(X), jnp.asarray(y), jnp.ones(500))
    judged = rows

    def needed(steps):
        victim = MLP(widths=(16, 16), steps=steps, truncate=None)

        def damage(X):
            moving = Sample(X, rows.y[:20], rows.w[:20])
            return victim.loss(victim.fit(rows, moving, KEY), judged)

        compiled = jax.jit(jax.grad(damage)).lower(rows.X[:20]).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    activations = 500 * 32 * 8
    assert needed(1000) - needed(100) < 0.25 * 900 * activations
