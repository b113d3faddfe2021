"""53,940 diamonds: size, quality and price."""

from .dataset import AbstractDataset
from .sources import Packaged


class Diamonds(AbstractDataset):
    """Price of 53,940 round cut diamonds, in dollars, from their size and quality.

    Wickham, "ggplot2: elegant graphics for data analysis" (2016).
    """

    target = "price"
    rows, columns = 53_940, 10
    licence = "MIT"
    origin = "the R package ggplot2 (MIT)"
    files = ("diamonds.csv",)
    sources = (Packaged("ggplot2", "diamonds"),)
