"""The rules that a sample gives for every row of a table, and the tally of a pass by them."""

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from .._text import percent
from ..errors import InputError
from ..passes.block import Block, Kernel, by_columns
from ..passes.memory import Candidates
from ..passes.rows import dealt
from ._crossfit import Canonical
from ._groupgate import Expected, GroupGate
from ._targetrule import CHANCE_ROWS, CUT, TargetRule
from .harm import MANY, Decision, decided
from .recall import FitSample, Recall
from .search import FAR_SIGMAS
from .unitbox import UnitBox

Rows = Float[np.ndarray, "n d"]
Column = Float[np.ndarray, " n"]
Mask = Bool[np.ndarray, " n"]
Numbers = Int[np.ndarray, " n"]

KEPT, GROUP, TARGET = 0, 1, 2
"""The findings of a row."""

MAX_FLAGGED = 1 << 15
"""Flagged rows at most, drawn from all, on which it is tested whether rejecting them does harm."""

KEPT_BESIDE = 1 << 14
"""Kept rows of the sample at most that this test takes beside them."""

_PIECE = 1 << 20  # numbers of rows that are judged at a time, since copies of them are made
# A share of the kept rows: models learn from at least as many flagged ones, where there are.
_MIN_FLAGGED_SHARE = 0.05
_DRAW_SEED = 7  # of the draw of flagged rows


class GroupRule(NamedTuple):
    """Which rows pulled the model together, by the search that found them and by the gate.

    Targets from `low` to `high` take part; `box` and `own` are the units of the search, `distance`
    is its kernel there.
    """

    low: float
    high: float
    box: UnitBox
    own: UnitBox
    distance: Kernel
    gate: GroupGate | None = None

    def far(self, X: Rows, y: Column) -> tuple[Mask, Column]:
        """Which rows lie far off on the side to which they pull, and how far rows lie."""
        Z = by_columns(self.own.scaled(self.box(X)), y)
        distance = self.distance(Block(0, Z, np.ones(len(y))))
        return (distance > FAR_SIGMAS) & (y >= self.low) & (y <= self.high), distance

    def __call__(self, X: Rows, y: Column, rows: Numbers) -> tuple[Mask, Column, Expected]:
        """Which rows are of the group, how far rows lie, and what is expected of them."""
        assert self.gate is not None
        far, distance = self.far(X, y)
        expected = self.gate(X, y, rows)
        return far & expected.off, distance, expected


