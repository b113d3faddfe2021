"""The machine that does the passes: this one, or a Dask cluster, with the same results."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from functools import partial, reduce
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from uuid import uuid4

from .._cluster import ahead, with_workers
from .._machine import cores
from ..tables.source import Source
from .block import no_other_threads, one_thread
from .fold import Fold
from .memory import SPAN
from .scratch import Blocks, Scratch, Store
from .workers import WorkerScratch, forget, worker

THREADS = 8  # at most; more would wait for the decoder, and each holds a block in memory
WAITING = 2  # decoded blocks that may wait to be computed


class Pass(NamedTuple):
    """One pass: which columns to read, and what to compute of blocks (start, table).

    `progress` is called with the number of rows that were read. `shrink` is called with the result
    of each span, and gives what is merged with that of the next. Both run in this process, in the
    order of the rows.
    """

    columns: Sequence[str]
    fold: Fold
    progress: Callable[[int], Any]
    shrink: Callable[[Any], Any]


class Engine(Protocol):
    """Maps a pure function over a source or over tasks, in parallel where it can."""

    def reduce(self, source: Blocks, step: Pass) -> Any:
        """Do a pass over the source.

        Parameters
        ----------
        source : Blocks
            The rows.
        step : Pass
            What to read and to compute.

        Returns
        -------
        object
            The result of all rows.
        """
        ...

    def scratch(self, source: Source, width: int, folder: Path) -> AbstractContextManager[Store]:
        """Make a place for the numbers of a table, so that they are made once.

        Parameters
        ----------
        source : Source
            The files.
        width : int
            Columns of numbers, the target among them.
        folder : path
            Where it may be on this machine.

        Returns
        -------
        context manager of Store
            The place; what is there is removed in the end.
        """
        ...

    def map(self, work: Callable[[Any], Any], tasks: Sequence[Any], rows: int) -> Iterator[Any]:
        """Do some work on each task.

        Parameters
        ----------
        work : callable
            What is done; it survives pickling.
        tasks : sequence of object
            What it is done to.
        rows : int
            How many rows all tasks together read.

        Yields
        ------
        object
            The result of each task, in order.
        """
        ...


class Local:
    """This machine: Arrow decodes in its threads, and others compute, a block each.

    At most `writers` tasks are done at a time: each holds batches and a row group of its own.

    Parameters
    ----------
    threads : int, optional
        Blocks that are computed at a time; None: what the machine has, eight at most.
    writers : int
        Tasks that are done at a time, at most.
    """

    def __init__(self, threads: int | None = None, writers: int = 1):
        self.threads = threads or min(cores(), THREADS)
        self.writers = min(self.threads, writers)

    def reduce(self, source: Blocks, step: Pass) -> Any:
        def computed(block: tuple[int, Any]) -> tuple[int, int, Any]:
            start, table = block
            return start, start + table.num_rows, step.fold.map(block)

        def results(span: Iterable[tuple[int, int, Any]]) -> Iterator[Any]:
            for _, stop, result in span:
                yield result
                step.progress(stop)

        blocks = source.blocks(step.columns, 0, source.rows)
        with one_thread(), closing(_in_threads(computed, blocks, self.threads)) as computing:
            spans = (span for _, span in groupby(computing, key=lambda result: result[0] // SPAN))
            merged = (reduce(step.fold.merge, results(span)) for span in spans)
            return reduce(step.fold.merge, map(step.shrink, merged))

    def scratch(self, source: Source, width: int, folder: Path) -> AbstractContextManager[Store]:
        return Scratch(source, width, folder)

    def map(self, work: Callable[[Any], Any], tasks: Sequence[Any], rows: int) -> Iterator[Any]:
        with one_thread(), closing(_in_threads(work, tasks, self.writers)) as results:
            yield from results


def _in_threads(work: Callable[[Any], Any], items: Iterable[Any], threads: int) -> Generator[Any]:
    """The result of the work on each item, in their order; few items are held at a time."""
    if threads == 1:
        yield from map(work, items)
        return
    # Some BLAS keep the number of their threads for each thread that calls them.
    pool = ThreadPoolExecutor(threads, initializer=no_other_threads)
    waiting: deque[Any] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= threads + WAITING:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


class Dask:
    """The workers of a cluster: a span each, merged here in their order.

    Parameters
    ----------
    client : distributed.Client
        The way to the cluster.
    """

    def __init__(self, client: Any):
        self.client = with_workers(client)
        self.places: dict[int, str] = {}  # the workers of spans, whose numbers may lie there

    def reduce(self, source: Blocks, step: Pass) -> Any:
        if source.rows <= SPAN:
            return Local().reduce(source, step)
        work = partial(_span, source, tuple(step.columns), step.fold)
        starts = range(0, source.rows, SPAN)

        def spans() -> Iterator[Any]:
            results = self._sent(work, starts, self.places)
            for start, (place, result) in zip(starts, results, strict=True):
                if place is not None:
                    self.places[start] = place
                step.progress(min(start + SPAN, source.rows))
                yield step.shrink(result)

        return reduce(step.fold.merge, spans())

    @contextmanager
    def scratch(self, source: Source, width: int, folder: Path) -> Iterator[Store]:
        if source.rows <= SPAN:  # all passes are then done here
            with Scratch(source, width, folder) as here:
                yield here
            return
        kept = WorkerScratch(source, width, uuid4().hex)
        try:
            yield kept
        finally:
            with suppress(Exception):  # what a lost worker kept goes with its own folder
                self.client.run(forget, kept.name)

    def map(self, work: Callable[[Any], Any], tasks: Sequence[Any], rows: int) -> Iterator[Any]:
        if rows <= SPAN:  # the share of one worker, which is sooner done than sent
            yield from Local().map(work, tasks, rows)
            return
        yield from self._sent(work, tasks)

    def _sent(
        self,
        work: Callable[[Any], Any],
        tasks: Iterable[Any],
        places: Mapping[Any, str] | None = None,
    ) -> Iterator[Any]:
        """The result of each task in order, each from its own worker where that has time."""
        most = ahead(self.client)
        waiting: deque[Any] = deque()
        for task in tasks:
            how: dict[str, Any] = {"pure": False}
            if places and task in places:
                how |= {"workers": [places[task]], "allow_other_workers": True}
            waiting.append(self.client.submit(work, task, **how))
            if len(waiting) >= most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _span(source: Blocks, columns: Sequence[str], fold: Fold, start: int) -> tuple[str | None, Any]:
    """The worker that computed the result of a span, and the result."""
    here = worker()
    with one_thread():
        blocks = source.blocks(columns, start, min(start + SPAN, source.rows))
        return getattr(here, "address", None), fold.over(blocks)
