"""The results, flat and typed: what each column means, and how tables are written and read."""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from ._files import unwritable, write_atomically
from .errors import InputError


def column(meaning: str, kind: pa.DataType, *, key: bool = False, default: Any = None) -> Any:
    """Make a dataclass field that knows its Arrow type and its meaning.

    Parameters
    ----------
    meaning : str
        What it says, in words.
    kind : pyarrow.DataType
        Its type.
    key : bool, default False
        Whether it tells one row from another.
    default : object, optional
        What it is where nothing is given.

    Returns
    -------
    dataclasses.Field
        The field.
    """
    return dataclasses.field(
        default=default, metadata={"meaning": meaning, "kind": kind, "key": key}
    )


# One column a line: the code is the documentation.
# fmt: off
@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One judged cell: a defense on the poison of one attack at one alpha, ratio and seed."""

    experiment: str = column("part of a study that the cell belongs to; empty in an audit", pa.string(), key=True, default="")
    part: str = column("hash of the whole configuration that the cell was computed under; empty in an audit", pa.string(), key=True, default="")
    dataset: str = column("name of the table", pa.string(), key=True)
    victim: str = column("model that is attacked", pa.string(), key=True)
    victim_options: str = column("its options, as JSON", pa.string(), key=True, default="{}")
    judge: str = column("model that is trained on the result: the victim's own kind, trained to convergence, or another (transfer)", pa.string(), key=True)
    attack: str = column("attack, or `none` for unpoisoned data", pa.string(), key=True)
    attack_options: str = column("its options, as JSON", pa.string(), key=True, default="{}")
    against: str | None = column("defense that the attack was made for; null: for none", pa.string(), key=True)
    risk_name: str | None = column("risk that the attack was told to keep low", pa.string(), key=True)
    normalizer: str | None = column("how damage and risk were made comparable", pa.string(), key=True)
    writes: str = column("what the attacker may write: `both`, `features` or `target`", pa.string(), key=True, default="both")
    frozen: str = column("columns it may not write, as a JSON list", pa.string(), key=True, default="[]")
    box: str = column("ranges given for columns, as JSON; the others keep to the range of the training rows", pa.string(), key=True, default="{}")
    budget: float | None = column("farthest that a row may move, in ranges of the columns; null: anywhere", pa.float64(), key=True)
    surrogate: int | None = column("rows that the attacker knows in place of the training rows; null: it knows those", pa.int64(), key=True)
    placed: str = column("poison rows are `added`, or clean rows are `replaced`", pa.string(), key=True, default="added")
    relaxed: bool = column("whether the threat model lets poison lie between levels and between whole numbers; under `feasible` `never`, an option of the attack, it does in any case", pa.bool_(), key=True, default=False)
    source: str = column("conditions on rows, as a JSON list: poison comes as rows that meet one of them, within their ranges and categories; `[]`: as rows of any kind", pa.string(), key=True, default="[]")
    goal: str = column("what the attack is for: `up` or `down` (predictions that way), a condition on the rows whose predictions it is after, or both; empty: large errors on all rows. All figures of test rows are then of these rows", pa.string(), key=True, default="")
    alpha: float | None = column("1 is aggressive, 0 is stealthy; null where the attack has none", pa.float64(), key=True)
    ratio: float = column("poison rows / (clean + poison rows), as asked for", pa.float64(), key=True)
    seed: int = column("seed of the split and of the attack", pa.int64(), key=True)
    defense: str = column("defense; `none` trains on all rows, `oracle` on exactly the clean ones", pa.string(), key=True)
    defense_options: str = column("its options, as JSON", pa.string(), key=True, default="{}")
    contamination: str | None = column("what the defense was told: `oracle` (the true ratio), a number, or null (nothing)", pa.string(), key=True)
    trusted: int | None = column("clean rows that the defense was given to compare with, from the validation part; null: none", pa.int64(), key=True)
    adaptive: bool = column("whether the attack was made for this very defense", pa.bool_(), default=False)
    member: str = column("attack of the portfolio that wrote the poison: the one of which most damage is sure on the model that is judged, by rows that it was not made for; empty where there is none", pa.string(), default="")
    status: str = column("`ok`, or `failed` (then the figures are null)", pa.string(), default="ok")
    message: str = column("why it failed, or a warning of the defense", pa.string(), default="")
    n_train: int = column("clean training rows", pa.int64())
    n_poison: int = column("poison rows", pa.int64())
    n_test: int = column("test rows, never poisoned, never seen by an attack", pa.int64())
    n_features: int = column("features after encoding", pa.int64())
    nmse_clean: float | None = column("test MSE / Var(y_test) of the model trained on the clean rows", pa.float64())
    nmse_poisoned: float | None = column("the same, trained on clean and poison rows, undefended", pa.float64())
    nmse_bound: float | None = column("the NMSE that no poison of so many rows exceeds, undefended, whatever it says: a theorem for ridge; null where there is none", pa.float64())
    nmse_bound_validation: float | None = column("the same for the validation rows, which the attacker aims by, over their own variance", pa.float64())
    nmse_defended: float | None = column("the same, with the defense", pa.float64())
    gain: float | None = column("test defense gain (poisoned - defended) / poisoned; negative: the defense hurts", pa.float64())
    gain_oracle: float | None = column("gain of the oracle in the same cell", pa.float64())
    recovered: float | None = column("gain / gain_oracle; null where the oracle gains less than 0.01", pa.float64())
    risk: float | None = column("visibility of the poison rows by the risk that the attack was told (none: `residual`, their mean squared residual under the clean model over that of the clean rows; of a portfolio: that under the judge's clean model, over that of the validation rows); 1 looks like an average clean row", pa.float64())
    nmse_oracle: float | None = column("the same, trained on exactly the clean rows that are left: nmse_clean unless rows were replaced", pa.float64())
    error_clean: float | None = column("mean squared residual of the clean training rows under the poisoned model, over Var(y_test)", pa.float64())
    error_poison: float | None = column("the same of the poison rows", pa.float64())
    energy: float | None = column("energy distance of the poison rows from the clean ones (features and target, each column in clean standard deviations) over twice the mean distance between the two: 0 alike (below it by chance), 1 apart", pa.float64())
    largest_ks: float | None = column("largest Kolmogorov-Smirnov statistic of a column, poison against clean: 0 alike, 1 apart", pa.float64())
    at_border: float | None = column("share of poison rows with the target at an end of its range", pa.float64())
    mean_clean: float | None = column("mean prediction for the test rows of the model trained on the clean rows, in the units of the table", pa.float64())
    mean_poisoned: float | None = column("the same, trained on clean and poison rows, undefended", pa.float64())
    mean_defended: float | None = column("the same, with the defense", pa.float64())
    nmse_others_clean: float | None = column("nmse_clean of the test rows that the goal is not about; null where it is about all", pa.float64())
    nmse_others: float | None = column("the same, trained on clean and poison rows, undefended", pa.float64())
    kept: float | None = column("share of all training rows that the defense keeps", pa.float64())
    tpr: float | None = column("share of the poison rows that the defense rejects", pa.float64())
    fpr: float | None = column("share of the clean rows that the defense rejects", pa.float64())
    precision: float | None = column("share of poison among the rejected rows", pa.float64())
    auc: float | None = column("area under the ROC curve of the defense's scores, poison against clean", pa.float64())
    attack_seconds: float | None = column("wall seconds of the attack, divided by the cells computed together", pa.float64())
    fit_seconds: float | None = column("wall seconds of the defense's fit", pa.float64())
    version: str = column("version of mithridate", pa.string())


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PlottedRow:
    """One row of training data as a person would see it, clean or poison."""

    attack: str | None = column("attack that wrote the row; null for a clean row", pa.string())
    alpha: float | None = column("alpha of that attack", pa.float64())
    ratio: float | None = column("ratio of that attack", pa.float64())
    residual: float = column("residual under the clean model, in standard deviations of the clean residuals", pa.float64())
    axis_1: float = column("coordinate on the first principal axis of the clean features", pa.float64())
    axis_2: float = column("coordinate on the second", pa.float64())
    target: float = column("target in the units of the table", pa.float64())


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """How far one column of the table was moved by an attack."""

    attack: str = column("attack", pa.string())
    alpha: float | None = column("its alpha", pa.float64())
    ratio: float = column("its ratio", pa.float64())
    name: str = column("column of the table (a category set counts as one)", pa.string())
    moved: float = column("|mean of poison - mean of clean| in clean standard deviations; for a category set, the share of rows that changed level (total variation)", pa.float64())
    kind: str = column("`number`, `category` or `target`", pa.string())


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of an attack inside one batch: what a person looks at when a run disappoints."""

    attack: str = column("attack", pa.string(), key=True)
    alpha: float | None = column("its alpha", pa.float64(), key=True)
    seed: int = column("its seed", pa.int64(), key=True)
    ratio: float = column("poison rows / all rows at the end of the batch", pa.float64(), key=True)
    step: int = column("step inside the batch, from 0 on", pa.int64(), key=True)
    damage: float = column("validation MSE of the victim", pa.float64())
    risk: float = column("visibility of all poison so far", pa.float64())
    gain: float = column("what the attack maximizes: alpha L̃ - (1 - alpha) R̃", pa.float64())
    gradient: float = column("mean norm of the rows' gradients", pa.float64())
    border: float = column("share of the batch with the target at an end of its range", pa.float64())


