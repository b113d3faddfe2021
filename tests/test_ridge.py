"""The exact ridge victim against scikit-learn and against plain autodiff."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.linear_model import Ridge as SklearnRidge

from mithridate.attack.sample import Sample
from mithridate.attack.victims import Ridge
from mithridate.moments import Moments

pytestmark = pytest.mark.usefixtures("x64")
KEY = jax.random.key(0)


def rows(n, d, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(size=(n, d))
    return Sample(
        jnp.asarray(X), jnp.asarray(X @ rng.normal(size=d)), jnp.asarray(rng.uniform(size=n))
    )


def plain(clean, poison, judged, l2):
    """Validation MSE through a solve on all rows, differentiated by JAX alone."""
    both = clean + poison
    coef, intercept = Moments.of(both.X, both.y, both.w).ridge(l2)
    error = judged.w * (judged.X @ coef + intercept - judged.y) ** 2
    return jnp.sum(error) / jnp.sum(judged.w)


@pytest.mark.parametrize("d", [1, 60])
@pytest.mark.parametrize("l2", [1e-6, 1e-3, 1.0])
def test_hypergradient_is_plain_autodiff(d, l2):
    clean, poison, judged = rows(50, d), rows(20, d, 1), rows(30, d, 2)
    victim = Ridge(l2)
    fixed, at = victim.digest(clean), victim.digest(judged)

    def exact(poison, l2):
        return victim.loss(Ridge(l2).fit(fixed, poison, KEY), at)

    def plainly(poison, l2):
        return plain(clean, poison, judged, l2)

    # One program each: operation by operation, making them takes seconds.
    value, (got, dl2) = jax.jit(jax.value_and_grad(exact, argnums=(0, 1)))(poison, l2)
    want_value, (want, want_dl2) = jax.jit(jax.value_and_grad(plainly, argnums=(0, 1)))(poison, l2)
    np.testing.assert_allclose(value, want_value, rtol=1e-9)
    for g, w in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-6, atol=1e-12 * np.abs(w).max())
    np.testing.assert_allclose(dl2, want_dl2, rtol=1e-6)


def test_fit_is_scikit_learn():
    clean, poison = rows(50, 6), rows(20, 6, 1)
    both = clean + poison
    total = float(both.w.sum())
    want = SklearnRidge(alpha=0.01 * total).fit(both.X, both.y, sample_weight=both.w)
    coef, intercept = Ridge(0.01).fit(Ridge().digest(clean), poison, KEY)
    np.testing.assert_allclose(coef, want.coef_, rtol=1e-8)
    np.testing.assert_allclose(intercept, want.intercept_, rtol=1e-8)
