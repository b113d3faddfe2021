"""What the staged ascent does to a trained network, beside the ascent through the network itself.

Of each table and seed a split as an audit makes it, and `staged` as an audit runs it. Both write
poison for two ratios at some alphas; four networks, which differ in their first weights, are
trained on each. The figures are means over the seeds: the NMSE on the validation rows, by which
both aim, and on the test rows; the mean squared residual of the poison under a network of the clean
rows, over its validation error; and seconds of processor time, of all seeds, with compiling.

    MITHRIDATE_DATA=folder python benchmarks/staged.py [--tables …] [--seeds 0 1 2] [--alphas 1 0.3]
"""

import os

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import time

import numpy as np
from sklearn.base import clone

from mithridate import data
from mithridate.auditing.asked import strongest
from mithridate.bench import Spec
from mithridate.bench.judges import judge
from mithridate.bench.poisoning import batches, poison_of
from mithridate.bench.score import nmse
from mithridate.bench.worlds import world

RATIOS = [0.1, 0.2]
NETWORKS = 4


def trained(model, split, rows, state):
    """The network trained on the clean rows and these."""
    own = clone(model)
    own.regressor[-1].random_state = state
    X, y = np.vstack([split.train.X, rows.X]), np.append(split.train.y, rows.y)
    return own.fit(X, y)


def figures(model, split, rows):
    """NMSE on validation and test rows, and the risk."""
    made = [trained(model, split, rows, state) for state in range(NETWORKS)]
    errors = [[nmse(one, part) for part in (split.validation, split.test)] for one in made]
    clean = clone(model).fit(split.train.X, split.train.y)
    usual = np.mean((clean.predict(split.validation.X) - split.validation.y) ** 2)
    risk = np.mean((clean.predict(rows.X) - rows.y) ** 2) / usual
    return [*np.mean(errors, axis=0), risk]


def cells(name, use, seeds, alphas):
    """For each alpha and ratio the means over the seeds, and the seconds of all of it."""
    usual = strongest("mlp", alphas, "residual", "ideal", "through")["members"][0]
    attack = usual if use == "staged" else {"use": use, "alphas": alphas}
    spec = Spec.of({"ratios": RATIOS, "victim": {"use": "mlp"}, "attacks": [attack]})
    table, (_, model) = data.load(name), judge(spec)
    splits = [table.split(seed) for seed in seeds]
    worlds = [world(split, table.target, spec.threat) for split in splits]
    cut, began = batches(spec, len(splits[0].train.y)), time.process_time()
    ran = poison_of(spec.attacks[0], spec, worlds, seeds, cut, None)
    seconds = time.process_time() - began
    for a, alpha in enumerate(alphas):
        for ratio, p in zip(cut.ratios, cut.counts, strict=True):
            each = [figures(model, s, ran.piece(a, i, p).rows) for i, s in enumerate(splits)]
            yield alpha, ratio, *np.mean(each, axis=0), np.std(each, axis=0)[1], seconds


def main():
    """Reads the options, runs, prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tables", nargs="+", default=["boston", "diabetes"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--alphas", type=float, nargs="+", default=[1.0, 0.3])
    given = parser.parse_args()
    print("| table | attack | alpha | ratio | validation | test (sd of splits) | risk | seconds |")
    print("|---|---|---|---|---|---|---|---|")
    for name in given.tables:
        for use in ("ascent", "staged"):
            for row in cells(name, use, given.seeds, given.alphas):
                alpha, ratio, validation, test, risk, sd, seconds = row
                shown = f"{validation:.3f} | {test:.3f} ({sd:.3f}) | {risk:.1f} | {seconds:.0f}"
                print(f"| {name} | {use} | {alpha:g} | {ratio:g} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
