"""The mask of a long table as bits, one for each row, 1 where it is kept."""

import numpy as np
from jaxtyping import Bool


def kept_between(bits: bytes, start: int, stop: int) -> Bool[np.ndarray, " n"]:
    """Which of the rows from `start` to before `stop` are kept.

    >>> kept_between(np.packbits([1] * 9 + [0, 1, 0]).tobytes(), 8, 11).tolist()
    [True, False, True]
    """
    packed = np.frombuffer(bits, np.uint8)[start // 8 : -(-stop // 8)]
    return np.unpackbits(packed)[start % 8 :][: stop - start].view(bool)
