"""The upper end holds against everything tried, and the lower end comes near."""

import functools
import itertools

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mithridate.auditing.bound import writable
from mithridate.bench import Spec
from mithridate.bench.poisoning import batches, poison_of
from mithridate.bench.worlds import world
from mithridate.bounds import (
    Ball,
    Proof,
    Setting,
    Witness,
    Writable,
    certified,
    farthest,
    moved,
    prove,
    proved,
    reached,
    refined,
    safe_rows,
    search,
)
from mithridate.data import load
from mithridate.errors import InputError

from .tables import error_with, fit_with, frame, tiny

SEEDS = st.integers(0, 10_000)


def bound(setting: Setting, rows: Writable, k: int) -> float:
    made = prove(setting, rows, k)
    assert made.bound == proved(setting, rows, k, made.proof)
    return made.bound


def corners(rows: Writable) -> np.ndarray:
    return np.array(list(itertools.product(*zip(rows.lower, rows.top, strict=True))))


@settings(max_examples=10, deadline=None)
@given(SEEDS)
@example(2308)  # of its two directions one is split; the other must stay whole
def test_no_pair_of_corners_of_the_box_exceeds_it(seed):
    setting, rows = tiny(seed, d=1 + seed % 2)
    limit = bound(setting, rows, 2)
    worst = 0.0
    for pair in itertools.combinations_with_replacement(corners(rows), 2):
        z = np.array(pair)
        worst = max(worst, error_with(setting, z[:, :-1], z[:, -1]))
    assert worst <= limit
    assert reached(setting, rows, 2).error >= setting.fit(0).error * 0.999


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.integers(1, 12))
def test_no_random_poison_exceeds_it(seed, k):
    setting, rows = tiny(seed, d=3)
    limit, rng = bound(setting, rows, k), np.random.default_rng(seed)
    for spread in (0.0, 0.3, 1.0):
        share = rng.random((k, len(rows.lower)))
        share = np.where(rng.random(share.shape) < spread, share, np.round(share))
        z = rows.lower + share * (rows.upper - rows.lower)
        assert error_with(setting, z[:, :-1], z[:, -1]) <= limit


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.integers(1, 6), st.floats(-12, 3))
def test_any_witness_proves_something_true(seed, k, excess):
    # The theorem holds for every q and μ, found or invented: here they are invented.
    setting, rows = tiny(seed)
    rng = np.random.default_rng(seed)
    top = np.linalg.eigvals(np.linalg.solve(setting.fit(k).A, setting.curve)).real.max()
    witness = Witness(rng.normal(size=3), float(top * (1 + 10.0**excess)))
    z = corners(rows)[rng.integers(0, len(corners(rows)), k)]
    assert error_with(setting, z[:, :-1], z[:, -1]) <= certified(setting, rows, k, witness)


@settings(max_examples=8, deadline=None)
@given(SEEDS)
def test_pieces_prove_no_more_than_is_true(seed):
    setting, rows = tiny(seed, n=6, d=2, m=3)
    fit = setting.fit(1)
    proof = refined(setting, rows, fit, search(setting, rows, fit))
    limit = proved(setting, rows, 1, proof)
    sides = [np.linspace(a, b, 5) for a, b in zip(rows.lower, rows.upper, strict=True)]
    worst = max(
        error_with(setting, np.array([z[:-1]]), np.array([z[-1]]))
        for z in itertools.product(*sides)
    )
    assert worst <= limit


def test_pieces_lower_the_bound_where_the_multiplier_sticks():
    lower = 0
    for seed in range(12):
        setting, rows = tiny(seed, n=6, d=2, m=3)
        fit = setting.fit(2)
        witness = search(setting, rows, fit)
        proof = refined(setting, rows, fit, witness)
        plain = certified(setting, rows, 2, witness)
        assert proved(setting, rows, 2, proof) <= plain * (1 + 1e-9)
        lower += proved(setting, rows, 2, proof) < 0.99 * plain
    assert lower == 2


