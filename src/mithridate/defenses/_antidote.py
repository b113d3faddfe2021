"""Antidote: find the rows that pull the model away from the others, or say that there are none."""

from collections.abc import Callable
from dataclasses import replace
from math import inf, nan, sqrt
from typing import Any, ClassVar

import numpy as np

from .._text import percent
from ..passes.block import Block, Kernel, by_columns, one_thread
from ..passes.memory import InMemory, Passes, Verdict
from ..passes.scores import AtMost
from . import chance
from ._bayesclean import BayesClean
from .base import BaseDefense, Column, Mask, Rows, Trusted
from .constraints import FALSE_POSITIVE_RATE, Constraints
from .search import CORE_SHARE, FAR_SIGMAS, MAX_READMISSIONS, Farthest, Finding, SearchTable
from .streams import Streams
from .unitbox import UnitBox

# What makes rows worth rejecting. An effect is how far the model moves without them, as a share of
# the variance of the target; ends is how much more often their targets lie at the ends of the range
# than those of the kept rows.
LARGE_EFFECT = 0.25  # enough, whatever the targets
MEDIUM_EFFECT, CLEAR_ENDS = 0.05, 1 / 3  # enough, both together
SMALL_EFFECT, SLIGHT_ENDS = 0.02, 0.1  # enough with twice the variance that is left about the model
REPEATED_EFFECT = 0.005  # enough with clear ends, in further searches once rows were rejected

MAX_SEARCHES = 4  # each of the rows that those before it left
TRUSTED_CORE_SHARE = 0.35  # of a core near trusted rows: there clean rows may be fewer than half

Searches = list[Finding]
"""What one search after another found, each in the rows that those before it left."""


