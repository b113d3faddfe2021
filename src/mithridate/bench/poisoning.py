"""Runs the attacks of a spec and hands out their poison, ratio by ratio."""

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

import numpy as np

from .._lookup import build
from .._progress import silent
from .._text import quote
from ..attack import attacks, objective, risks, victims
from ..attack.attacks import AbstractAttack
from ..attack.objective import Reference, Terms
from ..attack.threat import edges
from ..errors import BrokenPromise, InputError
from ..tables.encoded import Part
from .adaptive import adapted
from .finish import finished, finishes
from .pieces import Batches, Piece, Tell
from .spec import AttackSpec, Spec
from .sweep import Attacker, Poison, sweep, ticks
from .worlds import World

Made = TypeVar("Made")


class AttackRun(NamedTuple):
    """One attack of the spec, and the poison it made: one run, or one for each number of rows."""

    spec: AttackSpec
    steered: bool
    alphas: list[float | None]
    runs: dict[int, Poison]
    cells: int
    finished: Mapping[tuple[int, int, int], Piece] = MappingProxyType({})

    def piece(self, a: int, seed: int, p: int) -> Piece:
        """The first `p` rows at the `a`-th alpha and the `seed`-th seed, finished if they are."""
        if (a, seed, p) in self.finished:
            return self.finished[a, seed, p]
        run = self.runs.get(p) or next(iter(self.runs.values()))
        rows = Part(run.X[a, seed, :p], run.y[a, seed, :p])
        risk = float(run.risk[a, seed, run.edges.index(p) - 1])
        return Piece(rows, run.origin[a, seed, :p], risk, self.seconds / self.cells)

    def reference(self, a: int, seed: int, p: int) -> Reference:
        """What a normalizer measured the first `p` rows of a steered attack against; no risk but
        that of the extreme."""
        run = self.runs.get(p) or next(iter(self.runs.values()))
        batch = run.edges.index(p) - 1
        damage = [run.untouched[a, seed], *run.damage[a, seed]]
        given: Any = [float(term[seed, batch]) for term in run.extreme]
        ends: Any = [(float(damage[i]), 0.0) for i in (0, batch)]
        untouched, previous, extreme = (Terms(*end) for end in (*ends, given))
        return Reference(untouched, previous, extreme)

    @property
    def seconds(self) -> float:
        """Wall seconds of all runs, without compiling."""
        return sum(run.seconds for run in self.runs.values())


def batches(spec: Spec, n: int) -> Batches:
    """Cut the ratios of a spec into batches, which end at steps of `batch` and at each ratio.

    Parameters
    ----------
    spec : Spec
        The spec.
    n : int
        Clean rows.

    Returns
    -------
    Batches
        The batches.

    Raises
    ------
    InputError
        If a ratio is less than one row.
    """
    replaces = spec.threat.placed == "replaced"
    ratios = sorted({r for r in spec.ratios if r > 0})
    counts = [edges(n, [r], replaces)[1] for r in ratios]
    for ratio, count in zip(ratios, counts, strict=True):
        if count == 0:
            raise InputError(
                f"Ratio {ratio:g} of {n} rows is less than one row; give a larger one."
            )
    steps = [k * spec.batch for k in range(1, int(max(ratios, default=0) / spec.batch) + 1)]
    return Batches(ratios, counts, tuple(sorted(set(edges(n, [*ratios, *steps], replaces)))))


def plausible(cut: Batches, worlds: Sequence[World]) -> Batches:
    """Keep the ratios that the attacker's source can plausibly send.

    It sends no more rows than it has sent so far, so that at most its share of the table doubles.

    Parameters
    ----------
    cut : Batches
        The ratios asked for.
    worlds : sequence of World
        The attacker's side of each split.

    Returns
    -------
    Batches
        The ratios that are left.

    Raises
    ------
    InputError
        If none is.
    """
    most = min((world.most for world in worlds if world.most is not None), default=None)
    if most is None or not cut.counts:
        return cut
    kept = [i for i, count in enumerate(cut.counts) if count <= most]
    if not kept:
        raise InputError(
            f"The source has {most} of the rows that train, and poison of as many at most; the "
            f"smallest ratio, {cut.ratios[0]:g}, takes {cut.counts[0]}. Give a smaller one."
        )
    counts = [cut.counts[i] for i in kept]
    some = tuple(edge for edge in cut.edges if edge <= counts[-1])
    return Batches([cut.ratios[i] for i in kept], counts, some)