def test_one_poison_row_is_bounded_as_by_hand():
    # Rows 0 and 1 with targets 0 and 0; l2 = 1; poison (0 or 1, y in [-1, 1]); judged at x = 0, 1.
    X, y = np.array([[0.0], [1.0]]), np.zeros(2)
    setting = Setting(X, y, X, y, l2=1.0)
    rows = Writable.box(X, y)._replace(lower=np.array([0.0, -1.0]), upper=np.array([1.0, 1.0]))
    # With (1, 1): slope 1/11, intercept 3/11, by the normal equations 5b + 2c = 1, 2b + 3c = 1.
    corner = ((3 / 11) ** 2 + (4 / 11) ** 2) / 2
    assert error_with(setting, np.array([[1.0]]), np.array([1.0])) == pytest.approx(corner)
    # With (1/2, 1): 17b + 6c = 2, 3b + 6c = 2, so slope 0 and intercept 1/3: worse than a corner.
    by_hand = 1 / 9
    assert error_with(setting, np.array([[0.5]]), np.array([1.0])) == pytest.approx(by_hand)
    assert reached(setting, rows, 1).error == pytest.approx(by_hand)
    assert by_hand <= bound(setting, rows, 1) <= 1.000001 * by_hand


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_more_rows_can_do_more(seed):
    setting, rows = tiny(seed, n=10)
    fits = [bound(setting, rows, k) for k in (0, 1, 3, 6)]
    assert fits[0] == pytest.approx(setting.fit(0).error, rel=1e-5)
    assert all(a <= b * 1.01 for a, b in itertools.pairwise(fits))


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.floats(0.01, 100), st.floats(-5, 5))
def test_units_and_order_do_not_matter(seed, scale, shift):
    setting, rows = tiny(seed, n=10)
    before = bound(setting, rows, 3)
    order = np.random.default_rng(seed).permutation(10)
    X, y = setting.Z[order, :-1], setting.v[order]
    other = Setting(
        X, scale * y + shift, setting.M[:, :-1], scale * setting.u + shift, l2=setting.l2
    )
    after = bound(other, Writable.box(X, scale * y + shift), 3)
    assert after == pytest.approx(scale**2 * before, rel=5e-3)


def test_a_weighted_row_is_a_repeated_row():
    setting, rows = tiny(3, n=8)
    weight = np.array([1.0, 2, 3, 1, 1, 2, 1, 1])
    each = np.repeat(np.arange(8), weight.astype(int))
    X, y, judged = setting.Z[:, :-1], setting.v, setting.M[:, :-1]
    heavy = Setting(X, y, judged, setting.u, l2=0.01, weight=weight)
    long = Setting(X[each], y[each], judged, setting.u, l2=0.01)
    assert bound(heavy, rows, 2) == pytest.approx(bound(long, rows, 2), rel=1e-6)


def test_a_proof_is_of_numbers_alone_and_can_be_recomputed_with_more_digits():
    setting, rows = tiny(5, n=12, d=3, m=9)
    fit = setting.fit(2)
    witness = search(setting, rows, fit)
    long = np.longdouble
    Z, M, v = (a.astype(long) for a in (setting.Z, setting.M, setting.v))
    u, q = setting.u.astype(long), witness.q.astype(long)
    A = Z.T @ Z + np.diag(setting.penalty(2).astype(long))
    H = witness.mu * A - M.T @ M / len(u)
    right = witness.mu * (A @ q + Z.T @ v) - 2 * M.T @ u / len(u)
    theta = np.linalg.solve(2 * H.astype(float), right.astype(float)).astype(long)
    for _ in range(3):  # refined with more digits, since no solver has them
        rest = right - 2 * H @ theta
        theta += np.linalg.solve(2 * H.astype(float), rest.astype(float))
    exact = np.mean((u - M @ theta) ** 2) - witness.mu * ((theta - q) @ (A @ theta - Z.T @ v))
    exact += witness.mu * 2 * long(farthest(rows, witness.q)) ** 2 / 4
    told = certified(setting, rows, 2, witness)
    assert float(exact) <= told <= float(exact) * (1 + 1e-7)


def test_broken_proofs_prove_nothing():
    setting, rows = tiny(1)
    q = np.zeros(3)
    for witness in (Witness(q, 0.0), Witness(q, -1.0), Witness(q, 1e-12), Witness(q * np.nan, 1.0)):
        assert certified(setting, rows, 1, witness) == np.inf


@settings(max_examples=8, deadline=None)
@given(SEEDS, st.integers(0, 5))
def test_predictions_and_coefficients_stay_in_their_intervals(seed, k):
    setting, rows = tiny(seed, d=2)
    ball = Ball.of(setting, k)
    assert ball is not None
    directions = np.vstack([setting.M, np.eye(3)])
    ends = moved(ball, rows, directions)
    rng, places = np.random.default_rng(seed), corners(rows)
    for _ in range(20):
        z = places[rng.integers(0, len(places), k)] if k else places[:0]
        at = directions @ fit_with(setting, z[:, :-1], z[:, -1])
        assert (at >= ends[:, 0] - 1e-12).all()
        assert (at <= ends[:, 1] + 1e-12).all()


