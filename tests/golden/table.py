"""A table, how it is written to files, and the ways to clean it."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

Columns = dict[str, Any]
HOW: dict[str, dict[str, Any]] = {
    "default": {},
    "rate": {"defense": "antidote", "false_positive_rate": 0.01},
    "conspiracy": {"options": {"false_positive_rate": None}},
    "bayesclean": {"defense": "bayesclean"},
    "bayesclean-rate": {"defense": "bayesclean", "false_positive_rate": 0.05},
    "bayesclean-paper": {"defense": "bayesclean", "options": {"c1": 0.5, "c2": 1.5}},
    "trim": {"defense": "trim", "contamination": 0.1},
    "huber": {"defense": "huber"},
    "itrim": {"defense": "itrim"},
    "torrent": {"defense": "torrent"},
    "ransac": {"defense": "ransac", "options": {"random_state": 0}},
    "trustedonly": {"defense": "trustedonly"},
    "leasttrimmedsquares": {"defense": "leasttrimmedsquares", "options": {"random_state": 0}},
}
LINEAR = ("rate", "conspiracy", "bayesclean", "bayesclean-rate", "bayesclean-paper")
LINEAR += ("trim", "huber")


@dataclass(frozen=True)
class Table:
    """Columns, the target, how they are written to files, and the ways to clean them.

    `form` is csv or parquet; `parts` are the names of the files of a folder, none for one file;
    `library` is what Python is given: pandas, polars, arrow or path. `runs` are names in `HOW`;
    `more` goes to every run. `beside` are columns of a second file, `trusted.csv`.
    """

    columns: Columns
    target: str
    form: str = "csv"
    library: str = "pandas"
    runs: Sequence[str] = ("rate",)
    more: dict[str, Any] = field(default_factory=dict)
    delimiter: str = ","
    comma: bool = False
    quoted: bool = False
    start: str = ""
    groups: int | None = None
    parts: Sequence[str] = ()
    beside: Columns | None = None
    words: Sequence[str] = ()

    @property
    def rows(self) -> int:
        return len(self.columns[self.target])

    def how(self, run: str) -> dict[str, Any]:
        return {"target": self.target} | HOW[run] | self.more

    def frame(self) -> Any:
        """The table as Python is given it; None where that is the file."""
        make = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "arrow": pa.table}
        return make[self.library](self.columns) if self.library in make else None

    def write(self, folder: Path) -> list[Path]:
        """Writes the files below `folder`; their paths."""
        if self.beside is not None:
            (folder / "trusted.csv").write_text(self._text(self.beside), encoding="utf-8")
        if not self.parts:
            path = folder / f"table.{self.form}"
            self._one(self.columns, path)
            return [path]
        cuts = np.linspace(0, self.rows, len(self.parts) + 1).astype(int)
        paths = []
        for name, first, last in zip(self.parts, cuts, cuts[1:], strict=False):
            path = folder / "table" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            self._one({key: cells[first:last] for key, cells in self.columns.items()}, path)
            paths.append(path)
        return paths

    def _one(self, columns: Columns, path: Path) -> None:
        if self.form == "parquet":
            pq.write_table(pa.table(columns), path, row_group_size=self.groups)
        else:
            path.write_bytes((self.start + self._text(columns)).encode())

    def _text(self, columns: Columns) -> str:
        out = io.StringIO(newline="")
        style = csv.QUOTE_ALL if self.quoted else csv.QUOTE_MINIMAL
        rows = csv.writer(out, delimiter=self.delimiter, quoting=style, lineterminator="\n")
        rows.writerow(columns)
        rows.writerows(zip(*([self._cell(c) for c in cells] for cells in columns.values())))  # noqa: B905
        return out.getvalue()

    def _cell(self, value: Any) -> str:
        if value is None or (isinstance(value, float | np.floating) and np.isnan(value)):
            return ""
        text = str(value)
        return text.replace(".", ",") if self.comma and not isinstance(value, str) else text
