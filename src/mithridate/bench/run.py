"""Runs a spec: data, then attacks, then defenses, then tables."""

import datetime
import importlib.metadata
import platform
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import joblib
import numpy as np
import pyarrow as pa

from .. import attacks, datasets, defenses, objective, risks, table, victims
from ..datasets import Encoded, Part, Split
from ..errors import InputError
from ..threat import edges
from .judges import judge
from .looks import looks, moved
from .names import build
from .score import Cell, Judge, score
from .spec import AttackSpec, DefenseSpec, Spec
from .sweep import Poison, sweep, ticks

Tell = Callable[[str, int, int], Any]  # (stage, done, total); total 0: not known
Made = TypeVar("Made")
PICTURED = 0.2  # the ratio nearest to this is the one whose rows are shown


class Results(NamedTuple):
    """The three tables of a run: judged cells, example rows, moved columns."""

    table: pa.Table
    looks: pa.Table
    moved: pa.Table


class Ran(NamedTuple):
    """One attack of the spec, built, and the poison it made."""

    spec: AttackSpec
    steered: bool
    alphas: list[float | None]
    poison: Poison


def run(spec: Spec, frame: Any = None, tell: Tell | None = None) -> Results:
    """Runs a whole spec on the table it names, or on the given frame."""
    tell = tell or (lambda stage, done, total: None)
    began, started = time.perf_counter(), datetime.datetime.now(datetime.UTC)
    tell("reading the table", 0, 0)
    data = _load(spec, frame)
    seeds = [spec.seed + i for i in range(spec.seeds)]
    judge_name, model = judge(spec)
    judges = [_judge(d, model) for d in spec.defenses]
    splits = [data.split(seed, spec.data.rows) for seed in seeds]
    # Fitted first, so that a model that cannot be fitted is refused before the long work.
    clean = model.fit(splits[0].train.X, splits[0].train.y)
    ratios, batches = _ratios(spec, len(splits[0].train.y))
    ran = [_attack(a, spec, splits, seeds, batches, tell) for a in spec.attacks if ratios]
    keys = {"dataset": data.name, "victim": spec.victim.use, "judge": judge_name}
    cells = list(_cells(keys, splits, seeds, ratios, ran))
    rows = _score_all(cells, splits, seeds, model, judges, tell)
    shown = _pictured(ran, ratios, batches, splits[0])
    about = _about(spec, data, splits, started, time.perf_counter() - began)
    return Results(
        table.to_table(rows, table.Row, about),
        table.to_table(looks(splits[0], clean, shown), table.Look),
        table.to_table(moved(splits[0], data.target, shown), table.Moved),
    )


def _load(spec: Spec, frame: Any) -> Encoded:
    source = spec.data.source if frame is None else frame
    if frame is None and spec.data.source == "frame":
        raise InputError("The spec was made from a data frame in memory; pass that frame again.")
    data = datasets.load(
        source, spec.data.target, drop=spec.data.drop, categorical=spec.data.categorical
    )
    want = spec.data.fingerprint
    if want is not None and want != data.fingerprint:
        raise InputError(
            f"{data.name!r} is not the table of the spec: its content has changed since. "
            "Remove 'fingerprint' from the spec to run it all the same."
        )
    spec.data.fingerprint, spec.data.target = data.fingerprint, data.target
    return data


def _judge(spec: DefenseSpec, model: Any) -> Judge:
    defense = build(spec.use, spec.options, defenses, defenses.BaseDefense)
    defense.set_params(estimator=model)
    told = "contamination" in defense.get_params(deep=False)
    shown = spec.contamination if isinstance(spec.contamination, str) else f"{spec.contamination:g}"
    return Judge(spec.use, defense, shown if told else None)


def _ratios(spec: Spec, n: int) -> tuple[list[float], tuple[int, ...]]:
    """The ratios to judge, and the edges of the batches: steps of `batch` and each ratio."""
    ratios = sorted({r for r in spec.ratios if r > 0})
    if not ratios:
        return [], (0,)
    for ratio in ratios:
        if edges(n, [ratio])[1] == 0:
            raise InputError(
                f"Ratio {ratio:g} of {n} rows is less than one row; give a larger one."
            )
    steps = [k * spec.batch for k in range(1, int(max(ratios) / spec.batch) + 1)]
    return ratios, tuple(sorted(set(edges(n, [*ratios, *steps]))))


