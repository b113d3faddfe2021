"""`clean`: one function for tables in memory and in passes."""

from collections.abc import Callable, Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .._files import check_folder
from .._machine import LEAST_MEMORY, free
from .._progress import silent
from .._text import quote
from ..data import file_of, names
from ..defenses import BaseDefense, TableErrors
from ..errors import InputError
from ..tables.names import column_name, column_names
from ..tables.place import place
from ..tables.reading import ANY, Reading
from .choice import chosen
from .memory import clean_in_memory
from .result import Cleaned
from .saved import SavedModel
from .streaming import clean_in_passes

Tell = Callable[[str, int, int], Any]
_COPIES = 6  # of the numbers of a table that cleaning holds in memory at a time
_GZIP_RATIO = 5  # size of a text over that of its gzipped file


def clean(
    data: Any,
    *,
    target: str | None = None,
    defense: str | BaseDefense | None = None,
    only: str | None = None,
    options: Mapping[str, Any] | None = None,
    contamination: float | None = None,
    false_positive_rate: float | None = None,
    trusted: Any = None,
    groups: str | None = None,
    drop: Sequence[str] = (),
    categorical: Sequence[str] = (),
    reading: Reading = ANY,
    out: str | Path | None = None,
    client: Any = None,
    skip_bad_files: bool = False,
    memory: int | None = None,
    html: bool = False,
    model: str | Path | None = None,
    save_model: str | Path | None = None,
    tell: Tell | None = None,
) -> Cleaned:
    """Reject suspicious rows of a table and say which and why, or find nothing.

    A folder, a URL, several files, or one that needs more memory than may be used is read in
    passes; a defense that is named then keeps the same rows, `Huber` but for those nearest to its
    cut.

    Parameters
    ----------
    data : dataframe, str, Path or sequence of str or Path
        A pandas, polars or pyarrow frame; a CSV or Parquet file (`file:path#target` says both); the
        name of a data set; a folder of such files, read in the order of their names, local or a URL
        that pyarrow or fsspec knows (`s3://…`); or several files, read in the order of their paths.
    target : str, optional
        The column to predict; needed unless `data` says it.
    defense : str or BaseDefense, optional
        By name, as `module:Class` from anywhere, or an instance, whose parameters are then its own.
        By default `TableErrors`; where a `false_positive_rate` is given, `Antidote`.
    only : {"groups", "rows", "cells"}, optional
        Look only for groups of rows that pull the model, only for single wrong targets, or only for
        single cells, for which no row is removed.
    options : mapping, optional
        Parameters of a defense that is named; the others are as its class has them.
    contamination : float, optional
        Poison / (clean + poison) rows, for a defense that must be told; 0.1 by default.
    false_positive_rate : float, optional
        Share of clean rows that may be rejected, for a defense that takes it; 0.01 by default,
        unless there are `options`.
    trusted : dataframe, str or Path, optional
        Rows known to be clean, with the same columns.
    groups : str, optional
        The column that says where a row comes from (a source, day, vendor): no feature, but given
        to a defense that judges groups, and part of the summary. Without it the files are the
        sources, where up to 200 of them are read in passes.
    drop : sequence of str
        Columns to leave out.
    categorical : sequence of str
        Columns whose numbers are only codes.
    reading : Reading, optional
        How CSV files are read, where that is not to be found out.
    out : str or Path, optional
        Where to write: of a table in memory a CSV or Parquet file, with the rejected rows beside
        it; in passes a folder that does not exist yet, for the kept rows of each file under its own
        name, and below `quarantine/` the rejected ones with reasons. A run in passes that was
        stopped goes on at the pass it was in when it is called again.
    client : distributed.Client, optional
        Workers of a Dask cluster that see the same files; the table is then read in passes.
    skip_bad_files : bool
        In passes, go on without files that are corrupt, gone or of other columns.
    memory : int, optional
        Bytes that may be used, at least 768 MB with some 30 columns; half of the free memory by
        default. With less than 1.5 GB, files are written one at a time, else two.
    html : bool
        Whether to write the report beside `out` too; in passes, whether to make it at all, which
        takes one pass more.
    model : str or Path, optional
        A file that `save_model` wrote of another table: the rows are judged by the rules learned of
        that one, and its columns are used. Settings that the model has are not given again.
    save_model : str or Path, optional
        Where to save what the default learned of this table, to judge others by. The file holds
        numbers of up to 131,072 of its rows.
    tell : callable, optional
        `tell(stage, done, total)` is called as the work goes on.

    Returns
    -------
    Cleaned
        The mask of kept rows, a summary in sentences, and the rows themselves.

    Raises
    ------
    InputError
        Where the input is bad; one sentence. It is a ValueError.

    Examples
    --------
    >>> import pyarrow as pa
    >>> x = [float(i % 19) for i in range(60)]
    >>> y = [2 * a + i % 7 / 7 for i, a in enumerate(x)]
    >>> found = clean(pa.table({"x": x, "y": [*y[:59], 99.0]}), target="y")
    >>> found.kept.num_rows, found.quarantined["mithridate_row"].to_pylist()
    (59, [60])
    """
    options = options or {}
    rates = {"contamination": contamination, "false_positive_rate": false_positive_rate}
    passes = client is not None or in_passes(data, memory)
    settings = {"defense": defense, "only": only, "option": options, "trusted": trusted, **rates}
    saved = None if model is None else _saved(model, settings, drop=drop, categorical=categorical)
    only = only if saved is None else saved.only
    guard = chosen(defense, options, rates | {"only": only})
    if save_model is not None:
        _check_savable(guard, save_model, saved)
    _check_memory(memory)
    target = column_name(target)
    drop, categorical = column_names(drop, "drop"), column_names(categorical, "categorical")
    if not passes:
        cleaned = clean_in_memory(
            data,
            guard,
            target=target,
            options=options,
            trusted=trusted,
            groups=groups,
            drop=drop,
            categorical=categorical,
            reading=reading,
            model=saved,
            save_model=save_model,
            tell=tell or silent,
        )
        if out is not None:
            cleaned.write(out, html=html)
        return cleaned
    path, goal = _placed(data)
    return clean_in_passes(
        path,
        guard,
        target=target or goal,
        out=out,
        client=client,
        drop=drop,
        categorical=categorical,
        reading=reading,
        skip_bad_files=skip_bad_files,
        memory=memory,
        tell=tell,
        trusted=trusted,
        groups=groups,
        html=html,
        model=saved,
        save_model=save_model,
    )


