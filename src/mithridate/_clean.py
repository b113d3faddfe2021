"""The door of a person with a table: which rows to keep, which to look at, and why."""

import dataclasses
import inspect
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Int
from scipy.stats import hypergeom
from sklearn.base import clone as copied

from . import datasets, defenses, sheets
from .datasets import Encoded, _load
from .datasets._frame import columns_of, opened
from .datasets._words import counted, listing, quote
from .defenses import BaseDefense, Ridge
from .defenses._summary import percent
from .errors import InputError

Tell = Callable[[str, int, int], Any]
DEFAULTS = {"contamination": 0.1, "false_positive_rate": 0.01}
FAR = 3.0  # σ from which on a column is said to stand out
MANY, LEVELS = 100_000, 200  # rows enough to compare two fits; values beyond which is no source
CHANCE = 0.01  # that a clean table names one, over all columns and values


@dataclasses.dataclass(frozen=True, eq=False)
class Cleaned:
    """A table cut in two; `mask` (n,) is True for kept rows, `summary` says what was found.

    `defense` is the fitted defense, on features scaled to [0, 1]; `notes` say how the table was
    turned into numbers.
    """

    mask: Bool[np.ndarray, " n"]
    summary: list[str]
    notes: tuple[str, ...]
    defense: BaseDefense
    _frame: Any = dataclasses.field(repr=False)
    _source: Path | None = dataclasses.field(repr=False)
    _reasons: dict[str, pa.Array] = dataclasses.field(repr=False)

    @cached_property
    def kept(self) -> Any:
        """The kept rows as they came: library, order, types, index and all columns."""
        return sheets.rows_of(self._frame, self.mask)

    @cached_property
    def quarantined(self) -> Any:
        """The rejected rows as they came, with eight columns on why.

        `mithridate_row`, its number in the table, from 1; `mithridate_score`, higher is more
        suspicious; `mithridate_residual`, distance of the target from what a model of the kept rows
        predicts, in σ; `mithridate_leverage`, near 1 where the model would follow the row anywhere;
        `mithridate_predictive_sd`, in units of the target; `mithridate_column_1`, `_2`, the columns
        that stand out most; `mithridate_reason`, all this in a sentence.
        """
        return sheets.with_columns(sheets.rows_of(self._frame, ~self.mask), self._reasons)

    def write(self, path: str | Path) -> sheets.Written:
        """Writes the kept rows to a CSV or Parquet file, the rejected ones beside it, or neither.

        Of a CSV file the cells are copied as they are spelled. Cells that a spreadsheet would
        execute get an apostrophe; the index of a pandas frame goes into Parquet alone.
        """
        path, source, rejected = Path(path), self._source, ~self.mask
        sheets.check_output(path, source)
        frame, delimiter = self._frame, ","
        if path.suffix.lower() in sheets.TEXT and source is not None and sheets.is_text(source):
            frame, delimiter = sheets.verbatim(source, len(rejected))
        files = {path: sheets.rows_of(frame, self.mask)}
        other = sheets.quarantine_of(path)
        if rejected.any():
            files[other] = sheets.with_columns(sheets.rows_of(frame, rejected), self._reasons)
        defused, found = sheets.write(files, delimiter), other in files
        return sheets.Written(path, other if found else None, defused, not found and other.exists())

    def report(self, written: sheets.Written, verbose: bool = False) -> list[str]:
        """What the terminal shows: ten lines at most, if not all notes are asked for."""
        said = f"Encoding: {counted(len(self.notes), 'note')} on columns; --verbose shows them."
        notes = self.notes if verbose else [said] * bool(self.notes)
        return [*self.summary, *notes, *written.sentences]


