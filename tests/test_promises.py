"""A class of someone else's that does not return what it must is blamed by name."""

import jax.numpy as jnp
import numpy as np
import pytest

from mithridate import data
from mithridate.attack.attacks import AbstractAttack
from mithridate.attack.sample import Sample
from mithridate.bench import Spec
from mithridate.bench.poisoning import batches, poison_of
from mithridate.bench.worlds import world
from mithridate.defenses import BaseDefense
from mithridate.errors import InputError


class NaNs(AbstractAttack):
    def _write(self, problem, start, origin, key):
        return Sample(start.X, start.y.at[1].set(jnp.nan), start.w), None


class Short(AbstractAttack):
    def _write(self, problem, start, origin, key):
        return Sample(start.X[:-1], start.y[:-1], start.w[:-1]), None


class Mask(BaseDefense):
    def _find_inliers(self, X, y, sample_weight):
        return np.ones(3, bool)


@pytest.mark.parametrize(
    ("attack", "said"),
    [
        (NaNs, r"NaNs\._write must return finite numbers; of the 7 poison rows .*, 1 hold others"),
        (Short, r"Short\._write .* targets of shape \(7,\); it returned .* and \(6,\)"),
    ],
)
def test_an_attack(attack, said):
    spec = Spec.of({"attacks": [f"{__name__}:{attack.__name__}"], "ratios": [0.1]})
    split = data.load("diabetes").split(0, 60)
    cut = batches(spec, 60)
    with pytest.raises(InputError, match=said):
        poison_of(spec.attacks[0], spec, [world(split, "y", spec.threat)], [0], cut, None)


def test_a_defense():
    X = np.arange(40.0).reshape(20, 2)
    with pytest.raises(InputError, match=r"Mask\._find_inliers .* 20 rows; it .* shape \(3,\)"):
        Mask().fit(X, X[:, 0])
