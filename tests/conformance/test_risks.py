"""Laws of every risk."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from mithridate.attack import risks
from mithridate.attack.sample import Sample
from mithridate.attack.victims import Ridge

from .worlds import exported, name, sample

RISKS = exported(risks, risks.AbstractRisk)
pytestmark = [pytest.mark.usefixtures("x64"), pytest.mark.parametrize("risk", RISKS, ids=name)]
KEY = jax.random.key(0)


@eqx.filter_jit
def compiled(risk, clean, poison, l2):
    return risk(risk.digest(clean, Ridge(l2), KEY), poison)


def of(risk, clean, poison, l2=1e-3):
    """The risk, by one program for each pair of shapes, whatever the penalty is."""
    return compiled(risk, clean, poison, jnp.asarray(l2))


def test_clean_rows_look_like_average_clean_rows(risk):
    np.testing.assert_allclose(of(risk, sample(), sample()), 1.0, rtol=0.15)


def test_absent_rows_change_nothing(risk):
    clean, poison = sample(), sample(9, seed=2)
    absent = Sample(jnp.full((5, 8), 9.0), jnp.full(5, -9.0), jnp.zeros(5))
    got = of(risk, clean + absent, poison + absent)
    np.testing.assert_allclose(got, of(risk, clean, poison), rtol=1e-9)


def test_no_poison_is_no_risk(risk):
    assert of(risk, sample(), sample(9).weighing(jnp.zeros(9))) == 0


def test_weight_k_is_the_row_k_times(risk):
    clean, poison = sample(), sample(9, seed=2)
    weight = np.array([0, 1, 2, 3, 4, 5, 6, 7, 12])
    heavy = poison.weighing(jnp.asarray(weight, poison.w.dtype))
    rows = np.repeat(np.arange(9), weight)  # as many as `sample()` has, and so of its program
    often = Sample(poison.X[rows], poison.y[rows], jnp.ones(len(rows)))
    np.testing.assert_allclose(of(risk, clean, heavy), of(risk, clean, often), rtol=1e-9)


def test_it_has_no_unit(risk):
    clean, poison = sample(), sample(9, seed=2)
    # A penalty is not free of units; without one the change of units cannot matter.
    free = 1e-12

    def scaled(s):
        return Sample(s.X, 1000 * s.y + 7, s.w)

    want = of(risk, clean, poison, free)
    got = of(risk, scaled(clean), scaled(poison), free)
    np.testing.assert_allclose(got, want, rtol=1e-5)


def test_gradient_is_finite_differences(risk):
    facts, poison = risk.digest(sample(), Ridge(), KEY), sample(9, seed=2)

    def visible(X, y):
        return risk(facts, Sample(jnp.asarray(X), jnp.asarray(y), poison.w))

    check_grads(jax.jit(visible), (poison.X, poison.y), order=1, modes=["rev"], rtol=1e-5)


def test_gross_outliers_are_visible(risk):
    far = sample(9, seed=2)
    far = Sample(far.X, far.y + 5, far.w)
    assert of(risk, sample(), far) > 5