def clean(
    data: Any,
    *,
    target: str | None = None,
    defense: str | BaseDefense = "bayesclean",
    contamination: float | None = None,
    false_positive_rate: float | None = None,
    trusted: Any = None,
    drop: Sequence[str] = (),
    categorical: Sequence[str] = (),
    tell: Tell | None = None,
) -> Cleaned:
    """Rejects suspicious rows of a table, and says which and why; or finds nothing.

    Parameters:

    - `data`: a pandas, polars or pyarrow frame, a path to CSV or Parquet, or the name of a bundled
      data set; `target`: the column to predict;
    - `defense`: by name, or one of `mithridate.defenses` (its parameters are then its own);
    - `contamination`: poison / (clean + poison) rows, for a defense that must be told (0.1);
      `false_positive_rate`: share of clean rows that may be rejected, for one that takes it (0.01);
    - `trusted`: rows known to be clean, a frame or path with the same columns;
    - `drop`: columns to leave out; `categorical`: columns whose numbers are only codes;
    - `tell(stage, done, total)` is called as the work goes on.

    Raises `mithridate.errors.InputError` (a ValueError) with one sentence where the input is bad.

    >>> import pyarrow as pa
    >>> x = [float(i % 19) for i in range(60)]
    >>> y = [2 * a + i % 7 / 7 for i, a in enumerate(x)]
    >>> found = clean(pa.table({"x": x, "y": [*y[:59], 99.0]}), target="y")
    >>> found.kept.num_rows, found.quarantined["mithridate_row"].to_pylist()
    (59, [60])
    """
    tell = tell or (lambda stage, done, total: None)
    guard = _defense(defense, contamination, false_positive_rate)
    if trusted is None and guard.needs_trusted:
        raise InputError(
            f"{type(guard).__name__} needs rows known to be clean: give them as a table of the "
            "same columns, with --trusted FILE or trusted=."
        )
    tell("reading the table", 0, 0)
    frame, known, name, notes = _load._opened(data)
    frame = opened(frame, name).to_native()  # of a lazy frame, its rows
    target, read = target or known, {"name": name, "notes": notes}
    encoded = datasets.encode(frame, target, drop=drop, categorical=categorical, **read)
    beside = None if trusted is None else _beside(trusted, frame, encoded, categorical)
    tell("looking for suspicious rows", 0, 0)
    joint = beside if beside is not None and guard.uses_trusted else encoded
    view = _View.of(joint, len(encoded.y))
    said = _fit(guard, view)
    if beside is not None and joint is encoded:
        said.append(f"{type(guard).__name__} cannot use trusted rows; it ignored them.")
    tell("saying why", 0, 0)
    found = _Found.of(guard, view)
    file = isinstance(data, str | Path) and data not in datasets.names()
    return Cleaned(
        mask=guard.inlier_mask_,
        summary=found.sentences(columns_of(frame, name)),
        notes=(*(n.replace(" of the training part:", ":", 1) for n in encoded.notes), *said),
        defense=guard,
        _frame=frame,
        _source=Path(data) if file else None,
        _reasons=found.columns(),
    )


def _defense(use: str | BaseDefense, contamination: Any, false_positive_rate: Any) -> BaseDefense:
    """The defense by name, with the options that it takes; an InputError otherwise."""
    given = {"contamination": contamination, "false_positive_rate": false_positive_rate}
    told = {key: value for key, value in given.items() if value is not None}
    if isinstance(use, BaseDefense):
        if told:
            raise InputError(f"Set {listing(list(told))} on the defense itself.")
        return copied(use)  # pyright: ignore[reportReturnType]
    kinds = (kind for kind in vars(defenses).values() if inspect.isclass(kind))
    concrete = (k for k in kinds if issubclass(k, BaseDefense) and not inspect.isabstract(k))
    known = {kind.__name__.lower(): kind for kind in concrete}
    kind = known.get(use.lower())
    if kind is None:
        raise InputError(f"There is no defense {quote(use)}; give {', '.join(sorted(known))}.")
    takes = inspect.signature(kind).parameters
    for option in told:
        if option not in takes:
            shown = option.replace("_", "-")
            raise InputError(f"The defense {quote(use)} takes no {shown}; leave it out.")
    return kind(**{o: value for o, value in (DEFAULTS | told).items() if o in takes})


def _beside(trusted: Any, frame: Any, encoded: Encoded, categorical: Sequence[str]) -> Encoded:
    """The table with the trusted rows beneath it, encoded together so that levels agree."""
    here = columns_of(frame, encoded.name)
    there = columns_of(_load._opened(trusted)[0], "trusted")
    used = list(dict.fromkeys([*encoded.columns.column, encoded.target]))
    coded, name = [c for c in categorical if c in used], f"{encoded.name} with trusted rows"
    rows = sheets.stacked(here, there, used)
    return datasets.encode(rows, encoded.target, categorical=coded, name=name)


class _View(NamedTuple):
    """The table as the defense sees it: features and target by their ranges, nothing missing."""

    X: Float[np.ndarray, "n d"]
    y: Float[np.ndarray, " n"]
    trusted: tuple[np.ndarray, np.ndarray] | None
    encoded: Encoded
    shift: float  # of the target
    scale: float

    @classmethod
    def of(cls, encoded: Encoded, n: int) -> "_View":
        """The first `n` rows are the table, those after them are trusted."""
        X = np.empty(encoded.X.shape)
        for j, values in enumerate(encoded.X.T):
            known = values[~np.isnan(values)]
            full = np.where(np.isnan(values), np.median(known), values)
            low, high = known.min(), known.max()
            # One-hot in the table is one-hot here; a constant has no range.
            keep = encoded.columns.group[j] >= 0 or low == high
            X[:, j] = full if keep else (full - low) / (high - low)
        low, scale = float(encoded.y.min()), float(np.ptp(encoded.y))
        y = (encoded.y - low) / scale
        trusted = (X[n:], y[n:]) if n < len(y) else None
        return cls(X[:n], y[:n], trusted, encoded, low, scale)


