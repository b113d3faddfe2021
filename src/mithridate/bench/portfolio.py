"""Several attacks in one: what each writes is tried on the real model, and the best of it kept."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import joblib
import numpy as np
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from ..errors import InputError
from ..tables.encoded import Part, Split
from .poisoning import AttackRun, Batches, Piece, Tell, parts_of, poison_of
from .spec import AttackSpec, Spec
from .worlds import World

PORTFOLIO = "portfolio"
MEMBERS = (  # none goes through the model itself
    {"use": "ascent", "through": "ridge"},
    {"use": "greedy"},
    {"use": "greedy", "width": 0.5},
    {"use": "region"},
    {"use": "flip"},
    {"use": "random"},
    {"use": "statp"},
)
OWN = "residual"  # the risk that is measured on the real model


class Chosen(NamedTuple):
    """A portfolio that was run: for each alpha, seed and number of rows the poison that is best.

    It stands where an `AttackRun` does.
    """

    spec: AttackSpec
    steered: bool
    alphas: list[float]
    pieces: dict[tuple[int, int, int], Piece]

    @property
    def runs(self) -> dict[int, Any]:
        """No run of one attack stands for the whole."""
        return {}

    def piece(self, a: int, seed: int, p: int) -> Piece:
        """The poison of `p` rows at the `a`-th alpha and the `seed`-th seed."""
        return self.pieces[a, seed, p]


class Entry(NamedTuple):
    """What one member wrote for a cell, and the poison that it is judged by, each on its rows.

    A member that aims by no rows is judged by its poison on all rows; one that aims, by what it
    writes when it aims by either half, on the other half.
    """

    piece: Piece
    judged: list[tuple[Piece, Part]]


class Tried(NamedTuple):
    """A piece, and its error on the validation rows and its risk, both on the real model."""

    piece: Piece
    damage: float
    risk: float


class Ran(NamedTuple):
    """A member that was run: for all seeds, and again aiming by either half, if it `aims`."""

    run: AttackRun
    aims: bool


def attacked(
    one: AttackSpec,
    spec: Spec,
    worlds: Sequence[World],
    seeds: list[int],
    cut: Batches,
    tell: Tell | None,
    *,
    splits: Sequence[Split],
    model: Any,
) -> AttackRun | Chosen:
    """The poison of one attack, or of the best of a portfolio of them on the real `model`."""
    if one.use != PORTFOLIO:
        return poison_of(one, spec, worlds, seeds, cut, tell)
    ran = run_members(one, spec, worlds, seeds, cut, tell)
    cells = [(i, p) for i in range(len(seeds)) for p in cut.counts]
    how = {"placed": spec.threat.placed, "own": one.risk == OWN}
    jobs = (
        joblib.delayed(choose)(splits[i], model, written, one.alphas, **how)
        for i, p in cells
        for written in [list(entries(ran, worlds[i], i, p, len(seeds)))]
    )
    # A study has its parts side by side already.
    side = joblib.Parallel(n_jobs=-1 if tell else 1, return_as="generator", max_nbytes=None)
    done = side(jobs)
    pieces: dict[tuple[int, int, int], Piece] = {}
    for k, ((i, p), found) in enumerate(zip(cells, done, strict=True), 1):
        pieces |= {(a, i, p): piece for a, piece in enumerate(found or [])}
        if tell:
            tell("trying the poison on the model", k, len(cells))
    return Chosen(one, True, list(one.alphas), pieces)


def run_members(
    one: AttackSpec,
    spec: Spec,
    worlds: Sequence[World],
    seeds: list[int],
    cut: Batches,
    tell: Tell | None,
) -> list[Ran]:
    """All members of a portfolio.

    On the rows that it aimed by an attack does more than on any others, and the closer it aims the
    more so: a choice by these rows would be for that, not for damage. So one that aims is run by
    halves too.
    """
    made = []
    for member in members(one):
        aims = parts_of(member, spec).attack.aims
        sides = [half for k in (0, 1) for half in (halves(world)[k] for world in worlds)]
        each = [*worlds, *sides] if aims else worlds
        some = seeds * (len(each) // len(worlds))
        made.append(Ran(poison_of(member, spec, each, some, cut, tell), aims))
    return made


def halves(world: World) -> tuple[World, World]:
    """The same world aiming by the first half of its rows, and by the second."""
    first = np.arange(len(world.aimed.y)) < len(world.aimed.y) // 2
    return world._replace(heed=first), world._replace(heed=~first)


def members(one: AttackSpec) -> list[AttackSpec]:
    """The attacks of a portfolio, each at its alphas and, where it has one, against its risk."""
    shared = {"alphas": one.alphas, "risk": one.risk, "normalizer": one.normalizer}
    given = one.members or [AttackSpec.model_validate(member) for member in MEMBERS]
    for member in given:
        if member.use == PORTFOLIO:
            raise InputError("A portfolio cannot hold a portfolio; name its attacks themselves.")
    return [member.model_copy(update=shared) for member in given]


def entries(ran: Sequence[Ran], world: World, seed: int, p: int, seeds: int = 1) -> Iterator[Entry]:
    """All poison of `p` rows for one of `seeds`, each under the name of the attack that wrote it.

    Behind the runs of all seeds are those that aim by the first halves, then by the second.
    """
    others = [half.heeded for half in reversed(halves(world))]
    for run, aims in ran:
        through = "" if run.spec.through is None else f" through {run.spec.through.use}"
        options = ", ".join(f"{key} {value}" for key, value in run.spec.options.items())
        name = f"{run.spec.use}{through}{f' ({options})' if options else ''}"
        for a, alpha in enumerate(run.alphas):
            at = "" if alpha is None else f", alpha {alpha:g}"
            piece = run.piece(a, seed, p)._replace(member=name + at)
            crossed = [(run.piece(a, seed + k * seeds, p), others[k - 1]) for k in (1, 2) if aims]
            yield Entry(piece, crossed or [(piece, world.aimed)])


def choose(
    split: Split,
    model: Any,
    written: Sequence[Entry],
    alphas: Sequence[float],
    *,
    placed: str,
    own: bool,
) -> list[Piece]:
    """The best piece for each alpha; if `own`, by the risk that the real model sees."""
    train = split.train
    with threadpool_limits(1):  # workers side by side would fight for the cores
        clean = _fitted(model, train.X, train.y)
        usual, tried = _mse(clean, split.validation), []
        for piece, judged in written:
            each = [
                (_mse(_fitted(model, *_poisoned(train, some, placed)), rows), len(rows.y))
                for some, rows in judged
            ]
            damage = sum(mse * n for mse, n in each) / sum(n for _, n in each)
            risk = _mse(clean, piece.rows) / usual if own and usual > 0 else piece.risk
            if np.isfinite(damage):
                tried.append(Tried(piece._replace(risk=float(risk)), damage, float(risk)))
        if not tried:
            raise InputError(
                "The model makes no finite predictions on any of the poisoned tables; give another."
            )
        every = [rows for _, rows in written[0].judged]
        X, y = np.vstack([rows.X for rows in every]), np.concatenate([rows.y for rows in every])
        return [one.piece for one in best(tried, _mse(clean, Part(X, y)), alphas)]


def _fitted(model: Any, X: Any, y: Any) -> Any:
    fresh: Any = clone(model)
    return fresh.fit(X, y)


def best(tried: Sequence[Tried], clean: float, alphas: Sequence[float]) -> list[Tried]:
    """For each alpha, what comes nearest to all the damage at no risk.

    That is the trade of the normalizer `Ideal`, on the real model: with
    `t_L = (L - L_clean) / (L_max - L_clean)` and `t_R = R / R_max`, R_max being the risk of the
    poison that does most, the least `alpha (1 - t_L)|1 - t_L| + (1 - alpha) t_R²`. The choice is
    from one set at all alphas, so neither damage nor risk falls as alpha grows.

    >>> loud, quiet = Tried(None, 3.0, 9.0), Tried(None, 2.0, 1.0)
    >>> [one.damage for one in best([loud, quiet], 1.0, [1.0, 0.5])]
    [3.0, 2.0]
    """
    extreme = max(tried, key=lambda one: one.damage)
    span = extreme.damage - clean

    def loss(one: Tried, alpha: float) -> float:
        short = (extreme.damage - one.damage) / span if span > 0 else 0.0
        seen = one.risk / extreme.risk if extreme.risk > 0 else one.risk
        return alpha * short**2 + (1 - alpha) * seen**2

    return [min(tried, key=lambda one: loss(one, alpha)) for alpha in alphas]


def _poisoned(train: Part, piece: Piece, placed: str) -> tuple[np.ndarray, np.ndarray]:
    """Features and targets of a poisoned table."""
    stays = np.arange(len(train.y))
    if placed == "replaced":
        stays = np.setdiff1d(stays, piece.origin)
    rows = piece.rows
    return np.vstack([train.X[stays], rows.X]), np.append(train.y[stays], rows.y)


def _mse(model: Any, part: Part) -> float:
    return float(np.mean((part.y - model.predict(part.X)) ** 2))
