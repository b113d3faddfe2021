"""A defense fitted on a table that is read in passes, from moments alone."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import InputError
from ..moments import Moments
from ..passes.memory import Verdict
from ._ridge import Ridge


def fit_passes(guard: Any, rows: Any, names: Sequence[str]) -> tuple[Verdict, bytes, Moments]:
    """Fits a defense on a table that is read in passes.

    Parameters
    ----------
    guard : BaseDefense
        The defense, whose `decide` says of each row whether it is kept.
    rows : passes.stream.Streamed
        The table, its features and target by their ranges.
    names : sequence of str
        What the features are called.

    Returns
    -------
    tuple of Verdict, bytes and Moments
        The verdict, a bit for each row that is 1 where it is kept, and the moments of these.
    """
    guard._begin()
    verdict = guard.decide(rows)
    bits, kept = rows.mask(verdict)
    if kept.weight < 2:
        raise InputError(
            f"{type(guard).__name__} would keep {kept.weight:.0f} of {rows.total:,.0f} rows, "
            "too few to fit a model: give it settings that reject fewer."
        )
    guard.n_features_in_, guard.feature_names_in_ = len(names), np.asarray(names, dtype=object)
    guard.estimator_ = (Ridge() if guard.estimator is None else guard.estimator).solve(kept)
    rejected = round(rows.total) - round(float(kept.weight))
    guard._conclude(rejected, rejected / rows.total)
    return verdict, bits, kept
