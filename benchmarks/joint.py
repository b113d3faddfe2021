"""One exact joint hypergradient against the reference way, one least-squares problem a poison row.

Both are of the validation MSE of a ridge, in all features and targets of all poison rows, in
float64, in turn in one process on one core, each after a fit on all rows. `exact` is the victim's
own adjoint, 50 steps one after the other in one compiled loop. `reference` is the gradient of
Jagielski et al. (2018) as their code has it: for each row, the (d + 1) x (d + 1) system of the
*clean* rows alone is solved afresh for d + 1 right-hand sides. `cosine` is the mean over rows of
the cosine between the two gradients in the features.

    python benchmarks/joint.py [--run RUN.npz --columns TABLE.csv]

With a run of the reference code (its rows, and a table whose columns `feature:level` say what is
one-hot), the same on its rows, and whole ascents from where it started: seconds without compiling,
and the test MSE they reach with feasible rows, beside what the reference reached.
"""

import os

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import csv
import statistics
import time
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from mithridate.attack.attacks import Ascent
from mithridate.attack.objective import Problem, Raw
from mithridate.attack.risks import Residual
from mithridate.attack.sample import Sample
from mithridate.attack.threat import ThreatModel
from mithridate.attack.victims import Ridge

PENALTY = 0.1  # on the summed loss, as in the reference
N, SIZES = 300, ((75, 274), (200, 30), (75, 13))
COUNTS = (13, 26, 41, 57, 75)
SECONDS, CHAIN, ROUNDS = 3.0, 50, 3
KEY = jax.random.key(0)
SHARED = Path(__file__).parents[2] / "shared"
RUN = SHARED / "peers" / "manipml_house_ridge_bflip.npz"
COLUMNS = SHARED / "data" / "house_manipml.csv"


def made_up(p: int, d: int) -> tuple[Sample, Sample, Sample]:
    """Clean, validation and poison rows; poison is clean rows with targets at the far end."""
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(2 * N, d))
    y = X @ rng.normal(size=d) + 0.1 * rng.normal(size=2 * N)
    y = (y - y.min()) / np.ptp(y)
    poison = X[:p], (y[:p] < 0.5).astype(float)
    return rows(X[:N], y[:N]), rows(X[N:], y[N:]), rows(*poison)


def rows(X, y) -> Sample:
    return Sample(jnp.asarray(X), jnp.asarray(y), jnp.ones(len(y)))


def exact(clean: Sample, judged: Sample, p: int):
    """The hypergradient of all rows by the victim's adjoint."""
    victim = Ridge(PENALTY / (len(clean.y) + p))
    fixed, at = victim.digest(clean), victim.digest(judged)

    def damage(X, y):
        return victim.loss(victim.fit(fixed, Sample(X, y, jnp.ones(p)), KEY), at)

    return jax.grad(damage, argnums=(0, 1))


def chained(way):
    """`CHAIN` steps along what `way` gives, each from where the last one ended."""

    def step(state, _):
        return tuple(a + 1e-9 * b for a, b in zip(state, way(*state), strict=True)), None

    return jax.jit(lambda X, y: jax.lax.scan(step, (X, y), None, CHAIN)[0])


def reference(clean: Sample, judged: Sample):
    """The approximate gradient, row by row, in plain NumPy."""
    X, y, X_val, y_val = (np.asarray(a) for a in (clean.X, clean.y, judged.X, judged.y))
    (n, d), center = X.shape, X.mean(axis=0)
    left = np.ones((d + 1, d + 1))
    left[:d, :d] = X.T @ X / n + PENALTY * np.eye(d)
    left[:d, d] = left[d, :d] = center

    def fit(Xp, yp):
        Z, t = np.vstack([X, Xp]), np.concatenate([y, yp])
        middle, mean = Z.mean(axis=0), t.mean()
        H = (Z - middle).T @ (Z - middle) + PENALTY * np.eye(d)
        w = np.linalg.solve(H, (Z - middle).T @ (t - mean))
        return w, mean - middle @ w

    def one(x, t, w, b, residual):
        e = x @ w + b - t
        right = np.zeros((d + 1, d + 1))
        right[:d, :d] = np.outer(x, w) + e * np.eye(d)
        right[:d, d], right[d, :d], right[d, d] = -x, w, -1.0
        change = np.linalg.lstsq(left, -right / n, rcond=None)[0]
        return residual @ (X_val @ change[:d] + change[d]) / len(residual)

    def gradient(Xp, yp):
        w, b = fit(Xp, yp)
        residual = X_val @ w + b - y_val
        g = np.array([one(x, t, w, b, residual) for x, t in zip(Xp, yp, strict=True)])
        return g[:, :d], g[:, d]

    return gradient


def seconds(function, *given) -> float:
    began = time.perf_counter()
    jax.block_until_ready(function(*given))
    return time.perf_counter() - began


def shown(value: float) -> str:
    return f"{value * 1e6:.0f} µs" if value < 1e-3 else f"{value * 1e3:.1f} ms"


