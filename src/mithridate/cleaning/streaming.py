"""Tables that do not fit into memory, cleaned in passes over their files."""

import dataclasses
import hashlib
import pickle
from collections.abc import Mapping, Sequence
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
from ..passes.memory import Verdict
from ..passes.reader import Reader, Tell
from ..passes.stream import Streamed
from ..tables import csv, targets
from ..tables.digest import Digest
from ..tables.encoded import check_rows
from ..tables.encoder import Encoder
from ..tables.folder import TEXT, find_files, output_name, surveyed, table_name
from ..tables.frame import known
from ..tables.plan import lacking, planned, target_of
from ..tables.reading import ANY, Reading
from ..tables.source import BadFile, File, Source
from ..tables.wanted import wanted_columns
from . import output, setaside
from .cells import Cells, are_asked
from .findings import in_units
from .groups import MAX_LEVELS, Groups
from .judging import kinds_for, novelties, target_for
from .longpage import page_in_passes
from .result import Cleaned, write_beside
from .sampled import Sources, cells_in, numbers_of, sources_in, trusted_rows
from .saved import SavedModel, check_savable, learned_of
from .summary import UNSEEN, cost_by_moments, few, headlines, kinds, nearest
from .workshop import Workshop

_TWO_WRITERS_MEMORY = 3 << 29  # bytes; with less, one thread writes the output


