"""Which files of a folder make one long table, and what each of them becomes."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from .._text import counted, listing, quote
from ..errors import InputError
from .place import stem
from .source import BadFile, File, Source, trouble, unreached

PARQUET = (".parquet", ".pq")
QUARANTINE = "quarantine"
TEXT = (".csv", ".tsv", ".csv.gz", ".tsv.gz")


def find_files(path: str | Sequence[str]) -> tuple[fs.FileSystem, str, list[File]]:
    """Find the files that make a table.

    Parameters
    ----------
    path : str or sequence of str
        A file, or a folder, here or on a filesystem that its address names; or several files here.

    Returns
    -------
    tuple
        The filesystem, the folder in it, and the files in the order of their names.

    Raises
    ------
    InputError
        If there are none.
    """
    if not isinstance(path, str):
        return _several(path)
    try:
        return _files_of(path)
    except InputError:
        raise
    except Exception as error:
        if "://" not in path:
            raise
        raise unreached(path, error) from None


def _files_of(path: str) -> tuple[fs.FileSystem, str, list[File]]:
    system, root = _opened(path)
    info = system.get_file_info(root)
    if info.type == fs.FileType.NotFound:
        raise InputError(f"There is no folder or file {quote(path, limit=200)}; check the path.")
    if info.type == fs.FileType.File:
        folder, _, name = root.rpartition("/")
        return system, folder, [File(name, info.size, str(info.mtime))]
    root = root.rstrip("/")
    files = []
    for one in system.get_file_info(fs.FileSelector(root, recursive=True)):
        name = one.path.removeprefix(root).lstrip("/")
        hidden = any(part.startswith((".", "_")) for part in name.split("/"))
        if one.is_file and not hidden and name.lower().endswith((*PARQUET, *TEXT)):
            files.append(File(name, one.size, str(one.mtime)))
    if not files:
        raise InputError(
            f"The folder {quote(path, limit=200)} holds no Parquet or CSV files; give another."
        )
    _check_names(files)
    return system, root, sorted(files, key=lambda file: file.name)


def _several(paths: Sequence[str]) -> tuple[fs.FileSystem, str, list[File]]:
    """Files that were given one by one, by their paths below the folder that all are in."""
    for path in paths:
        if "://" in path or Path(path).is_dir():
            raise InputError(
                f"{quote(path, limit=200)} is one of several tables, and no file on this machine; "
                "give files, or one folder or URL alone."
            )
        if not Path(path).is_file():
            raise InputError(f"There is no file {quote(path, limit=200)}; check the path.")
        if not path.lower().endswith((*PARQUET, *TEXT)):
            raise InputError(
                f"Several files must be CSV or Parquet by their names; {quote(path, limit=200)} is "
                "not."
            )
    absolute = [_absolute(path) for path in paths]
    twice = [path for path, count in Counter(absolute).items() if count > 1]
    if twice:
        raise InputError(f"The file {quote(twice[0], limit=200)} is given twice; give it once.")
    root, system = (
        Path(os.path.commonpath([path.parent for path in absolute])),
        fs.LocalFileSystem(),
    )
    files = []
    for path in absolute:
        info = system.get_file_info(path.as_posix())
        files.append(File(path.relative_to(root).as_posix(), info.size, str(info.mtime)))
    _check_names(files)
    return system, root.as_posix(), sorted(files, key=lambda file: file.name)


def table_name(path: str | Sequence[str]) -> str:
    """Name a table that is read in passes: as its file or folder, or the folder of several files.

    Parameters
    ----------
    path : str or sequence of str
        Where it is, as `find_files` takes it.

    Returns
    -------
    str
        The name.

    Examples
    --------
    >>> table_name("data/homes.csv.gz"), table_name("s3://bucket/table/?region=eu-west-1")
    ('homes', 'table')
    >>> table_name(["readings/01.csv", "readings/02.csv"])
    'readings'
    """
    if not isinstance(path, str):
        return Path(os.path.commonpath([_absolute(one).parent for one in path])).name
    # A URL may end with options of its own.
    here = Path(urlsplit(path).path if "://" in path else path)
    return stem(here if here.name else here.resolve())


def _absolute(path: str) -> Path:
    """A path from the root; a link to a file keeps its name."""
    return Path(path).parent.resolve() / Path(path).name


def _check_names(files: Sequence[File]) -> None:
    """Refuses files whose outputs would have the same path."""
    taken: dict[str, str] = {}
    for file in files:
        name = output_name(file.name)
        if name in taken or name.startswith(f"{QUARANTINE}/"):
            other = taken.get(name, f"the folder {QUARANTINE}")
            raise InputError(
                f"The output of {quote(file.name, limit=200)} would be in the way of that of "
                f"{other}; rename one of them."
            )
        taken[name] = quote(file.name, limit=200)


def _opened(path: str) -> tuple[fs.FileSystem, str]:
    if "://" not in path:
        return fs.LocalFileSystem(), Path(path).absolute().as_posix()
    try:
        return fs.FileSystem.from_uri(path)
    except pa.ArrowException:
        pass
    try:
        import fsspec
    except ImportError:
        raise InputError(
            f"{quote(path, limit=200)} is on a filesystem that needs fsspec; pip install fsspec."
        ) from None
    try:
        system, root = fsspec.core.url_to_fs(path)
    except ImportError as error:
        hint = (
            "pip install aiohttp" if urlsplit(path).scheme in ("http", "https") else "install that"
        )
        raise InputError(
            f"{quote(path, limit=200)} is read by a library that is not installed ({error}); "
            f"{hint}."
        ) from None
    return fs.PyFileSystem(fs.FSSpecHandler(system)), root


def surveyed(
    system: fs.FileSystem, root: str, files: Sequence[File], skip: bool
) -> tuple[Source, list[BadFile]]:
    """Find out which rows each file has.

    Parameters
    ----------
    system : pyarrow.fs.FileSystem
        Where the files are.
    root : str
        The folder in it.
    files : sequence of File
        The files.
    skip : bool
        Whether to go on without files that cannot be used.

    Returns
    -------
    tuple of Source and list of BadFile
        The source, and the files that had to be left out.

    Raises
    ------
    BadFile
        If a file cannot be used, and is not to be left out.
    """
    bad: list[BadFile] = []
    good: list[File] = []
    schema: pa.Schema | None = None
    for file in files:
        try:
            there, groups = _footer(system, f"{root}/{file.name}" if root else file.name, file.name)
            schema = schema or there
            _check_schema(file.name, there, schema, files[0].name)
        except BadFile as error:
            if not skip:
                raise
            bad.append(error)
        else:
            good.append(replace(file, groups=groups))
    if schema is None:
        raise InputError(f"None of {counted(len(files), 'file')} can be read; see {bad[0].name!r}.")
    return Source(system, root, tuple(good), schema), bad


def _footer(system: Any, path: str, name: str) -> tuple[pa.Schema, tuple[int, ...]]:
    try:
        with system.open_input_file(path) as file:
            parquet = pq.ParquetFile(file)
            about = parquet.metadata
            groups = tuple(about.row_group(i).num_rows for i in range(about.num_row_groups))
            return parquet.schema_arrow, groups
    except Exception as error:
        raise trouble(name, error, "is no whole Parquet file, or a damaged one") from None


def _check_schema(name: str, here: pa.Schema, first: pa.Schema, first_name: str) -> None:
    if len(set(here.names)) < len(here.names):
        raise BadFile(name, "has columns that share a name")
    if here.equals(first):
        return
    lacking = [quote(n) for n in first.names if n not in here.names]
    more = [quote(n) for n in here.names if n not in first.names]
    other = [
        f"{quote(n)} ({here.field(n).type}, not {first.field(n).type})"
        for n in first.names
        if n in here.names and here.field(n).type != first.field(n).type
    ]
    differences = [f"lacks {listing(lacking)}"] * bool(lacking) + [f"has {listing(more)}"] * bool(
        more
    )
    differences += [f"has other types in {listing(other)}"] * bool(other)
    if differences:
        raise BadFile(name, f"{' and '.join(differences)}, unlike {quote(first_name, limit=200)}")


def output_name(name: str) -> str:
    """Name the Parquet file that a file of the table becomes.

    Parameters
    ----------
    name : str
        The file, by its path below the root.

    Returns
    -------
    str
        The path of the other.

    Examples
    --------
    >>> output_name("year=2024/part.csv.gz"), output_name("a.pq")
    ('year=2024/part.parquet', 'a.pq')
    """
    if name.lower().endswith(PARQUET):
        return name
    path = PurePosixPath(name.removesuffix(".gz"))
    return str(path.with_suffix(".parquet"))
