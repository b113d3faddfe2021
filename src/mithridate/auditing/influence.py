"""The rows that decide a conclusion: how few suffice to change it, and how few cannot."""

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa
from jaxtyping import Int
from threadpoolctl import threadpool_limits

from .. import _files, report
from .._text import counted, percent, quote
from ..bounds import (
    Effect,
    RemovalPath,
    State,
    TTest,
    falls_at_most,
    first_order,
    greedy,
    insignificant,
    rows_in_noise,
)
from ..errors import InputError
from ..tables.reading import ANY, Reading
from ..tables.write import check_output, report_of, write
from .regression import Regression, regression

_DEFAULT_CHANGE = 0.1  # change of a prediction to ask for, as a share of the target's range
_NOISE_TABLES = 40  # tables of noise
_NOISE_SEED = 0


@dataclasses.dataclass(frozen=True, eq=False)
class Influence:
    """Which rows decide a coefficient or a prediction of least squares.

    Parameters
    ----------
    regression : Regression
        The rows and columns that were used.
    what : str
        The number in words, such as "the coefficient of 'bmi'".
    value : float
        The coefficient, in units of the target by units of the column, or the prediction.
    t, p : float
        Its t value, and the probability of so large a one where the effect is nil.
    level : float
        Of significance.
    change : float or None
        By how much a prediction is to move, in units of the target.
    routes : tuple of report.Route
        One for each goal.
    noise : (m,) array of int
        How many rows turn the sign of the coefficient in tables of noise, which have these
        columns and no effect; empty for a prediction.
    backend : module, optional
        The library of the frame that was given; None for a path or a data set.
    """

    regression: Regression = dataclasses.field(repr=False)
    what: str
    value: float
    t: float
    p: float
    level: float
    change: float | None
    routes: tuple[report.Route, ...] = dataclasses.field(repr=False)
    noise: Int[np.ndarray, " m"] = dataclasses.field(repr=False)
    backend: Any = dataclasses.field(default=None, repr=False)

    @cached_property
    def headlines(self) -> list[str]:
        """The findings in plain sentences, most important first."""
        n = len(self.regression.y)
        lines = [_sentence(route, self) for route in self.routes]
        if self.noise.size:
            middle, most = np.quantile(self.noise, [0.5, 0.9], method="higher")
            lines.append(
                f"In noise on the same columns, where there is no effect, {counted(middle, 'row')} "
                f"or fewer turn the sign in half of {len(self.noise)} tables, and {most:,} or "
                "fewer in nine of ten."
            )
        if self.change is None and len(self.routes) == 1:
            lines.append(
                f"With all rows it is not significant at the {100 * self.level:g} % level."
            )
        effect = "" if self.change is not None else f" (t = {self.t:.3g}, p = {self.p:.2g})"
        lines.append(
            f"With all {n:,} rows {self.what} is {self.value:.4g}{effect}, by least squares on "
            f"{counted(self.regression.Z.shape[1], 'column')}{_absorbed(self.regression)}."
        )
        return lines

    @property
    def table(self) -> Any:
        """The removed rows in order, as the kind of frame that was given (pyarrow for a path).

        `goal`, `removed` (how many rows are gone), `row`, `target` (its own), `value` (the
        coefficient or prediction without these rows), `moved` (by the last of them), `t` and `p`.
        """
        arrow = self.arrow
        if self.backend is None:
            return arrow
        return nw.from_arrow(arrow, backend=self.backend).to_native()

    @property
    def arrow(self) -> pa.Table:
        """The same as a pyarrow table."""
        targets = dict(zip(self.regression.rows.tolist(), self.regression.y.tolist(), strict=True))
        columns: dict[str, list[Any]] = {
            name: [] for name in ("goal", "removed", "row", "target", "value", "moved", "t", "p")
        }
        for route in self.routes:
            many = len(route.rows)
            columns["goal"] += [route.goal] * many
            columns["removed"] += range(1, many + 1)
            columns["row"] += route.rows.tolist()
            columns["target"] += [targets[row] for row in route.rows.tolist()]
            columns["value"] += route.values[1:].tolist()
            columns["moved"] += np.diff(route.values).tolist()
            columns["t"] += route.t[1:].tolist()
            columns["p"] += route.p[1:].tolist()
        kinds = [pa.string(), pa.int64(), pa.int64()] + [pa.float64()] * 5
        return pa.table(
            [pa.array(c, k) for c, k in zip(columns.values(), kinds, strict=True)],
            names=list(columns),
        )

    def html(self) -> str:
        """The report as one self-contained HTML page.

        Returns
        -------
        str
            The page, with its style, script and figures inside.
        """
        return report.influence_html(
            report.Deciding(
                name=self.regression.title,
                target=self.regression.target,
                what=self.what,
                value=self.value,
                change=self.change,
                rows=len(self.regression.y),
                sentences=self.headlines,
                notes=self.regression.notes,
                routes=self.routes,
                removed=self.arrow.to_pylist(),
            )
        )

    def write(self, path: str | Path, *, html: bool = False) -> list[Path]:
        """Write the removed rows, and the report beside them: all or nothing.

        Parameters
        ----------
        path : str or Path
            The file, which ends in .csv or .parquet.
        html : bool, default False
            Whether to write the report too, as `NAME.report.html`.

        Returns
        -------
        list of Path
            The files.
        """
        path = check_output(Path(path))
        files: dict[Path, Any] = {path: self.arrow}
        if html:
            files[report_of(path)] = self.html()
        write(files)
        return list(files)

    def write_html(self, path: str | Path) -> None:
        """Write the report, one self-contained HTML file, whole or not at all.

        Parameters
        ----------
        path : str or Path
            The file.
        """
        path, page = Path(path), self.html()
        try:
            _files.write_atomically(path, lambda new: new.write_text(page, encoding="utf-8"))
        except OSError as error:
            raise _files.unwritable(path.parent, error) from None


