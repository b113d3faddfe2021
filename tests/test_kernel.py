"""Kernel ridge regression: what it fits, its gradient, and its random features."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge
from sklearn.preprocessing import StandardScaler

from mithridate.attack.sample import Sample
from mithridate.attack.victims import Fourier, Kernel
from mithridate.bench import Spec
from mithridate.bench.judges import judge
from mithridate.errors import InputError

pytestmark = pytest.mark.usefixtures("x64")
KEY = jax.random.key(0)


def rows(n, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(size=(n, 3))
    return Sample(jnp.asarray(X), jnp.asarray(np.sin(5 * X[:, 0]) + X[:, 1]), jnp.ones(n))


def test_it_is_kernel_ridge_on_standardized_features():
    clean, judged = rows(40), rows(20, seed=1)
    victim = Kernel(l2=1e-3)
    nothing = clean.weighing(jnp.zeros(40))
    found = victim.predict(victim.fit(victim.digest(clean), nothing, KEY), judged.X)
    scaler = StandardScaler().fit(clean.X)
    Z = scaler.transform(clean.X)
    square = ((Z[:, None] - Z[None]) ** 2).sum(axis=2)[~np.eye(40, dtype=bool)]
    level = np.mean(clean.y)
    # The lower median of an even number of pairs.
    model = KernelRidge(alpha=0.04, kernel="rbf", gamma=1 / np.sort(square)[len(square) // 2 - 1])
    want = level + model.fit(Z, clean.y - level).predict(scaler.transform(judged.X))
    np.testing.assert_allclose(found, want, rtol=1e-8)


@pytest.mark.parametrize("kernel", ["rbf", "laplace"])
def test_the_gradient_is_that_of_the_plain_system_beside_clones(kernel):
    # Half of the moving rows lie on clean ones, where the distance is 0, and one is absent.
    clean, other = rows(12), rows(3, seed=2)
    moving = Sample(clean.X[:3], 1 - clean.y[:3], jnp.array([1.0, 2.0, 1.0])) + other
    moving = moving.weighing(moving.w.at[-1].set(0.0))
    victim, judged = Kernel(kernel, l2=1e-3), rows(8, seed=3)
    fixed = victim.digest(clean)

    def damage(X, y, w):
        return victim.loss(victim.fit(fixed, Sample(X, y, w), KEY), victim.digest(judged))

    def plain(X, y, w):
        scaler, level = fixed.scaler, fixed.scaler.level
        Z = jnp.concatenate([fixed.Z, scaler(X)])
        weight, target = jnp.concatenate([clean.w, w]), jnp.concatenate([clean.y, y]) - level
        system = weight[:, None] * victim.between(Z, Z) + fixed.penalty * jnp.eye(len(target))
        dual = jnp.linalg.solve(system, weight * target)
        found = level + victim.between(scaler(judged.X), Z) @ dual
        return jnp.mean((found - judged.y) ** 2)

    given = moving.X, moving.y, moving.w
    (value, found), (right, want) = (
        jax.jit(jax.value_and_grad(f, argnums=(0, 1, 2)))(*given) for f in (damage, plain)
    )
    np.testing.assert_allclose(value, right, rtol=1e-9)
    for one, other_ in zip(found, want, strict=True):
        np.testing.assert_allclose(one, other_, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("kernel", ["rbf", "laplace"])
def test_random_features_approach_the_kernel(kernel):
    clean, judged = rows(60), rows(30, seed=1)
    nothing = clean.weighing(jnp.zeros(60))

    @eqx.filter_jit  # one program: operation by operation, making it takes seconds
    def predicted(victim):
        return victim.predict(victim.fit(victim.digest(clean), nothing, KEY), judged.X)

    want = predicted(Kernel(kernel, l2=1e-3))
    found = predicted(Fourier(kernel, l2=1e-3, features=2000))
    # The free intercept of the features is a difference that does not vanish.
    assert jnp.std(found - want) < 0.08 * jnp.std(want)


def test_laplace_goes_along_the_axes():
    victim = Kernel("laplace", width=0.5)
    A, B = jnp.asarray(rows(4).X), jnp.asarray(rows(5, seed=1).X)
    want = np.exp(-np.abs(np.asarray(A)[:, None] - np.asarray(B)[None]).sum(axis=2))
    np.testing.assert_allclose(victim.between(A, B), want, rtol=1e-12)


def test_the_judge_of_a_kernel_victim_is_kernel_ridge():
    clean, judged = rows(40), rows(20, seed=1)
    name, model = judge(Spec.of({"victim": {"use": "kernel", "kernel": "laplace"}}))
    assert name == "kernel"
    victim = Kernel("laplace")
    nothing = clean.weighing(jnp.zeros(40))
    found = victim.predict(victim.fit(victim.digest(clean), nothing, KEY), judged.X)
    fitted = model.fit(np.asarray(clean.X), np.asarray(clean.y))
    np.testing.assert_allclose(fitted.predict(np.asarray(judged.X)), found, atol=1e-3)


def test_what_is_no_kernel_is_refused():
    with pytest.raises(InputError, match="no kernel 'cosine'"):
        Kernel("cosine")
    with pytest.raises(InputError, match="above 0"):
        Fourier(width=0.0)
