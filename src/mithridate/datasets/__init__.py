"""Tables as numbers, and what poison must obey in each of their columns."""

from ._base import Columns, Encoded, Part, Split
from ._bundled import AbstractDataset
from ._decode import decode
from ._diabetes import Diabetes
from ._encode import encode
from ._load import load, names, read

__all__ = [
    "AbstractDataset",
    "Columns",
    "Diabetes",
    "Encoded",
    "Part",
    "Split",
    "decode",
    "encode",
    "load",
    "names",
    "read",
]
