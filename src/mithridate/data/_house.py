"""1460 homes of Ames as the first poisoning attacks on regression had them."""

from .dataset import AbstractDataset


class House(AbstractDataset):
    """Price of 1460 homes in Ames, one-hot and scaled to [0, 1] as manip-ml has it.

    Jagielski et al., "Manipulating machine learning: poisoning attacks and countermeasures for
    regression learning" (2018). For the same homes as they were recorded, take `ames`.
    """

    target = "SalePrice"
    rows, columns = 1460, 275
    licence = "MIT"
    origin = "github.com/jagielski/manip-ml, from Kaggle's House Prices"
    files = ("house_manipml.csv", "house.csv", "house-processed.csv")
    by_hand = "datasets/house-processed.csv of https://github.com/jagielski/manip-ml"
