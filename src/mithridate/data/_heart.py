"""303 patients of Cleveland: examinations, and how far the coronary arteries are narrowed."""

from .dataset import AbstractDataset
from .sources import Download

HEADER = (
    "age", "sex", "cp", "trestbps", "chol", "fbs", "restecg", "thalach", "exang", "oldpeak",
    "slope", "ca", "thal", "num",
)  # fmt: skip


class Heart(AbstractDataset):
    """Severity of heart disease, 0 to 4, of 303 patients from 13 examinations.

    Chest pain, electrocardiogram, slope and thallium test are numbers that stand for kinds, so
    they are coded as categories. Detrano et al., "International application of a new probability
    algorithm for the diagnosis of coronary artery disease" (1989).
    """

    target = "num"
    categorical = ("cp", "restecg", "slope", "thal")
    rows, columns = 303, 14
    licence = "CC BY 4.0"
    origin = "UCI 45, Heart Disease, Cleveland"
    header = HEADER
    files = ("heart.csv", "processed.cleveland.data")
    by_hand = "processed.cleveland.data of https://archive.ics.uci.edu/dataset/45"
    sources = (
        Download(
            "https://archive.ics.uci.edu/ml/machine-learning-databases/heart-disease/processed.cleveland.data",
            size=18461,
            sha256="a74b7efa387bc9d108d7d0115d831fe9b414b29ae7124f331b622b4efa0427c8",
            header=HEADER,
        ),
    )
