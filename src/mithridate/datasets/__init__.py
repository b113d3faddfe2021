"""Tables as numbers, and what poison must obey in each of their columns."""

from ._base import Columns, Encoded, Part, Split
from ._bundled import AbstractDataset
from ._cells import Levels, levels
from ._decode import decode
from ._diabetes import Diabetes
from ._encode import encode
from ._load import Opened, load, names, open, stem
from ._verbatim import verbatim

__all__ = [
    "AbstractDataset",
    "Columns",
    "Diabetes",
    "Encoded",
    "Levels",
    "Opened",
    "Part",
    "Split",
    "decode",
    "encode",
    "levels",
    "load",
    "names",
    "open",
    "stem",
    "verbatim",
]
