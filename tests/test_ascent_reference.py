"""The ascent from the very rows that the reference attack starts from, beside what that reaches."""

import equinox as eqx
import jax.numpy as jnp
import pytest

from mithridate.attacks import Ascent
from mithridate.sample import Sample

from .house import COUNTS, KEY, read

pytestmark = pytest.mark.usefixtures("x64")

MOST = COUNTS[-1]


class From(Ascent):
    """The ascent from given rows."""

    rows: Sample = eqx.field(kw_only=True)

    def _start(self, problem, key):
        return self.rows, jnp.zeros(self.rows.y.shape, int)


@pytest.fixture
def house(shared):
    return read(shared, "bflip")


@pytest.fixture
def poison(house):
    return eqx.filter_jit(From(rows=house.start(MOST)))(house.at(MOST), KEY)[0]


def test_an_exact_gradient_does_many_times_the_damage_of_the_reference(house, poison):
    def damage(poison):
        return house.at(MOST).ends(poison, jnp.zeros(MOST, int)).damage[-1]

    assert damage(poison) > 5 * damage(house.end(MOST))
    # The test rows are not what it aims at; there it must still do clearly more.
    assert house.mse(poison, MOST) > 2 * house.mse(house.end(MOST), MOST)
