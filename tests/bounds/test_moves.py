"""Single changes of a poison row: which there are, by hand, and what each does, by solving anew."""

import numpy as np
import pytest

from mithridate.bounds import Setting, Writable
from mithridate.bounds.moves import Moves, Pull, Rest, climbed, ended

from .tables import error_with

# A number, one in quarters, a group that needs one of three levels, and one of two that may do
# without; and a row of them, its intercept last.
MEMBER = np.array([[0, 0, 1, 1, 1, 0, 0], [0, 0, 0, 0, 0, 1, 1]], bool)
ROW = np.array([0.5, 0.5, 1, 0, 0, 0, 1, 1])


def writable(**given):
    """The box from 0 to 1 of all features, and from -1 to 2 of the target."""
    box = Writable(
        lower=np.append(np.zeros(7), -1.0),
        upper=np.append(np.ones(7), 2.0),
        step=np.array([0, 0.25, 0, 0, 0, 0, 0, 0]),
        free=np.ones(8, bool),
        budget=np.inf,
        member=MEMBER,
        optional=np.array([False, True]),
        origins=np.zeros((1, 8)),
    )
    return box._replace(**given)


def test_the_changes_of_a_row_are_the_ends_of_its_numbers_and_its_other_levels():
    changes = Moves(writable()).of(ROW, fine=False)
    # None; both numbers to 0; both to 1; the three levels, of which the first is held; the two
    # levels, of which the second is held and may be given up.
    assert changes.up.tolist() == [0, 0, 1, 0, 1, 2, 3, 4, 5, 6]
    assert changes.by.tolist() == [0, -0.5, -0.5, 0.5, 0.5, 0, 1, 1, 1, -1]
    assert changes.down.tolist() == [0, 0, 0, 0, 0, 0, 2, 2, 6, 0]
    assert changes.out.tolist() == [0, 0, 0, 0, 0, 0, 1, 1, 1, 0]


def test_fine_changes_are_shares_of_the_range_or_one_step_of_a_lattice():
    changes = Moves(writable(member=MEMBER[:0], optional=np.zeros(0, bool))).of(ROW, fine=True)
    by = [changes.by[changes.up == column] for column in (0, 1)]
    number = [0.0, -0.5, 0.5, -0.3, 0.3, -0.1, 0.1, -0.03, 0.03, -0.01, 0.01]
    np.testing.assert_allclose(by[0], number, atol=1e-12)
    assert by[1].tolist() == [-0.5, 0.5, *[-0.25, 0.25] * 4]


@pytest.mark.parametrize("without", [False, True])
def test_every_change_is_scored_as_the_changed_row_is(without):
    rng = np.random.default_rng(0)
    X, judged = rng.random((12, 7)), rng.random((5, 7))
    setting = Setting(X, rng.normal(size=12), judged, rng.normal(size=5), l2=0.1)
    fit, other = setting.fit(2), rng.random(9)
    Z, y = (np.array([other[:-1]]), other[-1:]) if without else (np.empty((0, 8)), np.empty(0))
    pull = Pull.of(setting, fit.A + Z.T @ Z, fit.b + Z.T @ y)
    rest = Rest.of(pull, other if without else None)  # a row put in and taken out again, or none
    changes = Moves(writable()).of(ROW, fine=True)
    made = np.repeat(ROW[None], len(changes.by), axis=0)
    made[np.arange(len(made)), changes.up] += changes.by
    made[np.arange(len(made)), changes.down] -= changes.out
    inverse = np.linalg.inv(fit.A)
    leverage, curve = rest.squares(ROW, changes)
    np.testing.assert_allclose(leverage, np.einsum("ij,jk,ik->i", made, inverse, made))
    bent = inverse @ setting.curve @ inverse
    np.testing.assert_allclose(curve, np.einsum("ij,jk,ik->i", made, bent, made))
    vector = rng.normal(size=8)
    np.testing.assert_allclose(ROW @ vector + changes.along(vector), made @ vector)


def low(judged: float):
    """A fit of 0 on two rows, judged by a target far above it or far below."""
    X = np.zeros((2, 7))
    setting = Setting(X, np.zeros(2), X[:1], np.array([judged]), l2=0.1)
    fit = setting.fit(1)
    return setting, Rest.of(Pull.of(setting, fit.A, fit.b))


@pytest.mark.parametrize(
    ("judged", "budget", "step", "target"),
    [
        # Judged far above, the row does most harm where it is lowest; far below, where highest.
        (10.0, np.inf, 0.0, -1.0),
        (-10.0, np.inf, 0.0, 2.0),
        (10.0, 0.3, 0.0, 1.6),  # 0.3 down from 1.9
        (-10.0, 0.3, 0.0, 2.0),  # the end is nearer than the budget
        (10.0, 0.3, 0.25, 1.65),  # one step down; two would cost 0.5
        (-10.0, 0.3, 0.25, 1.9),  # not even a step up to 2
    ],
)
def test_a_target_ends_as_far_off_as_box_and_budget_let_it(judged, budget, step, target):
    spacing = np.append(np.zeros(7), step)
    moves = Moves(writable(budget=budget, step=spacing))
    _, rest = low(judged)
    z = np.append(ROW, 1.9)
    np.testing.assert_allclose(ended(moves, rest, z, 1), np.append(ROW, target))
    kept = Moves(writable(budget=budget, free=np.append(np.ones(7, bool), False)))
    assert ended(kept, rest, z, 1) is z


def test_a_target_that_is_not_free_stays_while_the_features_move():
    setting, rest = low(-10.0)
    z = np.append(ROW, 0.2)
    gain, row = climbed(Moves(writable(free=np.append(np.ones(7, bool), False))), rest, z, 1)
    assert row[-1] == 0.2 and row[-2] == 1.0
    # Judged where all features are 0, a row pulls the more the fewer of its features are there;
    # of the three levels one has to be.
    assert row[[0, 1, 5, 6]].tolist() == [0, 0, 0, 0] and row[2:5].sum() == 1
    after = error_with(setting, row[None, :7], row[-1:])
    assert gain == pytest.approx(after - setting.fit(1).error)
