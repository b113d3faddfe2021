"""The report on a table in passes: one more pass collects what it shows."""

import operator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from .. import report
from ..passes.block import Block
from ..passes.fold import Each, Fold, joined
from ..passes.memory import Verdict
from ..passes.reader import Reader
from ..passes.stream import Streamed
from ..tables.blocks import BLOCK
from ..tables.notes import leading
from .bits import kept_between
from .cells import Cells
from .groups import names_of
from .output import Explain
from .page import MOST_KEPT, MOST_REJECTED, cell_shown, group_shown
from .sampled import Sources, numbers_of


class ShownRows(NamedTuple):
    """Rows (r,) of a table that are shown: their numbers, columns, gaps and verdicts."""

    rows: np.ndarray
    Z: np.ndarray
    blank: np.ndarray
    verdicts: np.ndarray

    @classmethod
    def of(cls, block: Block, verdicts: np.ndarray, at: np.ndarray) -> "ShownRows":
        """These rows of a block, copied."""
        Z, blank = block.Z[:, at], block.blank
        gaps = np.zeros((len(Z) - 1, len(at)), dtype=bool) if blank is None else blank[:, at]
        return cls(block.start + at, Z, gaps, verdicts[:, at])

    @property
    def block(self) -> Block:
        """The rows as a block."""
        return Block(0, self.Z, np.ones(len(self.rows)), self.blank, self.rows)

    def worst(self, most: int) -> "ShownRows":
        """The rows of the highest scores, the highest first."""
        return self._taken(np.argsort(-self.verdicts[0], kind="stable")[:most])

    def beside(self, other: "ShownRows") -> "ShownRows":
        """These rows and others behind them."""
        pairs = zip(self, other, strict=True)
        return ShownRows(*(np.concatenate(pair, axis=-1) for pair in pairs))

    def _taken(self, at: np.ndarray) -> "ShownRows":
        return ShownRows(*(each[..., at] for each in self))


@dataclass(frozen=True, eq=False)
class PageScores:
    """Of a block: how many kept and rejected rows have which score, and the rows to be shown.

    `bits` has a bit for each row of the table, 1 where it is kept, `drawn` are the numbers of the
    kept rows to be shown, ascending.
    """

    verdict: Verdict
    bits: bytes
    edges: np.ndarray
    drawn: np.ndarray

    def __call__(self, block: Block) -> tuple[np.ndarray, list[ShownRows], ShownRows]:
        verdicts, stop = self.verdict.values(block), block.start + len(block.weight)
        kept = kept_between(self.bits, block.start, stop)
        counts = [report.score_counts(verdicts[0, rows], self.edges) for rows in (kept, ~kept)]
        first, last = np.searchsorted(self.drawn, [block.start, stop])
        drawn_rows = ShownRows.of(block, verdicts, self.drawn[first:last] - block.start)
        rejected = ShownRows.of(block, verdicts, np.flatnonzero(~kept)).worst(MOST_REJECTED)
        return np.array(counts), [drawn_rows], rejected


def worst_of_both(one: Any, other: Any) -> ShownRows:
    """The rejected rows of the highest scores in two parts of a table."""
    return ShownRows(*one).beside(ShownRows(*other)).worst(MOST_REJECTED)


def page_in_passes(
    rows: Streamed,
    explain: Explain,
    bits: bytes,
    *,
    sources: Sources | None,
    cells: Cells | None,
    name: str,
    summary: list[str],
    notes: tuple[str, ...],
) -> report.Cleaning:
    """The contents of the report; the scores of all rows are counted in one pass."""
    total, reader = rows.reader.source.rows, rows.reader
    rejected = total - kept_in(bits)
    sample = rows.sample()
    edges = _edges(explain.verdict.values(sample)[0], explain.threshold, rejected)
    kernel = PageScores(explain.verdict, bits, edges, drawn_of(bits, total))
    fold = Fold(kernel, Each((operator.add, joined, worst_of_both)))
    counts, kept, worst = rows.reduce("scores for the report", fold)
    kept, worst = [ShownRows(*part) for part in kept], ShownRows(*worst)
    shown = worst
    for part in reversed(kept):
        shown = part.beside(shown)
    bad = len(worst.rows)
    return report.Cleaning(
        name=name,
        target=explain.encoder.target.name,
        defense=explain.defense,
        sentences=[*summary, *leading(notes)],
        notes=leading(notes, notes),
        rows=total,
        rejected=rejected,
        scores=report.Histogram(edges, *np.asarray(counts)),
        threshold=explain.threshold,
        points=_points(reader, explain, shown, bad),
        column="" if sources is None else sources.column,
        groups=[group_shown(t, sources.shifts) for t in sources.tallies] if sources else [],
        cells=[] if cells is None else [cell_shown(cell) for cell in cells.flagged.to_pylist()],
        suspects=_suspects(reader, explain, worst.worst(report.MOST_SUSPECTS), sources),
    )


