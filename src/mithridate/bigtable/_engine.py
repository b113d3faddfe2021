"""Who does the passes: this machine, or the workers of a Dask cluster. The answer is the same."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial, reduce
from itertools import groupby
from typing import Any, Protocol

from ..defenses._passes import SPAN, folded, one_thread
from ..errors import InputError
from ._source import Source

AHEAD = 2  # spans sent ahead to each thread of a cluster, so that none waits

Kernel = Callable[[tuple[int, Any]], Any]
Merge = Callable[[Any, Any], Any]
Done = Callable[[int], Any]


class Engine(Protocol):
    """Maps a pure function over a source or over tasks, in parallel where it can."""

    def reduce(
        self, source: Source, columns: Sequence[str], kernel: Kernel, merge: Merge, done: Done
    ) -> Any:
        """Merges, in order, what the kernel makes of each block (start, table)."""
        ...

    def map(self, work: Callable[[Any], Any], tasks: Sequence[Any], rows: int) -> Iterator[Any]:
        """What the work makes of each task, in order; all of them read `rows`."""
        ...


class Local:
    """This machine: Arrow decodes in its threads, while this one computes."""

    def reduce(
        self, source: Source, columns: Sequence[str], kernel: Kernel, merge: Merge, done: Done
    ) -> Any:
        def told(block: tuple[int, Any]) -> Any:
            result = kernel(block)
            done(block[0] + block[1].num_rows)
            return result

        blocks = source.blocks(columns, 0, source.rows)
        spans = (span for _, span in groupby(blocks, key=lambda block: block[0] // SPAN))
        with one_thread():
            return reduce(merge, (folded(span, told, merge) for span in spans))

    def map(self, work: Callable[[Any], Any], tasks: Sequence[Any], rows: int) -> Iterator[Any]:
        return map(work, tasks)


class Dask:
    """The workers of a cluster: a span each, merged here in their order."""

    def __init__(self, client: Any):
        self.client = client
        if not client.nthreads():
            raise InputError("The Dask cluster has no workers; start some.")

    def reduce(
        self, source: Source, columns: Sequence[str], kernel: Kernel, merge: Merge, done: Done
    ) -> Any:
        if source.rows <= SPAN:
            return Local().reduce(source, columns, kernel, merge, done)
        work = partial(_span, source, tuple(columns), kernel, merge)
        starts = range(0, source.rows, SPAN)

        def told() -> Iterator[Any]:
            for start, result in zip(starts, self.map(work, starts, source.rows), strict=True):
                done(min(start + SPAN, source.rows))
                yield result

        return reduce(merge, told())

    def map(self, work: Callable[[Any], Any], tasks: Sequence[Any], rows: int) -> Iterator[Any]:
        if rows <= SPAN:  # one worker's share: sending it costs more than doing it
            yield from Local().map(work, tasks, rows)
            return
        ahead = AHEAD * sum(self.client.nthreads().values())
        waiting: deque[Any] = deque()
        for task in tasks:
            waiting.append(self.client.submit(work, task, pure=False))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _span(source: Source, columns: Sequence[str], kernel: Kernel, merge: Merge, start: int) -> Any:
    with one_thread():
        blocks = source.blocks(columns, start, min(start + SPAN, source.rows))
        return folded(blocks, kernel, merge)


def cluster(address: str) -> Any:
    """A client of the Dask scheduler at an address."""
    try:
        from distributed import Client
    except ImportError:
        raise InputError(
            "Dask is not installed; pip install 'mithridate[dask]', or leave --dask out."
        ) from None
    try:
        return Client(address, timeout=10)
    except (OSError, TimeoutError, ValueError) as error:
        raise InputError(
            f"No Dask scheduler answers at {address!r} ({error}); start one, or leave --dask out."
        ) from None
