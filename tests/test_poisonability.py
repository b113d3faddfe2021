"""Where poison fits better than the clean rows: measured, bounded, foreseen, and said."""

import json
import math
from typing import Any

import numpy as np
import pytest

from mithridate.bench import Spec, run
from mithridate.bench.poisoning import batches
from mithridate.bench.predict import (
    Errors,
    Field,
    PlaceGoal,
    changes_of,
    foreseen,
    hidden,
    placing,
    worth_of,
)
from mithridate.bench.worlds import World, world
from mithridate.bounds import Pull
from mithridate.data.load import load
from mithridate.report import headlines, html
from mithridate.report.poisonability import crossing, poisonability, predicted
from mithridate.report.poisonability import hidden as told_bounds
from mithridate.schema import Moved, PlottedRow, Row, about, to_table
from mithridate.tables.encoded import Part

L2 = 1e-3


@pytest.fixture(scope="module")
def data():
    return load("diabetes")


@pytest.fixture(scope="module")
def field(data):
    spec = Spec()
    return Field.of(world(data.split(0), data.target, spec.threat), L2)


def trained(field: Field, Z, y, ratio: float):
    """Ridge on the clean rows and a share of these poison rows."""
    gram = (1 - ratio) * field.clean.gram + ratio * Z.T @ Z / len(y)
    cross = (1 - ratio) * field.clean.cross + ratio * Z.T @ y / len(y)
    return np.linalg.solve(gram + np.diag(field.penalty), cross)


def poisons(field: Field):
    """Poison of many kinds, few places and many, some of it far outside the box."""
    rng, d = np.random.default_rng(0), len(field.theta) - 1
    for places in (1, 2, 5, 40):
        for spread in (0.3, 1.0, 5.0):
            X = 0.5 + spread * (rng.random((places, d)) - 0.5)
            for y in (np.zeros(places), np.ones(places), rng.normal(0.5, 1.0, places)):
                yield np.column_stack([np.ones(places), X]), y


@pytest.mark.parametrize("ratio", [0.02, 0.1, 0.3, 0.6])
@pytest.mark.parametrize("l2", [1e-9, 1e-3, 1.0])
def test_damage_is_bounded_by_the_residuals_of_the_poison(data, ratio, l2):
    field = Field.of(world(data.split(0), data.target, Spec().threat), l2)
    v, kappa = field.clean.mse(field.theta), (1 - ratio) / ratio
    slack = (1 - ratio / 2) ** 2 * field.penalty @ field.theta**2 / (1 - ratio)
    for Z, y in poisons(field):
        theta = trained(field, Z, y, ratio)
        damage = field.clean.mse(theta) - v
        seen, fitted = np.mean((y - Z @ field.theta) ** 2), np.mean((y - Z @ theta) ** 2)
        assert damage <= seen / (4 * kappa) + slack
        root = math.sqrt(max(seen - 4 * kappa * max(damage - slack, 0), 0))
        assert fitted >= ((math.sqrt(seen) - root) / 2) ** 2 - 1e-9


def test_the_bound_is_reached_by_one_place_of_the_right_leverage(data):
    field, ratio = Field.of(world(data.split(0), data.target, Spec().threat), 1e-9), 0.1
    z = np.append(1.0, np.zeros(len(field.theta) - 1))
    mean, inverse = field.clean.gram[0], np.linalg.inv(field.clean.gram)
    away = np.append(0.0, np.linspace(1, 2, len(z) - 1))
    # Leverage is 1 at the mean and grows with the square of the way from there.
    z = mean + away * math.sqrt(((1 - ratio) / ratio - 1) / (away @ inverse @ away))
    y = z @ field.theta + 0.7
    theta = trained(field, z[None, :], np.array([y]), ratio)
    v, g = field.clean.mse(field.theta), field.clean.mse(theta) / field.clean.mse(field.theta)
    assert (g - 1) * v == pytest.approx(0.49 / 4 * ratio / (1 - ratio), rel=1e-5)
    # And its error then is κE, which meets the clean rows' at (g - 1)/(2g - 1).
    assert (y - z @ theta) ** 2 == pytest.approx((1 - ratio) / ratio * (g - 1) * v, rel=1e-5)


