"""Runs a study part by part, each written when it is done, so that any stop can be resumed."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import pyarrow as pa
import pyarrow.parquet as pq

from .. import _cluster, _files, schema
from .._progress import silent
from ..tables.encoded import Encoded
from .cells import candidates_of
from .judges import judge, split_for
from .labels import classes_of
from .poisoning import parts_of
from .spec import DataSpec, Spec
from .study import Study, mark
from .work import Payload, work

STAGE = "computing parts"

Tell = Callable[[str, int, int], Any]


class StudyRun(NamedTuple):
    """What a run of the harness did: parts in all, computed now, and with failed cells."""

    parts: int
    computed: int
    failed: int
    folder: Path

    @property
    def table(self) -> pa.Table:
        """All results of the folder, of this and of earlier runs."""
        return schema.gather(self.folder)


def bench(
    study: Study,
    folder: str | Path,
    *,
    jobs: int = -1,
    dask: str | None = None,
    tell: Tell | None = None,
) -> StudyRun:
    """Compute the parts of a study that a folder does not have yet.

    Each part is one table, victim, threat, attack and seed; it is written to
    `folder/parts/<hash of its configuration>.parquet`, whole or not at all. So a run that was
    stopped goes on where it was, the folders of two machines merge by copying their parts
    together, and a study with more seeds computes those alone.

    Parameters
    ----------
    study : Study
        What is computed.
    folder : path-like
        Where the results are, and are written to.
    jobs : int, default -1
        Processes that work side by side (-1: one a core), each with one thread. With 1 it is this
        process, and if JAX has computed in it before, with more threads, the last digits of a sum
        may differ.
    dask : str, optional
        The address of a Dask cluster whose workers compute instead.
    tell : callable, optional
        Called with a stage, how much of it is done, and of how much.

    Returns
    -------
    StudyRun
        How many parts there are, how many were computed, and the results.

    Raises
    ------
    InputError
        If a table, a name or an option cannot be used, or the folder not be written to.

    Examples
    --------
    >>> import tempfile
    >>> study = Study.parse('data = ["diabetes"]\\nattacks = ["flip"]\\nseeds = 1\\nratios = [0.2]')
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first, again = bench(study, folder, jobs=1), bench(study, folder, jobs=1)
    ...     first.parts, first.computed, again.computed, first.table.num_rows
    (2, 2, 0, 4)
    """
    tell = tell or silent
    folder = Path(folder)
    tell("reading the tables", 0, 0)
    tables = _read(study)
    facts = {key: (t.name, t.target, t.fingerprint) for key, t in tables.items()}
    wanted = list(study.jobs(facts))
    specs = _distinct(job.spec for job in wanted)
    _check(specs)
    parts = _prepared(study, folder)
    schema.write_classes(classes_of(specs), folder)
    todo = [job for job in wanted if not _whole(parts / f"{job.key}.parquet")]
    done, failed = len(wanted) - len(todo), 0
    tell(STAGE, done, len(wanted))
    payloads = (
        Payload(job, split_for(tables[job.table], job.spec, job.spec.seed), _cache(folder))
        for job in todo
    )
    made = _on_cluster(payloads, dask) if dask else _side_by_side(payloads, jobs)
    for one in made:
        key = one["part"][0].as_py()
        schema.write(one, parts / f"{key}.parquet")
        failed += "failed" in one["status"].to_pylist()
        done += 1
        tell(STAGE, done, len(wanted))
    return StudyRun(len(wanted), len(todo), failed, folder)


def _read(study: Study) -> dict[str, Encoded]:
    """Each table once; one that cannot be had is an error before any work."""
    specs: Iterable[DataSpec] = (data for one in study.experiments for data in one.data)
    tables: dict[str, Encoded] = {}
    for data in specs:
        if mark(data) not in tables:
            tables[mark(data)] = data.load()
    return tables


def _distinct(specs: Iterable[Spec]) -> list[Spec]:
    """One spec of each set that differ in seeds, tables and ratios alone."""
    distinct: dict[str, Spec] = {}
    for spec in specs:
        distinct.setdefault(spec.model_dump_json(exclude={"seed", "data", "ratios"}), spec)
    return list(distinct.values())


def _check(specs: Iterable[Spec]) -> None:
    """Refuses a name or an option that is wrong before any work, not a row for each cell."""
    for spec in specs:
        candidates_of(spec, judge(spec)[1])
        for attack in spec.attacks:
            parts_of(attack, spec)


def _prepared(study: Study, folder: Path) -> Path:
    """The folder of the parts; beside it the study, in full."""
    parts = folder / "parts"
    try:
        parts.mkdir(parents=True, exist_ok=True)
        dump = study.dump()
        _files.write_atomically(
            folder / f"{Path(study.title).name or 'study'}.toml",
            lambda path: path.write_text(dump, encoding="utf-8"),
        )
    except OSError as error:
        raise _files.unwritable(folder, error) from None
    return parts


def _cache(folder: Path) -> str:
    return str((folder / ".compiled").absolute())


def _whole(path: Path) -> bool:
    """Whether a part is there and can be read."""
    try:
        return pq.read_metadata(path).num_rows > 0
    except (OSError, pa.ArrowInvalid):
        return False


def _side_by_side(payloads: Iterable[Payload], jobs: int) -> Iterator[pa.Table]:
    # No memory maps: a stopped run would leave their files behind.
    parallel = joblib.Parallel(
        jobs,
        return_as="generator_unordered",
        max_nbytes=None,
        pre_dispatch=f"{_cluster.AHEAD} * n_jobs",
    )
    yield from parallel(joblib.delayed(work)(payload) for payload in payloads)


def _on_cluster(payloads: Iterator[Payload], address: str) -> Iterator[pa.Table]:
    """The same on the workers of a Dask cluster."""
    with _cluster.connect(address) as client:
        from distributed import as_completed

        waiting = as_completed()
        for _, payload in zip(
            range(_cluster.ahead(_cluster.with_workers(client))), payloads, strict=False
        ):
            waiting.add(client.submit(work, payload, pure=False))
        for future in waiting:
            for payload in payloads:
                waiting.add(client.submit(work, payload, pure=False))
                break
            yield future.result()