def _fit(guard: BaseDefense, view: _View) -> list[str]:
    """Fits the defense; what it warned of, in words."""
    given = {} if view.trusted is None else {"trusted": view.trusted}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        guard.fit(view.X, view.y, **given)
    return list({str(w.message): 0 for w in caught if issubclass(w.category, UserWarning)})


class _Found(NamedTuple):
    """What a fitted defense found, in names and units of the table."""

    guard: BaseDefense
    view: _View
    reasons: np.ndarray
    places: Int[np.ndarray, "2 r"]  # features that stand out most in each rejected row
    sigmas: Float[np.ndarray, "2 r"]  # and by how many deviations
    expected: Float[np.ndarray, " r"]  # target by the model of the kept rows

    @classmethod
    def of(cls, guard: BaseDefense, view: _View) -> "_Found":
        reasons = guard.reasons_
        d = view.X.shape[1]
        number = {f"x{j}": j for j in range(d)} | {"y": d}  # what a defense calls them by itself
        names = [reasons[f"{which}_column"] for which in ("first", "second")]
        places = np.array([[number[str(name)] for name in which] for which in names], dtype=int)
        sigmas = np.array([reasons["first_sigma"], reasons["second_sigma"]])
        rows = view.X[reasons["row"]]
        expected = guard.predict(rows) * view.scale + view.shift if len(rows) else np.zeros(0)
        return cls(guard, view, reasons, places, sigmas, expected)

    @property
    def _columns(self) -> np.ndarray:
        """Columns of the table (2, r) that stand out most; the second is "" if it is the first."""
        sources = self.view.encoded.columns.column
        names = np.array([*sources, self.view.encoded.target], dtype=object)[self.places]
        names[1][names[1] == names[0]] = ""
        return names

    def columns(self) -> dict[str, pa.Array]:
        """The columns that are put beside the rejected rows."""
        r, (first, second) = self.reasons, self._columns
        made = {
            "row": pa.array(r["row"] + 1),
            "score": pa.array(r["score"]),
            "residual": pa.array(r["residual"]),
            "leverage": pa.array(r["leverage"], from_pandas=True),
            "predictive_sd": pa.array(r["predictive_sigma"] * self.view.scale, from_pandas=True),
            "column_1": pa.array(first.tolist(), pa.string()),
            "column_2": pa.array([name or None for name in second.tolist()], pa.string()),
            "reason": pa.array([self._reason(i) for i in range(len(r))], pa.string()),
        }
        return {f"mithridate_{name}": values for name, values in made.items()}

    def _reason(self, i: int) -> str:
        """One sentence on a rejected row: the target first, since that is what poison aims at."""
        encoded, row, off = self.view.encoded, self.reasons["row"][i], self.reasons["residual"][i]
        side = "above" if off > 0 else "below"
        said = [
            f"The target {quote(encoded.target)} is {_figure(encoded.y[row])}, {abs(off):.2g} σ "
            f"{side} the {_figure(self.expected[i])} that a model of the kept rows predicts"
        ]
        for j, sigma in zip(self.places[:, i], self.sigmas[:, i], strict=True):
            if j < len(encoded.columns.names) and abs(sigma) > FAR:
                said.append(self._odd(int(j), int(row), float(sigma)))
        return "; ".join(said) + "."

    def _odd(self, j: int, row: int, sigma: float) -> str:
        columns = self.view.encoded.columns
        shown, value = quote(columns.names[j]), self.view.encoded.X[row, j]
        if columns.group[j] >= 0:
            return f"{shown} is rare" if sigma > 0 else f"nearly all others have {shown}"
        if np.isinf(sigma):
            return f"{shown} is {_figure(value)}, and the same other value in all kept rows"
        side = "above" if sigma > 0 else "below"
        return f"{shown} is {_figure(value)}, {abs(sigma):.2g} σ {side} the mean of the kept rows"

    def sentences(self, table: Mapping[str, pa.ChunkedArray]) -> list[str]:
        """What a busy person reads, the most important first; eight at most."""
        n, k, name = len(self.view.y), len(self.reasons), type(self.guard).__name__
        said = [f"Nothing found: {name} rejected none of {n:,} rows.", self._sure()]
        if k:
            said[0] = f"Found: {name} rejected {k:,} of {n:,} rows ({percent(k / n)})."
            said += [self._standing_out(), self._origin(table), *self._cost()]
        else:
            said.append(self._power())
        # A defense calls the features by number; the table has names for them.
        called = [*map(quote, self.view.encoded.columns.names)]
        message = re.sub(r"\bx(\d+)\b", lambda m: called[int(m[1])], self.guard.message_)
        return [line for line in [*said, message] if line]

    def _sure(self) -> str:
        rate = self.guard.false_positive_rate_
        if not np.isnan(rate):
            few = round(rate * len(self.view.y))
            return (
                f"How sure: of a clean Gaussian table it rejects {few:,} rows ({percent(rate)}) or "
                "fewer on average; of one with heavier tails, more."
            )
        if self.guard.needs_contamination:
            told = percent(self.guard.contamination_)
            return f"How sure: it was told to reject {told} of the rows, poison or not."
        most = percent(1.0 - self.guard.keeps_clean)
        return f"How sure: no false-positive rate is set; of a clean table, up to {most} may go."

    def _standing_out(self) -> str:
        encoded = self.view.encoded
        # Any rare level is many deviations away: what levels have to say, `_origin` says.
        plain = np.append(encoded.columns.group < 0, False)[self.places]
        names = np.array([*encoded.columns.column, ""], dtype=object)[self.places]
        far = names[plain & (np.abs(self.sigmas) > FAR)].astype(str)
        unique, counts = np.unique(far, return_counts=True)
        off = int((np.abs(self.reasons["residual"]) > FAR).sum())
        shown = [f"{quote(encoded.target)} (the target) in {off:,}"] if off else []
        order = np.argsort(-counts, kind="stable")
        shown += [f"{quote(unique[k])} in {counts[k]:,}" for k in order]
        what = listing(shown) if shown else "none"
        return f"Columns that stand out by {FAR:g} σ: {what}."

    def _origin(self, table: Mapping[str, pa.ChunkedArray]) -> str:
        """The value of a category or left-out column that is most over-represented, if one is."""
        columns = self.view.encoded.columns
        numeric = {c for c, g in zip(columns.column, columns.group, strict=True) if g < 0}
        least, said, tests = 1.0, "", 0
        for name, cells in table.items():
            skip = name in numeric | {self.view.encoded.target}
            coded = None if skip else sheets.coded(cells, LEVELS)
            if coded is None:
                continue
            codes, words = coded
            every = np.bincount(codes, minlength=len(words))
            here = np.bincount(codes[~self.guard.inlier_mask_], minlength=len(words))
            n, k = len(codes), len(self.reasons)
            p = hypergeom.sf(here - 1, n, every, k)
            tests += len(words)
            # A large table makes any difference significant, but not worth a line.
            p[(here < 3) | (here * n < 1.5 * every * k)] = 1.0
            at = int(p.argmin())
            if p[at] < least:
                least, share = float(p[at]), percent(every[at] / n)
                said = (
                    f"Source: {quote(name)} is {quote(words[at])} in {here[at]:,} of the {k:,} "
                    f"rejected rows, but in {share} of all rows."
                )
        return said if least * tests < CHANCE else ""

    def _cost(self) -> list[str]:
        """What the decision changes, right or wrong; of a large table by evenly spaced rows."""
        part = slice(None, None, -(-len(self.view.y) // MANY))
        X, y, kept = self.view.X[part], self.view.y[part], self.guard.inlier_mask_[part]
        model: Any = Ridge() if self.guard.estimator is None else copied(self.guard.estimator)
        before = model.fit(X, y).predict(X[kept])
        after, scale = model.fit(X[kept], y[kept]).predict(X[kept]), self.view.scale
        errors = [_figure(np.median(np.abs(y[kept] - p)) * scale, 3) for p in (before, after)]
        moved = np.abs(after - before) * scale
        return [
            f"Fit: the median error on the kept rows is {errors[0]} with the rejected rows in "
            f"training, {errors[1]} without.",
            f"If wrong: you lose {len(self.reasons):,} genuine rows, and predictions move by "
            f"{_figure(np.median(moved), 2)} in the median, {_figure(moved.max(), 2)} at most.",
        ]

    def _power(self) -> str:
        """How far off a row would have had to be, where that can be said in units of the target."""
        unseen = "Poison as near to the model as clean rows are cannot be seen in this way."
        regression, scores = getattr(self.guard, "regression_", None), self.guard.scores_
        if regression is None:
            return unseen
        off = np.abs(self.view.y - regression.predict(self.view.X))[scores > 0] / scores[scores > 0]
        least = _figure(self.guard.threshold_ * np.median(off) * self.view.scale, 2)
        target = quote(self.view.encoded.target)
        return (
            f"If wrong: a row less than about {least} off the predicted {target} was kept. {unseen}"
        )


def _figure(value: Any, digits: int = 4) -> str:
    """A number as people write it: 1,224,000, 2011 or 0.0312."""
    if abs(value) < 1e-4 or abs(value) >= 1e12:
        return f"{value:.{digits}g}"
    if abs(value) < 1e3:
        return np.format_float_positional(value, digits, fractional=False, trim="-")
    return f"{value:,.0f}" if abs(value) >= 1e5 else f"{value:.0f}"