class Antidote(Streams, BaseDefense):
    """Reject the rows that are far off and together pulled the model to where it is, or none.

    The default of the product. It searches a regression that half of the rows agree on, finds the
    rows beyond 3 σ that pulled the regression on all rows away from it, and rejects them only if
    their effect is large: if they moved its predictions by a quarter of the variance of the target,
    or by less and their targets are at the ends of the range, where the strongest poison has them.
    Curves, mixtures and long tails of clean tables seldom do that, so of a clean table it mostly
    rejects nothing. A single outlier stays, unless there is a `false_positive_rate`. Poison inside
    the noise is not found, nor, without `trusted` rows, more poison than clean rows.

    Parameters
    ----------
    estimator : regressor, optional
        The model to defend, fitted on the kept rows; None is `Ridge()`.
    false_positive_rate : float, optional
        A share in (0, 0.5]. With it, rows so far off that chance does not explain them are rejected
        too, whether or not they pulled; where no rows together pulled the model, `BayesClean` with
        this rate decides row by row. None rejects only rows that pulled together. In passes `clean`
        sets it to 0.01, and so does `clean --defense antidote`: both then find the single outlier
        that `Antidote()` keeps.

    Attributes
    ----------
    scores_ : ndarray of float, shape (n,)
        Distances from the core regression in σ, at most 3 for rows that did not pull.
    threshold_ : float
        3, or NaN if none is rejected.
    effect_ : float
        How far the model moves without the rejected rows: `mean (f₀ - f)² / var y` over the kept
        rows.
    ends_ : float
        Share of the rejected targets that are near an end of the range, less that of the kept ones.
    conspiracy_ : bool
        Whether rows were rejected because they pulled together. If not, and with a rate, `scores_`
        and `threshold_` are those of `BayesClean`.

    Notes
    -----
    The search, all constants and what was measured are in docs/antidote.md. Of more than 65,536
    rows the search sees as many, evenly spaced; all rows then count in the last regression. With
    `trusted` rows the search also starts from a regression on them, and the result that predicts
    them best is taken, if it is better by two standard errors. For all other attributes see
    `BaseDefense`.

    References
    ----------
    Rousseeuw and Van Driessen, "Computing LTS regression for large data sets" (2006), for the core.
    The start, the pull and the test are this project's own.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.random((200, 2))
    >>> y = X @ [1.0, 2.0] + 0.1 * rng.normal(size=200)
    >>> y[:40] = np.where(X[:40, 1] < 0.5, 3.0, 0.0)
    >>> antidote = Antidote().fit(X, y)
    >>> antidote.inlier_mask_[:40].sum(), (~antidote.inlier_mask_[40:]).sum()
    (np.int64(2), np.int64(0))
    """

    label: ClassVar[str | None] = "Antidote"
    fits_like: ClassVar[str | None] = "bayesclean"
    uses_trusted: ClassVar[bool] = True
    keeps_clean: ClassVar[float] = 0.95
    rejects_gross: ClassVar[float] = 0.0  # gross errors that pull in no one direction need the rate
    model_of_its_own: ClassVar[bool] = True
    constraints: ClassVar[Constraints] = {"false_positive_rate": FALSE_POSITIVE_RATE}

    effect_: float
    ends_: float
    conspiracy_: bool
    verdict_: Verdict
    """What `fit` decided, for rows in the units of `unit_box_`."""

    def __init__(self, estimator: Any = None, *, false_positive_rate: float | None = None):
        super().__init__(estimator)
        self.false_positive_rate = false_positive_rate

    def _find_inliers(
        self,
        X: Rows,
        y: Column,
        sample_weight: Column | None,
        trusted: Trusted | None = None,
    ) -> Mask:
        box = self.unit_box_ = UnitBox.of(X, sample_weight)
        table = InMemory(box.scaled(X), y, sample_weight)
        small, searches, worthwhile = self._searched(table)
        if trusted is not None:
            Z = by_columns(box.scaled(trusted[0]), trusted[1])
            more = _from_trusted(small, Block(0, Z, np.ones(len(trusted[1]))))
            rejecting = [(search, True) for search in (searches, *more)]

            def losses(mask: Mask) -> Column:
                fitted = self._fit_estimator(X, y, sample_weight, mask)
                return (trusted[1] - fitted.predict(trusted[0])) ** 2

            first = searches, worthwhile
            choices = [first, *rejecting, (searches, False)]
            searches, worthwhile = _most_trusted(table, choices, losses)
        verdict = self.verdict_ = self._verdict(table, small, searches, worthwhile)
        self.scores_ = table.values(verdict.score)
        return table.values(verdict.keep)

    def how_sure(self, n: int) -> str:
        if not self.conspiracy_:
            return super().how_sure(n)
        return (
            "Together these rows pulled the model: without them its predictions move by "
            f"{percent(self.effect_)} of the variance of the target, in squares."
        )

    def decide(self, table: Passes) -> Verdict:
        """Decide on the rows of a table that is read in passes, two for each search.

        Parameters
        ----------
        table : Passes
            The rows.

        Returns
        -------
        Verdict
            Score and decision for every row.
        """
        self._begin()
        return self._verdict(table, *self._searched(table))

    def _searched(self, table: Passes) -> tuple[SearchTable, Searches, bool]:
        """A sample of the table, what was found in it, and whether to reject that."""
        sample = table.sample()
        with one_thread():
            small = left = SearchTable.of(sample)
            finding, worthwhile = _searched_once(left)
            searches, more = [finding], worthwhile
            while more and len(searches) < MAX_SEARCHES:
                left = left.without(searches[-1].rejected)
                if left.total <= CORE_SHARE * small.total:
                    break
                finding, more = _searched_once(left, again=True)
                searches += [finding] * more
        return small, searches, worthwhile

    def _verdict(
        self, table: Passes, small: SearchTable, searches: Searches, worthwhile: bool
    ) -> Verdict:
        vars(self).pop("regression_", None)  # of an earlier fit
        with one_thread():
            rejected = _farthest(searches)(small.rows) > FAR_SIGMAS
            self.effect_, self.ends_ = small.effect(rejected)[0], small.ends(rejected)
        self.conspiracy_ = worthwhile
        if not worthwhile and self.false_positive_rate is not None:
            return self._by_rate(table)
        self.threshold_ = FAR_SIGMAS if worthwhile else nan
        if not worthwhile and rejected.any():
            far = np.average(rejected, weights=small.rows.weight)
            self.message_ = (
                f"{far:.0%} of the rows lie far off, but the model is nearly the same without "
                "them, or they are a curve or a long tail; with a false_positive_rate, which "
                "`clean --defense antidote` sets to 0.01, BayesClean judges each row alone."
            )
        score = self._score(table, small, searches)
        return Verdict(score, AtMost(score, FAR_SIGMAS if worthwhile else inf))

    def _by_rate(self, table: Passes) -> Verdict:
        """Decides row by row, where no rows together pulled the model."""
        row_by_row = BayesClean(false_positive_rate=self.false_positive_rate)
        verdict = row_by_row.decide(table)
        self.threshold_ = row_by_row.threshold_
        sentence = "No group of rows pulled the model far, so BayesClean judged each row alone."
        self.message_ = f"{sentence} {row_by_row.message_}".rstrip()
        self.regression_ = row_by_row.regression_
        self.false_positive_rate_ = row_by_row.false_positive_rate_
        return verdict

    def _score(self, table: Passes, small: SearchTable, searches: Searches) -> Kernel:
        """The distances of rows; in a table longer than its sample, by models of all rows."""
        if table.total > small.total:
            searches, from_sample = [], searches
            for finding in from_sample:
                searches.append(finding.of_all(table, tuple(one.kernel for one in searches)))
        if self.false_positive_rate is not None:
            distance = searches[-1].distance
            freedom = distance.core.weight - distance.core.effective - 1.0
            outlier_cut = chance.student_cut(chance.TEST_LEVEL / table.total, freedom)
            distance = replace(distance, outlier_cut=max(outlier_cut, FAR_SIGMAS))
            searches = [*searches[:-1], searches[-1]._replace(distance=distance)]
        return _farthest(searches)


