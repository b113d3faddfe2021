"""Poison that Antidote misses, as its page lists it, and what the judge of `clean` makes of it.

Four kinds: targets that are kept off the ends of the range, the table Heart, `StatP` at ratio .4,
and poison inside the noise (alpha .1). *Found*: at least 90 % of the oracle's gain, of the cells
where the oracle gains .1 or more; *harmed*: a gain below -.05, of all cells. Through ridge, 300
rows or half of the table. Then unmodified tables whose targets are curves, of 1,000 rows: the
share of their rows that is rejected, all of them in vain.

    python benchmarks/holes.py boston.csv heart.csv [--seeds 3]
"""

import argparse
import sys
from typing import Any

import numpy as np
import pandas as pd
from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table
from sklearn import datasets

import mithridate
from mithridate.bench import Spec, run

DEFENSES = ("antidote", "tableerrors")
LEAST = 0.1  # gain of the oracle from which on a cell counts as one to be found
FOUND, HARMED = 0.9, -0.05
NO_BOUND = "sklearn.linear_model.Ridge"  # as judge it is the same model, and none is proved of it


def kinds(boston: str, heart: str) -> dict[str, list[dict[str, Any]]]:
    """The specs of each kind of poison."""
    ascent = {"use": "ascent", "alphas": [1, 0.45]}
    noise = {"use": "ascent", "alphas": [0.1]}
    tables = {"source": "diabetes"}, {"source": boston, "target": "medv"}
    sick = {"source": heart, "target": "num"}
    boxes = {"progression": [45, 320]}, {"medv": [8, 47]}
    return {
        "targets off the ends": [
            {"data": data, "attacks": [ascent], "threat": {"box": box}, "ratios": [0.1, 0.3]}
            for data, box in zip(tables, boxes, strict=True)
        ],
        "Heart": [{"data": sick, "attacks": [ascent, "flip"], "ratios": [0.1, 0.3]}],
        "statp at .4": [
            {"data": data, "attacks": ["statp"], "ratios": [0.4]} for data in (*tables, sick)
        ],
        "alpha .1": [{"data": data, "attacks": [noise], "ratios": [0.1, 0.3]} for data in tables],
    }


def judged(spec: dict[str, Any], seeds: int) -> list[dict[str, Any]]:
    """The rows of the defenses on poisoned tables."""
    shared = {"seed": 10, "seeds": seeds, "defenses": list(DEFENSES), "judge": NO_BOUND}
    rows = run(Spec.of({**spec, **shared})).table.to_pylist()
    return [row for row in rows if row["defense"] in DEFENSES and row["ratio"] > 0]


def counted(rows: list[dict[str, Any]]) -> list[str]:
    """What is said of one defense and one kind of poison."""
    to_find = [row for row in rows if row["gain_oracle"] >= LEAST]
    helped = sum(row["gain"] >= FOUND * row["gain_oracle"] for row in to_find)
    harmed = sum(row["gain"] < HARMED for row in rows)
    least, mean = min(r["gain"] for r in rows), sum(r["gain"] for r in rows) / len(rows)
    return [f"{helped}/{len(to_find)}", f"{harmed}/{len(rows)}", f"{mean:.2f}", f"{least:.2f}"]


def curves(seed: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Features and targets of Friedman's three curves, with noise of a fifth of the target's."""
    made = {}
    for k in (1, 2, 3):
        make = getattr(datasets, f"make_friedman{k}")
        X, y = make(1000, random_state=seed)
        made[f"Friedman {k}"] = X, y + np.random.default_rng(seed).normal(0, 0.2 * y.std(), len(y))
    return made


def rejected(seeds: int) -> dict[str, dict[str, list[float]]]:
    """The share of the rows of each curve that each defense rejects, by curve and defense."""
    shares: dict[str, dict[str, list[float]]] = {}
    for seed in range(seeds):
        for name, (X, y) in curves(seed).items():
            frame = pd.DataFrame(X).add_prefix("x").assign(y=y)
            for defense in DEFENSES:
                result = mithridate.clean(frame, target="y", defense=defense)
                shares.setdefault(name, {}).setdefault(defense, []).append(result.rejected / len(y))
    return shares


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("boston")
    parser.add_argument("heart")
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args(arguments)
    heads = ("poison", "defense", "found", "harmed", "mean gain", "least gain")
    table = Table(*heads, box=MARKDOWN)
    for kind, specs in kinds(args.boston, args.heart).items():
        rows = [row for spec in specs for row in judged(spec, args.seeds)]
        for name in DEFENSES:
            table.add_row(kind, name, *counted([row for row in rows if row["defense"] == name]))
    clean = Table(
        "unmodified", *(f"rejected by {name}: mean, most" for name in DEFENSES), box=MARKDOWN
    )
    for name, shares in rejected(args.seeds).items():
        lines = [
            f"{100 * np.mean(shares[d]):.1f} %, {100 * max(shares[d]):.1f} %" for d in DEFENSES
        ]
        clean.add_row(name, *lines)
    for made in (table, clean):
        Console(width=120).print(made)


if __name__ == "__main__":
    main(sys.argv[1:])
