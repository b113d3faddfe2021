"""What a sample says of a table: rules for every row of it, and what a pass brings back."""

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
from ._targetrule import CUT, SOME, TargetRule
from .harm import MANY, Decision, decided
from .recall import FitSample, Recall
from .search import FAR_SIGMAS
from .unitbox import UnitBox

Rows = Float[np.ndarray, "n d"]
Column = Float[np.ndarray, " n"]
Mask = Bool[np.ndarray, " n"]
Numbers = Int[np.ndarray, " n"]

KEPT, GROUP, TARGET = 0, 1, 2
"""What is found of a row."""

SUSPECTS = 1 << 15
"""Flagged rows, drawn from all, by which it is asked whether rejecting them would do harm."""

BESIDE = 1 << 14
"""Kept rows of a sample beside which it is asked."""

_LEARNED = 0.05  # of the kept rows; so many flagged ones models learn from at least, if they are
_SUSPECT = 7  # the seed by which flagged rows are drawn


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
    """What is said of each row of a block: score, what is expected (3) and the finding, (5, n).

    `said` (5, m) is what was said of the rows of the sample, whose numbers are `rows`; the others
    are judged by the rules that were learned of it. Single rows score `above` at most, rows of a
    group more; those that are `spared` are kept, since other flagged rows bear them out. Of another
    table, the rows of the sample are those that hold the same as one that there is to `recall`, and
    those are kept that hold the same as one of `spared_before`.
    """

    rows: Numbers
    said: Float[np.ndarray, "5 m"]
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
            seen = self.rows[at] == rows
        else:
            at = self.recall.find_numbered(block.Z, rows, self.rows)
            seen = at >= 0
        found = np.full((5, len(rows)), np.nan)
        found[:, seen] = self.said[:, at[seen]]
        left = np.flatnonzero(~seen)
        if len(left):
            X = np.ascontiguousarray(np.take(block.Z[:-1], left, axis=1).T)
            blank = None if block.blank is None else block.blank[:, left].T
            found[:, left] = self._unseen(X, block.y[left], rows[left], blank)
        kept = np.isin(rows, self.spared)
        if self.spared_before is not None:
            kept |= self.spared_before.find(block.Z) >= 0
        if kept.any():
            found[0, kept], found[4, kept] = np.minimum(found[0, kept], CUT), KEPT
        return found

    def _unseen(
        self, X: Rows, y: Column, rows: Numbers, blank: Bool[np.ndarray, "n d"] | None
    ) -> Float[np.ndarray, "5 n"]:
        found, alone = np.full((5, len(y)), np.nan), np.ones(len(y), dtype=bool)
        found[0] = found[4] = 0.0
        if self.group is not None:
            group, distance, expected = self.group(X, y, rows)
            found[0] = self.above + distance if self.target is not None else distance
            values = np.array([expected.expected, expected.low, expected.high])
            found[1:4, group] = values[:, group]
            found[4], alone = np.where(group, GROUP, KEPT), ~group
        if self.target is not None and alone.any():
            some = None if blank is None else blank[alone]
            odds, *values = self.target(X[alone], y[alone], rows[alone], some)
            found[0, alone] = np.minimum(odds, self.above)
            found[1:4, alone] = values
            found[4, alone] = np.where(odds > CUT, TARGET, KEPT)
        return found


