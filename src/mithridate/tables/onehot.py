"""One-hot groups: made from text, and recognized in a table that comes one-hot already."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from .._text import counted
from .cells import Levels
from .notes import Notes

RARE = 0.01  # a level of fewer rows than this share is rare, and so is a level of a single row
MOSTLY_DISTINCT = 0.95
MARKS = ":=_"  # between column and level, the least ambiguous first
DEEPEST = 16  # a name with more marks than this is not tried any further
OTHER, MISSING = "(other)", "(missing)"


@dataclass(frozen=True, eq=False)
class Hot:
    """Text made one-hot.

    Parameters
    ----------
    place : array of int, shape (w + 1,)
        The level of each word; last, that of a missing one.
    names : tuple of str
        The levels.
    pooled : int
        Number of rare levels that became one.
    missing : int
        Number of rows without a word.
    """

    place: Int[np.ndarray, " w"]
    names: tuple[str, ...]
    pooled: int
    missing: int


def one_hot(levels: Levels, total: int) -> Hot | str:
    """Pool rare levels, and make a missing word a level.

    Levels come in alphabetical order, `(other)` and `(missing)` last, so that neither the order of
    the rows nor the library that read them matters.

    Parameters
    ----------
    levels : Levels
        The words, and how often each comes.
    total : int
        Number of rows of the table.

    Returns
    -------
    Hot or str
        The levels, or why the column is of no use.
    """
    counts = levels.counts
    missing = total - int(counts.sum())
    if (counts.size <= 1 and not missing) or counts.size == 0:
        return "constant"
    if counts.size > MOSTLY_DISTINCT * total:
        return "id-like (text that differs in nearly every row)"
    rare = (counts < RARE * total) | (counts == 1)
    if rare.sum() < 2:
        rare[:] = False
    if counts[rare].sum() > total / 2:
        return "text of too many levels (most rows would be pooled as rare)"
    common = np.flatnonzero(~rare)
    words = dict(zip(levels.words.take(common).to_pylist(), common, strict=True))
    ordered = sorted(words)
    if rare.any() and OTHER not in words:
        ordered.append(OTHER)
    if missing and MISSING not in words:
        ordered.append(MISSING)
    place = {word: i for i, word in enumerate(ordered)}
    # The last entry is what the code -1 (missing) looks up.
    table = np.full(counts.size + 1, place.get(OTHER, -1))
    table[[words[word] for word in words]] = [place[word] for word in words]
    table[-1] = place.get(MISSING, -1)
    return Hot(table, tuple(ordered), int(rare.sum()), missing)


def note(name: str, hot: Hot, log: Notes) -> None:
    """Note what was done to text that became one-hot.

    Parameters
    ----------
    name : str
        The column.
    hot : Hot
        Its levels.
    log : Notes
        Where the notes go.
    """
    log.add("Encoded one-hot", name, counted(len(hot.names), "level"))
    if hot.pooled:
        log.add("Rare levels pooled as '(other)'", name, counted(hot.pooled, "level"))
    if hot.missing:
        log.add("Missing text kept as the level '(missing)'", name, counted(hot.missing, "row"))


@dataclass(frozen=True)
class RecognizedGroup:
    """Columns of 0 and 1 with at most one 1 a row.

    Parameters
    ----------
    prefix : str
        What their names begin with.
    members : tuple of str
        The columns.
    optional : bool
        Whether some row has no 1.
    """

    prefix: str
    members: tuple[str, ...]
    optional: bool


def recognize(binary: Mapping[str, Bool[np.ndarray, " n"]]) -> list[RecognizedGroup]:
    """Find columns `name:level`, `name=level` or `name_level` that form one-hot groups.

    Names may hold more marks on both sides (`purpose_debt_consolidation`): prefixes are tried
    from the shortest on, and the first whose columns never hold two 1 in a row is taken.

    Parameters
    ----------
    binary : mapping of str to array of bool, shape (n,)
        The columns of 0 and 1, by name.

    Returns
    -------
    list of RecognizedGroup
        The groups.

    Examples
    --------
    >>> import numpy as np
    >>> own, rent = np.array([True, False, False]), np.array([False, True, False])
    >>> recognize({"home_is_own": own, "home_is_rent": rent, "old": own})
    [RecognizedGroup(prefix='home', members=('home_is_own', 'home_is_rent'), optional=True)]
    """
    free = dict(binary)
    groups: list[RecognizedGroup] = []
    for mark in MARKS:
        for prefix, columns in _candidates(tuple(free), mark):
            members = tuple(column for column in columns if column in free)
            if len(members) < 2:
                continue
            seen = _union([free[column] for column in members])
            if seen is None:
                continue
            groups.append(RecognizedGroup(prefix, members, optional=not bool(seen.all())))
            for column in members:
                del free[column]
    return groups


def _candidates(names: Sequence[str], mark: str) -> Iterator[tuple[str, list[str]]]:
    """Prefixes with the names that share them, those of fewest marks first."""
    shared: dict[tuple[int, str], list[str]] = {}
    for name in names:
        at = -1
        for depth in range(DEEPEST):
            at = name.find(mark, at + 1)
            if at < 0:
                break
            if 0 < at < len(name) - 1:
                shared.setdefault((depth, name[:at]), []).append(name)
    for depth, prefix in sorted(shared, key=lambda key: key[0]):
        yield prefix, shared[depth, prefix]


def _union(columns: Sequence[np.ndarray]) -> np.ndarray | None:
    """Rows with a 1 in some column; None where a row has two."""
    seen = np.zeros_like(columns[0])
    for column in columns:
        if (seen & column).any():
            return None
        seen |= column
    return seen
