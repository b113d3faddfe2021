"""What the order of batches costs, and what it buys: ways to spend the same climb.

`Ascent` fills its slots batch by batch, which gives every smaller ratio for free. This compares it
with a last climb of all rows together (`polish`), with one batch of all rows, and with the paper's
single start at half the rate, at the same alphas and the normalizer `ideal`. For ratios 0.2 and 0.4
it prints damage as a multiple of the clean model's and risk, means over three seeds.

    python benchmarks/polish.py diabetes table.csv:target[:drop,drop] ...
"""

import sys

import numpy as np
from normalizers import load
from rich.console import Console
from rich.table import Table

from mithridate.attack.attacks import Ascent
from mithridate.attack.objective import Ideal
from mithridate.attack.risks import Residual
from mithridate.attack.threat import edges
from mithridate.attack.victims import Ridge
from mithridate.bench.spec import ThreatSpec
from mithridate.bench.sweep import Attacker, sweep
from mithridate.bench.worlds import world

ALPHAS, SEEDS, RATIOS, BATCH = [1.0, 0.3, 0.1, 0.03], [0, 1, 2], (0.2, 0.4), 0.05
WAYS = {
    "batches": Ascent(),
    "and polish": Ascent(polish=60),
    "one batch": Ascent(),
    "one start": Ascent(starts=("clones",), rate=0.1),
}


def reached(way: str, worlds, n: int, ratio: float) -> str:
    """Damage over clean damage, and risk, by alpha."""
    steps = [ratio] if way == "one batch" else np.arange(1, round(ratio / BATCH) + 1) * BATCH
    cuts = edges(n, steps)
    attacker = Attacker(WAYS[way], Ridge(1e-3), Residual(), Ideal())
    made = sweep(attacker, worlds, SEEDS, ALPHAS, cuts)
    growth = (made.damage[:, :, -1] / made.untouched).mean(axis=1)
    risk = made.risk[:, :, -1].mean(axis=1)
    return "  ".join(f"{g:.2f} ({r:.1f})" for g, r in zip(growth, risk, strict=True))


def main(names: list[str]) -> None:
    head = " ".join(f"{alpha:g}" for alpha in ALPHAS)
    table = Table("table", "ratio", "way", f"damage (risk) at alpha {head}")
    for name in names:
        data = load(name)
        splits = [data.split(seed) for seed in SEEDS]
        worlds = [world(split, data.target, ThreatSpec()) for split in splits]
        for ratio in RATIOS:
            for way in WAYS:
                shown = reached(way, worlds, len(splits[0].train.y), ratio)
                table.add_row(data.name, f"{ratio:g}", way, shown)
    Console(width=110).print(table)


if __name__ == "__main__":
    main(sys.argv[1:] or ["diabetes"])
