"""The main job: how bad poison could get for a table and a model, and who would notice."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import narwhals as nw
import pyarrow as pa

from .. import _files, report, schema
from .._documents import plain
from .._retired import renamed
from ..bench import Results, Spec, run
from ..bench.pieces import Tell
from ..errors import InputError
from ..tables.reading import ANY, Reading
from . import asked


@dataclasses.dataclass(frozen=True)
class Audit:
    """What an audit found; `table` is a frame of the library that the data came in.

    `table` (one row a cell and defense), `looks` and `moved` are documented column by column in
    `mithridate.schema`; a path gives pyarrow tables. `headlines` are the findings in sentences.

    Parameters
    ----------
    spec : Spec
        What was run; it gives the same results again.
    results : Results
        The results as pyarrow tables: `table`, `looks`, `moved` and `trace`.
    backend : module, optional
        The library of the frame that was audited; None for a path or a data set.
    """

    spec: Spec
    results: Results
    backend: Any = dataclasses.field(default=None, repr=False)

    @property
    def table(self) -> Any:
        """The judged cells, as the kind of frame that was audited."""
        return _native(self.results.table, self.backend)

    @property
    def looks(self) -> Any:
        """Example rows, clean and poison, as the kind of frame that was audited."""
        return _native(self.results.looks, self.backend)

    @property
    def moved(self) -> Any:
        """Columns and how far each attack moved them, as the kind of frame that was audited."""
        return _native(self.results.moved, self.backend)

    @property
    def headlines(self) -> list[str]:
        """The findings in plain sentences, most important first."""
        return report.headlines(self.results.table)

    @property
    def worst(self) -> tuple[float, dict[str, Any]]:
        """The largest undefended NMSE as a multiple of the clean one, and the cell it is in."""
        rows = [r for r in self.results.table.to_pylist() if r["defense"] == "none"]
        worst = max(rows, key=lambda r: r["nmse_poisoned"] / r["nmse_clean"])
        return worst["nmse_poisoned"] / worst["nmse_clean"], worst

    @property
    def limit(self) -> float:
        """The largest multiple of the clean NMSE that no poison of the audited ratios exceeds.

        It is the largest over the seeds, and infinite where nothing was proved for some of them.
        """
        table = self.results.table
        rows = [r for r in table.to_pylist() if r["defense"] == "none" and r["ratio"] > 0]
        bounds = [r["nmse_bound"] for r in rows]
        if not rows or any(bound is None for bound in bounds):
            return math.inf
        return max(b / r["nmse_clean"] for b, r in zip(bounds, rows, strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Give all that was found as values that JSON can hold; the cells are in `table`.

        Returns
        -------
        dict
            `headlines`; `worst`, with `times` (the largest undefended NMSE as a multiple of the
            clean one) and the `attack`, `alpha`, `ratio` and `seed` that it is of; `limit`, None
            where nothing was proved; `moves`, what few added rows cannot do to single predictions
            and coefficients, None where nothing was proved; `defenses`, a list with a dict for
            each: `defense`, `cells`, `failed`, `mean_gain`, `least_gain` and `harmful` (cells in
            which it does harm); `spec`, which repeats the run; `notes`.
        """
        times, cell = self.worst
        where = {key: cell[key] for key in ("attack", "alpha", "ratio", "seed")}
        return plain(
            {
                "headlines": self.headlines,
                "worst": {"times": times, **where},
                "limit": self.limit,
                "moves": schema.about(self.results.table)["bound"].get("moves"),
                "defenses": _gains(self.results.table),
                "spec": self.spec.model_dump(mode="json", exclude_none=True, exclude_unset=True),
                "notes": schema.about(self.results.table)["notes"],
            }
        )

    def _repr_html_(self) -> str:
        gains = _gains(self.results.table)
        rows = [(g["defense"], g["mean_gain"], g["least_gain"], g["harmful"]) for g in gains]
        heads = ("defense", "mean gain", "least gain", "harmful cells")
        return report.notebook("Audit", self.headlines, heads, rows)

    def plot_damage(self) -> Any:
        """Draw how the error of the undefended model grows with the ratio, as the report does.

        Returns
        -------
        plotly.graph_objects.Figure
            The figure; plotly must be installed.
        """
        return report.plots.damage(self.results.table)

    def plot_visibility(self) -> Any:
        """Draw the error against how visible the poison is, as the report does.

        Returns
        -------
        plotly.graph_objects.Figure
            The figure; plotly must be installed.
        """
        return report.plots.visibility(self.results.table)

    def plot_defended(self, defense: str) -> Any:
        """Draw the error that a defense leaves, and the undefended one behind it.

        Parameters
        ----------
        defense : str
            One of those that were tried, or `oracle`.

        Returns
        -------
        plotly.graph_objects.Figure
            The figure; plotly must be installed.
        """
        return report.plots.defended(self.results.table, defense)

    def write_html(self, path: str | Path) -> None:
        """Write the report, one self-contained HTML file, whole or not at all.

        Parameters
        ----------
        path : str or Path
            The file.
        """
        report.write_html(Path(path), *self.results[:3])

    def save(self, folder: str | Path) -> list[Path]:
        """Write `report.html`, `spec.toml` and the tables: all of them or none.

        Parameters
        ----------
        folder : str or Path
            Where to; it is made if it is not there.

        Returns
        -------
        list of Path
            The files.
        """
        with _files.together(Path(folder)) as fresh:
            schema.write(self.results.table, fresh / "results.parquet")
            schema.write(self.results.looks, fresh / "looks.parquet")
            schema.write(self.results.moved, fresh / "moved.parquet")
            schema.write(self.results.trace, fresh / "trace.parquet")
            (fresh / "spec.toml").write_text(self.spec.dump(), encoding="utf-8")
            self.write_html(fresh / "report.html")
            names = sorted(made.name for made in fresh.iterdir())
        return [Path(folder) / name for name in names]


