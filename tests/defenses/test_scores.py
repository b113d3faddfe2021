"""Scores that are bounded first: exact where it matters, on the right side elsewhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
