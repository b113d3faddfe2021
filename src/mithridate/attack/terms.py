"""The two objectives of an attack, and what a normalizer measures them against."""

from typing import NamedTuple

from jaxtyping import Array, Float


class Terms(NamedTuple):
    """The two objectives.

    Parameters
    ----------
    damage : array
        The victim's mean squared error on the validation rows, in units of y².
    risk : array
        The visibility of the poison rows, without unit.
    """

    damage: Float[Array, "*shape"]
    risk: Float[Array, "*shape"]


class Reference(NamedTuple):
    """What a normalizer measures against.

    Parameters
    ----------
    untouched : Terms
        Before any poison.
    previous : Terms
        This run before the batch.
    extreme : Terms
        The alpha = 1 run after it.
    """

    untouched: Terms
    previous: Terms
    extreme: Terms
