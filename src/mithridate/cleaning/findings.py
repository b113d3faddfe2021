"""What a fitted defense found, in names and units of the table: the rejected rows, and why."""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int

from .._text import quote
from ..defenses import BaseDefense
from .view import View

FAR = 3.0  # σ from which on a column is said to stand out
USUAL = 2.0  # σ up to which a residual explains nothing


class Found(NamedTuple):
    """What a fitted defense found, in names and units of the table."""

    guard: BaseDefense
    view: View
    reasons: np.ndarray
    places: Int[np.ndarray, "2 r"]  # features that stand out most in each rejected row
    sigmas: Float[np.ndarray, "2 r"]  # and by how many deviations
    expected: Float[np.ndarray, " r"]  # target by the model of the kept rows

    @classmethod
    def of(cls, guard: BaseDefense, view: View, reasons: np.ndarray) -> "Found":
        d = view.X.shape[1]
        number = {f"x{j}": j for j in range(d)} | {"y": d}  # what a defense calls them by itself
        names = [reasons[f"{which}_column"] for which in ("first", "second")]
        places = np.array([[number[str(name)] for name in which] for which in names], dtype=int)
        sigmas = np.array([reasons["first_sigma"], reasons["second_sigma"]])
        expected = view.predicted(guard, reasons["row"])
        return cls(guard, view, reasons, places, sigmas, expected)

    @property
    def _names(self) -> np.ndarray:
        """Columns of the table (2, r) that stand out most; the second is "" if it is the first."""
        sources = self.view.encoded.columns.column
        names = np.array([*sources, self.view.encoded.target], dtype=object)[self.places]
        names[1][names[1] == names[0]] = ""
        return names

    def columns(self) -> dict[str, pa.Array]:
        """The columns that are put beside the rejected rows."""
        r, (first, second) = self.reasons, self._names
        made = {
            "row": pa.array(r["row"] + 1),
            "score": pa.array(r["score"]),
            "residual": pa.array(r["residual"]),
            "leverage": pa.array(r["leverage"], from_pandas=True),
            "predictive_sd": pa.array(r["predictive_sigma"] * self.view.unit, from_pandas=True),
            "column_1": pa.array(first.tolist(), pa.string()),
            "column_2": pa.array([name or None for name in second.tolist()], pa.string()),
            "reason": pa.array([self.reason(i) for i in range(len(r))], pa.string()),
        }
        return {f"mithridate_{name}": values for name, values in made.items()}

    def reason(self, i: int) -> str:
        """One sentence on a rejected row: the target first, since that is what poison aims at."""
        encoded, row, off = self.view.encoded, self.reasons["row"][i], self.reasons["residual"][i]
        side = "above" if off > 0 else "below"
        said = [
            f"The target {quote(encoded.target)} is {figure(encoded.y[row])}, {abs(off):.2g} σ "
            f"{side} the {figure(self.expected[i])} that a model of the kept rows predicts"
        ]
        for j, sigma in zip(self.places[:, i], self.sigmas[:, i], strict=True):
            if j < len(encoded.columns.names) and abs(sigma) > FAR:
                said.append(self._odd(int(j), int(row), float(sigma)))
        if len(said) == 1 and abs(off) < USUAL:
            said.append(f"this is not unusual, {self._scored(self.reasons['score'][i])}")
        return "; ".join(said) + "."

    def _scored(self, score: float) -> str:
        """What is left to say of a row that nothing else explains."""
        name, cut = type(self.guard).__name__, self.guard.threshold_
        beyond = "" if np.isnan(cut) else f", beyond {figure(cut, 3)}"
        return f"but the score that {name} gave it is {figure(score, 3)}{beyond}"

    def _odd(self, j: int, row: int, sigma: float) -> str:
        columns = self.view.encoded.columns
        shown, value = quote(columns.names[j]), self.view.encoded.X[row, j]
        if columns.group[j] >= 0:
            return f"{shown} is rare" if sigma > 0 else f"nearly all others have {shown}"
        if np.isinf(sigma):
            return f"{shown} is {figure(value)}, and the same other value in all kept rows"
        side = "above" if sigma > 0 else "below"
        return f"{shown} is {figure(value)}, {abs(sigma):.2g} σ {side} the mean of the kept rows"


def figure(value: Any, digits: int = 4) -> str:
    """A number as people write it: 1,224,000, 2011 or 0.0312."""
    if abs(value) < 1e-4 or abs(value) >= 1e12:
        return f"{value:.{digits}g}"
    if abs(value) < 1e3:
        return np.format_float_positional(value, digits, fractional=False, trim="-")
    return f"{value:,.0f}" if abs(value) >= 1e5 else f"{value:.0f}"
