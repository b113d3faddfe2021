"""How a file ends its lines, and which of its cells stand in quotes."""

import re
from collections.abc import Sequence
from dataclasses import replace

from .layout import BLANK
from .reading import Layout

LINES = 500  # that are looked at
END = re.compile(r"\r\n|\n|\r")


def quoting(layout: Layout, head: str, data: str) -> Layout:
    """Add to a layout its line ends, and the columns whose cells are always quoted.

    Parameters
    ----------
    layout : Layout
        The layout.
    head : str
        The text before the data.
    data : str
        The first rows of data.

    Returns
    -------
    Layout
        The layout with both.
    """
    end = END.search(head) or END.search(data)
    last = [line for line in END.split(head) if line.strip()][-1:]
    lines = [line for line in END.split(data[: 1 << 18], maxsplit=LINES)[:LINES] if line]
    rows = [cells for line in lines if len(cells := _raw(line, layout)) == layout.width]
    quoted = [
        name for j, name in enumerate(layout.names) if _all([row[j] for row in rows], layout.quote)
    ]
    names = _raw(last[0], layout) if layout.written and last else []
    return replace(
        layout,
        line_end=end[0] if end else "\n",
        quoted=tuple(quoted),
        names_quoted=_all(names, layout.quote),
    )


def _raw(line: str, layout: Layout) -> list[str]:
    """The cells of a line with their quotes; one that holds a delimiter falls into pieces."""
    return [] if layout.delimiter == BLANK else line.split(layout.delimiter)


def _all(cells: Sequence[str], quote: str) -> bool:
    """Whether all cells that are not empty are quoted."""
    there = [cell for cell in map(str.strip, cells) if cell]
    return bool(there) and all(c[0] == quote and c[-1] == quote and len(c) > 1 for c in there)
