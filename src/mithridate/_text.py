"""Names and numbers in sentences: quoted, shortened, and five at most."""

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
    """Items with commas; of more than five, the first five and the count.

    >>> listing(["a", "b"]), listing("abcdefg")
    ('a, b', 'a, b, c, d, e, … (7 in all)')
    """
    shown = ", ".join(items[:SHOWN])
    return shown if len(items) <= SHOWN else f"{shown}, … ({len(items):,} in all)"


def counted(number: int, what: str) -> str:
    """A number with its noun.

    >>> counted(1, "row"), counted(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def numbered(rows: Sequence[object]) -> str:
    """Rows by their numbers.

    >>> numbered([4]), numbered([5, 31])
    ('row 4', 'rows 5, 31')
    """
    return f"{'row' if len(rows) == 1 else 'rows'} {listing([str(row) for row in rows])}"


def percent(share: float) -> str:
    """A share as people write it.

    >>> percent(0.035), percent(0.00012), percent(0.42)
    ('3.5%', '0.012%', '42%')
    """
    return f"{100 * share:.2g}%" if share < 0.1 else f"{share:.0%}"
