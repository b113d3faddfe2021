"""The three sets of a predictive distribution, and the rule on the second."""

from math import sqrt
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Int
from scipy.special import ndtr, ndtri

from .base import BaseDefense, Column, Mask
from .constraints import Ascending, Constraints
from .weights import median


class ThreeSets(BaseDefense):
    """Cut rows by `z = |y - μ(x)| / s(x)`, whatever the predictive mean μ and deviation s are.

    `I₁ = {z ≤ c₁}` is accepted, `I₂ = {c₁ < z ≤ c₂}` flagged and `I₃ = {z > c₂}` rejected; `I₂` is
    rejected as well where it is larger than chance allows. A subclass sets `scores_` and `cuts_`.
    """

    keeps_clean: ClassVar[float] = 0.4
    constraints: ClassVar[Constraints] = {
        ("c1", "c2"): Ascending("both cuts are numbers of standard deviations, with 0 <= c1 <= c2"),
    }

    per_row: ClassVar[tuple[str, ...]] = ("scores_", "sets_")

    sets_: Int[np.ndarray, " n"]
    cuts_: tuple[float, float]

    def __init__(self, estimator: Any = None, *, c1: float = 0.67, c2: float = 1.0):
        super().__init__(estimator)
        self.c1 = c1
        self.c2 = c2

    def _by_constants(self, scores: Column, weight: Column) -> bool:
        """Takes c₁ and c₂ as given; whether more rows lie beyond c₁ than of a Gaussian."""
        self.scores_, self.cuts_ = scores, (float(self.c1), float(self.c2))
        return bool(np.average(scores > self.c1, weights=weight) > 2.0 * ndtr(-self.c1))

    def _kept(self, weight: Column, fires: bool, by_constants: bool) -> Mask:
        """The rows to keep, where the rule on `I₂` fires or not."""
        self.threshold_ = self._cut(fires, int((self.scores_ <= self.cuts_[0]).sum()))
        return self._sorted(weight, by_constants)

    def _cut(self, fires: bool, within: int) -> float:
        """The cut that is used; `within` c₁ are so many rows."""
        c1, c2 = self.cuts_
        # Of a two-valued target, all z lie near 1: the rule on I2 would leave nothing to fit.
        return c1 if fires and within >= 2 else c2

    def _sorted(self, weight: Column, by_constants: bool) -> Mask:
        """Sorts the rows into the sets, and warns of what looks odd."""
        (c1, c2), z = self.cuts_, self.scores_
        self.sets_ = 1 + (z > c1) + (z > c2).astype(int)
        mask = z <= self.threshold_
        rejected = float(np.average(~mask, weights=weight))
        gaussian = by_constants and _looks_gaussian(z, weight)
        warning = _warning(type(self).__name__, rejected, gaussian)
        self.message_ = f"{self.message_} {warning}".strip()
        return mask


def _looks_gaussian(z: Column, weight: Column) -> bool:
    """Whether z could be the size of a Gaussian, by the distance of Kolmogorov and Smirnov."""
    # Not of the unit Gaussian: a regression with many features leaves smaller residuals.
    sd = median(z, weight) / ndtri(0.75)
    if sd <= 0:
        return False
    order = np.argsort(z)
    below = np.cumsum(weight[order]) / weight.sum()
    distance = np.abs(below - (2.0 * ndtr(z[order] / sd) - 1.0)).max()
    return bool(distance <= 1.2 / sqrt(weight.sum()))


def _warning(name: str, rejected: float, looks_gaussian: bool) -> str:
    if looks_gaussian and rejected > 0.2:
        return (
            f"{rejected:.0%} of the rows were rejected although their residuals look Gaussian: on "
            f"clean data {name} rejects about a third, so this alone is no sign of poison."
        )
    if rejected > 2 / 3:
        return (
            f"{rejected:.0%} of the rows were rejected: more than poison would explain. A target "
            "of a few values can look like this; do not rely on the result."
        )
    return ""
