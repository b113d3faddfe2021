"""The summary of a cleaned table: a few sentences, the most important first."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import clone as copied

from .._text import counted, listing, percent, quote
from ..defenses import BaseDefense, Ridge
from ..defenses.unitbox import UnitBox
from ..moments import Moments
from .cells import Cells
from .encoding import Cells as Columns
from .encoding import Encoding
from .findings import FAR_SIGMAS, Rejected, between, figure, in_units
from .groups import Groups, overrepresented, source_sentence
from .shifts import Shift, shift_sentence

MAX_ROWS = 100_000  # on which two fits are compared; of more, evenly spaced ones
UNSEEN = "Poison as near to the model as clean rows are cannot be seen in this way."
_MIN_TRUSTED = 20  # trusted rows; a choice by fewer is mostly chance


def sentences(
    guard: BaseDefense,
    encoding: Encoding,
    rejected: Rejected,
    table: Columns,
    groups: Groups | None,
    *,
    cells: Cells | None,
    shifts: Mapping[str, Shift],
) -> list[str]:
    """The most important first, ten at most; `table` has all columns, used or not."""
    of_cells = "" if cells is None else cells.sentence
    if getattr(guard, "only", None) == "cells":
        return [of_cells]
    off = "" if groups is None else shift_sentence(shifts, quote(groups.column), encoding.target)
    group = 0 if rejected.judged is None else int(rejected.judged.group.sum())
    together = kinds(group, len(rejected.records))
    lines = [*headlines(guard, encoding.rows), off, together, of_cells]
    if len(rejected.records):
        where = _source(guard, encoding, table, groups)
        lines += [_standing_out(rejected), where, *_cost(guard, encoding)]
    else:
        lines.append(_power(guard, encoding, rejected))
    return [line for line in [*lines, guard.message_] if line]


def headlines(guard: BaseDefense, rows: int) -> list[str]:
    """How many rows were rejected, and how sure that is."""
    name, rejected = type(guard).__name__, guard.n_rejected_
    what = f"Found: {name} rejected {rejected:,} of {rows:,} rows ({percent(rejected / rows)})."
    nothing = f"Nothing found: {name} rejected none of {rows:,} rows."
    return [what if rejected else nothing, f"How sure: {guard.how_sure(rows)}"]


def cost_by_moments(kept: Moments, every: Moments, unit: float) -> list[str]:
    """What the decision changes, where only the moments of the kept and of all rows are known."""
    rejected = round(float(every.weight - kept.weight))
    if not rejected:
        return []
    before, after = (float(kept.mse(*m.ridge(1e-3))) ** 0.5 * unit for m in (every, kept))
    return [
        f"Fit: the root mean squared error on the kept rows is {before:.3g} with the rejected rows "
        f"in training, {after:.3g} without.",
        f"If wrong: you lose {counted(rejected, 'genuine row')}.",
    ]


def few(trusted: int) -> list[str]:
    """A warning where there are too few trusted rows."""
    if trusted >= _MIN_TRUSTED:
        return []
    known = counted(trusted, "trusted row")
    return [f"Only {known}: by so few a choice is mostly chance; give {_MIN_TRUSTED} or more."]


def _standing_out(rejected: Rejected) -> str:
    columns, target = rejected.columns, rejected.target
    # Any rare level is many deviations away, so levels are left to `_source`.
    plain = np.append(columns.group < 0, False)[rejected.places]
    names = np.array([*columns.column, ""], dtype=object)[rejected.places]
    far = names[plain & (np.abs(rejected.sigmas) > FAR_SIGMAS)].astype(str)
    unique, counts = np.unique(far, return_counts=True)
    off = int((np.abs(rejected.records["residual"]) > FAR_SIGMAS).sum())
    shown = [f"{quote(target)} (the target) in {off:,}"] if off else []
    order = np.argsort(-counts, kind="stable")
    shown += [f"{quote(unique[k])} in {counts[k]:,}" for k in order]
    what = listing(shown) if shown else "none"
    return f"Columns that stand out by {FAR_SIGMAS:g} σ: {what}."


def _source(guard: BaseDefense, encoding: Encoding, table: Columns, groups: Groups | None) -> str:
    """Where the rejected rows come from: by the column that was named, or else if any shows it."""
    columns, kept = encoding.columns, guard.inlier_mask_
    numeric = {c for c, g in zip(columns.column, columns.group, strict=True) if g < 0}
    known = numeric | {encoding.target} | ({groups.column} if groups else set())
    others = {name: cells for name, cells in table.items() if name not in known}
    if groups is None:
        other = overrepresented(others, kept)
        return f"Source: {other}" if other else ""
    tallies = groups.tallies(kept)
    named = source_sentence(quote(groups.column), tallies)
    if any(tally.beyond for tally in tallies):
        return named
    other = overrepresented(others, kept)
    return f"{named} But {other}" if other else named


def _cost(guard: BaseDefense, encoding: Encoding) -> list[str]:
    """What the decision changes, right or wrong; of a large table by evenly spaced rows."""
    part = slice(None, None, -(-encoding.rows // MAX_ROWS))
    X, y = np.ascontiguousarray(encoding.X[part]), encoding.y[part]
    kept = guard.inlier_mask_[part]
    if guard.estimator is None:
        # By the range of all rows, one far cell would shrink what the ridge learns of a column.
        X = UnitBox.of(X[kept]).scaled(X)
    model: Any = Ridge() if guard.estimator is None else copied(guard.estimator)
    before = model.fit(X, y).predict(X[kept])
    after, scale = model.fit(X[kept], y[kept]).predict(X[kept]), encoding.unit
    errors = [figure(np.median(np.abs(y[kept] - p)) * scale, 3) for p in (before, after)]
    moved = np.abs(after - before) * scale
    return [
        f"Fit: the median error on the kept rows is {errors[0]} with the rejected rows in "
        f"training, {errors[1]} without.",
        f"If wrong: you lose {counted(guard.n_rejected_, 'genuine row')}, and predictions move by "
        f"{figure(np.median(moved), 2)} in the median, {figure(moved.max(), 2)} at most.",
    ]


def kinds(group: int, rejected: int) -> str:
    """How many rows were rejected for which reason, where there are two."""
    if not group:
        return ""
    alone = rejected - group
    rest = f"; {alone:,} have a target that does not fit, each alone" if alone else ""
    return f"Of these, {counted(group, 'row')} together pulled the model to where it is{rest}."


def _nearest(guard: Any, encoding: Encoding, rejected: Rejected) -> str:
    """What is nearest to an error in a table without one, and how far off an error would be."""
    row = int(np.argmax(guard.scores_))
    number = row + 1 if rejected.numbers is None else int(rejected.numbers[row])
    values = guard.expected_[row], guard.expected_low_[row], guard.expected_high_[row]
    shown = in_units((encoding.y[row], *values), encoding.zero, encoding.unit)
    return nearest(number, encoding.target, *shown)


def nearest(number: int, target: str, y: float, *expected: float) -> str:
    """The row that is nearest to an error: its target, what is expected, and between which ends."""
    return (
        f"Most suspicious: row {number:,}, whose {quote(target)} is {figure(y)}, where the others "
        f"predict {between(*expected)}."
    )


def _power(guard: BaseDefense, encoding: Encoding, rejected: Rejected) -> str:
    """How far off a row would have had to be, where that can be said in units of the target."""
    low = getattr(guard, "expected_low_", None)
    if low is not None and np.isfinite(low).all():
        return f"{_nearest(guard, encoding, rejected)} {UNSEEN}"
    regression, scores = getattr(guard, "regression_", None), guard.scores_
    if regression is None:
        return UNSEEN
    X = guard.unit_box_.scaled(encoding.X)  # pyright: ignore
    off = np.abs(encoding.y - regression.predict(X))[scores > 0] / scores[scores > 0]
    least = figure(guard.threshold_ * np.median(off) * encoding.unit, 2)
    target = quote(encoding.target)
    return f"If wrong: a row less than about {least} off the predicted {target} was kept. {UNSEEN}"
