"""New numbers spelled as the cells of a column are: their marks, decimals, signs and units."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .cells import MISSING
from .reading import Marks
from .shapes import BLANKS, MINUS, NUMERAL, bare

LIMITS = "<>≤≥~="
SEEN = 2000  # different cells that are looked at


class Shape(NamedTuple):
    """What stands around the digits of a cell.

    Parameters
    ----------
    before : str
        What stands before them.
    after : str
        What stands after them.
    """

    before: str
    after: str

    @property
    def is_negative(self) -> bool:
        """Whether it makes a number negative."""
        return any(sign in self.before for sign in f"-{MINUS}(")

    @property
    def is_limit(self) -> bool:
        """Whether it makes a number a limit, as `<` does."""
        return any(sign in self.before for sign in LIMITS)


class Habit(NamedTuple):
    """How the numbers of a column are spelled.

    Parameters
    ----------
    marks : Marks
        The marks of decimals and of thousands.
    least, most : int
        Decimals at least and at most.
    group : str
        The mark of thousands, if it is used.
    exponent : bool
        Whether numbers have an exponent.
    usual, negative : Shape
        What stands around the digits, also of negative numbers.
    """

    marks: Marks
    least: int
    most: int
    group: str
    exponent: bool
    usual: Shape
    negative: Shape

    def write(self, value: float, like: str) -> str:
        """Write a number as text, with what stands around that of another cell.

        Parameters
        ----------
        value : float
            The number.
        like : str
            The other cell.

        Returns
        -------
        str
            The text.
        """
        shape = _shape(like)
        if shape is None or shape.is_limit or shape.is_negative != (value < 0):
            shape = self.negative if value < 0 else self.usual
        size = abs(value)
        if self.exponent:
            digits = np.format_float_scientific(size, trim="-").replace(".", self.marks.decimal)
            return f"{shape.before}{digits}{shape.after}"
        whole, _, part = f"{size:.{self.most}f}".partition(".")
        part = part.rstrip("0").ljust(self.least, "0")
        whole = f"{int(whole):,}".replace(",", self.group)
        return f"{shape.before}{whole}{self.marks.decimal if part else ''}{part}{shape.after}"


def spelled(
    values: Sequence[float], like: Sequence[str], column: Sequence[str], marks: Marks
) -> list[str]:
    """Spell numbers as some cells and the others of their column are spelled.

    Parameters
    ----------
    values : sequence of float, length p
        The numbers.
    like : sequence of str, length p
        The cell that each is spelled like.
    column : sequence of str
        All cells of the column.
    marks : Marks
        The marks of decimals and of thousands.

    Returns
    -------
    list of str
        The numbers as text.

    Examples
    --------
    >>> spelled([1250.5, -3], ["$1,000.00", "$2.50"], ["$1,000.00", "$2.50", "-$1.25"],
    ...         Marks(".", ","))
    ['$1,250.50', '-$3.00']
    """
    habit = _habit(column, marks)
    return [habit.write(float(v) + 0.0, cell) for v, cell in zip(values, like, strict=True)]


def _shape(cell: str) -> Shape | None:
    text, _ = bare(cell.strip())
    match = NUMERAL.match(text)
    if match is None:
        return None
    core = match["core"].rstrip(BLANKS)
    start = match.start("core")
    return Shape(text[:start], text[start + len(core) :])


def _habit(column: Sequence[str], marks: Marks) -> Habit:
    words = [word for word in dict.fromkeys(column) if word.strip() not in MISSING][:SEEN]
    shapes = [(word, shape) for word in words if (shape := _shape(word)) and not shape.is_limit]
    plain_words = [(bare(word.strip())[0], shape) for word, shape in shapes]
    cores = [word[len(s.before) : len(word) - len(s.after)] for word, s in plain_words]
    decimals = [len(core.rpartition(marks.decimal)[2]) if marks.decimal in core else 0
                for core in cores]  # fmt: skip
    plain = next((s for _, s in shapes if not s.is_negative), Shape("", ""))
    minus = next((s for _, s in shapes if s.is_negative), Shape(f"-{plain.before}", plain.after))
    return Habit(
        marks,
        min(decimals, default=0),
        max(decimals, default=0),
        _group(cores, marks),
        any("e" in core.lower() for core in cores),
        plain,
        minus,
    )


def _group(cores: Sequence[str], marks: Marks) -> str:
    """The mark between thousands, where the cells have one."""
    between = re.escape(f"'’{BLANKS}{marks.thousands}".replace(marks.decimal, ""))
    for core in cores:
        match = re.match(rf"\d{{1,3}}([{between}])\d{{3}}", core)
        if match:
            return match[1]
    return ""