def _edges(scores: np.ndarray, threshold: float, rejected: int) -> np.ndarray:
    """Edges of the bins by the scores of a sample, with room beyond the threshold."""
    if rejected and np.isfinite(threshold) and not (scores > threshold).any():
        finite = scores[np.isfinite(scores)]
        low = min(float(finite.min(initial=threshold)), threshold)
        beyond = threshold + 0.1 * ((threshold - low) or abs(threshold) or 1.0)
        scores = np.append(scores, beyond)
    edges = report.score_edges(scores, threshold)
    return np.array([0.0, 1.0]) if edges is None else edges


def _points(reader: Reader, explain: Explain, picked: ShownRows, bad: int) -> report.Points:
    """The rows to draw, the `bad` last of which were rejected."""
    order = np.argsort(picked.rows, kind="stable")
    numbers = np.empty_like(picked.rows)
    numbers[order] = numbers_of(reader.source, picked.rows[order])
    goal, block = explain.encoder.target, picked.block
    unit = goal.high - goal.low
    kept = np.arange(len(numbers)) < len(numbers) - bad
    return report.Points(
        row=numbers,
        target=block.y * unit + goal.low,
        predicted=explain.profile.model.predict(block.X) * unit + goal.low,
        score=picked.verdicts[0],
        kept=kept,
    )


def _suspects(
    reader: Reader, explain: Explain, picked: ShownRows, sources: Sources | None
) -> list[report.Suspect]:
    """The rejected rows of the highest scores, the highest first."""
    if not len(picked.rows):
        return []
    order = np.argsort(picked.rows, kind="stable")
    numbers, names = np.empty_like(picked.rows), np.full(len(order), "", dtype=object)
    numbers[order] = numbers_of(reader.source, picked.rows[order])
    if sources is not None:
        names[order] = names_at(reader, sources, picked.rows[order])
    raw = explain.encoder.unscaled(picked.Z, picked.blank)
    rejected = explain.rejected(picked.block, raw, picked.verdicts, numbers)
    return [
        report.Suspect(
            int(numbers[i]),
            float(rejected.records["score"][i]),
            float(rejected.records["residual"][i]),
            str(names[i]),
            rejected.reason(i),
        )
        for i in range(len(numbers))
    ]


def names_at(reader: Reader, sources: Sources, rows: np.ndarray) -> list[str]:
    """The sources of rows, given by their numbers, ascending."""
    if sources.files:
        return sources.files_of(reader.source, rows)
    fold = Fold(NamesOf(sources.column, rows), joined)
    return list(reader.reduce([sources.column], "sources of suspicious rows", fold))


@dataclass(frozen=True, eq=False)
class NamesOf:
    """What rows have in a column of sources, given by their numbers, ascending."""

    column: str
    rows: np.ndarray

    def __call__(self, block: tuple[int, pa.Table]) -> list[str]:
        start, table = block
        first, last = np.searchsorted(self.rows, [start, start + len(table)])
        return names_of(table[self.column].take(self.rows[first:last] - start))


def kept_in(bits: bytes) -> int:
    """How many rows are kept; the bits after the last row are 0."""
    return int(np.bitwise_count(np.frombuffer(bits, np.uint8)).sum(dtype=np.int64))


def drawn_of(bits: bytes, n: int) -> np.ndarray:
    """The numbers of kept rows that are drawn, evenly spaced among all that are kept."""
    k, at, before, parts = kept_in(bits), 0, 0, []
    wanted = np.linspace(0, k - 1, min(k, MOST_KEPT)).astype(int)
    for start in range(0, n, BLOCK):
        rows = np.flatnonzero(kept_between(bits, start, min(start + BLOCK, n)))
        last = int(np.searchsorted(wanted, before + len(rows)))
        parts.append(start + rows[wanted[at:last] - before])
        at, before = last, before + len(rows)
    return np.concatenate(parts)
