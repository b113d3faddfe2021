"""The greedy attack: each row the one that does most to a kernel machine."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mithridate.attack.attacks import Greedy
from mithridate.attack.sample import Sample
from mithridate.attack.victims import Kernel

from .conformance.worlds import problem

pytestmark = pytest.mark.usefixtures("x64")
KEY = jax.random.key(0)
MACHINE = Kernel("laplace", l2=3e-3)


def test_no_other_copy_would_have_done_more():
    """Refits the kernel machine for every row at either end, and takes the best, three times."""
    world = problem(ratios=(0.13,), n=20)
    clean, judged = world.clean, MACHINE.digest(world.aimed)
    poison, trace = jax.jit(Greedy())(world, KEY)
    ends = world.threat.lower[-1], world.threat.upper[-1]

    @jax.jit
    def error(rows):
        nothing = rows.weighing(jnp.zeros(3))
        fixed = MACHINE.digest_poisoned(clean, rows)
        return MACHINE.loss(MACHINE.fit(fixed, nothing, KEY), judged)

    for k in range(3):
        there = (jnp.arange(3) < k + 1).astype(float)
        tried = {
            (row, float(end)): float(
                error(Sample(poison.X.at[k].set(clean.X[row]), poison.y.at[k].set(end), there))
            )
            for row in range(20)
            for end in ends
        }
        assert max(tried, key=tried.get) == (int(trace.origin[k]), float(poison.y[k]))


def test_a_row_is_replaced_once():
    world = problem(ratios=(0.5,), n=20, replaces=True)
    _, trace = jax.jit(Greedy())(world, KEY)
    assert len(set(np.asarray(trace.origin).tolist())) == 10
