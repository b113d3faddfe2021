"""TableErrors: rows that pull the model together, then single rows whose target is wrong."""

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from ..passes.block import Block, no_other_threads
from ..passes.memory import InMemory, Passes, Verdict
from ._antidote import Antidote
from ._blanks import BlanksDefense
from ._crossfit import Canonical, spread
from ._groupgate import gate
from ._tablerule import (
    GROUP,
    KEPT,
    KEPT_BESIDE,
    TARGET,
    GroupRule,
    KeepRule,
    RuleScore,
    TableRule,
    TableTally,
    VerdictMap,
    for_other_table,
    merged,
)
from ._targeterrors import EXPECTED, TargetErrors, cautions, sure
from ._targetrule import CUT, TargetRule, rule_of
from .base import Column, Mask, Rows, Trusted
from .constraints import Choice, Constraints
from .recall import FitSample
from .streams import Streams
from .unitbox import REACH, UnitBox
from .weights import quantile

_MIN_GROUP_ROWS = 3


class TableErrors(Streams, BlanksDefense):
    """Reject rows that pull the model together, and single rows whose target is wrong.

    The default of the product. First the search of `Antidote` for rows that together pulled a line
    to where it is. The rows that it finds are rejected if a robust line predicts the other rows
    better without them, and boosted trees no worse: rows on a curve pull a line too, but trees need
    them. Then `TargetErrors` judges each of the rows that are left. Of an honest table, mostly all
    rows are kept.

    A table of more than 65,536 rows is judged by a sample of as many, one row drawn of each of
    equal parts. The gate of groups is asked of twice as many rows. All others then are judged as
    those of the sample were: a row is of a group if it is as far off the search's line, and off
    what the models without the group expect; a single row has odds by models of a fold that it is
    dealt into by its number. Whether rejecting single rows does harm is asked with the flagged rows
    of the whole table, 32,768 of them at most, beside 16,384 kept ones of the sample.

    Parameters
    ----------
    estimator : regressor, optional
        Any scikit-learn regressor, the model to defend; `Ridge()` by default. Another than a ridge
        also takes part in the predictions by which rows are judged.
    only : {"groups", "rows", "cells"}, optional
        Look only for rows that pull together, or only for single wrong targets. With "cells" no row
        is judged: `mithridate.clean` then lists single wrong cells, which `CellErrors` finds.

    Attributes
    ----------
    scores_ : ndarray of shape (n,)
        Log odds that the target is wrong; those of rows that pulled together lie above all others,
        in the order of their distance. With `only="groups"`, distances in σ.
    threshold_ : float
        The score above which rows were rejected.
    findings_ : ndarray of int, shape (n,)
        0 for kept rows, 1 for those of a group that pulled the model, 2 for single wrong targets.
    expected_, expected_low_, expected_high_ : ndarray of shape (n,)
        What the other rows predict, in units of y, and where 95 % of honest targets lie.
    chance_ : float
        How many single rows of an honest table like this would be flagged, on average.
    n_group_ : int
        How many rows were rejected because they pulled together.
    refused_ : bool
        Whether no single row was rejected, since rejecting them would do harm.
    spared_ : ndarray of shape (d + 1, s)
        Rows that were kept though they look wrong, by columns, the target last.
    share_ : float
        Estimated share of single wrong targets, whether or not they can be told one by one.

    See Also
    --------
    Antidote : The search for groups, gated by no second model.
    TargetErrors : The judge of single rows.

    References
    ----------
    Zhou, Mueller, Kumar, Wang and Lei, "Detecting errors in a numerical response via any regression
    model" (2023), for single rows by the models of the others. The search for groups and the gate
    are this project's own.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.random((200, 2))
    >>> y = X @ [1.0, 2.0] + 0.1 * rng.normal(size=200)
    >>> y[7] *= 10
    >>> found = TableErrors().fit(X, y)
    >>> np.flatnonzero(found.findings_ == 2)
    array([7])
    """

    label: ClassVar[str | None] = "TableErrors"
    scores_like: ClassVar[str | None] = "unexpected"
    uses_trusted: ClassVar[bool] = True
    trusts_in_passes: ClassVar[bool] = True
    draws: ClassVar[int] = 2
    boxed: ClassVar[bool] = False
    keeps_clean: ClassVar[float] = 0.98
    per_row: ClassVar[tuple[str, ...]] = (*TargetErrors.per_row, "findings_")
    constraints: ClassVar[Constraints] = {
        "only": Choice(
            ("groups", "rows", "cells"), True, "give 'groups', 'rows', 'cells' or None for all"
        )
    }

    expected_: Column
    expected_low_: Column
    expected_high_: Column
    findings_: np.ndarray
    chance_: float
    share_: float
    n_group_: int
    _fit_sample: FitSample | None = None
    refused_: bool
    spared_: np.ndarray
    top_: tuple[float, ...]
    """The most suspicious row: score, number from 0, target, what is expected of it and between
    which ends; where no row was judged by itself, these are NaN."""

    def __init__(self, estimator: Any = None, *, only: str | None = None):
        super().__init__(estimator)
        self.only = only

    def how_sure(self, n: int) -> str:
        if self.only == "cells":
            return "No row was judged."
        sentences = [] if self.only == "groups" else [sure(self.chance_, n)]
        if self.n_group_ or not sentences:
            sentences.append(self._groups.how_sure(n))
        return " ".join(sentences)

    def learn_of(self, known: FitSample) -> None:
        """Judge tables by the sample of another one, whatever they hold themselves.

        Parameters
        ----------
        known : FitSample
            The sample.
        """
        self._fit_sample = known

    def decide(self, table: Passes, trusted: Trusted | None = None) -> Verdict:
        """Decide on the rows of a table that is read in one pass beside its sample.

        Parameters
        ----------
        table : Passes
            The rows.
        trusted : tuple (X, y), optional
            Rows known to be right.

        Returns
        -------
        Verdict
            Score and decision for every row.
        """
        known = self._fit_sample or FitSample(table.sample(), table.others(), trusted)
        sample, others = known.sample, known.others
        with no_other_threads():
            rule = self._learned(sample, others, known.trusted)
            if self._fit_sample is not None:
                rule = for_other_table(rule, self._fit_sample, table.sample())
                self.chance_ = 0.0 if rule.target is None else rule.target.flagged
                self._take(rule(table.sample()))
            tally = TableTally(*table.scan("verdicts", VerdictMap(rule), merged).rest)
            rest = np.flatnonzero(rule.verdicts[4] == KEPT)
            if len(others.weight):
                rest = rest[:: max(1, -(-len(rest) // KEPT_BESIDE))]
            kept = sample.X[rest], sample.y[rest], sample.weight[rest]
            by_saved_model = self._fit_sample is not None
            if by_saved_model:
                decision = tally.decided_by_saved_model(known)
            else:
                decision = tally.decided(*kept, known.trusted)
        self.refused_, self.spared_ = decision.refused, tally.some(decision.spared).Z
        self._add_message(decision.message)
        self.chance_ *= float(tally.weight[KEPT] + tally.weight[TARGET])
        self.top_, self.n_group_ = tuple(map(float, tally.top)), int(tally.count[GROUP])
        if self.only != "groups":
            # Of single rows; those of a group lie above all that the sample has.
            most = rule.above if self.n_group_ else max(self.top_[0], CUT)
            self.threshold_ = most if decision.refused else CUT
        single, spared = not decision.refused, tally.some(decision.spared)
        rule = replace(rule, spared=np.sort(spared.rows))
        return Verdict(RuleScore(rule), KeepRule(rule, single), 0 if single else 1, rule, spared)

    def _find_inliers(
        self, X: Rows, y: Column, sample_weight: Column | None, trusted: Trusted | None = None
    ) -> Mask:
        table = InMemory(X, y, sample_weight, self._blanks)
        verdict = self.decide(table, trusted)
        with no_other_threads():
            findings = self._take(table.values(verdict.judge))  # pyright: ignore
        kept = (findings != GROUP) & ((findings != TARGET) | (not verdict.keep.single))
        self.findings_ = np.where(kept, KEPT, findings).astype(np.int64)
        return kept

    def _take(self, verdicts: Any) -> np.ndarray:
        """Sets the attributes from the verdicts (5, n) on rows, and returns the findings."""
        self.scores_, *expected, findings = verdicts
        for attribute, values in zip(EXPECTED.values(), expected, strict=True):
            setattr(self, attribute, values)
        return findings

    def _reset(self, n: int) -> None:
        """Removes the results of an earlier table."""
        self.findings_, self.scores_ = np.zeros(n, dtype=np.int64), np.zeros(n)
        self.expected_, self.expected_low_, self.expected_high_ = np.full((3, n), np.nan)
        self.share_, self.chance_, self.n_group_, self.top_ = 0.0, 0.0, 0, ()

    def _find_group(
        self,
        X: Rows,
        y: Column,
        weight: Column | None,
        trusted: Trusted | None,
        others: Block,
    ) -> tuple[Mask, GroupRule | None]:
        """The rows that pulled the model together, and the rule by which others are judged.

        Whether they are rejected is tested on the `others` too.
        """
        n, (low, high) = len(y), _usual_range(y)
        inside = (y >= low) & (y <= high)
        weights = inside if weight is None else weight * inside
        box = UnitBox.of(X)  # far values count as less far in the search
        search = self._groups = Antidote().fit(
            box(X),
            y,
            weights if weight is not None or not inside.all() else None,
            trusted=trusted and (box(trusted[0]), trusted[1]),
        )
        if search.n_rejected_ < _MIN_GROUP_ROWS:
            return np.zeros(n, dtype=bool), None
        d = int((np.ptp(X, axis=0) > 0).sum())
        if 2 * d >= n:  # a line fits so many rows exactly that a pull cannot be seen
            self.message_ = f"{d} columns for {n} rows: which rows pull together cannot be told."
            return np.zeros(n, dtype=bool), None
        rule = GroupRule(low, high, box, search.unit_box_, search.verdict_.score)
        if len(others.weight):
            weight = None if weight is None else np.append(weight, others.weight)
            X, y = np.vstack([X, others.X]), np.append(y, others.y)
        table, (far, _) = Canonical.of(X, y, weight), rule.far(X, y)
        with no_other_threads():
            decision = gate(table, far[table.rows])
        group = table.back(decision.rejected, len(y))
        if not group.any():
            self.message_ = (
                f"{search.n_rejected_:,} rows pull a line to where it is, but are too many, or the "
                "others are predicted no better without them: a curve, or another part of the "
                "table. They stay."
            )
        unit, zero = table.target.unit[0], table.target.middle[0]
        for name, attribute in EXPECTED.items():
            values = zero + unit * table.back(getattr(decision.expected, name), len(y))
            setattr(self, attribute, np.where(group, values, np.nan)[:n])
        return group[:n], rule._replace(gate=decision.others) if group.any() else None

    def _learned(self, sample: Block, others: Block, trusted: Trusted | None) -> TableRule:
        """The rules of a sample, and the verdicts on its own rows."""
        X, y, n = sample.X, sample.y, len(sample.weight)
        weight = None if (sample.weight == 1.0).all() else sample.weight
        self._reset(n)
        group, pulled, target, above = np.zeros(n, dtype=bool), None, None, CUT
        if self.only in (None, "groups") and np.ptp(y) > 0:
            group, pulled = self._find_group(X, y, weight, trusted, others)
            self.scores_ = np.nan_to_num(self._groups.scores_)
        if self.only in (None, "rows") and np.ptp(y[~group]) > 0:
            blanks = None if sample.blank is None else sample.blank.T
            target, above = self._target_rule(X, y, weight, trusted, ~group, blanks)
            self.scores_[group] += above
        elif self.only in (None, "rows"):
            of_sample = f"of a sample of {n:,} rows " if len(others.weight) else ""
            self._add_message(f"All targets {of_sample}are equal, so none can be told to be wrong.")
            self.expected_, self.expected_low_, self.expected_high_ = np.tile(y, (3, 1))
        self.findings_[group] = GROUP
        return TableRule(sample.rows, self._verdicts(), pulled, target, above)

    def _verdicts(self) -> np.ndarray:
        """The verdicts on the rows, (5, n)."""
        names = ("scores_", *EXPECTED.values(), "findings_")
        return np.array([getattr(self, name) for name in names], dtype=float)

    def _target_rule(
        self,
        X: Rows,
        y: Column,
        weight: Column | None,
        trusted: Trusted | None,
        rest: Mask,
        blanks: Any,
    ) -> tuple[TargetRule, float]:
        """How single targets are judged, by the rows `rest`; and a score above theirs."""
        own = None if weight is None else weight[rest]
        blanks = None if blanks is None else blanks[rest]
        table, rule, judged = rule_of(X[rest], y[rest], own, trusted, blanks, self.estimator)
        odds, *values = (table.back(each, int(rest.sum())) for each in judged)
        self.scores_[rest] = odds
        for attribute, each in zip(EXPECTED.values(), values, strict=True):
            getattr(self, attribute)[rest] = each
        self.findings_[rest] = np.where(odds > CUT, TARGET, KEPT)
        self._add_message(cautions(table))
        self.share_, self.chance_ = rule.mixture.share, rule.flagged
        return rule, max(float(odds.max()), CUT) + 1.0

    def _add_message(self, sentence: str) -> None:
        self.message_ = f"{self.message_} {sentence}".strip()


def _usual_range(y: Column) -> tuple[float, float]:
    """The range of the targets without gross errors: at most 1 % of the rows lie beyond each end.

    Gross errors are judged one by one, so they must not set the ends of the range.
    """
    w = np.ones(len(y))
    middle = quantile(y, 0.5, w)
    reach = REACH * spread(y - middle, w)
    low, high = quantile(y, 0.01, w), quantile(y, 0.99, w)
    return min(low, middle - reach), max(high, middle + reach)