def _gains(table: pa.Table) -> list[dict[str, Any]]:
    """What each defense did to poisoned cells, by its name."""
    names = ["attack", "defense", "status", "gain"]
    cells = [r for r in table.select(names).to_pylist() if r["attack"] != "none"]
    rows = []
    for name in sorted({r["defense"] for r in cells} - {"none"}):
        own = [r for r in cells if r["defense"] == name]
        gains = [r["gain"] for r in own if r["status"] == "ok" and r["gain"] is not None]
        rows.append(
            {
                "defense": name,
                "cells": len(own),
                "failed": len(own) - len(gains),
                "mean_gain": sum(gains) / len(gains) if gains else None,
                "least_gain": min(gains, default=None),
                "harmful": sum(gain < 0 for gain in gains),
            }
        )
    return rows


@renamed(model="victim")
def audit(
    data: Any = None,
    *,
    target: str | None = None,
    victim: str = "ridge",
    l2: float | None = None,
    judge: str | None = None,
    alphas: Sequence[float] = (1.0, 0.6, 0.3, 0.1, 0.03),
    ratios: Sequence[float] = (0.05, 0.1, 0.2, 0.3, 0.4),
    seeds: int = 3,
    defenses: Sequence[str] = ("trim", "huber", "bayesclean", "antidote"),
    contamination: float | str = "oracle",
    normalizer: str = "ideal",
    risk: str = "residual",
    feasible: str = "through",
    threat: Mapping[str, Any] | None = None,
    drop: Sequence[str] = (),
    categorical: Sequence[str] = (),
    reading: Reading = ANY,
    weights: str | None = None,
    rows: int = 300,
    seed: int = 0,
    tell: Tell | None = None,
) -> Audit:
    """Poison copies of a table, train on them, and judge every defense.

    The experiment is that of [1]_, section 5, on one's own table. It says what the strongest attack
    found does to a model of the table; a better attack may exist. For ridge regression it also
    says what no attack exceeds, by a theorem.

    Parameters
    ----------
    data : frame, path or str, optional
        The table, of n rows: a pandas, polars or pyarrow frame, a CSV or Parquet file
        (`file:path#target` names the target too), or the name of a data set (default: diabetes).
    target : str, optional
        Column to predict, of numbers. A data set knows its own.
    victim : {"ridge", "linear", "mlp", "kernel", "fourier"} or str, default "ridge"
        Model that is attacked, by name or as `module:Class`. Or any regressor, which no gradient
        goes through: hgb, forest, knn, svr, lightgbm, xgboost, or its class as
        `package.module.Class`, with parameters as `hgb(loss=poisson)`. Then several attacks are
        tried on it, and of each cell the one is kept that surely does most to rows that it was not
        made for (`portfolio`). So it is for mlp, with the ascent through it among them.
    l2 : float, optional
        Its penalty on the mean loss, on features scaled to [0, 1] (default: its own).
    judge : str, optional
        Scikit-learn regressor to train on the result, as `package.module.Class` (default: the
        victim's own kind).
    alphas : sequence of float
        Each in [0, 1]: 1 is aggressive, all damage; 0 is stealthy, all stealth.
    ratios : sequence of float
        Poison rows / (clean + poison rows), each in [0, 1).
    seeds : int, default 3
        How many splits of the table and attacks, numbered from `seed` on.
    defenses : sequence of str
        Defenses to judge, by name or as `module:Class`.
    contamination : "oracle" or float, default "oracle"
        What a defense that needs the ratio is told: the true one, or a number.
    normalizer : {"ideal", "incremental", "anchored", "raw"} or str, default "ideal"
        How damage and risk are made comparable.
    risk : str, default "residual"
        What makes a row visible: residual, difference, gap, predictive, mahalanobis, neighbor,
        spectral, correction, strangeness, unexpected or weighted.
    feasible : {"through", "after", "never"}, default "through"
        Whether the ascent keeps its rows possible on the way, makes them so after each batch (the
        paper's), or not at all.
    threat : mapping, optional
        What the attacker may write and knows, as `[threat]` of a spec has it: `writes` ("both",
        "features", "target"), `frozen` columns, `box` {column: [low, high]} in the table's units,
        `budget` in ranges of the columns, `surrogate` rows, `placed` ("added", "replaced"),
        `relaxed` (True: any feature value), `source`, conditions on the rows that are the
        attacker's (`vendor == "v3"`), and `goal`, what it is after (`up`, `down`, a condition on
        the rows it is about, or `up where region == "north"`).
    drop : sequence of str
        Columns to leave out.
    categorical : sequence of str
        Columns whose numbers are only codes.
    reading : Reading, optional
        How a CSV file is read, where that is not to be found out.
    weights : str, optional
        Column that weighs the rows, such as exposure, for a regressor: its `sample_weight`.
    rows : int, default 300
        How many clean rows train, at most.
    seed : int, default 0
        The first seed.
    tell : callable, optional
        Called as the work goes on, with stage, units done and units in all; `mithridate.progress`
        gives one.

    Returns
    -------
    Audit
        The results as a table, as sentences and as a report.

    Raises
    ------
    InputError
        The input cannot be used: one sentence says what was given and what is wanted.

    References
    ----------
    .. [1] J. Carnerero-Cano, L. Muñoz-González, P. Spencer and E. C. Lupu, "Stealthy poisoning
       attacks bypass defenses in regression settings", arXiv 2601.22308, 2026.

    Examples
    --------
    >>> result = audit(alphas=[1], ratios=[0.1], seeds=1, rows=100, defenses=["trim"])
    >>> result.worst[0] > 1
    True
    """
    framed = not (data is None or isinstance(data, str | Path))
    source, more = "frame" if framed else asked.source_of(data), {"rows": rows, "weights": weights}
    spec = Spec.of(
        {
            "seed": seed,
            "seeds": seeds,
            "ratios": asked.several(ratios),
            "data": asked.table(source, target, drop, categorical, reading, more),
            **asked.models(victim, l2, judge),
            "threat": asked.threat(threat),
            "attacks": [
                asked.strongest(victim, alphas, risk, normalizer, feasible),
                {"use": "flip"},
                {"use": "random"},
            ],
            "defenses": [
                {"use": d, "contamination": contamination} for d in asked.several(defenses)
            ],
        }
    )
    return audit_spec(spec, data if framed else None, tell=tell)


def audit_spec(spec: Spec, frame: Any = None, *, tell: Tell | None = None) -> Audit:
    """Run the audit that a spec describes.

    Parameters
    ----------
    spec : Spec
        The spec.
    frame : pandas, polars or pyarrow frame, optional
        The table; None: the one that the spec names.
    tell : callable, optional
        Hears of what is done.

    Returns
    -------
    Audit
        The result.

    Raises
    ------
    InputError
        If the frame is none, or the spec asks for what is not there.
    """
    backend = None
    if frame is not None:
        try:
            backend = nw.get_native_namespace(nw.from_native(frame))
        except TypeError:
            raise InputError(
                f"A {type(frame).__name__} is not a table; give a pandas, polars or pyarrow frame, "
                "or a path."
            ) from None
    spec = spec.model_copy(deep=True)
    return Audit(spec, run(spec, frame, tell), backend)


def _native(results: pa.Table, backend: Any) -> Any:
    if backend is None:
        return results
    return nw.from_arrow(results, backend=backend).to_native()
