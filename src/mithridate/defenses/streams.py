"""What a defense is that can also decide on a table that is read in passes."""

from abc import ABCMeta, abstractmethod
from typing import ClassVar

from ..passes.memory import Passes, Verdict


class Streams(metaclass=ABCMeta):
    """What a defense declares that can also decide on a table that is read in passes."""

    in_memory: ClassVar[tuple[str, ...]] = ()
    """Parameters that need the whole table in memory, unless they are None."""

    model_of_its_own: ClassVar[bool] = False
    """Whether the rule judges by a regression of its own, whatever `estimator` is."""

    boxed: ClassVar[bool] = True
    """Whether the rule wants each feature on the range [0, 1] that a far value does not move."""

    trusts_in_passes: ClassVar[bool] = False
    """Whether `decide` takes rows known to be right too, as `trusted`, a pair (X, y)."""

    draws: ClassVar[int] = 1
    """Samples of the table that `decide` asks for: 2 where it asks for the `others` too."""

    @abstractmethod
    def decide(self, table: Passes) -> Verdict:
        """Decide on the rows of a table that is read in passes.

        Parameters
        ----------
        table : Passes
            The rows.

        Returns
        -------
        Verdict
            Score and decision for every row.
        """