def test_an_interval_without_poison_is_the_clean_fit():
    setting, rows = tiny(4)
    ball = Ball.of(setting, 0)
    assert ball is not None
    ends = moved(ball, rows, setting.M)
    said = setting.M @ fit_with(setting, np.empty((0, 2)), np.empty(0))
    np.testing.assert_allclose(ends, np.column_stack([said, said]), atol=1e-6)


def test_so_many_rows_and_fewer_keep_below_a_limit():
    setting, rows = tiny(7, n=40, d=2, m=20)
    limit = 2 * setting.fit(0).error
    k = safe_rows(setting, rows, limit, 40)
    assert k >= 1
    for fewer in range(1, k + 1):
        assert reached(setting, rows, fewer, tries=1).error <= limit
    assert reached(setting, rows, 2 * k + 2).error > limit
    assert safe_rows(setting, rows, 0.5 * setting.fit(0).error, 40) == 0
    assert safe_rows(setting, rows, 1e9 * limit, 40) == 40


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.integers(1, 4), st.integers(6, 12))
def test_one_witness_bounds_all_numbers_of_rows_between_two(seed, few, many):
    # For a fixed witness the bound is convex in the number of rows, through the penalty too.
    setting, rows = tiny(seed, n=12)
    found = search(setting, rows, setting.fit(many))
    witness = found._replace(mu=found.mu * 1.05)
    ends = [certified(setting, rows, k, witness, raises=(0.0,)) for k in (few, many)]
    for k in range(few + 1, many):
        share = (k - few) / (many - few)
        chord = (1 - share) * ends[0] + share * ends[1]
        assert certified(setting, rows, k, witness, raises=(0.0,)) <= chord * (1 + 1e-7)


def test_without_a_penalty_there_is_no_bound():
    X, y = np.eye(3), np.ones(3)
    with pytest.raises(InputError, match="give l2 > 0"):
        Setting(X, y, X, y, l2=0.0)


def test_where_rounding_rules_there_is_no_number():
    rng = np.random.default_rng(0)
    X = rng.random((30, 1)) + 1e-9 * rng.random((30, 3))
    y = rng.random(30)
    setting = Setting(X, y, X, y, l2=1e-18)
    assert bound(setting, Writable.box(X, y), 3) == np.inf


@pytest.fixture(scope="module")
def table():
    return load(frame(130), "t")


THREATS = {
    "any": {},
    "target": {"writes": "target"},
    "features": {"writes": "features"},
    "frozen": {"frozen": ["c", "a"]},
    "box": {"box": {"a": [-0.5, 0.25], "b": [1, 3]}},
    "budget": {"budget": 0.4},
    "near in a box": {"budget": 0.7, "box": {"a": [-0.5, 0.25]}},
    "relaxed": {"relaxed": True},
    "surrogate": {"surrogate": 10},
}


@functools.cache
def bounded(name: str) -> float:
    """The bound of a threat model on the table, proved once for all attacks."""
    _, _, setting, rows = limited(load(frame(130), "t"), THREATS[name])
    return bound(setting, rows, 11)


def limited(table, threat, ratio=0.15, ridge=1e-3):
    spec = Spec.of({"ratios": [ratio], "threat": threat, "victim": {"use": "ridge", "l2": ridge}})
    split = table.split(0)
    attacked = world(split, table.target, spec.threat)
    part = split.validation
    setting = Setting(split.train.X, split.train.y, part.X, part.y, l2=ridge)
    return spec, attacked, setting, writable(attacked)


# Flipped rows do more than random ones. Every attack has every threat model in slow runs.
PAIRS = [(threat, "flip") for threat in THREATS] + [("any", "random"), ("budget", "random")]
PAIRS += [("any", "ascent"), ("any", "optp"), ("frozen", "ascent")]
PAIRS += [(threat, attack) for threat in ("any", "frozen") for attack in ("statp", "region")]
PAIRS += [("any", "greedy"), ("frozen", "greedy"), ("frozen", "optp")]
SLOW = [
    pytest.param(name, attack, marks=pytest.mark.slow)
    for attack in ("random", "ascent", "optp", "statp", "region", "greedy")
    for name in THREATS
]
PAIRS += [pair for pair in SLOW if (*pair.values,) not in PAIRS]


