"""`clean` for tables that memory does not hold, and what it returns."""

import dataclasses
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from functools import cached_property
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool
from pyarrow import fs
from sklearn.base import clone

from .. import __version__, _files
from .._machine import LEAST
from .._text import counted, listing, percent, quote
from ..defenses import BaseDefense, Ridge
from ..defenses.reasons import KeptRows
from ..errors import InputError
from ..moments import Moments
from ..passes.engine import Dask, Engine, Local
from ..passes.journal import key_of
from ..passes.memory import Kernel
from ..passes.scratch import Scratch
from ..passes.stream import Reader, Streamed, Tell
from ..tables import csv
from ..tables.encoded import check_rows
from ..tables.encoder import Encoder
from ..tables.plan import asked, lacking, planned, target_of
from ..tables.source import (
    TEXT,
    BadFile,
    File,
    Source,
    Unreached,
    found,
    is_full,
    output_name,
    surveyed,
)
from . import output
from .clean import chosen
from .workshop import Workshop

TWO_WRITERS = 3 << 29  # bytes of memory
STREAM = ("antidote", "bayesclean", "trim", "huber")


@dataclasses.dataclass(frozen=True, eq=False)
class Cleaned:
    """A table on disk cut in two; `summary` says what was found, `notes` how it was encoded.

    `rows` are n; `mask` (n,) is True for kept rows, in the order of the files' names and of the
    rows in them, and made from `bits`, one for each, when it is asked for; `skipped` are sentences
    on files that were left out, `passes` the passes that this run made, each with its rows per
    second; `out` is the folder that was written, or None.
    """

    rows: int
    bits: bytes = dataclasses.field(repr=False)
    summary: list[str]
    notes: tuple[str, ...]
    defense: BaseDefense
    skipped: tuple[str, ...]
    passes: tuple[tuple[str, float], ...]
    out: Path | None

    @cached_property
    def mask(self) -> Bool[np.ndarray, " n"]:
        """Whether each row is kept, a byte for each."""
        return np.unpackbits(np.frombuffer(self.bits, np.uint8), count=self.rows).view(bool)

    def lines(self, verbose: bool = False) -> list[str]:
        """What the terminal shows."""
        said = f"Encoding: {counted(len(self.notes), 'note')} on columns; --verbose shows them."
        lines = [*self.summary, *(self.notes if verbose else [said] * bool(self.notes))]
        lines += [f"Skipped: {sentence}" for sentence in self.skipped]
        if verbose:
            lines += [f"Pass over {what}: {rate:,.0f} rows/s." for what, rate in self.passes]
        if self.out is not None:
            rejected = self.out / output.QUARANTINE
            more = f"; rejected rows and reasons: {rejected}" if rejected.exists() else ""
            lines.append(f"Kept rows: {self.out}{more}")
        return lines


