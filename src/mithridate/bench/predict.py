"""Where poison would fit better than the clean rows, predicted for ridge without an attack.

A share `ε` of poison, any rows at all; `θ` the ridge on all rows, `θ₀` on the clean ones alone. Let
`v` and `v + E` be the clean rows' error under `θ₀` and `θ`; `D²` and `P` the poison's; `d` a poison
row's residual under `θ₀` and `m` how far `θ` moved its prediction; `κ = (1 - ε)/ε`, `b = E[m²]`,
`p = (1 - ε/2)² l2 ‖θ₀‖² / (1 - ε)`. Multiplying the normal equations by `θ - θ₀` and completing the
square in the penalty gives `κ (E - p) <= E[m d] - b`. With Cauchy-Schwarz and `s = D - √b`,

    κ (E - p) <= s (D - s),   s² <= P,   hence   E <= D²/4κ + p:   bounds, for any poison.

Poison that fits better has `s² <= P <= v + E`; with the largest `D` that the box allows, this
bounds the damage that it can do (`hidden`). Equality at `s = D/2` is poison seen least for its
damage: without penalty its error is `κE`, and it fits better from `ε = (g - 1)/(2g - 1)` on, where
the clean error is `g` times `v`.

What an attacker reaches inside the box is foreseen, not bounded, by `placing`: all rows of a batch
in a few places, each the best one by the exact rank-one update, which is quadratic in the residual.

The question is the second open one of Carnerero-Cano et al., "Stealthy poisoning attacks bypass
defenses in regression settings" (2026); the bounds are our own.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from .._lookup import build
from ..attack import victims
from ..bounds import Changes, Pull
from ..tables.encoded import Part
from .pieces import Batches
from .spec import AttackSpec, Spec, ThreatSpec
from .worlds import World

PLACES = 4  # a batch; with one, batches of stealthy poison cannot balance each other
_STARTS = 2  # clean rows that the search for a place begins from
_TARGETS = 17  # values of the target to try at each place

Matrix = Float[np.ndarray, "k k"]
Vector = Float[np.ndarray, " k"]


class Errors(NamedTuple):
    """Mean squared errors after a batch: of the clean rows, of the poison, of the rows aimed by.

    `seen` is the poison's error under the clean model.
    """

    clean: float
    poison: float
    aimed: float
    seen: float


class Products(NamedTuple):
    """Mean products of rows `z = (1, x)`: `zzᵀ`, `zy`, `y²`."""

    gram: Matrix
    cross: Vector
    square: float

    @classmethod
    def of(cls, part: Part) -> "Products":
        Z, n = np.column_stack([np.ones(len(part.y)), part.X]), len(part.y)
        return cls(Z.T @ Z / n, Z.T @ part.y / n, float(part.y @ part.y) / n)

    @property
    def curve(self) -> Matrix:
        """Half the second derivative of the mean squared error."""
        return self.gram

    def slope(self, theta: Vector) -> Vector:
        """Gradient of the mean squared error."""
        return 2 * (self.gram @ theta - self.cross)

    def mse(self, theta: Vector) -> float:
        """Mean squared error of `z @ theta`."""
        return float(theta @ self.gram @ theta - 2 * self.cross @ theta + self.square)


class Field(NamedTuple):
    """A ridge and the clean rows it is trained on: where poison may be put, and what it meets.

    `number` are the columns that vary and belong to no category set, `level` those that do, of set
    `group`.
    """

    world: World
    clean: Products
    aimed: Products
    penalty: Vector
    theta: Vector
    number: Int[np.ndarray, " a"]
    level: Int[np.ndarray, " b"]
    group: Int[np.ndarray, " b"]

    @classmethod
    def of(cls, world: World, l2: float) -> "Field":
        clean, aimed = Products.of(world.known), Products.of(world.aimed)
        penalty = np.append(0.0, np.full(len(clean.cross) - 1, l2))
        theta = np.linalg.solve(clean.gram + np.diag(penalty), clean.cross)
        grouped, wide = world.member.any(axis=0), (world.upper > world.lower)[:-1]
        level = np.flatnonzero(grouped & wide)
        group = world.member[:, level].argmax(axis=0) if level.size else level
        return cls(
            world, clean, aimed, penalty, theta, np.flatnonzero(~grouped & wide), level, group
        )

    @property
    def farthest(self) -> float:
        """The largest residual under the clean model that a row inside the box can have."""
        low, high, slope = self.world.lower, self.world.upper, self.theta[1:]
        grouped = self.world.member.any(axis=0)
        ends = np.sort([slope * low[:-1], slope * high[:-1]], axis=0)[:, ~grouped].sum(axis=1)
        for member, optional in zip(self.world.member, self.world.optional, strict=True):
            levels = slope[member & (high[:-1] > 0)]
            levels = np.append(levels, 0.0) if optional or not levels.size else levels
            ends += levels.min(), levels.max()
        bottom, top = self.theta[0] + ends
        return float(max(high[-1] - bottom, top - low[-1]))


def hidden(field: Field, ratio: float) -> float:
    """The most that poison with no larger an error than the clean rows can grow theirs: a bound.

    As a multiple of the clean rows' error without poison, at a `ratio` in (0, 1), for any poison
    inside the box; formula in the module's docstring, solved for `s`.
    """
    start, far = field.clean.mse(field.theta), field.farthest
    slack = (1 - ratio / 2) ** 2 * float(field.penalty @ field.theta**2) / (1 - ratio)
    root = np.sqrt((ratio * far) ** 2 + 4 * (1 - ratio) * (start + slack))
    s = min((ratio * far + root) / 2, far / 2)
    return float(1 + (s * (far - s) * ratio / (1 - ratio) + slack) / start)


def placing(
    field: Field, edges: Sequence[int], alpha: float, extreme: list[Errors], seed: int
) -> list[Errors]:
    """The errors after each batch of poison, put where it does most for an `alpha` in [0, 1].

    `edges` are numbers of poison rows as in `ThreatModel`. At alpha 1 a place is the one of most
    damage; below, the one that minimizes `alpha (1 - t_L)² + (1 - alpha) t_R²` (`objective.Ideal`)
    in shares of what `extreme`, the run at alpha 1, reached in that batch.
    """
    rng, n = np.random.default_rng(seed), len(field.world.known.y)
    gram, cross = field.clean.gram, field.clean.cross
    Z, y, w, errors = np.empty((0, len(cross))), np.empty(0), np.empty(0), []
    for i, (first, last) in enumerate(pairwise(edges)):
        rows = np.diff(np.round(np.linspace(first, last, min(PLACES, last - first) + 1)))
        penalty = np.diag(field.penalty) * (1 + last / n)
        for weight in rows / n:
            seen = float(w @ (y - Z @ field.theta) ** 2)
            goal = PlaceGoal(alpha, extreme[i] if extreme else None, seen, float(w.sum()), weight)
            z, target = _place(field, Pull.of(field.aimed, gram + penalty, cross), goal, rng)
            gram, cross = gram + weight * np.outer(z, z), cross + weight * target * z
            Z, y, w = np.vstack([Z, z]), np.append(y, target), np.append(w, weight)
        theta = np.linalg.solve(gram + penalty, cross)
        poison = [float(w @ (y - Z @ t) ** 2 / w.sum()) for t in (theta, field.theta)]
        errors.append(Errors(field.clean.mse(theta), poison[0], field.aimed.mse(theta), poison[1]))
    return errors


class PlaceGoal(NamedTuple):
    """What a place is chosen by: `seen`, the poison's squared error so far, has weight `placed`."""

    alpha: float
    extreme: Errors | None
    seen: float
    placed: float
    weight: float

    def worth(self, start: float, damage: np.ndarray, residual: np.ndarray) -> np.ndarray:
        """Higher is better, for damage beyond `start` and residuals under the clean model."""
        if self.extreme is None:
            return damage
        risk = (self.seen + self.weight * residual**2) / (self.placed + self.weight)
        reach = self.extreme.aimed - start
        short = 1 - damage / reach if reach > 0 else 1.0 + 0 * damage
        risk = risk / self.extreme.seen
        return -self.alpha * short * np.abs(short) - (1 - self.alpha) * risk**2


