"""The claims of the paper, each judged by a rule from a figure and its interval."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from ...report.frame import Frame
from ...report.intervals import Estimate

HOLDS, PART, FAILS = "holds", "holds in part", "does not hold"
TOO_FEW, NOT_RUN, NOTHING = "too few seeds", "not run", "not measured"
_MAX_NAMED = 6  # exceptions that are named

COMMAND = "mithridate bench paper --only {} -o results/"


class ClaimFigures(NamedTuple):
    """What was measured for a claim: a figure, and parts that support it where positive.

    `labels` say which part is which, (where, at what).
    """

    figure: str
    interval: str
    labels: list[tuple[str, str]]
    parts: Estimate


Rule = Callable[[Frame], ClaimFigures | None]


class Statement(NamedTuple):
    """A claim in words, and how it is judged on the rows of its experiment."""

    number: str
    text: str
    rule: Rule


class Claim(NamedTuple):
    """A claim with its verdict, ready to be printed."""

    number: str
    text: str
    experiment: str
    figure: str
    interval: str
    verdict: str
    where: str

    @property
    def command(self) -> str:
        return COMMAND.format(self.experiment)


class Chapter(NamedTuple):
    """The claims on one experiment and model."""

    title: str
    experiment: str
    claims: list[Claim]
    rows: Frame


def judged(statement: Statement, experiment: str, rows: Frame) -> Claim:
    """A statement held against the rows of its experiment."""
    number, wording, rule = statement
    if not len(rows):
        return Claim(number, wording, experiment, "–", "–", NOT_RUN, "")
    outcome = rule(rows)
    if outcome is None or not np.isfinite(outcome.parts.point).any():
        figure = "–" if outcome is None else outcome.figure
        return Claim(number, wording, experiment, figure, "–", NOTHING, "")
    verdict, where = weighed(outcome)
    return Claim(number, wording, experiment, outcome.figure, outcome.interval, verdict, where)


def weighed(figures: ClaimFigures) -> tuple[str, str]:
    """The verdict on a finding, and where it does not hold.

    A part is shown where its interval lies above 0. All shown: the claim holds; some: it holds in
    part; none: it does not hold. A part is contrary where its interval lies below 0, else open.
    """
    point = np.ravel(figures.parts.point)
    known = [int(i) for i in np.flatnonzero(~np.isnan(point))]
    if figures.parts.low is None or figures.parts.high is None:
        return TOO_FEW, f"by the means alone in {sum(point[known] > 0)} of {len(known)}"
    low, high = np.ravel(figures.parts.low), np.ravel(figures.parts.high)
    shown = [i for i in known if low[i] > 0]
    contrary = [i for i in known if high[i] < 0]
    rest = [i for i in known if i not in shown and i not in contrary]
    verdict = HOLDS if len(shown) == len(known) else PART if shown else FAILS
    parts = [f"shown in {len(shown)} of {len(known)}"]
    for word, group in (("contrary", contrary), ("open", rest)):
        if group:
            parts.append(f"{word}: {named(figures.labels[i] for i in group)}")
    return verdict, "; ".join(parts)


def named(labels: Iterable[tuple[str, str]]) -> str:
    """Parts by where they are.

    >>> named([("a", "alpha 1"), ("a", "alpha 0.3"), ("b", "")])
    'a (alpha 1, alpha 0.3), b'
    """
    groups: dict[str, list[str]] = {}
    for where, detail in labels:
        groups.setdefault(where, []).append(detail)
    parts = [
        f"{where} ({', '.join(details)})" if any(details) else where
        for where, details in groups.items()
    ]
    more = f" and {len(parts) - _MAX_NAMED} more" if len(parts) > _MAX_NAMED else ""
    return ", ".join(parts[:_MAX_NAMED]) + more
