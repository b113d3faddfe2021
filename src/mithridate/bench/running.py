"""Runs a spec: data, then attacks, then defenses, then tables."""

import dataclasses
import datetime
import importlib.metadata
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import pyarrow as pa
from sklearn.utils.validation import has_fit_parameter

from .. import schema
from .._progress import silent
from .._text import quote
from ..defenses import TableErrors
from ..errors import InputError
from ..tables.encoded import Encoded, Part, Split
from ..tables.notes import leading
from .cells import candidates_of, cells_of, unpoisoned
from .certify import LEAST_LOCAL, promises
from .diagnose import diagnose, steps
from .goals import scored
from .judges import judge, split_for
from .labels import classes_of
from .limits import Limits, limits, question
from .looks import looks, moved
from .pieces import Batches, Tell, trained
from .poisoning import AttackRun, batches, parts_of, plausible
from .portfolio import PORTFOLIO, Chosen, attacked
from .predict import foreseen
from .processes import Side, Task, beside
from .score import Cell, mark, score, under
from .spec import AttackSpec, Spec
from .worlds import world

_SHOWN_RATIO = 0.2  # the report shows the poison rows of the ratio nearest to this


class Results(NamedTuple):
    """The tables of a run.

    Parameters
    ----------
    table : pyarrow.Table
        Judged cells, rows of `mithridate.schema.Row`.
    looks : pyarrow.Table
        Example rows, of `schema.PlottedRow`.
    moved : pyarrow.Table
        How far columns were moved, of `schema.Moved`.
    trace : pyarrow.Table
        Steps of the attacks, of `schema.Step`.
    """

    table: pa.Table
    looks: pa.Table
    moved: pa.Table
    trace: pa.Table


def run(spec: Spec, frame: Any = None, tell: Tell | None = None) -> Results:
    """Run a whole spec on the table it names, or on the given frame.

    Parameters
    ----------
    spec : Spec
        What is run.
    frame : dataframe, optional
        The table, in place of the one that the spec names.
    tell : callable, optional
        Called with a stage, how much of it is done, and of how much.

    Returns
    -------
    Results
        The tables of the run.

    Raises
    ------
    InputError
        If the table, a name or an option cannot be used.
    """
    tell = tell or silent
    began, started = time.perf_counter(), datetime.datetime.now(datetime.UTC)
    tell("reading the table", 0, 0)
    data = loaded(spec, frame)
    seeds = [spec.seed + i for i in range(spec.seeds)]
    judge_name, model = judge(spec)
    candidates = candidates_of(spec, model)
    splits = [split_for(data, spec, seed) for seed in seeds]
    # Trained first, so that a model that cannot be trained is refused before the attacks run.
    clean = _trained(judge_name, model, splits[0].train)
    worlds = [world(split, data.target, spec.threat) for split in splits]
    cut = plausible(batches(spec, len(splits[0].train.y)), worlds)
    keys = {"dataset": data.name, "judge": judge_name}
    asked = question(spec, splits, data.target, cut, model=model)
    judged = [scored(split, data.target, spec.threat.goal) for split in splits]
    calls = [*asked.calls, (promises, _promise_inputs(spec, splits, model))]
    with beside(_expected_cells(spec, len(seeds), len(cut.ratios))) as side:
        tasks = side.begin(calls)
        judging = _Judging(side, dict(zip(seeds, judged, strict=True)), model, candidates)
        judging.add(unpoisoned(spec, keys, seeds))
        cells_from = partial(cells_of, spec, keys, seeds, cut)
        ran = _run_attacks(
            spec.attacks if cut.ratios else [],
            lambda one: _steered(one, spec),
            lambda one: attacked(one, spec, worlds, seeds, cut, tell, splits=splits, model=model),
            lambda one: judging.add(cells_from([one])),
        )
        predicted = foreseen(spec, worlds, seeds, cut)
        rows = judging.rows([*unpoisoned(spec, keys, seeds), *cells_from(ran)], tell)
        tell("bounding the damage", 0, 0)
        *answers, promised = side.results(tasks)
    bound = limits(asked, answers, splits, seeds, cut)
    rows = [_limited(row, bound) for row in rows]
    shown = _shown_poison(ran, cut)
    about = _about(spec, data, splits, started, time.perf_counter() - began)
    tell("certifying predictions", 0, 0)
    about["goal"] = _goal(spec, judged, cut)
    about["untried"] = _defense_not_tried(spec)
    about["certified"] = [promise._asdict() for promise in promised]
    about["bound"] = bound.facts
    about["poisonability"] = predicted
    about[schema.CLASSES] = classes_of([spec])
    about["diagnosis"] = [line for one in ran for line in _diagnosed(one)]
    return Results(
        schema.to_table(rows, schema.Row, about),
        schema.to_table(looks(splits[0], clean, shown), schema.PlottedRow),
        schema.to_table(moved(splits[0], data.target, shown), schema.Moved),
        schema.to_table(_steps(ran, seeds, len(splits[0].train.y)), schema.Step),
    )