def _place(
    field: Field, pull: Pull, goal: PlaceGoal, rng: np.random.Generator
) -> tuple[Vector, float]:
    """The best place and target found from a few clean rows."""
    known, low, high = field.world.known.X, field.world.lower[-1], field.world.upper[-1]
    step, targets = field.world.step[-1], np.linspace(low, high, _TARGETS)
    targets = low + np.round((targets - low) / step) * step if step > 0 else targets
    # A range that was given may leave clean rows outside.
    rows = np.clip(
        known[rng.choice(len(known), _STARTS)], field.world.lower[:-1], field.world.upper[:-1]
    )
    ascended = [_ascend(field, pull, goal, np.append(1.0, row), targets) for row in rows]
    _, z, target = max(ascended, key=lambda place: place[0])
    return z, target


def _ascend(field: Field, pull: Pull, goal: PlaceGoal, z: Vector, targets: np.ndarray):
    """Worth, place and target once no change of one column, with any target, does better.

    Columns change with the target as it is, until none helps: far fewer products to weigh.
    """
    best, target, every = -np.inf, targets[0], True
    start = field.aimed.mse(field.theta), field.aimed.mse(pull.theta)
    while True:
        changes, tried = changes_of(field, z[1:]), targets if every else np.array([target])
        worth = worth_of(field, pull, goal, z, changes, tried, start=start)
        i, j = np.unravel_index(worth.argmax(), worth.shape)
        if worth[i, j] > best + 1e-12 * abs(worth[i, j]):
            best, target, every = float(worth[i, j]), float(tried[j]), False
            z[changes.up[i]] += changes.by[i]
            z[changes.down[i]] -= changes.out[i]
        elif every:
            return best, z, target
        else:
            every = True


