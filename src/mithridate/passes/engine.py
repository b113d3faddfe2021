"""Who does the passes: this machine, or the workers of a Dask cluster. The answer is the same."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial, reduce
from itertools import groupby
from typing import Any, NamedTuple, Protocol

from .._cluster import ahead, manned
from .._machine import cores
from .memory import SPAN, folded, one_thread

THREADS = 8  # at most: more would wait for the decoding, and each holds a block
WAITING = 2  # blocks that are decoded while those before them are computed

Kernel = Callable[[tuple[int, Any]], Any]
Merge = Callable[[Any, Any], Any]


class Pass(NamedTuple):
    """What is asked of a table. `done` hears, here and in order, up to which row it was read.

    Of each span `keep` is given what was merged, here and in order too, and says what goes on.
    """

    columns: Sequence[str]
    kernel: Kernel
    merge: Merge
    done: Callable[[int], Any]
    keep: Callable[[Any], Any]


class Blocks(Protocol):
    """Rows that are read from front to back, in blocks (start, table)."""

    @property
    def rows(self) -> int:
        """How many there are."""
        ...

    def blocks(self, columns: Sequence[str], start: int, stop: int) -> Iterator[tuple[int, Any]]:
        """Blocks of the rows from `start`, where a block begins, to `stop`."""
        ...


class Engine(Protocol):
    """Maps a pure function over a source or over tasks, in parallel where it can."""

    def reduce(self, source: Blocks, asked: Pass) -> Any:
        """Merges, in order, what the kernel makes of each block (start, table)."""
        ...

    def map(self, work: Callable[[Any], Any], tasks: Sequence[Any], rows: int) -> Iterator[Any]:
        """What the work makes of each task, in order; all of them read `rows`."""
        ...


class Local:
    """This machine: Arrow decodes in its threads, and others compute, a block each.

    At most `writers` tasks are done at a time: each holds batches and a row group of its own.
    """

    def __init__(self, threads: int | None = None, writers: int = 1):
        self.threads = threads or min(cores(), THREADS)
        self.writers = min(self.threads, writers)

    def reduce(self, source: Blocks, asked: Pass) -> Any:
        def told(block: tuple[int, Any]) -> tuple[int, int, Any]:
            start, table = block
            return start, start + table.num_rows, asked.kernel(block)

        def results(span: Iterable[tuple[int, int, Any]]) -> Iterator[Any]:
            for _, stop, result in span:
                yield result
                asked.done(stop)

        blocks = source.blocks(asked.columns, 0, source.rows)
        with one_thread(), closing(_in_threads(told, blocks, self.threads)) as found:
            spans = (span for _, span in groupby(found, key=lambda result: result[0] // SPAN))
            merged = (reduce(asked.merge, results(span)) for span in spans)
            return reduce(asked.merge, map(asked.keep, merged))

    def map(self, work: Callable[[Any], Any], tasks: Sequence[Any], rows: int) -> Iterator[Any]:
        with one_thread(), closing(_in_threads(work, tasks, self.writers)) as found:
            yield from found


def _in_threads(work: Callable[[Any], Any], items: Iterable[Any], threads: int) -> Generator[Any]:
    """What the work makes of each item, in their order; few items are held at a time."""
    if threads == 1:
        yield from map(work, items)
        return
    # Where a BLAS asks each thread for itself, each must be told that it is alone.
    pool = ThreadPoolExecutor(threads, initializer=one_thread)
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
    """The workers of a cluster: a span each, merged here in their order."""

    def __init__(self, client: Any):
        self.client = manned(client)

    def reduce(self, source: Blocks, asked: Pass) -> Any:
        if source.rows <= SPAN:
            return Local().reduce(source, asked)
        work = partial(_span, source, tuple(asked.columns), asked.kernel, asked.merge)
        starts = range(0, source.rows, SPAN)

        def told() -> Iterator[Any]:
            for start, result in zip(starts, self.map(work, starts, source.rows), strict=True):
                asked.done(min(start + SPAN, source.rows))
                yield asked.keep(result)

        return reduce(asked.merge, told())

    def map(self, work: Callable[[Any], Any], tasks: Sequence[Any], rows: int) -> Iterator[Any]:
        if rows <= SPAN:  # one worker's share: sending it costs more than doing it
            yield from Local().map(work, tasks, rows)
            return
        most = ahead(self.client)
        waiting: deque[Any] = deque()
        for task in tasks:
            waiting.append(self.client.submit(work, task, pure=False))
            if len(waiting) >= most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _span(source: Blocks, columns: Sequence[str], kernel: Kernel, merge: Merge, start: int) -> Any:
    with one_thread():
        blocks = source.blocks(columns, start, min(start + SPAN, source.rows))
        return folded(blocks, kernel, merge)