def _placed(data: Any) -> tuple[str | list[str], str | None]:
    """The path of a table that is read in passes, and the target that comes with the path."""
    if several(data):
        return [str(one) for one in data], None
    where = place(data)
    return (str(data), None) if where is None else (str(where.path), where.target)


def _saved(path: str | Path, settings: Mapping[str, Any], **columns: Any) -> SavedModel:
    """A saved model; an InputError where something is given that it has already."""
    given = [name for name, value in settings.items() if value is not None and value != {}]
    given += [name for name, names in columns.items() if len(names)]
    if given:
        shown = given[0].replace("_", "-")
        raise InputError(
            f"A model says which columns are used and how rows are judged; leave {shown} out, or "
            "save another model with it."
        )
    return SavedModel.read(path)


def _check_savable(guard: BaseDefense, path: str | Path, model: SavedModel | None) -> None:
    if model is not None:
        raise InputError(
            "A model that judges other tables learns nothing of them; give either model or "
            "save-model."
        )
    if type(guard) is not TableErrors or guard.estimator is not None or guard.only == "cells":
        raise InputError(
            "Only what the default, TableErrors, learns of rows is saved; leave defense and "
            "'only cells' out, or leave save-model out."
        )
    check_folder(Path(path).absolute().parent)
    if Path(path).is_dir():
        raise InputError(f"The model {quote(str(path))} is a folder; give a file.")


def several(data: Any) -> bool:
    """Say whether a table is given as a sequence of files.

    Parameters
    ----------
    data : object
        The table, as `clean` takes it.

    Returns
    -------
    bool
        Whether it is.

    Examples
    --------
    >>> several(["a.csv", "b.csv"]), several("a.csv")
    (True, False)
    """
    return isinstance(data, list | tuple) and all(isinstance(one, str | Path) for one in data)


def _check_memory(memory: int | None) -> None:
    if memory is not None and (not isinstance(memory, Integral) or memory < LEAST_MEMORY):
        raise InputError(
            f"memory={memory!r}: give a whole number of bytes, at least {LEAST_MEMORY:,}; that is "
            "what 30 columns take, however long the table is."
        )


def in_passes(data: Any, memory: int | None = None) -> bool:
    """Say whether a table is read in passes: a folder, a URL, files, or one too large for memory.

    Parameters
    ----------
    data : dataframe, str, Path or sequence of str or Path
        The table, as `clean` takes it.
    memory : int, optional
        Bytes that may be used; half of the free memory by default.

    Returns
    -------
    bool
        True where `clean` would read it in passes.

    Examples
    --------
    >>> in_passes("s3://bucket/table"), in_passes("diabetes")
    (True, False)
    """
    if several(data):
        return True
    if not isinstance(data, str | Path) or str(data) in names():
        return False
    if "://" in str(data) or str(data).endswith("/") or Path(data).is_dir():
        return True
    path = file_of(data)
    return path is not None and path.is_file() and _needed(path) > (memory or free() // 2)


def _needed(path: Path) -> int:
    """Bytes that cleaning a file in memory takes, about."""
    try:
        about = pq.read_metadata(path)
    except (pa.ArrowException, OSError):
        size = path.stat().st_size
        return _COPIES * size * (_GZIP_RATIO if path.suffix.lower() == ".gz" else 1)
    return _COPIES * 8 * about.num_rows * about.num_columns
