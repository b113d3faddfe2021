"""How near the attack at alpha = 1 comes to what no poison exceeds, before and after it finishes.

For ridge (l2 = 1e-3), 300 training rows or half of the table, the validation rows that the attack
aims by, and seed 0, it prints multiples of the clean error as Markdown: of `Ascent`, of `Ascent`
finished, and the proved bound, and the share of it that the finished attack reaches. Seconds are of
the processor, one thread: of the proof of a bound in up to 12 pieces, of `Ascent` for all ratios,
without compiling, and of finishing all ratios.

    python benchmarks/bounds.py diabetes table.csv:target[:drop,drop] ...
"""

import sys
import time

import numpy as np
from normalizers import load
from threadpoolctl import threadpool_limits

from mithridate.bench import Spec
from mithridate.bench.finish import finished
from mithridate.bench.pieces import Piece
from mithridate.bench.poisoning import batches, parts_of, poison_of
from mithridate.bench.worlds import world, writable
from mithridate.bounds import Setting, prove

RATIOS, L2 = [0.05, 0.1, 0.15, 0.2, 0.3, 0.4], 1e-3
MOST_SPLIT, FEW = 120, 2  # features up to which the bound is split into 12 pieces; else into two


def growth(setting: Setting, piece: Piece) -> float:
    """The error with these rows over the clean one."""
    Z, fit = (
        np.column_stack([piece.rows.X, np.ones(len(piece.rows.y))]),
        setting.fit(len(piece.rows.y)),
    )
    theta = np.linalg.solve(fit.A + Z.T @ Z, fit.b + Z.T @ piece.rows.y)
    return setting.error(theta) / setting.fit(0).error


def table(name: str) -> None:
    """Three lines for one table, a column for each ratio."""
    data = load(name)
    spec = Spec.of({"ratios": RATIOS, "attacks": [{"use": "ascent", "alphas": [1.0]}]})
    split = data.split(0)
    known, part = world(split, data.target, spec.threat), split.validation
    cut, rows = batches(spec, len(split.train.y)), writable(known)
    attack = spec.attacks[0].model_copy(update={"finish": False})
    ran = poison_of(attack, spec, [known], [0], cut, None)
    attacker = parts_of(attack, spec)
    setting = Setting(split.train.X, split.train.y, part.X, part.y, l2=L2)
    features, start, lines = split.train.X.shape[1], None, ([], [], [])
    began = time.process_time()
    better = finished(ran, attacker, [known], cut.counts)
    took = time.process_time() - began
    for count in cut.counts:
        began = time.process_time()
        with threadpool_limits(1):
            made = prove(setting, rows, count, start, pieces=12 if features <= MOST_SPLIT else FEW)
        start, ended = made.witness, time.process_time()
        bound = made.bound / setting.fit(0).error
        low, high = (growth(setting, one) for one in (ran.piece(0, 0, count), better[0, 0, count]))
        lines[0].append(f"{low:.2f} / {high:.2f} / {bound:.2f}")
        lines[1].append(f"{high / bound:.3f}".lstrip("0"))
        lines[2].append(f"{ended - began:.2f}")
    heads = (
        f"| {data.name}, {features} columns | ascent / finished / bound |",
        "| | finished ÷ bound |",
        f"| | seconds of the bound (all of ascent: {ran.seconds:.2f}; of finishing: {took:.2f}) |",
    )
    for head, line in zip(heads, lines, strict=True):
        print(head, " | ".join(line), "|", flush=True)


if __name__ == "__main__":
    for given in sys.argv[1:] or ["diabetes"]:
        table(given)
