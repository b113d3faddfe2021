"""Markdown from text that may hold anything."""

import re
import textwrap
from collections.abc import Sequence

from . import text
from .frame import Frame

WIDTH = 130
_ACTIVE = re.compile(r"([\\`*_\[\]|~#])")


def escaped(content: object) -> str:
    r"""Text that Markdown leaves as it is, on one line.

    >>> escaped("a|b <script>\n*x*")
    'a\\|b &lt;script&gt; \\*x\\*'
    """
    line = text.plain(content).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _ACTIVE.sub(r"\\\1", line)


def table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table; the cells are Markdown already."""
    rows = [heads, ["---"] * len(heads), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def paragraph(content: str) -> str:
    """Text wrapped as in the other pages."""
    return textwrap.fill(content, WIDTH, break_long_words=False, break_on_hyphens=False)


def footer(results: Frame) -> str:
    """What the page was made from, and how it is made again."""
    versions = text.listing([escaped(v) for v in results.distinct("version")]) or "unknown"
    count = text.count(len(results), "row")
    return paragraph(
        f"Made by `mithridate report results/` from {count} of results, nothing typed in; computed "
        f"by mithridate {versions}."
    )
