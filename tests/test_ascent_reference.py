"""The ascent from the very rows that the reference attack starts from, beside what that reaches."""

import equinox as eqx
import jax.numpy as jnp
import pytest

from mithridate.attack.attacks import Ascent
from mithridate.attack.sample import Sample

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


def test_a_short_climb_with_free_categories_exceeds_the_known_exact_ascent(shared):
    """An independent ascent along the exact gradient is known to have reached .627 on test rows."""
    house = read(shared, "bflip", feasible=False)
    climb = From(rows=house.start(MOST), starts=("clones",), steps=10, rate=0.01)
    short = eqx.filter_jit(climb)(house.at(MOST), KEY)[0]
    assert house.mse(short, MOST) > 0.627
