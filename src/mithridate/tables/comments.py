"""Lines above a table that begin with `#`: remarks, or the names of its columns."""

import itertools
from collections.abc import Sequence

from ..errors import InputError
from .header import has_names
from .layout import Dialect, sampled, usual_width

MARK = "#"
LOOKED = 50  # lines beneath that decide whether rows of data begin with the mark


def lines_above(text: str) -> list[str]:
    r"""Take the first lines that begin with `#`, with their ends and blank lines between.

    None where most of the others begin so too, or there are no others.

    Parameters
    ----------
    text : str
        The text of a file.

    Returns
    -------
    list of str
        The lines.

    Examples
    --------
    >>> lines_above("# made in May\n#\na,b\n1,2\n"), lines_above("#1,2\n#3,4\n")
    (['# made in May\n', '#\n'], [])
    """
    lines = text.splitlines(keepends=True)
    above = list(itertools.takewhile(lambda line: line[:1] == MARK or not line.strip(), lines))
    below = lines[len(above) : len(above) + LOOKED]
    marked = sum(line.startswith(MARK) for line in below)
    remarks = any(line.startswith(MARK) for line in above)
    return above if remarks and below and marked < len(below) / 2 else []


def without_names(above: Sequence[str], body: str, dialect: Dialect, shown: str) -> list[str]:
    """Leave out the last line where it holds the names of the columns: `# time,height`.

    Parameters
    ----------
    above : sequence of str
        The lines above the table.
    body : str
        The text below them.
    dialect : Dialect
        How the cells are delimited.
    shown : str
        What an error calls the file.

    Returns
    -------
    list of str
        The lines.
    """
    last = next((i for i in range(len(above) - 1, -1, -1) if above[i].strip()), None)
    if last is None:
        return []
    rows = sampled(above[last] + body, dialect)
    if len(rows) < 2 or len(rows[0]) != usual_width(rows[1:]):
        return [*above]
    try:
        named = has_names(rows[1], rows[2:], shown)
    except InputError:  # it may hold names or data: then the line above holds them
        named = False
    return [*above] if named else [*above[:last]]
