"""Where poison begins to fit better than the clean rows: measured, foreseen, and the bounds.

For each table and alpha of the stealthy attack on ridge, printed:

- the ratio at which the mean errors meet (`report`), its 95 % interval over the seeds, and the
  ratio that `bench.predict` foresees from the clean rows and the box alone;
- `(g - 1)/(2g - 1)`, where poison seen least for its damage would meet them, g the measured
  growth of the clean rows' error at the measured ratio;
- the mean absolute error of the foreseen ratios, those beyond the ratios tried taken as the last;
- how many cells break the two bounds (none may), and the largest share of a bound reached.

    python benchmarks/poisonability.py                           # the bundled diabetes data
    python benchmarks/poisonability.py loan.csv:int_rate:grade   # FILE:TARGET[:DROP]
    python benchmarks/poisonability.py heart.csv:num::cp,thal    # FILE:TARGET:DROP:CATEGORICAL
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from mithridate.bench import Spec, predict, run
from mithridate.bench.worlds import world
from mithridate.data import load
from mithridate.report.poisonability import AT, BELOW, NOT, Poisonability, poisonability, predicted

ALPHAS = [1.0, 0.6, 0.3, 0.1]
RATIOS = [round(0.05 * k, 2) for k in range(1, 13)]
SIGNS = {BELOW: "<= ", AT: "", NOT: "> "}
L2 = 1e-3  # of the default ridge


def spec_of(given: str, args: argparse.Namespace) -> Spec:
    source, target, drop, categorical = [*given.split(":"), "", "", ""][:4]
    data: dict[str, Any] = {"source": source}
    if target:
        data |= {"target": target, "drop": listed(drop), "categorical": listed(categorical)}
    attack = {"use": "ascent", "alphas": ALPHAS, "normalizer": "ideal"}
    shape = {"seed": args.seed, "seeds": args.seeds, "ratios": RATIOS}
    victim = {"use": "ridge", "l2": L2}
    return Spec.of({**shape, "data": data, "victim": victim, "attacks": [attack], "defenses": []})


def listed(names: str) -> list[str]:
    return [name for name in names.split(",") if name]


def fields(spec: Spec) -> dict[int, predict.Field]:
    """The clean rows of each seed, as `predict` sees them."""
    data = load(
        spec.data.source, spec.data.target, drop=spec.data.drop, categorical=spec.data.categorical
    )
    seeds = range(spec.seed, spec.seed + spec.seeds)
    splits = {seed: data.split(seed, spec.data.rows) for seed in seeds}
    return {
        seed: predict.Field.of(world(split, data.target, spec.threat), L2)
        for seed, split in splits.items()
    }


def undefended(results: pa.Table) -> list[dict[str, Any]]:
    return [row for row in results.to_pylist() if row["defense"] == "none"]


def law(rows: Sequence[dict[str, Any]], one: Poisonability) -> float | None:
    """`(g - 1)/(2g - 1)` at the measured crossing; `rows` are undefended."""
    if one.reach != AT:
        return None
    start = np.mean([row["error_clean"] for row in rows if row["ratio"] == 0])
    mine = [row for row in rows if row["alpha"] == one.keys["alpha"] and row["ratio"] > 0]
    ratios = sorted({row["ratio"] for row in mine})
    means = [np.mean([row["error_clean"] for row in mine if row["ratio"] == r]) for r in ratios]
    g = float(np.interp(one.ratio, ratios, means) / start)
    return (g - 1) / (2 * g - 1)


def bounds(rows: Sequence[dict[str, Any]], known: dict[int, predict.Field]) -> list[list[float]]:
    """Shares of the two bounds that each cell reached: of all poison, and of what fits better."""
    start = {row["seed"]: row["error_clean"] for row in rows if row["ratio"] == 0}
    shares: list[list[float]] = [[], []]
    for row in rows:
        if row["ratio"] == 0:
            continue
        field, v = known[row["seed"]], start[row["seed"]]
        ratio = row["n_poison"] / (row["n_poison"] + row["n_train"])
        penalty = field.penalty @ field.theta**2 / field.clean.mse(field.theta)
        slack = (1 - ratio / 2) ** 2 * penalty / (1 - ratio)
        growth = row["error_clean"] / v - 1
        shares[0].append(growth / (row["risk"] / 4 * ratio / (1 - ratio) + slack))
        if row["error_poison"] <= row["error_clean"]:
            shares[1].append(growth / (predict.hidden(field, ratio) - 1))
    return shares


def words(reach: str, ratio: float) -> str:
    return f"{SIGNS[reach]}{ratio:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", nargs="*", default=["diabetes"], metavar="FILE:TARGET[:DROP[:CAT]]")
    parser.add_argument("--seed", type=int, default=0, help="the first one")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--places", type=int, default=predict.PLACES, help="a batch, in foreseeing")
    args, console = parser.parse_args(), Console(width=150)
    predict.PLACES = args.places
    heads = "table", "alpha", "measured", "95 % over seeds", "foreseen", "(g - 1)/(2g - 1)"
    table = Table(*heads, title="The errors meet at", box=MARKDOWN)
    wrong, shares = [], [[], []]
    for given in args.data:
        began = time.perf_counter()
        spec = spec_of(given, args)
        results = run(spec).table
        rows, ahead = undefended(results), predicted(results)
        for one in poisonability(results):
            alpha, seen = one.keys["alpha"], ahead[one.keys["attack"], one.keys["alpha"]]
            ends = "" if one.low is None else f"{one.low:.3f} to {one.high:.3f}"
            exact = law(rows, one)
            told = words(one.reach, one.ratio), ends, words(*seen)
            table.add_row(
                one.keys["dataset"], f"{alpha:g}", *told, "" if exact is None else f"{exact:.3f}"
            )
            wrong += [abs(one.ratio - seen[1])]
        for i, some in enumerate(bounds(rows, fields(spec))):
            shares[i] += some
        console.print(f"{given}: {time.perf_counter() - began:.0f} s")
    console.print(table, f"mean absolute error of the foreseen: {np.mean(wrong):.3f}")
    for name, found in zip(("damage for its residual", "damage where hidden"), shares, strict=True):
        broken = sum(share > 1 + 1e-6 for share in found)
        console.print(f"{name}: {broken} of {len(found)} break the bound, at most {max(found):.2f}")


if __name__ == "__main__":
    main()