@pytest.mark.parametrize(
    ("top", "want"),
    [
        # Far = max(2 + .5, top + .5), slack = .9² (1/4) / .8, s = far/2 or (.2 far + root)/2.
        (2.0, 1 + (1.25 * 1.25 / 4 + 0.253125) / 1.25),
        (10.0, 1 + (2.568223 * (10.5 - 2.568223) / 4 + 0.253125) / 1.25),
    ],
    ids=["half of the farthest", "between"],
)
def test_the_bound_on_hidden_damage_by_hand(top, want):
    # Centered rows with cov(x, y) = var(x) = 1: the slope is 1/2 under a penalty of 1, and the
    # residuals are -3/2, 1/2, -1/2, 3/2.
    rows = Part(np.array([[-1.0], [-1.0], [1.0], [1.0]]), np.array([-2.0, 0.0, 0.0, 2.0]))
    flat = np.zeros(2)
    known = World(
        known=rows, weight=1.0, aimed=rows, lower=np.array([-1.0, -2.0]),
        upper=np.array([1.0, top]), step=flat, free=np.ones(2, bool), budget=np.inf,
        member=np.zeros((0, 1), bool), optional=np.zeros(0, bool), held=rows.y,
    )  # fmt: skip
    assert hidden(Field.of(known, 1.0), 0.2) == pytest.approx(want, rel=1e-6)


def test_poison_that_fits_better_stays_below_the_bound_on_its_damage(field):
    rng, d, met = np.random.default_rng(1), len(field.theta) - 1, 0
    start = field.clean.mse(field.theta)
    for _ in range(300):
        places, ratio = int(rng.integers(1, 6)), float(rng.uniform(0.02, 0.6))
        Z = np.column_stack([np.ones(places), rng.integers(0, 2, (places, d))])
        y = rng.random(places)
        assert np.abs(y - Z @ field.theta).max() <= field.farthest
        theta = trained(field, Z, y, ratio)
        if np.mean((y - Z @ theta) ** 2) <= field.clean.mse(theta):
            met += 1
            assert field.clean.mse(theta) / start <= hidden(field, ratio)
    assert met > 50
    assert hidden(field, 0.05) < hidden(field, 0.1) < hidden(field, 0.3)


@pytest.fixture(scope="module")
def mixed():
    """A field with numbers, a full category set and one with a dropped level."""
    rng, n = np.random.default_rng(2), 90
    frame: dict[str, Any] = {"a": rng.normal(size=n), "b": rng.integers(0, 5, n)}
    frame |= {"c": rng.choice(["x", "y", "z"], n), "d_u": rng.integers(0, 2, n)}
    frame["d_v"] = (1 - frame["d_u"]) * rng.integers(0, 2, n)
    frame["t"] = frame["a"] + 0.3 * frame["b"] + (frame["c"] == "x") + rng.normal(size=n)
    import pandas as pd

    table = load(pd.DataFrame(frame), "t")
    return Field.of(world(table.split(0), "t", Spec().threat), L2)


def test_moves_lead_to_rows_that_could_be_real(mixed):
    w = mixed.world
    assert len(w.optional) >= 1
    for x in w.known.X[:10]:
        change = changes_of(mixed, x)
        for i in range(len(change.by)):
            z = np.append(1.0, x)
            z[change.up[i]] += change.by[i]
            z[change.down[i]] -= change.out[i]
            assert z[0] == 1
            assert (z[1:] >= w.lower[:-1] - 1e-12).all()
            assert (z[1:] <= w.upper[:-1] + 1e-12).all()
            for member, optional in zip(w.member, w.optional, strict=True):
                held = z[1:][member]
                assert set(held) <= {0.0, 1.0}
                assert held.sum() == 1 or (optional and held.sum() == 0)


def test_the_worth_of_a_move_is_the_damage_of_the_refit_model(mixed):
    weight, targets = 0.07, np.array([0.0, 0.4, 1.0])
    hessian = mixed.clean.gram + (1 + weight) * np.diag(mixed.penalty)
    pull = Pull.of(mixed.aimed, hessian, mixed.clean.cross)
    start = mixed.aimed.mse(mixed.theta), mixed.aimed.mse(pull.theta)
    z = np.append(1.0, mixed.world.known.X[0])
    change, goal = changes_of(mixed, z[1:]), PlaceGoal(1.0, None, 0.0, 0.0, weight)
    worth = worth_of(mixed, pull, goal, z, change, targets, start=start)
    for i in range(len(change.by)):
        moved = z.copy()
        moved[change.up[i]] += change.by[i]
        moved[change.down[i]] -= change.out[i]
        for j, y in enumerate(targets):
            gram = hessian + weight * np.outer(moved, moved)
            theta = np.linalg.solve(gram, mixed.clean.cross + weight * y * moved)
            assert worth[i, j] == pytest.approx(mixed.aimed.mse(theta) - start[0], abs=1e-9)


