"""Laws of every normalizer."""

import jax.numpy as jnp
import numpy as np
import pytest

from mithridate.attack import objective
from mithridate.attack.objective import Terms

from .worlds import exported, name, reference

NORMALIZERS = exported(objective, objective.AbstractNormalizer)
pytestmark = [
    pytest.mark.usefixtures("x64"),
    pytest.mark.parametrize("normalizer", NORMALIZERS, ids=name),
]


def test_anchors_map_to_0_and_1(normalizer):
    low, high = normalizer.anchors(reference())
    np.testing.assert_allclose(normalizer(low, reference()), Terms(0.0, 0.0), atol=1e-12)
    np.testing.assert_allclose(normalizer(high, reference()), Terms(1.0, 1.0), atol=1e-12)


def test_more_is_more(normalizer):
    some, more = Terms(jnp.array(0.4), jnp.array(2.0)), Terms(jnp.array(0.5), jnp.array(3.0))
    low, high = (normalizer(t, reference()) for t in (some, more))
    assert high.damage > low.damage
    assert high.risk > low.risk


@pytest.mark.parametrize("same", [(0.3, 0.0), (0.0, 0.0)])
def test_coinciding_anchors_are_a_case_not_a_division_by_zero(normalizer, same):
    where = reference(untouched=same, previous=same, extreme=same)
    got = normalizer(Terms(jnp.array(0.3), jnp.array(2.0)), where)
    assert np.isfinite(got).all()
