"""Poison that a bound points at: possible rows, below the bound, and nearly as bad as it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mithridate.bench import Spec
from mithridate.bench.worlds import world, writable
from mithridate.bounds import Setting, Writable, prove, reached
from mithridate.bounds.planted import planted
from mithridate.data import load

from .tables import error_with, frame, tiny

THREATS = [
    {}, {"frozen": ["c", "a"]}, {"writes": "target"}, {"writes": "features"}, {"relaxed": True},
    {"box": {"a": [-0.5, 0.25], "b": [1, 3]}}, {"budget": 0.4},
]  # fmt: skip


@pytest.fixture(scope="module")
def table():
    return load(frame(60), "t")


@pytest.mark.parametrize("threat", THREATS)
def test_the_rows_may_be_written_and_stay_below_the_bound(table, threat):
    split = table.split(0, 30)
    rows = writable(world(split, table.target, Spec.of({"threat": threat}).threat))
    part = split.validation
    setting = Setting(split.train.X, split.train.y, part.X, part.y, l2=1e-2)
    made = prove(setting, rows, 7, pieces=2)
    z = planted(rows, made.planes[0], 7, np.random.default_rng(0))
    assert z.shape == (7, setting.Z.shape[1] + 1)
    assert (z[:, -2] == 1).all()
    xy = np.delete(z, -2, axis=1)
    assert error_with(setting, xy[:, :-1], xy[:, -1]) <= made.bound
    assert (xy >= rows.lower - 1e-9)[:, rows.free].all()
    assert (xy <= rows.upper + 1e-9)[:, rows.free].all()
    steps = ((xy - rows.lower) / np.where(rows.step > 0, rows.step, 1.0))[:, rows.step > 0]
    assert np.abs(steps - np.round(steps)).max(initial=0.0) < 1e-6
    for member in rows.member:
        held = xy[:, :-1][:, member]
        assert np.isin(held, (0.0, 1.0)).all()
        assert (held.sum(axis=1) <= 1).all()
    away = np.linalg.norm(xy[:, None] - rows.origins[None], axis=2).min(axis=1)
    assert away.max() <= rows.budget * (1 + 1e-9)
    kept = np.abs((xy[:, None] - rows.origins[None])[..., ~rows.free])
    assert kept.max(axis=2, initial=0.0).min(axis=1).max() < 1e-12


def test_on_numbers_the_two_ends_meet():
    setting, rows = tiny(7, n=40, d=3, m=20)
    for k in (3, 10):
        made = prove(setting, rows, k)
        found = reached(setting, rows, k, planes=made.planes, tries=0)
        assert found.error == pytest.approx(error_with(setting, found.X, found.y), rel=1e-8)
        assert 0.98 * made.bound <= found.error <= made.bound


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000))
def test_more_rows_never_do_less_where_the_penalty_stays(seed):
    # The penalty is N l2 for N rows in all; with l2 = c / N it is the same for every number.
    setting, rows = tiny(seed, n=10)
    X, judged = setting.Z[:, :-1], setting.M[:, :-1]

    def bound(k: int, rows: Writable = rows) -> float:
        same = Setting(X, setting.v, judged, setting.u, l2=setting.l2 * 10 / (10 + k))
        return prove(same, rows, k, pieces=1).bound

    few, more = bound(2), bound(5)
    assert few <= more * (1 + 1e-4)
