"""CertifiedMedian: no attack of as many rows as certified moves a prediction out."""

import copy
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeRegressor

from mithridate.defenses import CertifiedMedian, Ridge
from mithridate.errors import InputError


class Says:
    """A model that predicts what it is told."""

    def __init__(self, value):
        self.value = value

    def predict(self, X):
        return np.full(len(X), self.value)


FITTED = CertifiedMedian(parts=1).fit(np.arange(3.0)[:, None], np.arange(3.0))


def voting(votes):
    """A fitted median of models that vote so."""
    model = copy.deepcopy(FITTED)
    model.estimator_.models = [Says(vote) for vote in votes]
    return model


def attacked_medians(votes, k):
    """All medians that k changes can bring about: each moves, adds or removes a vote."""
    votes = np.sort(votes)
    for moved in range(k + 1):
        for added in range(k + 1 - moved):
            removed = k - moved - added
            if moved + removed > len(votes) or len(votes) + added == removed:
                continue
            rest = votes[moved + removed :], votes[: len(votes) - moved - removed]
            # Up: the lowest votes leave, and all new ones are beyond any end; and down.
            yield np.median(np.append(rest[0], np.full(moved + added, 1e9)))
            yield np.median(np.append(rest[1], np.full(moved + added, -1e9)))


votes_of_parts = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=15)


@settings(deadline=None, max_examples=300)
@given(votes_of_parts, st.integers(-5, 5), st.integers(0, 6))
def test_no_change_of_certified_many_votes_moves_the_median_out(votes, lower, width):
    certified = int(voting(votes).certify([[0.0]], lower, lower + width)[0])
    inside = lower <= np.median(votes) <= lower + width
    assert (certified >= 0) == inside
    for k in range(certified + 1):
        assert all(lower <= m <= lower + width for m in attacked_medians(votes, k))


@settings(deadline=None, max_examples=200)
@given(votes_of_parts.filter(lambda v: len(v) % 2), st.integers(-5, 5), st.integers(0, 6))
def test_one_more_change_can_where_the_number_of_votes_is_odd(votes, lower, width):
    """So the certificate is not smaller than it need be, as far as votes tell."""
    certified = int(voting(votes).certify([[0.0]], lower, lower + width)[0])
    if certified >= 0:
        medians = list(attacked_medians(votes, certified + 1))
        assert any(not lower <= m <= lower + width for m in medians)


@pytest.mark.parametrize("votes", [[0, 1, 2, 3, 4], [1, 1, 2, 3], [0, 0, 0, 9, 9], [2.0]])
def test_no_choice_of_parts_and_values_does_better(votes):
    """Brute force: every subset of parts, every value of a grid for each."""
    votes = np.array(votes, dtype=float)
    for lower, upper in [(0, 4), (1, 3), (2, 2), (0, 2), (-1, 1)]:
        certified = int(voting(votes).certify([[0.0]], lower, upper)[0])
        for k in range(1, min(certified, len(votes)) + 1):
            for parts in combinations(range(len(votes)), k):
                for values in np.stack(np.meshgrid(*[[-1e9, 0, 2, 1e9]] * k), -1).reshape(-1, k):
                    changed = votes.copy()
                    changed[list(parts)] = values
                    assert lower <= np.median(changed) <= upper


def table(seed=0, n=150, d=2):
    rng = np.random.default_rng(seed)
    X = rng.random((n, d))
    return X, X @ np.ones(d) + 0.1 * rng.normal(size=n)


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    inserted=st.integers(0, 3),
    deleted=st.integers(0, 3),
    size=st.sampled_from([1.0, 1e3, -1e6]),
    estimator=st.sampled_from([Ridge(), DecisionTreeRegressor(max_depth=3, random_state=0)]),
)
def test_real_rows_do_not_move_it_out_either(seed, inserted, deleted, size, estimator):
    X, y = table()
    new, rng = np.random.default_rng(1).random((30, 2)), np.random.default_rng(seed)
    model = CertifiedMedian(estimator, parts=9).fit(X, y)
    before = model.predict(new)
    certified = model.certify(new, before - 0.1, before + 0.1)
    stay = rng.permutation(len(y))[deleted:]
    X_bad, y_bad = rng.normal(size=(inserted, 2)) * size, rng.normal(size=inserted) * size
    after = CertifiedMedian(estimator, parts=9).fit(
        np.concatenate([X[stay], X_bad]), np.concatenate([y[stay], y_bad])
    )
    safe = certified >= inserted + deleted
    assert (np.abs(after.predict(new) - before)[safe] <= 0.1).all()


