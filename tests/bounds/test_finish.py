"""The finishing step: feasible rows, more damage than before, and never beyond the bound."""

from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest

from mithridate.attack.attacks import Ascent
from mithridate.attack.objective import Anchored, Ideal, Incremental, Raw, Reference, Terms
from mithridate.attack.risks import Mahalanobis, Residual
from mithridate.attack.victims import Linear, Ridge
from mithridate.bench import Spec
from mithridate.bench.finish import finished, finishes, scale
from mithridate.bench.pieces import Piece
from mithridate.bench.sweep import Attacker
from mithridate.bench.worlds import world, writable
from mithridate.bounds import Setting, improved, prove
from mithridate.data import load
from mithridate.tables.encoded import Part

from .tables import error_with, fit_with, frame

ASCENT = Attacker(Ascent(), Ridge(1e-3), Residual(), Ideal())


@pytest.fixture(scope="module")
def table():
    return load(frame(130), "t")


def attacked(table, threat: dict[str, Any]):
    """The attacker's world of a split, its setting, and a run that copied clean rows."""
    spec = Spec.of({"ratios": [0.15], "threat": threat})
    split = table.split(0)
    here = world(split, table.target, spec.threat)
    known, aimed = here.known, here.aimed
    weight = np.full(len(known.y), here.weight)
    setting = Setting(known.X, known.y, aimed.X, aimed.y, l2=1e-3, weight=weight)
    rows = writable(here)
    X = np.where(rows.free[:-1], np.clip(known.X, rows.lower[:-1], rows.top[:-1]), known.X)

    def piece(a, seed, p):
        return Piece(Part(X[:p], known.y[:p]), np.arange(p), 1.0, 2.0)

    theta = setting.fit(0).theta
    ends: Any = (setting.error(theta), 0.0), (3 * setting.error(theta), 9.0)
    untouched, extreme = (Terms(*end) for end in ends)

    def reference(a, seed, p):
        return Reference(untouched, untouched, extreme)

    ran = SimpleNamespace(alphas=[1.0, 0.3], piece=piece, reference=reference)
    return here, setting, rows, ran


@pytest.mark.parametrize("threat", [{}, {"frozen": ["c", "a"]}, {"relaxed": True}, {"budget": 0.4}])
def test_it_does_more_damage_with_rows_that_may_be_written(table, threat):
    here, setting, rows, ran = attacked(table, threat)
    made = finished(ran, ASCENT, [here], [4, 11])
    assert set(made) == {(a, 0, p) for a in (0, 1) for p in (4, 11)}
    for p in (4, 11):
        before, after = ran.piece(0, 0, p), made[0, 0, p]
        start = error_with(setting, before.rows.X, before.rows.y)
        end = error_with(setting, after.rows.X, after.rows.y)
        assert end == start if "budget" in threat else end > 1.2 * start
        assert end <= prove(setting, rows, p, pieces=1).bound
        z = np.column_stack([after.rows.X, after.rows.y])
        low = made[1, 0, p].rows
        check_written(rows, before, np.column_stack([low.X, low.y]))
        check_written(rows, before, z)
        assert after.seconds > before.seconds
        theta = fit_with(setting, z[:0, :-1], z[:0, -1])
        own = np.mean((setting.v - setting.Z @ theta) ** 2)
        away = after.rows.y - np.column_stack([after.rows.X, np.ones(p)]) @ theta
        assert after.risk == pytest.approx(np.mean(away**2) / own, rel=1e-6)


def check_written(rows, before, z):
    """Rows of the box, one level a group, that keep what may not be written."""
    free = rows.free
    assert (z[:, free] >= rows.lower[free] - 1e-9).all()
    assert (z[:, free] <= rows.upper[free] + 1e-9).all()
    steps = np.where(rows.step > 0, (z - rows.lower) / np.where(rows.step > 0, rows.step, 1), 0)
    np.testing.assert_allclose(steps[:, free], np.round(steps[:, free]), atol=1e-6)
    kept = np.column_stack([before.rows.X, before.rows.y])[:, ~free]
    np.testing.assert_array_equal(z[:, ~free], kept)
    for member in rows.member:
        assert set(np.unique(z[:, :-1][:, member])) <= {0.0, 1.0}
        assert (z[:, :-1][:, member].sum(axis=1) <= 1).all()


def gain_of(normalizer, setting, rows, risk, reference, alpha):
    """What the attack weighs, by its own code."""
    with jax.enable_x64(True):
        ends: Any = error_with(setting, rows.X, rows.y), risk
        damage, seen = normalizer(Terms(*ends), reference)
        return float(alpha * damage - (1 - alpha) * seen)


@pytest.mark.parametrize(
    ("threat", "normalizer"),
    [
        ({}, Ideal()),
        ({}, Anchored()),
        ({}, Incremental()),
        ({"writes": "features"}, Ideal()),
        ({"frozen": ["c"]}, Raw()),
    ],
)
def test_below_alpha_1_what_the_attack_weighs_never_falls(table, threat, normalizer):
    here, setting, _, ran = attacked(table, threat)
    made = finished(ran, ASCENT._replace(normalizer=normalizer), [here], [4, 11])
    for p in (4, 11):
        reference, own = ran.reference(1, 0, p), finished_risk(setting)
        before, after = ran.piece(1, 0, p).rows, made[1, 0, p].rows
        gains = [
            gain_of(normalizer, setting, one, own(one), reference, 0.3) for one in (before, after)
        ]
        assert gains[1] >= gains[0] - 1e-9 * abs(gains[0])
        assert threat or gains[1] > gains[0]
        assert made[1, 0, p].risk == pytest.approx(own(after), rel=1e-9)
        worth = scale(normalizer, reference, 0.3)
        assert worth is not None
        said = worth(np.array(error_with(setting, after.X, after.y)), np.array(own(after)))
        assert said == pytest.approx(gains[1], rel=1e-8)


def finished_risk(setting):
    """The risk of rows, by a clean model that is fitted to the rows themselves."""
    theta = fit_with(setting, setting.Z[:0, :-1], setting.v[:0])
    own = np.mean((setting.v - setting.Z @ theta) ** 2)
    return lambda part: float(
        np.mean((part.y - np.column_stack([part.X, np.ones(len(part.y))]) @ theta) ** 2) / own
    )


def test_moving_rows_never_does_less(table):
    _, setting, rows, ran = attacked(table, {})
    X, y = ran.piece(0, 0, 11).rows.X, ran.piece(0, 0, 11).rows.y
    once = improved(setting, rows, X, y)
    again = improved(setting, rows, once.X, once.y)
    assert error_with(setting, X, y) < once.error <= again.error
    assert once.error == pytest.approx(error_with(setting, once.X, once.y), rel=1e-8)


@pytest.mark.parametrize(
    "change",
    [
        {"victim": Linear()},
        {"victim": Ridge(0.0)},
        {"risk": Mahalanobis()},
        {"attack": Ascent(feasible="never")},
    ],
)
def test_it_applies_to_ridge_and_possible_rows_alone(change):
    assert finishes(ASCENT, False)
    assert not finishes(ASCENT, True)
    assert not finishes(ASCENT._replace(**change), False)
