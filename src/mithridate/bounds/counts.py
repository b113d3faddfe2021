"""How many poison rows cannot push the error over a limit: a proof for all numbers up to one.

For a fixed `(q, μ)` the bound of `dual` is convex in the number of rows `k`, through the penalty
too: it is the largest of functions of `θ` that are linear in `k`. So where it stays below a limit
at `k₁` and at `k₂`, it does so at every number between, and such stretches are put end to end.
"""

from collections.abc import Mapping

from .certificate import certified
from .dual import Witness, search
from .setting import Setting
from .writable import Writable

_MULTIPLIER_RAISE = 1.003  # factor of μ, so that the matrix is definite with a smaller penalty too
_MAX_STRETCHES = 12  # of the proof for all numbers up to one; with more, a smaller number is tried


def safe_rows(
    setting: Setting,
    rows: Writable,
    limit: float,
    most: int,
    known: Mapping[int, Witness] | None = None,
) -> int:
    """Give the largest number of poison rows found that cannot push the error over a limit.

    Parameters
    ----------
    setting : Setting
        Training and judged rows.
    rows : Writable
        What the attacker may write.
    limit : float
        Mean squared error on the judged rows, in squared units of the target.
    most : int
        Numbers of rows beyond this are not considered.
    known : mapping of int to Witness, optional
        Witnesses that were found for some numbers of rows; they save searches.

    Returns
    -------
    int
        A number `k` for which it is proved that no poison of 0 to `k` rows has a larger error.
    """
    if setting.fit(0).error > limit:
        return 0
    proofs = {
        k: w._replace(mu=w.mu * _MULTIPLIER_RAISE)
        for k, w in (known or {}).items()
        if 0 < k <= most
    }
    guessed = sorted(proofs)

    def holds(k: int) -> bool:
        if k not in proofs:
            near = min(proofs, key=lambda other: abs(other - k), default=None)
            start = None if near is None else proofs[near]
            witness = search(setting, rows, setting.fit(k), start)
            proofs[k] = witness._replace(mu=witness.mu * _MULTIPLIER_RAISE)
        return _below(setting, rows, k, proofs[k], limit)

    low, high = 0, most + 1
    for k in guessed:
        low, high = (k, high) if holds(k) else (low, min(high, k))
        if high == k:
            break
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    while low > 0 and not _covered(setting, rows, low, limit, holds, proofs):
        low -= 1
        while low > 0 and not holds(low):
            low -= 1
    return low


def _covered(setting: Setting, rows: Writable, last: int, limit: float, holds, proofs) -> bool:
    """Whether all numbers from 1 to `last` are proved, stretch by stretch from above."""
    for _ in range(_MAX_STRETCHES):
        if last <= 0:
            return True
        if not holds(last):
            return False
        first, reached = 1, last  # `reached` is the least number that this witness proves
        while first < reached:
            middle = (first + reached) // 2
            good = _below(setting, rows, middle, proofs[last], limit)
            first, reached = (first, middle) if good else (middle + 1, reached)
        last = reached - 1
    return last <= 0


def _below(setting: Setting, rows: Writable, k: int, proof: Witness, limit: float) -> bool:
    return certified(setting, rows, k, proof, raises=(0.0,)) <= limit
