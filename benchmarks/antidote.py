"""Antidote against TRIM told the ratio, BayesClean, Huber, least trimmed squares, and the oracle.

For each table, attack, alpha, ratio and seed the poison is made once and every defense judged on
it. Two groups of tables: those that Antidote was developed on, with seeds 0 to 2, and those kept
for the end, with seeds 10 to 12. Printed for each group and table:

- `found`: cells in which at least 90 % of the oracle's gain was recovered, of those with ratio
  <= .3 in which the oracle gains at least .1, with a 95 % interval (bootstrap over the splits);
- `harmed`: poisoned cells with a gain below -.05; the least and the mean gain;
- of the unpoisoned tables: the largest share of rows rejected, and the least gain.

    python benchmarks/antidote.py                         # the bundled and synthetic tables
    python benchmarks/antidote.py --data FOLDER           # and the CSV files named below
    python benchmarks/antidote.py --quick                 # one table, one seed, two alphas
    python benchmarks/antidote.py --trusted 30            # with trusted rows, ratios to .6
"""

import argparse
import itertools
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import sklearn.datasets
from rich.console import Console
from rich.table import Table
from scipy.special import ndtri

from mithridate.bayes import BayesianRegression
from mithridate.bench import Spec, run
from mithridate.defenses import BaseDefense
from mithridate.moments import Moments

ALPHAS = [1.0, 0.6, 0.45, 0.3, 0.1]
RATIOS = [0.1, 0.2, 0.3, 0.4]
HERE = Path(__file__).stem

FILES: dict[str, dict[str, Any]] = {
    "boston": {"target": "medv"},
    "heart": {"target": "num", "categorical": ["cp", "restecg", "slope", "thal"]},
    "appliances_energy": {"target": "Appliances", "drop": ["date", "rv1", "rv2"]},
    "loan": {"target": "int_rate", "drop": ["grade", "sub_grade"]},
    "house_manipml": {"target": "SalePrice"},
}
DEVELOPED = ["boston", "heart", "appliances_energy", "loan"]
HELD_OUT = ["diabetes", "wine", "friedman1", "linear", "cancer", "house_manipml"]


