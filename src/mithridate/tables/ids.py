"""Names of rows that go on where those of a table end."""

import re
from collections.abc import Sequence
from typing import Any

SERIAL = re.compile(r"^(.*?)(\d+)(\D*)$", re.DOTALL)  # what stands before a number, and after it


def continued(cells: Sequence[Any], p: int) -> list[Any] | None:
    """Continue a column that differs in every row and counts.

    Parameters
    ----------
    cells : sequence
        The cells of the column.
    p : int
        How many values are wanted.

    Returns
    -------
    list or None
        The values that come next; None for any other column.

    Examples
    --------
    >>> continued(["A07", "A08", "A09"], 2), continued([3, 1, 2], 2), continued(["x", "y"], 1)
    (['A10', 'A11'], [4, 5], None)
    """
    if len(set(cells)) < len(cells) or not cells:
        return None
    if all(isinstance(cell, int) and not isinstance(cell, bool) for cell in cells):
        return [max(cells) + i for i in range(1, p + 1)]
    if not all(isinstance(cell, str) for cell in cells):
        return None
    serials = [SERIAL.match(cell) for cell in cells]
    parts = [match.groups() for match in serials if match]
    if len(parts) < len(cells) or len({(before, after) for before, _, after in parts}) > 1:
        return None
    (before, _, after), numbers = parts[0], [number for _, number, _ in parts]
    width = min(map(len, numbers)) if any(n[0] == "0" for n in numbers) else 0
    last = max(map(int, numbers))
    return [f"{before}{last + i:0{width}d}{after}" for i in range(1, p + 1)]
