"""The options of reading a file, and the account of how it was read."""

import codecs
from dataclasses import dataclass, field

from .._text import listing, quote
from ..errors import InputError

DATES = ("", "auto", "ymd", "dmy", "mdy")
MARKS = (".", ",")
THOUSANDS = ("", ",", ".", "'", " ")


@dataclass(frozen=True)
class Reading:
    """How to read a delimited file; what is left out is found out.

    Parameters
    ----------
    delimiter : str, optional
        The one character between cells, such as ``";"``; a blank stands for any run of blanks.
    decimal : {".", ","}, optional
        The decimal mark of all numbers.
    thousands : {"", ",", ".", "'", " "}, optional
        The mark between thousands; ``""`` where there is none.
    encoding : str, optional
        A codec that Python knows, such as ``"cp1252"``.
    header : bool, optional
        Whether the first row holds the names of the columns.
    missing : tuple of str, default ()
        Words that mean "no value", beside those that are known, such as ``"-999"``.
    dates : {"", "auto", "ymd", "dmy", "mdy"}, default ""
        Whether dates become numbers (days, month, weekday), and how they are written.

    Raises
    ------
    InputError
        If an option has a value that it cannot have.

    Examples
    --------
    >>> Reading(delimiter=";", decimal=",").thousands is None
    True
    """

    delimiter: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    encoding: str | None = None
    header: bool | None = None
    missing: tuple[str, ...] = ()
    dates: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.missing, str):
            object.__setattr__(self, "missing", (self.missing,))
        object.__setattr__(self, "missing", tuple(str(word) for word in self.missing))
        if self.delimiter is not None and (
            len(self.delimiter) != 1 or self.delimiter in "\r\n\"'" or self.delimiter.isalnum()
        ):
            raise InputError(
                f"The delimiter {quote(self.delimiter)} is not one mark; give a character such as "
                "';' or a tab."
            )
        self._check("decimal", self.decimal, MARKS)
        self._check("thousands", self.thousands, THOUSANDS)
        self._check("dates", self.dates, DATES)
        if self.decimal is not None and self.decimal == self.thousands:
            raise InputError(
                f"The decimal and the thousands mark are both {quote(self.decimal)}; give two "
                "different ones."
            )
        if self.encoding is not None:
            try:
                codecs.lookup(self.encoding)
            except (LookupError, ValueError):
                raise InputError(
                    f"The encoding {quote(self.encoding)} is not known; give one such as utf-8 or "
                    "cp1252."
                ) from None

    @staticmethod
    def _check(option: str, given: str | None, possible: tuple[str, ...]) -> None:
        if given is not None and given not in possible:
            shown = ", ".join(quote(word) for word in possible)
            raise InputError(f"{option} is {quote(given)}; give one of {shown}.")


ANY = Reading()  # nothing is said, all is found out


@dataclass(frozen=True)
class Aside:
    """A row that is not used, and why.

    Parameters
    ----------
    row : int
        Its number in the file; the first row of data is 1.
    why : str
        The reason, as a part of a sentence.
    cells : tuple of (str or None)
        Its cells.
    more : tuple of str
        Cells beyond those of the table's columns.
    """

    row: int
    why: str
    cells: tuple[str | None, ...] = ()
    more: tuple[str, ...] = ()

    @property
    def explanation(self) -> str:
        """Why it is not used, and what stands beyond its columns."""
        rest = listing([quote(cell) for cell in self.more])
        return f"{self.why} ({rest})" if self.more else self.why


@dataclass(frozen=True)
class Marks:
    """The decimal mark and the mark between thousands; "" where none is used."""

    decimal: str = "."
    thousands: str = ""


@dataclass(frozen=True)
class CellDecision:
    """What was done to cells of a column.

    Parameters
    ----------
    kind : str
        What was done, the beginning of a sentence.
    column : str
        The column.
    cells : int, default 0
        How many cells it was done to.
    detail : str, default ""
        Further words, such as an example.
    """

    kind: str
    column: str
    cells: int = 0
    detail: str = ""


@dataclass(frozen=True)
class Layout:
    """How the text of a file is laid out.

    `start` is the byte at which the data begin, `skip` the rows before; `width` counts the cells
    of a row as it is written, `names` the columns that are used. `written` are the names as the
    file has them, empty where it has no header; `quoted` are columns whose cells are always quoted,
    `names_quoted` says so of the names. `repair` where rows are not all alike.
    """

    encoding: str = "utf-8"
    bom: bool = False
    delimiter: str = ","
    quote: str = '"'
    start: int = 0
    skip: int = 0
    width: int = 0
    names: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    line_end: str = "\n"
    quoted: tuple[str, ...] = ()
    names_quoted: bool = False
    repair: bool = False
    marks: Marks = Marks()
    own: tuple[tuple[str, Marks], ...] = ()  # columns that prove other marks than the file's
    codes: tuple[str, ...] = ()
    times: tuple[str, ...] = ()  # columns that begin with times, which are read as they are spelled
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Account:
    """How a file was read.

    Parameters
    ----------
    layout : Layout, optional
        Its dialect, where it is a delimited file.
    decisions : tuple of CellDecision
        What was done to which cells.
    aside : tuple of Aside
        The rows that are not used.
    notes : tuple of str
        The same in sentences.
    """

    layout: Layout | None = None
    decisions: tuple[CellDecision, ...] = ()
    aside: tuple[Aside, ...] = ()
    notes: tuple[str, ...] = field(default=())
