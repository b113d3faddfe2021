"""Tables as numbers, and what poison must obey in each of their columns."""

from ._ames import Ames
from ._appliances import Appliances
from ._base import Columns, Encoded, Part, Split
from ._boston import Boston
from ._cells import Levels, levels
from ._dataset import AbstractDataset
from ._decode import decode
from ._diabetes import Diabetes
from ._diamonds import Diamonds
from ._encode import encode
from ._heart import Heart
from ._house import House
from ._load import Opened, file_of, known_sets, load, names, open, stem
from ._loan import Loan
from ._place import Place, place
from ._verbatim import verbatim

__all__ = [
    "AbstractDataset",
    "Ames",
    "Appliances",
    "Boston",
    "Columns",
    "Diabetes",
    "Diamonds",
    "Encoded",
    "Heart",
    "House",
    "Levels",
    "Loan",
    "Opened",
    "Part",
    "Place",
    "Split",
    "decode",
    "encode",
    "file_of",
    "known_sets",
    "levels",
    "load",
    "names",
    "open",
    "place",
    "stem",
    "verbatim",
]
