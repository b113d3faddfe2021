"""A portfolio of attacks: what is tried on the real model, and what is kept."""

import numpy as np
import pytest
from sklearn.tree import DecisionTreeRegressor

from mithridate.bench import Spec, portfolio
from mithridate.bench.judges import judge
from mithridate.bench.poisoning import batches
from mithridate.bench.portfolio import Tried, best, entries, halves, members, run_members
from mithridate.bench.worlds import world
from mithridate.data import load
from mithridate.errors import InputError

TWO = {"use": "portfolio", "alphas": [1, 0.1], "members": ["flip", "greedy", "random"]}


@pytest.fixture(scope="module")
def made():
    """A portfolio of three attacks on a tree, on a small part of a real table, and what they wrote.

    Each member's entries are those of 20 % poison.
    """
    spec = Spec.of(
        {"ratios": [0.1, 0.2], "attacks": [TWO], "judge": "sklearn.tree.DecisionTreeRegressor"}
    )
    split = load("diabetes").split(0, 60)
    here, cut = world(split, "progression", spec.threat), batches(spec, 60)
    model, ran = DecisionTreeRegressor(max_depth=4, random_state=0), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(portfolio, "run_members", lambda *a: ran.append(run_members(*a)) or ran[0])
        how = {"splits": [split], "model": model}
        found = portfolio.attacked(spec.attacks[0], spec, [here], [0], cut, None, **how)
    return split, here, model, cut, found, list(entries(ran[0], here, 0, cut.counts[1]))


def test_a_member_is_judged_by_rows_that_it_did_not_aim_by(made):
    _, here, _, _, _, written = made
    first, second = halves(here)
    both = np.vstack([first.heeded.X, second.heeded.X])
    np.testing.assert_array_equal(both, here.aimed.X)
    found = {one.piece.member: one for one in written}
    ((flip, on_all),) = found["flip"].judged
    assert flip.member == "flip"
    assert on_all is here.aimed
    (one, on_second), (two, on_first) = found["greedy, alpha 1"].judged
    np.testing.assert_array_equal(on_second.y, second.heeded.y)
    np.testing.assert_array_equal(on_first.y, first.heeded.y)
    assert not np.array_equal(one.origin, two.origin)


def test_it_keeps_what_does_most_on_rows_that_no_attack_aimed_by(made):
    split, _, model, cut, found, written = made
    worst = found.piece(0, 0, cut.counts[1])

    def damage(entry):
        errors = []
        for piece, rows in entry.judged:
            X = np.vstack([split.train.X, piece.rows.X])
            fitted = model.fit(X, np.append(split.train.y, piece.rows.y))
            errors.append((rows.y - fitted.predict(rows.X)) ** 2)
        return np.concatenate(errors).mean()

    best = max(written, key=damage)
    assert worst.member == best.piece.member
    np.testing.assert_array_equal(worst.rows.X, best.piece.rows.X)


def test_alpha_trades_damage_for_risk(made):
    _, _, _, cut, found, _ = made
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
