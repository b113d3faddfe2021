"""How far poison can push the error at most, for every split and ratio of a run."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from ..bounds import Replacing, Setting, Writable, prove, safe_rows
from ..defenses import Ridge
from ..errors import InputError
from ..tables.encoded import Split
from .goals import pursued
from .movable import movable
from .pieces import Batches
from .processes import Call
from .spec import Spec
from .worlds import world, writable

_PIECES = 2  # parts into which the proof is split where that sharpens the bound; more gain little
_MAX_SEARCH_COLUMNS = 120  # with more features the search for `safe` rows takes too long
_ERROR_GROWTH = 2.0  # times the clean error: how many rows cannot cause it is searched


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


class Question(NamedTuple):
    """What is to be proved: a call for each split, and one on moves; or why nothing can be."""

    calls: list[Call]
    replaced: bool
    refused: str | None = None


def question(
    spec: Spec, splits: Sequence[Split], target: str, cut: Batches, *, model: Any
) -> Question:
    """What is to be proved of a run whose judge is `model`, before any of it is."""
    replaced, refused = spec.threat.placed == "replaced", _refused(spec, model)
    if refused is not None or not cut.ratios:
        return Question([], replaced, refused)
    # An attack that never makes its rows feasible may write what a relaxed one may.
    threat = spec.threat
    if any(attack.options.get("feasible") == "never" for attack in spec.attacks):
        threat = threat.model_copy(update={"relaxed": True})
    try:
        written = [writable(world(split, target, threat)) for split in splits]
    except InputError as error:
        return Question([], replaced, str(error))
    aimed = [pursued(split, target, threat.goal) for split in splits]
    of = partial(_limits_of_split, l2=model.l2, counts=cut.counts, replaced=replaced)
    calls: list[Call] = [(of, both) for both in zip(aimed, written, strict=True)]
    if not replaced:
        calls.append((movable, (aimed[0], written[0], model.l2)))
    return Question(calls, replaced)


def limits(
    asked: Question, answers: Sequence[Any], splits: Sequence[Split], seeds: Sequence[int],
    cut: Batches,
) -> Limits:  # fmt: skip
    """The limits of a run from the answers to its calls; where no theorem holds, the reason."""
    if not asked.calls:
        return Limits({}, {"refused": asked.refused} if asked.refused else {})
    nmse, safe, ends = {}, [], []
    for seed, answer in zip(seeds, answers, strict=False):
        nmse |= {(seed, ratio): one for ratio, one in zip(cut.ratios, answer[0], strict=True)}
        safe.append(answer[1])
        ends += [answer[2]] if answer[2] else []
    if all(one is None for pair in nmse.values() for one in pair):
        if ends:
            return Limits({}, {"ends": f"No bound on the damage is proved. {min(ends)[1]}"})
        return Limits({}, {"refused": "The columns of the table are too nearly dependent."})
    facts: dict[str, Any] = {"ends": min(ends)[1]} if ends else {}
    if None not in safe:
        rows = {"rows": min(safe), "train": len(splits[0].train.y)}
        facts["safe"] = {"times": _ERROR_GROWTH, **rows, "replaced": asked.replaced}
    if not asked.replaced and answers[-1] is not None:
        facts["moves"] = answers[-1]
    return Limits(nmse, facts)


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
        made = prove(setting, rows, count, start, pieces=_PIECES)
        start = made.witness
        known |= {} if start is None else {count: start}
        bounds.append(made.bound)
    if limit is None or setting.Z.shape[1] - 1 > _MAX_SEARCH_COLUMNS:
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


SplitLimits = tuple[list[tuple[float | None, float | None]], int | None, tuple[int, str] | None]


def _limits_of_split(
    split: Split, rows: Writable, *, l2: float, counts: Sequence[int], replaced: bool
) -> SplitLimits:
    """The limits of a split at each ratio, how many rows cannot double its error, and the end."""
    proofs, shares = [], []
    with threadpool_limits(1):
        for part in (split.test, split.validation):
            setting = Setting(split.train.X, split.train.y, part.X, part.y, l2=l2)
            limit = _ERROR_GROWTH * setting.fit(0).error if part is split.test else None
            made = (_replaced if replaced else _added)(setting, rows, counts, limit)
            unit = float(np.var(part.y))
            shares.append([one / unit if np.isfinite(one) else None for one in made.bounds])
            proofs.append(made)
    test, validation = proofs
    return list(zip(*shares, strict=True)), test.safe, test.ends or validation.ends
