"""2930 homes sold in Ames, Iowa, from 2006 to 2010."""

from .dataset import AbstractDataset
from .sources import Packaged

NUMBER = "the number of a row or a parcel"


class Ames(AbstractDataset):
    """Price of 2930 homes in Ames from 79 facts about them, raw, with gaps.

    The numbers of rows and parcels are left out, and `MS.SubClass` is a code. De Cock, "Ames, Iowa:
    alternative to the Boston housing data as an end of semester regression project" (2011), as
    the R package openintro has it.
    """

    target = "price"
    drop = dict.fromkeys(("Order", "PID"), NUMBER)
    categorical = ("MS.SubClass",)
    rows, columns = 2930, 82
    licence = "GPL-3"
    origin = "De Cock (2011), in the R package openintro (GPL-3)"
    files = ("ames.csv",)
    sources = (Packaged("openintro", "ames"),)
