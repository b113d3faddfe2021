"""The table as a defense sees it, and what the defense makes of it."""

import inspect
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from ..data.load import Opened
from ..data.load import open as open_table
from ..defenses import BaseDefense
from ..tables import write
from ..tables.encode import encode
from ..tables.encoded import Encoded
from .groups import Groups


def beside(trusted: Any, table: Opened, encoded: Encoded, categorical: Sequence[str]) -> Encoded:
    """The table with the trusted rows beneath it, encoded together so that levels agree."""
    there = open_table(trusted, "trusted").columns
    used = list(dict.fromkeys([*encoded.columns.column, encoded.target]))
    coded = [c for c in (*table.coded, *categorical) if c in used]
    name = f"{encoded.name} with trusted rows"
    rows = write.stacked(table.columns, there, used)
    return encode(rows, encoded.target, categorical=coded, name=name)


class View(NamedTuple):
    """Features and target by their ranges, nothing missing; `unit * y + zero` is the target."""

    X: Float[np.ndarray, "n d"]
    y: Float[np.ndarray, " n"]
    trusted: tuple[np.ndarray, np.ndarray] | None
    encoded: Encoded
    zero: float
    unit: float

    @classmethod
    def of(cls, encoded: Encoded, n: int) -> "View":
        """The first `n` rows are the table, those after them are trusted."""
        X = np.empty(encoded.X.shape)
        for j, values in enumerate(encoded.X.T):
            known = values[~np.isnan(values)]
            full = np.where(np.isnan(values), np.median(known), values)
            low, high = known.min(), known.max()
            # One-hot in the table is one-hot here; a constant has no range.
            keep = encoded.columns.group[j] >= 0 or low == high
            X[:, j] = full if keep else (full - low) / (high - low)
        zero, unit = float(encoded.y.min()), float(np.ptp(encoded.y))
        y = (encoded.y - zero) / unit
        trusted = (X[n:], y[n:]) if n < len(y) else None
        return cls(X[:n], y[:n], trusted, encoded, zero, unit)

    def predicted(self, guard: BaseDefense, rows: Any) -> Float[np.ndarray, " r"]:
        """The target by the model of the kept rows, in its own units."""
        X = self.X[rows]
        return guard.predict(X) * self.unit + self.zero if len(X) else np.zeros(0)


def fit(guard: BaseDefense, view: View, groups: Groups | None) -> list[str]:
    """Fits the defense, with all of this that it takes; what it warned of, in words."""
    given: dict[str, Any] = {} if view.trusted is None else {"trusted": view.trusted}
    if groups is not None and "groups" in inspect.signature(guard.fit).parameters:
        given["groups"] = groups.labels
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        guard.fit(view.X, view.y, **given)
    return list({str(w.message): 0 for w in caught if issubclass(w.category, UserWarning)})
