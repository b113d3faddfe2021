"""Rows that change one after another: exact updates, feasible rows, and nothing left to gain."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mithridate import data
from mithridate.bench.spec import ThreatSpec
from mithridate.bench.worlds import world, writable
from mithridate.bounds import Setting
from mithridate.bounds.moves import Moves, Pull, Rest
from mithridate.bounds.sweeps import Copies, Sweeps

from .tables import error_with, frame, tiny


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_a_row_taken_out_and_put_back_leaves_the_fit_as_it_was(seed):
    setting, _ = tiny(seed, d=3)
    rng, fit = np.random.default_rng(seed), setting.fit(2)
    row, other = (np.concatenate([rng.random(3), [1.0], rng.normal(size=1)]) for _ in range(2))

    def pulled(*rows):
        z = np.array(rows)
        Z, y = z[:, :-1], z[:, -1]
        return Pull.of(setting, fit.A + Z.T @ Z, fit.b + Z.T @ y)

    with_row = pulled(row)
    for made, want in (
        (Rest.of(with_row, row).joined(row), with_row),
        (Rest.of(with_row, row).joined(other), pulled(other)),
    ):
        for one, two in zip(made, want, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-6, atol=1e-9 * np.abs(two).max())


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_no_sweep_lowers_the_error_and_the_last_leaves_no_corner_to_gain_by(seed):
    setting, rows = tiny(seed)
    rng, fit = np.random.default_rng(seed), setting.fit(3)
    sweeps = Sweeps(setting, fit, Moves(rows))
    share = rng.random((3, 3))
    z = rows.lower + share * (rows.upper - rows.lower)
    places = np.insert(z, 2, 1.0, axis=1)
    errors = [sweeps.error(places)]
    for _ in range(6):
        places = sweeps.once(places)
        errors.append(sweeps.error(places))
    assert all(b >= a * (1 - 1e-9) for a, b in itertools.pairwise(errors))
    made = np.delete(places, 2, axis=1)
    assert errors[-1] == pytest.approx(error_with(setting, made[:, :-1], made[:, -1]), rel=1e-8)
    for i in range(3):
        for j in range(2):
            for end in (rows.lower[j], rows.upper[j]):
                for y in (rows.lower[-1], rows.upper[-1]):
                    tried = made.copy()
                    tried[i, j], tried[i, -1] = end, y
                    assert error_with(setting, tried[:, :-1], tried[:, -1]) <= errors[-1] * (
                        1 + 1e-6
                    )


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_what_copies_add_is_followed_while_rows_change(seed):
    setting, rows = tiny(seed, d=3)
    rng, sweeps = np.random.default_rng(seed), Sweeps(setting, setting.fit(4), Moves(rows))
    places = np.insert(rng.random((4, 4)), 3, 1.0, axis=1)
    pull = sweeps.pull(places)
    copies = Copies.of(places, pull)
    for i in range(4):
        rest = Rest.of(pull, places[i])
        gains = [rest.gain(one, 1) for one in places]
        best = copies.best(rest, places[i])
        assert (gains[i] if best is None else rest.gain(best, 1)) == pytest.approx(max(gains))
        places[i, [0, 1, 2, 4]] = rng.random(4)
        pull = rest.joined(places[i])
        copies.follow(i, rest, pull)
    for one, two in zip(copies.squares, Copies.of(places, pull).squares, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-6)


def levels(seed):
    """A table with levels, sweeps of 20 poison rows in it, and rows to begin with."""
    encoded = data.load(frame(), "t")
    split = encoded.split(seed)
    rows = writable(world(split, "t", ThreatSpec()))
    setting = Setting(split.train.X, split.train.y, split.test.X, split.test.y, l2=1e-3)
    return Sweeps(setting, setting.fit(20), Moves(rows)), np.insert(
        rows.origins[:20], -1, 1.0, axis=1
    )


def test_copies_find_more_where_rows_hold_levels(monkeypatch):
    def errors():
        return np.array([sweeps.error(sweeps.improved(start)) for sweeps, start in made])

    made = [levels(seed) for seed in range(8)]
    with_copies = errors()
    monkeypatch.setattr(Sweeps, "copied", False)
    assert np.log(with_copies / errors()).mean() > 0