def clean(
    path: str | Path,
    *,
    target: str | None = None,
    out: str | Path | None = None,
    client: Any = None,
    defense: str | BaseDefense = "antidote",
    options: Mapping[str, Any] | None = None,
    contamination: float | None = None,
    false_positive_rate: float | None = None,
    drop: Sequence[str] = (),
    categorical: Sequence[str] = (),
    skip_bad_files: bool = False,
    memory: int | None = None,
    tell: Tell | None = None,
) -> Cleaned:
    """Rejects suspicious rows of a table that need not fit into memory, in passes over its files.

    The rows kept are those that `mithridate.clean` keeps of the same table; by `Huber`, but for
    those nearest to its cut, where its optimizer stops too early to tell. Parameters are those of
    `mithridate.clean`, and:

    - `path`: a folder of Parquet or CSV files, read in the order of their names, or one file; local
      or a URL that pyarrow or fsspec knows (`s3://…`);
    - `out`: a folder that does not exist yet, for the kept rows of each file under its own name,
      and below `quarantine/` the rejected ones with reasons; None writes nothing. A run that was
      stopped goes on at the pass it was in when it is called again;
    - `client`: a `distributed.Client`, whose workers see the same files; None is this machine;
    - `skip_bad_files`: go on without files that are corrupt, gone or of other columns;
    - `memory`: bytes that may be used, at least 768 MB with some 30 columns; of less than 1.5 GB
      the output is written one file at a time, else two.

    Raises `mithridate.errors.InputError` with one sentence where the input is bad.

    >>> import tempfile, pyarrow as pa, pyarrow.parquet as pq
    >>> x = [float(i % 19) for i in range(60)]
    >>> y = [2 * a + i % 7 / 7 for i, a in enumerate(x)]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pq.write_table(pa.table({"x": x, "y": [*y[:59], 99.0]}), f"{folder}/a.parquet")
    ...     clean(folder, target="y").mask.sum()
    np.int64(59)
    """
    guard = chosen(defense, options or {}, contamination, false_positive_rate)
    _check_streams(guard)
    if memory is not None and (not isinstance(memory, Integral) or memory < LEAST):
        raise InputError(
            f"memory={memory!r}: give a whole number of bytes, at least {LEAST:,}; that is what 30 "
            "columns take, however long the table is."
        )
    writers = 1 if memory is not None and memory < TWO_WRITERS else 2
    engine: Engine = Local(writers=writers) if client is None else Dask(client)
    tell = tell or (lambda stage, done, total: None)
    drop = [drop] if isinstance(drop, str) else drop
    categorical = [categorical] if isinstance(categorical, str) else categorical
    out = None if out is None else _checked(Path(out), str(path))
    system, root, files = found(str(path))
    bad: list[BadFile] = []
    with Workshop(out) as shop:
        while True:
            named = {error.name for error in bad}
            left = [file for file in files if file.name not in named]
            if not left:
                raise InputError(f"No file of {quote(path, limit=200)} can be used: {bad[0]}")
            key = key_of(
                __version__, repr(guard), target, drop, categorical, system.type_name, root, left
            )
            run = _Run(system, root, clone(guard), engine, shop, tell, target, drop, categorical)
            try:
                shop.open(key)
                result = run(left, skip_bad_files, bad)
                break
            except BadFile as error:
                shop.discard()
                if not skip_bad_files:
                    raise
                bad.append(error)
            except Unreached:
                raise
            except OSError as error:
                if not is_full(error):
                    raise
                raise shop.full() from None
            except InputError:
                shop.discard()
                raise
        if out is not None:
            shop.publish(out)
    return dataclasses.replace(result, out=out)


def _check_streams(guard: BaseDefense) -> None:
    name = type(guard).__name__
    if not hasattr(guard, "judge"):
        raise InputError(
            f"{name} needs the whole table in memory; {listing(STREAM)} read it in passes."
        )
    if guard.estimator is not None and type(guard.estimator) is not Ridge:
        raise InputError(
            f"{name} with {type(guard.estimator).__name__} needs the whole table in memory; in "
            "passes the estimator is Ridge."
        )
    for option in guard.in_memory:
        if getattr(guard, option) is not None:
            raise InputError(
                f"{name} with {option} needs the whole table in memory; leave {option} out."
            )


def _checked(out: Path, source: str) -> Path:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"The output {quote(out)} is there already; give a folder that is not.")
    _files.check_folder(out.parent)
    if "://" not in source and out.absolute().is_relative_to(Path(source).absolute()):
        raise InputError(f"The output {quote(out)} is inside the table; give another folder.")
    return out