def _trained(name: str, model: Any, part: Part) -> Any:
    """The model, trained; an InputError where it cannot be."""
    if part.w is not None and not has_fit_parameter(model, "sample_weight"):
        raise InputError(
            f"The model {quote(name)} takes no weights of rows; take another, such as hgb, "
            "or leave the weights out."
        )
    try:
        return trained(model, part)
    except ValueError as error:
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise InputError(
            f"The model {quote(name)} cannot be trained on this table: {reason}."
        ) from error


def loaded(spec: Spec, frame: Any) -> Encoded:
    """The table that a spec means; its fingerprint is compared, and written into the spec."""
    if frame is None and spec.data.source == "frame":
        raise InputError("The spec was made from a data frame in memory; pass that frame again.")
    data = spec.data.load(frame)
    expected = spec.data.fingerprint
    if expected is not None and expected != data.fingerprint:
        raise InputError(
            f"{data.name!r} is not the table of the spec: its content has changed since. "
            "Remove 'fingerprint' from the spec to run it all the same."
        )
    spec.data.fingerprint, spec.data.target = data.fingerprint, data.target
    return data


def _expected_cells(spec: Spec, seeds: int, ratios: int) -> int:
    """The number of cells to come; 0 for a portfolio, which starts processes itself."""
    if any(one.use == PORTFOLIO for one in spec.attacks):
        return 0
    each = (len(one.alphas) if _steered(one, spec) else 1 for one in spec.attacks)
    return seeds * (1 + ratios * sum(each))


def _steered(one: AttackSpec, spec: Spec) -> bool:
    """Whether an attack has a run for each alpha, which takes long."""
    return one.use == PORTFOLIO or parts_of(one, spec).attack.steered


def _run_attacks(
    attacks: Sequence[AttackSpec],
    slow: Callable[[AttackSpec], bool],
    attack: Callable[[AttackSpec], Any],
    on_run: Callable[[Any], None],
) -> list[AttackRun | Chosen]:
    """The runs of attacks; `on_run` is called with each as soon as it is finished.

    Slow ones go last, so that helpers have cells to judge meanwhile.
    """
    runs = {}
    for i in sorted(range(len(attacks)), key=lambda i: slow(attacks[i])):
        runs[i] = attack(attacks[i])
        on_run(runs[i])
    return [runs[i] for i in range(len(attacks))]


class _Judging:
    """Cells that are judged as they come; those with the same poison, as alphas may share, once."""

    def __init__(self, side: Side, splits: Mapping[int, Split], model: Any, candidates: Any):
        self.side, self.splits, self.with_ = side, splits, (model, candidates)
        self.tasks: dict[Any, Task] = {}

    def add(self, cells: Iterable[Cell]) -> None:
        """Begin the cells whose poison is new."""
        new = {key: cell for cell in cells if (key := mark(cell)) not in self.tasks}
        calls = [
            (score, (cell, self.splits[cell.keys["seed"]], *self.with_)) for cell in new.values()
        ]
        self.tasks |= zip(new, self.side.begin(calls), strict=True)

    def rows(self, cells: Sequence[Cell], tell: Tell) -> list[schema.Row]:
        """The rows of all cells, in their order."""
        tell("judging the defenses", 0, len(self.tasks))
        rows_by_mark = {}
        results = self.side.results([*self.tasks.values()])
        for i, (key, some) in enumerate(zip(self.tasks, results, strict=True), 1):
            rows_by_mark[key] = some or []
            tell("judging the defenses", i, len(self.tasks))
        return [row for cell in cells for row in under(cell, rows_by_mark[mark(cell)])]


