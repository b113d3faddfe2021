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
    """What a pass computes: `map` of each block, and `merge` of what it gives for neighbors.

    >>> Fold(len, max).over(["a", "abc", "ab"])
    3
    """

    map: Kernel
    merge: Merge

    def over(self, blocks: Iterable[Any]) -> Any:
        """The result of blocks, merged from the first to the last."""
        return reduce(self.merge, map(self.map, blocks))


@dataclass(frozen=True, eq=False)
class Each:
    """Merges tuples item by item, each by a merge of its own.

    >>> Each((max, joined))((3, [1]), (2, [5]))
    (3, [1, 5])
    """

    merges: tuple[Merge, ...]

    def __call__(self, one: Sequence[Any], other: Sequence[Any]) -> tuple[Any, ...]:
        items = zip(self.merges, one, other, strict=True)
        return tuple(merge(mine, theirs) for merge, mine, theirs in items)


@dataclass(frozen=True, eq=False)
class Every:
    """Merges lists of the same length item by item, all by the same merge."""

    merge: Merge

    def __call__(self, one: Sequence[Any], other: Sequence[Any]) -> list[Any]:
        return [self.merge(mine, theirs) for mine, theirs in zip(one, other, strict=True)]


def add(one: Sequence[Any], other: Sequence[Any]) -> tuple[Any, ...]:
    """Sums item by item."""
    return tuple(a + b for a, b in zip(one, other, strict=True))


def joined(one: list[Any], other: list[Any]) -> list[Any]:
    """The first list, with the items of the second behind its own."""
    one.extend(other)
    return one


def neither(one: None, other: None) -> None:
    """Merges nothing with nothing."""