def test_stealthier_poison_is_placed_closer_and_does_less(field):
    edges = (0, 12, 25, 39)
    loud = placing(field, edges, 1.0, [], 0)
    quiet = placing(field, edges, 0.3, loud, 0)
    assert all(isinstance(one, Errors) for one in loud)
    assert all(a.aimed > b.aimed and a.seen > b.seen for a, b in zip(loud, quiet, strict=True))
    assert loud == placing(field, edges, 1.0, [], 0)
    assert [one.clean for one in loud] == sorted(one.clean for one in loud)


@pytest.mark.parametrize(
    "change",
    [
        {"victim": {"use": "mlp"}},
        {"victim": {"use": "ridge", "l2": 0.0}},
        {"threat": {"writes": "target"}},
        {"threat": {"placed": "replaced"}},
        {"judge": "sklearn.linear_model.Lasso"},
    ],
)
def test_nothing_is_foreseen_of_other_settings(data, change):
    spec = Spec.of({"seeds": 1, "ratios": [0.1], **change})
    w = world(data.split(0), data.target, spec.threat)
    assert foreseen(spec, [w], [0], batches(spec, len(w.known.y))) is None


def test_a_run_measures_and_foresees_it():
    attack = {"use": "ascent", "alphas": [1.0]}
    ratios = [0.1, 0.2, 0.3]
    grid = {"seeds": 3, "ratios": ratios, "batch": 0.1}
    spec = Spec.of({**grid, "attacks": [attack], "defenses": []})
    results = run(spec).table
    (one,) = poisonability(results)
    assert (one.keys["attack"], one.keys["alpha"], one.seeds) == ("ascent", 1.0, 3)
    assert one.reach == "at"
    assert one.low is not None and one.high is not None
    assert one.low <= one.ratio <= one.high
    reach, ratio = predicted(results)["ascent", 1.0]
    assert (reach, ratio) == ("at", pytest.approx(one.ratio, abs=0.05))
    assert list(told_bounds(results)) == ratios
    json.dumps(about(results), allow_nan=False)


def row(ratio: float, clean: float, poison: float | None, **more: Any) -> Row:
    keys = {"dataset": "t", "victim": "ridge", "judge": "ridge", "attack": "ascent", "alpha": 1.0}
    figures = {"nmse_clean": 0.2, "nmse_poisoned": 0.4, "risk": 3.0, "defense": "none", "seed": 0}
    errors = {"error_clean": clean, "error_poison": poison, "ratio": ratio}
    return Row(**{**keys, **figures, **errors, **more})


def curve(*poison: float, **more: Any) -> list[Row]:
    return [row(0.1 * (i + 1), 0.5, error, **more) for i, error in enumerate(poison)]


def clean_row() -> Row:
    return row(0.0, 0.2, None, attack="none", alpha=None, nmse_poisoned=0.2)


def test_the_errors_meet_between_below_or_beyond_the_ratios():
    assert crossing([0.1, 0.2, 0.3], [1, 1, 1], [4, 2, 0]) == ("at", pytest.approx(0.25))
    assert crossing([0.1, 0.2], [1, 1], [1, 4]) == ("below", 0.1)
    assert crossing([0.1, 0.2], [1, 1], [3, 2]) == ("not", 0.2)


def test_every_series_is_told_apart_and_a_cell_counts_once():
    rows = [*curve(0.9, 0.6, 0.2), *curve(0.9, 0.6, 0.2, defense="trim")]
    rows += [*curve(0.4, 0.3, alpha=0.1), *curve(2.0, 2.0, writes="target"), clean_row()]
    found = {(o.keys["alpha"], o.keys["writes"]): o for o in poisonability(to_table(rows, Row))}
    assert {key: one.reach for key, one in found.items()} == {
        (1.0, "both"): "at",
        (0.1, "both"): "below",
        (1.0, "target"): "not",
    }
    assert found[1.0, "both"].ratio == pytest.approx(0.225)
    assert found[1.0, "both"].seeds == 1


