"""200 people, as they were measured and as they say: one row of it is known to be wrong."""

from .dataset import AbstractDataset
from .sources import Packaged


class Davis(AbstractDataset):
    """Weight of 200 people who exercise, in kg, from their height and what they reported.

    Davis, "Body image and weight preoccupation" (1990). In row 12 weight and height were entered in
    each other's place: 166 kg and 57 cm, where the woman reported 56 kg and 163 cm.
    """

    target = "weight"
    rows, columns = 200, 5
    licence = "GPL-2"
    origin = "Davis (1990); row 12 has weight and height in each other's place"
    files = ("davis.csv",)
    sources = (Packaged("carData", "Davis"),)
