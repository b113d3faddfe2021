"""The numbers of the summary: each sentence from a table so small that it is told by hand."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from sklearn.linear_model import LinearRegression

from mithridate.cleaning import summary
from mithridate.cleaning.groups import Tally, source_sentence
from mithridate.moments import Moments


class Judge(SimpleNamespace):
    """What a fitted defense says."""

    def __init__(self, **said):
        plain = {"n_rejected_": 0, "message_": "", "estimator": None, "regression_": None}
        super().__init__(**{**plain, **said})

    def how_sure(self, n):
        return f"of {n}."


def encoded(X, y, **given):
    """A table in memory by its numbers; all columns of it are features."""
    columns = SimpleNamespace(
        column=[f"x{j}" for j in range(X.shape[1])], group=np.full(X.shape[1], -1)
    )
    plain = {"target": "y", "zero": 0.0, "unit": 1.0, "columns": columns, "rows": len(y)}
    return SimpleNamespace(**{**plain, "X": X, "y": y, **given})


def rejected(residual=(), places=(), sigmas=(), columns=None, **given):
    """Rows that were rejected, by their deviations."""
    records = np.array([(r,) for r in residual], [("residual", float)])
    plain = {"judged": None, "numbers": None, "target": "y", "columns": columns}
    return SimpleNamespace(
        **{**plain, **given}, records=records, places=np.array(places), sigmas=np.array(sigmas)
    )


def lines(guard, encoding, gone, cells=None):
    table = {name: pa.chunked_array([[0.0]]) for name in encoding.columns.column}
    return summary.sentences(guard, encoding, gone, table, None, cells=cells, shifts={})


def test_the_headlines_count_the_rejected_rows():
    assert summary.headlines(Judge(n_rejected_=12), 4800) == [
        "Found: Judge rejected 12 of 4,800 rows (0.25%).",
        "How sure: of 4800.",
    ]
    assert (
        summary.headlines(Judge(), 1200)[0] == "Nothing found: Judge rejected none of 1,200 rows."
    )


def test_by_moments_the_cost_is_that_of_two_ridges():
    # Without features a ridge is a mean: of -1, 1, -1, 1 it is 0, and 2 with the 10. On the four
    # rows the squares are 1, and 1 + 4; in units of 3 their roots are 3 and 6.71.
    y = np.array([-1.0, 1, -1, 1, 10])
    every, kept = (Moments.of(np.zeros((len(t), 1)), t, np.ones(len(t))) for t in (y, y[:4]))
    assert summary.cost_by_moments(kept, every, 3.0) == [
        "Fit: the root mean squared error on the kept rows is 6.71 with the rejected rows in "
        "training, 3 without.",
        "If wrong: you lose 1 genuine row.",
    ]
    assert summary.cost_by_moments(every, every, 3.0) == []


def test_the_ridge_of_the_cost_has_a_penalty_of_a_thousandth():
    # Where that is the mean square of x, half of a slope is left: 1/2 of a target of 1. Beside a
    # third row at 0 the mean square is 2/3 of it, and 2/5 of the slope are left.
    x, y = np.array([-1.0, 1, 0]) * np.sqrt(1e-3), np.array([-1.0, 1, 0])
    every, kept = (Moments.of(x[:n, None], y[:n], np.ones(n)) for n in (3, 2))
    assert "is 0.6 with" in summary.cost_by_moments(kept, every, 1.0)[0]
    assert "0.5 without" in summary.cost_by_moments(kept, every, 1.0)[0]


@pytest.mark.parametrize(
    ("trusted", "said"), [(20, []), (19, ["19 trusted rows"]), (1, ["1 trusted row"])]
)
def test_fewer_than_twenty_trusted_rows_are_few(trusted, said):
    end = ": by so few a choice is mostly chance; give 20 or more."
    assert summary.few(trusted) == [f"Only {one}{end}" for one in said]


@pytest.mark.parametrize(
    ("group", "gone", "end"),
    [(3, 3, "."), (3, 5, "; 2 have a target that does not fit, each alone.")],
)
def test_rows_that_went_together_are_told_from_the_others(group, gone, end):
    assert summary.kinds(group, gone) == (
        f"Of these, 3 rows together pulled the model to where it is{end}"
    )
    assert summary.kinds(0, gone) == ""


def test_what_stands_out_is_counted_and_what_is_lost_by_a_mistake():
    # The line through (0, 0), (1, 0), (2, 0) and (3, 1) is 0.3 x - 0.2: off by .2, .1 and .4 on the
    # first three, which without the last are met exactly. The target is in units of 10.6.
    x, y = np.arange(4.0)[:, None], np.array([0.0, 0, 0, 1])
    guard = Judge(
        n_rejected_=1, inlier_mask_=np.arange(4) < 3, estimator=LinearRegression(), message_="Last."
    )
    columns = SimpleNamespace(column=["a", "b", "c"], group=np.array([-1, -1, 0]))
    # c is a level, and 3 is not beyond 3; that the target stands out, its residual says.
    gone = rejected(
        (3.5, -3.2, 3.0),
        places=[[0, 0, 3], [2, 1, 1]],
        sigmas=[[3.5, -4.0, 9.0], [5.0, 3.0, 3.1]],
        columns=columns,
        judged=SimpleNamespace(group=np.array([True, True, False])),
    )
    assert lines(guard, encoded(x, y, unit=10.6), gone)[2:] == [
        "Of these, 2 rows together pulled the model to where it is; 1 have a target that does not "
        "fit, each alone.",
        "Columns that stand out by 3 σ: 'y' (the target) in 2, 'a' in 2, 'b' in 1.",
        "Fit: the median error on the kept rows is 2.12 with the rejected rows in training, 0 "
        "without.",
        "If wrong: you lose 1 genuine row, and predictions move by 2.1 in the median, 4.2 at most.",
        "Last.",
    ]
    usual = rejected((1.0,), places=[[0], [1]], sigmas=[[3.0], [1.0]], columns=columns)
    assert "Columns that stand out by 3 σ: none." in lines(guard, encoded(x, y), usual)


def test_the_model_to_defend_is_a_ridge_by_the_range_of_the_kept_rows():
    # A column that is the same in all kept rows says nothing, however far off the rejected cell is:
    # the ridge is the mean, 1/4 of the others and 7/16 of all. Errors of 3/16, 1/16 and 7/16.
    X, y = np.array([[1.0], [1], [1], [1e6]]), np.array([0.25, 0.5, 0.0, 1.0])
    guard = Judge(n_rejected_=1, inlier_mask_=np.arange(4) < 3)
    gone = rejected((9.0,), [[0], [0]], [[1.0], [1.0]], encoded(X, y).columns)
    assert lines(guard, encoded(X, y, unit=16.0), gone)[2:] == [
        "Columns that stand out by 3 σ: 'y' (the target) in 1.",
        "Fit: the median error on the kept rows is 3 with the rejected rows in training, 4 "
        "without.",
        "If wrong: you lose 1 genuine row, and predictions move by 3 in the median, 3 at most.",
    ]


def test_the_source_is_a_category_unless_the_one_that_was_named_shows_it():
    # Six of eight rows from the east were rejected, of 40; so they were by a number that is a code.
    east = np.arange(40) < 8
    ward = pa.chunked_array([np.where(east, "east", "north").tolist()])
    columns = SimpleNamespace(column=["a", "ward", "ward"], group=np.array([-1, 0, 0]))
    table = encoded(np.ones((40, 3)), np.zeros(40), columns=columns)
    guard = Judge(n_rejected_=6, inlier_mask_=np.arange(40) > 5, estimator=LinearRegression())
    gone = rejected((1.0,), [[0], [0]], [[0.0], [0.0]], columns)

    def source(groups, **cells):
        said = summary.sentences(guard, table, gone, cells, groups, cells=None, shifts={})
        return next((line for line in said if line.startswith("Source")), "")

    other = "'ward' is 'east' in 6 of the 6 rejected rows, but in 20% of all rows."
    assert source(None, a=ward, ward=ward, y=ward) == f"Source: {other}"
    assert source(None, a=ward, y=ward) == ""
    for chance, beyond in ((0.5, False), (1e-9, True)):
        tallies = [Tally("v2", 10, 6, chance)]
        groups = SimpleNamespace(column="vendor", tallies=lambda kept, told=tallies: told)
        named = source_sentence("'vendor'", tallies)
        assert tallies[0].beyond == beyond
        assert source(groups, ward=ward) == (named if beyond else f"{named} But {other}")
        assert source(groups, vendor=ward) == named


def test_of_a_large_table_evenly_spaced_rows_say_what_a_mistake_costs(monkeypatch):
    # Of six rows, at most three are asked: rows 0, 2 and 4, whose means are 1/2 and 3/4.
    monkeypatch.setattr(summary, "MAX_ROWS", 3)
    y = np.array([0.25, 9.0, 0.75, 9.0, 1.25, 9.0])
    guard = Judge(n_rejected_=1, inlier_mask_=np.arange(6) != 4)
    gone = rejected((9.0,), [[0], [0]], [[1.0], [1.0]], encoded(y[:, None], y).columns)
    assert lines(guard, encoded(np.ones((6, 1)), y), gone)[-1] == (
        "If wrong: you lose 1 genuine row, and predictions move by 0.25 in the median, 0.25 at "
        "most."
    )


@pytest.mark.parametrize(("numbers", "row"), [(None, 2), (np.array([5, 1234, 2000]), 1234)])
def test_in_a_table_without_errors_the_most_suspicious_row_is_named(numbers, row):
    guard = Judge(
        scores_=np.array([0.1, 0.9, 0.3]),
        expected_=np.array([0.0, 0.25, 0.0]),
        expected_low_=np.array([0.0, 0.0, 0.0]),
        expected_high_=np.array([0.0, 0.75, 0.0]),
    )
    table = encoded(np.ones((3, 1)), np.array([0.0, 0.5, 1.0]), zero=10.0, unit=4.0)
    assert lines(guard, table, rejected(numbers=numbers))[-1] == (
        f"Most suspicious: row {row:,}, whose 'y' is 12, where the others predict 11 (10 to 13). "
        f"{summary.UNSEEN}"
    )


def test_how_far_off_a_row_has_to_be_follows_from_its_residual_and_its_score():
    # Residuals over scores are .2, .3 and .2 where there is a score; 3 of them in units of 5 are 3.
    guard = Judge(
        scores_=np.array([0.0, 1.0, 1.0, 2.0]),
        threshold_=3.0,
        regression_=SimpleNamespace(predict=lambda X: np.zeros(len(X))),
        unit_box_=SimpleNamespace(scaled=lambda X: X),
    )
    table = encoded(np.ones((4, 1)), np.array([0.1, 0.2, -0.3, 0.4]), unit=5.0)
    said = "If wrong: a row less than about 3 off the predicted 'y' was kept."
    assert lines(guard, table, rejected())[-1] == f"{said} {summary.UNSEEN}"
    guard.regression_ = None
    assert lines(guard, table, rejected())[-1] == summary.UNSEEN
    guard.expected_low_ = np.array([0.0, np.nan, 0.0, 0.0])
    assert lines(guard, table, rejected())[-1] == summary.UNSEEN


def test_where_cells_alone_are_judged_only_they_are_told():
    table, cells = encoded(np.ones((3, 1)), np.zeros(3)), SimpleNamespace(sentence="Cells: 1.")
    assert lines(Judge(only="cells"), table, rejected(), cells) == ["Cells: 1."]
    assert "Cells: 1." in lines(Judge(scores_=np.zeros(3)), table, rejected(), cells)