def test_an_attack_that_is_larger_than_certified_succeeds():
    """The certificate is about something: a row in every second part moves the median."""
    X, y = table()
    model = CertifiedMedian(parts=9).fit(X, y)
    certified = model.certify(X[:5], y.min() - 1, y.max() + 1)
    assert (certified == 4).all()
    rng, bad, hit = np.random.default_rng(0), [], set()
    while len(hit) < 5:
        row = 0.5 + 0.01 * rng.random((1, 2)), np.array([1e6])
        part = CertifiedMedian(parts=9).fit(np.tile(row[0], (2, 1)), np.tile(row[1], 2)).parts_[0]
        bad += [row] if part not in hit else []
        hit.add(part)
    X_all = np.concatenate([X, *[x for x, _ in bad]])
    y_all = np.concatenate([y, *[target for _, target in bad]])
    after = CertifiedMedian(parts=9).fit(X_all, y_all)
    assert (after.predict(X[:5]) > y.max() + 1).all()


def test_it_is_the_median_of_one_model_a_part():
    X, y = table()
    model = CertifiedMedian(LinearRegression(), parts=7).fit(X, y)
    votes = [
        LinearRegression().fit(X[rows], y[rows]).predict(X)
        for rows in (model.parts_ == part for part in range(7))
    ]
    np.testing.assert_allclose(model.predict(X), np.median(votes, axis=0))
    np.testing.assert_allclose(model.scores_, np.abs(y - np.median(votes, axis=0)))
    assert model.inlier_mask_.all() and not model.found_
    assert "median of 7 models" in model.summary()


def test_the_hash_is_the_same_everywhere_and_for_any_order():
    X, y = np.array([[0.0, 1.5], [2.0, -3.0], [0.0, 1.5]]), np.array([1.0, 2.0, 1.0])
    parts = CertifiedMedian(parts=1000, key="secret").fit(X, y).parts_
    assert parts.tolist() == [268, 657, 268]
    minus = CertifiedMedian(parts=1000, key="secret").fit(np.where(X == 0, -0.0, X), y).parts_
    np.testing.assert_array_equal(minus, parts)
    other = CertifiedMedian(parts=1000, key=b"another").fit(X, y).parts_
    assert (other != parts).any()
    X, y = table()
    order = np.random.default_rng(0).permutation(len(y))
    one, two = CertifiedMedian().fit(X, y), CertifiedMedian().fit(X[order], y[order])
    np.testing.assert_array_equal(two.parts_, one.parts_[order])


def test_parts_are_of_like_size():
    X, y = table(n=5000)
    counts = np.bincount(CertifiedMedian(parts=25).fit(X, y).parts_, minlength=25)
    assert counts.min() > 130 and counts.max() < 270


def test_a_part_without_rows_has_no_vote():
    X, y = table(n=12)
    model = CertifiedMedian(parts=50).fit(X, y)
    assert "have no rows" in model.message_
    assert len(model.estimator_.models) == len(np.unique(model.parts_))
    assert np.isfinite(model.predict(X)).all()


def test_an_interval_for_each_prediction():
    X, y = table()
    model = CertifiedMedian(parts=9).fit(X, y)
    middle = model.predict(X[:3])
    lower = middle + np.array([-9.0, 1.0, -9.0])
    assert model.certify(X[:3], lower, middle + 9.0).tolist() == [4, -1, 4]
    with pytest.raises(InputError, match="lower <= upper"):
        model.certify(X[:3], 1.0, 0.0)


@pytest.mark.parametrize("wrong", [{"parts": 0}, {"parts": 2.5}, {"key": "x" * 65}, {"key": 3}])
def test_wrong_parameters_are_named(wrong):
    with pytest.raises(InputError, match=rf"CertifiedMedian\({next(iter(wrong))}="):
        CertifiedMedian(**wrong).fit(*table())
