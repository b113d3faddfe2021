"""What differentiating through the training of a network costs: time beside PyTorch, and memory.

Both differentiate the validation MSE of the `MLP` victim in the features and targets of 60 poison
rows beside 300 clean ones, through all steps of its training, in float64, in turn in one process
on one core. PyTorch does the very same training from the same weights, step by step in eager mode
with `create_graph=True`; the two gradients are checked to agree. Memory is the scratch space that
the compiled program asks for, with every step recomputed on the way back, as the victim does it,
and with everything kept.

    pip install torch
    python benchmarks/unrolled.py
"""

import os

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import importlib
import importlib.util
import statistics
import sys
import time
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from mithridate.attack.sample import Sample
from mithridate.attack.victims import MLP

N, P, WIDTHS, STEPS, SECONDS, ROUNDS = 300, 60, (13, 30), 200, 5.0, 5
LENGTHS = 100, 1000
KEY = jax.random.key(0)


def rows(n: int, d: int, seed: int) -> Sample:
    """Rows of one law for all seeds: a smooth curve along one direction, and noise."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(size=(n, d))
    y = np.sin(3 * X.mean(axis=1)) + 0.1 * rng.normal(size=n)
    return Sample(jnp.asarray(X), jnp.asarray(y), jnp.ones(n))


def ours(victim: MLP, clean: Sample, judged: Sample):
    """The hypergradient by the victim."""

    def damage(X, y):
        params = victim.fit(clean, Sample(X, y, jnp.ones(len(y))), KEY)
        return victim.loss(params, judged)

    return jax.grad(damage, argnums=(0, 1))


def theirs(victim: MLP, clean: Sample, judged: Sample):
    """The same training, differentiated by PyTorch."""
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)

    def tensor(a):
        return torch.tensor(np.asarray(a))

    X_clean, y_clean = tensor(clean.X), tensor(clean.y)
    X_judged, y_judged = tensor(judged.X), tensor(judged.y)
    begin = victim.init(jax.random.split(KEY)[0], clean.X.shape[1])
    begin = [tensor(leaf) for leaf in jax.tree.leaves(begin)]

    def error(params, X, y):
        hidden = X.T
        for weight, bias in zip(params[:-2:2], params[1:-2:2], strict=True):
            hidden = torch.tanh(weight @ hidden + bias)
        return torch.mean(((params[-2] @ hidden + params[-1])[0] - y) ** 2)

    def gradient(X_moving, y_moving):
        moving = tensor(X_moving).requires_grad_(), tensor(y_moving).requires_grad_()
        X, y = torch.cat([X_clean, moving[0]]), torch.cat([y_clean, moving[1]])
        pace = victim.rate / (torch.mean(torch.sum(X**2, dim=1)) + 1)
        params = [leaf.clone().requires_grad_() for leaf in begin]
        speed = [torch.zeros_like(leaf) for leaf in begin]
        for _ in range(victim.steps):
            penalty = sum(torch.sum(leaf**2) for leaf in params)
            goal = error(params, X, y) + victim.l2 * penalty
            slope = torch.autograd.grad(goal, params, create_graph=True)
            norm = torch.sqrt(sum(torch.sum(leaf**2) for leaf in slope))
            factor = victim.clip / norm if norm > victim.clip else 1.0
            speed = [
                victim.momentum * v - pace * factor * g for v, g in zip(speed, slope, strict=True)
            ]
            params = [leaf + v for leaf, v in zip(params, speed, strict=True)]
        return torch.autograd.grad(error(params, X_judged, y_judged), moving)

    return gradient


def seconds(function, *given) -> float:
    began = time.perf_counter()
    jax.block_until_ready(function(*given))
    return time.perf_counter() - began


def medians(*calls) -> list[float]:
    """Median seconds of calls that are made in turn."""
    taken: list[list[float]] = [[] for _ in calls]
    until = time.perf_counter() + SECONDS
    while len(taken[0]) < ROUNDS or time.perf_counter() < until:
        for (function, *given), times in zip(calls, taken, strict=True):
            times.append(seconds(function, *given))
    return [statistics.median(times) for times in taken]


def off(got, want) -> float:
    """The larger relative difference of two pairs of gradients."""
    pairs = [(np.asarray(a), np.asarray(b)) for a, b in zip(got, want, strict=True)]
    return max(float(np.linalg.norm(a - b) / np.linalg.norm(b)) for a, b in pairs)


def beside_torch() -> Table:
    """Time of one hypergradient, and how far the two are apart."""
    title = f"{STEPS} steps, {N} clean and {P} poison rows"
    head = "d", "mithridate", "PyTorch", "PyTorch / mithridate", "relative difference"
    table = Table(*head, title=title, box=MARKDOWN)
    for d in WIDTHS:
        clean, judged, poison = rows(N, d, 0), rows(N, d, 1), rows(P, d, 2)
        victim = MLP(steps=STEPS, truncate=None)
        fast, slow = jax.jit(ours(victim, clean, judged)), theirs(victim, clean, judged)
        here = np.asarray(poison.X), np.asarray(poison.y)
        apart = off(fast(*here), slow(*here))
        if not apart < 1e-6:
            sys.exit(f"The two gradients differ by {apart:.1e}.")
        a, b = medians((fast, *here), (slow, *here))
        row = f"{a * 1e3:.1f} ms", f"{b * 1e3:.0f} ms", f"{b / a:.1f}", f"{apart:.0e}"
        table.add_row(str(d), *row)
    return table


def compiled(victim: MLP, d: int, recompute: bool):
    """The hypergradient, compiled; every step recomputed on the way back, or everything kept."""
    clean, judged, poison = rows(N, d, 0), rows(N, d, 1), rows(P, d, 2)
    way = jax.jit(ours(victim, clean, judged))
    kept = mock.patch.object(jax, "checkpoint", jax.checkpoint if recompute else lambda f: f)
    with kept:
        return way.lower(poison.X, poison.y).compile(), (poison.X, poison.y)


def scratch(program: Any) -> int:
    """Bytes of scratch space that a compiled program asks for."""
    return program.memory_analysis().temp_size_in_bytes


def in_memory() -> Table:
    """Scratch space and time, every step recomputed and everything kept."""
    head = "recomputed", "kept", "kept / recomputed", "time, recomputed / kept"
    table = Table("d", "steps", *head, box=MARKDOWN)
    for d in WIDTHS:
        grown: list[list[int]] = [[], []]
        for steps in LENGTHS:
            victim = MLP(steps=steps, truncate=None)
            programs = [compiled(victim, d, recompute) for recompute in (True, False)]
            least, most = (scratch(program) for program, _ in programs)
            grown[0].append(least)
            grown[1].append(most)
            a, b = medians(*((program, *given) for program, given in programs))
            sizes = f"{least / 2**20:.2f} MiB", f"{most / 2**20:.2f} MiB", f"{most / least:.1f}"
            table.add_row(str(d), str(steps), *sizes, f"{a / b:.2f}")
        factors = [f"x {last / first:.1f}" for first, last in grown]
        table.add_row(str(d), f"x {LENGTHS[1] // LENGTHS[0]}", *factors, "", "")
    return table


def main() -> None:
    if importlib.util.find_spec("torch") is None:
        sys.exit("This benchmark compares with PyTorch; install it with: pip install torch")
    console = Console(width=130)
    console.print(beside_torch())
    console.print(in_memory())


if __name__ == "__main__":
    with jax.enable_x64(True):
        main()
