"""The ratio from which on the poisoned model fits the poison better than the clean rows."""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from .. import schema
from .intervals import ENOUGH, ends

RESAMPLES = 1000
KEYS = set(schema.keys()) - {
    *("part", "ratio", "seed", "defense", "defense_options", "contamination", "trusted")
}
BELOW, AT, NOT = "below", "at", "not"


@dataclasses.dataclass(frozen=True)
class Poisonability:
    """Where the mean error of the poison falls to that of the clean rows, for one series of cells.

    `keys` are the columns that tell the series from others. `reach` is "at" (the errors meet at
    `ratio`, interpolated), "below" (at or below `ratio`, the first tried) or "not" (not up to
    `ratio`, the last tried). `low` and `high` are the ends of a 95 % bootstrap interval over the
    seeds: 0 below the first ratio tried, infinite beyond the last; None with fewer than 3 seeds.

    Parameters
    ----------
    keys : mapping of str to object
        The columns that tell the series from others.
    seeds : int
        How many seeds it has.
    reach : str
        "at": the errors meet at `ratio`, interpolated; "below": at or below `ratio`, the first
        tried; "not": not up to `ratio`, the last tried.
    ratio : float
        The ratio.
    low : float, optional
        The lower end of a 95 % bootstrap interval over the seeds, 0 below the first ratio tried;
        None with fewer than 3 seeds.
    high : float, optional
        The upper end, infinite beyond the last ratio tried.
    """

    keys: Mapping[str, Any]
    seeds: int
    reach: str
    ratio: float
    low: float | None = None
    high: float | None = None


def poisonability(results: pa.Table) -> list[Poisonability]:
    """The poisonability of each series of cells: data set, victim, judge, attack, alpha, threat.

    At each ratio the mean squared error of the poison rows and that of the clean training rows,
    both under the model trained on all of them, are averaged over the seeds; their difference is
    interpolated between the ratios. `results` is a table of `schema.Row`.

    >>> from mithridate.schema import Row, to_table
    >>> keys = dict(dataset="t", victim="ridge", judge="ridge", attack="ascent", alpha=1.0, seed=0)
    >>> errors = [(0.1, 0.9), (0.2, 0.6), (0.3, 0.2)]
    >>> keys |= dict(defense="none", error_clean=0.5)
    >>> rows = [Row(**keys, ratio=ratio, error_poison=error) for ratio, error in errors]
    >>> [(one.reach, round(one.ratio, 3)) for one in poisonability(to_table(rows, Row))]
    [('at', 0.225)]

    The question is the second open one of Carnerero-Cano et al., "Stealthy poisoning attacks bypass
    defenses in regression settings" (2026).
    """
    return measured(results.to_pylist())


def measured(rows: Iterable[Mapping[str, Any]]) -> list[Poisonability]:
    """Find the same from rows; each defense's row of a cell has the same errors, and one is taken.

    Parameters
    ----------
    rows : iterable of mapping of str to object
        The results, row by row.

    Returns
    -------
    list of Poisonability
        One for each series of cells.
    """
    names = [name for name in schema.schema(schema.Row).names if name in KEYS]
    series: dict[tuple, dict[tuple[float, Any], tuple[float, float]]] = {}
    for row in rows:
        clean, poison = row.get("error_clean"), row.get("error_poison")
        if not row["ratio"] or clean is None or poison is None:
            continue
        if math.isfinite(clean) and math.isfinite(poison):
            cells = series.setdefault(tuple(row.get(name) for name in names), {})
            cells.setdefault((float(row["ratio"]), row.get("seed")), (clean, poison))
    return [_one(dict(zip(names, key, strict=True)), cells) for key, cells in series.items()]


def crossing(
    ratios: Sequence[float], clean: Sequence[float], poison: Sequence[float]
) -> tuple[str, float]:
    """Where the poison's error first is no larger than the clean rows': reach and ratio.

    Without poison it has no error, so nothing is interpolated before the first ratio.

    >>> crossing([0.1, 0.2], [1.0, 1.0], [2.0, 0.0]), crossing([0.1, 0.2], [1.0, 1.0], [0.5, 0.0])
    (('at', 0.15000000000000002), ('below', 0.1))
    """
    gaps = [p - c for c, p in zip(clean, poison, strict=True)]
    if gaps[0] <= 0:
        return BELOW, ratios[0]
    for i, gap in enumerate(gaps[1:]):
        if gap <= 0:
            return AT, ratios[i] + (ratios[i + 1] - ratios[i]) * gaps[i] / (gaps[i] - gap)
    return NOT, ratios[-1]


def _one(
    keys: dict[str, Any], cells: dict[tuple[float, Any], tuple[float, float]]
) -> Poisonability:
    ratios = sorted({ratio for ratio, _ in cells})
    seeds = list(dict.fromkeys(seed for _, seed in cells))
    lost = (math.nan, math.nan)
    errors = np.array([[cells.get((ratio, seed), lost) for ratio in ratios] for seed in seeds])
    reach, ratio = crossing(ratios, *np.nanmean(errors, axis=0).T.tolist())
    whole = errors[~np.isnan(errors).any(axis=(1, 2))]
    spread = _interval(ratios, whole) if len(whole) >= ENOUGH else (None, None)
    return Poisonability(keys, len(seeds), reach, ratio, *spread)


def _interval(ratios: Sequence[float], errors: np.ndarray) -> tuple[float, float]:
    """Percentiles of the crossing over seeds drawn again, with replacement."""
    # Not the draws of `_intervals`, because published intervals rest on these.
    drawn = np.random.default_rng(0).integers(len(errors), size=(RESAMPLES, len(errors)))
    outside = {BELOW: 0.0, NOT: math.inf}
    crossings = [
        outside.get(reach, ratio)
        for means in errors[drawn].mean(axis=1)
        for reach, ratio in [crossing(ratios, *means.T.tolist())]
    ]
    low, high = ends(np.array(crossings))
    return float(low), float(high)


def predicted(results: pa.Table) -> dict[tuple[Any, Any], tuple[str, float]]:
    """What was predicted of a ridge from clean rows alone: reach and ratio by attack and alpha."""
    facts, crossings = _facts(results), {}
    attack = facts.get("attack")
    if not isinstance(attack, str):
        return {}
    ratios, curves = _numbers(facts.get("ratios")), facts.get("predicted")
    for one in filter(_is_mapping, curves if isinstance(curves, list) else []):
        alpha = one.get("alpha")
        clean, poison = _numbers(one.get("error_clean")), _numbers(one.get("error_poison"))
        if isinstance(alpha, int | float) and 0 < len(ratios) == len(clean) == len(poison):
            crossings[attack, float(alpha)] = crossing(ratios, clean, poison)
    return crossings


def hidden(results: pa.Table) -> dict[float, float]:
    """By ratio, the most that poison which fits better can grow the clean rows' error: a bound."""
    facts = _facts(results)
    return dict(zip(_numbers(facts.get("ratios")), _numbers(facts.get("hidden")), strict=False))


def _facts(results: pa.Table) -> Mapping[str, Any]:
    facts = schema.about(results).get("poisonability")
    return facts if isinstance(facts, dict) else {}


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _numbers(value: Any) -> list[float]:
    """The numbers of a list; none where it is not a list of numbers."""
    fine = isinstance(value, list) and all(isinstance(v, int | float) for v in value)
    return list(value) if fine else []
