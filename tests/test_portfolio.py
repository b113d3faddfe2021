"""A portfolio of attacks: what is tried on the real model, and what is kept."""

import numpy as np
import pytest
from sklearn.tree import DecisionTreeRegressor

from mithridate.bench import Spec
from mithridate.bench.judges import judge
from mithridate.bench.poisoning import batches
from mithridate.bench.portfolio import Tried, attacked, best, members
from mithridate.bench.score import nmse
from mithridate.bench.worlds import world
from mithridate.data import load
from mithridate.errors import InputError
from mithridate.tables.encoded import Part

TWO = {"use": "portfolio", "alphas": [1, 0.1], "members": ["flip", "greedy", "random"]}


@pytest.fixture(scope="module")
def made():
    """A portfolio of three attacks on a tree, on a small part of a real table."""
    spec = Spec.of(
        {"ratios": [0.1, 0.2], "attacks": [TWO], "judge": "sklearn.tree.DecisionTreeRegressor"}
    )
    split = load("diabetes").split(0, 60)
    worlds, cut = [world(split, "progression", spec.threat)], batches(spec, 60)
    model = DecisionTreeRegressor(max_depth=4, random_state=0)
    found = attacked(spec.attacks[0], spec, worlds, [0], cut, None, splits=[split], model=model)
    return split, model, cut, found


def test_it_keeps_what_does_most_on_validation_rows_that_no_attack_aimed_by(made):
    split, model, cut, found = made
    worst = found.piece(0, 0, cut.counts[1])
    order = np.argsort(-np.maximum(1 - split.train.y, split.train.y), kind="stable")
    rows = order[: cut.counts[1]]
    y = np.where(1 - split.train.y[rows] > split.train.y[rows], 1.0, 0.0)
    half = len(split.validation.y) // 2
    aimed = Part(split.validation.X[half:], split.validation.y[half:])

    def damage(part):
        both = np.vstack([split.train.X, part.X]), np.append(split.train.y, part.y)
        return nmse(model.fit(*both), aimed)

    assert damage(worst.rows) >= damage(Part(split.train.X[rows], y))
    assert worst.member.split(",")[0] in {"flip", "greedy", "random"}


def test_alpha_trades_damage_for_risk(made):
    _, _, cut, found = made
    assert found.piece(1, 0, cut.counts[0]).risk <= found.piece(0, 0, cut.counts[0]).risk


def test_neither_damage_nor_risk_falls_as_alpha_grows():
    rng = np.random.default_rng(0)
    tried = [Tried(None, 1 + r * rng.uniform(), r) for r in rng.uniform(0, 9, 30)]
    found = best(tried, 1.0, np.linspace(0, 1, 21))
    assert (np.diff([one.damage for one in found]) >= 0).all()
    assert (np.diff([one.risk for one in found]) >= 0).all()
    assert found[-1].damage == max(one.damage for one in tried)


def test_members_share_alphas_and_are_no_portfolios():
    spec = Spec.of({"attacks": [TWO]})
    assert [member.alphas for member in members(spec.attacks[0])] == [[1, 0.1]] * 3
    nested = Spec.of({"attacks": [{**TWO, "members": ["portfolio"]}]})
    with pytest.raises(InputError, match="cannot hold a portfolio"):
        members(nested.attacks[0])


def test_short_names_are_regressors():
    assert type(judge(Spec.of({"judge": "hgb"}))[1]).__name__ == "HistGradientBoostingRegressor"
    scaled = judge(Spec.of({"judge": "svr"}))[1]
    assert scaled.regressor.steps[-1][0] == "svr"
