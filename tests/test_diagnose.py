"""The failure signatures of an attack, each named from a trace that has it and from no other."""

import numpy as np
import pytest

from mithridate.attack.attacks import Path
from mithridate.attack.objective import Terms
from mithridate.bench.diagnose import diagnose
from mithridate.bench.sweep import Poison

ALPHAS = [1.0, 0.3]
SHAPE = (2, 3, 4, 5)  # alphas, seeds, batches, steps


def poison(damage=(2.0, 1.5), risk=(9.0, 3.0), gain=None, gradient=None):
    """A run with a clean damage of 1 that went well, but for what is given."""
    up = np.broadcast_to(np.linspace(0.0, 1.0, SHAPE[-1]), SHAPE)
    ones = np.ones(SHAPE)
    ends = (np.broadcast_to(np.reshape(v, (2, 1, 1)), SHAPE[:3]) for v in (damage, risk))
    path = Path(
        Terms(ones, ones),
        up if gain is None else gain,
        ones if gradient is None else gradient,
        ones * 0,
    )
    nothing = np.zeros((2, 3, 0))
    extreme = Terms(np.ones((3, 4)), np.ones((3, 4)))
    return Poison(
        nothing, nothing, nothing, *ends, np.ones((2, 3)), extreme, path, (0, 1, 2, 3, 4), 0.0, 0.0
    )


def spoilt(values, where):
    array = np.ones(SHAPE)
    array[where] = values
    return array


@pytest.mark.parametrize(
    ("broken", "sign"),
    [
        ({"damage": (1.001, 1.0)}, "anchors coincide"),
        ({"damage": (2.0, 1.001)}, "does not rise at alpha 0.3: there the risk dominates"),
        ({"damage": (2.0, 1.999), "risk": (9.0, 8.99)}, "At alpha 0.3 the damage dominates"),
        ({"gradient": spoilt(np.nan, (0, 1, 2, 3))}, "exploded in 1 of 120 steps"),
        ({"gradient": spoilt(1e9, (1, 0, 0))}, "exploded in 5 of 120 steps"),
        ({"gain": spoilt(np.linspace(0, 1, 5), (0,))}, "50% of the batches made no progress"),
    ],
)
def test_a_sign_is_named(broken, sign):
    found = diagnose(poison(**broken), ALPHAS)
    assert len(found) == 1
    assert sign in found[0]


def test_a_run_that_went_well_has_none():
    assert diagnose(poison(), ALPHAS) == []


def test_an_attack_without_a_path_is_not_judged():
    assert diagnose(poison()._replace(path=None), ALPHAS) == []
