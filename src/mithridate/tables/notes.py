"""Messages on a table: its name, and what was done to which column."""

from collections.abc import Sequence

from .._text import listing, quote


def titled(name: str) -> str:
    """Call a table by its name, if it has one: `table 'houses'`.

    Parameters
    ----------
    name : str
        The name.

    Returns
    -------
    str
        The words.
    """
    return "table" if name == "table" else f"table {quote(name)}"


# How notes begin that change an answer, the more the earlier.
LEADING = (
    "Judged by the model",
    "New columns",
    "New values",
    "Beyond all that the model",
    "Left out as",
    "Set aside",
    "Taken as text, though",
    "Cells that are no",
    "Suspicious",
    "Limits were read",
    "Rows of",
    "Dates became",
    "Kept as text",
    "Read as numbers times",
    "Read as numbers without",
    "Read with a decimal",
    "Read as numbers (times",
    "Target read as numbers (times",
)
ASKED = "Left out as you asked"


def leading(notes: Sequence[str], others: Sequence[str] = ()) -> list[str]:
    """Order notes: those that change the answer first, the more the earlier.

    Parameters
    ----------
    notes : sequence of str
        The notes.
    others : sequence of str
        What follows them.

    Returns
    -------
    list of str
        The notes that change the answer, and `others` after them.

    Examples
    --------
    >>> leading(["Encoded one-hot: 'a'.", "Set aside: 1 row.", "Left out as constant: 'b'."])
    ["Left out as constant: 'b'.", 'Set aside: 1 row.']
    """
    ranks = [
        (rank, note)
        for note in notes
        for rank, start in enumerate(LEADING)
        if note.startswith(start) and not note.startswith(ASKED)
    ]
    first = [note for _, note in sorted(ranks, key=lambda one: one[0])]
    return list(dict.fromkeys([*first, *others]))


class Notes:
    """Collects what was done to which column, and makes one sentence of each kind.

    Parameters
    ----------
    first : sequence of str
        Sentences that stand first.
    """

    def __init__(self, first: Sequence[str] = ()) -> None:
        self._first = list(first)
        self._kinds: dict[str, list[str]] = {}

    def add(self, kind: str, column: object, detail: str = "") -> None:
        """Add a column to the sentence that starts with `kind`.

        Parameters
        ----------
        kind : str
            What was done.
        column : object
            The column.
        detail : str
            What is said of it in parentheses.
        """
        shown = quote(column) + (f" ({detail})" if detail else "")
        self._kinds.setdefault(kind, []).append(shown)

    def sentences(self) -> tuple[str, ...]:
        """Give all sentences, in the order in which their kinds first came up.

        Returns
        -------
        tuple of str
            The sentences.
        """
        kinds = (f"{kind}: {listing(items)}." for kind, items in self._kinds.items())
        return (*self._first, *kinds)
