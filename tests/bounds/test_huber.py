"""Huber regression: intervals that no poison leaves, and what is proved of its error."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mithridate
from mithridate.bounds import (
    Ball,
    HuberFits,
    HuberWitness,
    Setting,
    Writable,
    farthest,
    huber,
    moved,
)

from .tables import fit_with, tiny

SEEDS = st.integers(0, 10_000)
DELTAS = st.sampled_from([0.05, 0.2, 0.7, 5.0])


def poison(rows: Writable, k: int, rng) -> np.ndarray:
    """Rows at ends of the box, and some inside."""
    share = rng.random((k, len(rows.lower)))
    share = np.where(rng.random(share.shape) < 0.3, share, np.round(share))
    return rows.lower + share * (rows.upper - rows.lower)


def test_the_loss_is_a_square_up_to_delta_and_a_line_beyond():
    np.testing.assert_allclose(huber(np.array([0.0, 0.5, -1.0, 3.0]), 1.0), [0, 0.125, 0.5, 2.5])


@settings(max_examples=10, deadline=None)
@given(SEEDS, DELTAS)
def test_a_fit_stands_still_at_the_least_loss(seed, delta):
    setting, rows = tiny(seed)
    z = poison(rows, 3, np.random.default_rng(seed))
    theta = HuberFits(setting, rows, 3, delta).fit(z[:, :-1], z[:, -1])
    Z = np.vstack([setting.Z, np.insert(z[:, :-1], 2, 1.0, axis=1)])
    away = np.append(setting.v, z[:, -1]) - Z @ theta
    slope = setting.penalty(3) * theta - Z.T @ np.clip(away, -delta, delta)
    assert np.abs(slope).max() < 1e-3 * delta
    if delta == 5.0:  # no residual is so large: that is ridge
        np.testing.assert_allclose(theta, fit_with(setting, z[:, :-1], z[:, -1]), atol=1e-5)


@settings(max_examples=5, deadline=None)
@given(SEEDS, st.integers(0, 5), DELTAS)
def test_predictions_and_coefficients_stay_in_their_intervals(seed, k, delta):
    setting, rows = tiny(seed)
    fits, directions = HuberFits(setting, rows, k, delta), np.vstack([setting.M[:2], np.eye(3)])
    ends, rng = fits.moved(directions), np.random.default_rng(seed)
    for _ in range(15):
        z = poison(rows, k, rng)
        at = directions @ fits.fit(z[:, :-1], z[:, -1])
        assert (at >= ends[:, 0] - 1e-5).all()
        assert (at <= ends[:, 1] + 1e-5).all()


@settings(max_examples=4, deadline=None)
@given(SEEDS, DELTAS)
def test_no_pair_of_rows_on_a_grid_leaves_an_interval(seed, delta):
    setting, rows = tiny(seed, d=1)
    fits = HuberFits(setting, rows, 2, delta)
    ends = fits.moved(setting.M[:1])[0]
    sides = [np.linspace(a, b, 4) for a, b in zip(rows.lower, rows.upper, strict=True)]
    grid = np.array(list(itertools.product(*sides)))
    said = []
    for pair in itertools.combinations_with_replacement(grid, 2):
        z = np.array(pair)
        said.append(setting.M[0] @ fits.fit(z[:, :-1], z[:, -1]))
    assert ends[0] - 1e-5 <= min(said)
    assert max(said) <= ends[1] + 1e-5


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.integers(1, 5), DELTAS, st.floats(-3, 3))
def test_any_witness_proves_something_true(seed, k, delta, far):
    # The theorem holds for all planes and multipliers, found or invented.
    setting, rows = tiny(seed)
    rng, fits = np.random.default_rng(seed), HuberFits(setting, rows, k, delta)
    z = poison(rows, k, rng)
    theta = fits.fit(z[:, :-1], z[:, -1])
    for a in (setting.M[0], np.array([1.0, 0, 0])):
        made = HuberWitness(rng.normal(size=3), float(10.0**far), rng.normal(size=3))
        assert a @ theta <= fits.proven(a, made) + 1e-5


def test_one_poison_row_beside_two_clean_ones_is_bounded_as_by_hand():
    # Targets 0 and 0, one of poison in [-1, 1], no feature, δ = 1/4. With poison at 1 the fit obeys
    # 2 η = 1/4. By the theorem at q = 0, 2 h(η) <= h_½(1) = 3/8: h(η) = η/4 - 1/32, so η = 7/8, and
    # the fit is at most 7/16. Another q is worse: for q = ∓p, η grows by 2p² + p.
    X, y = np.zeros((2, 1)), np.zeros(2)
    setting = Setting(X, y, X, y, l2=1.0)
    rows = Writable.box(X, y)._replace(lower=np.array([0.0, -1.0]), upper=np.array([0.0, 1.0]))
    fits, level = HuberFits(setting, rows, 1, 0.25), np.array([0.0, 1.0])
    assert fits.fit(np.zeros((1, 1)), np.ones(1))[1] == pytest.approx(1 / 8, abs=1e-4)
    assert 7 / 16 <= fits.highest(level) <= 7 / 16 + 1e-3
    by_hand = fits.proven(level, HuberWitness(np.zeros(2), 2.0, np.array([0.0, 7 / 8])))
    assert by_hand == pytest.approx(7 / 16, abs=1e-12)


def test_where_no_residual_is_large_the_intervals_are_those_of_ridge():
    setting, rows = tiny(11, n=20, d=3)
    ball = Ball.of(setting, 3)
    assert ball is not None
    ridge, ours = moved(ball, rows, setting.M), HuberFits(setting, rows, 3, 50.0).moved(setting.M)
    width = np.ptp(ridge, axis=1)
    np.testing.assert_allclose(np.ptp(ours, axis=1), width, rtol=0.01)
    narrow = HuberFits(setting, rows, 3, 0.1).moved(setting.M)
    assert (np.ptp(narrow, axis=1) > width).all()


def test_far_targets_move_huber_less():
    setting, rows = tiny(11, n=20, d=3)
    reach = 50 * rows.unit
    wide = rows._replace(
        lower=np.append(rows.lower[:-1], -reach), upper=np.append(rows.upper[:-1], reach)
    )
    ball = Ball.of(setting, 2)
    assert ball is not None
    ridge = moved(ball, wide, setting.M[:1])
    assert np.ptp(HuberFits(setting, wide, 2, 0.1).moved(setting.M[:1])) < 0.7 * np.ptp(ridge)


def test_a_weighted_row_is_a_repeated_row():
    setting, rows = tiny(3)
    weight = np.array([1.0, 2, 3, 1, 1, 2, 1, 1])
    each = np.repeat(np.arange(8), weight.astype(int))
    X, y, judged = setting.Z[:, :-1], setting.v, setting.M[:, :-1]
    heavy = Setting(X, y, judged, setting.u, l2=0.01, weight=weight)
    long = Setting(X[each], y[each], judged, setting.u, l2=0.01)
    ends = [HuberFits(s, rows, 2, 0.2).moved(setting.M[:2]) for s in (heavy, long)]
    np.testing.assert_allclose(*ends, rtol=1e-6, atol=1e-8)


def test_an_end_can_be_recomputed_with_more_digits():
    setting, rows = tiny(5, n=12, d=3, m=9)
    fits, a = HuberFits(setting, rows, 2, 0.2), setting.M[0]
    witness = fits.searched(a)
    long = np.longdouble
    Z, v, P = (x.astype(long) for x in (setting.Z, setting.v, setting.penalty(2)))
    q, mu = witness.q.astype(long), long(witness.mu)
    s = np.clip(v - Z @ witness.eta.astype(long), -long(0.2), long(0.2))
    inner = np.abs(s) < 0.2
    s[inner] -= (s.sum() + a[-1] / mu) / inner.sum()  # what the intercept asks for
    assert (np.abs(s) <= 0.2).all()
    level = huber(v - Z @ q, 0.6).sum() + P @ q**2 / 2 + 2 * huber(np.array(farthest(rows, q)), 0.4)
    slope = a.astype(long) + mu * Z.T @ s
    exact = a @ q + mu * (level - s @ v + s @ s / 2) + (slope[:-1] ** 2 / (2 * mu * P[:-1])).sum()
    told = fits.proven(a, witness)
    assert float(exact / 2) - 1e-12 <= told <= float(exact / 2) * (1 + 1e-6)


def test_broken_witnesses_prove_nothing():
    setting, rows = tiny(1)
    fits, q = HuberFits(setting, rows, 1, 0.2), np.zeros(3)
    for one in (HuberWitness(q, 0.0, q), HuberWitness(q * np.nan, 1.0, q), HuberWitness(q, -1, q)):
        assert fits.proven(setting.M[0], one) == np.inf


@pytest.fixture(scope="module")
def found():
    return mithridate.bound(ratios=[0.05], rows=60, delta=60.0, judged="validation")


def test_both_ends_of_huber_regression_are_told_and_can_be_checked(found):
    (limit,) = found.limits
    assert 1 <= limit.at_least <= limit.at_most < np.inf
    assert found.check(limit) == limit.nmse_upper
    assert limit.sentence.startswith("With 5 % poison (3 rows) the error grows at least ")
    assert found.delta * found.split.scale[-1] == pytest.approx(60.0)
    with pytest.raises(mithridate.InputError, match="of ridge alone"):
        found.safe_rows(2.0)


def test_its_intervals_are_in_units_of_the_table(found):
    fits = HuberFits(found.setting, found.writable, 3, found.delta)
    theta = fits.fit(found.limits[0].poison.X, found.limits[0].poison.y)
    by = found.split.scale[-1] / found.split.scale[:-1]
    ends, at = found.coefficients(3), theta[:-1] * by
    assert (ends[:, 0] < at).all()
    assert (at < ends[:, 1]).all()


@pytest.mark.parametrize(
    "given, words",
    [
        ({"delta": 0.0}, "not a positive number"),
        ({"delta": 1.0, "threat": {"placed": "replaced"}}, "for added rows alone"),
    ],
)
def test_what_has_no_theorem_is_refused(given, words):
    with pytest.raises(mithridate.InputError, match=words):
        mithridate.bound(**given)
