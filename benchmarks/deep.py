"""The rule of BayesClean on the predictive variance of networks, against poison made for a network.

For each table, `Ascent` at four alphas and `Flip`, ratios .1 to .3 and two splits, poison against
`MLP(steps=500, truncate=100)` is made once; a network is trained on what each defense keeps. Gain
is (poisoned - defended) / poisoned test error. Printed: the mean gain by alpha, shares rejected of
poison and of clean rows, cells with a gain below -.05, seconds a table.

    python benchmarks/deep.py --data FOLDER                # with boston, heart, appliances_energy
    python benchmarks/deep.py --data FOLDER --keep POISON  # keeps the poison there, for next time
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
from deep_variants import dropout, kept, last_layer, plain
from sklearn.base import clone

from mithridate.attack.attacks import Ascent, Flip
from mithridate.attack.objective import Ideal
from mithridate.attack.risks import Residual
from mithridate.attack.threat import edges
from mithridate.attack.victims import MLP
from mithridate.bench.judges import judge
from mithridate.bench.spec import Spec, ThreatSpec
from mithridate.bench.sweep import Attacker, sweep
from mithridate.bench.worlds import world
from mithridate.data import load
from mithridate.defenses import Antidote, BayesClean, DeepBayesClean, Trim

ALPHAS, RATIOS = [1.0, 0.6, 0.3, 0.1], [0.1, 0.2, 0.3]
TABLES = {
    "boston": ("medv", [], []),
    "heart": ("num", ["cp", "restecg", "slope", "thal"], []),
    "diabetes": (None, [], []),
    "appliances_energy": ("Appliances", [], ["date", "rv1", "rv2"]),
}
DEVELOPED = ["boston", "heart"]
_, NETWORK = judge(Spec.of({"victim": {"use": "mlp"}}))


def poison(name, folder, keep):
    """Splits and poison of a table, as arrays."""
    if keep and (file := keep / f"{name}.npz").exists():
        return np.load(file)
    target, categorical, drop = TABLES[name]
    source = name if target is None else folder / f"{name}.csv"
    data = load(source, target, categorical=categorical, drop=drop)
    seeds = [0, 1] if name in DEVELOPED else [10, 11]
    splits = [data.split(seed) for seed in seeds]
    worlds = [world(split, data.target, ThreatSpec()) for split in splits]
    cuts, made = edges(len(splits[0].train.y), RATIOS), {}
    for key, attack in (("a", Ascent()), ("f", Flip())):
        victim = MLP(steps=500, truncate=100)
        attacker = Attacker(attack, victim, Residual(), Ideal())
        run = sweep(attacker, worlds, seeds, ALPHAS, cuts)
        made |= {f"{key}X": run.X, f"{key}y": run.y, "cuts": np.array(cuts)}
    for i, split in enumerate(splits):
        for part in ("train", "test"):
            made |= {f"{part}X{i}": getattr(split, part).X, f"{part}y{i}": getattr(split, part).y}
    if keep:
        np.savez(keep / f"{name}.npz", **made)
    return made


def cells(d, unpoisoned):
    """Alpha (None: flips), rows, which are poison, and test rows, of each poisoned table."""
    for i, key in ((i, key) for i in (0, 1) for key in "af"):
        for a, alpha in enumerate(ALPHAS if key == "a" else [None]):
            for p in [0] if unpoisoned else d["cuts"][1:]:
                X = np.concatenate([d[f"trainX{i}"], d[f"{key}X"][a, i, :p]])
                y = np.concatenate([d[f"trainy{i}"], d[f"{key}y"][a, i, :p]])
                order = np.random.default_rng(i).permutation(len(y))
                bad = (np.arange(len(y)) >= len(y) - p)[order]
                yield alpha, X[order], y[order], bad, d[f"testX{i}"], d[f"testy{i}"]


def fitted(defense):
    return lambda X, y, bad: defense(bad).fit(X, y).inlier_mask_


DEFENSES = {
    "oracle": lambda X, y, bad: ~bad,
    "BayesClean": fitted(lambda bad: BayesClean()),
    "Antidote": fitted(lambda bad: Antidote()),
    "TRIM with the network, told": fitted(
        lambda bad: Trim(clone(NETWORK), contamination=bad.mean())
    ),
    "ensemble": lambda X, y, bad: kept(X, y, plain, False),
    "ensemble, 5 folds": lambda X, y, bad: kept(X, y, plain, True),
    "dropout": lambda X, y, bad: kept(X, y, dropout, False, 1),
    "dropout, 5 folds": lambda X, y, bad: kept(X, y, dropout, True, 1),
    "last layer": lambda X, y, bad: kept(X, y, last_layer, False),
    "last layer, 5 folds": lambda X, y, bad: kept(X, y, last_layer, True),
    "DeepBayesClean": fitted(lambda bad: DeepBayesClean()),
}


def judged(name, args):
    """Rows (alpha, defense, gain, share of poison and of clean rows rejected, seconds)."""
    made = poison(name, args.data, args.keep)
    for alpha, X, y, bad, X_test, y_test in cells(made, args.unpoisoned):

        def error(mask, X=X, y=y, X_test=X_test, y_test=y_test):
            return np.mean((clone(NETWORK).fit(X[mask], y[mask]).predict(X_test) - y_test) ** 2)

        before = error(np.ones(len(y), bool))
        for label, defense in DEFENSES.items():
            began = time.perf_counter()
            mask = defense(X, y, bad)
            seconds = time.perf_counter() - began
            rejected = (~mask)[bad].mean(), (~mask)[~bad].mean()
            yield alpha, label, 1 - error(mask) / before, *rejected, seconds


def report(title, rows):
    heads = [f"alpha {a:g}" for a in ALPHAS] + ["flip", "poison", "clean", "harmed", "least", "s"]
    print(f"\n{title}: {len(rows) // len(DEFENSES)} tables")
    print("| defense | " + " | ".join(heads) + " |\n|" + "---|" * (len(heads) + 1))
    for label in DEFENSES:
        own = [row for row in rows if row[1] == label]
        means = [np.mean([row[2] for row in own if row[0] == a]) for a in [*ALPHAS, None]]
        gains, tpr, fpr, seconds = np.array([row[2:] for row in own]).T
        figures = [f"{m:.3f}" for m in means] + [f"{tpr.mean():.2f}", f"{fpr.mean():.2f}"]
        harmed = f"{(gains < -0.05).sum()}/{len(own)}"
        figures += [harmed, f"{gains.min():.2f}", f"{seconds.mean():.2f}"]
        print("|", " | ".join([label, *figures]), "|")


def main():
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, help="folder with the CSV files")
    parser.add_argument("--tables", nargs="*", choices=TABLES, help="only these")
    parser.add_argument("--keep", type=Path, help="folder for the poison, used again if there")
    parser.add_argument("--unpoisoned", action="store_true", help="the same tables without poison")
    args = parser.parse_args()
    warnings.simplefilter("ignore")  # a network that stops early is what it is
    names = args.tables or [name for name in TABLES if args.data or TABLES[name][0] is None]
    every = {name: list(judged(name, args)) for name in names}
    groups = {"developed on": DEVELOPED, "held out": TABLES.keys() - DEVELOPED}
    groups |= {name: [name] for name in names}
    for title, group in groups.items():
        if rows := [row for name in group for row in every.get(name, [])]:
            report(title, rows)


if __name__ == "__main__":
    main()
