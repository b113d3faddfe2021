"""A saved model: how a table became numbers, and the sample that its rules are learned from.

The file holds arrays and text (NumPy's format `npz`, without pickle), and nothing that can run.
"""

import hashlib
import json
import zipfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import sklearn

from .. import __version__, _files
from .._text import listing, quote
from ..defenses.recall import FitSample
from ..errors import InputError
from ..passes.block import Block
from ..passes.memory import Passes
from ..tables.encoded import Columns
from ..tables.encoder import Column, Encoder

_SAVE_AGAIN = "save it again with --save-model (save_model=)"


class SavedModel(NamedTuple):
    """What the rows of other tables are judged by.

    Parameters
    ----------
    encoder : Encoder
        How the columns become numbers; each column of numbers has one for gaps.
    columns : Columns
        What the features are.
    names : tuple of str
        All columns of the table, used or not.
    only : str or None
        What `TableErrors` looked for.
    known : FitSample
        What its rules are learned of.
    table : str
        What the table is called.
    rows : int
        How many rows of it were judged.
    """

    encoder: Encoder
    columns: Columns
    names: tuple[str, ...]
    only: str | None
    known: FitSample
    table: str
    rows: int

    @classmethod
    def of(
        cls,
        encoder: Encoder,
        columns: Columns,
        names: Any,
        known: FitSample,
        *,
        only: str | None,
        table: str,
        rows: int,
    ) -> "SavedModel":
        """Make a model of a table."""
        full = known._replace(sample=_with_gaps(known.sample), others=_with_gaps(known.others))
        middles = encoder.unscaled(np.median(known.sample.Z, axis=1, keepdims=True), None)
        filled = [
            c
            if c.names or not np.isnan(c.fill)
            else replace(c, fill=float(middles[at, 0] - c.base))
            for c, at in encoder.places()[:-1]
        ]
        encoder = Encoder((*filled, encoder.target), ())
        return cls(encoder, columns, tuple(names), only, full, table, rows)

    @property
    def key(self) -> str:
        """A key that identifies the model."""
        Z = np.ascontiguousarray(self.known.sample.Z)
        return f"{self.encoder} {self.only} {hashlib.sha256(Z.tobytes()).hexdigest()}"

    @property
    def sentence(self) -> str:
        """What the rows are judged by."""
        return f"Judged by the model of {quote(self.table)}, learned of {self.rows:,} rows."

    def write(self, path: str | Path) -> None:
        """Write the model to a file, whole or not at all."""
        about = {
            "version": __version__,
            "scikit-learn": sklearn.__version__,
            "only": self.only,
            "table": self.table,
            "rows": self.rows,
            "refused": self.known.refused,
            "names": self.names,
            "columns": [asdict(column) for column in self.encoder.columns],
            "group": self.columns.group.tolist(),
            "optional": self.columns.optional.tolist(),
        }
        arrays: dict[str, Any] = {"about": np.frombuffer(json.dumps(about).encode(), np.uint8)}
        for name, block in (("sample", self.known.sample), ("others", self.known.others)):
            arrays |= {f"{name}_Z": block.Z, f"{name}_rows": block.rows}
            arrays[f"{name}_blank"] = np.asarray(block.blank, dtype=bool)
        if self.known.spared is not None:
            arrays["spared"] = self.known.spared
        if self.known.trusted is not None:
            arrays["trusted_X"], arrays["trusted_y"] = self.known.trusted
        path = Path(path)
        _files.check_folder(path.parent)
        with _files.whole(path) as fresh, fresh.open("wb") as file:
            np.savez_compressed(file, **arrays)

    @classmethod
    def read(cls, path: str | Path) -> "SavedModel":
        """Read a model; an InputError where the file is none, or one of another version."""
        shown = quote(str(path), limit=200)
        if not Path(path).is_file():
            raise InputError(f"There is no model {shown}; check the path, or {_SAVE_AGAIN}.")
        try:
            with np.load(path, allow_pickle=False) as arrays:
                about = json.loads(bytes(arrays["about"]))
                _check_version(about, shown)
                return cls._made(about, arrays)
        except (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"The file {shown} is no whole saved model; {_SAVE_AGAIN}.") from None

    @classmethod
    def _made(cls, about: dict[str, Any], arrays: Any) -> "SavedModel":
        columns = [
            {**c, "names": tuple(c["names"]), "gone": tuple(c["gone"])} for c in about["columns"]
        ]
        encoder = Encoder(tuple(Column(**column) for column in columns), ())
        group, optional = np.array(about["group"], dtype=int), np.array(about["optional"], bool)
        sample, others = (_block(arrays, name, encoder.width) for name in ("sample", "others"))
        trusted = (arrays["trusted_X"], arrays["trusted_y"]) if "trusted_X" in arrays else None
        made = replace(encoder.about(), group=group, optional=optional)
        spared = arrays.get("spared")
        if spared is not None and spared.shape[:1] != (encoder.width,):
            raise ValueError("arrays of other shapes")
        known = FitSample(sample, others, trusted, bool(about["refused"]), spared)
        names = tuple(about["names"])
        return cls(encoder, made, names, about["only"], known, about["table"], about["rows"])


def learned_of(rows: Passes, guard: Any, trusted: Any) -> FitSample:
    """The sample that a fitted defense learned from."""
    return FitSample(rows.sample(), rows.others(), trusted, guard.refused_, guard.spared_)


def check_savable(path: str | Path | None, encoder: Encoder) -> None:
    """Refuses a path where columns become numbers that no model could read in another table."""
    spelled = [c.name for c in encoder.columns if c.known is not None and not c.names]
    if path is not None and spelled:
        raise InputError(
            f"No model can be saved of {listing([quote(name) for name in spelled])}, whose numbers "
            "or dates are spelled as text; make them plain numbers, or leave them out with --drop."
        )


def _check_version(about: dict[str, Any], shown: str) -> None:
    here = {"version": __version__, "scikit-learn": sklearn.__version__}
    for what, current in here.items():
        if about[what] != current:
            name = "Mithridate" if what == "version" else what
            raise InputError(
                f"The model {shown} was saved with {name} {about[what]}, and this is {current}; "
                f"{_SAVE_AGAIN}."
            )


def _block(arrays: Any, name: str, width: int) -> Block:
    """The rows of a sample; a ValueError where its arrays do not belong together."""
    Z, rows, blank = (arrays[f"{name}_{part}"] for part in ("Z", "rows", "blank"))
    if Z.shape != (width, len(rows)) or blank.shape != (width - 1, len(rows)):
        raise ValueError("arrays of other shapes")
    return Block(0, Z, np.ones(len(rows)), blank, rows)


def _with_gaps(block: Block) -> Block:
    """The same with a truth value for each feature, though none has a gap."""
    if block.blank is not None:
        return block
    return block._replace(blank=np.zeros((len(block.Z) - 1, block.Z.shape[1]), dtype=bool))
