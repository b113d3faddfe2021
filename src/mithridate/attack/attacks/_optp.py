from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, Scalar

from ...errors import InputError
from ...moments import Moments
from ..objective import Problem
from ..sample import Sample
from ..threat import ThreatModel, standing
from ..victims import Ridge
from .base import AbstractAttack, clones, luck

STARTS = ("bflip", "invflip", "inflip")
OBJECTIVES = ("training", "validation")
_MIN_STEPS, _MAX_STEPS = 15, 51  # outer steps
_MAX_LINE_STEPS = 100  # steps of one line search
_TOLERANCE = 1e-8  # a change of the objective that ends a line search


class Model(NamedTuple):
    """A linear model, `x coef + intercept`."""

    coef: Float[Array, " d"]
    intercept: Scalar


class RidgeSetup(NamedTuple):
    """What the attack computes once: the clean rows enter by their moments alone.

    `ridge` inverts `S + λ I` and `flat` inverts `S / n + λ I`, with S the centered scatter of the
    features, n the number of clean rows and λ the penalty on the *summed* loss.
    """

    clean: Moments
    judged: Moments
    penalty: Scalar
    ridge: Float[Array, "d d"]
    flat: Float[Array, "d d"]
    model: Model


class OptPState(NamedTuple):
    """State of the outer loop; `goal` is the objective of the current rows."""

    rows: Sample
    model: Model
    goal: Scalar
    best: Sample
    record: Scalar
    eta: Scalar
    count: Int[Array, ""]
    finished: Bool[Array, ""]