def _from_trusted(small: SearchTable, trusted: Block) -> list[Searches]:
    """Searches that start from the rows nearest to a regression on the trusted ones."""
    with one_thread():
        near = small.near(trusted)
        return [
            [small.search(near(share), share, steps)]
            for share in (CORE_SHARE, TRUSTED_CORE_SHARE)
            for steps in (0, MAX_READMISSIONS)
        ]


def _most_trusted(
    table: InMemory, choices: list[tuple[Searches, bool]], losses: Callable[[Mask], Column]
) -> tuple[Searches, bool]:
    """Of searches, and whether to reject by them, those whose model predicts trusted rows best.

    The first stays unless another is surely better.
    """
    squares = []
    for searches, rejects in choices:
        squares.append(
            losses(table.values(_farthest(searches)) <= (FAR_SIGMAS if rejects else inf))
        )
    best = int(np.argmin([loss.mean() for loss in squares]))
    better = squares[0] - squares[best]
    sure = better.mean() > 2.0 * better.std() / sqrt(len(better))
    return choices[best if sure else 0]


def _searched_once(table: SearchTable, again: bool = False) -> tuple[Finding, bool]:
    """The worthwhile finding with the most targets at the ends, or the first and False.

    With `again`, in the rows that an earlier search left, it is the first worthwhile one.
    """
    findings = []
    for finding in table.searches():
        if again and finding.ends > CLEAR_ENDS and finding.effect > REPEATED_EFFECT:
            return finding, True
        findings.append(finding)
    if again:
        return findings[0], False
    worthwhile = [
        candidate for k, candidate in enumerate(findings) if _is_worthwhile(candidate, first=k == 0)
    ]
    return max(worthwhile, key=lambda candidate: candidate.ends, default=findings[0]), bool(
        worthwhile
    )


def _is_worthwhile(finding: Finding, first: bool) -> bool:
    """Whether what a search found is reason enough to reject it; `first` is the first start."""
    if finding.ends > CLEAR_ENDS and finding.effect > MEDIUM_EFFECT:
        return True
    if finding.ends > SLIGHT_ENDS and finding.effect > max(SMALL_EFFECT, 2.0 * finding.left):
        return True
    # A large effect alone counts only from the first start: another one may begin with the poison
    # and reject the clean rows. Nor does it count where the kept rows are at an end, as with a
    # target that is mostly 0.
    return first and abs(finding.ends) <= CLEAR_ENDS and finding.effect > LARGE_EFFECT


def _farthest(searches: Searches) -> Kernel:
    return Farthest(tuple(finding.kernel for finding in searches))
