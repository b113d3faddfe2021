"""A whole sweep of the stealthy attack in one compiled call against one cell after the other.

4 alphas x 8 ratios x 5 seeds of `Ascent` on ridge and the bundled diabetes data, in float64, in
turn in one process on one core. `sweep` runs the alpha = 1 attack once a seed, then all alphas, and
its run at the largest ratio holds the poison of every smaller one. The others run each ratio, seed
and alpha by itself with one compiled program a ratio, used again for all seeds and alphas:
`shared` runs the alpha = 1 attack, which the others are measured against, once a ratio and seed,
`alone` once a cell. Compiling is timed apart.

The second table tells how far the poison of the two is apart: the largest difference of a feature
or target, of relative damage and of relative risk. A climb at small alpha amplifies rounding of
1e-16 until it decides where a row ends, so two programs that are compiled apart come to different
rows there; from alpha 0.6 on the rows are checked to be the same.

    python benchmarks/sweep.py
"""

import os

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import statistics
import sys
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from mithridate.attack.attacks import Ascent
from mithridate.attack.objective import Incremental, Problem, Terms
from mithridate.attack.risks import Residual
from mithridate.attack.sample import Sample
from mithridate.attack.threat import ThreatModel, edges
from mithridate.attack.victims import Ridge
from mithridate.bench.spec import ThreatSpec
from mithridate.bench.sweep import WRITTEN, Attacker, Poison, sweep
from mithridate.bench.worlds import World, world
from mithridate.data import load

ALPHAS = [1.0, 0.6, 0.3, 0.1]
RATIOS = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4]
SEEDS = [0, 1, 2, 3, 4]
ROUNDS, L2, STABLE = 3, 1e-3, 0.6
ATTACK, PARTS = Ascent(), (Ridge(L2), Residual(), Incremental())


def problem(side: World, cuts: tuple[int, ...], key) -> Problem:
    """The alpha = 1 problem of one seed with batches that end at `cuts`."""
    clean, aimed = (
        Sample(jnp.asarray(part.X), jnp.asarray(part.y), jnp.full(len(part.y), weight))
        for part, weight in ((side.known, side.weight), (side.aimed, 1.0))
    )
    given: dict[str, Any] = {name: jnp.asarray(getattr(side, name)) for name in WRITTEN}
    # The penalty is an array, as is all else that a compiled program is called with.
    victim, (_, risk, normalizer) = Ridge(jnp.asarray(L2)), PARTS
    threat = ThreatModel(**given, edges=cuts)
    return Problem.of(clean, aimed, victim, threat, risk, normalizer, key=key)


def cell(problem: Problem, alpha, extreme: Terms, key):
    """Poison and trace of one attack."""
    return ATTACK(problem.at(alpha, extreme), key)


class Loop:
    """A compiled program for each ratio, called for each seed and alpha."""

    def __init__(self, worlds: list[World], cuts: tuple[int, ...]):
        self.keys = [jax.random.key(seed) for seed in SEEDS]
        self.alphas = [jnp.asarray(alpha) for alpha in ALPHAS]
        ratios = [cuts[: k + 2] for k in range(len(RATIOS))]
        self.problems = [
            [problem(side, some, key) for side, key in zip(worlds, self.keys, strict=True)]
            for some in ratios
        ]
        began = time.perf_counter()
        self.programs = [self.compiled(row[0]) for row in self.problems]
        self.compiling = time.perf_counter() - began

    def compiled(self, one: Problem):
        return jax.jit(cell).lower(one, self.alphas[0], one.extreme, self.keys[0]).compile()

    def __call__(self, shared: bool) -> tuple[dict, float]:
        """Poison and trace of each alpha, seed and ratio, and the seconds it took."""
        made, began = {}, time.perf_counter()
        for k, attack in enumerate(self.programs):
            for s, (one, key) in enumerate(zip(self.problems[k], self.keys, strict=True)):
                extreme = None
                for a, alpha in enumerate(self.alphas):
                    if extreme is None or not shared:
                        # At alpha = 1 the normalizer is a factor, and changes nothing.
                        extreme = attack(one, one.alpha, one.extreme, key)[1].ends
                    made[a, s, k] = jax.block_until_ready(attack(one, alpha, extreme, key))
        return made, time.perf_counter() - began


def apart(whole: Poison, made: dict) -> np.ndarray:
    """Largest difference of rows and of relative damage and risk, for each alpha."""
    most = np.zeros((len(ALPHAS), 3))
    for (a, s, k), (poison, trace) in made.items():
        p = len(poison.y)
        got = np.column_stack([poison.X, poison.y])
        want = np.column_stack([whole.X[a, s, :p], whole.y[a, s, :p]])
        damage = trace.ends.damage[-1] / whole.damage[a, s, k] - 1
        risk = trace.ends.risk[-1] / whole.risk[a, s, k] - 1
        off = np.abs(got - want).max(), abs(damage), abs(risk)
        most[a] = np.maximum(most[a], off)
    return most


def main() -> None:
    data = load("diabetes")
    splits = [data.split(seed) for seed in SEEDS]
    worlds = [world(split, data.target, ThreatSpec()) for split in splits]
    cuts = edges(len(splits[0].train.y), RATIOS)
    loop = Loop(worlds, cuts)
    taken: dict[str, list[float]] = {"sweep": [], "shared": [], "alone": []}
    compiling = []
    for _ in range(ROUNDS):
        whole = sweep(Attacker(ATTACK, *PARTS), worlds, SEEDS, ALPHAS, cuts)
        taken["sweep"].append(whole.seconds)
        compiling.append(whole.compiling)
        for name in ("shared", "alone"):
            made, seconds = loop(name == "shared")
            taken[name].append(seconds)
    middle = {name: statistics.median(times) for name, times in taken.items()}
    ready = statistics.median(compiling), loop.compiling, loop.compiling
    title = f"{len(ALPHAS)} alphas x {len(RATIOS)} ratios x {len(SEEDS)} seeds"
    table = Table("way", "compiling", "running", "running / sweep", title=title, box=MARKDOWN)
    for (name, seconds), before in zip(middle.items(), ready, strict=True):
        share = f"{seconds / middle['sweep']:.1f}"
        table.add_row(name, f"{before:.1f} s", f"{seconds:.2f} s", share)
    console, most = Console(width=130), apart(whole, made)
    console.print(table)
    table = Table("alpha", "rows", "damage", "risk", title="Largest difference", box=MARKDOWN)
    for alpha, row in zip(ALPHAS, most, strict=True):
        table.add_row(f"{alpha:g}", *(f"{value:.0e}" for value in row))
    console.print(table)
    if not most[np.asarray(ALPHAS) >= STABLE, 0].max() < 1e-6:
        sys.exit(f"The poison at alpha {STABLE:g} and above is not the same.")


if __name__ == "__main__":
    with jax.enable_x64(True):
        main()
