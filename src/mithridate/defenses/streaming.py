"""A defense fitted on a table that is read in passes, from moments alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import InputError
from ..moments import Moments
from ..passes.block import Block, Kernel, Where, buffer
from ..passes.fold import Fold
from ..passes.memory import Verdict
from ..passes.stream import Streamed
from ._ridge import Ridge
from .unitbox import UnitBox


def fit_passes(
    guard: Any, rows: Any, names: Sequence[str], trusted: Any = None
) -> tuple[Verdict, bytes, Moments]:
    """Fit a defense on a table that is read in passes.

    Parameters
    ----------
    guard : BaseDefense
        The defense, whose `decide` says of each row whether it is kept.
    rows : passes.stream.Streamed
        The table, its features and target by their ranges.
    names : sequence of str
        What the features are called.
    trusted : tuple (X, y), optional
        Rows known to be right, for a defense that takes them in passes.

    Returns
    -------
    tuple of Verdict, bytes and Moments
        The verdict, a bit for each row that is 1 where it is kept, and the moments of these.
    """
    guard._begin()
    box = box_of(guard, rows)
    if box is None:
        options = {} if trusted is None else {"trusted": trusted}
        verdict = guard.decide(rows, **options)
        bits, kept = rows.mask(verdict)
    else:
        boxed = InBox(rows, box)
        decided = guard.decide(boxed)
        bits, _ = boxed.mask(decided)
        verdict = Verdict(box.before(decided.score), box.before(decided.keep))
        kept = rows.moments(Where(verdict.keep))
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


@dataclass(frozen=True, eq=False)
class BlockBox:
    """The box of the features of blocks."""

    box: UnitBox

    def before(self, kernel: Kernel) -> Kernel:
        """The kernel on blocks that are put into the box first."""
        return _KernelInBox(self, kernel)

    def __call__(self, block: Block) -> Block:
        """A block in the box, in memory that the next one gets."""
        Z = buffer("boxed", block.Z.size).reshape(block.Z.shape)
        Z[:-1], Z[-1] = self.box.scaled(block.Z[:-1].T).T, block.Z[-1]
        return block._replace(Z=Z)


@dataclass(frozen=True, eq=False)
class _KernelInBox:
    box: BlockBox
    kernel: Kernel

    def __call__(self, block: Block) -> Any:
        return self.kernel(self.box(block))


class InBox(Streamed):
    """A table read in passes, its features in a box."""

    def __init__(self, rows: Streamed, box: BlockBox):
        super().__init__(rows.reader, rows.encoder, rows.scratch)
        self._box = box

    def reduce(self, what: str, fold: Fold, *rest: Any) -> Any:
        """The result of one pass over the blocks in the box."""
        return super().reduce(what, Fold(self._box.before(fold.map), fold.merge), *rest)

    @cached_property
    def _sample(self) -> Block:
        block = super()._sample
        return block._replace(Z=self._box(block).Z.copy())

    def others(self) -> Block:
        block = super().others()
        return block._replace(Z=self._box(block).Z.copy())


def box_of(guard: Any, rows: Streamed) -> BlockBox | None:
    """The box in which a defense wants the features; None where they are in it already."""
    if not guard.boxed or (guard.estimator is not None and not guard.model_of_its_own):
        return None
    box = UnitBox.of(rows.sample().Z[:-1].T, ends=rows.box)
    return None if box.is_unit else BlockBox(box)
