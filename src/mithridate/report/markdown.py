"""Markdown from text that may hold anything."""

import re
import textwrap
from collections.abc import Sequence

from . import text
from .frame import Frame

WIDTH = 130
_ACTIVE = re.compile(r"([\\`*_\[\]|~#])")


def escaped(content: object) -> str:
    r"""Write text so that Markdown leaves it as it is, on one line.

    Parameters
    ----------
    content : object
        The text.

    Returns
    -------
    str
        The line.

    Examples
    --------
    >>> escaped("a|b <script>\n*x*")
    'a\\|b &lt;script&gt; \\*x\\*'
    """
    line = text.plain(content).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _ACTIVE.sub(r"\\\1", line)


def table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Write a table.

    Parameters
    ----------
    heads : sequence of str
        Its heads.
    lines : sequence of sequence of str
        Its cells, Markdown already.

    Returns
    -------
    str
        The table.
    """
    rows = [heads, ["---"] * len(heads), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def paragraph(content: str) -> str:
    """Wrap text as in the other pages.

    Parameters
    ----------
    content : str
        The text.

    Returns
    -------
    str
        The paragraph.
    """
    return textwrap.fill(content, WIDTH, break_long_words=False, break_on_hyphens=False)


def footer(results: Frame) -> str:
    """Say what a page was made from, and how it is made again.

    Parameters
    ----------
    results : Frame
        The results.

    Returns
    -------
    str
        The paragraph.
    """
    versions = text.listing([escaped(v) for v in results.distinct("version")]) or "unknown"
    count = text.count(len(results), "row")
    return paragraph(
        f"Made by `mithridate report results/` from {count} of results, nothing typed in; computed "
        f"by mithridate {versions}."
    )
