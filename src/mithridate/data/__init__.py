"""Tables as numbers, and what poison must obey in each of their columns."""

from ..tables.cells import Levels, levels
from ..tables.decode import decode
from ..tables.encode import encode
from ..tables.encoded import Columns, Encoded, Part, Split
from ..tables.place import Place, place, stem
from ..tables.reading import Account, Aside, Reading
from ..tables.verbatim import verbatim
from ._ames import Ames
from ._appliances import Appliances
from ._boston import Boston
from ._davis import Davis
from ._diabetes import Diabetes
from ._diamonds import Diamonds
from ._heart import Heart
from ._house import House
from ._loan import Loan
from .dataset import AbstractDataset
from .load import Opened, file_of, known_sets, load, names, open

__all__ = [
    "AbstractDataset",
    "Account",
    "Ames",
    "Appliances",
    "Aside",
    "Boston",
    "Columns",
    "Davis",
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
    "Reading",
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