# fmt: on
CLASSES = "classes"  # the fact on a run that says what reports call its classes
NAMES = "classes.json"  # the same of a study, beside its parts
TIMES = ("attack_seconds", "fit_seconds")  # what two runs of the same cell may differ in
RowLike = TypeVar("RowLike", Row, PlottedRow, Moved, Step)


def schema(kind: type) -> pa.Schema:
    """Make the Arrow schema of a row class; each field carries its meaning.

    Parameters
    ----------
    kind : type
        The class.

    Returns
    -------
    pyarrow.Schema
        The schema.

    Examples
    --------
    >>> schema(Moved).names
    ['attack', 'alpha', 'ratio', 'name', 'moved', 'kind']
    """
    return pa.schema(
        pa.field(f.name, f.metadata["kind"], metadata={"meaning": f.metadata["meaning"]})
        for f in dataclasses.fields(kind)
    )


def keys(kind: type = Row) -> list[str]:
    """Name the columns that tell one row from another.

    Parameters
    ----------
    kind : type, optional
        The class of the rows.

    Returns
    -------
    list of str
        The names.
    """
    return [f.name for f in dataclasses.fields(kind) if f.metadata["key"]]


def to_table(
    rows: Iterable[RowLike], kind: type[RowLike], about: Mapping[str, Any] | None = None
) -> pa.Table:
    """Turn rows into an Arrow table.

    Parameters
    ----------
    rows : iterable of RowLike
        The rows.
    kind : type[RowLike]
        Their class.
    about : mapping of str to object, optional
        Facts on the run, which JSON can say; they travel in the metadata.

    Returns
    -------
    pyarrow.Table
        The table.
    """
    every, wanted = list(rows), schema(kind)
    columns = [pa.array([getattr(r, f.name) for r in every], f.type) for f in wanted]
    table = pa.Table.from_arrays(columns, schema=wanted)
    return table.replace_schema_metadata({"mithridate": json.dumps(dict(about or {}))})