@dataclasses.dataclass
class _Run:
    """One attempt at a table with these files."""

    system: fs.FileSystem
    root: str
    guard: Any
    engine: Engine
    shop: Workshop
    tell: Tell
    target: str | None
    drop: Sequence[str]
    categorical: Sequence[str]

    def __call__(self, files: Sequence[File], skip: bool, bad: list[BadFile]) -> Cleaned:
        self.tell("looking at the files", 0, 0)
        source, worse = self._source(files, skip)
        check_rows(source.rows, "table")
        reader = Reader(self.engine, source, self.shop.journal, self.shop.folder, self.tell)
        encoder = self._encoder(reader)
        with self._scratch(source, encoder) as scratch:
            score, bits, kept, every = self._judged(Streamed(reader, encoder, scratch))
        if self.shop.kept:
            self._write(source, encoder, score, kept, bits)
        lost = {error.name for error in worse}
        given = tuple(file for file in files if file.name not in lost)
        dataclasses.replace(
            source, system=self.system, root=self.root, files=given
        ).check_unchanged()
        return Cleaned(
            rows=source.rows,
            bits=bits,
            summary=self._summary(source.rows, kept, every, encoder),
            notes=encoder.notes,
            defense=self.guard,
            skipped=tuple(error.sentence for error in (*bad, *worse)),
            passes=tuple(reader.rates),
            out=None,
        )

    def _scratch(self, source: Source, encoder: Encoder) -> AbstractContextManager[Scratch | None]:
        """Where this machine does the passes, a place for the numbers of the table."""
        if not isinstance(self.engine, Local):
            return nullcontext()
        return Scratch(source, encoder.width, self.shop.folder)

    def _judged(self, rows: Streamed) -> tuple[Kernel, bytes, Moments, Moments]:
        """The rows' score, a bit for each, and moments of those that are kept and of all."""
        self.guard.message_, self.guard.threshold_ = "", np.nan
        self.guard.false_positive_rate_ = np.nan
        verdict = self.guard.judge(rows)
        bits, kept = rows.mask(verdict)
        if kept.weight < 2:
            raise InputError(
                f"{type(self.guard).__name__} would keep {kept.weight:.0f} of {rows.total:,.0f} "
                "rows, too few to fit a model: give it settings that reject fewer."
            )
        return verdict.score, bits, kept, rows.every

    def _source(self, files: Sequence[File], skip: bool) -> tuple[Source, list[BadFile]]:
        text = [file for file in files if file.name.lower().endswith(TEXT)]
        if not text:
            return surveyed(self.system, self.root, files, skip)
        if len(text) < len(files):
            raise InputError("The folder holds both CSV and Parquet files; give files of one kind.")
        folder, bad, reads = self.shop.folder / "staged", [], []
        for i, file in enumerate(files):
            self.tell("reading CSV files", i, len(files))
            try:
                reads.append(csv.looked(self.system, self._path(file), file))
            except BadFile as error:
                if not skip:
                    raise
                bad.append(error)
        if not reads:
            raise bad[0]
        kinds = csv.agreed(reads)
        for i, read in enumerate(reads):
            self.tell("writing them as Parquet", i, len(reads))
            csv.staged(self.system, self._path(read.file), read, reads[0], folder, kinds)
        local = fs.LocalFileSystem()
        staged = []
        for read in reads:
            info = local.get_file_info(str(folder / output_name(read.file.name)))
            staged.append(File(output_name(read.file.name), info.size, str(info.mtime)))
        source, _ = surveyed(local, str(folder), staged, False)
        return source, bad

    def _path(self, file: File) -> str:
        return f"{self.root}/{file.name}" if self.root else file.name

    def _encoder(self, reader: Reader) -> Encoder:
        types = {field.name: field.type for field in reader.source.schema}
        wanted = asked(types, self.target, self.drop, self.categorical)
        digests = reader.survey(wanted.surveyed)
        goal = target_of(wanted, digests, reader)
        medians = reader.medians(lacking(wanted, digests))
        return planned(wanted, goal, digests, medians, reader)

    def _write(
        self, source: Source, encoder: Encoder, score: Any, kept: Moments, bits: bytes
    ) -> None:
        ridge = (self.guard.estimator or Ridge()).solve(kept)
        sigma = float(kept.mse(ridge.coef_, ridge.intercept_)) ** 0.5 or 1.0
        guard = copy(self.guard)
        guard.estimator_, guard.n_features_in_ = ridge, encoder.width - 1
        explain = output.Explain(encoder, score, KeptRows.of_moments(kept, ridge, sigma), guard)
        cut, done = output.Cut(source, explain, self.shop.rows), 0
        self.tell("writing", 0, source.rows)
        for rows in self.engine.map(cut, [*output.tasks(source, bits)], source.rows):
            done += rows
            self.tell("writing", done, source.rows)

    def _summary(self, n: int, kept: Moments, every: Moments, encoder: Encoder) -> list[str]:
        name, rejected = type(self.guard).__name__, n - round(float(kept.weight))
        self.guard.n_rejected_, self.guard.found_ = rejected, rejected > 0
        self.guard.contamination_ = float(getattr(self.guard, "contamination", rejected / n))
        what = f"Found: {name} rejected {rejected:,} of {n:,} rows ({percent(rejected / n)})."
        nothing = f"Nothing found: {name} rejected none of {n:,} rows."
        goal = encoder.target
        said = [what if rejected else nothing, f"How sure: {self.guard.how_sure(n)}"]
        said += output.told(n, kept, every, goal.high - goal.low)
        return [*said, *([self.guard.message_] if self.guard.message_ else [])]
