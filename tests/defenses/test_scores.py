"""Scores that are bounded first: exact where it matters, on the right side elsewhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import betainc

from mithridate.bayes import BayesianRegression
from mithridate.defenses import chance
from mithridate.passes import memory, scores
from mithridate.passes.block import everything


def table(n, d, spread=1.0, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.random((n, d))
    X[:, -1] *= spread
    return memory.InMemory(X, X @ np.ones(d) + rng.normal(size=n), None)


def all_scores(rows):
    """One of each kind that knows bounds."""
    first = BayesianRegression.of(rows.moments(everything))
    most = scores.most_leverage(first, *rows.box)
    left_out = chance.LeaveOneOut(first, most)
    return {
        "z": scores.ZScore(first, most),
        "left out": left_out,
        "second": chance.second_regression(rows, first),
    }


@pytest.mark.parametrize("d", [1, 2, 13, 30, 45, 130])
def test_some_rows_alone_have_the_leverage_that_they_have_among_others(d):
    rows = table(5000, d)
    (block,) = rows.blocks
    model = BayesianRegression.of(rows.moments(everything))
    every, rng = scores.leverage(block, model), np.random.default_rng(1)
    np.testing.assert_allclose(every, model.leverage(block.Z[:-1].T), rtol=1e-9)
    for k in (1, 2, 3, 17, 100, 191, 192, 193, 1000, 4999):
        some = np.sort(rng.choice(5000, k, replace=False))
        part = scores.leverage(scores.of_rows(block, some), model)
        np.testing.assert_array_equal(part, every[some])


@given(st.sampled_from([30, 400, 16_000]), st.sampled_from([1.0, 1e-4]), st.data())
def test_a_score_is_exact_between_two_values_and_on_its_side_elsewhere(n, spread, data):
    rows = table(n, 5, spread)
    (block,) = rows.blocks
    score = all_scores(rows)[data.draw(st.sampled_from(["z", "left out", "second"]))]
    exact = score(block)
    least, most = score.bounds(block)
    assert (least <= exact).all() and (exact <= most).all()
    shares = sorted(data.draw(st.tuples(st.floats(0, 1), st.floats(0, 1))))
    low, high = np.quantile(exact, shares, method="nearest")
    found = score.between(block, low, high)
    inside = (exact >= low) & (exact <= high)
    np.testing.assert_array_equal(found[inside], exact[inside])
    np.testing.assert_array_equal(found < low, exact < low)
    np.testing.assert_array_equal(found > high, exact > high)


def test_few_scores_of_a_long_table_are_computed(monkeypatch):
    rows = table(16_000, 5)
    (block,) = rows.blocks
    looked, real = [], scores.leverage
    for name, score in all_scores(rows).items():
        cut = float(np.median(score(block)))
        for module in (scores, chance):
            monkeypatch.setattr(
                module,
                "leverage",
                lambda part, model: looked.append(len(part.weight)) or real(part, model),
            )
        want = score(block) <= cut
        looked.clear()
        np.testing.assert_array_equal(scores.AtMost(score, cut)(block), want)
        assert 0 < sum(looked) < 1600, name
        monkeypatch.undo()


def test_the_cut_of_a_scale_from_the_median_has_the_tails_of_its_efficiency():
    """The median of |z| is .6745, the density there .6356; so 100 degrees are worth 36.752."""
    assert chance.student_cut(0.05, 100.0) == pytest.approx(2.02665, abs=1e-5)
    assert chance.student_cut(0.05, 0.5) == chance.student_cut(0.05, 1.0)


def test_the_chance_of_so_many_beyond_a_cut_by_hand():
    """By c = 2.5758 the share moves by .07449 of the log scale; its variance is 1.587-fold."""
    for count in (1.0, 5.0, 12.0):
        expected = betainc(count / 1.587018, (300 - count) / 1.587018 + 1.0, 0.01)
        assert chance.tail_probability(count, 300, 0.01) == pytest.approx(expected, rel=1e-4)


def test_the_second_score_of_a_row_near_and_of_one_that_is_not():
    rows = table(400, 3)
    (block,) = rows.blocks
    score = all_scores(rows)["second"]
    residual = np.abs(block.y - score.model.predict(block.Z[:-1].T))
    h, near = score.model.leverage(block.Z[:-1].T), score.near(block).astype(bool)
    spread = np.sqrt(np.where(near, 1.0 - h, 1.0 + h) / score.model.noise_precision)
    assert 0.4 < near.mean() < 0.6
    np.testing.assert_allclose(score(block), residual / spread / score.unit, rtol=1e-9)
    assert score.unit * 0.67449 == pytest.approx(np.median(residual / spread), rel=1e-2)
