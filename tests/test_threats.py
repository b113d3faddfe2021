"""Threat models: what may not be written stays, what is not known helps less."""

import json

import numpy as np
import pandas as pd
import pytest

import mithridate
from mithridate import data, schema
from mithridate.bench import Spec, run
from mithridate.bench.spec import ThreatSpec
from mithridate.bench.worlds import world
from mithridate.errors import InputError

ASCENT = {"use": "ascent", "alphas": [1]}


def ran(threat=None, seeds=1, **attack):
    """One attack on a hundred rows; of another library's model, so that no bound is proved."""
    spec = {"seeds": seeds, "ratios": [0.2], "defenses": [], "data": {"rows": 100}}
    spec |= {"attacks": [ASCENT | attack], "judge": "sklearn.linear_model.Ridge"}
    return run(Spec.of(spec | {"threat": threat or {}}))


@pytest.fixture(scope="module")
def split():
    return data.load("diabetes").split(0, rows=100)


def made(split, **threat):
    return world(split, "progression", ThreatSpec.model_validate(threat))


def test_white_box_knows_the_training_rows(split):
    white = made(split)
    assert white.known is split.train
    assert white.weight == 1
    assert white.free.all()


def test_gray_box_knows_others_that_weigh_as_much(split):
    gray = made(split, surrogate=40)
    assert len(gray.known.y) == 40
    assert gray.weight * 40 == pytest.approx(len(split.train.y))
    assert len(gray.aimed.y) == len(split.validation.y) - 40
    both = {tuple(row) for row in gray.known.X} & {tuple(row) for row in split.train.X}
    assert not both


def test_columns_are_frozen(split):
    assert made(split, writes="target").free.tolist() == [False] * 10 + [True]
    assert made(split, writes="features").free.tolist() == [True] * 10 + [False]
    assert np.flatnonzero(~made(split, frozen=["bmi", "progression"]).free).tolist() == [2, 10]


def test_a_range_is_given_in_the_tables_units(split):
    narrow = made(split, box={"bmi": [20, 30], "age": [30.5, 60.5]})
    ends = np.array([narrow.lower, narrow.upper]) * split.scale + split.shift
    np.testing.assert_allclose(ends[:, 2], [20, 30])
    np.testing.assert_allclose(ends[:, 0], [31, 60])  # ages are whole numbers


@pytest.mark.parametrize(
    "threat, word",
    [
        ({"frozen": ["bmo"]}, "'bmo'"),
        ({"box": {"nothing": [0, 1]}}, "'nothing'"),
        ({"box": {"age": [50.2, 50.8]}}, "no value"),
        ({"surrogate": 5000}, "surrogate"),
        ({"surrogate": 30, "placed": "replaced"}, "replaces"),
        ({"writes": "target", "frozen": ["progression"]}, "no column"),
    ],
)
def test_nonsense_is_refused(split, threat, word):
    with pytest.raises(InputError, match=word):
        made(split, **threat)


def test_the_table_records_the_threat_model():
    threat = {"writes": "target", "budget": 0.5, "placed": "replaced", "box": {"bmi": [20, 30]}}
    found = ran(threat)
    rows = found.table.to_pylist()
    poisoned = next(r for r in rows if r["attack"] == "ascent")
    assert (poisoned["writes"], poisoned["budget"], poisoned["placed"]) == (
        "target",
        0.5,
        "replaced",
    )
    assert json.loads(poisoned["box"]) == {"bmi": [20, 30]}
    # Replaced rows are gone: the number of training rows stays.
    assert poisoned["n_train"] + poisoned["n_poison"] == 100
    moved = [m for m in found.moved.to_pylist() if m["attack"] == "ascent"]
    assert {m["kind"] for m in moved} >= {"target"}


def test_words_say_whether_poison_has_to_be_possible():
    assert ThreatSpec().words()["feasibility"].startswith("one level a category set")
    assert "between levels" in ThreatSpec(relaxed=True).words()["feasibility"]
    never = Spec.of({"attacks": ["flip", {"use": "ascent", "feasible": "never"}]})
    for free in (ThreatSpec(relaxed=True).words(), never.words()):
        assert "between levels" in free["feasibility"] and "one level" not in free["feasibility"]


def test_relaxed_poison_lies_between_levels_and_whole_numbers():
    table = pd.DataFrame({"x": np.arange(80) % 7, "kind": np.tile(["a", "b", "c", "d"], 20)})
    table["y"] = table.x + (table.kind == "a") * 2.0 + np.sin(np.arange(80))
    encoded = data.load(table, "y")
    split = encoded.split(0)
    known = {relaxed: world(split, "y", ThreatSpec(relaxed=relaxed)) for relaxed in (False, True)}
    assert known[False].step.any() and known[False].member.any()
    assert not known[True].step.any() and not known[True].member.size
    spec = {"data": {"source": "frame", "target": "y"}, "ratios": [0.2], "seeds": 1}
    spec |= {"attacks": [ASCENT | {"steps": 15}], "defenses": []}
    spec["judge"] = "sklearn.linear_model.Ridge"
    damage = []
    for relaxed in (False, True):
        made = Spec.of(spec | {"threat": {"relaxed": relaxed}})
        rows = [r for r in run(made, table).table.to_pylist() if r["attack"] == "ascent"]
        assert {r["relaxed"] for r in rows} == {relaxed}
        damage.append(rows[0]["nmse_poisoned"])
    assert damage[1] != damage[0]
    with pytest.raises(InputError, match="no table can hold it"):
        mithridate.poison(table, target="y", threat={"relaxed": True})
    with pytest.raises(InputError, match="no table can hold it"):
        mithridate.poison(table, target="y", feasible="never")


def test_an_audit_says_how_the_attack_kept_its_rows_possible():
    found = ran(feasible="after", steps=10)
    rows = [r for r in found.table.to_pylist() if r["attack"] == "ascent"]
    assert {r["attack_options"] for r in rows} == {'{"feasible": "after", "steps": 10}'}
    assert schema.about(found.table)["threat"]["feasibility"].startswith("one level")


def test_less_knowledge_does_less_damage():
    white, gray = ran(seeds=3), ran({"surrogate": 30}, seeds=3)

    def damage(found):
        rows = found.table.to_pylist()
        return np.mean([r["nmse_poisoned"] for r in rows if r["attack"] == "ascent"])

    assert damage(gray) < damage(white)


def test_training_rows_that_a_goal_is_not_about_are_held_against_nothing(split):
    some = made(split, goal="up where bmi > 25")
    about = split.train.X[:, 2] * split.scale[2] + split.shift[2] > 25
    np.testing.assert_array_equal(~np.isnan(some.held), about)
    assert set(some.held[about]) == set(some.aimed.y)
    np.testing.assert_array_equal(made(split).held, split.train.y)
