"""The results of a study by column: selections, and dense arrays over what varies."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import schema
from . import text
from .intervals import Estimate, Values, at_once, estimate
from .labels import Labels
from .series import NONE, ORACLE

# What tells one setting of an attack from another, its alpha and ratio apart.
SETTING = (
    "experiment", "victim", "victim_options", "judge", "attack", "attack_options", "against",
    "risk_name", "normalizer", "writes", "frozen", "box", "budget", "surrogate", "placed",
    "relaxed", "source", "goal",
)  # fmt: skip
MODEL = ("victim", "victim_options", "judge")
ENTRY = ("defense", "defense_options", "contamination", "trusted")


class Frame:
    """Rows of results, and what is asked of them; a selection is another frame.

    The one model of results in this room: `cube` has figures as arrays, for means and intervals
    over many tables; `audit.cells.AuditResults` is a frame of one table, cell by cell.

    Parameters
    ----------
    results : pyarrow.Table
        The rows.
    labels : Labels, optional
        What reports call classes; None: as the results say.
    """

    def __init__(self, results: pa.Table, labels: Labels | None = None):
        self.table = results
        self.labels = labels or Labels.of(results)

    def __len__(self) -> int:
        return self.table.num_rows

    def where(self, **wanted: Any) -> "Frame":
        """Select the rows whose columns have certain values.

        Parameters
        ----------
        **wanted : object
            The value of each column; a list stands for any of its values.

        Returns
        -------
        Frame
            The rows.
        """
        mask = pc.scalar(True)
        for name, value in wanted.items():
            column = pc.field(name)
            if value is None:
                mask &= column.is_null()
            else:
                mask &= column.isin(value if isinstance(value, list) else [value])
        return self._selected(mask)

    def with_column(self, name: str, values: list, kind: pa.DataType) -> "Frame":
        """Put one more column behind the others.

        Parameters
        ----------
        name : str
            Its name.
        values : list
            Its values.
        kind : pyarrow.DataType
            Its type.

        Returns
        -------
        Frame
            The same rows with it.
        """
        return Frame(self.table.append_column(name, pa.array(values, kind)), self.labels)

    def _selected(self, mask: Any) -> "Frame":
        return Frame(self.table.filter(mask), self.labels)

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The rows one by one, by column."""
        return self.table.to_pylist()

    @cached_property
    def poisoned(self) -> "Frame":
        return self._selected(pc.field("ratio") > 0)

    @cached_property
    def worked(self) -> "Frame":
        return self._selected(pc.field("status") != "failed")

    @property
    def failed(self) -> int:
        return len(self.where(status="failed"))

    @cached_property
    def repeated(self) -> int:
        """Rows whose keys are those of another, but for the part."""
        keys = sorted(set(schema.keys()) - {"part"})
        return len(self) - self.table.group_by(keys).aggregate([]).num_rows

    def distinct(self, *names: str) -> list:
        """List the values that there are.

        Parameters
        ----------
        *names : str
            The columns.

        Returns
        -------
        list
            Of one column sorted, nulls left out; of several as tuples.
        """
        if len(names) == 1:
            return sorted(v for v in self.table[names[0]].unique().to_pylist() if v is not None)
        values = self.table.group_by(list(names)).aggregate([]).select(list(names))
        return sorted(zip(*(c.to_pylist() for c in values.columns), strict=True), key=repr)

    def cube(self, figures: Sequence[str], *axes: str) -> "Cube":
        """Take the means of figures by table, axes and seed.

        Parameters
        ----------
        figures : sequence of str
            The figures, each a column.
        *axes : str
            The columns that they are to vary along; rows that differ elsewhere are averaged.

        Returns
        -------
        Cube
            The figures as arrays.
        """
        keys = ["dataset", *axes, "seed"]
        grouped = self.worked.table.group_by(keys).aggregate([(f, "mean") for f in figures])
        columns = [grouped[key].to_pylist() for key in keys]
        along = [_sorted(key, set(column)) for key, column in zip(keys, columns, strict=True)]
        places = [{value: i for i, value in enumerate(values)} for values in along]
        at = tuple(
            np.array([place[v] for v in column], dtype=int)
            for place, column in zip(places, columns, strict=True)
        )
        values: Values = {}
        for name in figures:
            array = np.full([len(v) for v in along], np.nan)
            array[at] = grouped[f"{name}_mean"].to_numpy(zero_copy_only=False)
            values[name] = array
        return Cube(dict(zip(keys, along, strict=True)), values).packed()


