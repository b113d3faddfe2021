"""What was found, in sentences for a busy person."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.base import clone as copied

from .._text import counted, listing, percent, quote
from ..defenses import Ridge
from .findings import FAR, Found, figure
from .groups import Groups, found_in, source_told

MANY = 100_000  # rows enough to compare two fits
FEW = 20  # trusted rows below which chance decides what they say
# What a defense calls by number or repeats from the data: the latter is left alone.
CALLED = re.compile(r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|\bx(\d+)\b""")


def sentences(
    found: Found, table: Mapping[str, pa.ChunkedArray], groups: Groups | None
) -> list[str]:
    """The most important first; eight at most."""
    n, k, name = len(found.view.y), len(found.reasons), type(found.guard).__name__
    sure = f"How sure: {found.guard.how_sure(n)}"
    said = [f"Nothing found: {name} rejected none of {n:,} rows.", sure]
    if k:
        said[0] = f"Found: {name} rejected {k:,} of {n:,} rows ({percent(k / n)})."
        said += [_standing_out(found), _source(found, table, groups), *_cost(found)]
    else:
        said.append(_power(found))
    message = called(found.guard.message_, found.view.encoded.columns.names)
    return [line for line in [*said, message] if line]


def few(trusted: int) -> list[str]:
    """A word on trusted rows that are too few."""
    if trusted >= FEW:
        return []
    known = counted(trusted, "trusted row")
    return [f"Only {known}: by so few a choice is mostly chance; give {FEW} or more."]


def called(text: str, names: Sequence[str]) -> str:
    """What a defense says, in the names of the table: it calls columns x0, x1, and so on.

    >>> called("'x1' differs in x1.", ["age", "size"])
    "'x1' differs in 'size'."
    """

    def named(match: re.Match[str]) -> str:
        known = match[2] is not None and int(match[2]) < len(names)
        return quote(names[int(match[2])]) if known else match[0]

    return CALLED.sub(named, text)


def _standing_out(found: Found) -> str:
    encoded = found.view.encoded
    # Any rare level is many deviations away: what levels have to say, `_source` says.
    plain = np.append(encoded.columns.group < 0, False)[found.places]
    names = np.array([*encoded.columns.column, ""], dtype=object)[found.places]
    far = names[plain & (np.abs(found.sigmas) > FAR)].astype(str)
    unique, counts = np.unique(far, return_counts=True)
    off = int((np.abs(found.reasons["residual"]) > FAR).sum())
    shown = [f"{quote(encoded.target)} (the target) in {off:,}"] if off else []
    order = np.argsort(-counts, kind="stable")
    shown += [f"{quote(unique[k])} in {counts[k]:,}" for k in order]
    what = listing(shown) if shown else "none"
    return f"Columns that stand out by {FAR:g} σ: {what}."


def _source(found: Found, table: Mapping[str, pa.ChunkedArray], groups: Groups | None) -> str:
    """Where the rejected rows come from: by the column that was named, or else if any shows it."""
    columns, kept = found.view.encoded.columns, found.guard.inlier_mask_
    numeric = {c for c, g in zip(columns.column, columns.group, strict=True) if g < 0}
    known = numeric | {found.view.encoded.target} | ({groups.column} if groups else set())
    others = {name: cells for name, cells in table.items() if name not in known}
    if groups is None:
        other = found_in(others, kept)
        return f"Source: {other}" if other else ""
    told = source_told(groups, kept)
    if any(tally.beyond for tally in groups.tallies(kept)):
        return told
    other = found_in(others, kept)
    return f"{told} But {other}" if other else told


def _cost(found: Found) -> list[str]:
    """What the decision changes, right or wrong; of a large table by evenly spaced rows."""
    part = slice(None, None, -(-len(found.view.y) // MANY))
    X, y, kept = found.view.X[part], found.view.y[part], found.guard.inlier_mask_[part]
    model: Any = Ridge() if found.guard.estimator is None else copied(found.guard.estimator)
    before = model.fit(X, y).predict(X[kept])
    after, scale = model.fit(X[kept], y[kept]).predict(X[kept]), found.view.unit
    errors = [figure(np.median(np.abs(y[kept] - p)) * scale, 3) for p in (before, after)]
    moved = np.abs(after - before) * scale
    return [
        f"Fit: the median error on the kept rows is {errors[0]} with the rejected rows in "
        f"training, {errors[1]} without.",
        f"If wrong: you lose {counted(len(found.reasons), 'genuine row')}, and predictions move by "
        f"{figure(np.median(moved), 2)} in the median, {figure(moved.max(), 2)} at most.",
    ]


def _power(found: Found) -> str:
    """How far off a row would have had to be, where that can be said in units of the target."""
    unseen = "Poison as near to the model as clean rows are cannot be seen in this way."
    regression, scores = getattr(found.guard, "regression_", None), found.guard.scores_
    if regression is None:
        return unseen
    off = np.abs(found.view.y - regression.predict(found.view.X))[scores > 0] / scores[scores > 0]
    least = figure(found.guard.threshold_ * np.median(off) * found.view.unit, 2)
    target = quote(found.view.encoded.target)
    return f"If wrong: a row less than about {least} off the predicted {target} was kept. {unseen}"
