"""TableErrors: groups that pull the model, then single wrong targets, and curves that stay."""

import numpy as np
import pytest

from mithridate.defenses import Antidote, TableErrors
from mithridate.errors import InputError


def poisoned(seed=0, n=200):
    """A tenth of the rows at one end, where the model expects the other; which rows they are."""
    rng = np.random.default_rng(seed)
    X = rng.random((n, 3))
    y = X @ [5.0, 2.0, -1.0] + 0.3 * rng.normal(size=n)
    bad = np.arange(n) % 10 == 3
    X[bad, 0] = rng.uniform(0.02, 0.1, bad.sum())
    y[bad] = y.max()
    return X, y, bad


def test_a_group_and_single_rows_are_told_apart():
    X, y, bad = poisoned()
    y[[20, 140]] += [-60.0, 900.0]
    found = TableErrors().fit(X, y)
    group = found.findings_ == 1
    assert group.sum() > 10 and bad[group].all()
    assert (found.findings_[[20, 140]] == 2).all()
    np.testing.assert_array_equal(np.flatnonzero(bad & found.inlier_mask_), [])
    assert found.n_rejected_ == 22
    assert found.scores_[group].min() > found.scores_[~group].max() > found.threshold_
    assert np.median((y - found.expected_)[bad]) > 1.0
    assert "pulled the model" in found.summary() and "honest table" in found.summary()


@pytest.mark.parametrize(("only", "finding"), [("groups", 1), ("rows", 2)])
def test_only_one_of_them(only, finding):
    X, y, _ = poisoned()
    y[20] -= 60.0
    found = TableErrors(only=only).fit(X, y)
    assert set(found.findings_) <= {0, finding}
    assert (found.findings_[20] == 2) == (only == "rows")


def test_a_curve_is_no_conspiracy():
    """A line is pulled by the rows on the steep part; trees need them for their neighbors."""
    rng = np.random.default_rng(2)
    X = rng.random((240, 2))
    y = np.where(X[:, 0] > 0.75, 30.0, X[:, 0]) + 0.1 * rng.normal(size=240)
    assert Antidote().fit(X, y).n_rejected_ > 0
    found = TableErrors().fit(X, y)
    assert found.n_rejected_ == 0
    assert "They stay" in found.message_


def test_a_part_that_trees_tell_apart_stays_where_the_others_bend_too():
    """A line is far off it, but spoiled no more than by the curve of the other rows."""
    rng = np.random.default_rng(2)
    X = rng.random((240, 2))
    part = X[:, 0] > 0.86
    X[part, 0] += 0.1
    y = np.where(part, -3.0, 2.0 * np.abs(np.sin(6.0 * X[:, 1])) + X[:, 0])
    found = TableErrors(only="groups").fit(X, y + 0.1 * rng.normal(size=240))
    assert Antidote().fit(X, y).n_rejected_ >= 30
    assert found.n_rejected_ == 0


def test_another_choice_is_refused():
    with pytest.raises(InputError, match="'groups', 'rows'"):
        TableErrors(only="cells and rows").fit(np.ones((9, 1)), np.arange(9.0))


def test_no_group_is_told_where_half_as_many_columns_as_rows_are():
    rng = np.random.default_rng(0)
    X = rng.random((60, 32))
    y = X[:, :3] @ [3.0, 2.0, 1.0] + 0.05 * rng.normal(size=60)
    X[:8, :3], y[:8] = 0.0, y.max()
    found = TableErrors(only="groups").fit(X, y)
    assert found.inlier_mask_.all()
    assert found.message_ == "32 columns for 60 rows: which rows pull together cannot be told."


def test_a_level_that_changed_for_good_costs_no_rows():
    rng = np.random.default_rng(31)
    x = rng.normal(size=250)
    y = x + 3.0 * (np.arange(250) >= 155) + 0.3 * rng.normal(size=250)
    found = TableErrors(only="groups").fit(x[:, None], y)
    assert found.inlier_mask_.all()
