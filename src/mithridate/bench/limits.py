"""How far poison can push the error at most, for every split and ratio of a run."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import joblib
import numpy as np
from threadpoolctl import threadpool_limits

from ..bounds import Replacing, Setting, Writable, prove, safe_rows
from ..defenses import Ridge
from ..errors import InputError
from ..tables.encoded import Split
from .goals import pursued
from .movable import movable
from .pieces import Batches, Tell
from .spec import Spec
from .worlds import world, writable

PIECES = 2  # into which a bound is split where that sharpens it; more gain little
MOST_COUNTED = 120  # features up to which the number of rows that cannot double the error is sought
TIMES = 2.0  # the growth of the error for which it is said how many rows cannot cause it
FEW = 2  # splits up to which no processes are started


class Limits(NamedTuple):
    """The NMSE that no poison exceeds, and what else is said of it.

    `nmse` has for each (seed, ratio) that of the test and that of the validation rows, None where
    nothing could be proved. `facts` are JSON-able: `refused`, why there is no bound, or `safe`,
    how many `rows` beside `train` clean ones cannot make the test error `times` the clean one in
    any split, and whether they are `replaced`; `ends`, up to which number of replaced rows anything
    is proved, as a sentence; `moves`, of the first split, what `movable` says of added rows.
    """

    nmse: dict[tuple[int, float], tuple[float | None, float | None]]
    facts: dict[str, Any]


def limits(
    spec: Spec, splits: Sequence[Split], target: str, seeds: Sequence[int], cut: Batches,
    *, model: Any, tell: Tell,
) -> Limits:  # fmt: skip
    """The limits of a run whose judge is `model`; where no theorem holds, the reason."""
    refused = _refused(spec, model)
    if refused is not None or not cut.ratios:
        return Limits({}, {"refused": refused} if refused else {})
    # An attack that never makes its rows feasible may write what a relaxed one may.
    threat = spec.threat
    if any(attack.options.get("feasible") == "never" for attack in spec.attacks):
        threat = threat.model_copy(update={"relaxed": True})
    try:
        written = [writable(world(split, target, threat)) for split in splits]
    except InputError as error:
        return Limits({}, {"refused": str(error)})
    tell("bounding the damage", 0, len(splits))
    replaced = threat.placed == "replaced"
    of = joblib.delayed(partial(_of_split, l2=model.l2, counts=cut.counts, replaced=replaced))
    jobs = (
        of(pursued(split, target, threat.goal), rows)
        for split, rows in zip(splits, written, strict=True)
    )
    found, safe, ends, moves = {}, [], [], None
    workers = -1 if len(splits) > FEW else 1  # starting processes takes longer than few splits
    done = joblib.Parallel(n_jobs=workers, return_as="generator", max_nbytes=None)(jobs)
    if not replaced:
        moves = movable(pursued(splits[0], target, threat.goal), written[0], model.l2)
    made: Any
    for i, (seed, made) in enumerate(zip(seeds, done, strict=True), 1):
        found |= {(seed, ratio): one for ratio, one in zip(cut.ratios, made[0], strict=True)}
        safe.append(made[1])
        ends += [made[2]] if made[2] else []
        tell("bounding the damage", i, len(splits))
    if all(one is None for pair in found.values() for one in pair):
        if ends:
            return Limits({}, {"ends": f"No bound on the damage is proved. {min(ends)[1]}"})
        return Limits({}, {"refused": "The columns of the table are too nearly dependent."})
    facts: dict[str, Any] = {"ends": min(ends)[1]} if ends else {}
    if None not in safe:
        train = len(splits[0].train.y)
        facts["safe"] = {"times": TIMES, "rows": min(safe), "train": train, "replaced": replaced}
    if moves is not None:
        facts["moves"] = moves
    return Limits(found, facts)


def _refused(spec: Spec, model: Any) -> str | None:
    """Why no theorem covers what is judged, as a sentence."""
    if type(model) is not Ridge:
        return "The theorems are of ridge regression alone, and another model is judged."
    if not model.l2 > 0:
        return "Without a penalty (l2 = 0) a single row can move the model without limit."
    return None


class Proved(NamedTuple):
    """What is proved of one part of a split.

    `bounds` are on its mean squared error, one for each number of rows; `safe` is how many rows
    cannot lift it to a limit, `ends` up to which number of rows anything is proved, as a sentence.
    """

    bounds: list[float]
    safe: int | None = None
    ends: tuple[int, str] | None = None


def _added(setting: Setting, rows: Writable, counts: Sequence[int], limit: float | None) -> Proved:
    """What is proved where poison is added to the clean rows."""
    start, bounds, known = None, [], {}
    for count in counts:
        made = prove(setting, rows, count, start, pieces=PIECES)
        start = made.witness
        known |= {} if start is None else {count: start}
        bounds.append(made.bound)
    if limit is None or setting.Z.shape[1] - 1 > MOST_COUNTED:
        return Proved(bounds)
    return Proved(bounds, safe_rows(setting, rows, limit, max(counts), known))


def _replaced(
    setting: Setting, rows: Writable, counts: Sequence[int], limit: float | None
) -> Proved:
    """The same where poison replaces clean rows."""
    about = Replacing(setting, rows, max(counts))
    bounds = [about.prove(count).bound for count in counts]
    ends = (about.most, about.ends) if about.most < max(counts) else None
    return Proved(bounds, None if limit is None else about.safe_rows(limit), ends)


Made = tuple[list[tuple[float | None, float | None]], int | None, tuple[int, str] | None]


def _of_split(
    split: Split, rows: Writable, *, l2: float, counts: Sequence[int], replaced: bool
) -> Made:
    """The limits of a split at each ratio, how many rows cannot double its error, and the end."""
    proofs, shares = [], []
    with threadpool_limits(1):
        for part in (split.test, split.validation):
            setting = Setting(split.train.X, split.train.y, part.X, part.y, l2=l2)
            limit = TIMES * setting.fit(0).error if part is split.test else None
            made = (_replaced if replaced else _added)(setting, rows, counts, limit)
            unit = float(np.var(part.y))
            shares.append([one / unit if np.isfinite(one) else None for one in made.bounds])
            proofs.append(made)
    test, validation = proofs
    return list(zip(*shares, strict=True)), test.safe, test.ends or validation.ends
