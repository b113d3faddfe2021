"""A table's file and target in one word: `file:path#target`."""

from pathlib import Path
from typing import Any, NamedTuple

from .._text import quote
from ..errors import InputError

FORM = "file:"
SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".pq", ".gz")


class Place(NamedTuple):
    """A file, and the column to predict if it was said."""

    path: Path
    target: str | None

    def __str__(self) -> str:
        return f"{FORM}{self.path}" + ("" if self.target is None else f"#{self.target}")


def place(source: Any) -> Place | None:
    """The file and target in `file:path#target`; None for anything that is not so written.

    The target follows the last `#`, unless only the whole is a file.

    >>> place("file:data/houses.csv#price").target, place("houses.csv"), place("file:a.csv").target
    ('price', None, None)
    """
    if not isinstance(source, str) or not source.startswith(FORM):
        return None
    whole = source.removeprefix(FORM)
    path, mark, target = whole.rpartition("#")
    if not mark or (is_file(whole) and not is_file(path)):
        path, mark, target = whole, "", ""
    if not path or (mark and not target):
        lacking = "file" if not path else "target after '#'"
        raise InputError(f"{quote(source)} names no {lacking}; write file:houses.csv#price.")
    return Place(Path(path), target or None)


def is_file(path: str) -> bool:
    """Whether there is a file of that name, whatever the name holds."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def stem(path: Path) -> str:
    """A file's name without `.csv`, `.csv.gz` and the like.

    >>> stem(Path("homes.csv.gz")), stem(Path("results.2024"))
    ('homes', 'results.2024')
    """
    while path.suffix.lower() in SUFFIXES:
        path = path.with_suffix("")
    return path.name
