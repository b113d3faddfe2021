"""What the search descends: smoothed values from above, with right derivatives."""

import numpy as np
import pytest

from mithridate.bench import Spec
from mithridate.bench.worlds import world, writable
from mithridate.bounds import Setting, Witness, certified, farthest, search
from mithridate.bounds.distance import LargestResidual
from mithridate.bounds.dual import Smoothed, Whitened, multiplier
from mithridate.bounds.newton import Derivatives, minimized
from mithridate.data import load

from .tables import frame

THREATS = [{}, {"frozen": ["c", "a"]}, {"writes": "target"}, {"budget": 0.4}, {"relaxed": True}]


@pytest.fixture(scope="module")
def table():
    return load(frame(60), "t")


def attacked(table, threat):
    split = table.split(0, 30)
    rows = writable(world(split, table.target, Spec.of({"threat": threat}).threat))
    part = split.validation
    return Setting(split.train.X, split.train.y, part.X, part.y, l2=1e-2), rows


def slopes(function, x, by=1e-6):
    """Central differences, one row a coordinate."""
    steps = by * np.eye(len(x))
    return np.array([(function(x + h) - function(x - h)) / (2 * by) for h in steps])


@pytest.mark.parametrize("threat", THREATS)
def test_the_smoothed_distance_is_above_and_has_these_derivatives(table, threat):
    setting, rows = attacked(table, threat)
    distance, rng = LargestResidual(rows), np.random.default_rng(0)
    for heat in (1.0, 0.2):
        q = setting.fit(3).theta + 0.3 * rng.normal(size=setting.Z.shape[1])
        here = distance.smooth(q, heat)
        assert here.value == pytest.approx(distance.largest(q, heat), rel=1e-12)
        assert farthest(rows, q) <= here.value
        np.testing.assert_allclose(
            slopes(lambda x, h=heat: distance.largest(x, h), q), here.slope, atol=1e-5
        )
        bend = slopes(lambda x, h=heat: distance.smooth(x, h).slope, q)
        np.testing.assert_allclose(bend, here.bend, atol=2e-4 * np.abs(here.bend).max())
        assert np.linalg.eigvalsh(here.bend)[0] >= -1e-9 * np.abs(here.bend).max()


def test_the_smoothed_dual_has_these_derivatives_with_intervals_too(table):
    setting, rows = attacked(table, {})
    white = Whitened.of(setting, setting.fit(3))
    problem = Smoothed(white, rows, [len(white.curves) - 1, 0], [(-0.5, 1.0), (-1.0, 2.0)])
    top = white.curves.max()
    x = np.concatenate([np.linspace(-1, 1, len(white.pull)), [1.5 * top], [0.3 * top, 0.2 * top]])
    here = problem.local(x, 0.3)
    first = slopes(lambda at: problem.value(at, 0.3), x)
    np.testing.assert_allclose(first, here.slope, rtol=1e-4, atol=1e-4)
    second = slopes(lambda at: problem.local(at, 0.3).slope, x)
    np.testing.assert_allclose(second, here.bend, rtol=1e-3, atol=1e-3 * np.abs(second).max())
    x[-1] = -0.1
    assert problem.value(x, 0.3) == np.inf


def test_the_multiplier_is_the_best_of_a_plane(table):
    setting, _ = attacked(table, {})
    fit = setting.fit(3)
    white, rng = Whitened.of(setting, fit), np.random.default_rng(0)
    q = fit.theta + 0.3 * rng.normal(size=len(fit.theta))
    away, best = white.T.T @ (fit.A @ (q - fit.theta)), multiplier(white, q, 5.0)
    values = [white.value(mu * away, mu, 5.0) for mu in (0.99 * best, best, 1.01 * best)]
    assert best > white.curves.max() and values[1] == min(values)


def test_without_poison_the_bound_is_the_error_itself(table):
    setting, rows = attacked(table, {})
    witness = search(setting, rows, setting.fit(0))
    told = certified(setting, rows, 0, witness)
    assert told == pytest.approx(setting.fit(0).error, rel=1e-9)


def test_a_search_may_start_from_a_multiplier_that_proves_nothing(table):
    setting, rows = attacked(table, {})
    fit = setting.fit(3)
    white = Whitened.of(setting, fit)
    problem = Smoothed(white, rows)
    found = problem.minimum(Witness(fit.theta, 1e-6 * white.curves.max()))[0]
    best = certified(setting, rows, 3, search(setting, rows, fit))
    assert certified(setting, rows, 3, found) == pytest.approx(best, rel=1e-3)


def test_the_path_ends_at_the_minimum_of_a_function_with_a_kink():
    class Kink:
        def value(self, x, heat):
            size = np.sqrt(x**2 + heat**2).sum()
            return float(size + 2 * ((x - np.array([0.25, 3.0])) ** 2).sum())

        def local(self, x, heat):
            root = np.sqrt(x**2 + heat**2)
            slope = x / root + 4 * (x - np.array([0.25, 3.0]))
            return Derivatives(self.value(x, heat), slope, np.diag(heat**2 / root**3 + 4))

    found = minimized(Kink(), np.array([5.0, -5.0]), [1.0, 0.1, 1e-2, 1e-4, 1e-6], 1.0)
    np.testing.assert_allclose(found, [0.0, 2.75], atol=1e-4)