def compare(name: str, clean: Sample, judged: Sample, poison: Sample) -> list[str]:
    """One line of the table of gradients."""
    p, d = poison.X.shape
    here = np.asarray(poison.X), np.asarray(poison.y)
    way, slow = exact(clean, judged, p), reference(clean, judged)
    chain = chained(way)
    a, b = np.asarray(jax.jit(way)(poison.X, poison.y)[0]), slow(*here)[0]
    seconds(chain, poison.X, poison.y)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosine = np.mean((a * b).sum(axis=1) / norms)
    taken: list[list[float]] = [[], []]
    until = time.perf_counter() + SECONDS
    while len(taken[0]) < ROUNDS or time.perf_counter() < until:
        taken[0].append(seconds(chain, poison.X, poison.y) / CHAIN)
        taken[1].append(seconds(slow, *here))
    fast, long = (statistics.median(times) for times in taken)
    sizes = str(len(clean.y)), str(p), str(d)
    return [name, *sizes, shown(fast), shown(long), f"{long / fast:.0f}", f"{cosine:.2f}"]


class From(Ascent):
    """The ascent from given rows."""

    rows: Sample = eqx.field(kw_only=True)

    def _start(self, problem, key):
        return self.rows, jnp.zeros(self.rows.y.shape, int)


def ascents(run, columns: Path) -> Table:
    """Whole ascents from the start of a run, in one batch and in five."""
    clean, judged, test, start, end = of(run)
    p, d = start.X.shape
    victim = Ridge(PENALTY / (len(clean.y) + p))

    def mse(poison: Sample) -> list[str]:
        params = victim.fit(victim.digest(clean), poison, KEY)
        return [f"{victim.loss(params, victim.digest(part)):.4f}" for part in (judged, test)]

    head = f"{p} poison rows", "compiling", "running", "validation MSE", "test MSE"
    table, member = Table(*head, box=MARKDOWN), grouped(columns)
    table.add_row("start", "", "", *mse(start))
    table.add_row("reference", "", "", *mse(end))
    short = {"starts": ("clones",), "steps": 10, "rate": 0.01}
    for label, edges, groups, settings in (
        ("exact, one batch", (0, COUNTS[-1]), member, {}),
        ("exact, batches of " + " ".join(map(str, COUNTS)), (0, *COUNTS), member, {}),
        ("exact, one batch, categories left fractional", (0, COUNTS[-1]), member[:0], {}),
        ("the same, 10 steps of .01 from the start alone", (0, COUNTS[-1]), member[:0], short),
    ):
        box = {"lower": jnp.zeros(d + 1), "upper": jnp.ones(d + 1)}
        rule = {"member": jnp.asarray(groups), "optional": jnp.ones(len(groups), bool)}
        threat = ThreatModel.around(clean, edges, **box, **rule)
        problem = Problem.of(clean, judged, victim, threat, Residual(), Raw(), key=KEY)
        began = time.perf_counter()
        climb = eqx.filter_jit(From(rows=start, **settings)).lower(problem, KEY).compile()
        compiling = time.perf_counter() - began
        taken = statistics.median(seconds(climb, problem, KEY) for _ in range(ROUNDS))
        poison, _ = climb(problem, KEY)
        table.add_row(label, f"{compiling:.1f} s", f"{taken:.2f} s", *mse(poison))
    return table


def of(run) -> list[Sample]:
    """Clean, validation and test rows of a run, its start and its end."""
    parts = ("trn", ""), ("vld", ""), ("tst", ""), ("p", f"0_{COUNTS[-1]}"), ("p", f"_{COUNTS[-1]}")
    return [rows(run[f"{part}x{tail}"], run[f"{part}y{tail}"]) for part, tail in parts]


def grouped(columns: Path) -> np.ndarray:
    """The one-hot groups (groups, d) that a table's header tells, its first column the target."""
    with columns.open() as file:
        stems = [column.partition(":") for column in next(csv.reader(file))[1:]]
    names = sorted({stem for stem, colon, _ in stems if colon})
    return np.array([[stem == name and bool(colon) for stem, colon, _ in stems] for name in names])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--run", type=Path, default=RUN)
    parser.add_argument("--columns", type=Path, default=COLUMNS)
    given, console = parser.parse_args(), Console(width=130)
    head = "rows", "n", "p", "d", "exact", "reference", "reference / exact", "cosine"
    table = Table(*head, box=MARKDOWN)
    for p, d in SIZES:
        table.add_row(*compare("made up", *made_up(p, d)))
    there = given.run.is_file() and given.columns.is_file()
    if there:
        clean, judged, _, start, _ = of(np.load(given.run))
        table.add_row(*compare("of the run", clean, judged, start))
    console.print(table)
    if there:
        console.print(ascents(np.load(given.run), given.columns))
    else:
        console.print(f"No ascents: {given.run.name} or {given.columns.name} is not there.")


if __name__ == "__main__":
    with jax.enable_x64(True):
        main()