class OptP(AbstractAttack):
    """The attack of Jagielski et al. on ridge, as its reference code does it.

    Copies of clean rows with flipped targets climb along a gradient that leaves the other poison
    rows out of the Gram matrix and takes the summed penalty λ for one on the mean loss. Each row
    steps by `eta`, `eta beta`, `eta beta²`, … as long as the objective grows for the clean rows
    *and that row alone*; its one-hot groups are rounded, and then all rows are replaced at once if
    that raises the objective for all together; if not, `eta` shrinks by a quarter. `objective` is
    `"training"` (clean training error and `λ ‖b‖ / 2`) or `"validation"`.

    `init` says which rows are copied and how they are flipped: `"bflip"` draws evenly without
    repeats and moves the target to the farther end of its range; `"invflip"` draws the same way
    and mirrors the target; `"inflip"` draws with repeats, rows of more influence and with more room
    more often, and moves the target to the farther end.

    All slots move together, so the rows of a smaller ratio are no prefix of those of a larger one:
    run it once for each ratio. A victim other than ridge is attacked through `stand_in`.

    Parameters
    ----------
    init : {"inflip", "bflip", "invflip"}
        Which rows are copied, and how their targets are flipped.
    objective : {"training", "validation"}
        Whose error is to grow.
    optimize_y : bool
        Whether targets climb too.
    eta : float
        First length of a step.
    beta : float
        Factor by which the steps of a row shrink.
    epsilon : float
        Growth of the objective at which it stops.
    stand_in : Ridge
        The ridge that is attacked in place of another victim.

    References
    ----------
    Jagielski et al., "Manipulating machine learning: poisoning attacks and countermeasures for
    regression learning" (2018), and the code published with it.

    Examples
    --------
    >>> OptP(init="bflip", objective="validation", optimize_y=True).eta
    0.01
    """

    init: str = eqx.field(static=True, default="inflip")
    objective: str = eqx.field(static=True, default="training")
    optimize_y: bool = eqx.field(static=True, default=False)
    eta: float = eqx.field(static=True, default=0.01)
    beta: float = eqx.field(static=True, default=0.05)
    epsilon: float = eqx.field(static=True, default=1e-3)
    stand_in: Ridge = Ridge()

    def __check_init__(self):
        for option, value, known in (
            ("init", self.init, STARTS),
            ("objective", self.objective, OBJECTIVES),
        ):
            if value not in known:
                raise InputError(f"{option} = {value!r} is not one of {', '.join(known)}.")

    @property
    def greedy(self) -> bool:
        return False

    def _start(self, problem: Problem, key: PRNGKeyArray) -> tuple[Sample, Int[Array, " p"]]:
        clean, threat = problem.threat.offered(problem.clean), problem.threat
        if self.init == "inflip":
            origin = _drawn(key, _influence(clean, threat), threat, repeats=not threat.replaces)
        else:
            origin = _drawn(key, jnp.sign(clean.w), threat, repeats=False)
        return clones(problem, origin), origin

    def _write(
        self,
        problem: Problem,
        start: Sample,
        origin: Int[Array, " p"],
        key: PRNGKeyArray,
    ) -> tuple[Sample, None]:
        del key
        low, high = problem.threat.lower[-1], problem.threat.upper[-1]
        far = jnp.where(start.y < (low + high) / 2, high, low)
        target = low + high - start.y if self.init == "invflip" else far
        flipped = problem.threat.project(Sample(start.X, target, start.w), start)
        return self.improve(problem, start, origin, flipped), None

    def improve(
        self, problem: Problem, start: Sample, origin: Int[Array, " p"], rows: Sample
    ) -> Sample:
        """Climb from some rows, and keep the best that are met.

        Parameters
        ----------
        problem : Problem
            The problem.
        start : Sample
            The clean rows that frozen columns and a budget refer to, one for each slot.
        origin : array of int, shape (p,)
            Their numbers.
        rows : Sample
            Where the climb begins; rows of weight 0 change nothing.

        Returns
        -------
        Sample
            The rows, p.
        """
        threat, count = problem.threat, jnp.sum(rows.w > 0)
        world = self._world(problem, standing(problem.clean, threat, origin, count), rows)

        def step(climb: OptPState) -> OptPState:
            rows = self._move(world, threat, start, climb)
            model = _fit(world, rows)
            goal = self._goal(world, model)
            change, worse = jnp.abs(goal - climb.goal), goal < climb.goal
            before, after = (climb.rows, climb.model, climb.goal), (rows, model, goal)
            rows, model, current = _choose(worse, before, after)
            # The record that is kept is the objective *before* the step, as in the reference.
            candidate, record_before = (rows, climb.goal), (climb.best, climb.record)
            best, record = _choose(goal > climb.record, candidate, record_before)
            eta = jnp.where(worse, 0.75 * climb.eta, climb.eta)
            count = climb.count + 1
            finished = (count >= _MIN_STEPS) & ((change <= self.epsilon) | (count >= _MAX_STEPS))
            return OptPState(rows, model, current, best, record, eta, count, finished)

        model = _fit(world, rows)
        goal = self._goal(world, model)
        eta = jnp.asarray(self.eta, rows.y.dtype)
        first = OptPState(rows, model, goal, rows, goal, eta, jnp.asarray(0), jnp.asarray(False))
        return jax.lax.while_loop(lambda climb: ~climb.finished, step, first).best

    def _world(self, problem: Problem, clean: Sample, rows: Sample) -> RidgeSetup:
        """What stays as it is while the rows move."""
        moments = Moments.of(clean.X, clean.y, clean.w)
        victim = problem.victim if isinstance(problem.victim, Ridge) else self.stand_in
        penalty = jnp.asarray(victim.l2, rows.y.dtype) * (moments.weight + jnp.sum(rows.w))
        s, basis = jnp.linalg.eigh(moments.scatter[:-1, :-1])

        def inverse(values):
            # As least squares of least norm: a direction that nothing determines stays at 0.
            real = values > jnp.finfo(s.dtype).eps * s.shape[0] * jnp.max(values)
            scale = jnp.where(real, 1 / jnp.where(real, values, 1.0), 0.0)
            return (basis * scale[None, :]) @ basis.T

        ridge, flat = inverse(s + penalty), inverse(s / moments.weight + penalty)
        coef = ridge @ moments.scatter[:-1, -1]
        model = Model(coef, moments.mean[-1] - moments.mean[:-1] @ coef)
        judged = moments if self.objective == "training" else _validation(problem)
        return RidgeSetup(moments, judged, penalty, ridge, flat, model)

    def _goal(self, world: RidgeSetup, model: Model) -> Scalar:
        """The objective of a model: its error, on the training rows with the norm of its slope."""
        error = world.judged.mse(*model)
        if self.objective == "validation":
            return error
        # The reference adds the norm here, but half its square's gradient below.
        return error + world.penalty * jnp.sqrt(jnp.sum(model.coef**2)) / 2

    def _move(
        self, world: RidgeSetup, threat: ThreatModel, start: Sample, climb: OptPState
    ) -> Sample:
        """Every row after its own line search."""
        rows = climb.rows
        dX, dy = self._gradient(world, climb.model, rows)
        # Frozen columns do not count in the length of a step.
        dX = jnp.where(threat.free[None, :-1], dX, 0.0)
        dy = jnp.where(threat.free[-1] & self.optimize_y, dy, 0.0)
        norm = jnp.sqrt(jnp.sum(dX**2, axis=1) + dy**2)
        norm = jnp.where(norm > 0, norm, 1.0)
        direction = Sample(dX / norm[:, None], dy / norm, rows.w)
        search = jax.vmap(lambda *row: self._search(world, threat, climb.eta, *row))
        ends = search(
            *(jax.tree.map(lambda a: a[:, None], part) for part in (rows, direction, start))
        )
        X = _rounded(threat, ends.X[:, 0])
        return Sample(jnp.where(threat.free[None, :-1], X, rows.X), ends.y[:, 0], rows.w)

    def _gradient(
        self, world: RidgeSetup, model: Model, rows: Sample
    ) -> tuple[Float[Array, "p d"], Float[Array, " p"]]:
        """The reference's gradient for each row, by one adjoint solve for all of them."""
        n, center = world.clean.weight, world.clean.mean[:-1]
        # Half the gradient of the error; the direction is all that counts.
        slope, offset = jax.grad(lambda m: world.judged.mse(*m) / 2)(model)
        if self.objective == "training":
            slope = slope + world.penalty * model.coef
        u = world.flat @ (slope - center * offset)
        e = rows.X @ model.coef + model.intercept - rows.y
        lever = (rows.X - center[None, :]) @ u + offset
        dX = -(lever[:, None] * model.coef[None, :] + e[:, None] * u[None, :]) / n
        return dX, lever / n

    def _search(
        self,
        world: RidgeSetup,
        threat: ThreatModel,
        eta: Scalar,
        row: Sample,
        direction: Sample,
        start: Sample,
    ) -> Sample:
        """Steps of one row while the objective grows with that row as the only poison."""

        def step(state):
            row, before, length, count, _ = state
            moved = Sample(row.X + length * direction.X, row.y + length * direction.y, row.w)
            moved = threat.project(moved, start)
            after = self._goal(world, _fit_one(world, moved))
            stop = (count >= _MAX_LINE_STEPS) | (jnp.abs(before - after) < _TOLERANCE)
            fell = ~stop & (after < before)
            return _choose(fell, row, moved), after, length * self.beta, count + 1, stop | fell

        goal = self._goal(world, _fit_one(world, row))
        first = row, goal, eta, jnp.asarray(1), jnp.asarray(False)
        return jax.lax.while_loop(lambda state: ~state[-1], step, first)[0]


