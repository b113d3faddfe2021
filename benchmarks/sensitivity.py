"""BayesClean at c2 = 1, 1.5 and 2 beside TRIM told the ratio, at 30 % poison (Experiment 3).

What each rejects of the clean rows and of the poison, over the alphas of the stealthy attack, and
the mean test defense gain. Two kinds of BayesClean: with its own c1, where the flagged rows
c1 < z <= c2 go as well as soon as they are too many, and with c1 = c2, where c2 is the one cut.

    python benchmarks/sensitivity.py                                # the bundled diabetes data
    python benchmarks/sensitivity.py FILE:TARGET[:CATEGORICAL]      # heart.csv:num:cp,thal
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
from typing import Any

import numpy as np
from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from mithridate.bench import Spec, run

ALPHAS = [1.0, 0.6, 0.3, 0.1]
RATIO, CUTS = 0.3, (1.0, 1.5, 2.0)
DEFENSES: dict[str, dict[str, Any]] = {
    **{f"BayesClean, c2 = {c:g}": {"use": "bayesclean", "c2": c} for c in CUTS},
    **{f"c1 = c2 = {c:g}": {"use": "bayesclean", "c1": c, "c2": c} for c in CUTS},
    "TRIM told the ratio": {"use": "trim"},
}
UNDEFENDED = ["none", "oracle"]


def judged(args) -> list[tuple[str, dict[str, Any]]]:
    """The rows of the results, each with the label of its defense."""
    source, target, categorical = [*args.data.split(":"), "", ""][:3]
    data: dict[str, Any] = {"source": source}
    if target:
        data |= {"target": target, "categorical": [c for c in categorical.split(",") if c]}
    attack = {"use": "ascent", "alphas": ALPHAS, "normalizer": args.normalizer}
    spec = Spec.of(
        {
            "seeds": args.seeds,
            "ratios": [RATIO],
            "data": data,
            "attacks": [attack],
            "defenses": list(DEFENSES.values()),
        }
    )
    rows = run(spec).table.to_pylist()
    # The results name a defense without its options, but keep the order of the spec.
    labels = [*UNDEFENDED, *DEFENSES] * (len(rows) // (len(UNDEFENDED) + len(DEFENSES)))
    uses = [d["use"] for d in DEFENSES.values()]
    some = list(zip(labels, rows, strict=True))
    for label, row in some:
        if row["status"] == "failed":
            raise SystemExit(f"{label} failed: {row['message']}")
        if label in DEFENSES and row["defense"] not in uses:
            raise SystemExit(f"The row of {label} is one of {row['defense']}.")
    return some


def mean(rows: list[dict[str, Any]], figure: str) -> str:
    return f"{np.mean([row[figure] for row in rows]):.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", nargs="?", default="diabetes", metavar="FILE:TARGET[:CATEGORICAL]")
    parser.add_argument("--normalizer", default="incremental", help="of the attack")
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    some = judged(args)
    heads = [f"alpha {alpha:g}" for alpha in ALPHAS]
    title = f"False / true positive rate, mean gain, at ratio {RATIO:g}, {args.seeds} seeds"
    table = Table("defense", *heads, "unpoisoned", title=title, box=MARKDOWN)
    for label in ["oracle", *DEFENSES]:
        cells = []
        for alpha in ALPHAS:
            rows = [r for name, r in some if name == label and r["alpha"] == alpha]
            figures = (mean(rows, k) for k in ("fpr", "tpr", "gain"))
            cells.append("{} / {}, {}".format(*figures))
        rows = [r for name, r in some if name == label and r["attack"] == "none"]
        table.add_row(label, *cells, f"{mean(rows, 'fpr')}, {mean(rows, 'gain')}")
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
