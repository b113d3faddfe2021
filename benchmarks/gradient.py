"""What one joint hypergradient over 200 poison rows costs: exact adjoint against plain autodiff.

Both differentiate the validation MSE of a ridge trained on 300 clean and 200 poison rows in all
poison features and targets, in float64, in turn in one process on one core, as the attack does it:
50 of them one after the other in one compiled loop. `products` is the time of the adjoint's matrix
products and factorization alone, the least that any such method pays.

    python benchmarks/gradient.py
"""

import os

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import statistics
import time

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table

from mithridate.attack.sample import Sample
from mithridate.attack.victims import Ridge
from mithridate.moments import Moments

N, P, L2, SECONDS, CHAIN = 300, 200, 1e-3, 2.0, 50
KEY = jax.random.key(0)


def rows(n: int, d: int, seed: int) -> Sample:
    rng = np.random.default_rng(seed)
    X = rng.uniform(size=(n, d))
    return Sample(jnp.asarray(X), jnp.asarray(X @ rng.normal(size=d)), jnp.ones(n))


def plain(clean: Sample, judged: Sample):
    """Autodiff through a solve on all rows."""

    def damage(X, y):
        both = clean + Sample(X, y, jnp.ones(P))
        coef, intercept = Moments.of(both.X, both.y, both.w).ridge(L2)
        return jnp.mean((judged.X @ coef + intercept - judged.y) ** 2)

    return jax.jit(jax.grad(damage, argnums=(0, 1)))


def exact(clean: Sample, judged: Sample):
    """Autodiff through the victim's own adjoint."""
    victim = Ridge(L2)
    fixed, at = victim.digest(clean), victim.digest(judged)

    def damage(X, y):
        return victim.loss(victim.fit(fixed, Sample(X, y, jnp.ones(P)), KEY), at)

    return jax.jit(jax.grad(damage, argnums=(0, 1)))


def products(d: int):
    """The Gram of the poison rows, one factorization, and the outer products of the result."""

    def work(X, y):
        H = X.T @ X + jnp.eye(d)
        a = jax.scipy.linalg.cho_solve(jax.scipy.linalg.cho_factor(H), X.T @ y)
        return y[:, None] * a[None, :] - (X @ a)[:, None] * a[None, :], X @ a

    return jax.jit(work)


def chained(way):
    """`CHAIN` steps along what `way` gives, each from where the last one ended."""

    def step(rows, _):
        return tuple(a + 1e-9 * b for a, b in zip(rows, way(*rows), strict=True)), None

    return jax.jit(lambda X, y: jax.lax.scan(step, (X, y), None, CHAIN)[0])


def seconds(function, X, y) -> float:
    """The time of one link of a chain, warm."""
    began = time.perf_counter()
    jax.block_until_ready(function(X, y))
    return (time.perf_counter() - began) / CHAIN


def main() -> None:
    table = Table("d", "plain autodiff", "exact", "plain / exact", "products", "exact / products")
    for d in (13, 30, 117, 274):
        clean, judged, poison = rows(N, d, 0), rows(N, d, 1), rows(P, d, 2)
        ways = plain(clean, judged), exact(clean, judged), products(d)
        chains = [chained(way) for way in ways]
        for chain in chains:
            seconds(chain, poison.X, poison.y)
        want, got = ways[0](poison.X, poison.y), ways[1](poison.X, poison.y)
        for a, b in zip(got, want, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-12)
        taken: list[list[float]] = [[], [], []]
        until = time.perf_counter() + SECONDS
        while time.perf_counter() < until:
            for chain, times in zip(chains, taken, strict=True):
                times.append(seconds(chain, poison.X, poison.y))
        a, b, c = (statistics.median(times) * 1e6 for times in taken)
        table.add_row(
            str(d), f"{a:.0f} µs", f"{b:.0f} µs", f"{a / b:.1f}", f"{c:.0f} µs", f"{b / c:.1f}"
        )
    Console().print(table)


if __name__ == "__main__":
    with jax.enable_x64(True):
        main()
