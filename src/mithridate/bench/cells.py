"""The cells of a spec: every poisoned training set under its keys, and who judges it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .. import defenses
from .._lookup import build
from .pieces import Batches
from .poisoning import AttackRun
from .portfolio import Chosen
from .score import Candidate, Cell
from .spec import AttackSpec, DefenseSpec, Spec

TRUSTED = 30  # trusted rows for a defense that needs them, unless the spec says how many


def candidates_of(spec: Spec, model: Any) -> list[Candidate]:
    """The defenses of a spec, each around the judge's `model`."""
    return [_candidate(one, model) for one in spec.defenses]


def _candidate(spec: DefenseSpec, model: Any) -> Candidate:
    defense = build(spec.use, spec.options, defenses, defenses.BaseDefense)
    defense.set_params(estimator=model)
    takes_ratio = "contamination" in defense.get_params(deep=False)
    shown = spec.contamination if isinstance(spec.contamination, str) else f"{spec.contamination:g}"
    trusted = spec.trusted or (TRUSTED if defense.needs_trusted else None)
    return Candidate(
        spec.use, written(spec.options), defense, shown if takes_ratio else None, trusted
    )


def written(options: Mapping[str, Any]) -> str:
    """Options as a key of the results: JSON in one order.

    >>> written({"c2": 1.5, "c1": 1})
    '{"c1": 1, "c2": 1.5}'
    """
    return json.dumps(options, sort_keys=True, ensure_ascii=False, default=str)


def unpoisoned(spec: Spec, keys: Mapping[str, Any], seeds: Sequence[int]) -> Iterator[Cell]:
    """The clean training set of each seed."""
    nothing = {"risk_name": None, "normalizer": None, "alpha": None, "attack": "none", "ratio": 0.0}
    for seed in seeds:
        yield Cell({**_keys(spec), **keys, **nothing, "seed": seed}, None)


def cells_of(
    spec: Spec,
    keys: Mapping[str, Any],
    seeds: Sequence[int],
    cut: Batches,
    ran: Sequence[AttackRun | Chosen],
) -> Iterator[Cell]:
    """Every poisoned training set to judge, by attack, alpha, seed and ratio."""
    for one in ran:
        for a, alpha in enumerate(one.alphas):
            named = {**_keys(spec), **keys, **attack_keys(one.spec, one.steered), "alpha": alpha}
            for i, seed in enumerate(seeds):
                for ratio, p in zip(cut.ratios, cut.counts, strict=True):
                    where = {**named, "ratio": ratio, "seed": seed}
                    yield Cell(where, one.piece(a, i, p))


def attack_keys(one: AttackSpec, steered: bool) -> dict[str, Any]:
    """The columns of the results that identify an attack, except alpha."""
    return {
        "attack": one.use,
        "attack_options": written(one.options | ({"finish": True} if one.finish else {})),
        "against": one.against,
        "risk_name": one.risk if steered else None,
        "normalizer": one.normalizer if steered else None,
    }


def _keys(spec: Spec) -> dict[str, Any]:
    victim = {"victim": spec.victim.use, "victim_options": written(spec.victim.options)}
    return {**victim, **spec.threat.keys()}
