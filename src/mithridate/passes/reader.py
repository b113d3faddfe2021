"""Passes over a raw table on disk: their progress is reported, and their results are kept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import pyarrow as pa

from .._text import quote
from ..errors import InputError
from ..tables.digest import Digest, Ordered, Survey, merged
from ..tables.source import Source
from . import sample
from .draws import thinning
from .engine import Engine, Pass
from .fold import Fold, joined, neither
from .journal import Journal
from .scratch import Blocks
from .select import Ranks, places

Tell = Callable[[str, int, int], Any]
Raw = Callable[[pa.Table], np.ndarray]
_MAX_DISTINCT = 1 << 22  # numbers that are held in memory to test whether all differ


def as_it_is(result: Any) -> Any:
    """Nothing is to be done to a result."""
    return result


class Reader:
    """Does passes over raw tables, reports their progress, and keeps their results in a folder.

    Parameters
    ----------
    engine : Engine
        Who does the passes.
    source : Source
        The files.
    journal : Journal
        What was computed so far.
    folder : path
        Where the samples are kept.
    tell : callable
        Hears of each pass: what it is, rows done, rows in all.
    """

    def __init__(self, engine: Engine, source: Source, journal: Journal, folder: Path, tell: Tell):
        self.engine, self.source, self.journal, self.tell = engine, source, journal, tell
        self.folder = folder
        self.draws = 0  # samples that are in files
        self.rates: list[tuple[str, float]] = []  # rows per second of each pass that was made

    def reduce(
        self,
        columns: Sequence[str],
        what: str,
        fold: Fold,
        finish: Callable[[Any], Any] = as_it_is,
        shrink: Callable[[Any], Any] = as_it_is,
        source: Blocks | None = None,
    ) -> Any:
        """Do one pass.

        `source` is where the rows lie, if not in the files.

        Parameters
        ----------
        columns : sequence of str
            The columns to read.
        what : str
            The pass, in words.
        fold : Fold
            What it computes.
        finish : callable, optional
            Makes the result of all rows what is kept of it.
        shrink : callable, optional
            Makes the result of a span of rows small.
        source : Blocks, optional
            Where the rows lie, if not in the files.

        Returns
        -------
        object
            The result.
        """

        def compute() -> Any:
            rows, began = self.source.rows, monotonic()
            stage = f"pass {self.journal.asked}: {what}"
            self.tell(stage, 0, rows)
            on_rows = partial(self._tell_rows, stage, rows)
            step = Pass(columns, fold, on_rows, shrink)
            result = self.engine.reduce(source or self.source, step)
            pa.default_memory_pool().release_unused()  # before the results are put together
            self.rates.append((what, rows / max(monotonic() - began, 1e-9)))
            return finish(result)

        return self.journal.step(what, compute)

    def _tell_rows(self, stage: str, rows: int, finished: int) -> None:
        self.tell(stage, finished, rows)

    def survey(
        self,
        kinds: Mapping[str, str],
        gone: tuple[str, ...] = (),
        beside: Sequence[str] = (),
        draws: int = 2,
    ) -> dict[str, Digest]:
        """Do the first pass: digests of the columns, and the samples.

        Parameters
        ----------
        kinds : mapping of str to str
            What each column can be.
        gone : tuple of str, default ()
            What cells hold that mean "no value".
        beside : sequence of str, default ()
            Further columns that the samples are to have.
        draws : int, default 2
            How many samples are drawn. Each is held in memory once, so of many columns one is drawn
            here, and the second in a pass of its own, where it is asked for.

        Returns
        -------
        dict of str to Digest
            The digests.
        """

        columns = [*kinds, *beside]
        self.draws = draws if thinning(self.source.rows, len(columns)) == 1 else 1
        drawn = range(self.draws)
        return self._sampled(columns, "columns", Fold(Survey(kinds, gone), merged), drawn)

    def _sampled(self, columns: Sequence[str], what: str, fold: Fold, draws: Sequence[int]) -> Any:
        """Does a pass in which samples are put into files, too."""

        def finish(results: tuple[Any, ...]) -> Any:
            for draw, parts in zip(draws, results[1:], strict=True):
                sample.write(self._kept(draw), parts)
            return results[0]

        both = sample.with_samples(fold, self.source.rows, draws)
        return self.reduce(columns, what, both, finish, sample.together)

    def sample(self, draw: int = 0) -> pa.Table:
        """Read the rows drawn from the table, as they are in it; not kept, since they are many.

        Parameters
        ----------
        draw : int, default 0
            Which draw.

        Returns
        -------
        pyarrow.Table
            The rows.
        """
        if draw >= self.draws:
            names = self.sample().column_names
            self._sampled(names, "second sample", Fold(_nothing, neither), [draw])
            self.draws = draw + 1
        return sample.read(self._kept(draw))

    def _kept(self, draw: int) -> Path:
        return self.folder / f"sample-{draw}.arrow"

    def medians(self, columns: Mapping[str, tuple[Raw, int]]) -> dict[str, float]:
        """Find the medians of columns.

        Parameters
        ----------
        columns : mapping of str to (callable, int)
            How to read each, and how many known numbers it has.

        Returns
        -------
        dict of str to float
            The medians.
        """
        if not columns:
            return {}
        raws = [raw for raw, _ in columns.values()]
        known = _Known(raws)
        counts = (n for _, n in columns.values())
        samples = known((0, self.sample()), -np.inf, np.inf)
        wanted = [
            Ranks(((n - 1) // 2, n // 2), n, sample)
            for n, sample in zip(counts, samples, strict=True)
        ]
        middles = places(partial(self.reduce, list(columns)), known, wanted)
        means = [float(np.mean([low.value, high.value])) for low, high in middles]
        return dict(zip(columns, means, strict=True))

    def all_differ(self, name: str) -> bool:
        """Tell whether the numbers of a column differ in every row.

        Parameters
        ----------
        name : str
            The column.

        Returns
        -------
        bool
            Whether they do.

        Raises
        ------
        InputError
            If there are too many rows to tell.
        """
        if self.source.rows > _MAX_DISTINCT:
            raise InputError(
                f"The column {quote(name)} is called an id, and whether it differs in every one of "
                f"{self.source.rows:,} rows is too much to count; leave it out with --drop."
            )
        return bool(self.reduce([name], "ids", Fold(_ColumnValues(name), joined), _differ))

    def counts_up(self, name: str, raw: Raw) -> bool:
        """Tell whether a column counts up or down row by row.

        Parameters
        ----------
        name : str
            The column.
        raw : callable
            Reads its numbers out of a block.

        Returns
        -------
        bool
            Whether it does.
        """
        return bool(self.reduce([name], "ids", Fold(Ordered(name, raw), merged))[name]["step"])

    def first_unknown(self, raw: Raw) -> int:
        """Return -1: to find the first row without a number would take a pass of its own.

        Parameters
        ----------
        raw : callable
            Reads the numbers of the column.

        Returns
        -------
        int
            Always -1.
        """
        return -1


def _nothing(block: tuple[int, pa.Table]) -> None:
    """Computes nothing of a block."""


@dataclass(frozen=True, eq=False)
class _Known:
    raws: Sequence[Raw]

    def __call__(self, block: tuple[int, pa.Table], low: float, high: float) -> list[np.ndarray]:
        values = [raw(block[1]) for raw in self.raws]
        return [v[~np.isnan(v)] for v in values]


@dataclass(frozen=True)
class _ColumnValues:
    name: str

    def __call__(self, block: tuple[int, pa.Table]) -> list[np.ndarray]:
        return [block[1][self.name].to_numpy()]


def _differ(parts: list[np.ndarray]) -> bool:
    values = np.concatenate(parts)
    return bool(np.unique(values).size == values.size)
