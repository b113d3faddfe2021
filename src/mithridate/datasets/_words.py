"""How columns are named to a person: quoted, cut short, and five at most."""

from collections.abc import Sequence

SHOWN = 5


def quote(text: object, limit: int = 60) -> str:
    r"""A name as one printable line of at most `limit` characters, whatever it holds.

    >>> quote("a\nb"), quote("x" * 100, limit=10)
    ("'a\\nb'", "'xxxxxxx…'")
    """
    # Cutting before `repr` keeps a name of megabytes cheap; cutting after it keeps the promise.
    shown = repr(str(text)[: limit + 1])
    return shown if len(shown) <= limit else f"{shown[: limit - 2]}…{shown[-1]}"


def listing(items: Sequence[str]) -> str:
    """Items with commas; of more than five, the first five and the count."""
    shown = ", ".join(items[:SHOWN])
    return shown if len(items) <= SHOWN else f"{shown}, … ({len(items)} in all)"


def counted(number: int, what: str) -> str:
    """A number with its noun: `1 row`, `2 rows`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


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
