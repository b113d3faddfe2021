"""How near the attack at alpha = 1 comes to what no poison exceeds, before and after it finishes.

For ridge (l2 = 1e-3), 300 training rows or half of the table, the validation rows that the attack
aims by, and seed 0, it prints multiples of the clean error: of `Ascent`, of `Ascent` finished, and
the proved bound, the share that the finished attack reaches, and processor seconds.

    python benchmarks/bounds.py diabetes table.csv:target[:drop,drop] ...
"""

import sys
import time

import numpy as np
from normalizers import load
from threadpoolctl import threadpool_limits

from mithridate.bench import Spec
from mithridate.bench.poisoning import Piece, batches, poison_of
from mithridate.bench.worlds import world, writable
from mithridate.bounds import Setting, prove

RATIOS, L2 = [0.05, 0.1, 0.15, 0.2, 0.3, 0.4], 1e-3
MOST_SPLIT = 120  # features up to which the bound is split into pieces


def growth(setting: Setting, piece: Piece) -> float:
    """The error with these rows over the clean one."""
    Z, fit = (
        np.column_stack([piece.rows.X, np.ones(len(piece.rows.y))]),
        setting.fit(len(piece.rows.y)),
    )
    theta = np.linalg.solve(fit.A + Z.T @ Z, fit.b + Z.T @ piece.rows.y)
    return setting.error(theta) / setting.fit(0).error


def table(name: str) -> None:
    """A line for each ratio of one table."""
    data = load(name)
    attack = {"use": "ascent", "alphas": [1.0], "finish": True}
    spec = Spec.of({"ratios": RATIOS, "attacks": [attack]})
    split = data.split(0)
    known, part = world(split, data.target, spec.threat), split.validation
    cut, rows = batches(spec, len(split.train.y)), writable(known)
    ran = poison_of(spec.attacks[0], spec, [known], [0], cut, None)
    setting = Setting(split.train.X, split.train.y, part.X, part.y, l2=L2)
    pieces, start = 12 if split.train.X.shape[1] <= MOST_SPLIT else 1, None
    print(f"\n{data.name}: {split.train.X.shape[1]} features, ascent {ran.seconds:.1f} s")
    print("ratio   ascent  finished  bound   share  finishing s  bound s")
    for ratio, count in zip(cut.ratios, cut.counts, strict=True):
        before, after = ran._replace(finished={}).piece(0, 0, count), ran.piece(0, 0, count)
        began = time.process_time()
        with threadpool_limits(1):
            made = prove(setting, rows, count, start, pieces=pieces)
        start, took = made.witness, time.process_time() - began
        bound = made.bound / setting.fit(0).error
        low, high = growth(setting, before), growth(setting, after)
        print(
            f"{ratio:<7g} {low:<7.2f} {high:<9.2f} {bound:<7.2f} {high / bound:<6.3f} "
            f"{after.seconds - before.seconds:<12.2f} {took:.2f}", flush=True,
        )  # fmt: skip


if __name__ == "__main__":
    for given in sys.argv[1:] or ["diabetes"]:
        table(given)
