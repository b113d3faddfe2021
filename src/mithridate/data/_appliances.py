"""A house in Belgium over 137 days: weather, rooms, and what its appliances used."""

from .dataset import AbstractDataset

RANDOM = "random numbers that its authors put in"


class Appliances(AbstractDataset):
    """Energy that the appliances of a house used in ten minutes, in Wh, from sensors and weather.

    The random columns `rv1` and `rv2`, which are the same, are left out. Candanedo, Feldheim and
    Deramaix, "Data driven prediction models of energy use of appliances in a low-energy house"
    (2017).
    """

    target = "Appliances"
    drop = dict.fromkeys(("rv1", "rv2"), RANDOM)
    rows, columns = 19_735, 29
    licence = "CC BY 4.0"
    origin = "UCI 374, Appliances Energy Prediction"
    files = ("appliances_energy.csv", "appliances.csv", "energydata_complete.csv")
    by_hand = "energydata_complete.csv of https://archive.ics.uci.edu/dataset/374"