def about(table: pa.Table) -> dict[str, Any]:
    """Read the facts on the run that `to_table` put into the metadata.

    Parameters
    ----------
    table : pyarrow.Table
        The results.

    Returns
    -------
    dict of str to object
        The facts; none where they are no mapping.
    """
    facts = json.loads((table.schema.metadata or {}).get(b"mithridate", b"{}"))
    return facts if isinstance(facts, dict) else {}


def write(table: pa.Table, path: Path) -> None:
    """Write a table as Parquet, whole or not at all.

    Parameters
    ----------
    table : pyarrow.Table
        The table.
    path : path
        The file.
    """
    write_atomically(path, lambda temporary: pq.write_table(table, temporary))


def read(path: Path) -> pa.Table:
    """Read a table that `write` wrote.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    pyarrow.Table
        The table.
    """
    return pq.read_table(path)


def write_classes(classes: Mapping[str, Mapping[str, Any]], folder: Path) -> None:
    """Write what a study's classes say of themselves beside its parts; what is there stays.

    Parameters
    ----------
    classes : mapping of str to mapping of str to object
        By kind and name.
    folder : path
        The folder of the study.

    Raises
    ------
    InputError
        If it cannot be written to.
    """
    known = _classes(folder)
    both = {kind: {**known.get(kind, {}), **classes[kind]} for kind in classes}
    text = json.dumps(both, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    try:
        write_atomically(folder / NAMES, lambda path: path.write_text(text, encoding="utf-8"))
    except OSError as error:
        raise unwritable(folder, error) from None


def _classes(folder: Path) -> dict[str, Any]:
    """What `write_classes` wrote; nothing where there is none that can be read."""
    try:
        classes = json.loads((folder / NAMES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    whole = isinstance(classes, dict) and all(isinstance(kind, dict) for kind in classes.values())
    return classes if whole else {}


def gather(folder: Path) -> pa.Table:
    """Read all parts of a results folder as one table, in the order of its keys.

    Its facts say what its classes are called, where a file beside the parts says so. Two folders
    merge by copying their `parts` together: a part is named by what it was computed
    from, so none can be there twice.

    Parameters
    ----------
    folder : path
        The folder.

    Returns
    -------
    pyarrow.Table
        The results.

    Raises
    ------
    InputError
        If there are none, or none that can be read.
    """
    parts = sorted(p for p in (folder / "parts").glob("*.parquet") if not p.name.startswith("."))
    if not parts:
        raise InputError(
            f"The folder {str(folder)!r} holds no results; give one that 'mithridate bench' wrote."
        )
    try:
        tables = [pq.read_table(part).select(schema(Row).names) for part in parts]
    except (OSError, KeyError, pa.ArrowInvalid) as error:
        raise InputError(
            f"The results in {str(folder)!r} cannot be read ({error}); they were damaged, or "
            "written by another version."
        ) from None
    table = pa.concat_tables(tables).sort_by([(key, "ascending") for key in keys()])
    return table.replace_schema_metadata({"mithridate": json.dumps({CLASSES: _classes(folder)})})
