"""The bootstrap, against what can be counted by hand."""

import itertools

import numpy as np
import pytest

from mithridate.report.frame import Frame
from mithridate.report.intervals import Estimate, draws, estimate, means

from .studies import cell, poisoned, table


def ends(found: Estimate) -> tuple[np.ndarray, np.ndarray]:
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


def width(found: Estimate) -> float:
    low, high = ends(found)
    return float(high - low)


def mean(x):
    return x["y"].mean(axis=1)


def test_three_seeds_by_hand():
    # Of the 27 ways to draw 1, 2, 3 with replacement one (3.7 %) has mean 1 and one has mean 3.
    found = estimate({"y": np.array([[1.0, 2.0, 3.0]])}, [3], mean)
    assert (found.point, found.low, found.high) == (2.0, 1.0, 3.0)


def test_agrees_with_every_draw_there_is():
    values = np.array([0.1, 0.4, 0.45, 0.9, 1.7])
    every = np.sort([np.mean(drawn) for drawn in itertools.product(values, repeat=5)])
    low, high = np.quantile(every, [0.025, 0.975])
    found = estimate({"y": values[None]}, [5], mean, resamples=20_000)
    assert found.low == pytest.approx(low, abs=0.02)
    assert found.high == pytest.approx(high, abs=0.02)


def test_tables_are_drawn_apart():
    # Two equal tables drawn together would vary as one; apart, their mean varies less.
    values = np.array([0.0, 1.0, 2.0, 3.0])
    one = estimate({"y": values[None]}, [4], mean)
    two = estimate({"y": np.stack([values, values])}, [4, 4], mean)
    assert width(two) < 0.85 * width(one)


def test_what_is_compared_is_drawn_together():
    values = np.array([[1.0, 5.0, 9.0, 2.0]])
    found = estimate({"y": values, "z": values + 1}, [4], lambda x: (x["z"] - x["y"]).mean(axis=1))
    assert (found.low, found.high) == pytest.approx((1.0, 1.0))


@pytest.mark.parametrize("seeds", [1, 2])
def test_few_seeds_have_no_interval(seeds):
    found = estimate({"y": np.arange(seeds, dtype=float)[None]}, [seeds], mean)
    assert found.low is None
    assert found.high is None


def test_a_seed_that_is_not_there_is_not_drawn():
    values = np.array([[1.0, 2.0, 3.0, np.nan], [1.0, 1.0, 1.0, 1.0]])
    found = estimate({"y": values}, [3, 4], lambda x: x["y"])
    assert [end.tolist() for end in ends(found)] == [[1.0, 1.0], [3.0, 1.0]]


def test_a_failed_seed_leaves_the_mean_of_the_others():
    assert means(np.array([2.0, np.nan, 4.0]), np.array([[1, 1, 1]])).tolist() == [3.0]


def test_infinite_figures_are_ranked():
    found = estimate(
        {"y": np.array([[1.0, 2.0, 3.0]])},
        [3],
        lambda x: np.where(x["y"][:, 0] > 1.5, np.inf, x["y"][:, 0]),
    )
    assert (found.low, found.high) == (1.0, np.inf)


def test_same_draws_every_time():
    assert (draws(7) == draws(7)).all()
    assert draws(7).shape == (2000, 7)


def test_cube_has_each_cell_at_its_place():
    rows = poisoned(seeds=3, growth=lambda t, a, r, s: {"a": 2, "b": 3}[t] + a + r + s)
    cube = Frame(table(rows)).where(defense="none").cube(["nmse_poisoned"], "alpha", "ratio")
    assert cube.along["alpha"] == [1.0, 0.6, 0.3, 0.1]
    assert cube.along["ratio"] == [0.1, 0.2, 0.3, 0.4]
    assert cube.seeds == [3, 3]
    found = cube.estimate(lambda x: x["nmse_poisoned"])
    assert found.point[1, 2, 3] == pytest.approx(0.2 * (3 + 0.3 + 0.4 + 1))
    assert ends(found)[0][1, 2, 3] == pytest.approx(0.2 * (3 + 0.3 + 0.4))


def test_cells_that_are_there_twice_are_counted_and_averaged():
    keys = {"dataset": "a", "victim": "ridge", "attack": "flip", "ratio": 0.1, "seed": 0}
    twice = [cell("none", 0.0, g, **keys, part=part) for part, g in (("x", 2.0), ("y", 4.0))]
    frame = Frame(table(twice))
    assert frame.repeated == 1
    assert frame.cube(["nmse_poisoned"], "ratio").values["nmse_poisoned"] == pytest.approx(0.6)