def poison_of(
    one: AttackSpec,
    spec: Spec,
    worlds: Sequence[World],
    seeds: list[int],
    cut: Batches,
    tell: Tell | None,
    *,
    limit: float | None = None,
) -> AttackRun:
    """Write the poison of one attack at all alphas, seeds and ratios.

    Parameters
    ----------
    one : AttackSpec
        The attack as the spec has it.
    spec : Spec
        The spec.
    worlds : sequence of World
        The attacker's side of each split.
    seeds : list of int
        The seed of each split.
    cut : Batches
        The ratios.
    tell : callable, optional
        Hears of what is done.
    limit : float, optional
        The largest risk that it may have; None: any.

    Returns
    -------
    AttackRun
        The poison, and what is known of it.

    Raises
    ------
    InputError
        If the attack cannot keep to the limit.
    """
    tell = None if tell is silent else tell
    attacker = parts_of(one, spec)
    attack = attacker.attack
    if limit is not None and not attack.limited:
        raise InputError(
            f"The attack {quote(one.use)} cannot keep to a largest risk; take ascent, or leave the "
            "limit out."
        )
    # An attack that moves all its rows together is run afresh for each number of rows.
    plans = [cut.edges] if attack.greedy else [(0, p) for p in cut.counts]
    total = ticks(attack, one.alphas, seeds) * len(plans)
    done = itertools.count(1)
    tick = tell and (lambda: tell(f"attacking with {one.use}", next(done), total))
    replaces, runs = spec.threat.placed == "replaced", {}
    for i, plan in enumerate(plans):
        if tell:
            tell(f"compiling {one.use}", i, len(plans) if len(plans) > 1 else 0)
        run = partial(sweep, attacker, worlds, seeds, one.alphas, plan)
        made = interruptible(partial(run, replaces=replaces, limit=limit, tick=tick))
        untrained = InputError(
            "The model cannot be trained on these columns without a penalty: give l2 > 0."
        )
        if not np.isfinite(made.untouched).all():
            raise untrained
        wrong = int(np.sum(~(np.isfinite(made.X).all(axis=-1) & np.isfinite(made.y))))
        if wrong:
            raise BrokenPromise(
                f"{type(attack).__name__}._write must return finite numbers; of the "
                f"{made.y.size:,} poison rows it returned, {wrong:,} hold others."
            )
        if not all(np.isfinite(a).all() for a in (made.damage, made.risk)):
            raise untrained
        runs[plan[-1]] = made
    alphas: list[float | None] = [*one.alphas] if attack.steered else [None]
    cells = len(alphas) * len(seeds) * len(cut.ratios)
    ran = AttackRun(one, attack.steered, alphas, runs, cells)
    # The step goes by the damage to rows that the attack is about, without a limit on the risk.
    free = limit is None and all(world.others is None for world in worlds)
    if not (one.finish and free and finishes(attacker, replaces)):
        return ran
    if tell:
        tell(f"finishing {one.use}", 0, 0)
    return ran._replace(finished=finished(ran, attacker, worlds, cut.counts))


def parts_of(one: AttackSpec, spec: Spec) -> Attacker:
    """Build attack, victim, risk and normalizer.

    Parameters
    ----------
    one : AttackSpec
        The attack as the spec has it.
    spec : Spec
        The spec.

    Returns
    -------
    Attacker
        The four.

    Raises
    ------
    InputError
        If a name or an option is wrong.
    """
    through = one.through or spec.victim
    victim = build(through.use, through.options, victims, victims.AbstractVictim)
    risk = build(one.risk, {}, risks, risks.AbstractRisk)
    if one.against is not None:
        victim, risk = adapted(one.against, victim, risk)
    normalizer = build(one.normalizer, {}, objective, objective.AbstractNormalizer)
    attack = build(one.use, one.options, attacks, AbstractAttack)
    return Attacker(attack, victim, risk, normalizer)


def interruptible(work: Callable[[], Made]) -> Made:
    """The result of `work`, done in a thread: compiled code would keep Ctrl-C waiting."""
    made: list[Made] = []
    failed: list[BaseException] = []

    def go():
        try:
            made.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=go, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.1)
    if failed:
        raise failed[0]
    return made[0]