@dataclass(frozen=True, eq=False)
class TableRule:
    """The verdict on each row of a block: score, what is expected (3) and the finding, (5, n).

    `verdicts` (5, m) are those of the rows of the sample, whose numbers are `rows`; the others are
    judged by the rules that were learned from it. Single rows score `above` at most, rows of a
    group more; those that are `spared` are kept, since other flagged rows confirm them. In another
    table, rows equal to one of `recall` have the verdict of the sample, and rows equal to one of
    `spared_before` are kept.
    """

    rows: Numbers
    verdicts: Float[np.ndarray, "5 m"]
    group: GroupRule | None
    target: TargetRule | None
    above: float
    spared: Numbers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    recall: Recall | None = None
    spared_before: Recall | None = None

    def __call__(self, block: Block) -> Float[np.ndarray, "5 n"]:
        rows = block.rows
        if self.recall is None:
            at = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
            recalled = self.rows[at] == rows
        else:
            at = self.recall.find_numbered(block.Z, rows, self.rows)
            recalled = at >= 0
        verdicts = np.full((5, len(rows)), np.nan)
        verdicts[:, recalled] = self.verdicts[:, at[recalled]]
        unseen = np.flatnonzero(~recalled)
        size = max(_PIECE // len(block.Z), 1)
        for left in (unseen[i : i + size] for i in range(0, len(unseen), size)):
            X = np.ascontiguousarray(np.take(block.Z[:-1], left, axis=1).T)
            blank = None if block.blank is None else block.blank[:, left].T
            verdicts[:, left] = self._unseen(X, block.y[left], rows[left], blank)
        kept = np.isin(rows, self.spared)
        if self.spared_before is not None:
            kept |= self.spared_before.find(block.Z) >= 0
        if kept.any():
            verdicts[0, kept], verdicts[4, kept] = np.minimum(verdicts[0, kept], CUT), KEPT
        return verdicts

    def _unseen(
        self, X: Rows, y: Column, rows: Numbers, blank: Bool[np.ndarray, "n d"] | None
    ) -> Float[np.ndarray, "5 n"]:
        verdicts, alone = np.full((5, len(y)), np.nan), np.ones(len(y), dtype=bool)
        verdicts[0] = verdicts[4] = 0.0
        if self.group is not None:
            group, distance, expected = self.group(X, y, rows)
            verdicts[0] = self.above + distance if self.target is not None else distance
            values = np.array([expected.expected, expected.low, expected.high])
            verdicts[1:4, group] = values[:, group]
            verdicts[4], alone = np.where(group, GROUP, KEPT), ~group
        if self.target is not None and alone.any():
            given = None if blank is None else blank[alone]
            odds, *values = self.target(X[alone], y[alone], rows[alone], given)
            verdicts[0, alone] = np.minimum(odds, self.above)
            verdicts[1:4, alone] = values
            verdicts[4, alone] = np.where(odds > CUT, TARGET, KEPT)
        return verdicts


def for_other_table(rule: TableRule, known: FitSample, sample: Block) -> TableRule:
    """The rule for another table, which may hold some of the rows that it was learned from.

    How many honest rows are flagged by chance is estimated from the rows of its `sample`.
    """
    if rule.target is not None:
        some = slice(None, None, -(-len(sample.weight) // CHANCE_ROWS))
        blank = None if sample.blank is None else sample.blank.T[some]
        inputs = sample.X[some], sample.y[some], sample.rows[some], blank
        rule = replace(rule, target=rule.target.elsewhere(*inputs))
    spared = None if known.spared is None else Recall.of(known.spared)
    return replace(rule, recall=Recall.of(known.sample.Z), spared_before=spared)


@dataclass(frozen=True, eq=False)
class RuleScore:
    """The score of each row of a block."""

    rule: TableRule

    def __call__(self, block: Block) -> Column:
        return self.rule(block)[0]


@dataclass(frozen=True, eq=False)
class KeepRule:
    """Which rows of a block are kept, whether or not single rows are rejected."""

    rule: TableRule
    single: bool

    def __call__(self, block: Block) -> Column:
        finding = self.rule(block)[4]
        rejected = (finding != KEPT) if self.single else (finding == GROUP)
        return (~rejected).astype(float)


class TableTally(NamedTuple):
    """The result of a pass over all rows.

    `count` and `weight` (3,) are those of each finding. Of the flagged rows the f with the smallest
    random numbers `drawn` are held: their numbers `rows`, the rows `Z` (d + 1, f) and their weights
    `share`. `top` (6,) is the row of the highest score: score, number, target and what is expected.
    """

    count: Int[np.ndarray, "3"]
    weight: Float[np.ndarray, "3"]
    drawn: Int[np.ndarray, " f"]
    rows: Int[np.ndarray, " f"]
    Z: Float[np.ndarray, "k f"]
    share: Column
    top: Float[np.ndarray, "6"]

    def decided(
        self, X: Rows, y: Column, weight: Column, trusted: tuple[Rows, Column] | None
    ) -> Decision:
        """The decision on the flagged rows (f,), tested beside kept rows of the sample."""
        if not self.count[TARGET]:
            return Decision(np.zeros(0, dtype=bool), False, "")
        w, drawn, n = np.append(weight, self.share), None, len(y)
        if self.count[KEPT] > n or self.count[TARGET] > len(self.rows):
            # Flagged rows count beside the kept ones as they do in the whole table.
            as_many = n * self.weight[TARGET] / self.weight[KEPT]
            w = np.append(weight / weight.mean(), self.share * (as_many / self.share.sum()))
            learned = max(round(as_many), round(_MIN_FLAGGED_SHARE * n))
            drawn = np.append(np.zeros(n, dtype=bool), np.argsort(np.argsort(self.drawn)) < learned)
        Z = np.vstack([X, self.Z[:-1].T])
        table = Canonical.of(Z, np.append(y, self.Z[-1]), w, trusted)
        flagged = (table.rows >= n) & ~table.sure
        if drawn is not None:
            drawn = flagged & np.append(drawn, np.zeros(table.sure.sum(), dtype=bool))[table.rows]
        decision = decided(table, flagged, drawn)
        return decision._replace(spared=table.back(decision.spared, len(w))[n:])

    def decided_by_saved_model(self, known: FitSample) -> Decision:
        """The decision on flagged rows of another table than the one that rules were learned from.

        They are compared with that table, so they do not confirm each other.
        """
        nothing, wrong = np.zeros(len(self.rows), dtype=bool), self.weight[TARGET]
        if known.refused:
            message = (
                "The saved model rejects no single row, since so many of its own table looked "
                "wrong, or were needed by the others."
            )
            return Decision(nothing, bool(wrong), message if wrong else "")
        share = float(wrong / max(self.weight.sum(), 1.0))
        if self.weight[KEPT] < 2:
            raise InputError(
                f"All but {self.weight[KEPT]:.0f} of {self.weight.sum():,.0f} rows look wrong by "
                "the saved model: they may be of another source or in another unit, or the world "
                "has changed since; look at the table, or save a new model."
            )
        message = (
            f"{percent(share)} of the rows look wrong by the saved model, too many to be single "
            "slips: a source may be wrong as a whole, or the world has changed since; look at them "
            "before you use the others."
        )
        return Decision(nothing, False, message if share > MANY else "")

    def some(self, rows: Mask) -> Block:
        """These of the flagged rows, as a block."""
        return Block(0, self.Z[:, rows], self.share[rows], numbers=self.rows[rows])


@dataclass(frozen=True, eq=False)
class VerdictMap:
    """The two possible verdicts on a block, and its part of the tally."""

    rule: TableRule

    def __call__(self, block: Block) -> Candidates:
        verdicts = self.rule(block)
        findings = verdicts[4].astype(np.int64)
        weights = [block.weight * (findings == KEPT), block.weight * (findings != GROUP)]
        flagged = np.flatnonzero(findings == TARGET)
        top = int(np.argmax(verdicts[0]))
        tally = TableTally(
            np.bincount(findings, minlength=3),
            np.bincount(findings, weights=block.weight, minlength=3),
            dealt(block.rows[flagged], _DRAW_SEED, 1 << 62),
            block.rows[flagged],
            block.Z[:, flagged],
            block.weight[flagged],
            np.array([verdicts[0, top], block.rows[top], block.y[top], *verdicts[1:4, top]]),
        )
        return Candidates(weights, _capped(tally))


def merged(one: Any, other: Any) -> TableTally:
    """The tally of two parts of a table together."""
    one, other = TableTally(*one), TableTally(*other)
    return _capped(
        TableTally(
            one.count + other.count,
            one.weight + other.weight,
            np.append(one.drawn, other.drawn),
            np.append(one.rows, other.rows),
            np.append(one.Z, other.Z, axis=1),
            np.append(one.share, other.share),
            one.top if one.top[0] >= other.top[0] else other.top,
        )
    )


def _capped(tally: TableTally) -> TableTally:
    """The same with at most `MAX_FLAGGED` flagged rows, those with the smallest drawn numbers."""
    if len(tally.drawn) <= MAX_FLAGGED:
        return tally
    left = np.sort(np.argpartition(tally.drawn, MAX_FLAGGED)[:MAX_FLAGGED])
    drawn, rows = tally.drawn[left], tally.rows[left]
    return tally._replace(drawn=drawn, rows=rows, Z=tally.Z[:, left], share=tally.share[left])
