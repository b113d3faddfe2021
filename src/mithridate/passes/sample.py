"""Rows drawn from all over a table, picked in its first pass and kept in files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from .._files import whole
from .draws import spaced
from .fold import Each, Fold, Kernel, joined


def with_samples(fold: Fold, n: int, draws: Sequence[int]) -> Fold:
    """The result of a fold over the raw blocks of a table of `n` rows, and the samples of draws.

    None of the samples has a row of another.
    """
    merges = (fold.merge, *[joined for _ in draws])
    return Fold(_WithSamples(fold.map, n, tuple(draws)), Each(merges))


@dataclass(frozen=True, eq=False)
class _WithSamples:
    """What a kernel gives for a raw block of a table of `n` rows, and its rows of each sample."""

    kernel: Kernel
    n: int
    draws: tuple[int, ...]

    def __call__(self, block: tuple[int, pa.Table]) -> tuple[Any, ...]:
        start, table = block
        stop = start + table.num_rows
        rows = [spaced(self.n, start, stop, draw) - start for draw in self.draws]
        return self.kernel(block), *([table.take(own)] for own in rows)


def together(results: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same with each list of tables as one, since every array takes some memory of its own."""
    return results[0], *([_whole(parts)] for parts in results[1:])


def _whole(parts: list[pa.Table]) -> pa.Table:
    whole = pa.concat_tables(parts)
    try:
        return whole.combine_chunks()
    except pa.ArrowException:  # together they have too many categories for their codes
        return whole


def write(path: Path, parts: list[pa.Table]) -> None:
    """Writes the sample, all at once."""
    table = pa.concat_tables(parts)
    # A stream, for the categories of two blocks may be numbered differently.
    with whole(path, shared=False) as fresh, pa.ipc.new_stream(fresh, table.schema) as writer:
        writer.write_table(table)


def read(path: Path) -> pa.Table:
    """The sample that was written, left in the file until it is looked at."""
    with pa.ipc.open_stream(pa.memory_map(str(path))) as reader:
        return reader.read_all()