def _fit(world: RidgeSetup, poison: Sample) -> Model:
    """Ridge on clean and poison rows under the summed penalty."""
    both = world.clean.weight + jnp.sum(poison.w)
    return Model(*Ridge(world.penalty / both).fit(world.clean, poison, jax.random.key(0)))


def _fit_one(world: RidgeSetup, row: Sample) -> Model:
    """Ridge on the clean rows and one more, by an update of rank one."""
    n, mean = world.clean.weight, world.clean.mean
    centered = row.X[0] - mean[:-1]
    lever = world.ridge @ centered
    error = row.y[0] - row.X[0] @ world.model.coef - world.model.intercept
    pull = error / (1 + 1 / n + centered @ lever)
    coef = world.model.coef + pull * lever
    return Model(coef, mean[-1] + pull / n - mean[:-1] @ coef)


def _rounded(threat: ThreatModel, X: Float[Array, "p d"]) -> Float[Array, "p d"]:
    """One level in each one-hot group: the largest, or none if it is below `1 / (1 + levels)`."""
    g, d = threat.member.shape
    if not g:
        return X
    grouped = threat.member.any(axis=0)
    group = jnp.where(grouped, jnp.argmax(threat.member, axis=0), g)

    def largest(values):
        return jax.ops.segment_max(values.T, group, g + 1).T

    # A level that the clean rows never show has an empty box and cannot be chosen.
    open_ = grouped & (threat.upper > threat.lower)[:-1]
    value = jnp.where(open_[None, :], X, -jnp.inf)
    top = largest(value)
    # Among equals the last one, as in the reference.
    last = largest(jnp.where(value == top[:, group], jnp.arange(d)[None, :], -1))
    least = jnp.where(threat.optional, 1 / (1 + jnp.sum(threat.member, axis=1)), -jnp.inf)
    chosen = jnp.pad(top[:, :g] > least[None, :], ((0, 0), (0, 1)))
    one = (last[:, group] == jnp.arange(d)[None, :]) & chosen[:, group]
    return jnp.where(grouped[None, :], one.astype(X.dtype), X)


def _influence(clean: Sample, threat: ThreatModel) -> Float[Array, " n"]:
    """Influence `Σ_j H_ij` of each clean row times the room that its target has."""
    gram = clean.X.T @ (clean.w[:, None] * clean.X)
    gram = gram + 0.01 * jnp.eye(gram.shape[0], dtype=gram.dtype)
    influence = clean.X @ jnp.linalg.solve(gram, clean.w @ clean.X)
    room = jnp.maximum(clean.y - threat.lower[-1], threat.upper[-1] - clean.y)
    return clean.w * jnp.maximum(influence, 0.0) * room


def _drawn(
    key: PRNGKeyArray, share: Float[Array, " n"], threat: ThreatModel, repeats: bool
) -> Int[Array, " p"]:
    """A row for each slot in proportion to `share`; without repeats while there are others."""
    n, p = share.shape[0], threat.capacity
    if repeats:
        draw = jax.vmap(lambda k: jax.random.choice(k, n, p=share / jnp.sum(share)))
        return draw(luck(key, p))
    # The order of `log share` plus Gumbel noise is that of draws without replacement.
    order = jnp.argsort(-jnp.log(share) - jax.random.gumbel(key, (n,), threat.lower.dtype))
    return order[jnp.arange(p) % jnp.sum(share > 0)]


def _validation(problem: Problem) -> Moments:
    judged = problem.judged
    if isinstance(judged, Sample):
        return Moments.of(judged.X, judged.y, judged.w)
    if isinstance(judged, Moments):
        return judged
    raise InputError(
        f"OptP cannot read what {type(problem.victim).__name__} keeps of the validation rows; "
        "use objective = 'training'."
    )


def _choose(condition: Bool[Array, ""], yes: Any, no: Any) -> Any:
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)
