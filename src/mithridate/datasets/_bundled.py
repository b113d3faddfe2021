"""The base of the data sets that come with the library."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar


class AbstractDataset(ABC):
    """A data set known by its class name in lower case: its target, and how it is read.

    A new one is a file with a final subclass and a line in `mithridate.datasets`; an instance of
    anyone's subclass can be handed to `load` as well.
    """

    target: ClassVar[str]

    @abstractmethod
    def read(self) -> Any:
        """Any dataframe that `load` takes, the target among its columns."""

    @classmethod
    def title(cls) -> str:
        """The name by which `load` knows it."""
        return cls.__name__.lower()
