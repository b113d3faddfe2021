"""How a pass makes one result of many blocks: something small of each, merged in their order."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple

Kernel = Callable[[Any], Any]
"""What a pass computes of a block; must survive pickling, since it may run on another machine."""

Merge = Callable[[Any, Any], Any]
"""One result from that of some blocks and that of the blocks that follow; may change the first."""


class Fold(NamedTuple):
    """What a pass computes of blocks.

    Parameters
    ----------
    map : callable
        Makes something small of a block.
    merge : callable
        Merges that of some blocks with that of the blocks that follow.

    Examples
    --------
    >>> Fold(len, max).over(["a", "abc", "ab"])
    3
    """

    map: Kernel
    merge: Merge

    def over(self, blocks: Iterable[Any]) -> Any:
        """Compute it of blocks, merged from the first to the last.

        Parameters
        ----------
        blocks : iterable of object
            The blocks.

        Returns
        -------
        object
            The result.
        """
        return reduce(self.merge, map(self.map, blocks))


@dataclass(frozen=True, eq=False)
class Each:
    """Merges tuples item by item, each by a merge of its own.

    Parameters
    ----------
    merges : tuple of callable
        The merge of each item.

    Examples
    --------
    >>> Each((max, joined))((3, [1]), (2, [5]))
    (3, [1, 5])
    """

    merges: tuple[Merge, ...]

    def __call__(self, one: Sequence[Any], other: Sequence[Any]) -> tuple[Any, ...]:
        items = zip(self.merges, one, other, strict=True)
        return tuple(merge(first, second) for merge, first, second in items)


@dataclass(frozen=True, eq=False)
class Every:
    """Merges lists of the same length item by item, all by the same merge."""

    merge: Merge

    def __call__(self, one: Sequence[Any], other: Sequence[Any]) -> list[Any]:
        return [self.merge(first, second) for first, second in zip(one, other, strict=True)]


def add(one: Sequence[Any], other: Sequence[Any]) -> tuple[Any, ...]:
    """Add up item by item.

    Parameters
    ----------
    one : sequence of numbers
        Some numbers.
    other : sequence of numbers
        As many.

    Returns
    -------
    tuple of numbers
        Their sums.
    """
    return tuple(a + b for a, b in zip(one, other, strict=True))


def joined(one: list[Any], other: list[Any]) -> list[Any]:
    """Put the items of the second list behind those of the first.

    Parameters
    ----------
    one : list
        The first; it is changed.
    other : list
        The second.

    Returns
    -------
    list
        The first.
    """
    one.extend(other)
    return one


def neither(one: None, other: None) -> None:
    """Merges nothing with nothing."""
