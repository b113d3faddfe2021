"""A whole sweep as one batched call on a graphics processor, against the same on the CPU.

4 alphas x 8 ratios x 20 seeds of `Ascent` on the bundled diabetes data, through a ridge, a kernel
machine and a network, in float64. All seeds run at once, first at alpha = 1, which the others are
measured against, then all alphas; a run at the largest ratio holds the poison of every smaller one.
Compiling is timed apart, and the run that is timed is the second. On the CPU a network takes long,
so fewer seeds run there, and times are told for each attack. It takes ten minutes at most; JAX
that knows the processor is needed: `pip install "jax[cuda12]"`.

`same` is the share of attacks at alpha = 1 whose damage is that of the CPU to one percent: other
processors round otherwise, and a climb amplifies that.

    python benchmarks/gpu.py            # says so where there is none
    python benchmarks/gpu.py --cpu      # the CPU alone
    python benchmarks/gpu.py --small    # a few steps, to see that it runs
"""

import argparse
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from mithridate.attack.attacks import Ascent
from mithridate.attack.objective import Ideal, Problem
from mithridate.attack.risks import Residual
from mithridate.attack.sample import Sample
from mithridate.attack.threat import ThreatModel, edges
from mithridate.attack.victims import MLP, AbstractVictim, Kernel, Ridge
from mithridate.bench.spec import ThreatSpec
from mithridate.bench.sweep import WRITTEN
from mithridate.bench.worlds import world
from mithridate.data import load

ALPHAS = (1.0, 0.6, 0.3, 0.1)
RATIOS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4)
SEEDS, CPU_SEEDS = 20, 2
VICTIMS = ("ridge", "kernel", "network")
NONE = "JAX sees no GPU here, so there is nothing to measure; --cpu measures the CPU alone."


class Size(NamedTuple):
    """How much is computed."""

    alphas: tuple[float, ...] = ALPHAS
    ratios: tuple[float, ...] = RATIOS
    seeds: int = SEEDS
    steps: int | None = None  # of the attack and of the training of a network; None: the defaults


SMALL = Size(alphas=(1.0, 0.3), ratios=(0.1, 0.2), seeds=2, steps=5)


class Measured(NamedTuple):
    """Seconds, and damage by alpha, seed and ratio."""

    compiling: float
    running: float
    damage: np.ndarray

    @property
    def each(self) -> float:
        """Seconds for each alpha and seed, the run that others are measured against included."""
        return self.running / self.damage[..., 0].size


def attacked(name: str, size: Size) -> tuple[Ascent, AbstractVictim]:
    """The attack and whom it goes through."""
    few: dict[str, Any] = {} if size.steps is None else {"steps": size.steps}
    victims = {"ridge": Ridge, "kernel": Kernel, "network": lambda: MLP(**few)}
    return Ascent(**few), victims[name]()


def given(size: Size) -> tuple[Any, tuple[int, ...]]:
    """What each seed is given, stacked, and where batches end."""
    data = load("diabetes")
    splits = [data.split(seed) for seed in range(size.seeds)]
    each = []
    for seed, split in enumerate(splits):
        side = world(split, data.target, ThreatSpec())
        rows = [
            Sample(jnp.asarray(part.X), jnp.asarray(part.y), jnp.full(len(part.y), weight))
            for part, weight in ((side.known, side.weight), (side.aimed, 1.0))
        ]
        each.append((*rows, {name: np.asarray(getattr(side, name)) for name in WRITTEN}, seed))
    cuts = edges(len(splits[0].train.y), list(size.ratios))
    return jax.tree.map(lambda *leaves: np.stack(leaves), *each), cuts


def measured(name: str, size: Size, device: Any) -> Measured:
    """One batched call on a device."""
    attack, victim = attacked(name, size)
    stacked, cuts = given(size)

    def problem(clean, aimed, written, seed) -> tuple[Problem, Any]:
        key, threat = jax.random.key(seed), ThreatModel(**written, edges=cuts)
        made = Problem.of(clean, aimed, victim, threat, Residual(), Ideal(), key=key)
        return made, key

    def extreme(*side):
        made, key = problem(*side)
        return attack(made, key)[1].ends

    def at(alpha, ends, *side):
        made, key = problem(*side)
        trace = attack(made.at(alpha, ends), key)[1]
        return trace.ends.damage / trace.untouched.damage

    def whole(alphas, sides):
        ends = jax.vmap(extreme)(*sides)
        by_seed = jax.vmap(at, in_axes=(None, 0, 0, 0, 0, 0))
        return jax.vmap(lambda alpha: by_seed(alpha, ends, *sides))(alphas)

    with jax.default_device(device):
        arguments = jax.device_put((np.asarray(size.alphas), stacked), device)
        began = time.perf_counter()
        program = jax.jit(whole).lower(*arguments).compile()
        ready = time.perf_counter()
        jax.block_until_ready(program(*arguments))
        again = time.perf_counter()
        damage = np.asarray(jax.block_until_ready(program(*arguments)))
        return Measured(ready - began, time.perf_counter() - again, damage)


def timings(names: list[str], size: Size, gpu: Any | None) -> Table:
    """A row for each victim."""
    seeds = f"{len(size.alphas)} alphas x {len(size.ratios)} ratios x {size.seeds} seeds"
    kind = "no GPU" if gpu is None else gpu.device_kind
    heads = "through", "compiling", kind, "an attack there", "on the CPU", "CPU / GPU", "same"
    table = Table(*heads, title=seeds, box=MARKDOWN)
    cpu = jax.devices("cpu")[0]
    for name in names:
        one = measured(name, size._replace(seeds=min(size.seeds, CPU_SEEDS)), cpu)
        if gpu is None:
            table.add_row(name, "-", "-", "-", f"{one.each * 1e3:.1f} ms", "-", "-")
            continue
        all_ = measured(name, size, gpu)
        alike = np.isclose(all_.damage[0, : one.damage.shape[1]], one.damage[0], rtol=0.01)
        figures = f"{all_.compiling:.1f} s", f"{all_.running:.2f} s", f"{all_.each * 1e3:.2f} ms"
        ratio = f"{one.each / all_.each:.1f}"
        table.add_row(name, *figures, f"{one.each * 1e3:.1f} ms", ratio, f"{alike.mean():.0%}")
    return table


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cpu", action="store_true", help="the CPU alone")
    parser.add_argument("--small", action="store_true", help="a few steps of few cells")
    parser.add_argument("--victims", nargs="*", default=list(VICTIMS), choices=VICTIMS)
    args, console = parser.parse_args(arguments), Console(width=130)
    gpus = [] if args.cpu else [one for one in jax.devices() if one.platform == "gpu"]
    if not gpus and not (args.cpu or args.small):
        console.print(NONE)
        return
    console.print(timings(args.victims, SMALL if args.small else Size(), gpus[0] if gpus else None))


if __name__ == "__main__":
    with jax.enable_x64(True):
        main()
