"""A table's file and target in one word: `file:path#target`."""

from pathlib import Path
from typing import Any, NamedTuple

from .._text import quote
from ..errors import InputError

FORM = "file:"
SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".pq", ".gz")


class Place(NamedTuple):
    """A file, and the column to predict if it was said.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    target : str or None
        The column.
    """

    path: Path
    target: str | None

    def __str__(self) -> str:
        return f"{FORM}{self.path}" + ("" if self.target is None else f"#{self.target}")


def place(source: Any) -> Place | None:
    """Read the file and the target out of `file:path#target`.

    The target follows the last `#`, unless only the whole is a file.

    Parameters
    ----------
    source : object
        What a person gave as a table.

    Returns
    -------
    Place or None
        None for anything that is not so written.

    Raises
    ------
    InputError
        If the file or the target is missing.

    Examples
    --------
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
    """Say whether there is a file of that name, whatever the name holds.

    Parameters
    ----------
    path : str
        The name.

    Returns
    -------
    bool
        Whether there is.
    """
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def stem(path: Path) -> str:
    """Give a file's name without `.csv`, `.csv.gz` and the like.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    str
        Its name.

    Examples
    --------
    >>> stem(Path("homes.csv.gz")), stem(Path("results.2024"))
    ('homes', 'results.2024')
    """
    while path.suffix.lower() in SUFFIXES:
        path = path.with_suffix("")
    return path.name
