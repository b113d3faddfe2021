"""Goals and sources: whose predictions poison is for, and whose rows it comes as."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.tree import DecisionTreeRegressor

import mithridate
from mithridate import data
from mithridate.bench import Spec
from mithridate.bench.goals import Goal, pursued
from mithridate.bench.poisoning import batches, poison_of
from mithridate.bench.portfolio import attacked
from mithridate.bench.spec import AttackSpec
from mithridate.bench.threats import ThreatSpec
from mithridate.bench.worlds import world, writable
from mithridate.defenses import Ridge
from mithridate.errors import InputError
from mithridate.tables.condition import conditions, meeting
from mithridate.tables.reading import Reading

QUICK = {"seeds": 1, "alphas": [1], "ratios": [0.1], "defenses": ["trim"], "rows": 100}


@pytest.fixture(scope="module")
def table():
    """Three regions, one of them rare; the target follows `size`."""
    rng = np.random.default_rng(0)
    size = rng.uniform(0, 10, 400).round(2)
    region = rng.choice(["north", "south", "west"], 400, p=[0.45, 0.45, 0.1])
    return pd.DataFrame({"size": size, "region": region, "price": size * 3 + rng.normal(size=400)})


@pytest.fixture(scope="module")
def encoded(table):
    return data.load(table, "price")


@pytest.fixture(scope="module")
def split(encoded):
    return encoded.split(0, 200)


def own_units(split, part):
    return np.column_stack([part.X, part.y]) * split.scale + split.shift


@pytest.mark.parametrize(
    "text",
    [
        "region == north",
        'region="north" and size > 5',
        "region != 'west'",
        "size <= 2.5",
        "price >= 20",
        "size != 3",
    ],
)
def test_a_condition_finds_the_rows_that_pandas_finds(table, encoded, text):
    query = text.replace("north", '"north"').replace('""', '"').replace('region="', 'region=="')
    found = meeting(
        conditions(text), encoded.columns, "price", np.column_stack([encoded.X, encoded.y])
    )
    np.testing.assert_array_equal(found, table.eval(query))


def test_rounding_of_scaled_values_does_not_move_a_row_over_an_edge(split, encoded):
    edge = float(own_units(split, split.train)[7, list(encoded.columns.names).index("size")])
    rows = own_units(split, split.train)
    below = meeting(conditions(f"size < {edge!r}"), encoded.columns, "price", rows)
    up_to = meeting(conditions(f"size <= {edge!r}"), encoded.columns, "price", rows)
    assert not below[7]
    assert up_to[7]


@pytest.mark.parametrize(
    "text, word",
    [
        ("north", "no condition"),
        ("area > 3", "no column 'area'"),
        ("region > north", "have no order"),
        ("region == east", "no category 'east'"),
        ("size > big", "'big' is none"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(split, text, word):
    with pytest.raises(InputError, match=word):
        pursued(split, "price", text)


@pytest.fixture(scope="module")
def dated():
    days = pd.date_range("2024-01-01", periods=120).astype(str)
    frame = pd.DataFrame({"day": days, "size": np.arange(120) % 7, "price": np.arange(120) % 13})
    return data.load(frame, "price", reading=Reading(dates="auto"))


@pytest.mark.parametrize(
    "text, count", [("day >= 2024-03-01", 60), ("day < '2024-01-03'", 2), ("day == 2024-02-29", 1)]
)
def test_a_condition_on_dates_takes_a_date(dated, text, count):
    rows = np.column_stack([dated.X, dated.y])
    assert meeting(conditions(text), dated.columns, "price", rows).sum() == count


def test_a_source_of_late_rows_keeps_to_its_days(dated):
    split = dated.split(0, 60)
    here = world(split, "price", ThreatSpec(source="day >= 2024-02-01"))
    day = list(dated.columns.names).index("day")
    shown = own_units(split, split.train)[:, day]
    np.testing.assert_array_equal(here.own, shown >= 19754)  # days from 1970 to 2024-02-01
    assert here.own.sum() == 29
    assert here.lower[day] * split.scale[day] + split.shift[day] == pytest.approx(19754)


def test_a_source_that_sends_rows_only_after_the_split_is_told(dated):
    split = dated.split(0, 60)
    told = r"0 rows meet 'day >= 2024-04-05'.*Of the 30 test rows 25 do: where a table is split by"
    with pytest.raises(InputError, match=told):
        world(split, "price", ThreatSpec(source="day >= 2024-04-05"))


def test_a_date_that_cannot_be_read_or_is_not_used_is_told(dated, table):
    rows = np.column_stack([dated.X, dated.y])
    with pytest.raises(
        InputError, match="holds dates, and '2024' is none; write one as 2024-03-31"
    ):
        meeting(conditions("day >= 2024"), dated.columns, "price", rows)
    plain = data.load(table, "price")
    with pytest.raises(InputError, match="one of dates is used with --dates auto"):
        meeting(conditions("day > 2024-01-01"), plain.columns, "price", rows)


def test_a_goal_of_too_few_rows_is_refused(split):
    with pytest.raises(InputError, match="at least 10"):
        pursued(split, "price", "size < 0.2")


@pytest.mark.parametrize(
    "text, push, rows",
    [("up", "up", 0), ("down where region == west", "down", 1), ("up == 3", "", 1), ("", "", 0)],
)
def test_a_goal_may_push_and_name_rows(text, push, rows):
    assert (Goal.of(text).push, len(Goal.of(text).rows)) == (push, rows)


def test_a_goal_parts_the_test_rows(split):
    about = pursued(split, "price", "region == north")
    assert len(about.test.y) + len(about.others.y) == len(split.test.y)
    assert about.train is split.train
    north = list(split.columns.names).index("region=north")
    assert (about.test.X[:, north] == 1).all()
    assert (about.validation.X[:, north] == 1).all()
    assert (about.others.X[:, north] == 0).all()


def test_the_rows_that_a_goal_is_not_about_are_to_stay(split):
    here = world(split, "price", ThreatSpec(goal="region == north"))
    north = list(split.columns.names).index("region=north")
    assert (here.others.X[:, north] == 0).all()
    assert len(here.others.y) + len(here.aimed.y) == len(split.validation.y)
    assert world(split, "price", ThreatSpec(goal="down")).others is None


def test_a_source_has_its_own_box_and_rows(split):
    here = world(split, "price", ThreatSpec(source="region == west"))
    west = list(split.columns.names).index("region=west")
    mine = split.train.X[:, west] == 1
    np.testing.assert_array_equal(here.own, mine)
    assert here.most == mine.sum()
    assert (here.lower[west], here.upper[west]) == (1, 1)
    assert here.upper[-1] == split.train.y[mine].max()
    assert len(writable(here).origins) == mine.sum()


def test_an_attack_that_does_not_aim_copies_rows_of_the_goal_and_moves_them_its_way(split):
    def flipped(goal, source=()):
        spec = Spec.of({"ratios": [0.1], "threat": {"goal": goal, "source": list(source)}})
        here, cut = world(split, "price", spec.threat), batches(spec, 200)
        piece = poison_of(AttackSpec(use="flip"), spec, [here], [0], cut, None).piece(0, 0, 22)
        return piece.rows, here

    north = list(split.columns.names).index("region=north")
    rows, _ = flipped("region == north")
    assert (rows.X[:, north] == 1).all()
    assert set(np.unique(rows.y)) == {0, 1}
    up, _ = flipped("up where region == north")
    assert (up.X[:, north] == 1).all()
    assert (up.y == 1).all()
    # A source that has no such rows sends what it has.
    rows, here = flipped("down where region == north", ["region == west"])
    assert (rows.X[:, north] == 0).all()
    assert (rows.y == here.lower[-1]).all()


def test_predictions_of_a_tree_are_pushed_and_the_others_stay(split):
    attack = {"use": "portfolio", "alphas": [1], "members": ["flip"]}
    threat = {"goal": "up where region == north"}
    spec = Spec.of({"ratios": [0.1], "threat": threat, "attacks": [attack]})
    here, cut = world(split, "price", spec.threat), batches(spec, len(split.train.y))
    tree = DecisionTreeRegressor(min_samples_leaf=5, random_state=0)
    how = {"splits": [split], "model": tree}
    rows = attacked(spec.attacks[0], spec, [here], [0], cut, None, **how).piece(0, 0, 22).rows
    about = pursued(split, "price", spec.threat.goal)
    clean = clone(tree).fit(split.train.X, split.train.y)
    bad = clone(tree).fit(np.vstack([split.train.X, rows.X]), np.append(split.train.y, rows.y))
    moved, stays = (bad.predict(X) - clean.predict(X) for X in (about.test.X, about.others.X))
    assert moved.mean() > 0.1
    assert abs(stays).mean() < 0.3 * moved.mean()


def test_splits_may_have_more_and_less_rows_of_the_goal(encoded):
    goal, attack = (
        "region == north",
        AttackSpec(use="ascent", alphas=[1.0], steps=2, starts=["top"]),
    )
    spec = Spec.of({"ratios": [0.05], "threat": {"goal": goal}})
    both = [world(encoded.split(seed, 100), "price", spec.threat) for seed in (0, 1)]
    assert len({len(here.aimed.y) for here in both}) == 2
    cut = batches(spec, 100)
    run = poison_of(attack, spec, both, [0, 1], cut, None).runs[5]
    for i, here in enumerate(both):  # rows that fill up the shorter part do not count
        X = np.vstack([here.known.X, run.X[0, i]])
        model = Ridge(1e-3).fit(X, np.append(here.known.y, run.y[0, i]))
        error = np.mean((here.aimed.y - model.predict(here.aimed.X)) ** 2)
        np.testing.assert_allclose(run.damage[0, i, 0], error, rtol=1e-6)


@pytest.fixture(scope="module")
def audited(table):
    threat = {"source": "size > 9", "goal": "up where region == north"}
    more = {"ratios": [0.05, 0.3], "rows": 200}
    return mithridate.audit(table, target="price", threat=threat, **QUICK | more)


def test_an_audit_pushes_predictions_the_way_that_was_asked(audited):
    row = next(r for r in audited.table.to_dict("records") if r["attack"] == "ascent")
    assert row["mean_poisoned"] > row["mean_clean"] + 0.1
    assert row["goal"] == "up where region == north"
    assert row["nmse_others"] > 0
    assert row["n_test"] < 100


def test_the_others_are_held(audited):
    row = next(r for r in audited.table.to_dict("records") if r["attack"] == "ascent")
    assert row["nmse_others"] < 1.15 * row["nmse_others_clean"]  # 1.05 on the rows it aims by


def test_an_audit_tells_the_goal_the_source_and_what_it_left_out(audited):
    told = " ".join(audited.headlines[:4])
    assert "up where region == north" in told
    assert "their mean prediction goes from" in told
    assert "size > 9 alone" in told
    assert "30 % was not tried" in told
    (line,) = [line for line in audited.headlines if "control" in line]
    assert ", that of the others grows" in line
    assert set(audited.table["ratio"]) == {0.0, 0.05}


def test_more_than_the_source_can_send_is_refused(table):
    more = {"threat": {"source": "region == west"}, "ratios": [0.3], "rows": 200}
    with pytest.raises(InputError, match=r"smallest ratio, 0\.3"):
        mithridate.audit(table, target="price", **QUICK | more)


def test_poison_comes_as_rows_of_its_source(table):
    threat = {"source": "region == west", "goal": "down"}
    made = mithridate.poison(table, target="price", ratio=0.05, threat=threat)
    rows, west = made.frame[made.frame.is_poison], table[table.region == "west"]
    assert set(rows.region) == {"west"}
    assert rows["size"].between(west["size"].min(), west["size"].max()).all()
    assert made.mean_poisoned < made.mean_clean
    assert "'down'" in made.summary[1]


def test_a_spec_says_a_goal_that_cannot_be_read():
    with pytest.raises(
        InputError, match=r"In 'threat': 'north' is no condition on rows.*joined by"
    ):
        Spec.of({"threat": {"goal": "north"}})
