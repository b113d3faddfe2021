"""What a result shows in a notebook: a few sentences and a short table, all text escaped."""

from collections.abc import Sequence
from html import escape
from typing import Any

MOST_LINES, MOST_ROWS = 8, 10


def notebook(
    title: str, lines: Sequence[str], heads: Sequence[str], rows: Sequence[Sequence[Any]]
) -> str:
    """Write a small piece of HTML without style of its own, script or links.

    Parameters
    ----------
    title : str
        What is above it.
    lines : sequence of str
        Sentences.
    heads : sequence of str
        The heads of the table.
    rows : sequence of sequence of object
        Its cells.

    Returns
    -------
    str
        The HTML.

    Examples
    --------
    >>> notebook("1 < 2", ["a & b"], ["x"], [[0.123456]])[:44]
    '<div><p><b>1 &lt; 2</b></p><ul><li>a &amp; b'
    """
    items = "".join(f"<li>{_text(line)}</li>" for line in lines[:MOST_LINES])
    table = ""
    if rows:
        head = "".join(f"<th>{_text(one)}</th>" for one in heads)
        body = "".join(
            f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>"
            for row in rows[:MOST_ROWS]
        )
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    more = len(rows) - MOST_ROWS
    rest = f"<p>and {more:,} more</p>" if more > 0 else ""
    return f"<div><p><b>{_text(title)}</b></p><ul>{items}</ul>{table}{rest}</div>"


def _text(value: Any) -> str:
    """A cell as text: four digits of a number, nothing for no value, and no control characters."""
    if value is None:
        return ""
    shown = f"{value:.4g}" if isinstance(value, float) else str(value)
    return escape("".join(c if c.isprintable() else " " for c in shown))
