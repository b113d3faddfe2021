"""506 tracts of Boston in 1970: what homes cost, and why."""

from .dataset import AbstractDataset
from .sources import Packaged


class Boston(AbstractDataset):
    """Median price of homes, in 1000 dollars, in 506 tracts of Boston.

    Harrison and Rubinfeld, "Hedonic housing prices and the demand for clean air" (1978).
    scikit-learn removed it, as `black` makes a price of who lives there; it is kept here because
    the paper has it. Leave it out with `drop=["black"]`.
    """

    target = "medv"
    rows, columns = 506, 14
    licence = "none stated"
    origin = "Harrison and Rubinfeld (1978); scikit-learn removed it for its racial column black"
    files = ("boston.csv",)
    sources = (Packaged("MASS", "Boston"),)
