"""442 diabetes patients: ten measurements and how the disease went on a year later."""

from typing import Any

import pyarrow as pa

from ._bundled import AbstractDataset


class Diabetes(AbstractDataset):
    """Disease progression of 442 patients from ten measurements, in their own units.

    As bundled with scikit-learn; Efron, Hastie, Johnstone and Tibshirani, "Least angle
    regression" (2004).

    >>> Diabetes().read().column_names[:4]
    ['age', 'sex', 'bmi', 'bp']
    """

    target = "progression"

    def read(self) -> Any:
        """The table as Arrow; scikit-learn is only imported here."""
        from sklearn.datasets import load_diabetes

        bunch: Any = load_diabetes(scaled=False)
        columns = dict(zip(bunch.feature_names, bunch.data.T, strict=True))
        return pa.table({**columns, self.target: bunch.target})
