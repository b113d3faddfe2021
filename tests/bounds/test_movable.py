"""What few rows cannot do to single numbers of the model of an audit."""

import numpy as np
import pytest

from mithridate.bench import Spec
from mithridate.bench.movable import movable
from mithridate.bench.worlds import world, writable
from mithridate.bounds import Ball, Setting, moved, reached
from mithridate.data import load

from .tables import fit_with, frame


@pytest.fixture(scope="module")
def told():
    """Intervals on a small table, and what they are of."""
    table, spec = load(frame(200), "t"), Spec()
    split = table.split(0, 100)
    rows = writable(world(split, table.target, spec.threat))
    return split, rows, movable(split, rows, 1e-2)


def test_poison_leaves_no_interval_and_moves_no_prediction_that_is_kept(told):
    split, rows, found = told
    setting = Setting(split.train.X, split.train.y, split.test.X, split.test.y, l2=1e-2)
    made = reached(setting, rows, 1)
    theta, said = fit_with(setting, made.X, made.y), setting.M @ setting.fit(1).theta
    moves = np.abs(setting.M[: found["tested"]] @ theta - said[: found["tested"]])
    assert [one["rows"] for one in found["kept"]] == [1, 4]
    assert 0 < found["kept"][0]["kept"] <= np.mean(moves <= found["within"] * np.ptp(split.train.y))
    assert found["kept"][1]["kept"] <= found["kept"][0]["kept"]
    predictions = setting.M @ theta * split.scale[-1] + split.shift[-1]
    targets = split.test.y * split.scale[-1] + split.shift[-1]
    for line in found["predictions"]:
        at = np.abs(targets - line["target"]).argmin()
        assert line["least"] <= predictions[at] <= line["most"]
        assert line["least"] <= line["now"] <= line["most"]
    slopes = theta[:-1] * split.scale[-1] / split.scale[:-1]
    for line in found["coefficients"]:
        at = split.columns.names.index(line["column"])
        assert line["least"] <= slopes[at] <= line["most"]


def test_those_that_move_most_come_first(told):
    widths = [line["most"] - line["least"] for line in told[2]["coefficients"]]
    assert len(widths) == 5
    far = [max(p["most"] - p["now"], p["now"] - p["least"]) for p in told[2]["predictions"]]
    assert far == sorted(far, reverse=True)


def test_a_search_from_the_last_plane_is_nearly_as_good(told):
    split, rows, _ = told
    setting = Setting(split.train.X, split.train.y, split.test.X, split.test.y, l2=1e-2)
    ball = Ball.of(setting, 2)
    assert ball is not None
    exact, quick = (moved(ball, rows, setting.M[:4], quick=quick) for quick in (False, True))
    assert (np.ptp(quick, axis=1) >= np.ptp(exact, axis=1) * (1 - 1e-4)).all()
    assert (np.ptp(quick, axis=1) <= np.ptp(exact, axis=1) * 1.01).all()