def _form(matrix: Matrix, z: Vector, changes: Changes) -> np.ndarray:
    """`zᵀ M z` after each change."""
    up, by, down, out = changes
    mixed = by * out * matrix[up, down]
    square = by**2 * matrix[up, up] + out**2 * matrix[down, down] - 2 * mixed
    image = matrix @ z
    return z @ image + 2 * changes.along(image) + square


def changes_of(field: Field, x: np.ndarray) -> Changes:
    """No change; each number to an end of its box; each category set to another level, or none."""
    low, high, optional = field.world.lower, field.world.upper, field.world.optional
    number, level, group = field.number, field.level, field.group
    on = x[level] > 0.5
    held = np.full(len(optional), -1)
    held[group[on]] = level[on]
    left = np.where(on, -1, held[group])
    turned = np.where(on, -1.0 * optional[group], 1.0)
    still = np.zeros(1 + 2 * len(number))
    by = np.concatenate([[0.0], low[number] - x[number], high[number] - x[number], turned])
    # Counted in z = (1, x), where the intercept comes first.
    return Changes(
        1 + np.concatenate([[0], number, number, level]),
        by,
        1 + np.concatenate([still.astype(int), np.maximum(left, 0)]),
        np.concatenate([still, np.where(left >= 0, 1.0, 0.0)]),
    )


def worth_of(
    field: Field,
    pull: Pull,
    goal: PlaceGoal,
    z: Vector,
    changes: Changes,
    targets: np.ndarray,
    *,
    start: tuple[float, float],
) -> np.ndarray:
    """Worth of each change (rows) with each target (columns).

    `start` are the errors that the attacker aims by, under the clean model and the one so far.
    """
    leverage, curve = _form(pull.inverse, z, changes), _form(pull.curve, z, changes)
    slope = z @ pull.slope + changes.along(pull.slope)
    predicted = z @ pull.theta + changes.along(pull.theta)
    before = z @ field.theta + changes.along(field.theta)
    force = goal.weight * (targets - predicted[:, None]) / (1 + goal.weight * leverage)[:, None]
    damage = start[1] - start[0] + force * slope[:, None] + force**2 * curve[:, None]
    return goal.worth(start[0], damage, targets - before[:, None])


def foreseen(
    spec: Spec, worlds: Sequence[World], seeds: Sequence[int], cut: Batches
) -> dict[str, Any] | None:
    """What `placing` and `hidden` say of a spec, to be kept with its results.

    `predicted` holds for each alpha of `attack` the errors of clean and poison rows by
    ratio, in variances of the target; `hidden` the bound by ratio; means over the seeds. None where
    the model is no ridge, or the attacker may not write what it likes into rows that are added.
    """
    victim = build(spec.victim.use, spec.victim.options, victims, victims.AbstractVictim)
    free = spec.threat == ThreatSpec(box=spec.threat.box)
    # Without a penalty the matrix may have no inverse.
    l2 = np.asarray(victim.l2).item() if isinstance(victim, victims.Ridge) else 0.0
    if l2 <= 0 or spec.judge is not None or not free or not cut.ratios:
        return None
    fields = [Field.of(world, l2) for world in worlds]
    aimed = next((one for one in spec.attacks if one.use.lower() == "ascent"), None)
    alphas = _alphas(aimed) if aimed else []
    bounds = [float(np.mean([hidden(field, ratio) for field in fields])) for ratio in cut.ratios]
    curves = _curves(fields, seeds, cut, alphas) if alphas else []
    facts = {"attack": aimed.use if aimed else None, "predicted": curves}
    return {"ratios": cut.ratios, **facts, "hidden": bounds}


def _alphas(one: AttackSpec) -> list[float]:
    """The alphas whose trade between damage and risk is the one that `placing` makes."""
    ideal = one.normalizer == "ideal" and one.risk == "residual"
    return [alpha for alpha in one.alphas if alpha == 1 or ideal]


def _curves(
    fields: Sequence[Field], seeds: Sequence[int], cut: Batches, alphas: Sequence[float]
) -> list[dict[str, Any]]:
    """The errors by ratio of each alpha, as `foreseen` gives them."""
    both = list(zip(fields, seeds, strict=True))
    extreme = [placing(field, cut.edges, 1.0, [], seed) for field, seed in both]
    at, curves = [cut.edges.index(p) - 1 for p in cut.counts], []
    for alpha in alphas:
        scaled = []
        for (field, seed), most in zip(both, extreme, strict=True):
            run = most if alpha == 1 else placing(field, cut.edges, alpha, most, seed)
            scaled.append(np.array(run)[at] / np.var(field.world.aimed.y))
        clean, poison = np.mean(scaled, axis=0)[:, :2].T.tolist()
        curves.append({"alpha": alpha, "error_clean": clean, "error_poison": poison})
    return curves
