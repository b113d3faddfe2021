"""Totals at the ends of Parquet files, found without reading the files through."""

# pyright: reportAttributeAccessIssue=false
# (Arrow makes its compute functions at import, where a type checker cannot see them.)

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .asides import LEAST_SUMMED, TAIL, TOTALS, labeled
from .cells import TEXT
from .reading import Aside
from .source import File, Source, trouble
from .sums import agrees, is_number, sum_and_top


def totals_of(source: Source, file: File) -> list[Aside]:
    """Find the rows at the end of a file that are totals, by text or by the sums of the others.

    Parameters
    ----------
    source : Source
        The table.
    file : File
        The file.

    Returns
    -------
    list of Aside
        The rows.
    """
    if file.rows < 1:
        return []
    texts = [f.name for f in source.schema if any(is_text(f.type) for is_text in TEXT)]
    tail = _tail(source, file, texts) if texts else None
    totals = [] if tail is None else labeled(tail)
    if totals:
        first = file.rows - (0 if tail is None else tail.num_rows)
        return [Aside(first + row + 1, TOTALS) for row in sorted(totals)]
    return [Aside(file.rows, TOTALS)] if _is_sum(source, file) else []


def _tail(source: Source, file: File, columns: Sequence[str], rows: int = TAIL) -> pa.Table:
    """The last rows of a file."""
    batches = source.batches(file, columns, max(file.rows - rows, 0))
    return pa.Table.from_batches(batches)


def _is_sum(source: Source, file: File) -> bool:
    """Whether the last row holds the sums of all others."""
    # Of half-precision numbers the footer has bytes, and Arrow sums none.
    types = {f.name: f.type for f in source.schema if is_number(f.type)}
    names = [name for name, kind in types.items() if not pa.types.is_float16(kind)]
    if len(names) < 2 or file.rows - 1 < max(LEAST_SUMMED, TAIL - 1):
        return False
    last = _tail(source, file, names, 1).to_pylist()[0]
    if not all(_may_be(last[name], *ends) for name, ends in _ends(source, file, names)):
        return False  # the footer is enough, without reading the rows
    count = 0
    for name in names:
        is_one = agrees(last[name], *_sum_and_top(source, file, name), file.rows - 1)
        if is_one is False:
            return False
        count += bool(is_one)
    return count >= 2


def _may_be(value: Any, low: Any, high: Any) -> bool:
    """Whether a value can be the sum of others, by the least and the largest of all."""
    if value is None or low is None or low < 0 < high:
        return True
    return not low < value < high


def _ends(
    source: Source, file: File, names: Sequence[str]
) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """The least and the largest number of each column by the footer; None where it does not say."""
    try:
        with source.system.open_input_file(source.path(file)) as stream:
            about = pq.ParquetFile(stream).metadata
    except Exception as error:
        raise trouble(file.name, error, "is no whole Parquet file, or a damaged one") from None
    groups = [about.row_group(i) for i in range(about.num_row_groups)]
    paths = [groups[0].column(j).path_in_schema for j in range(about.num_columns)]
    for name in names:
        if name not in paths:
            yield name, (None, None)
            continue
        stats = [group.column(paths.index(name)).statistics for group in groups]
        known = [s for s in stats if s is not None and s.has_min_max]
        if len(known) < len(stats):
            yield name, (None, None)
        else:
            yield name, (min(s.min for s in known), max(s.max for s in known))


def _sum_and_top(source: Source, file: File, name: str) -> tuple[float, float]:
    """The sum of a column but for its last row, and its largest absolute value."""
    total, top = 0.0, 0.0
    for batch in source.batches(file, [name], 0, file.rows - 1):
        here, most = sum_and_top(batch[name])
        total, top = total + here, max(top, most)
    return total, top
