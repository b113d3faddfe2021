"""The masks of the possible verdicts of a rule, a bit a row, written in the pass that decides."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from ..moments import Moments
from .block import Block, Kernel, Values, moments_of
from .fold import Each, Every, Fold, Merge, joined
from .memory import Candidates

LEFT = 1e-6  # of a scatter; where less is left by a difference, rounding would show


class Record(NamedTuple):
    """Of rows: the masks of the verdicts as bits, moments of kept or of lost rows, the rest."""

    bits: list[list[bytes]]
    moments: list[Moments]
    rest: Any


def recorded(kernel: Kernel, merge: Merge, kept: bool) -> Fold:
    """A fold to a `Record`, of a kernel that gives `Candidates` and a merge of their rest.

    Its moments are those of the rows that are kept, or else of those that are lost.
    """
    parts = Each((Every(joined), Every(Moments.merge), merge))
    return Fold(_Recorded(kernel, kept), _MergedParts(parts))


@dataclass(frozen=True, eq=False)
class _MergedParts:
    parts: Each

    def __call__(self, one: Record, other: Record) -> Record:
        return Record(*self.parts(one, other))


@dataclass(frozen=True, eq=False)
class _Recorded:
    kernel: Kernel
    kept: bool

    def __call__(self, block: Block) -> Record:
        weights, rest = self.kernel(block)
        bits = [[np.packbits(weight > 0).tobytes()] for weight in weights]
        if self.kept:
            return Record(bits, [moments_of(block.Z, w) for w in weights], rest)
        return Record(bits, _lost(block, weights), rest)


def _lost(block: Block, weights: Sequence[Values]) -> list[Moments]:
    """Moments of the rows that each verdict rejects; from the last on, each rejects more."""
    kept: list[Moments] = []
    for less, more in pairwise([block.weight, *reversed(weights)]):
        rows = np.flatnonzero(less != more)
        part = moments_of(np.take(block.Z, rows, axis=1), (less - more)[rows])
        kept.append(kept[-1].merge(part) if kept else part)
    return kept[::-1]


@dataclass(frozen=True, eq=False)
class Only:
    """The candidates of a rule with a single verdict."""

    keep: Kernel

    def __call__(self, block: Block) -> Candidates:
        return Candidates([block.weight * self.keep(block)], None)


def left(every: Moments, lost: Moments) -> Moments | None:
    """Moments of all rows but some, or None where a difference would lose too many digits."""
    weight = every.weight - lost.weight
    if not weight > 0:
        return None
    mean = every.mean + (every.mean - lost.mean) * (lost.weight / weight)
    delta = lost.mean - mean
    cross = np.outer(delta, delta) * (weight * lost.weight / every.weight)
    scatter = every.scatter - lost.scatter - cross
    safe = np.diag(scatter) >= LEFT * np.diag(every.scatter)
    return Moments(weight, mean, scatter) if safe.all() else None


class Masks(AbstractContextManager["Masks"]):
    """Files with the masks of verdicts: written span by span, and renamed when all are complete."""

    def __init__(self, path: Callable[[int], Path]):
        self.path = path
        self.files: list[BinaryIO] = []

    def keep(self, record: Record) -> Record:
        """Writes the bits of a span, and gives the rest of its record, to be merged."""
        for i in range(len(self.files), len(record.bits)):
            self.files.append(self._fresh(i).open("wb"))
        for file, parts in zip(self.files, record.bits, strict=True):
            file.writelines(parts)
        return record._replace(bits=[[] for _ in record.bits])

    def finish(self, record: Record) -> tuple[list[Moments], Any]:
        """Renames the files, and gives the results that the journal keeps."""
        for i, file in enumerate(self.files):
            file.close()
            self._fresh(i).replace(self.path(i))
        return record.moments, record.rest

    def __exit__(self, *_: Any) -> None:
        for file in self.files:
            file.close()

    def _fresh(self, i: int) -> Path:
        return self.path(i).with_suffix(".new")
