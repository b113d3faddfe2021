"""The ascent in two stages: through a kernel machine, and from its rows through the victim."""

import jax
import pytest

from mithridate.attack.attacks import Staged
from mithridate.attack.objective import Raw
from mithridate.errors import InputError

from .conformance.worlds import problem

pytestmark = pytest.mark.usefixtures("x64")


@pytest.mark.slow
def test_each_stage_does_more_than_the_one_before():
    world = problem(normalizer=Raw(), ratios=(0.2,))
    _, trace = jax.jit(Staged(steps=4, last=6))(world, jax.random.key(0))
    handed_on = trace.path.terms.damage[0, 0]
    assert trace.untouched.damage < handed_on < trace.ends.damage[0]


def test_a_wrong_way_to_be_feasible_is_refused():
    with pytest.raises(InputError, match="'soon' is not one of"):
        Staged(feasible="soon")
