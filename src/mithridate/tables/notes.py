"""What a person is told of a table: what it is called, and what was done to which column."""

from collections.abc import Sequence

from .._text import listing, quote


def titled(name: str) -> str:
    """A table by its name, if it has one: `table 'houses'`."""
    return "table" if name == "table" else f"table {quote(name)}"


class Notes:
    """Gathers what was done to which column; says each kind of thing in one sentence."""

    def __init__(self, said: Sequence[str] = ()) -> None:
        self._said = list(said)
        self._kinds: dict[str, list[str]] = {}

    def add(self, kind: str, column: object, detail: str = "") -> None:
        """Adds a column to the sentence that starts with `kind`."""
        shown = quote(column) + (f" ({detail})" if detail else "")
        self._kinds.setdefault(kind, []).append(shown)

    def sentences(self) -> tuple[str, ...]:
        """All sentences, in the order in which their kinds first came up."""
        kinds = (f"{kind}: {listing(items)}." for kind, items in self._kinds.items())
        return (*self._said, *kinds)
