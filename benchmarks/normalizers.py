"""How evenly alpha spreads over the damage-risk front, for each normalizer and size of batch.

For each table, normalizer and batch (ratio steps of 1, 2 and 5 %), `Ascent` runs at eight alphas;
the points (damage, risk) at ratio 0.4, means over seeds, are put on [0, 1]² (damage between clean
and the most that any setting did; risk on a logarithmic scale from 1, an average clean row, below
which there is nothing left to hide, to the most). Then

- `largest gap`: the longest step between neighboring alphas, as a share of the way (1/7 is even);
- `hypervolume`: the area that the points dominate, as a share of what all settings dominate;
- `order`: rank correlation of alpha and damage.

    python benchmarks/normalizers.py diabetes table.csv:target[:drop,drop] ...
"""

import itertools
import sys

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import spearmanr

from mithridate import data
from mithridate._lookup import choices
from mithridate.attack import objective
from mithridate.attack.attacks import Ascent
from mithridate.attack.risks import Residual
from mithridate.attack.threat import edges
from mithridate.attack.victims import Ridge
from mithridate.bench.spec import ThreatSpec
from mithridate.bench.sweep import Attacker, sweep
from mithridate.bench.worlds import world

ALPHAS = [1.0, 0.8, 0.6, 0.4, 0.3, 0.2, 0.1, 0.0]
SEEDS = [0, 1, 2]
BATCHES = [0.01, 0.02, 0.05]
RATIO = 0.4


def load(name: str):
    """`file:target:drop,drop`, or a bundled data set."""
    source, _, rest = name.partition(":")
    target, _, drop = rest.partition(":")
    return data.load(source, target or None, drop=[d for d in drop.split(",") if d])


def points(worlds, n: int, normalizer, batch: float):
    """Damage and risk (alphas,) at the ratio, relative damage first averaged over seeds."""
    steps = np.arange(1, round(RATIO / batch) + 1) * batch
    cuts = edges(n, steps)
    attacker = Attacker(Ascent(), Ridge(1e-3), Residual(), normalizer)
    made = sweep(attacker, worlds, SEEDS, ALPHAS, cuts)
    return made.damage[:, :, -1].mean(axis=1), made.risk[:, :, -1].mean(axis=1)


def hypervolume(points: np.ndarray) -> float:
    """Area dominated by points of (damage up, risk down) in the unit square."""
    area, best = 0.0, 0.0
    for damage, risk in sorted(points.tolist(), key=lambda p: p[1]):
        if damage > best:
            area, best = area + (damage - best) * (1 - risk), damage
    return area


def measures(scaled: np.ndarray, all_points: np.ndarray) -> tuple[float, float, float]:
    """Largest gap, hypervolume and order of one setting."""
    way = np.linalg.norm(np.diff(scaled, axis=0), axis=1)
    gap = way.max() / way.sum() if way.sum() > 0 else 1.0
    order = spearmanr(ALPHAS, scaled[:, 0]).statistic
    return gap, hypervolume(scaled) / hypervolume(all_points), order


def main(names: list[str]) -> None:
    console, shown = Console(width=130), " ".join(f"{a:g}" for a in ALPHAS)
    normalizers = choices(objective, objective.AbstractNormalizer)
    for name in names:
        data = load(name)
        splits = [data.split(seed) for seed in SEEDS]
        worlds, n = [world(s, data.target, ThreatSpec()) for s in splits], len(splits[0].train.y)
        found = {}
        for (label, kind), batch in itertools.product(normalizers.items(), BATCHES):
            found[label, batch] = points(worlds, n, kind(), batch)
        every = np.array([np.column_stack(pair) for pair in found.values()]).reshape(-1, 2)
        low, high, most = every[:, 0].min(), every[:, 0].max(), np.log(every[:, 1].max())

        def scale(damage, risk, low=low, high=high, most=most):
            visible = np.log(np.maximum(risk, 1.0)) / most
            return np.column_stack([(damage - low) / (high - low), visible])

        whole = scale(*every.T)
        head = "normalizer", "batch", "largest gap", "hypervolume", "order", f"damage at {shown}"
        table = Table(*head, title=data.name)
        for (label, batch), pair in found.items():
            scaled = scale(*pair)
            gap, area, order = measures(scaled, whole)
            shares = " ".join(f"{x:.2f}" for x in scaled[:, 0])
            table.add_row(label, f"{batch:g}", f"{gap:.2f}", f"{area:.3f}", f"{order:.2f}", shares)
        console.print(table)


if __name__ == "__main__":
    main(sys.argv[1:] or ["diabetes"])
