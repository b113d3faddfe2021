"""A table as numbers: which columns become features, how, and what is said about it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa

from .._text import counted, listing, quote
from ..errors import InputError
from .cells import Levels, Numbers, Other, as_category, cells
from .encoded import Columns, Encoded, check_rows, fingerprint
from .frame import columns_of, known
from .lattice import spacing
from .notes import Notes, titled
from .onehot import Group, Hot, one_hot, recognize

NOTHING: Mapping[str, str] = MappingProxyType({})
HUGE = 1e100  # squares of larger numbers overflow: they count as missing
BEYOND = "beyond 1e100"
ID_NAME = re.compile(r"^(?:ids?|idx|index|rowid)$|[\W_]id$|^unnamed\b|^$", re.IGNORECASE)
SIGNED = (
    "Taken as text, though it looks like numbers written with signs (to have them read as numbers, "
    "write 1234.5 for '$1,234.50' and 45 for '45%')"
)
CAMEL_ID = re.compile(r"[a-z]I[dD]$")  # `PassengerId`, not `humid`


def encode(
    frame: Any,
    target: str | None,
    *,
    drop: Sequence[str] = (),
    categorical: Sequence[str] = (),
    name: str = "table",
    notes: Sequence[str] = (),
    unused: Mapping[str, str] = NOTHING,
) -> Encoded:
    """Turns a dataframe into numbers; `notes` are sentences to put before its own.

    `drop` names columns to leave out, `categorical` columns whose numbers are only codes; `unused`
    maps columns that nobody asked to leave out, and that are, to why.

    >>> import pyarrow as pa
    >>> frame = pa.table({"age": [1.5, 2.0] * 20, "home": ["own", "rent"] * 20, "pay": range(40)})
    >>> encoded = encode(frame, "pay", drop=["age"])
    >>> encoded.columns.names
    ('home=own', 'home=rent')
    >>> encoded.notes
    ("Left out as you asked: 'age'.", "Encoded one-hot: 'home' (2 levels).")
    """
    table = columns_of(frame, name)
    target, dropped = _chosen(list(table), target, drop, name)
    coded = [
        known(str(column), list(table), name, "to take as a category") for column in categorical
    ]
    log = Notes(notes)
    for column in dropped:
        log.add("Left out as you asked", column)
    for column, why in unused.items():
        log.add(f"Left out as {why}", column)
    y = _target(table[target], target, log)
    check_rows(len(y), name)
    features: dict[str, Numbers | Hot] = {}
    for column, values in table.items():
        if column != target and column not in dropped and column not in unused:
            feature = _feature(column, as_category(values) if column in coded else values, log)
            if feature is not None:
                features[column] = feature
    if not features:
        why = [said[0].lower() + said[1:-1] for said in log.sentences() if said.startswith("Left")]
        raise InputError(
            f"No usable feature is left in the {titled(name)} beside the target {quote(target)} "
            f"({'; '.join(why) or 'it is the only column'}); give a table with more columns."
        )
    groups = _recognized(features, log)
    X, columns = _assembled(features, groups, spacing(y))
    mark = fingerprint(X, y, (*columns.names, target))
    return Encoded(name, target, X, y, columns, log.sentences(), mark)


def _chosen(
    names: Sequence[str], target: str | None, drop: Sequence[str], name: str
) -> tuple[str, list[str]]:
    """The target and the columns to leave out, as the table spells them."""
    if target is None:
        raise InputError(
            f"No target was given for the {titled(name)}; say which of its columns is to be "
            f"predicted: {listing([quote(n) for n in names])}."
        )
    target = known(str(target), names, name, "to predict")
    drop = [drop] if isinstance(drop, str) else drop
    dropped = [known(str(column), names, name, "to leave out") for column in drop]
    if target in dropped:
        raise InputError(
            f"The target {quote(target)} is among the columns to leave out; take it off that list."
        )
    return target, list(dict.fromkeys(dropped))


def _target(column: pa.ChunkedArray, target: str, log: Notes) -> np.ndarray:
    """The target as numbers, all of them finite and not all the same."""
    read = cells(column)
    if isinstance(read, Levels):
        example = read.odd or read.words[0].as_py()
        raise InputError(
            f"The target {quote(target)} holds text such as {quote(example)}; "
            "give a numeric column, or turn its text into numbers."
        )
    if isinstance(read, Other):
        raise InputError(f"The target {quote(target)} holds {read.holds}; give a numeric column.")
    unknown = np.flatnonzero(~(np.abs(read.values) <= HUGE))
    if unknown.size:
        raise _unknown(read.values, unknown, target)
    if np.ptp(read.values) == 0:
        raise InputError(
            f"The target {quote(target)} is {read.values[0]:g} in every row; "
            "give a column that varies."
        )
    if read.remark:
        log.add(f"Target read as numbers ({read.remark})", target)
    return read.values


def _unknown(values: np.ndarray, rows: np.ndarray, target: str) -> InputError:
    """The sentence on a target that is no number of a usable size in these rows."""
    huge = np.isfinite(values[rows]).any()
    if len(rows) == len(values):
        empty = np.isnan(values).all()
        what = "empty" if empty else f"missing, infinite or {BEYOND}" if huge else "not finite"
        return InputError(
            f"The target {quote(target)} is {what} in every row; give another column."
        )
    what = f"missing, infinite or {BEYOND}" if huge else "missing or infinite"
    return InputError(
        f"The target {quote(target)} is {what} in {counted(len(rows), 'row')}, first in row "
        f"{rows[0] + 1} (counted from 1, without the header); take such rows out or fill them in."
    )


def _feature(name: str, column: pa.ChunkedArray, log: Notes) -> Numbers | Hot | None:
    """The column as a feature, or None with a note on why it is left out."""
    read = cells(column)
    if isinstance(read, Numbers):
        reason, feature = _usable(name, column, read, log), read
    elif isinstance(read, Levels):
        feature = one_hot(read)
        reason = feature if isinstance(feature, str) else ""
        if read.odd:
            kind = "Taken as text, though nearly all values are numbers"
            log.add(kind, name, f"but for {quote(read.odd)}")
        if read.signed:
            log.add(SIGNED, name, f"such as {quote(read.signed)}")
        if isinstance(feature, Hot):
            _tell(name, feature, log)
    else:
        reason, feature = read.holds, None
    if reason or isinstance(feature, str):
        log.add(f"Left out as {reason}", name)
        return None
    return feature


def _usable(name: str, column: pa.ChunkedArray, read: Numbers, log: Notes) -> str:
    """Why a numeric column is of no use, or nothing; infinite values become missing."""
    values = read.values
    empty, infinite = np.isnan(values).all(), np.abs(values) > HUGE
    huge = np.isfinite(values[infinite]).any()
    kind = f"Values infinite or {BEYOND}" if huge else "Infinite values"
    values[infinite] = np.nan
    missing = np.isnan(values)
    if missing.all():
        return "empty" if empty else f"holding only {kind.lower()}"
    if np.nanmin(values) == np.nanmax(values):
        return "constant"
    if not missing.any() and _is_id(name, column, values):
        return "id-like (a running number, or a distinct one in every row)"
    if read.remark:
        log.add(f"Read as numbers ({read.remark})", name)
    if infinite.any():
        log.add(f"{kind} taken as missing", name, counted(int(infinite.sum()), "row"))
    if missing.any():
        kind = "Missing numbers, imputed by the median of the training part"
        log.add(kind, name, counted(int(missing.sum()), "row"))
    return ""


def _is_id(name: str, column: pa.ChunkedArray, values: np.ndarray) -> bool:
    """True for integers that count up row by row, or that are all distinct and called an id."""
    if pa.types.is_integer(column.type):
        values = column.to_numpy()  # float64 cannot tell long ids apart
    elif (values != np.rint(values)).any():
        return False
    steps = np.diff(values[:100])
    if steps[0] != 0 and (steps == steps[0]).all() and (np.diff(values) == steps[0]).all():
        return True
    called = ID_NAME.search(name[-60:]) or CAMEL_ID.search(name[-60:])
    return bool(called) and np.unique(values).size == values.size


def _tell(name: str, hot: Hot, log: Notes) -> None:
    log.add("Encoded one-hot", name, counted(len(hot.names), "level"))
    if hot.pooled:
        log.add("Rare levels pooled as '(other)'", name, counted(hot.pooled, "level"))
    if hot.missing:
        log.add("Missing text kept as the level '(missing)'", name, counted(hot.missing, "row"))


def _recognized(features: Mapping[str, Numbers | Hot], log: Notes) -> list[Group]:
    """One-hot groups that the table came with."""
    binary = {}
    for name, feature in features.items():
        if isinstance(feature, Numbers):
            one = feature.values == 1
            if (one | (feature.values == 0)).all():
                binary[name] = one
    groups = recognize(binary)
    for group in groups:
        detail = counted(len(group.members), "column")
        log.add("Recognized as one-hot already", group.prefix, detail)
    return groups


@dataclass
class _Feature:
    """One encoded feature; `group` is the key of its one-hot group, or None."""

    name: str
    source: str
    group: tuple[str, str] | None
    step: float
    column: str


def _assembled(
    features: Mapping[str, Numbers | Hot], groups: Sequence[Group], target_step: float
) -> tuple[np.ndarray, Columns]:
    """All features side by side, in the order of the table's columns."""
    member = {column: group for group in groups for column in group.members}
    plan: list[_Feature] = []
    for name, feature in features.items():
        if isinstance(feature, Hot):
            made = ("made", name)
            plan += [_Feature(f"{name}={x}", name, made, 1.0, name) for x in feature.names]
        elif name in member:
            prefix = member[name].prefix
            found = ("found", member[name].members[0])
            plan.append(_Feature(name, prefix, found, 1.0, name))
        else:
            plan.append(_Feature(name, name, None, spacing(feature.values), name))
    X = _filled(features, len(plan))
    order = list(dict.fromkeys(f.group for f in plan if f.group is not None))
    optional = {("found", group.members[0]): group.optional for group in groups}
    columns = Columns(
        names=_unique([f.name for f in plan]),
        source=tuple(f.source for f in plan),
        group=np.array([-1 if f.group is None else order.index(f.group) for f in plan]),
        optional=np.array([optional.get(key, False) for key in order], dtype=bool),
        step=np.array([*(f.step for f in plan), target_step]),
        column=tuple(f.column for f in plan),
    )
    return X, columns


def _filled(features: Mapping[str, Numbers | Hot], d: int) -> np.ndarray:
    """`X` (N, d), column by column in memory: it is written and hashed by columns."""
    parts = next(iter(features.values()))
    rows = len(parts.codes if isinstance(parts, Hot) else parts.values)
    X = np.empty((d, rows))
    j = 0
    for feature in features.values():
        if isinstance(feature, Numbers):
            X[j] = feature.values
            j += 1
        else:
            for level in range(len(feature.names)):
                np.equal(feature.codes, level, out=X[j + level])
            j += len(feature.names)
    return X.T


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    """Names made distinct: a column called `a=b` may stand beside level `b` of column `a`."""
    taken: dict[str, None] = {}
    for name in names:
        unique, k = name, 2
        while unique in taken:
            unique, k = f"{name} ({k})", k + 1
        taken[unique] = None
    return tuple(taken)