class Lts(BaseDefense):
    """Least trimmed squares on half of the rows, and back to all within 2.5 σ, repeatedly."""

    keeps_clean: ClassVar[float] = 0.0

    def _find_inliers(self, X, y, sample_weight):
        scale = X.std(axis=0)
        Z, rng = (X - X.mean(axis=0)) / np.where(scale > 0, scale, 1.0), np.random.default_rng(0)
        n, d = X.shape
        size = min(max(d + 2, 10), (n + 1) // 2)
        starts = [np.ones(n, bool)]
        starts += [np.isin(np.arange(n), rng.permutation(n)[:size]) for _ in range(49)]
        some = sorted((self._concentrated(Z, y, s, 2) for s in starts), key=lambda s: s[0])[:8]
        core = min((self._concentrated(Z, y, m, 50) for _, m in some), key=lambda s: s[0])[1]
        within = float(ndtri((1 + core.mean()) / 2))
        for _ in range(30):
            model = BayesianRegression.of(Moments.of(X[core], y[core], np.ones(core.sum())))
            density = np.exp(-(within**2) / 2) / np.sqrt(2 * np.pi)
            left = 1 - 2 * within * density / core.mean() if within < 2.5 else 0.911
            self.scores_ = model.zscores(X, y) * np.sqrt(max(left, 0.05))
            previous, core, within = core, self.scores_ <= 2.5, 2.5
            if np.array_equal(previous, core):
                break
        self.threshold_ = 2.5
        return core

    def _concentrated(self, Z, y, mask, steps):
        square = np.zeros(len(y))
        for _ in range(steps):
            coef, intercept = Moments.of(Z, y, mask * 1.0).ridge(1e-3)
            square = (y - Z @ coef - intercept) ** 2
            previous, mask = mask, np.zeros(len(y), bool)
            mask[np.argsort(square, kind="stable")[: (len(y) + 1) // 2]] = True
            if np.array_equal(previous, mask):
                break
        return square[mask].sum(), mask


class Alone(BaseDefense):
    """The model fitted on the trusted rows and nothing else."""

    needs_trusted: ClassVar[bool] = True
    uses_trusted: ClassVar[bool] = True
    _trusted: tuple[np.ndarray, np.ndarray]

    def _find_inliers(self, X, y, sample_weight, trusted=None):
        assert trusted is not None  # the base has seen to it
        self._trusted, self.scores_ = trusted, np.zeros(len(y))
        return np.ones(len(y), bool)

    def _fit_kept(self, X, y, sample_weight, mask):
        Xt, yt = self._trusted
        return self._fit_estimator(Xt, yt, None, np.ones(len(yt), bool))


def synthetic(name: str):
    """A table made by scikit-learn, as a dict of columns, and its target."""
    if name in ("wine", "cancer"):
        load = {"wine": sklearn.datasets.load_wine, "cancer": sklearn.datasets.load_breast_cancer}
        bunch: Any = load[name]()
        names = [str(n) for n in bunch.feature_names]
        columns = dict(zip(names, np.transpose(bunch.data), strict=True))
        columns = {n: c for n, c in columns.items() if "error" not in n}
        return columns, {"wine": "alcohol", "cancer": "worst smoothness"}[name]
    if name == "friedman1":
        X, y = sklearn.datasets.make_friedman1(1500, 10, noise=1.0, random_state=5)
    else:
        made: Any = sklearn.datasets.make_regression(
            1500, 20, n_informative=10, noise=60.0, random_state=6
        )
        X, y = made
    return {**{f"x{i}": c for i, c in enumerate(X.T)}, "y": y}, "y"


def judged(name: str, folder: Path | None, seed: int, args) -> list[dict[str, Any]]:
    """All rows of the results of one table."""
    frame, data = None, {}
    if name in FILES:
        data = {"source": str(folder / f"{name}.csv"), **FILES[name]} if folder else {}
    elif name == "diabetes":
        data = {"source": name}
    else:
        columns, target = synthetic(name)
        frame, data = pa.table(columns), {"source": "frame", "target": target}
    if args.trusted:
        defenses = [{"use": args.antidote, "trusted": args.trusted}]
        defenses += [{"use": f"{HERE}:Alone", "trusted": args.trusted}]
        defenses += [{"use": "duti", "trusted": args.trusted}]
    else:
        defenses = [{"use": args.antidote}, {"use": "trim"}, {"use": "bayesclean"}]
        defenses += [{"use": "huber"}, {"use": f"{HERE}:Lts"}]
    alphas = [1.0, 0.3] if args.quick else ALPHAS
    attacks = [{"use": "ascent", "alphas": alphas, "normalizer": args.normalizer}]
    attacks += [{"use": use} for use in args.attacks]
    spec = Spec.of(
        {
            "seed": seed,
            "seeds": 1 if args.quick else args.seeds,
            "ratios": [*RATIOS, 0.5, 0.6] if args.trusted else RATIOS,
            "data": data,
            "attacks": attacks,
            "defenses": defenses,
        }
    )
    rows = run(spec, frame).table.to_pylist()
    failed = [row for row in rows if row["status"] == "failed"]
    if failed:
        raise SystemExit(f"{name}: {failed[0]['defense']} failed: {failed[0]['message']}")
    return [{**row, "dataset": name, "defense": row["defense"].split(":")[-1]} for row in rows]


def eligible(row) -> bool:
    """Whether there is something to be found, and few enough poison rows to find it."""
    return row["attack"] != "none" and row["ratio"] < 0.31 and row["gain_oracle"] >= 0.1


def interval(rows) -> tuple[float, float]:
    """95 % interval of the share found: bootstrap over the splits, whose cells hang together."""
    splits: dict[Any, list[bool]] = {}
    for row in filter(eligible, rows):
        key = row["dataset"], row["seed"]
        splits.setdefault(key, []).append(row["gain"] >= 0.9 * row["gain_oracle"])
    counts = np.array([[sum(s), len(s)] for s in splits.values()])
    drawn = np.random.default_rng(0).integers(len(counts), size=(4000, len(counts)))
    sums = counts[drawn].sum(axis=1)
    low, high = np.quantile(sums[:, 0] / sums[:, 1], [0.025, 0.975])
    return float(low), float(high)


def line(rows) -> list[str]:
    """The figures of one defense over some cells."""
    some = [r for r in rows if eligible(r)]
    poisoned = [r for r in rows if r["attack"] != "none"]
    clean = [r for r in rows if r["attack"] == "none"]
    found = sum(r["gain"] >= 0.9 * r["gain_oracle"] for r in some)
    low, high = interval(rows) if some else (0.0, 0.0)
    gains = [r["gain"] for r in poisoned]
    return [
        f"{found}/{len(some)}",
        f"{found / max(len(some), 1):.2f} ({low:.2f} to {high:.2f})",
        f"{sum(g < -0.05 for g in gains)}/{len(gains)}",
        f"{min(gains):.2f}",
        f"{np.mean(gains):.3f}",
        f"{max(1 - r['kept'] for r in clean):.2f}",
        f"{min(r['gain'] for r in clean):.2f}",
    ]


def report(rows, title: str, console: Console) -> None:
    """One table for a group, and the cells in which Antidote does most harm."""
    columns = "tables", "defense", "found", "share (95 %)", "harmed", "least", "mean"
    table = Table(*columns, "clean: rejected", "clean: gain", title=title)
    names = list(dict.fromkeys(r["dataset"] for r in rows))
    defenses = [d for d in dict.fromkeys(r["defense"] for r in rows) if d != "none"]
    groups = [[n] for n in names] + [names] * (len(names) > 1)
    for some in groups:
        label = some[0] if len(some) == 1 else "all"
        for defense in defenses:
            chosen = [r for r in rows if r["defense"] == defense and r["dataset"] in some]
            table.add_row(label, defense, *line(chosen))
        table.add_section()
    console.print(table)
    cells = {}
    for row in rows:
        key = tuple(row[k] for k in ("dataset", "attack", "alpha", "ratio", "seed"))
        cells.setdefault(key, {})[row["defense"]] = row["gain"]
    ours = next(d for d in defenses if "ntidote" in d)
    worst = sorted(cells, key=lambda k: cells[k][ours] - cells[k]["oracle"])[:8]
    for key in worst:
        console.print(*key, " ".join(f"{d} {g:.2f}" for d, g in cells[key].items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, help="folder with " + ", ".join(FILES))
    parser.add_argument("--tables", nargs="*", help="only these")
    parser.add_argument("--attacks", nargs="*", default=["flip", "statp"], help="beside ascent")
    parser.add_argument("--normalizer", default="incremental", help="of the ascent")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--trusted", type=int, help="how many trusted rows")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--antidote", default="antidote", help="how it is called")
    parser.add_argument("--save", type=Path, help="a Parquet file for all rows")
    args = parser.parse_args()
    console, every = Console(width=150), []
    for title, group, seed in (("developed on", DEVELOPED, 0), ("held out", HELD_OUT, 10)):
        names = [n for n in group if n not in FILES or args.data]
        names = [n for n in names if not args.tables or n in args.tables]
        names = names[:1] if args.quick else names
        rows = list(itertools.chain(*(judged(n, args.data, seed, args) for n in names)))
        if rows:
            report(rows, title, console)
        every += rows
    if args.save:
        pq.write_table(pa.Table.from_pylist(every), args.save)


if __name__ == "__main__":
    main()
