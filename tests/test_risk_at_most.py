"""The most damage with a risk up to a limit."""

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

import mithridate
from mithridate.attack.attacks import Ascent
from mithridate.errors import InputError

from .conformance.worlds import problem

pytestmark = pytest.mark.usefixtures("x64")


def test_a_limit_is_met_and_what_it_costs_falls_as_it_rises():
    world = problem(ratios=(0.1, 0.2), n=60).reference()
    run = eqx.filter_jit(lambda limit: Ascent(steps=60)(world.within(limit), jax.random.key(0)))
    ends = [run(jnp.asarray(limit))[1].ends for limit in (1.5, 3.0, 6.0)]
    for limit, end in zip((1.5, 3.0, 6.0), ends, strict=True):
        assert (end.risk <= limit).all()
        assert end.risk[-1] >= 0.95 * limit
    assert ends[0].damage[-1] < ends[1].damage[-1] < ends[2].damage[-1]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"alpha": 0.5, "risk_at_most": 2.0}, "only one can rule"),
        ({"risk_at_most": 0.0}, "above 0"),
        ({"risk_at_most": 2.0, "attack": "flip", "rows": 60}, "cannot keep to a largest risk"),
    ],
)
def test_what_cannot_be_is_refused(given, said):
    with pytest.raises(InputError, match=said):
        mithridate.poison("diabetes", **given)