def influence(
    data: Any = None,
    *,
    target: str | None = None,
    column: str | None = None,
    row: int | None = None,
    fixed_effects: Sequence[str] = (),
    cluster: str | None = None,
    change: float | None = None,
    level: float = 0.05,
    where: Mapping[str, Any] | None = None,
    drop: Sequence[str] = (),
    categorical: Sequence[str] = (),
    reading: Reading = ANY,
) -> Influence:
    """Find how few rows change a conclusion when they are left out, and prove how few do not.

    The conclusion is the sign and the significance of a coefficient of least squares, or
    a prediction. Rows are removed one by one, each time refitted exactly; the rows of largest
    first-order influence are those of [1]_; the proof compares all pairs of rows, and with fixed
    effects shares them out among the groups, as [2]_ does.

    Parameters
    ----------
    data : frame, path or str, optional
        A pandas, polars or pyarrow frame, a path to CSV or Parquet, or the name of a data set
        (default: diabetes).
    target : str, optional
        Column to explain, of numbers. A data set knows its own.
    column : str, optional
        Column whose coefficient is asked about; a level as `column=level`. All others that are not
        dropped are controls.
    row : int, optional
        Row whose prediction is asked about, counted from 1. With neither `column` nor `row` it is
        the mean prediction of all rows.
    fixed_effects : sequence of str
        Columns each of whose values has an intercept of its own.
    cluster : str, optional
        Column whose values are the clusters of the standard error; classical where not given.
    change : float, optional
        By how much a prediction is to move, up or down, in units of the target (default: a tenth
        of the target's range).
    level : float, default 0.05
        Of significance, in (0, 1).
    where : mapping, optional
        Values of columns that the rows must have, as `{"study": "BIH"}`.
    drop, categorical : sequence of str
        Columns to leave out; columns whose numbers are only codes.
    reading : Reading, optional
        How a CSV file is read, where that is not to be found out.

    Returns
    -------
    Influence
        The rows as a table, the findings as sentences and as a report.

    Raises
    ------
    InputError
        The table cannot be used so: one sentence says what was given and what is wanted.

    References
    ----------
    .. [1] T. Broderick, R. Giordano and R. Meager, "An automatic finite-sample robustness metric",
       arXiv 2011.14999, 2020.
    .. [2] I. Rubinstein and S. B. Hopkins, "Robustness auditing for linear regression: to
       singularity and beyond", arXiv 2410.07916, 2024.

    Examples
    --------
    >>> result = influence(column="age")
    >>> result.headlines[0]
    "Without 1 row of 442 (0.23%) the coefficient of 'age' turns its sign."
    """
    _check(column, row, change, level, fixed_effects)
    made = regression(
        data, target, column=column, fixed_effects=fixed_effects, cluster=cluster, where=where,
        drop=drop, categorical=categorical, reading=reading,
    )  # fmt: skip
    backend = None
    if not (data is None or isinstance(data, str | Path)):
        backend = nw.get_native_namespace(nw.from_native(data))
    with threadpool_limits(1):
        if column is not None:
            return _coefficient(made, column, level, backend)
        return _prediction(made, row, change, level, backend)


