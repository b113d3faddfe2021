"""The differentiable stand-ins of defenses against the defenses themselves."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mithridate import defenses
from mithridate.attack import victims
from mithridate.attack.attacks import Ascent
from mithridate.attack.objective import Ideal
from mithridate.attack.risks import Residual
from mithridate.attack.sample import Sample
from mithridate.attack.threat import edges
from mithridate.bench.spec import ThreatSpec
from mithridate.bench.sweep import Attacker, sweep
from mithridate.bench.worlds import world
from mithridate.data import load
from mithridate.defenses.unitbox import UnitBox

KEY = jax.random.key(0)
DEFENSES = {name.lower(): getattr(defenses, name) for name in defenses.__all__}
SURROGATES = [victims.Trimmed(), victims.Huberized(), victims.BayesCleaned()]
ROUNDED = [victims.Trimmed(), victims.BayesCleaned()]
each = pytest.mark.parametrize("victim", SURROGATES, ids=lambda v: type(v).__name__)
rounded = pytest.mark.parametrize("victim", ROUNDED, ids=lambda v: type(v).__name__)
x64 = pytest.mark.usefixtures("x64")


def sample(X, y):
    return Sample(jnp.asarray(X), jnp.asarray(y), jnp.ones(len(y)))


def poisoned(data, ratio, seed=0):
    """A split, and clones of its training rows with the target at the other end."""
    split = data.split(seed, 300)
    X, y = split.train.X, split.train.y
    p = edges(len(y), [ratio])[1]
    origin = np.random.default_rng(seed).choice(len(y), p, replace=False)
    low, high = split.lower[-1], split.upper[-1]
    far = np.where(y[origin] < (low + high) / 2, high, low)
    return split, sample(X, y), sample(X[origin], far)


@pytest.fixture(params=["diabetes", "boston"])
def table(request):
    if request.param == "diabetes":
        return load("diabetes")
    return load(str(request.getfixturevalue("shared") / "data" / "boston.csv"), "medv")


@x64
@pytest.mark.parametrize("ratio", [0.1, 0.3])
@each
def test_it_predicts_what_the_defense_predicts(victim, ratio, table):
    split, clean, poison = poisoned(table, ratio)
    # A surrogate takes features as they come; a defense, in units of its own.
    box = UnitBox.of(np.asarray((clean + poison).X))
    clean, poison = (
        Sample(jnp.asarray(box.scaled(np.asarray(s.X))), s.y, s.w) for s in (clean, poison)
    )
    both, test = clean + poison, box.scaled(np.asarray(split.test.X))
    defense = DEFENSES[victim.surrogate_of]()
    if "contamination" in defense.get_params():
        defense.set_params(contamination=len(poison.y) / len(both.y))
    defense.fit(np.asarray(both.X), np.asarray(both.y))
    params = jax.jit(victim.fit)(victim.digest(clean), poison, KEY)
    # The optimizer of the Huber defense stops at a gradient of 1e-5.
    atol = 5e-4 if victim.surrogate_of == "huber" else 1e-8
    got = victim.predict(params, jnp.asarray(test))
    np.testing.assert_allclose(got, defense.predict(test), atol=atol)


@x64
def test_huberized_is_the_better_minimum(table):
    _, clean, poison = poisoned(table, 0.2)
    both = clean + poison
    X, y = np.asarray(both.X), np.asarray(both.y)
    victim = victims.Huberized(l2=0.0)
    coef, intercept = jax.jit(victim.fit)(clean, poison, KEY)
    model = defenses.Huber(alpha=0.0, max_iter=10_000).fit(X, y).estimator_

    def loss(coef, intercept):
        # σ is where Σ min(z², ε²) = n, at the minimum and, for this comparison, everywhere.
        square, variance = (y - X @ coef - intercept) ** 2, np.var(y)
        for _ in range(200):
            variance = np.minimum(square, 1.35**2 * variance).mean()
        z = np.sqrt(square / variance)
        huber = np.where(z <= 1.35, z**2, 2 * 1.35 * z - 1.35**2)
        return np.sqrt(variance) * (1 + huber).sum()

    ours = loss(np.asarray(coef), float(intercept))
    assert ours <= loss(model.coef_, model.intercept_) * (1 + 1e-12)


@x64
@rounded
def test_the_gradient_is_that_of_the_soft_form(victim):
    _, clean, poison = poisoned(load("diabetes"), 0.2)

    def pull(victim, y):
        coef, intercept = victim.fit(victim.digest(clean), Sample(poison.X, y, poison.w), KEY)
        return jnp.sum(coef) + intercept

    soft = dataclasses.replace(victim, soft=True)
    both = jax.jit(jax.value_and_grad(pull, argnums=1))
    (hard, got), (gentle, want) = both(victim, poison.y), both(soft, poison.y)
    assert hard != gentle
    np.testing.assert_allclose(got, want, rtol=1e-9)


@x64
def test_rows_that_trim_drops_have_a_gradient():
    _, clean, poison = poisoned(load("diabetes"), 0.1)
    victim = victims.Trimmed()

    def pull(y):
        coef, _ = victim.fit(victim.digest(clean), Sample(poison.X, y, poison.w), KEY)
        return coef @ coef

    params = jax.jit(victim.fit)(victim.digest(clean), poison, KEY)
    both = clean + poison
    error = np.abs(both.y - victim.predict(params, both.X))
    dropped = error[len(clean.y) :] > np.sort(error)[len(clean.y) - 1]
    assert dropped.mean() > 0.5
    assert (np.abs(jax.jit(jax.grad(pull))(poison.y))[dropped] > 0).mean() > 0.5


@x64
@each
def test_gradients_are_finite_where_tables_are_degenerate(victim):
    x = jnp.arange(12.0) / 12
    X = jnp.stack([x, jnp.ones(12), x], axis=1)  # a constant column, and one twice
    rows = {
        "on a line": Sample(X, 2 * x + 1, jnp.ones(12)),
        "constant": Sample(X, jnp.ones(12), jnp.ones(12)),
        "ties": Sample(X, jnp.where(jnp.arange(12) % 2 == 0, 1.0, 0.0), jnp.ones(12)),
    }
    absent = Sample(jnp.zeros((3, 3)), jnp.zeros(3), jnp.zeros(3))

    @jax.jit
    @jax.grad
    def gradient(moving, clean):
        return victim.loss(victim.fit(clean, moving, KEY), clean)

    for name, clean in rows.items():
        moving = Sample(clean.X[:3], clean.y[:3], jnp.ones(3)) + absent
        for leaf in jax.tree.leaves(gradient(moving, clean)):
            assert np.isfinite(leaf).all(), name


@x64
def test_trimmed_knows_poison_that_stays_from_clean_rows():
    _, clean, poison = poisoned(load("diabetes"), 0.2)
    victim, nothing = victims.Trimmed(), poison.weighing(0 * poison.w)
    fit, ridge = jax.jit(victim.fit), victims.Ridge()
    told = fit(victim.digest_poisoned(clean, poison), nothing, KEY)
    untold = fit(victim.digest(clean + poison), nothing, KEY)
    np.testing.assert_allclose(
        untold[0], ridge.fit(ridge.digest(clean + poison), nothing, KEY)[0], atol=1e-9
    )
    np.testing.assert_allclose(told[0], fit(clean, poison, KEY)[0], atol=1e-12)
    assert np.abs(told[0] - untold[0]).max() > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("ratio", [0.1, 0.2])
@each
def test_an_attack_made_for_a_defense_does_it_more_harm(victim, ratio):
    data, seeds = load("diabetes"), range(5)
    splits = [data.split(seed, 300) for seed in seeds]
    worlds = [world(split, data.target, ThreatSpec()) for split in splits]
    cut = edges(len(splits[0].train.y), [ratio])

    def harm(surrogate):
        attacker = Attacker(Ascent(), surrogate, Residual(), Ideal())
        poison = sweep(attacker, worlds, seeds, [1.0], cut)
        errors = []
        for i, split in enumerate(splits):
            defense = DEFENSES[victim.surrogate_of]()
            if "contamination" in defense.get_params():
                defense.set_params(contamination=cut[1] / (cut[1] + len(split.train.y)))
            X = np.concatenate([split.train.X, poison.X[0, i]])
            y = np.concatenate([split.train.y, poison.y[0, i]])
            error = split.test.y - defense.fit(X, y).predict(split.test.X)
            errors.append(np.mean(error**2))
        return np.mean(errors)

    assert harm(victim) > harm(victims.Ridge())
