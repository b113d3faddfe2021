"""Antidote: find the rows that pull the model away from the others, or say that there are none."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import inf, nan, sqrt
from typing import Any, ClassVar

import numpy as np

from .._text import percent
from ..passes.memory import Block, InMemory, Kernel, Passes, Verdict, one_thread
from ..passes.scores import AtMost
from . import chance
from ._bayesclean import BayesClean
from ._search import CORE, FAR, READMISSIONS, Farthest, Found, Table
from .base import BaseDefense, Column, Mask, Rows, Trusted
from .constraints import FALSE_POSITIVE_RATE, Constraints

SCARCE = 0.35  # share of the rows of a core that trusted rows have found: clean rows may be fewer
SURE = 0.25  # an effect, as a share of the variance of the target, that is reason enough
FAIR, ENDS = 0.05, 1 / 3  # one that is, if far rows have a target at an end so much more often
LEAST, SOME = 0.02, 0.1  # the same, if it is twice the variance that is left too
AGAIN = 0.005  # an effect, of further searches once rows were rejected
ROUNDS = 4  # searches at most, each of what those before it left

Case = list[Found]  # one search after another


class Antidote(BaseDefense):
    """Reject the rows that are far off and together pulled the model to where it is, or none.

    The default of the product. It searches a regression that half of the rows agree on, finds the
    rows beyond 3 σ that pulled the regression on all rows away from it, and rejects them only if
    the model is worth it: if they moved its predictions by a quarter of the variance of the target,
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
        too, whomever they pulled; where no rows together pulled the model, `BayesClean` with this
        rate decides row by row. None rejects only rows that pulled together.

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

    uses_trusted: ClassVar[bool] = True
    keeps_clean: ClassVar[float] = 0.95
    rejects_gross: ClassVar[float] = 0.0  # errors that do not conspire are for the rate
    constraints: ClassVar[Constraints] = {"false_positive_rate": FALSE_POSITIVE_RATE}

    effect_: float
    ends_: float
    conspiracy_: bool

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
        table = InMemory(X, y, sample_weight)
        small, case, worth = self._searched(table)
        if trusted is not None:
            fitted = partial(self._fit_estimator, X, y, sample_weight)
            case, worth = self._by_trust(table, fitted, trusted, small, case, worth)
        verdict = self._verdict(table, small, case, worth)
        self.scores_ = table.values(verdict.score)
        return table.values(verdict.keep)

    def _how_sure(self, n: int) -> str:
        if not self.conspiracy_:
            return super()._how_sure(n)
        return (
            "Together these rows pulled the model: without them its predictions move by "
            f"{percent(self.effect_)} of the variance of the target, in squares."
        )

    def judge(self, table: Passes) -> Verdict:
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
        return self._verdict(table, *self._searched(table))

    def _searched(self, table: Passes) -> tuple[Table, Case, bool]:
        """A sample of the table, what was found in it, and whether it is worth it."""
        sample = table.sample()
        with one_thread():
            small = left = Table.of(sample)
            found, worth = _found(left)
            case, more = [found], worth
            while more and len(case) < ROUNDS:
                left = left.without(case[-1].rejected)
                if left.total <= CORE * small.total:
                    break
                found, more = _found(left, again=True)
                case += [found] * more
        return small, case, worth

    def _verdict(self, table: Passes, small: Table, case: Case, worth: bool) -> Verdict:
        vars(self).pop("regression_", None)  # of an earlier fit
        with one_thread():
            rejected = _farthest(case)(small.rows) > FAR
            self.effect_, self.ends_ = small.effect(rejected)[0], small.ends(rejected)
        self.conspiracy_ = worth
        if not worth and self.false_positive_rate is not None:
            return self._by_rate(table)
        self.threshold_ = FAR if worth else nan
        if not worth and rejected.any():
            far = np.average(rejected, weights=small.rows.weight)
            self.message_ = (
                f"{far:.0%} of the rows lie far off, but the model is nearly the same without "
                "them, or they are a curve or a long tail; BayesClean judges each row alone."
            )
        score = self._score(table, small, case)
        return Verdict(score, AtMost(score, FAR if worth else inf))

    def _by_rate(self, table: Passes) -> Verdict:
        """Each row judged alone."""
        alone = BayesClean(false_positive_rate=self.false_positive_rate)
        alone.message_ = ""
        verdict = alone.judge(table)
        self.threshold_ = alone.threshold_
        said = "No group of rows pulled the model far, so BayesClean judged each row alone."
        self.message_ = f"{said} {alone.message_}".rstrip()
        self.regression_ = alone.regression_
        self.false_positive_rate_ = alone.false_positive_rate_
        return verdict

    def _score(self, table: Passes, small: Table, case: Case) -> Kernel:
        """How far off rows are; of a long table from models of all rows, not of some."""
        if table.total > small.total:
            case, sampled = [], case
            for found in sampled:
                case.append(found.of_all(table, tuple(one.kernel for one in case)))
        if self.false_positive_rate is not None:
            distance = case[-1].distance
            freedom = distance.core.weight - distance.core.effective - 1.0
            lone = chance.cut(chance.LEVEL / table.total, freedom)
            case = [*case[:-1], case[-1]._replace(distance=replace(distance, lone=max(lone, FAR)))]
        return _farthest(case)

    def _by_trust(
        self,
        table: InMemory,
        fitted: Callable[[Mask], Any],
        trusted: Trusted,
        small: Table,
        first: Case,
        worth: bool,
    ) -> tuple[Case, bool]:
        """The search whose model predicts the trusted rows best, and whether to believe it."""
        known, cases = np.vstack([trusted[0].T, trusted[1]]), [first]
        with one_thread():
            near = small.near(Block(0, known, np.ones(len(trusted[1]))))
            for share in (CORE, SCARCE):
                start = near(share)
                cases += [[small.search(start, share, steps)] for steps in (0, READMISSIONS)]
        choices = [(first, worth)] + [(case, True) for case in cases] + [(first, False)]
        losses = []
        for case, believed in choices:
            mask = table.values(_farthest(case)) <= (FAR if believed else inf)
            losses.append((trusted[1] - fitted(mask).predict(trusted[0])) ** 2)
        best = int(np.argmin([loss.mean() for loss in losses]))
        better = losses[0] - losses[best]
        sure = better.mean() > 2.0 * better.std() / sqrt(len(better))
        return choices[best if sure else 0]


def _found(table: Table, again: bool = False) -> tuple[Found, bool]:
    """What a search found that is worth it, the targets most at the ends; else the first's."""
    searches = [table.search(start, CORE) for start in table.starts()]
    if again:
        worth = [s for s in searches if s.ends > ENDS and s.effect > AGAIN]
    else:
        worth = [s for k, s in enumerate(searches) if _is_worth_it(s, first=k == 0)]
    return max(worth, key=lambda s: s.ends, default=searches[0]), bool(worth)


def _is_worth_it(found: Found, first: bool) -> bool:
    if found.ends > ENDS and found.effect > FAIR:
        return True
    if found.ends > SOME and found.effect > max(LEAST, 2.0 * found.left):
        return True
    # From other starts a large effect is no reason: they may hold the poison, and reject the rest.
    # Nor is it where the kept rows are at an end: a target that is often 0, and the others go.
    return first and abs(found.ends) <= ENDS and found.effect > SURE


def _farthest(case: Case) -> Kernel:
    return Farthest(tuple(found.kernel for found in case))