def recalling(rule: TableRule, known: FitSample, sample: Block) -> TableRule:
    """The rule for another table, some of whose rows may be among those that it was learned of.

    The rows of its `sample` say how many honest ones are flagged by chance.
    """
    if rule.target is not None:
        some = slice(None, None, -(-len(sample.weight) // SOME))
        blank = None if sample.blank is None else sample.blank.T[some]
        told = sample.X[some], sample.y[some], sample.rows[some], blank
        rule = replace(rule, target=rule.target.elsewhere(*told))
    spared = None if known.spared is None else Recall.of(known.spared)
    return replace(rule, recall=Recall.of(known.sample.Z), spared_before=spared)


@dataclass(frozen=True, eq=False)
class Score:
    """The score of each row of a block."""

    rule: TableRule

    def __call__(self, block: Block) -> Column:
        return self.rule(block)[0]


@dataclass(frozen=True, eq=False)
class Keep:
    """Which rows of a block are kept, whether or not single rows are rejected."""

    rule: TableRule
    single: bool

    def __call__(self, block: Block) -> Column:
        finding = self.rule(block)[4]
        gone = (finding != KEPT) if self.single else (finding == GROUP)
        return (~gone).astype(float)


class Seen(NamedTuple):
    """What a pass brings back of all rows.

    `count` and `weight` (3,) are those of each finding. Of flagged rows (f,) there are those for
    which the least numbers were `drawn`: their numbers `rows`, the rows `Z` (d + 1, f) and their
    weights `share`. `top` (6,) is the row of the highest score: score, number, target and what is
    expected.
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
        """What becomes of the flagged rows (f,), beside kept rows of the sample."""
        if not self.count[TARGET]:
            return Decision(np.zeros(0, dtype=bool), False, "")
        w, drawn, n = np.append(weight, self.share), None, len(y)
        if self.count[KEPT] > n or self.count[TARGET] > len(self.rows):
            # Flagged rows count beside the kept ones as they do in the whole table.
            as_many = n * self.weight[TARGET] / self.weight[KEPT]
            w = np.append(weight / weight.mean(), self.share * (as_many / self.share.sum()))
            learned = max(round(as_many), round(_LEARNED * n))
            drawn = np.append(np.zeros(n, dtype=bool), np.argsort(np.argsort(self.drawn)) < learned)
        Z = np.vstack([X, self.Z[:-1].T])
        table = Canonical.of(Z, np.append(y, self.Z[-1]), w, trusted)
        flagged = (table.rows >= n) & ~table.sure
        if drawn is not None:
            drawn = flagged & np.append(drawn, np.zeros(table.sure.sum(), dtype=bool))[table.rows]
        found = decided(table, flagged, drawn)
        return found._replace(spared=table.back(found.spared, len(w))[n:])

    def as_before(self, known: FitSample) -> Decision:
        """What becomes of flagged rows of another table than that which rules were learned of.

        They have a table to be compared with, so they do not bear each other out.
        """
        nothing, wrong = np.zeros(len(self.rows), dtype=bool), self.weight[TARGET]
        if known.refused:
            said = (
                "The saved model rejects no single row, since so many of its own table looked "
                "wrong, or were needed by the others."
            )
            return Decision(nothing, bool(wrong), said if wrong else "")
        share = float(wrong / max(self.weight.sum(), 1.0))
        if self.weight[KEPT] < 2:
            raise InputError(
                f"All but {self.weight[KEPT]:.0f} of {self.weight.sum():,.0f} rows look wrong by "
                "the saved model: they may be of another source or in another unit, or the world "
                "has changed since; look at the table, or save a new model."
            )
        said = (
            f"{percent(share)} of the rows look wrong by the saved model, too many to be single "
            "slips: a source may be wrong as a whole, or the world has changed since; look at them "
            "before you use the others."
        )
        return Decision(nothing, False, said if share > MANY else "")

    def some(self, rows: Mask) -> Block:
        """These of the flagged rows, as a block."""
        return Block(0, self.Z[:, rows], self.share[rows], numbers=self.rows[rows])


@dataclass(frozen=True, eq=False)
class Look:
    """The verdicts that may be come to, and what is brought back of a block."""

    rule: TableRule

    def __call__(self, block: Block) -> Candidates:
        said = self.rule(block)
        found = said[4].astype(np.int64)
        weights = [block.weight * (found == KEPT), block.weight * (found != GROUP)]
        flagged = np.flatnonzero(found == TARGET)
        top = int(np.argmax(said[0]))
        seen = Seen(
            np.bincount(found, minlength=3),
            np.bincount(found, weights=block.weight, minlength=3),
            dealt(block.rows[flagged], _SUSPECT, 1 << 62),
            block.rows[flagged],
            block.Z[:, flagged],
            block.weight[flagged],
            np.array([said[0, top], block.rows[top], block.y[top], *said[1:4, top]]),
        )
        return Candidates(weights, fewest(seen))


def together(one: Any, other: Any) -> Seen:
    """What is brought back of two parts of a table."""
    one, other = Seen(*one), Seen(*other)
    return fewest(
        Seen(
            one.count + other.count,
            one.weight + other.weight,
            np.append(one.drawn, other.drawn),
            np.append(one.rows, other.rows),
            np.append(one.Z, other.Z, axis=1),
            np.append(one.share, other.share),
            one.top if one.top[0] >= other.top[0] else other.top,
        )
    )


def fewest(seen: Seen) -> Seen:
    """The same with `SUSPECTS` flagged rows at most, those with the least of the drawn numbers."""
    if len(seen.drawn) <= SUSPECTS:
        return seen
    left = np.sort(np.argpartition(seen.drawn, SUSPECTS)[:SUSPECTS])
    drawn, rows = seen.drawn[left], seen.rows[left]
    return seen._replace(drawn=drawn, rows=rows, Z=seen.Z[:, left], share=seen.share[left])
