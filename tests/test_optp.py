"""OptP against its specification, written out row by row, and against its reference code's runs."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mithridate.attack.attacks import OptP
from mithridate.attack.sample import Sample
from mithridate.attack.victims import AbstractVictim, Ridge
from mithridate.errors import InputError

from .conformance.test_attacks import run, untouched
from .conformance.worlds import problem, sample
from .house import COUNTS, KEY, read

pytestmark = pytest.mark.usefixtures("x64")
# Test MSE that the reference reached with that many poison rows.
REACHED = {
    "bflip": (0.0311, 0.0545, 0.0739, 0.0879, 0.1148),
    "inflip": (0.0249, 0.0451, 0.0699, 0.0988, 0.1243),
}


class Line(NamedTuple):
    """A linear model."""

    coef_: np.ndarray
    intercept_: float

    def predict(self, X):
        return X @ self.coef_ + self.intercept_


class Plain:
    """The attack as its specification says it: a refit for every step of every row."""

    def __init__(self, world, attack):
        self.attack, threat = attack, world.threat
        self.X, self.y = np.asarray(world.clean.X), np.asarray(world.clean.y)
        aimed = sample(len(self.y), seed=1)
        self.X_val, self.y_val = np.asarray(aimed.X), np.asarray(aimed.y)
        self.lower, self.upper = np.asarray(threat.lower), np.asarray(threat.upper)
        self.groups = [np.flatnonzero(group) for group in np.asarray(threat.member)]
        self.optional = np.asarray(threat.optional)
        self.penalty = float(world.victim.l2) * (len(self.y) + threat.capacity)

    def fit(self, X, y):
        X, y = np.concatenate([self.X, X]), np.concatenate([self.y, y])
        mean, A = X.mean(axis=0), X - X.mean(axis=0)
        w = np.linalg.solve(A.T @ A + self.penalty * np.eye(X.shape[1]), A.T @ (y - y.mean()))
        return Line(w, y.mean() - mean @ w)

    def residuals(self, model):
        if self.attack.objective == "training":
            return self.X, model.predict(self.X) - self.y
        return self.X_val, model.predict(self.X_val) - self.y_val

    def goal(self, model):
        error = np.mean(self.residuals(model)[1] ** 2)
        norm = self.penalty * np.linalg.norm(model.coef_) / 2
        return error + norm * (self.attack.objective == "training")

    def gradient(self, model, x, y):
        (n, d), w = self.X.shape, model.coef_
        e = x @ w + model.intercept_ - y
        mean = self.X.mean(axis=0)
        left = np.block(
            [
                [self.X.T @ self.X / n + self.penalty * np.eye(d), mean[:, None]],
                [mean[None, :], np.ones((1, 1))],
            ]
        )
        right = np.block(
            [[np.outer(x, w) + e * np.eye(d), -x[:, None]], [w[None, :], -np.ones((1, 1))]]
        )
        dw, db = np.split(np.linalg.lstsq(left, -right / n, rcond=None)[0], [d])
        judged, residual = self.residuals(model)
        g = residual @ (judged @ dw + db) / len(residual)
        if self.attack.objective == "training":
            g = g + self.penalty * w @ dw
        if not self.attack.optimize_y:
            g[-1] = 0
        return g / np.linalg.norm(g)

    def search(self, z, g, eta):
        def goal(z):
            return self.goal(self.fit(z[None, :-1], z[-1:]))

        last, before = z, goal(z)
        for _ in range(100):
            z = np.clip(z + eta * g, self.lower, self.upper)
            after, eta = goal(z), eta * self.attack.beta
            if abs(before - after) < 1e-8:
                break
            if after < before:
                z = last
                break
            last, before = z, after
        z = z.copy()
        for group, optional in zip(self.groups, self.optional, strict=True):
            value, top = max((z[j], j) for j in group)
            z[group] = 0
            z[top] = value > 1 / (1 + len(group)) or not optional
        return z

    def __call__(self, Z):
        best, record, eta, t = Z, self.goal(self.fit(Z[:, :-1], Z[:, -1])), self.attack.eta, 0
        while True:
            t += 1
            model = self.fit(Z[:, :-1], Z[:, -1])
            new = np.array([self.search(z, self.gradient(model, z[:-1], z[-1]), eta) for z in Z])
            old, now = self.goal(model), self.goal(self.fit(new[:, :-1], new[:, -1]))
            if now < old:
                eta *= 0.75
            else:
                Z = new
            if now > record:
                best, record = Z, old
            if t >= 15 and (abs(now - old) <= self.attack.epsilon or t > 50):
                return best


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"objective": "validation", "optimize_y": True, "epsilon": 1e-5},
        {"optimize_y": True, "eta": 0.3, "beta": 0.75, "epsilon": 1e-5},
    ],
    ids=["defaults", "validation", "large steps"],
)
def test_it_is_the_specification_row_by_row(options):
    world, attack = problem(ratios=(0.1,)), OptP(**options)
    start, origin = attack._start(world, KEY)
    flipped = world.threat.lower[-1] + world.threat.upper[-1] - start.y
    got = jax.jit(attack.improve)(world, start, origin, Sample(start.X, flipped, start.w))
    want = Plain(world, attack)(np.concatenate([start.X, flipped[:, None]], axis=1))
    assert np.abs(want[:, :-1] - start.X).max() > 1e-3
    np.testing.assert_allclose(got.X, want[:, :-1], atol=1e-8)
    np.testing.assert_allclose(got.y, want[:, -1], atol=1e-8)


def test_absent_slots_change_nothing():
    large, small, attack = problem(ratios=(0.1, 0.3)), problem(ratios=(0.1,)), OptP()
    start, origin = attack._start(large, KEY)
    p = small.threat.capacity
    some = start.weighing((jnp.arange(large.threat.capacity) < p) * 1.0)
    few = Sample(start.X[:p], start.y[:p], start.w[:p])
    write = eqx.filter_jit(attack._write)
    got, _ = write(large, some, origin, KEY)
    want, _ = write(small, few, origin[:p], KEY)
    np.testing.assert_allclose(got.X[:p], want.X, atol=1e-9)


@pytest.mark.parametrize("init", ["bflip", "invflip", "inflip"])
def test_starts_are_flipped_copies(init):
    world, attack = problem(ratios=(0.45,)), OptP(init=init, eta=0.0)
    start, origin = attack._start(world, KEY)
    np.testing.assert_array_equal(start.X, world.clean.X[origin])
    assert (len(set(origin.tolist())) == len(origin)) == (init != "inflip")
    # Without a step what is left is the start with its targets flipped.
    poison, _ = eqx.filter_jit(attack)(world, KEY)
    low, high = world.threat.lower[-1], world.threat.upper[-1]
    far = np.where(start.y < (low + high) / 2, high, low)
    want = low + high - start.y if init == "invflip" else far
    np.testing.assert_allclose(poison.y, want, rtol=1e-12)


def test_rows_with_room_are_copied_more_often():
    world = problem(ratios=(0.98,))
    middle = (world.threat.lower[-1] + world.threat.upper[-1]) / 2
    room = np.abs(np.asarray(world.clean.y - middle))
    assert room[OptP()._start(world, KEY)[1]].mean() > 1.05 * room.mean()


def test_absent_clean_rows_are_never_copied():
    world = problem(ratios=(0.4,))
    world = eqx.tree_at(lambda w: w.clean.w, world, world.clean.w.at[::2].set(0.0))
    for init in ("bflip", "inflip"):
        assert (OptP(init=init)._start(world, KEY)[1] % 2 == 1).all()


def test_replaced_rows_are_all_different_and_gone():
    world = problem(replaces=True)
    poison, trace = run(OptP(), world)
    assert len(set(trace.origin.tolist())) == len(trace.origin)
    assert trace.ends.damage[-1] > untouched(world).damage
    assert np.isfinite(poison.X).all()


def test_frozen_columns_stay():
    free = np.array([True, False, True, False, False, False, True, True, False])
    world = problem(free=jnp.asarray(free))
    poison, trace = eqx.filter_jit(OptP(eta=0.3))(world, KEY)
    start = np.column_stack([world.clean.X[trace.origin], world.clean.y[trace.origin]])
    z = np.column_stack([poison.X, poison.y])
    np.testing.assert_array_equal(z[:, ~free], start[:, ~free])
    assert np.abs(z - start).max() > 0.05


class Foreign(AbstractVictim):
    """Ridge that keeps its rows and is no `Ridge`."""

    ridge: Ridge = Ridge()

    def fit(self, fixed, moving, key):
        return self.ridge.fit(self.ridge.digest(fixed), moving, key)

    def predict(self, params, X):
        return self.ridge.predict(params, X)


@pytest.mark.parametrize(
    "objective", ["training", pytest.param("validation", marks=pytest.mark.slow)]
)
def test_another_victim_is_attacked_through_ridge(objective):
    attack = OptP(objective=objective)
    got, want = run(attack, problem(victim=Foreign()))[0], run(attack, problem())[0]
    np.testing.assert_allclose(got.X, want.X, atol=1e-9)


@pytest.mark.parametrize("wrong", [{"init": "levflip"}, {"objective": "test"}])
def test_unknown_words_are_refused(wrong):
    with pytest.raises(InputError, match="is not one of"):
        OptP(**wrong)


@pytest.fixture
def house(shared, init):
    return read(shared, init)


@pytest.mark.parametrize("init", REACHED)
def test_from_its_start_it_ends_where_the_reference_ends(house, init):
    attack, spare = OptP(init=init), house.rows("trn")
    climb = eqx.filter_jit(attack.improve)
    for count, reached in zip(COUNTS, REACHED[init], strict=True):
        # One shape for all counts, so that they share a compilation: unused slots are absent.
        p, unused = COUNTS[-1], COUNTS[-1] - count
        filler = Sample(spare.X[:unused], spare.y[:unused], jnp.zeros(unused))
        start = house.start(count) + filler
        poison = climb(house.at(count), start, jnp.zeros(p, int), start)
        want = house.end(count)
        np.testing.assert_allclose(poison.X[:count], want.X, atol=1e-10)
        np.testing.assert_array_equal(poison.y[:count], want.y)
        assert house.mse(want, count) == pytest.approx(reached, abs=1e-4)


@pytest.mark.parametrize("init", ["bflip", pytest.param("inflip", marks=pytest.mark.slow)])
def test_from_other_starts_it_does_the_damage_of_the_reference(house, init):
    attack, p = OptP(init=init), COUNTS[-1]

    @eqx.filter_jit
    def run(problem, key, count):
        start, origin = attack._start(problem, key)
        start = start.weighing((jnp.arange(p) < count) * 1.0)
        poison, _ = attack._write(problem, start, origin, key)
        return problem.threat.harden(poison, start)

    for count, reached in zip(COUNTS, REACHED[init], strict=True):
        problem = house.at(count)
        poisons = [run(problem, jax.random.key(seed), jnp.asarray(count)) for seed in range(3)]
        got = np.mean([house.mse(poison, count) for poison in poisons])

        assert reached / 1.3 < got < reached * 1.3