def clean_in_passes(
    path: str | Sequence[str],
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
    trusted: Any = None,
    groups: str | None = None,
    html: bool = False,
    model: SavedModel | None = None,
    save_model: str | Path | None = None,
) -> Cleaned:
    """Cleans a folder or file that need not fit into memory; see `clean` for the parameters."""
    _check_streams(guard, trusted)
    writers = 1 if memory is not None and memory < _TWO_WRITERS_MEMORY else 2
    engine: Engine = Local(writers=writers) if client is None else Dask(client)
    tell = tell or silent
    out = None if out is None else _checked(Path(out), path)
    system, root, files = find_files(path)
    bad: list[BadFile] = []
    with Workshop(out) as shop:
        while True:
            named = {error.name for error in bad}
            left = [file for file in files if file.name not in named]
            if not left:
                raise InputError(f"No file of {quote(table_name(path))} can be used: {bad[0]}")
            wanted_columns = (target, drop, categorical, repr(reading), groups, _named(trusted))
            wanted_columns = (*wanted_columns, None if model is None else model.key)
            key = key_of(__version__, repr(guard), *wanted_columns, system.type_name, root, left)
            run = _Run(
                system=system,
                root=root,
                guard=clone(guard),
                engine=engine,
                shop=shop,
                tell=tell,
                target=target,
                drop=drop,
                categorical=categorical,
                reading=reading,
                trusted=trusted,
                groups=groups,
                name=table_name(path),
                html=html,
                model=model,
                save_model=save_model,
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
            write_beside(out, result)
    return dataclasses.replace(result, out=out)


def _named(trusted: Any) -> str:
    """An identity of trusted rows: the time of a file, or a hash of a frame's content."""
    if isinstance(trusted, str | Path) and Path(trusted).exists():
        return f"{trusted} {Path(trusted).stat().st_mtime_ns}"
    return "" if trusted is None else hashlib.sha256(pickle.dumps(trusted)).hexdigest()


def _check_streams(guard: BaseDefense, trusted: Any) -> None:
    name = type(guard).__name__
    if not isinstance(guard, Streams):
        able = [
            use for use, kind in choices(defenses, BaseDefense).items() if issubclass(kind, Streams)
        ]
        raise InputError(
            f"{name} needs the whole table in memory; {listing(able)} read it in passes."
        )
    if trusted is not None and not guard.trusts_in_passes:
        raise InputError(
            f"{name} takes no trusted rows in passes; leave them out, or take the default, "
            "TableErrors."
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


def _checked(out: Path, source: str | Sequence[str]) -> Path:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"The output {quote(out)} is there already; give a folder that is not.")
    if out.name.lower().endswith(TEXT):  # a folder of Parquet files is often called cleaned.parquet
        raise InputError(
            f"The output {quote(out)} is named like a file, but of this table a folder of Parquet "
            "files is written; give the name of a folder."
        )
    _files.check_folder(out.parent)
    if (
        isinstance(source, str)
        and "://" not in source
        and out.absolute().is_relative_to(Path(source).absolute())
    ):
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
    trusted: Any
    groups: str | None
    name: str
    html: bool
    model: SavedModel | None
    save_model: str | Path | None
    grouped: Groups | None = None
    given: dict[str, str] = dataclasses.field(default_factory=dict)  # names of files, as they came
    account: setaside.FileAccounts = dataclasses.field(default_factory=setaside.FileAccounts)

    def __call__(self, files: Sequence[File], skip: bool, bad: list[BadFile]) -> Cleaned:
        self.tell("looking at the files", 0, 0)
        source, worse = self._source(files, skip)
        check_rows(source.rows, "table")
        reader = Reader(self.engine, source, self.shop.journal, self.shop.folder, self.tell)
        reader, encoder = self._encoder(reader)
        check_savable(self.save_model, encoder)
        source = reader.source
        with self.engine.scratch(source, encoder.width, self.shop.folder) as scratch:
            rows = Streamed(reader, encoder, scratch)
            trusted = None
            if self.trusted is not None:
                trusted = trusted_rows(self.trusted, encoder, reader.sample(), self.reading)
            verdict, bits, kept = fit_passes(self.guard, rows, encoder.about().names, trusted)
            every = rows.every
            sources, cells = self._beside(reader, encoder, bits)
            beside = {"sources": sources, "cells": cells}
            summary = self._summary(source, kept, every, encoder, trusted=trusted, **beside)
            notes = (*self.account.notes, *encoder.notes, *(cells.notes if cells else ()))
            explain, page = self._explain(encoder, verdict, kept), None
            if self.html:
                texts = {"name": self.name, "summary": summary, "notes": notes}
                page = page_in_passes(rows, explain, bits, **beside, **texts)
        if self.shop.kept:
            self._write(source, explain, bits)
        every_bit = setaside.over_all(source, bits)
        self._save(rows, trusted)
        lost = {error.name for error in worse}
        given = tuple(file for file in files if file.name not in lost)
        dataclasses.replace(
            source, system=self.system, root=self.root, files=given
        ).check_unchanged()
        return Cleaned(
            rows=len(every_bit),
            bits=np.packbits(every_bit).tobytes(),
            aside=self.account.every(source),
            summary=summary,
            notes=notes,
            groups=None if sources is None else sources.framed(),
            cells=None if cells is None else cells.rows,
            read=self.account.notes,
            defense=self.guard,
            skipped=tuple(error.sentence for error in (*bad, *worse)),
            passes=tuple(reader.rates),
            out=None,
            page=page,
        )

    def _beside(
        self, reader: Reader, encoder: Encoder, bits: bytes
    ) -> tuple[Sources | None, Cells | None]:
        """The sources of rows, where they were asked for, and the cells that look wrong."""
        sources = cells = None
        if self.grouped is not None:
            sources = Sources.of(reader, self.grouped, self.guard, bits, encoder.target)
        elif 1 < len(reader.source.files) <= MAX_LEVELS:
            names = [self.given.get(file.name, file.name) for file in reader.source.files]
            sources = Sources.of_files(reader, names, self.guard, bits, encoder.target)
        if are_asked(self.guard):
            self.tell("looking for wrong cells", 0, 0)
            cells = cells_in(reader, encoder)
        return sources, cells

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
        self.given = {output_name(read.file.name): read.file.name for read in reads}
        self.account.of_files(reads, rows, kinds)
        return self.account.used(source), bad

    def _path(self, file: File) -> str:
        return f"{self.root}/{file.name}" if self.root else file.name

    def _save(self, rows: Streamed, trusted: Any) -> None:
        """Saves what was learned of the table, where a file for it was given."""
        if self.save_model is not None:
            encoder, source = rows.encoder, rows.reader.source
            known = learned_of(rows, self.guard, trusted)
            parts = encoder, encoder.about(), source.schema.names, known
            about = {"only": self.guard.only, "table": self.name, "rows": source.rows}
            SavedModel.of(*parts, **about).write(self.save_model)

    def _encoder(self, reader: Reader) -> tuple[Reader, Encoder]:
        """How columns become numbers, from the rows with a target; and the reader of these."""
        types = {field.name: field.type for field in reader.source.schema}
        drop, beside = [*self.drop], []
        if self.groups is not None:
            column = known(str(self.groups), list(types), "table", "to group the rows by")
            beside = [column]
            drop += beside if column != self.target else []
        if self.model is not None:
            return self._encoder_of(self.model, reader, types, beside)
        wanted = wanted_columns(types, self.target, drop, self.categorical, reading=self.reading)
        named = wanted.target, wanted.gone
        reader, digests = self._surveyed(reader, wanted.surveyed, *named, beside)
        goal = target_of(wanted, digests, reader)
        medians = reader.medians(lacking(wanted, digests))
        return reader, planned(wanted, goal, digests, medians, reader)

    def _surveyed(
        self,
        reader: Reader,
        kinds: Mapping[str, str],
        target: str,
        gone: tuple[str, ...],
        beside: Sequence[str],
    ) -> tuple[Reader, dict[str, Digest]]:
        """The reader of the rows with a target, and digests of them; sources are looked up, too."""
        digests = reader.survey(kinds, gone, beside, self.guard.draws)
        if targets.has_gaps(digests[target]):
            reader = self.account.with_target(reader, target, gone)
            digests = reader.survey(kinds, gone, beside, self.guard.draws)
        if beside:
            self.grouped = sources_in(reader.sample(), beside[0], target)
        return reader, digests

    def _explain(self, encoder: Encoder, verdict: Verdict, kept: Moments) -> output.Explain:
        """All that is needed to say why a row was rejected."""
        ridge = self.guard.estimator_
        sigma = float(kept.mse(ridge.coef_, ridge.intercept_)) ** 0.5 or 1.0
        profile, name = KeptRows.of_moments(kept, ridge, sigma), type(self.guard).__name__
        return output.Explain(encoder, verdict, profile, name, float(self.guard.threshold_))

    def _encoder_of(
        self, model: SavedModel, reader: Reader, types: Mapping[str, Any], beside: list[str]
    ) -> tuple[Reader, Encoder]:
        """The encoder of a saved model, with notes on what the model does not know."""
        goal = target_for(model, self.target)
        kinds, gone = kinds_for(model, types), model.encoder.target.gone
        reader, digests = self._surveyed(reader, kinds, goal, gone, beside)
        self.guard.learn_of(model.known)
        notes = novelties(model, [*types], digests, beside[0] if beside else None)
        return reader, model.encoder._replace(notes=tuple(notes))

    def _write(self, source: Source, explain: output.Explain, bits: bytes) -> None:
        cut = output.FileWriter(source, explain, self.shop.rows, self.account.by_file(source))
        written = 0
        self.tell("writing", 0, source.rows)
        for rows in self.engine.map(cut, [*output.tasks(source, bits)], source.rows):
            written += rows
            self.tell("writing", written, source.rows)

    def _summary(
        self,
        source: Source,
        kept: Moments,
        every: Moments,
        encoder: Encoder,
        *,
        trusted: Any,
        sources: Sources | None,
        cells: Cells | None,
    ) -> list[str]:
        """What was found, the most important first."""
        of_cells, guard = "" if cells is None else cells.sentence, self.guard
        if getattr(guard, "only", None) == "cells":
            return [of_cells]
        goal = encoder.target
        unit = goal.high - goal.low
        off, where = ("", "") if sources is None else sources.sentences(goal.name)
        together = kinds(getattr(guard, "n_group_", 0), guard.n_rejected_)
        lines = [*headlines(guard, source.rows), off, together, of_cells, where]
        lines += cost_by_moments(kept, every, unit)
        top = getattr(guard, "top_", ())
        if top and not guard.found_ and np.isfinite(top[3]):
            number = int(numbers_of(source, np.array([int(top[1])]))[0])
            values = in_units(top[2:], goal.low, unit)
            lines.append(f"{nearest(number, goal.name, *values)} {UNSEEN}")
        lines += [] if trusted is None else few(len(trusted[1]))
        return [line for line in [*lines, guard.message_] if line]
