"""Guarantees that hold for any attack: test predictions that few rows cannot move."""

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int
from threadpoolctl import threadpool_limits

from ..defenses import CertifiedMedian
from ..tables.encoded import Part, Split
from .score import nmse

SHARES = (0.01, 0.04)  # of the training rows
WITHIN = (0.1, 0.2)  # of the target's range, to either side
LEAST_ROWS = 5  # of a part; a model learns little from fewer
LEAST_LOCAL = 20  # the same for models that learn locally, such as trees

Safe = list[Int[np.ndarray, " m"]]


class Promise(NamedTuple):
    """How many test predictions `rows` inserted or deleted rows cannot move by `within`.

    `share` is `rows` as a share of the training rows, `within` is in ranges of the training
    targets, `certified` the share of the test predictions, and `nmse` what the median of `parts`
    models costs in error. All but `share` and `within` are means over the splits.
    """

    share: float
    within: float
    rows: float
    parts: float
    certified: float
    nmse: float


def promises(splits: Sequence[Split], model: Any, least: int = LEAST_ROWS) -> list[Promise]:
    """The promises for each share of rows and each distance.

    For each the number of parts is the one that certifies most on the validation rows; the figures
    are those of the test rows, which were not used for that. A part has `least` rows or more.
    """
    with threadpool_limits(1):  # for small fits several threads are slower than one
        each = [_promises(split, model, least) for split in splits]
    return [
        Promise(same[0].share, same[0].within, *np.mean(same, axis=0)[2:].tolist())
        for same in zip(*each, strict=True)
    ]


def _promises(split: Split, model: Any, least: int) -> list[Promise]:
    train, n = split.train, len(split.train.y)
    medians = [_median(train, model, parts) for parts in _candidates(n, least)]
    reaches = [within * float(np.ptp(train.y)) for within in WITHIN]
    validated = [_safe(median, split.validation, reaches) for median in medians]
    on_test: dict[int, Safe] = {}  # of the test rows, by the best medians
    promises = []
    for share in SHARES:
        rows = max(1, round(share * n))
        for i, within in enumerate(WITHIN):
            best = int(np.argmax([np.mean(safe[i] >= rows) for safe in validated]))
            median = medians[best]
            if best not in on_test:
                on_test[best] = _safe(median, split.test, reaches)
            certified = float(np.mean(on_test[best][i] >= rows))
            parts, error = float(median.get_params()["parts"]), nmse(median, split.test)
            promises.append(Promise(share, within, float(rows), parts, certified, error))
    return promises


def _candidates(n: int, least: int) -> list[int]:
    """Odd numbers of parts, each about one and a half times the last."""
    parts, chosen = 3, []
    while not chosen or parts * least <= n:
        chosen.append(parts)
        parts = (int(1.5 * parts) // 2) * 2 + 1
    return chosen


def _median(train: Part, model: Any, parts: int) -> CertifiedMedian:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a part too small to fit well shows in the figures
        return CertifiedMedian(model, parts=parts).fit(train.X, train.y)


def _safe(median: CertifiedMedian, judged: Part, reaches: Sequence[float]) -> Safe:
    """For each distance, how many rows cannot move each prediction by as much."""
    predicted = median.predict(judged.X)
    return [median.certify(judged.X, predicted - reach, predicted + reach) for reach in reaches]