def _promise_inputs(spec: Spec, splits: Sequence[Split], model: Any) -> tuple[Any, ...]:
    """The arguments of `promises`; for a slow regressor one split and few parts."""
    if spec.data.weights is not None:
        return ([], model)
    return (splits, model) if spec.judge is None else (splits[:1], model, LEAST_LOCAL)


def _limited(row: schema.Row, bound: Limits) -> schema.Row:
    """The row with what no poison of its ratio exceeds."""
    test, validation = bound.nmse.get((row.seed, row.ratio), (None, None))
    return dataclasses.replace(row, nmse_bound=test, nmse_bound_validation=validation)


def _goal(spec: Spec, judged: Sequence[Split], cut: Batches) -> dict[str, Any]:
    """The goal of the attack, its source, and the ratios that this source could not send."""
    threat, split = spec.threat, judged[0]
    facts: dict[str, Any] = {}
    if threat.goal:
        others = 0 if split.others is None else len(split.others.y)
        facts = {"goal": threat.goal, "test": len(split.test.y), "others": others}
        facts |= {"unit": float(split.scale[-1])}
    if threat.source:
        beyond = sorted({r for r in spec.ratios if r > 0} - set(cut.ratios))
        facts |= {"source": threat.source, "beyond": beyond}
    return facts


def _defense_not_tried(spec: Spec) -> str | None:
    """The defense that `clean` uses, unless it was among those tried."""
    tried = {one.use.lower() for one in spec.defenses}
    name = TableErrors.__name__
    return None if name.lower() in tried or not tried else name


def _diagnosed(one: AttackRun | Chosen) -> list[str]:
    """The failures that the traces of an attack show, as sentences."""
    lines = (line for run in one.runs.values() for line in diagnose(run, one.alphas))
    return [f"{one.spec.use}: {line}" for line in dict.fromkeys(lines)]


def _steps(ran: Sequence[AttackRun | Chosen], seeds: list[int], n: int) -> Iterator[schema.Step]:
    for one in ran:
        for made in one.runs.values():
            yield from steps(one.spec.use, made, one.alphas, seeds, n)


def _shown_poison(ran: Sequence[AttackRun | Chosen], cut: Batches) -> dict[tuple, Part]:
    """Poison of the first seed at the ratio that is shown, by (attack, alpha, ratio)."""
    if not cut.ratios:
        return {}
    at = min(range(len(cut.ratios)), key=lambda i: abs(cut.ratios[i] - _SHOWN_RATIO))
    return {
        (one.spec.use, alpha, cut.ratios[at]): one.piece(a, 0, cut.counts[at]).rows
        for one in ran
        for a, alpha in enumerate(one.alphas)
    }


def _about(spec: Spec, data: Encoded, splits, started, seconds: float) -> dict[str, Any]:
    split = splits[0]
    packages = ("mithridate", "jax", "numpy", "scikit-learn", "scipy", "pyarrow")
    versions = {name: importlib.metadata.version(name) for name in packages}
    sizes = (
        f"{len(split.train.y)} training, {len(split.validation.y)} validation and "
        f"{len(split.test.y)} test rows"
    )
    used = sum(len(part.y) for part in (split.train, split.validation, split.test))
    note = f"Of {len(data.y):,} rows each seed draws {sizes}."
    if used < len(data.y):
        note += " The rest is not used; --rows sets how many train."
    return {
        "dataset": data.name,
        "target": data.target,
        "rows": len(data.y),
        "notes": [*leading(data.notes, data.notes), note],
        "spec": spec.dump(),
        "command": "mithridate audit --spec spec.toml",
        "seconds": seconds,
        "started": started.isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **versions},
        "threat": spec.words(),
    }
