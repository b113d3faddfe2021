"""Tables that memory does not hold, cleaned in passes over their files."""

import dataclasses
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from pyarrow import fs
from sklearn.base import clone

from .. import __version__, _files, defenses
from .._lookup import choices
from .._progress import silent
from .._text import listing, quote
from ..defenses import BaseDefense, Ridge
from ..defenses.reasons import KeptRows
from ..defenses.streaming import fit_passes
from ..defenses.streams import Streams
from ..errors import InputError
from ..moments import Moments
from ..passes.engine import Dask, Engine, Local
from ..passes.journal import key_of
from ..passes.scratch import Scratch
from ..passes.stream import Reader, Streamed, Tell
from ..tables import csv, targets
from ..tables.encoded import check_rows
from ..tables.encoder import Encoder
from ..tables.plan import asked, lacking, planned, target_of
from ..tables.reading import ANY, Reading
from ..tables.source import (
    TEXT,
    BadFile,
    File,
    Source,
    find_files,
    output_name,
    surveyed,
)
from . import output, setaside
from .result import Cleaned
from .summary import cost_by_moments, headlines
from .workshop import Workshop

TWO_WRITERS = 3 << 29  # bytes of memory


def clean_in_passes(
    path: str,
    guard: BaseDefense,
    *,
    target: str | None = None,
    out: str | Path | None = None,
    client: Any = None,
    drop: Sequence[str] = (),
    categorical: Sequence[str] = (),
    reading: Reading = ANY,
    skip_bad_files: bool = False,
    memory: int | None = None,
    tell: Tell | None = None,
) -> Cleaned:
    """Cleans a folder or file that need not fit into memory; see `clean` for the parameters."""
    _check_streams(guard)
    writers = 1 if memory is not None and memory < TWO_WRITERS else 2
    engine: Engine = Local(writers=writers) if client is None else Dask(client)
    tell = tell or silent
    out = None if out is None else _checked(Path(out), str(path))
    system, root, files = find_files(str(path))
    bad: list[BadFile] = []
    with Workshop(out) as shop:
        while True:
            named = {error.name for error in bad}
            left = [file for file in files if file.name not in named]
            if not left:
                raise InputError(f"No file of {quote(path, limit=200)} can be used: {bad[0]}")
            key = key_of(
                __version__,
                repr(guard),
                target,
                drop,
                categorical,
                repr(reading),
                system.type_name,
                root,
                left,
            )
            run = _Run(
                system, root, clone(guard), engine, shop, tell, target, drop, categorical, reading
            )
            try:
                with shop.attempt(key):
                    result = run(left, skip_bad_files, bad)
                break
            except BadFile as error:
                if not skip_bad_files:
                    raise
                bad.append(error)
        if out is not None:
            shop.publish(out)
    return dataclasses.replace(result, out=out)


