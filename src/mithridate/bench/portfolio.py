"""Several attacks in one: what each writes is tried on the real model, and the best of it kept."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import joblib
import numpy as np

from ..errors import InputError
from ..tables.encoded import Split
from .pieces import Batches, Piece, Tell
from .poisoning import AttackRun, parts_of, poison_of
from .polish import Copying
from .spec import AttackSpec, Spec
from .threats import ThreatSpec
from .trial import Entry, JudgedErrors, choose
from .worlds import World

PORTFOLIO = "portfolio"
MEMBERS = (  # none goes through the model itself
    {"use": "ascent", "through": "ridge"},
    {"use": "region"},
    {"use": "region", "own": 0.5},
    {"use": "flip"},
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


class Ran(NamedTuple):
    """A member that was run, and whether it `aims` by validation rows."""

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
    judged = [
        judged_by(world, split, spec.threat) for world, split in zip(worlds, splits, strict=True)
    ]
    jobs = (
        joblib.delayed(choose)(
            splits[i], model, list(entries(ran, i, p)), one.alphas, judged[i], own=one.risk == OWN
        )
        for i, p in cells
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


def judged_by(world: World, split: Split, threat: ThreatSpec) -> JudgedErrors:
    """Whose errors count in a world, and which of its rows poison may copy as it likes."""
    known = threat.surrogate is None
    own = np.ones(len(split.train.y), bool) if world.own is None else world.own
    may = None
    if known and world.free[-1] and not np.isfinite(world.budget):
        features, low, high = split.train.X, world.lower[:-1], world.upper[:-1]
        inside = (features >= low) & (features <= high)
        may = Copying(own & inside.all(axis=1), float(world.lower[-1]), float(world.upper[-1]))
    train, validation = split.train.w, world.aimed.w
    weights = None if train is None or validation is None else np.append(train, validation)
    return JudgedErrors(world.aimed, world.held, known, threat.placed, may, weights, world.others)


def run_members(
    one: AttackSpec,
    spec: Spec,
    worlds: Sequence[World],
    seeds: list[int],
    cut: Batches,
    tell: Tell | None,
) -> list[Ran]:
    """All members of a portfolio."""
    made = []
    for member in members(one):
        aims = parts_of(member, spec).attack.aims
        made.append(Ran(poison_of(member, spec, worlds, seeds, cut, tell), aims))
    return made


def members(one: AttackSpec) -> list[AttackSpec]:
    """The attacks of a portfolio, each at its alphas and, where it has one, against its risk."""
    shared = {"alphas": one.alphas, "risk": one.risk, "normalizer": one.normalizer}
    given = one.members or [AttackSpec.model_validate(member) for member in MEMBERS]
    for member in given:
        if member.use == PORTFOLIO:
            raise InputError("A portfolio cannot hold a portfolio; name its attacks themselves.")
    return [member.model_copy(update=shared) for member in given]


def entries(ran: Sequence[Ran], seed: int, p: int) -> Iterator[Entry]:
    """All poison of `p` rows for a seed, each under the name of the attack that wrote it.

    What is written at less than the largest alpha is not there to do most, and is judged briefly.
    """
    for run, aims in ran:
        through = "" if run.spec.through is None else f" through {run.spec.through.use}"
        options = ", ".join(f"{key} {value}" for key, value in run.spec.options.items())
        name = f"{run.spec.use}{through}{f' ({options})' if options else ''}"
        for a, alpha in enumerate(run.alphas):
            at = "" if alpha is None else f", alpha {alpha:g}"
            brief = alpha is not None and alpha < max(run.spec.alphas)
            yield Entry(run.piece(a, seed, p)._replace(member=name + at), aims, brief)