def test_the_interval_needs_three_seeds_and_knows_the_ends():
    def told(*ends: float):
        rows = [r for i, end in enumerate(ends) for r in curve(0.9, 0.6, end, seed=i)]
        return poisonability(to_table(rows, Row))[0]

    assert told(0.2, 0.2).low is None
    same = told(0.2, 0.2, 0.2)
    assert same.low == same.high == pytest.approx(same.ratio)
    spread = told(0.1, 0.2, 0.3, 0.4)
    assert spread.low is not None and spread.high is not None
    assert 0.2 < spread.low < spread.ratio < spread.high < 0.3
    assert spread == told(0.1, 0.2, 0.3, 0.4)
    never = told(0.9, 0.9, 0.9)
    assert (never.reach, never.low, never.high) == ("not", math.inf, math.inf)


NAMED = {"classes": {"attack": {"ascent": {"label": ""}}}}


def say(*rows: Row) -> list[str]:
    return [text for text in headlines(to_table(rows, Row, NAMED)) if "your own data" in text]


END = ": no defense that goes by the residuals of a model trained on all rows can tell it."


def test_the_headline_is_one_number_with_its_meaning():
    loud, lines = curve(0.9, 0.6, 0.1), say(*curve(0.9, 0.6, 0.1), clean_row())
    assert lines == ["Above 22 % poison (alpha 1) the poison fits better than your own data" + END]
    quiet = curve(0.9, 0.4, 0.2, alpha=0.3)
    assert "own data (alpha 0.3: above 18 %): no" in say(*loud, *quiet, clean_row())[0]
    later = curve(0.9, 0.9, 0.2, alpha=0.3)
    assert say(*loud, *later, clean_row()) == lines


def test_the_headline_where_poison_never_stands_out_or_always_does():
    hid = curve(0.4, 0.4, alpha=0.1)
    text = "At 10 % poison (alpha 0.1) the poison already fits better than your own data and never"
    assert say(*hid, clean_row()) == [f"{text} stands out{END}"]
    seen = curve(0.9, 0.8)
    text = "Up to 20 % poison (alpha 1) the poison fits worse than your own data on average"
    assert say(*seen, clean_row()) == [f"{text}."]
    assert say(*seen, *hid, clean_row()) == [
        f"{text}, but not at every alpha (alpha 0.1: already at 10 %)."
    ]


def test_poison_that_does_nothing_has_no_headline():
    assert say(*curve(0.4, 0.4, nmse_poisoned=0.205), clean_row()) == []


def test_it_is_said_once():
    rows = [*curve(0.9, 0.6, 0.2), clean_row()]
    lines = headlines(to_table(rows, Row, NAMED))
    assert not [text for text in lines if "fits the poison better" in text]


def page(facts: Any) -> str:
    rows = to_table([*curve(0.9, 0.6, 0.1), clean_row()], Row, {"poisonability": facts})
    return html(rows, to_table([], PlottedRow), to_table([], Moved))


def test_the_page_has_it_beside_what_was_foreseen():
    one = {"alpha": 1.0, "error_clean": [1, 1, 1], "error_poison": [3, 2, 0]}
    text = page(
        {
            "ratios": [0.1, 0.2, 0.3],
            "attack": "ascent",
            "predicted": [one],
            "hidden": [3.2, 5.0, 9.0],
        }
    )
    part = text[text.index("Where poison fits better") :]
    assert "22" in part.split("</tr>")[1]
    assert "25" in part.split("</tr>")[1]
    assert "grow their error more than 3.2×" in part


@pytest.mark.parametrize(
    "facts",
    [
        None,
        "x",
        {"ratios": 3, "predicted": [1, None, {}], "hidden": "x"},
        {"ratios": [0.1], "attack": {}, "predicted": [], "hidden": [None]},
        {"ratios": [0.1], "attack": "x", "predicted": [{"alpha": 1.0, "error_clean": [1, 2]}]},
    ],
)
def test_facts_of_any_shape_do_no_harm(facts):
    assert "Where poison fits better" in page(facts)
