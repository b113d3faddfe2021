"""442 diabetes patients: ten measurements and how the disease went on a year later."""

from typing import Any

import pyarrow as pa

from .dataset import AbstractDataset
from .sources import Bundled

TARGET = "progression"


def _table() -> pa.Table:
    from sklearn.datasets import load_diabetes

    bunch: Any = load_diabetes(scaled=False)
    columns = dict(zip(bunch.feature_names, bunch.data.T, strict=True))
    return pa.table({**columns, TARGET: bunch.target})


class Diabetes(AbstractDataset):
    """Disease progression of 442 patients from ten measurements, in their own units.

    As bundled with scikit-learn; Efron, Hastie, Johnstone and Tibshirani, "Least angle
    regression" (2004).

    >>> Diabetes().read().frame.column_names[:4]
    ['age', 'sex', 'bmi', 'bp']
    """

    target = TARGET
    rows, columns = 442, 11
    licence = "BSD-3-Clause"
    origin = "Efron et al. (2004), in scikit-learn"
    sources = (Bundled("scikit-learn", _table),)