@pytest.mark.parametrize("threat, attack", PAIRS)
def test_no_attack_exceeds_the_bound_of_its_threat_model(table, threat, attack):
    spec, attacked, setting, rows = limited(table, THREATS[threat])
    cut = batches(spec, len(setting.v))
    assert cut.counts == [11]
    spec = Spec.of({**spec.model_dump(), "attacks": [{"use": attack, "alphas": [1.0]}]})
    made = poison_of(spec.attacks[0], spec, [attacked], [0], cut, None).piece(0, 0, 11)
    check_rows(setting, rows, made.rows.X, made.rows.y, bounded(threat))


@pytest.mark.parametrize("threat", THREATS)
def test_the_rows_reached_could_be_written_and_stay_below(table, threat):
    _, _, setting, rows = limited(table, THREATS[threat])
    made = reached(setting, rows, 11)
    assert made.error == pytest.approx(error_with(setting, made.X, made.y), rel=1e-8)
    check_rows(setting, rows, made.X, made.y, bounded(threat))
    check_feasible(rows, np.column_stack([made.X, made.y]))


def check_rows(setting, rows, X, y, limit):
    """The poison stays below the bound, and no row is farther from a plane than `farthest` says."""
    assert error_with(setting, X, y) <= limit
    rng = np.random.default_rng(0)
    theta = setting.fit(len(y)).theta
    for spread in (0.0, 0.1, 1.0, 10.0):
        q = theta + spread * rng.normal(size=len(theta))
        away = np.abs(y - X @ q[:-1] - q[-1]).max()
        assert away <= farthest(rows, q) * (1 + 1e-9)


def check_feasible(rows: Writable, z: np.ndarray):
    z_free = z[:, rows.free]
    assert (z_free >= rows.lower[rows.free] - 1e-9).all()
    assert (z_free <= rows.upper[rows.free] + 1e-9).all()
    kept = ~rows.free
    if kept.any():
        near = np.abs(z[:, None, kept] - rows.origins[None, :, kept]).max(axis=2).min(axis=1)
        assert near.max() < 1e-12
    for member, optional in zip(rows.member, rows.optional, strict=True):
        held = z[:, :-1][:, member]
        assert set(np.unique(held)) <= {0.0, 1.0}
        assert (held.sum(axis=1) <= 1).all()
        assert optional or (held.sum(axis=1) == 1).all()
    if np.isfinite(rows.budget):
        near = np.linalg.norm(z[:, None] - rows.origins[None], axis=2).min(axis=1)
        assert near.max() <= rows.budget * (1 + 1e-9)


def test_the_farthest_row_is_the_farthest_of_all(table):
    # Every combination of ends and levels, by brute force, against the formula.
    rows = limited(table, {})[-1]
    names = table.columns.names
    columns = {"a": rows.lower[:-1], "top": rows.top[:-1]}
    full, other = rows.member
    plain = [i for i in range(len(names)) if not (full[i] or other[i])]
    rng = np.random.default_rng(1)
    for _ in range(5):
        q = rng.normal(size=len(names) + 1)
        worst = 0.0
        for ends in itertools.product([0, 1], repeat=len(plain) + 1):
            for first in np.flatnonzero(full):
                for second in [None, *np.flatnonzero(other)]:
                    x = np.zeros(len(names))
                    x[plain] = np.where(ends[:-1], columns["top"][plain], columns["a"][plain])
                    x[first] = 1.0
                    if second is not None:
                        x[second] = 1.0
                    y = rows.top[-1] if ends[-1] else rows.lower[-1]
                    worst = max(worst, abs(y - x @ q[:-1] - q[-1]))
        assert farthest(rows, q) == pytest.approx(worst, rel=1e-12)


def test_a_group_that_is_frozen_in_part_is_refused():
    rows = Writable.box(np.eye(2), np.ones(2))._replace(
        member=np.ones((1, 2), bool), optional=np.zeros(1, bool), free=np.array([True, False, True])
    )
    with pytest.raises(InputError, match="frozen in part"):
        rows.check()


@pytest.mark.parametrize("ratio, least, most", [(0.05, 1.94, 1.96), (0.1, 2.65, 2.68)])
def test_the_two_ends_nearly_meet_on_diabetes(ratio, least, most):
    _, _, setting, rows = limited(load("diabetes"), {}, ratio)
    k, clean = round(221 * ratio / (1 - ratio)), setting.fit(0).error
    witness = search(setting, rows, setting.fit(k))
    proof = Proof((), refined(setting, rows, setting.fit(k), witness).tree)
    assert proved(setting, rows, k, proof) / clean <= most
    assert reached(setting, rows, k, planes=[witness.q]).error / clean >= least
