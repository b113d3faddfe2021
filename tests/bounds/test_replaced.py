"""Poison that replaces clean rows: no rows that go, with rows that come, exceed the bound."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mithridate.bounds import Replacing, Setting, Witness, Writable, swapped

from .tables import error_with, fit_with, tiny

SEEDS = st.integers(0, 10_000)


def left(setting: Setting, gone) -> Setting:
    """The setting without some rows; with as many poison rows its penalty is the old one."""
    X, y = np.delete(setting.Z[:, :-1], gone, axis=0), np.delete(setting.v, gone)
    return Setting(X, y, setting.M[:, :-1], setting.u, l2=setting.l2)


def corners(rows: Writable) -> np.ndarray:
    return np.array(list(itertools.product(*zip(rows.lower, rows.top, strict=True))))


def swaps(setting: Setting, rows: Writable, k: int):
    """Every choice of rows that go, with every choice of corners that come."""
    for gone in itertools.combinations(range(len(setting.v)), k):
        rest = left(setting, list(gone))
        for come in itertools.combinations_with_replacement(corners(rows), k):
            yield rest, np.array(come)


@pytest.mark.parametrize("k, n, d", [(1, 12, 2), (2, 10, 1)])
@settings(max_examples=4, deadline=None)
@given(seed=SEEDS)
def test_no_swap_of_rows_exceeds_it(k, n, d, seed):
    setting, rows = tiny(seed, n=n, d=d)
    about = Replacing(setting, rows, k)
    made = about.prove(k)
    assert about.proved(k, made.witness) == made.bound
    planes = np.vstack([setting.M, np.eye(d + 1)])
    ends, worst = about.moved(k, planes), 0.0
    for rest, z in swaps(setting, rows, k):
        at = planes @ fit_with(rest, z[:, :-1], z[:, -1])
        assert (at >= ends[:, 0] - 1e-12).all()
        assert (at <= ends[:, 1] + 1e-12).all()
        worst = max(worst, float(np.mean((setting.u - at[: len(setting.u)]) ** 2)))
    assert worst <= made.bound


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.integers(1, 4))
def test_any_plane_proves_something_true(seed, k):
    # The theorem holds for every q and μ; the swap is one that does much damage.
    setting, rows = tiny(seed, n=24)
    about, rng = Replacing(setting, rows, k), np.random.default_rng(seed)
    fit = setting.fit(0)
    top = np.linalg.eigvals(np.linalg.solve(fit.A, setting.curve)).real.max()
    found = swapped(setting, rows, k, np.arange(24), seed=seed)
    assert len(set(found.gone.tolist())) == k
    again = error_with(left(setting, found.gone), found.X, found.y)
    assert found.error == pytest.approx(again, rel=1e-8)
    for excess in (-3, -1, 1):
        q = fit.theta + 10.0**excess * rng.normal(size=3)
        witness = Witness(q, float(top * (1 + 10.0**excess)))
        assert found.error <= about.proved(k, witness)
    assert found.error <= about.prove(k).bound


def test_one_row_is_swapped_as_by_hand():
    # Rows 0 and 1 at targets 0, so that the fit is 0; l2 = 1/2, N = 2: a penalty of 1.
    X, y = np.array([[0.0], [1.0]]), np.zeros(2)
    setting = Setting(X, y, X, y, l2=0.5)
    rows = Writable.box(X, y)._replace(lower=np.array([0.0, -1.0]), upper=np.array([1.0, 1.0]))
    # A = [[2, 1], [1, 2]], so that the rows have leverages 2/3 and 2/3, and one of them is covered.
    # Row 0 goes and (0, 1) comes: 2b + c = 0, b + 2c = 1 give slope -1/3 and intercept 2/3.
    by_hand = ((2 / 3) ** 2 + (1 / 3) ** 2) / 2
    found = swapped(setting, rows, 1, np.arange(2))
    about = Replacing(setting, rows, 1)
    assert about.most == 1
    assert by_hand <= found.error + 1e-12 <= about.prove(1).bound
    # t² / 3 = (D² + 0) / 4 with D = 1 at q = 0, where every fit has ‖θ‖²_A = t² = 3/4 at most.
    exact = about.proved(1, Witness(np.zeros(2), 10.0))
    assert exact == pytest.approx(10.0 * 0.75, rel=1e-6)


@pytest.mark.parametrize("threat", ["target", "features", "budget"])
def test_where_rows_keep_something_they_keep_what_they_replace(threat):
    setting, rows = tiny(3, n=20)
    free = np.array([True, True, True])
    free = {"target": ~free | [0, 0, 1] > 0, "features": free & [1, 1, 0] > 0}.get(threat, free)
    rows = rows._replace(free=free, budget=0.2 if threat == "budget" else np.inf)
    found = swapped(setting, rows, 3, np.arange(20))
    kept = rows.origins[found.gone][:, ~free]
    np.testing.assert_array_equal(np.column_stack([found.X, found.y])[:, ~free], kept)
    clean = setting.fit(0).error
    assert found.error == pytest.approx(clean) if threat == "budget" else found.error > 1.05 * clean
    assert found.error <= Replacing(setting, rows, 3).prove(3).bound


def test_only_the_rows_of_an_attacker_go():
    setting, rows = tiny(5, n=20)
    found = swapped(setting, rows, 3, np.array([2, 3, 5, 7]))
    assert set(found.gone.tolist()) < {2, 3, 5, 7}


def test_it_ends_where_rows_could_hold_a_direction_alone():
    setting, rows = tiny(1, n=30)
    about = Replacing(setting, rows, 29)
    assert 0 < about.most < 29
    bounds = [about.prove(k).bound for k in range(1, about.most + 2)]
    assert all(a < b for a, b in itertools.pairwise(bounds))
    assert bounds[-1] == np.inf
    assert f"up to {about.most} of 30" in about.ends
    limit = bounds[1]
    assert about.safe_rows(limit) == 2
    assert about.safe_rows(limit * (1 - 1e-6)) == 1
    assert about.safe_rows(0.0) == 0
    weighted = Setting(
        setting.Z[:, :-1], setting.v, setting.M[:, :-1], setting.u, l2=0.1, weight=np.full(30, 2.0)
    )
    assert Replacing(weighted, rows, 3).most == 0