def _check(
    column: str | None,
    row: int | None,
    change: float | None,
    level: float,
    effects: Sequence[str],
) -> None:
    if column is not None and row is not None:
        raise InputError("A column and a row were given; give one of them.")
    if not 0 < level < 1:
        raise InputError(f"level={level:g} is no level of significance; give one in (0, 1).")
    if column is not None and change is not None:
        raise InputError("A change is asked of a prediction; leave it out beside a column.")
    if change is not None and not 0 < change < np.inf:
        raise InputError(f"change={change:g} is no change; give a number above 0.")
    if column is None and effects:
        raise InputError(
            "With fixed effects only a coefficient can be asked about; name a column, or leave "
            "the fixed effects out."
        )


def _coefficient(made: Regression, column: str, level: float, backend: Any) -> Influence:
    at = made.names.index(column)
    effect = Effect.of(made.Z, made.y, np.eye(len(made.names))[at], made.groups)
    if effect.value == 0:
        raise InputError(f"The coefficient of {quote(column)} is 0 and has no sign to turn.")
    test, start = TTest(made.clusters, level), State.of(effect, np.arange(len(made.y)))
    proof = falls_at_most(effect, effect.value), first_order(effect, effect.value)
    routes = [_route("sign", made, greedy(effect, effect.value), test, *proof)]
    if test.significant(start):
        routes.append(_route("significance", made, insignificant(effect, test), test))
    return Influence(
        made, f"the coefficient of {quote(column)}", effect.value, test.t(start), test.p(start),
        level, None, tuple(routes), rows_in_noise(effect, _NOISE_TABLES, _NOISE_SEED), backend,
    )  # fmt: skip


def _prediction(
    made: Regression, row: int | None, change: float | None, level: float, backend: Any
) -> Influence:
    if row is None:
        a, what = made.Z.mean(axis=0), "the mean prediction"
    else:
        at = np.flatnonzero(made.rows == row)
        if not at.size:
            raise InputError(
                f"Row {row} is not among the rows that were used; they are counted from 1, "
                "without the header, and rows that lack a value are left out."
            )
        a, what = made.Z[at[0]], f"the prediction for row {row:,}"
    change = _DEFAULT_CHANGE * float(np.ptp(made.y)) if change is None else change
    effect = Effect.of(made.Z, made.y, a)
    both = [greedy(effect, way * change) for way in (1.0, -1.0)]
    # A way that leads nowhere is longer than any.
    shortest = min(both, key=lambda walk: len(walk.rows) if walk.reached else len(made.y))
    counts = [first_order(effect, way * change) for way in (1.0, -1.0)]
    proofs = [falls_at_most(effect, way * change) for way in (1.0, -1.0)]
    proof = np.max([one[: min(map(len, proofs))] for one in proofs], axis=0)
    first = min((count for count in counts if count is not None), default=None)
    test = TTest(None, level)
    return Influence(
        made, what, effect.value, np.nan, np.nan, level, change,
        (_route("change", made, shortest, test, proof, first),), np.zeros(0, int), backend,
    )  # fmt: skip


def _route(
    goal: report.Goal,
    made: Regression,
    walk: RemovalPath,
    test: TTest,
    at_most: np.ndarray | None = None,
    first: int | None = None,
) -> report.Route:
    tested, none = goal != "change", np.full(len(walk.states), np.nan)
    return report.Route(
        goal,
        made.rows[walk.rows],
        np.array([state.value for state in walk.states]),
        np.array([test.t(state) for state in walk.states]) if tested else none,
        np.array([test.p(state) for state in walk.states]) if tested else none,
        walk.reached,
        first,
        np.zeros(0) if at_most is None else at_most,
    )


def _sentence(route: report.Route, result: Influence) -> str:
    n = len(result.regression.y)
    level = f"{100 * result.level:g} % level"
    goals = {
        "sign": f"{result.what} turns its sign",
        "significance": f"{result.what} is no longer significant at the {level}",
        "change": f"{result.what} moves by more than {result.change or 0:.4g}",
    }
    whole = goals[route.goal]
    many, sure = len(route.rows), route.certified
    if not route.reached:
        does = "does" if sure == 1 else "do"
        proved = f"; it is proved that no {counted(sure, 'row')} {does}" if sure else ""
        return f"Leaving out row after row, no set was found without which {whole}{proved}."
    line = f"Without {counted(many, 'row')} of {n:,} ({percent(many / n)}) {whole}"
    if route.goal == "significance" or many == 1:  # of fewer rows than one there is no question
        return f"{line}."
    if not sure:
        return f"{line}; for fewer nothing is proved."
    return f"{line}; no {counted(sure, 'row')} {'does' if sure == 1 else 'do'} that."


def _absorbed(made: Regression) -> str:
    if made.groups is None:
        return ""
    return f" and {counted(int(made.groups.max()) + 1, 'fixed effect')}"
