"""Mean test defense gain of every defense, for each alpha and ratio of the stealthy attack.

The poison of each table, alpha, ratio and seed is made once and every defense judged on it. Those
that must be told the ratio are told the true one; `duti` and `kolmogorovsmirnov` get 30 trusted
rows; all else is left to its defaults (so `itrim` looks for .14 of the rows at most). Printed,
over tables and seeds:

- the mean gain for each alpha and ratio, the oracle's first: with the clean rows alone;
- how many of the cells have a gain below 0;
- the mean gain on each table at one ratio;
- on unpoisoned rows, of those that are not told the ratio: the gain, and the share rejected.

    python benchmarks/gains.py                                      # the bundled diabetes data
    python benchmarks/gains.py loan.csv:int_rate:grade,sub_grade    # FILE:TARGET[:DROP]
    python benchmarks/gains.py heart.csv:num::cp,thal               # FILE:TARGET:DROP:CATEGORICAL
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from mithridate.bench import Spec, run

ALPHAS = [1.0, 0.6, 0.3, 0.1]
RATIOS = [0.1, 0.2, 0.3, 0.4]
SHOWN = 0.3  # the ratio at which tables are told apart
DEFENSES = ["trim", "sever", "proda", "torrent", "outliers"]  # told the ratio
DEFENSES += ["itrim", "huber", "ransac", "theilsen", "bayesclean", "antidote"]  # told nothing
DEFENSES += ["leasttrimmedsquares"]
DEFENSES += ["duti", "kolmogorovsmirnov", "trustedonly"]  # 30 trusted rows, the ratio for duti

Rows = list[dict[str, Any]]


def judged(given: str, defenses: list[str], args) -> Rows:
    """All rows of the results of one table."""
    source, target, drop, categorical = [*given.split(":"), "", "", ""][:4]
    data: dict[str, Any] = {"source": source}
    if target:
        data |= {"target": target, "drop": listed(drop), "categorical": listed(categorical)}
    spec = Spec.of(
        {
            "seed": args.seed,
            "seeds": args.seeds,
            "ratios": RATIOS,
            "data": data,
            "attacks": [{"use": "ascent", "alphas": ALPHAS, "normalizer": args.normalizer}],
            "defenses": [{"use": use} for use in defenses],
        }
    )
    return run(spec).table.to_pylist()


def listed(names: str) -> list[str]:
    return [name for name in names.split(",") if name]


def name(row: dict[str, Any]) -> str:
    """The defense, and what it was given."""
    given = ["ratio"] if row["contamination"] == "oracle" else []
    given += [f"{row['trusted']} rows"] if row["trusted"] else []
    return f"{row['defense']} ({', '.join(given)})" if given else row["defense"]


def means(rows: Rows, **at: Any) -> str:
    """Mean gain of the rows at some place, with two digits."""
    gains = [r["gain"] for r in rows if all(r[k] == v for k, v in at.items())]
    return f"{np.mean(gains):.2f}" if gains else "-"


def below(rows: Rows, **at: Any) -> str:
    """How many of the rows at some place have a negative gain."""
    return str(sum(r["gain"] < 0 for r in rows if all(r[k] == v for k, v in at.items())))


def by_alpha(some: dict[str, Rows], figure, title: str, last: str, total) -> Table:
    """One line a defense, one column an alpha, in it one figure a ratio."""
    heads = [f"alpha {alpha:g}" for alpha in ALPHAS]
    table = Table("defense", *heads, last, title=title, box=MARKDOWN)
    for defense, rows in some.items():
        cells = [" ".join(figure(rows, alpha=a, ratio=r) for r in RATIOS) for a in ALPHAS]
        table.add_row(defense, *cells, total(rows))
    return table


def by_table(some: dict[str, Rows], title: str) -> Table:
    """One line a defense, one column a table, in it one figure an alpha."""
    names = list(dict.fromkeys(r["dataset"] for rows in some.values() for r in rows))
    table = Table("defense", *names, title=title, box=MARKDOWN)
    for defense, rows in some.items():
        cells = [
            " ".join(means(rows, dataset=n, alpha=a, ratio=SHOWN) for a in ALPHAS) for n in names
        ]
        table.add_row(defense, *cells)
    return table


def unpoisoned(some: dict[str, Rows]) -> Table:
    """What each defense that is not told the ratio costs where there is nothing to find."""
    heads = "defense", "median gain", "least gain", "rejected, mean", "rejected, most"
    table = Table(*heads, title="Unpoisoned rows", box=MARKDOWN)
    for defense, rows in some.items():
        if defense == "oracle" or rows[0]["contamination"]:
            continue  # told that there is no poison, it rejects nothing
        gains, rejected = [r["gain"] for r in rows], [1 - r["kept"] for r in rows]
        figures = np.median(gains), np.min(gains), np.mean(rejected), np.max(rejected)
        table.add_row(defense, *(f"{value:.2f}" for value in figures))
    return table


def grouped(rows: Rows) -> dict[str, Rows]:
    """Rows by defense, without the undefended ones and those that failed."""
    some: dict[str, Rows] = {}
    for row in rows:
        if row["defense"] != "none" and row["status"] == "ok":
            some.setdefault(name(row), []).append(row)
    return some


def report(rows: Rows, console: Console) -> None:
    """All tables, and what failed."""
    attacked = grouped([r for r in rows if r["attack"] != "none"])
    each = " ".join(f"{ratio:g}" for ratio in RATIOS)
    at = f"at ratios {each}"
    console.print(
        by_alpha(attacked, means, f"Mean gain {at}", "all", means),
        by_alpha(
            attacked,
            below,
            f"Cells with negative gain {at}",
            "all",
            lambda r: f"{below(r)}/{len(r)}",
        ),
        by_table(attacked, f"Mean gain at ratio {SHOWN:g}, alphas {' '.join(map(str, ALPHAS))}"),
        unpoisoned(grouped([r for r in rows if r["attack"] == "none"])),
    )
    for row in rows:
        if row["status"] == "failed":
            place = (row[k] for k in ("dataset", "defense", "alpha", "ratio", "seed", "message"))
            console.print("failed:", *place)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", nargs="*", default=["diabetes"], metavar="FILE:TARGET[:DROP[:CAT]]")
    parser.add_argument("--without", nargs="*", default=[], help="defenses to leave out")
    parser.add_argument("--normalizer", default="incremental", help="of the attack")
    parser.add_argument("--seed", type=int, default=0, help="the first one")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--save", type=Path, help="a Parquet file for all rows")
    args, console, rows = parser.parse_args(), Console(width=150), []
    defenses = [use for use in DEFENSES if use not in args.without]
    for given in args.data:
        began = time.perf_counter()
        rows += judged(given, defenses, args)
        console.print(f"{given}: {time.perf_counter() - began:.0f} s")
    if args.save:
        pq.write_table(pa.Table.from_pylist(rows), args.save)
    report(rows, console)


if __name__ == "__main__":
    main()