def _attack(
    one: AttackSpec, spec: Spec, splits: Sequence[Split], seeds: list[int], batches, tell: Tell
) -> Ran:
    victim = build(spec.victim.use, spec.victim.options, victims, victims.AbstractVictim)
    attack = build(one.use, one.options, attacks, attacks.AbstractAttack)
    risk = build(one.risk, {}, risks, risks.AbstractRisk)
    normalizer = build(one.normalizer, {}, objective, objective.AbstractNormalizer)
    total, done = ticks(attack, one.alphas, seeds, len(batches) - 1), 0
    tell(f"compiling {one.use}", 0, 0)

    def tick():
        nonlocal done
        done += 1
        tell(f"attacking with {one.use}", done, total)

    poison = _interruptible(
        lambda: sweep(attack, victim, risk, normalizer, splits, seeds, one.alphas, batches, tick)
    )
    if not np.isfinite(poison.X).all():
        raise InputError(
            "The model cannot be trained on these columns without a penalty: give l2 > 0."
        )
    alphas: list[float | None] = [*one.alphas] if attack.steered else [None]
    return Ran(one, attack.steered, alphas, poison)


def _interruptible(work: Callable[[], Made]) -> Made:
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


def _cells(keys: dict[str, Any], splits, seeds, ratios, ran) -> Iterator[Cell]:
    """Every poisoned training set to judge; first the unpoisoned ones."""
    nothing = {"risk_name": None, "normalizer": None, "alpha": None}
    for i, seed in enumerate(seeds):
        train = splits[i].train
        none = Part(train.X[:0], train.y[:0])
        yield Cell(
            {**keys, **nothing, "attack": "none", "ratio": 0.0, "seed": seed}, none, None, None
        )
    n = len(splits[0].train.y)
    for one in ran:
        poison, steered = one.poison, one.steered
        seconds = poison.seconds / (len(one.alphas) * len(seeds) * len(ratios))
        for a, alpha in enumerate(one.alphas):
            named = {
                "attack": one.spec.use,
                "risk_name": one.spec.risk if steered else None,
                "normalizer": one.spec.normalizer if steered else None,
                "alpha": alpha,
            }
            for i, seed in enumerate(seeds):
                for ratio in ratios:
                    p = edges(n, [ratio])[1]
                    rows = Part(poison.X[a, i, :p], poison.y[a, i, :p])
                    risk = float(poison.risk[a, i, poison.edges.index(p) - 1])
                    where = {**keys, **named, "ratio": ratio, "seed": seed}
                    yield Cell(where, rows, risk, seconds)


def _score_all(cells, splits, seeds, model, judges, tell: Tell) -> list[table.Row]:
    jobs = (
        joblib.delayed(score)(cell, splits[seeds.index(cell.keys["seed"])], model, judges)
        for cell in cells
    )
    rows: list[table.Row] = []
    tell("judging the defenses", 0, len(cells))
    # Workers are processes with one BLAS thread each: threads of both kinds would fight.
    # No memory maps: a stopped run would leave their files behind.
    done = joblib.Parallel(n_jobs=-1, return_as="generator", max_nbytes=None)(jobs)
    for i, some in enumerate(done, 1):
        rows.extend(some or [])
        tell("judging the defenses", i, len(cells))
    return rows


def _pictured(ran, ratios, batches, split: Split) -> dict[tuple, Part]:
    """Poison of the first seed at the ratio that is shown, by (attack, alpha, ratio)."""
    if not ratios:
        return {}
    ratio = min(ratios, key=lambda r: abs(r - PICTURED))
    p = edges(len(split.train.y), [ratio])[1]
    return {
        (one.spec.use, alpha, ratio): Part(one.poison.X[a, 0, :p], one.poison.y[a, 0, :p])
        for one in ran
        for a, alpha in enumerate(one.alphas)
    }


def _about(spec: Spec, data: Encoded, splits, started, seconds: float) -> dict[str, Any]:
    split = splits[0]
    packages = ("mithridate", "jax", "numpy", "scikit-learn", "scipy", "pyarrow")
    versions = {name: importlib.metadata.version(name) for name in packages}
    sizes = (
        f"{len(split.train.y)} training, {len(split.validation.y)} validation and "
        f"{len(split.test.y)} test rows"
    )
    used = sum(len(part.y) for part in (split.train, split.validation, split.test))
    note = f"Of {len(data.y):,} rows each seed draws {sizes}."
    if used < len(data.y):
        note += " The rest is not used; --rows sets how many train."
    return {
        "dataset": data.name,
        "target": data.target,
        "rows": len(data.y),
        "notes": [*data.notes, note],
        "spec": spec.dump(),
        "command": "mithridate audit --spec spec.toml",
        "seconds": seconds,
        "started": started.isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **versions},
        "threat": THREAT,
    }


THREAT = {
    "writes": "adds rows; features and target of every added row are free",
    "box": "each value stays within the range that the clean training rows show",
    "feasibility": "one level a category set, whole numbers where the column has only those",
    "knowledge": "white-box: knows the training rows, the model and its penalty, and a validation "
    "sample; does not know the test rows",
}
