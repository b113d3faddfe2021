"""A portfolio of attacks: what is tried on the real model, and what is kept."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeRegressor

from mithridate.auditing.asked import strongest
from mithridate.bench import Spec, polish, portfolio
from mithridate.bench.judges import judge
from mithridate.bench.pieces import Piece
from mithridate.bench.poisoning import batches
from mithridate.bench.portfolio import members
from mithridate.bench.score import Cell, mark, score, under
from mithridate.bench.trial import (
    AHEAD,
    FOLDS,
    Entry,
    JudgedErrors,
    TriedPiece,
    against,
    best,
    choose,
    growth_of_others,
    predicted,
    squares,
)
from mithridate.bench.worlds import world
from mithridate.data import load
from mithridate.errors import InputError
from mithridate.tables.encoded import Part

TWO = {"use": "portfolio", "alphas": [1, 0.1], "members": ["flip", "greedy", "random"]}


def errors(fit, train, entry, judged):
    """Squared errors of an entry, tried to the end."""
    return squares(predicted(fit, train, entry, judged), judged)


@pytest.fixture(scope="module")
def made():
    """A portfolio of three attacks on a tree, on a small part of a real table, and what it tried.

    Each call of the choice is kept: its arguments and its answer.
    """
    spec = Spec.of(
        {"ratios": [0.1, 0.2], "attacks": [TWO], "judge": "sklearn.tree.DecisionTreeRegressor"}
    )
    split, calls = load("diabetes").split(0, 60), []
    here, cut = world(split, "progression", spec.threat), batches(spec, 60)

    def kept(*given, **more):
        calls.append((given, choose(*given, **more)))
        return calls[-1][1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(portfolio, "choose", kept)
        model = DecisionTreeRegressor(max_depth=4, random_state=0)
        how = {"splits": [split], "model": model}
        found = portfolio.attacked(spec.attacks[0], spec, [here], [0], cut, None, **how)
    return split, model, cut, found, calls


def test_it_keeps_what_most_damage_is_sure_of(made):
    split, model, cut, found, calls = made
    (_, _, written, _, judged), chosen = calls[1]
    assert chosen[0].rows is found.piece(0, 0, cut.counts[1]).rows
    assert [one.aims for one in written] == [False, True, True, False]

    def fit(rows):
        return model.fit(rows.X, rows.y)

    each = {one.piece.member: errors(fit, split.train, one, judged) for one in written}
    sure = {name: against(found, each["flip"])[1] for name, found in each.items()}
    assert chosen[0].member == max(sure, key=sure.get)


def test_a_training_row_is_predicted_by_what_saw_neither_it_nor_its_copies():
    rng = np.random.default_rng(0)
    train, validation = (Part(rng.normal(size=(n, 2)), rng.normal(size=n)) for n in (12, 5))
    held = train.y.copy()
    held[4] = np.nan
    origin = np.array([0, 3, 7, 7])
    poison = Part(train.X[origin], np.full(4, 9.0))
    piece = Piece(poison, origin, 0.0, 0.0)

    def fit(rows):
        return LinearRegression().fit(rows.X, rows.y)

    def by_hand(row):
        stays, copies = np.arange(12) % FOLDS != row % FOLDS, origin % FOLDS != row % FOLDS
        X = np.vstack([train.X[stays], poison.X[copies]])
        return LinearRegression().fit(X, np.append(train.y[stays], poison.y[copies]))

    for aims in (False, True):
        judged = JudgedErrors(validation, held, copied=True, placed="added")
        found = errors(fit, train, Entry(piece, aims), judged)
        assert np.isnan(found[4])
        for row in (0, 7, 11):
            expected = (train.y[row] - by_hand(row).predict(train.X[[row]])[0]) ** 2
            assert found[row] == pytest.approx(expected)
        # So few training rows cannot do without the validation rows.
        assert not np.isnan(found[12:]).any()


def test_validation_rows_that_were_aimed_by_do_not_count(made):
    split, model, _, _, calls = made
    (_, _, written, _, judged), _ = calls[0]

    def fit(rows):
        return model.fit(rows.X, rows.y)

    found = {one.piece.member: errors(fit, split.train, one, judged) for one in written}
    assert np.isnan(found["greedy, alpha 1"][60:]).all()
    assert not np.isnan(found["flip"]).any()


def test_what_is_not_surely_more_than_flip_is_not_taken():
    plain = np.zeros(100)
    noisy = np.where(np.arange(100) < 3, 1.0, 0.0)  # three rows of a hundred
    assert against(plain, plain) == (0, 0)
    damage, sure = against(noisy, plain)
    assert damage == pytest.approx(0.03)
    assert sure == pytest.approx(0.03 - AHEAD * noisy.std() / 10)
    tried = [TriedPiece("flip", 1.0, 1.0, 1.0), TriedPiece("other", 1.1, 0.5, 0.9)]
    assert best(tried, 0.0, [1.0])[0].piece == "flip"


def test_what_is_surely_behind_flip_is_tried_no_further():
    rng = np.random.default_rng(0)
    train, validation = (Part(rng.normal(size=(90, 2)), rng.normal(size=90)) for _ in range(2))
    nothing = Piece(Part(train.X[:0], train.y[:0]), np.zeros(0, int), 0.0, 0.0)
    judged, fits = JudgedErrors(validation, train.y, copied=True, placed="added"), []

    def fit(rows):
        fits.append(len(rows.y))
        return LinearRegression().fit(rows.X, rows.y)

    whole = predicted(fit, train, Entry(nothing, False), judged)
    assert np.isfinite(whole).all()
    assert len(fits) == 1 + FOLDS
    short = predicted(fit, train, Entry(nothing, False), judged, squares(whole, judged) + 1)
    assert len(fits) == 2 + FOLDS
    np.testing.assert_array_equal(short[90:], whole[90:])
    assert np.isnan(short[:90]).all()


def test_poison_copies_no_rows_but_those_that_the_threat_model_allows():
    split = load("diabetes").split(0, 60)

    def may(**threat):
        spec = Spec.of({"threat": threat}).threat
        here = world(split, "progression", spec)
        return here, portfolio.judged_by(here, split, spec).may

    assert may()[1].rows.all()
    for none in ({"writes": "features"}, {"budget": 0.5}, {"surrogate": 20}):
        assert may(**none)[1] is None
    here, mine = may(source="bmi > 25")
    assert 0 < here.own.sum() < 60
    np.testing.assert_array_equal(mine.rows, here.own)
    assert (mine.low, mine.high) == (here.lower[-1], here.upper[-1])
    inside = may(box={"bmi": [20, 30]})[1].rows
    assert 0 < inside.sum() < 60


def test_an_exchange_moves_poison_to_where_the_model_yields():
    train = Part(np.arange(6.0)[:, None], np.full(6, 0.5))
    piece = Piece(Part(train.X[[0, 1, 2]], np.ones(3)), np.array([0, 1, 2]), 0.0, 0.0)
    clean, said = np.full(6, 0.5), np.array([0.9, 0.5, 0.8, 0.7, 0.1, 0.5])
    known = polish.Said(clean, said, np.full(6, 0.5))
    free = polish.Copying(np.ones(6, bool), 0.0, 1.0)
    made = polish.exchanged(piece, train, known, free)
    np.testing.assert_array_equal(made.origin, [0, 2, 4])  # row 1 is outvoted, row 4 falls most
    np.testing.assert_array_equal(made.rows.y, [1, 1, 0])
    # Where predictions are to go up, only rows that do.
    up = polish.exchanged(piece, train, known._replace(held=np.full(6, -1.0)), free)
    np.testing.assert_array_equal(up.origin, [0, 2, 3])
    own = free._replace(rows=np.arange(6) == 5)
    assert polish.exchanged(piece, train, known, own) is None


def test_alphas_with_the_same_poison_are_judged_once(made):
    split, model, cut, found, _ = made
    keys = {"seed": 0, "placed": "added", "ratio": 0.1, "dataset": "t", "victim": "v"}
    keys |= {"judge": "j", "attack": "a", "against": None, "risk_name": None, "normalizer": None}
    piece = found.piece(0, 0, cut.counts[0])
    first, again = (Cell(keys | {"alpha": a}, piece._replace(risk=a)) for a in (1.0, 0.5))
    other = Cell(keys | {"alpha": 0.1}, found.piece(0, 0, cut.counts[1]))
    assert mark(first) == mark(again) != mark(other)
    assert under(again, score(first, split, model, [])) == score(again, split, model, [])


def test_alpha_trades_damage_for_risk(made):
    _, _, cut, found, _ = made
    assert found.piece(1, 0, cut.counts[0]).risk <= found.piece(0, 0, cut.counts[0]).risk


def test_neither_damage_nor_risk_falls_as_alpha_grows():
    rng = np.random.default_rng(0)
    tried = [
        TriedPiece(None, 1 + r * rng.uniform(), r, r * rng.uniform()) for r in rng.uniform(0, 9, 30)
    ]
    most = max(tried, key=lambda one: one.sure)
    found = best(tried, 1.0, np.linspace(0, 1, 21))
    assert (np.diff([min(one.damage, most.damage) for one in found]) >= 0).all()
    assert (np.diff([one.risk for one in found]) >= 0).all()
    assert found[-1] is most


def test_what_costs_the_others_too_much_is_no_choice():
    tried = [TriedPiece(None, 9.0, 1.0, 9.0, 0.3), TriedPiece(None, 5.0, 1.0, 5.0, 0.04)]
    assert best(tried, 1.0, [1.0, 0.5]) == [tried[1]] * 2
    tried[1] = tried[1]._replace(growth=0.2)
    assert best(tried, 1.0, [1.0]) == [tried[1]]


def test_the_others_are_those_of_training_and_validation_that_the_goal_is_not_about():
    train, validation = Part(np.zeros((3, 1)), np.array([1.0, 2, 3])), Part(np.zeros((1, 1)), [9.0])
    judged = JudgedErrors(
        validation, np.array([np.nan, 2, np.nan]), True, "added", others=Part(np.zeros((1, 1)), [5])
    )
    # Errors of rows 0 and 2 and of the other: 1 each without poison, then 4, 1 and 9; one is left.
    clean, said = np.array([0.0, 7, 2, 7, 4]), np.array([3.0, 0, 4, 0, 2])
    assert growth_of_others(said, clean, train, judged) == pytest.approx((4 + 1 + 9) / 3 - 1)
    assert growth_of_others(np.append(said[:4], np.nan), clean, train, judged) == 1.5
    assert growth_of_others(said, clean, train, judged._replace(others=None)) == 0


def test_of_rows_that_are_to_stay_predictions_are_looked_at():
    rng = np.random.default_rng(0)
    train, validation, others = (
        Part(rng.normal(size=(n, 2)), rng.normal(size=n)) for n in (30, 5, 4)
    )
    held = np.where(np.arange(30) < 24, train.y, np.nan)
    nothing = Entry(Piece(Part(train.X[:0], train.y[:0]), np.zeros(0, int), 0.0, 0.0), False)
    fit = lambda rows: LinearRegression().fit(rows.X, rows.y)  # noqa: E731
    for rest, seen in ((None, [24, 5]), (others, [30, 9])):
        judged = JudgedErrors(validation, held, True, "added", others=rest)
        said = predicted(fit, train, nothing, judged)
        assert [np.isfinite(part).sum() for part in (said[:30], said[30:])] == seen
        assert np.isfinite(squares(said, judged)).sum() == 29


def test_members_share_alphas_and_are_no_portfolios():
    spec = Spec.of({"attacks": [TWO]})
    assert [member.alphas for member in members(spec.attacks[0])] == [[1, 0.1]] * 3
    nested = Spec.of({"attacks": [{**TWO, "members": ["portfolio"]}]})
    with pytest.raises(InputError, match="cannot hold a portfolio"):
        members(nested.attacks[0])


def test_a_network_is_attacked_through_itself_and_by_others():
    given = [1.0], "residual", "ideal", "after"
    found = members(Spec.of({"attacks": [strongest("mlp", *given)]}).attacks[0])
    assert [one.use for one in found] == ["staged", "region", "region", "flip"]
    assert (found[0].through, found[0].options["feasible"]) == (None, "after")
    assert strongest("ridge", *given)["use"] == "ascent"
    assert strongest("hgb(max_iter=9)", *given)["use"] == "portfolio"


def test_short_names_are_regressors():
    assert type(judge(Spec.of({"judge": "hgb"}))[1]).__name__ == "HistGradientBoostingRegressor"
    scaled = judge(Spec.of({"judge": "svr"}))[1]
    assert scaled.regressor.steps[-1][0] == "svr"
