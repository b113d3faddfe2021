"""The command `clean`: in memory, or in passes over files where memory does not hold the table."""

import re
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from .._machine import LEAST, free
from .._text import quote
from ..data import file_of, names
from ..errors import InputError
from ..tables.place import place, stem
from .terminal import sentences

COPIES = 6  # of the numbers of a table, while it is cleaned in memory
PACKED = 5  # how much longer the text of a gzipped file is
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)I?B?\s*", re.IGNORECASE)


class Big(NamedTuple):
    """What a person says of tables larger than memory; `memory` as 2GB, or "" for half the free."""

    memory: str
    dask: str
    skip_bad_files: bool


def run(
    file: str,
    out: Path | None,
    trusted: Any,
    groups: str | None,
    html: bool,
    big: Big,
    verbose: bool,
    **how: Any,
) -> list[str]:
    """Cleans a table and writes the result; what the terminal shows."""
    budget = _bytes(big.memory) if big.memory else free() // 2
    if not (big.dask or _streams(file, budget)):
        from ..cleaning.clean import clean
        from ..tables import write

        out, path = out or write.output_for(file), _path(file)
        if path is None or path.exists():  # or else that is what is said first
            out = write.check_output(out, file_of(file), file_of(trusted))
        found = clean(file, trusted=trusted, groups=groups, **how)
        return found.lines(found.write(out, html=html), verbose)
    given = {"--trusted": trusted, "--groups": groups, "--report": html}
    for option, value in given.items():
        if value:
            raise InputError(
                f"{option} needs the whole table in memory; leave it out, or give a single file "
                "and more --memory."
            )
    from .. import _cluster
    from ..cleaning import streamed

    where = place(file)
    path, goal = (file, how["target"]) if where is None else (where.path, where.target)
    how["target"] = how["target"] or goal
    # A URL may end with options of its own: s3://bucket/table?region=eu-west-1.
    name = urlsplit(path).path if isinstance(path, str) and "://" in path else str(path)
    out = out or Path(f"{stem(Path(name))}.cleaned")
    client = _cluster.connect(big.dask) if big.dask else None
    try:
        with sentences(
            f"{str(out)!r} is not there yet; what was done is kept in '.{out.name}.unfinished' "
            "beside it, and the same command goes on."
        ):
            found = streamed.clean(
                str(path),
                out=out,
                client=client,
                skip_bad_files=big.skip_bad_files,
                memory=max(budget, LEAST),
                **how,
            )
    finally:
        if client is not None:
            client.close()
    return found.lines(verbose)


def _streams(file: str, budget: int) -> bool:
    """Whether a table is read in passes: a folder, a URL, or a file larger than the budget."""
    if "://" in file or file.endswith("/") or Path(file).is_dir():
        return True
    path = _path(file)
    return path is not None and path.is_file() and _needed(path) > budget


def _path(file: str) -> Path | None:
    """The path of a file; None of a data set that goes by its name."""
    return None if file in names() else file_of(file)


def _needed(path: Path) -> int:
    """Bytes that cleaning a file in memory takes, about."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        about = pq.read_metadata(path)
    except (pa.ArrowException, OSError):
        size = path.stat().st_size
        return COPIES * size * (PACKED if path.suffix.lower() == ".gz" else 1)
    return COPIES * 8 * about.num_rows * about.num_columns


def _bytes(text: str) -> int:
    """A size as people write it.

    >>> _bytes("2GB"), _bytes("1.5 g")
    (2147483648, 1610612736)
    """
    found = SIZE.fullmatch(text)
    if found is None:
        raise InputError(f"--memory {quote(text)} is no size; write it like 2GB or 800MB.")
    size = int(float(found[1]) * UNITS[found[2].upper()])
    if size < LEAST:
        raise InputError(
            f"--memory {quote(text)} is too little: cleaning in passes takes about "
            f"{LEAST >> 20}MB for 30 columns, however long the table is."
        )
    return size