def _check_streams(guard: BaseDefense) -> None:
    name = type(guard).__name__
    if not isinstance(guard, Streams):
        able = [
            use for use, kind in choices(defenses, BaseDefense).items() if issubclass(kind, Streams)
        ]
        raise InputError(
            f"{name} needs the whole table in memory; {listing(able)} read it in passes."
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
    reading: Reading
    account: setaside.FileAccounts = dataclasses.field(default_factory=setaside.FileAccounts)

    def __call__(self, files: Sequence[File], skip: bool, bad: list[BadFile]) -> Cleaned:
        self.tell("looking at the files", 0, 0)
        source, worse = self._source(files, skip)
        check_rows(source.rows, "table")
        reader = Reader(self.engine, source, self.shop.journal, self.shop.folder, self.tell)
        reader, encoder = self._encoder(reader)
        source = reader.source
        with self._scratch(source, encoder) as scratch:
            rows = Streamed(reader, encoder, scratch)
            verdict, bits, kept = fit_passes(self.guard, rows, encoder.about().names)
            every = rows.every
        if self.shop.kept:
            self._write(source, encoder, verdict.score, kept, bits)
        every_bit = setaside.over_all(source, bits)
        lost = {error.name for error in worse}
        given = tuple(file for file in files if file.name not in lost)
        dataclasses.replace(
            source, system=self.system, root=self.root, files=given
        ).check_unchanged()
        return Cleaned(
            rows=len(every_bit),
            bits=np.packbits(every_bit).tobytes(),
            aside=self.account.every(source),
            summary=self._summary(source.rows, kept, every, encoder),
            notes=(*self.account.notes, *encoder.notes),
            read=self.account.notes,
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

    def _source(self, files: Sequence[File], skip: bool) -> tuple[Source, list[BadFile]]:
        text = [file for file in files if file.name.lower().endswith(TEXT)]
        if not text:
            source, bad = surveyed(self.system, self.root, files, skip)
            return self.account.of_parquet(source), bad
        if len(text) < len(files):
            raise InputError("The folder holds both CSV and Parquet files; give files of one kind.")
        folder, bad, reads = self.shop.folder / "staged", [], []
        for i, file in enumerate(files):
            self.tell("reading CSV files", i, len(files))
            try:
                reads.append(csv.examine(self.system, self._path(file), file, self.reading))
            except BadFile as error:
                if not skip:
                    raise
                bad.append(error)
        if not reads:
            raise bad[0]
        kinds = csv.agreed(reads)
        rows = []
        for i, read in enumerate(reads):
            self.tell("writing them as Parquet", i, len(reads))
            at = self._path(read.file)
            rows.append(csv.staged(self.system, at, read, reads[0], folder, kinds))
        local = fs.LocalFileSystem()
        staged = []
        for read in reads:
            info = local.get_file_info(str(folder / output_name(read.file.name)))
            staged.append(File(output_name(read.file.name), info.size, str(info.mtime)))
        source, _ = surveyed(local, str(folder), staged, False)
        self.account.of_files(reads, rows, kinds)
        return self.account.used(source), bad

    def _path(self, file: File) -> str:
        return f"{self.root}/{file.name}" if self.root else file.name

    def _encoder(self, reader: Reader) -> tuple[Reader, Encoder]:
        """How columns become numbers, from the rows with a target; and the reader of these."""
        types = {field.name: field.type for field in reader.source.schema}
        wanted = asked(types, self.target, self.drop, self.categorical, reading=self.reading)
        digests = reader.survey(wanted.surveyed, wanted.gone)
        if targets.has_gaps(digests[wanted.target]):
            reader = self.account.with_target(reader, wanted.target, wanted.gone)
            digests = reader.survey(wanted.surveyed, wanted.gone)
        goal = target_of(wanted, digests, reader)
        medians = reader.medians(lacking(wanted, digests))
        return reader, planned(wanted, goal, digests, medians, reader)

    def _write(
        self, source: Source, encoder: Encoder, score: Any, kept: Moments, bits: bytes
    ) -> None:
        ridge = self.guard.estimator_
        sigma = float(kept.mse(ridge.coef_, ridge.intercept_)) ** 0.5 or 1.0
        profile, name = KeptRows.of_moments(kept, ridge, sigma), type(self.guard).__name__
        explain = output.Explain(encoder, score, profile, name, float(self.guard.threshold_))
        cut = output.FileWriter(source, explain, self.shop.rows, self.account.by_file(source))
        done = 0
        self.tell("writing", 0, source.rows)
        for rows in self.engine.map(cut, [*output.tasks(source, bits)], source.rows):
            done += rows
            self.tell("writing", done, source.rows)

    def _summary(self, n: int, kept: Moments, every: Moments, encoder: Encoder) -> list[str]:
        unit = encoder.target.high - encoder.target.low
        said = [*headlines(self.guard, n), *cost_by_moments(kept, every, unit)]
        return [*said, *([self.guard.message_] if self.guard.message_ else [])]