def _sorted(axis: str, values: set) -> list:
    """Values in reading order: alpha falls, all else rises, null comes last."""
    known = sorted((v for v in values if v is not None), reverse=axis == "alpha")
    return known + [None] * (None in values)


class Cube(NamedTuple):
    """Figures as arrays.

    Parameters
    ----------
    along : dict of str to list
        The values of each axis: tables, other axes, seeds.
    values : dict of str to array, shape (tables, …, seeds)
        The figures.
    """

    along: dict[str, list]
    values: Values

    def packed(self) -> "Cube":
        """Put the seeds of each table first on the last axis, as resampling wants them.

        Returns
        -------
        Cube
            The same figures.
        """
        if not self.values:
            return self
        first = next(iter(self.values.values()))
        there = np.any([np.isfinite(v) for v in self.values.values()], axis=0)
        there = there.any(axis=tuple(range(1, first.ndim - 1)))
        order = np.argsort(~there, axis=1, kind="stable")
        moved = {
            name: np.stack([v[t][..., order[t]] for t in range(len(order))]) if len(order) else v
            for name, v in self.values.items()
        }
        return Cube(self.along, moved)

    @property
    def tables(self) -> list[str]:
        return self.along["dataset"]

    @property
    def seeds(self) -> list[int]:
        """Seeds of each table."""
        there = np.any([np.isfinite(v) for v in self.values.values()], axis=0)
        inner = tuple(range(1, there.ndim - 1))
        return [int(n) for n in there.any(axis=inner).sum(axis=1)]

    @property
    def empty(self) -> bool:
        return not any(np.isfinite(v).any() for v in self.values.values())

    def estimate(self, figure: Callable[[Values], np.ndarray]) -> Estimate:
        """Estimate a figure of the means over seeds, as `intervals.estimate`.

        Parameters
        ----------
        figure : callable
            Makes it of the means.

        Returns
        -------
        Estimate
            The figure, with its interval.
        """
        return estimate(self.values, self.seeds, figure)

    def point(self, figure: Callable[[Values], np.ndarray]) -> np.ndarray:
        """Compute a figure of the means over seeds alone, without the draws.

        Parameters
        ----------
        figure : callable
            Makes it of the means.

        Returns
        -------
        array
            The figure.
        """
        return figure(at_once(self.values))[0]


def models(results: Frame) -> dict[tuple[str, str, str], str]:
    """Name the models of a study, with options where one has several.

    Parameters
    ----------
    results : Frame
        The results.

    Returns
    -------
    dict of tuple to str
        What each is called, by its keys (`MODEL`).
    """
    keys = results.distinct(*MODEL) if len(results) else []
    many = {victim for victim, _, _ in keys if len({k[1] for k in keys if k[0] == victim}) > 1}
    return {key: results.labels.model(*key, several=key[0] in many) for key in keys}


def knowledge(contamination: str | None, trusted: float | None) -> str:
    """What a defense was told.

    >>> knowledge("oracle", 30), knowledge("0.1", None), knowledge(None, None)
    ('ratio, 30 trusted rows', 'ratio 0.1', 'nothing')
    """
    parts = []
    if contamination is not None:
        parts.append("ratio" if contamination == ORACLE else f"ratio {text.cut(contamination, 20)}")
    if trusted:
        parts.append(f"{int(trusted)} trusted rows")
    return ", ".join(parts) or "nothing"


def attacked(rows: Frame) -> Frame:
    """Select the undefended cells with poison: one row for each poisoned training set.

    Parameters
    ----------
    rows : Frame
        The results.

    Returns
    -------
    Frame
        The cells.
    """
    return rows.poisoned.where(defense=NONE)


def alphas_of(cube: Cube) -> list[float]:
    return [a for a in cube.along["alpha"] if a is not None]
