"""What one worker does: a part of a study, from its split to its rows."""

import os
from typing import Any, NamedTuple

import jax
import pyarrow as pa
from threadpoolctl import threadpool_limits

from .. import schema
from .._lookup import find
from ..attack import attacks
from ..attack.attacks import AbstractAttack
from ..tables.encoded import Split
from .cells import attack_keys, candidates_of, cells_of, unpoisoned
from .goals import scored
from .judges import judge
from .poisoning import batches, plausible
from .portfolio import PORTFOLIO, attacked
from .score import score
from .spec import AttackSpec
from .study import Job
from .worlds import world

_XLA_ONE_THREAD = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


class Payload(NamedTuple):
    """All that a worker needs, so that it reads no file: the part, its rows, where to compile."""

    job: Job
    split: Split
    compiled: str


def work(payload: Payload) -> pa.Table:
    """The rows of one part; what goes wrong becomes rows too."""
    _set_environment(payload.compiled)
    with threadpool_limits(1):  # workers side by side would fight for the cores
        try:
            rows = _rows(payload.job, payload.split)
        except Exception as error:  # a failed cell is a row, and the run goes on
            rows = _failed(payload.job, error)
    return schema.to_table(rows, schema.Row)


def _set_environment(compiled: str) -> None:
    """One thread a worker, and compiled programs kept for the next seed.

    A folder that the environment names for them is left as it is, with its rules.
    """
    os.environ.setdefault("XLA_FLAGS", _XLA_ONE_THREAD)  # read when JAX first computes
    if os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return
    jax.config.update("jax_compilation_cache_dir", compiled)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def _rows(job: Job, split: Split) -> list[schema.Row]:
    spec = job.spec
    name, model = judge(spec)
    candidates = candidates_of(spec, model)
    keys = {**_keys(job), "judge": name}
    cells = list(unpoisoned(spec, keys, [spec.seed])) if not spec.attacks else []
    if spec.attacks:
        worlds = [world(split, job.target, spec.threat)]
        cut = plausible(batches(spec, len(split.train.y)), worlds)
        inputs = {"splits": [split], "model": model}
        ran = [attacked(a, spec, worlds, [spec.seed], cut, None, **inputs) for a in spec.attacks]
        cells = list(cells_of(spec, keys, [spec.seed], cut, ran))
    judged = scored(split, job.target, spec.threat.goal)
    return [row for cell in cells for row in score(cell, judged, model, candidates)]


def _keys(job: Job) -> dict[str, Any]:
    return {"experiment": job.experiment, "part": job.key, "dataset": job.name}


def _failed(job: Job, error: Exception) -> list[schema.Row]:
    """A row for each alpha and ratio of a part that failed."""
    message = " ".join(f"{type(error).__name__}: {error}".split())[:500]
    spec = job.spec
    shared = {**_keys(job), **spec.threat.keys(), "victim": spec.victim.use, "seed": spec.seed}
    shared |= {"judge": spec.judge or spec.victim.use, "defense": "none"}
    shared |= {"status": "failed", "message": message}
    if not spec.attacks:
        return [schema.Row(**shared, attack="none", ratio=0.0)]
    return [
        schema.Row(**shared, **where, alpha=alpha, ratio=ratio)
        for where, alphas in map(_where, spec.attacks)
        for alpha in alphas
        for ratio in spec.ratios
    ]


def _where(one: AttackSpec) -> tuple[dict[str, Any], list[float | None]]:
    """The keys of an attack and its alphas, even if the attack cannot be made."""
    try:
        if one.use == PORTFOLIO:
            return attack_keys(one, True), [*one.alphas]
        steered = bool(getattr(find(one.use, attacks, AbstractAttack), "steered", False))
    except ValueError:
        steered = True
    return attack_keys(one, steered), [*one.alphas] if steered else [None]
